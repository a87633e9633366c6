"""Administration: how everything goes, messages, quarantine, lists and limits. What YAML owns is only shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.config.settings import Settings
from gateway.desk.access import need_admin
from gateway.desk.nouns import Principal
from gateway.desk.ports import AdminBooks
from gateway.desk.webhooks import LONGEST_REASON, shown_url
from gateway.errors import NotFound, NotSendable
from gateway.mail.address import is_valid
from gateway.model import (
    AttemptRow,
    BlockRow,
    BreakerRow,
    ChannelDepth,
    InboxRow,
    IntakeRow,
    IntakeTrace,
    OutboxRow,
    PauseRow,
    Statistics,
    SuppressionRow,
)
from gateway.ports import Operations, Reader
from gateway.rules.forwarders import is_configured

LONGEST_PATTERN = 320


class Books(AdminBooks, Operations, Reader, Protocol):
    """What administration needs of the store."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as the configuration has it."""

    key: str
    name: str
    colour: str
    creation_addresses: tuple[str, ...]
    inboxes: tuple[str, ...]
    forwarders: tuple[str, ...]
    reply_via: str
    acknowledge: bool
    breaker: BreakerRow | None = None


@dataclass(frozen=True, slots=True)
class ChannelState:
    """A way out and how it goes."""

    name: str
    type: str
    host: str
    depth: ChannelDepth | None = None
    paused: PauseRow | None = None


@dataclass(frozen=True, slots=True)
class ForwarderSeen:
    """Somebody who re-sends to us, as it was seen."""

    queue: str
    forwarder: str
    mails: int
    last_at: datetime
    configured: bool
    line: str = ""  # of the configuration, that would make it known


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit of the bound on automatic mail."""

    scope: str
    window: str
    count: int


class Administration:
    """What administrators see and do. Everything raises Forbidden for others."""

    def __init__(
        self,
        books: Books,
        settings: Callable[[], Settings],
        wake: Callable[[], None],
        check: Callable[[], Sequence[str]],
    ) -> None:
        self._books, self._settings, self._wake, self._check = books, settings, wake, check

    # --- how it goes ------------------------------------------------------------------------------------------

    async def statistics(self, who: Principal) -> Statistics:
        """Return what waits where."""
        need_admin(who)
        return await self._books.statistics()

    async def queues(self, who: Principal) -> Sequence[QueueState]:
        """Return the queues with their breakers."""
        need_admin(who)
        breakers = {row.queue: row for row in await self._books.list_breakers()}
        return [
            QueueState(
                key=key,
                name=queue.name,
                colour=queue.colour,
                creation_addresses=tuple(item.address for item in queue.addresses),
                inboxes=queue.inboxes,
                forwarders=queue.forwarders,
                reply_via=queue.reply_via,
                acknowledge=queue.acknowledge,
                breaker=breakers.get(key),
            )
            for key, queue in self._settings().queues.items()
        ]

    async def channels(self, who: Principal) -> Sequence[ChannelState]:
        """Return the ways out with what waits on them."""
        need_admin(who)
        statistics = await self._books.statistics()
        depths = {row.channel: row for row in statistics.outbox}
        pauses = {row.channel: row for row in statistics.pauses}
        return [
            ChannelState(name, item.type, item.host or "", depths.get(name), pauses.get(name))
            for name, item in self._settings().ways_out.items()
        ]

    async def inboxes(self, who: Principal) -> Sequence[InboxRow]:
        """Return how the direct inboxes go."""
        need_admin(who)
        return await self._books.inbox_rows()

    async def forwarders(self, who: Principal) -> Sequence[ForwarderSeen]:
        """Return the forwarders that were seen lately, and the line to set for those that are not configured."""
        need_admin(who)
        queues = self._settings().queues
        found = []
        for queue, name, mails, last, line in await self._books.forwarders_seen(100):
            known = queue in queues and is_configured(name, queues[queue].forwarders)
            found.append(ForwarderSeen(queue, name, mails, last, known, "" if known else line))
        return found

    def configuration(self, who: Principal) -> Mapping[str, Any]:
        """Return the configuration as it was loaded. Secrets show where they come from, never what they are."""
        need_admin(who)
        shown: dict[str, Any] = hide(self._settings().model_dump(mode="json", by_alias=True))
        return shown

    def check(self, who: Principal) -> Sequence[str]:
        """Return what `poterne check` would say of the configuration now, one problem a line."""
        need_admin(who)
        return self._check()

    def limits(self, who: Principal) -> Sequence[LimitRow]:
        """Return the limits of the bound in force."""
        need_admin(who)
        bound = self._settings().loop_protection.limits
        return [
            LimitRow(scope, window, count)
            for scope in type(bound).model_fields
            for window, count in getattr(bound, scope).items()
        ]

    # --- the ledger -------------------------------------------------------------------------------------------

    async def trace(self, who: Principal, what: str) -> Sequence[IntakeTrace]:
        """Return what became of the mails with this number, Message-ID or address."""
        need_admin(who)
        return await self._books.trace(what[:1000])

    async def intakes(self, who: Principal, *, limit: int = 100, before: int | None = None) -> Sequence[IntakeRow]:
        """Return accepted mails, newest first."""
        need_admin(who)
        return await self._books.list_intakes(limit, before)

    async def raw(self, who: Principal, intake: int) -> bytes:
        """Return a mail as it came."""
        need_admin(who)
        return await self._books.raw(intake)

    async def quarantine(self, who: Principal, *, limit: int = 100, before: int | None = None) -> Sequence[IntakeRow]:
        """Return what is held, newest first."""
        need_admin(who)
        return await self._books.list_quarantine(limit, before)

    async def replay(self, who: Principal, intake: int, *, release: bool) -> None:
        """Judge a held mail again; with `release`, whatever held it counts no more. Raises NotFound."""
        need_admin(who)
        if not await self._books.replay_intake(intake, release=release):
            raise NotFound("this mail is not held any more")
        self._wake()

    # --- the message centre -----------------------------------------------------------------------------------

    async def outbox(
        self,
        who: Principal,
        *,
        limit: int = 100,
        before: int | None = None,
        state: str | None = None,
        channel: str | None = None,
    ) -> Sequence[OutboxRow]:
        """Return deliveries, newest first."""
        need_admin(who)
        return await self._books.find_deliveries(limit, before, state, channel)

    async def attempts(self, who: Principal, delivery: int) -> Sequence[AttemptRow]:
        """Return the attempts under a delivery."""
        need_admin(who)
        return await self._books.attempts(delivery)

    async def retry(self, who: Principal, delivery: int) -> None:
        """Send again at once."""
        need_admin(who)
        await self._books.retry_delivery(delivery, who.agent.shown)
        self._wake()

    async def cancel(self, who: Principal, delivery: int) -> None:
        """Never send it."""
        need_admin(who)
        await self._books.cancel_delivery(delivery, who.agent.shown)

    async def hold(self, who: Principal, delivery: int) -> None:
        """Keep it until it is retried or cancelled."""
        need_admin(who)
        await self._books.hold_delivery(delivery, who.agent.shown)

    async def pause(self, who: Principal, channel: str, because: str) -> None:
        """Hand out nothing of a channel any more."""
        need_admin(who)
        if channel not in self._settings().ways_out:
            raise NotFound("there is no such channel")
        await self._books.pause_channel(channel, f"{because[:LONGEST_REASON]} ({who.agent.shown})")

    async def resume(self, who: Principal, channel: str) -> None:
        """End a pause. Raises NotFound if there is none."""
        need_admin(who)
        if not await self._books.resume_channel(channel):
            raise NotFound("this channel is not paused")
        self._wake()

    # --- lists ------------------------------------------------------------------------------------------------

    async def blocklist(self, who: Principal) -> Sequence[BlockRow]:
        """Return the stored patterns; those of the configuration stand in `configured_blocklist`."""
        need_admin(who)
        return await self._books.list_blocklist()

    def configured_blocklist(self, who: Principal) -> Sequence[str]:
        """Return the patterns of the configuration."""
        need_admin(who)
        return self._settings().loop_protection.blocklist

    async def block(self, who: Principal, pattern: str, reason: str) -> None:
        """Add a pattern: an address, a domain or a wildcard."""
        need_admin(who)
        pattern = pattern.strip().lower()
        if not sound_pattern(pattern):
            raise NotSendable("write an address, a domain such as example.org, or a wildcard such as noreply@*")
        await self._books.block(pattern, reason[:LONGEST_REASON], who.agent.shown)

    async def unblock(self, who: Principal, pattern: str) -> None:
        """Remove a stored pattern. Raises NotFound."""
        need_admin(who)
        if not await self._books.unblock(pattern):
            raise NotFound("there is no such pattern")

    async def suppressions(self, who: Principal) -> Sequence[SuppressionRow]:
        """Return the addresses that get no automatic mail for a while."""
        need_admin(who)
        return await self._books.list_suppressions()

    async def lift(self, who: Principal, address: str) -> None:
        """Let an address get automatic mail again. Raises NotFound."""
        need_admin(who)
        if not await self._books.lift_suppression(address):
            raise NotFound("this address is not suppressed")

    async def breakers(self, who: Principal) -> Sequence[BreakerRow]:
        """Return the breakers that were ever tripped, with the reason."""
        need_admin(who)
        return await self._books.list_breakers()

    async def reset_breaker(self, who: Principal, queue: str) -> None:
        """Close an open breaker; the limits count on. Raises NotFound if it is not open."""
        need_admin(who)
        if not await self._books.reset_breaker(queue):
            raise NotFound("this breaker is not open")


def sound_pattern(pattern: str) -> bool:
    """Tell whether a pattern of the blocklist means something and is not everything."""
    bare = pattern.replace("*", "").strip("@.")
    if not bare or len(pattern) > LONGEST_PATTERN or not pattern.isprintable() or " " in pattern:
        return False
    if "*" in pattern or ("@" in pattern.strip("@") and is_valid(pattern)):
        return True
    return "." in pattern and is_valid(f"a@{pattern.removeprefix('@')}")


SECRET_KEYS = frozenset({"file", "env", "credential"})


def hide(value: Any) -> Any:
    """Return a dumped configuration in which no value can be a secret: those are named by their place alone."""
    if isinstance(value, dict):
        named = [key for key in value if key in SECRET_KEYS and value[key]]
        if value.keys() <= SECRET_KEYS and named:
            return {"from": named[0], "name": value[named[0]]}
        return {key: HIDDEN[key](item) if key in HIDDEN else hide(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [hide(item) for item in value]
    return value


def hide_url(url: Any) -> str:
    """Return a database URL without its password."""
    scheme, mark, rest = str(url).partition("://")
    account, at, place = rest.rpartition("@")
    if not at:
        return str(url)
    name = account.partition(":")[0]
    return f"{scheme}{mark}{name}:***@{place}"


# Keys whose value may hold a secret besides what it says: a password, or the path of a webhook.
HIDDEN: Mapping[str, Callable[[Any], str]] = {"database": hide_url, "url": shown_url}
