"""The ledger, quarantine and the message centre. For administrators."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from gateway.desk import Desk
from gateway.http.api.common import Body, Cursor, Ident, Limit, Rows, before, paged, router
from gateway.http.api.tickets import OCTETS, raw_response
from gateway.http.sessions import Who
from gateway.model import AttemptRow, IntakeRow, IntakeTrace, OutboxRow

State = Literal["queued", "sent", "failed", "cancelled", "held", "refused", "bounced"]


class Replay(Body):
    """How to judge a held mail again; released, whatever held it counts no more."""

    release: bool = Field(False)


def ledger_routes(desk: Desk) -> APIRouter:
    """Return the routes of mails in and out."""
    routes = router(desk, "ledger")
    admin = desk.administration

    @routes.get("/intakes", operation_id="listIntakes")
    async def intakes(who: Who, limit: Limit = 100, cursor: Cursor = None) -> Rows[IntakeRow]:
        """List accepted mails, one row for each recipient."""
        return paged(await admin.intakes(who, limit=limit, before=before(cursor)), limit)

    @routes.get(
        "/intakes/{ident}/raw",
        operation_id="getIntakeRaw",
        response_class=Response,
        responses=OCTETS,
    )
    async def raw(who: Who, ident: Ident) -> Response:
        """Return a mail as it came."""
        return raw_response(await admin.raw(who, ident), f"intake-{ident}.eml")

    @routes.get("/trace", operation_id="trace")
    async def trace(who: Who, what: Annotated[str, Query(min_length=1, max_length=1000)]) -> Rows[IntakeTrace]:
        """Tell what became of the mails with this number, Message-ID or address."""
        return Rows(await admin.trace(who, what))

    @routes.get("/quarantine", operation_id="listQuarantine")
    async def quarantine(who: Who, limit: Limit = 100, cursor: Cursor = None) -> Rows[IntakeRow]:
        """List what is held."""
        return paged(await admin.quarantine(who, limit=limit, before=before(cursor)), limit)

    @routes.post("/quarantine/{ident}/replay", operation_id="replay", status_code=204)
    async def replay(who: Who, ident: Ident, body: Replay) -> None:
        """Judge a held mail again."""
        await admin.replay(who, ident, release=body.release)

    @routes.get("/outbox", operation_id="listOutbox")
    async def outbox(
        who: Who,
        limit: Limit = 100,
        cursor: Cursor = None,
        state: State | None = None,
        channel: Annotated[str | None, Query(max_length=100)] = None,
    ) -> Rows[OutboxRow]:
        """List deliveries, one for each recipient of each mail of ours."""
        return paged(await admin.outbox(who, limit=limit, before=before(cursor), state=state, channel=channel), limit)

    @routes.get("/outbox/{ident}/attempts", operation_id="listAttempts")
    async def attempts(who: Who, ident: Ident) -> Rows[AttemptRow]:
        """List the attempts under a delivery."""
        return Rows(await admin.attempts(who, ident))

    @routes.post("/outbox/{ident}/retry", operation_id="retryDelivery", status_code=204)
    async def retry(who: Who, ident: Ident) -> None:
        """Send again at once."""
        await admin.retry(who, ident)

    @routes.post("/outbox/{ident}/cancel", operation_id="cancelDelivery", status_code=204)
    async def cancel(who: Who, ident: Ident) -> None:
        """Never send it."""
        await admin.cancel(who, ident)

    @routes.post("/outbox/{ident}/hold", operation_id="holdDelivery", status_code=204)
    async def hold(who: Who, ident: Ident) -> None:
        """Keep it until it is retried or cancelled."""
        await admin.hold(who, ident)

    return routes
