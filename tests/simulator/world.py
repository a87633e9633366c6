"""The world in which counterparts live: a clock that jumps, the real pipeline, the real store, a post office.

Nothing here is a double but the clock, the network and the parser's process: mails are read, judged, threaded, counted
and written by the code of the daemon.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

from gateway.config.settings import Queue, Settings
from gateway.correspondence import digest_writer
from gateway.errors import NotSendable
from gateway.mail import letters, parse
from gateway.mail.compose import compose
from gateway.mail.token import bounce_address
from gateway.model import (
    Applied,
    ClaimedDelivery,
    DeliveryResult,
    Disposition,
    Envelope,
    Mailbox,
    Outcome,
    OutgoingId,
    OutgoingKind,
    ParsedMail,
    TicketId,
)
from gateway.pipeline import accept, process
from gateway.policy import Policy
from gateway.ports import Writer
from gateway.store import BoundTable, SqlStore, StoreOptions, open_store
from gateway.store.migrate import migrate
from tests.simulator.post import BILLING, CREATION, INBOX, Forwarder, Letter, Message, read_ours, straight
from tests.support.talk import policy_of

LEASE = timedelta(minutes=5)
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
SECRET = b"the key of the instance in the simulator"
AGENT = "tom@example.org"
QUIET = frozenset({Disposition.AUTO_REPLY, Disposition.BOUNCE, Disposition.RECEIPT, Disposition.COMPLAINT})
SENT = DeliveryResult(Outcome.SENT, 250, "250 2.0.0 Ok")


class Clock:
    """Stands still until the world moves it."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment


class InlineParser:
    """Reads mails in this process."""

    async def parse(self, raw: bytes) -> ParsedMail:
        return parse(raw)


class Counterpart(Protocol):
    """Somebody with whom we exchange mail."""

    name: str

    def start(self, world: World) -> None:
        """Do the first thing."""

    def owns(self, address: str) -> bool:
        """Tell whether mail to this address comes to this one."""

    def receive(self, world: World, message: Message) -> DeliveryResult | None:
        """Take a mail of ours; a result other than None is what its server says."""


@dataclass(frozen=True)
class Sent:
    """One mail of ours that went out."""

    at: datetime
    recipient: str
    kind: OutgoingKind
    queue: str
    ticket: TicketId | None
    outgoing: int


@dataclass(frozen=True)
class Taken:
    """One intake and what became of it."""

    at: datetime
    applied: Applied
    letter: Letter


@dataclass
class World:
    """Everything that happens, in the order of its time."""

    store: SqlStore
    clock: Clock
    policy: Policy
    database: Path
    forward: Forwarder = straight
    alerts: bool = False  # an agent has an account, and wants to hear of everything
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    residents: list[Counterpart] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    digests: Counter[str] = field(default_factory=Counter)
    woken: list[str] = field(default_factory=list)  # what a robot's mail changed on a ticket: must stay empty
    jobs: list[Callable[[Writer], object]] = field(default_factory=list)
    _events: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _arriving: list[Letter] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _letters: dict[int, Letter] = field(default_factory=dict)
    _watching: sqlite3.Connection | None = None

    # --- what counterparts do ---------------------------------------------------------------------------------

    def at(self, delay: timedelta, action: Callable[[], None]) -> None:
        """Let something happen after a while."""
        heapq.heappush(self._events, (self.clock.now() + delay, next(self._numbers), action))

    def write(self, letter: Letter, delay: timedelta = timedelta(0)) -> None:
        """Send us a mail."""
        self.at(delay, lambda: self._arriving.append(letter))

    def new_id(self, domain: str = "mail.example") -> str:
        """Return a Message-ID that was not there before."""
        return f"{self.rng.getrandbits(48):x}.{next(self._numbers)}@{domain}"

    # --- time -------------------------------------------------------------------------------------------------

    async def live(self, length: timedelta) -> None:
        """Let time pass until the end, event by event."""
        await live_together((self,), length)

    @property
    def next_event(self) -> datetime:
        """When the next thing happens."""
        return self._events[0][0] if self._events else datetime.max.replace(tzinfo=UTC)

    async def step(self) -> None:
        """Let happen what is due now."""
        while self.next_event <= self.clock.moment:
            heapq.heappop(self._events)[2]()
        await self._take()
        for job in self.jobs:
            await self.store.transact(job)
        self.jobs.clear()
        if self.alerts:
            await self.store.transact(lambda writer: writer.send_digests(digest_writer(self.policy)))
        await self._send()

    async def employ(self) -> None:
        """Give the agent an account, if a resident wants one."""
        if self.alerts:
            await self.store.add_agent(AGENT, "Tom", "agent", None)
            await self.store.set_alerts(AGENT, "all")

    def end(self) -> None:
        """Stop watching."""
        if self._watching is not None:
            self._watching.close()

    async def _take(self) -> None:
        arriving, self._arriving = self._arriving, []
        now = self.clock.now()
        for letter in arriving:
            for address in letter.recipients:
                through = address == INBOX
                seen, rcpt_to = (self.forward(letter), CREATION) if through else (letter, address)
                route = self.policy.routes.route(rcpt_to)
                if route is None:
                    continue  # nobody's address: refused at RCPT, nothing was taken
                raw = seen.octets(now)
                envelope = Envelope(seen.mail_from, rcpt_to, now, "simulator")
                (intake_id,) = await accept(raw, [envelope], [route.queue], self.store)
                self._letters[intake_id] = letter
                self.digests[hashlib.sha256(raw).hexdigest()] += 1
        parser = InlineParser()
        while claims := await self.store.claim_intakes(50, LEASE):
            for claim in claims:
                before = self._statuses()
                applied = await process(claim, parser, self.store, self.policy, self.clock)
                self.taken.append(Taken(now, applied, self._letters[claim.intake_id]))
                self._watch(applied, before)

    def _statuses(self) -> dict[int, str]:
        if self._watching is None:
            self._watching = sqlite3.connect(self.database, isolation_level=None)
        return dict(self._watching.execute("SELECT id, status FROM tickets ORDER BY id DESC LIMIT 60").fetchall())

    def _watch(self, applied: Applied, before: dict[int, str]) -> None:
        """I4: note it if a robot's mail changed a ticket's state."""
        after = self._statuses()
        if applied.disposition in QUIET:
            changed = {number for number in before if after.get(number, before[number]) != before[number]}
            self.woken.extend(f"{applied.disposition} changed ticket {number}" for number in changed)

    # --- the way out ------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        while deliveries := await self.store.claim_deliveries("relay", 50, LEASE):
            for delivery in deliveries:
                result = self._hand_over(delivery)
                await self.store.record_delivery(delivery, result, None)

    def _hand_over(self, delivery: ClaimedDelivery) -> DeliveryResult:
        draft = delivery.draft
        raw = compose(draft, self.clock.now())
        queue = draft.queue
        home = CREATION if queue == "support" else BILLING
        sender = bounce_address(self.policy.keys, home, delivery.delivery_id, automatic=draft.kind.automatic)
        now = self.clock.now()
        self.sent.append(
            Sent(now, delivery.recipient, draft.kind, queue, delivery.ticket_id, int(delivery.outgoing_id))
        )
        message = Message(read_ours(raw, draft.text), raw, sender, delivery.recipient, draft.kind.automatic, now)
        for resident in self.residents:
            if resident.owns(delivery.recipient.lower()):
                return resident.receive(self, message) or SENT
        return SENT

    # --- what agents do ---------------------------------------------------------------------------------------

    def answer(self, ticket: TicketId, to: str, text: str) -> None:
        """Let an agent answer by hand, soon."""
        letterhead = self.policy.letterheads["support"]

        def job(writer: Writer) -> object:
            try:
                return writer.queue_reply(
                    ticket,
                    lambda outgoing: letters.reply(
                        letterhead, (Mailbox("", to),), "Your question", text,
                        ticket=ticket, outgoing=OutgoingId(outgoing), keys=self.policy.keys,
                    ),
                    f"Tom <{AGENT}>",
                )  # fmt: skip
            except NotSendable:
                return None

        self.jobs.append(job)

    def tickets_of(self, who: str) -> list[TicketId]:
        """Return the tickets that somebody's mails opened or joined, oldest first."""
        found = [
            t.applied.ticket_id for t in self.taken if t.letter.address.lower() == who.lower() and t.applied.ticket_id
        ]
        return list(dict.fromkeys(found))

    def suppressed(self) -> set[str]:
        """Return the addresses that get no automatic mail for now."""
        with sqlite3.connect(self.database) as connection:
            return {address for (address,) in connection.execute("SELECT address FROM suppressions")}

    # --- what happened ----------------------------------------------------------------------------------------

    def dispositions(self, *, of: str = "") -> Counter[str]:
        """Count dispositions, of mails whose From contains a text."""
        return Counter(t.applied.disposition.value for t in self.taken if of in t.letter.author)

    def automatic_to(self, fits: Callable[[str], bool] = lambda _: True) -> list[Sent]:
        """Return the automatic mails that went to addresses that fit."""
        return [sent for sent in self.sent if sent.kind.automatic and fits(sent.recipient)]

    def by_recipient(self) -> dict[str, list[Sent]]:
        """Return the automatic mails by recipient as written."""
        found: dict[str, list[Sent]] = defaultdict(list)
        for sent in self.automatic_to():
            found[sent.recipient].append(sent)
        return found


async def live_together(worlds: tuple[World, ...], length: timedelta) -> None:
    """Let time pass in worlds that share one clock."""
    clock = worlds[0].clock
    end = START + length
    for world in worlds:
        for resident in world.residents:
            resident.start(world)
        await world.employ()
    while (moment := min(world.next_event for world in worlds)) <= end:
        clock.moment = moment
        for world in worlds:
            await world.step()
    clock.moment = max(end, clock.moment)
    for world in worlds:
        world.end()


def settings() -> Settings:
    """Return the configuration of the simulated instance."""
    support = Queue.model_validate(
        {
            "name": "Support",
            "creation_addresses": [CREATION],
            "inboxes": [INBOX],
            "forwarders": [INBOX],
            "from": f"Example Support <{INBOX}>",
        }
    )
    billing = Queue.model_validate({"name": "Billing", "creation_addresses": [BILLING], "from": "billing@example.org"})
    return Settings.model_validate(
        {
            "hostname": "tickets.example.org",
            "queues": {"support": support, "billing": billing},
            "channels": {"relay": {"type": "relay", "host": "127.0.0.1", "port": 25}},
        }
    )


@cache
def empty_database() -> bytes:
    """Return the octets of a database with the present schema and no row: migrating takes longer than many a world."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        migrate(f"sqlite:///{file}")
        return file.read_bytes()


def open_world(
    folder: Path,
    *,
    forward: Forwarder = straight,
    bound: BoundTable | None = None,
    secret: bytes = SECRET,
    clock: Clock | None = None,
) -> World:
    """Open a world with an empty database in `folder`."""
    policy = policy_of(settings(), secret)
    options = StoreOptions(bound=bound or BoundTable(), own_addresses=policy.own_addresses)
    clock = clock or Clock()
    database = folder / "world.db"
    database.write_bytes(empty_database())
    store = open_store(f"sqlite:///{database}", clock=clock, options=replace(options))
    store._writes.pace = None  # nobody waits for a 250 on a clock that jumps: a real rest after each mail is lost time
    return World(store, clock, policy, database, forward)
