"""How everything goes, lists and limits. For administrators; what the configuration owns is only shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from gateway.desk import Desk
from gateway.desk.administration import ChannelState, ForwarderSeen, LimitRow, QueueState
from gateway.http.api.common import Body, Rows, router
from gateway.http.sessions import Who
from gateway.model import BlockRow, BreakerRow, InboxRow, Statistics, SuppressionRow

Name = Annotated[str, Path(max_length=100)]


class Because(Body):
    """Why; it is shown beside what was done."""

    because: str = Field("", max_length=500)


class NewPattern(Body):
    """A pattern for the loop blocklist."""

    pattern: str = Field(min_length=1, max_length=320)
    reason: str = Field("", max_length=500)


def admin_routes(desk: Desk) -> APIRouter:
    """Return the routes of administration."""
    routes = router(desk, "administration", prefix="/admin")
    state_routes(routes, desk)
    list_routes(routes, desk)
    return routes


def state_routes(routes: APIRouter, desk: Desk) -> None:
    """Add how everything goes."""
    admin = desk.administration

    @routes.get("/statistics", operation_id="getStatistics")
    async def statistics(who: Who) -> Statistics:
        """Tell what waits where."""
        return await admin.statistics(who)

    @routes.get("/queues", operation_id="listQueueStates")
    async def queues(who: Who) -> Rows[QueueState]:
        """List the queues with their breakers."""
        return Rows(await admin.queues(who))

    @routes.get("/channels", operation_id="listChannels")
    async def channels(who: Who) -> Rows[ChannelState]:
        """List the ways out with what waits on them."""
        return Rows(await admin.channels(who))

    @routes.post("/channels/{name}/pause", operation_id="pauseChannel", status_code=204)
    async def pause(who: Who, name: Name, body: Because) -> None:
        """Hand out nothing of a channel any more."""
        await admin.pause(who, name, body.because)

    @routes.post("/channels/{name}/resume", operation_id="resumeChannel", status_code=204)
    async def resume(who: Who, name: Name) -> None:
        """End a pause."""
        await admin.resume(who, name)

    @routes.get("/inboxes", operation_id="listInboxes")
    async def inboxes(who: Who) -> Rows[InboxRow]:
        """Tell how the direct inboxes go."""
        return Rows(await admin.inboxes(who))

    @routes.get("/forwarders", operation_id="listForwarders")
    async def forwarders(who: Who) -> Rows[ForwarderSeen]:
        """List the forwarders that were seen."""
        return Rows(await admin.forwarders(who))

    @routes.get("/configuration", operation_id="getConfiguration")
    async def configuration(who: Who) -> Mapping[str, Any]:
        """Show the configuration as it was loaded, without secrets."""
        return admin.configuration(who)

    @routes.get("/check", operation_id="check")
    async def check(who: Who) -> Rows[str]:
        """Say what `poterne check` says of the configuration now, one problem a row."""
        return Rows(admin.check(who))


def list_routes(routes: APIRouter, desk: Desk) -> None:
    """Add lists and limits."""
    admin = desk.administration

    @routes.get("/blocklist", operation_id="listBlocklist")
    async def blocklist(who: Who) -> Rows[BlockRow]:
        """List the stored patterns of the loop blocklist."""
        return Rows(await admin.blocklist(who))

    @routes.post("/blocklist", operation_id="block", status_code=204)
    async def block(who: Who, body: NewPattern) -> None:
        """Never send to these addresses."""
        await admin.block(who, body.pattern, body.reason)

    @routes.delete("/blocklist", operation_id="unblock", status_code=204)
    async def unblock(who: Who, pattern: Annotated[str, Query(max_length=320)]) -> None:
        """Remove a stored pattern."""
        await admin.unblock(who, pattern)

    @routes.get("/suppressions", operation_id="listSuppressions")
    async def suppressions(who: Who) -> Rows[SuppressionRow]:
        """List the addresses that get no automatic mail for a while."""
        return Rows(await admin.suppressions(who))

    @routes.delete("/suppressions", operation_id="liftSuppression", status_code=204)
    async def lift(who: Who, address: Annotated[str, Query(max_length=320)]) -> None:
        """Let an address get automatic mail again."""
        await admin.lift(who, address)

    @routes.get("/limits", operation_id="listLimits")
    async def limits(who: Who) -> Rows[LimitRow]:
        """List the limits of the bound in force."""
        return Rows(admin.limits(who))

    @routes.get("/breakers", operation_id="listBreakers")
    async def breakers(who: Who) -> Rows[BreakerRow]:
        """List the breakers that were ever tripped, with the reason."""
        return Rows(await admin.breakers(who))

    @routes.post("/breakers/{name}/reset", operation_id="resetBreaker", status_code=204)
    async def reset(who: Who, name: Name) -> None:
        """Close an open breaker; the limits count on."""
        await admin.reset_breaker(who, name)
