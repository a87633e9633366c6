"""A desk without a daemon: mails go through the real path into a real store, and what it queues can be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from gateway import pipeline
from gateway.config import Settings
from gateway.mail import letters, parse
from gateway.mail.compose import compose
from gateway.model import (
    Applied,
    ClaimedDelivery,
    DeliveryResult,
    Envelope,
    Mailbox,
    Outcome,
    OutgoingId,
    OutgoingKind,
    ParsedMail,
    TicketId,
)
from gateway.outbound.appearance import MailTemplates, load_look
from gateway.policy import Policy, build_letterheads, build_policy
from gateway.store import SqlStore, StoreOptions
from tests.conftest import MovableClock

CREATION = "support-in@tickets.example.org"
ANN = "Ann Lee <ann@customer.example>"
BOB = "Bob Fox <bob@example.org>"
SECRET = b"the key of the instance in the tests"
PROVEN = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.org"


def settings(**changes) -> Settings:
    """Return the configuration of the tests' desk."""
    return Settings.model_validate(
        {
            "hostname": "tickets.example.org",
            "secret": {"env": "UNUSED"},
            "queues": {
                "support": {
                    "name": "Support",
                    "creation_addresses": [CREATION],
                    "inboxes": ["support@example.org"],
                    "from": "Example Support <support@example.org>",
                },
                "sales": {"creation_addresses": ["sales-in@tickets.example.org"], "from": "sales@example.org"},
            },
            "trust": {"authserv_ids": ["mx.example.org"]},
            **changes,
        }
    )


def policy_of(found: Settings, secret: bytes = SECRET, *before: bytes) -> Policy:
    """Return a policy that can write letters; secrets `before` were in use earlier."""
    heads = build_letterheads(found, MailTemplates(), lambda look: load_look(look, found.hostname))
    return build_policy(found, secret, before, heads)


@dataclass
class Talk:
    """Customers, agents and the desk between them."""

    store: SqlStore
    policy: Policy = field(default_factory=lambda: policy_of(settings()))
    count: int = 0

    async def open(self) -> Talk:
        """Let the store know the house's own addresses."""
        self.store.reconfigure(StoreOptions(own_addresses=self.policy.own_addresses))
        return self

    def wait(self, **duration: float) -> None:
        """Let time pass, given as the keywords of a timedelta."""
        clock = self.store.clock
        assert isinstance(clock, MovableClock)
        clock.move(**duration)

    async def agent(self, address: str = "bob@example.org", name: str = "Bob Fox", alerts: str = "") -> int:
        """Create an agent's account; return its number."""
        number = await self.store.add_agent(address, name, "agent", None)
        if alerts:
            await self.store.set_alerts(address, alerts)
        return number

    async def mail(self, *headers: str, body: str | bytes = "It burns.", to: str = CREATION) -> Applied:
        """Let a mail arrive; header lines replace those of Ann's plain mail."""
        self.count += 1
        plain = (
            f"From: {ANN}",
            "To: support@example.org",
            f"Subject: The printer {self.count}",
            f"Message-ID: <m{self.count}@customer.example>",
            "Content-Type: text/plain; charset=utf-8",
        )
        names = {line.partition(":")[0].lower() for line in headers}
        lines = [*headers, *(line for line in plain if line.partition(":")[0].lower() not in names)]
        octets = body if isinstance(body, bytes) else body.encode()
        return await self.raw("\r\n".join([*lines, "", ""]).encode() + octets, to)

    async def raw(self, raw: bytes, to: str = CREATION) -> Applied:
        """Let octets arrive."""
        sender = "" if b"Auto-Submitted: auto-replied" in raw else "somebody@customer.example"
        route = self.policy.routes.route(to)
        assert route is not None, to
        envelope = Envelope(sender, to, self.store.clock.now(), session="s1")
        (number,) = await self.store.accept(raw, [envelope], [route.queue])
        claims = await self.store.claim_intakes(100, timedelta(minutes=1))
        claim = next(claim for claim in claims if claim.intake_id == number)
        parsed = parse(raw)
        return await self.store.transact(
            lambda writer: pipeline.settle(writer, claim, parsed, self.policy, self.store.clock.now())
        )

    async def assigned(self, agent: str = "bob@example.org") -> int:
        """Open a ticket of Ann's, assigned to an agent; return its number."""
        ticket = (await self.mail()).ticket_id
        assert ticket is not None
        await self.store.change_ticket(ticket, "the test", assignee=agent)
        return ticket

    async def answer(self, ticket: int, *headers: str, body: str = "It burns again.") -> Applied:
        """Let the customer write again, to the address that our letters name."""
        return await self.mail(*headers, body=body, to=self.reply_address(ticket))

    def reply_address(self, ticket: int, agent: int = 0) -> str:
        """Return the address that answers to our mails about a ticket go to; with `agent`, to an alert of theirs."""
        from gateway.mail.token import reply_address

        return reply_address(self.policy.keys, CREATION, ticket, agent)

    async def drafts(self, kind: OutgoingKind | None = None) -> list[ClaimedDelivery]:
        """Return everything that is queued, by sending it off."""
        found: list[ClaimedDelivery] = []
        taken = DeliveryResult(Outcome.SENT, 250, "250 taken", dot_sent=True)
        while claimed := await self.store.claim_deliveries("relay", 1000, timedelta(minutes=1)):
            for delivery in claimed:
                await self.store.record_delivery(delivery, taken, None)
            found += claimed
        return [item for item in found if kind is None or item.draft.kind is kind]

    async def entries(self, ticket: int) -> list[tuple[str, str, str]]:
        """Return kind, author and text of a ticket's time-line."""
        view = await self.store.ticket(ticket)
        return [(entry.kind, entry.author, entry.text) for entry in view.entries]

    async def status(self, ticket: int) -> str:
        return (await self.store.ticket(ticket)).row.status

    async def reply(self, ticket: int, text: str = "We bring water.") -> OutgoingId:
        """Let an agent answer at the desk."""

        def draft(outgoing: OutgoingId):
            return letters.reply(
                self.policy.letterheads["support"],
                (Mailbox("Ann Lee", "ann@customer.example"),),
                "The printer",
                text,
                ticket=TicketId(ticket),
                outgoing=outgoing,
                keys=self.policy.keys,
            )

        return await self.store.transact(lambda writer: writer.queue_reply(TicketId(ticket), draft, BOB))


def read(delivery: ClaimedDelivery) -> ParsedMail:
    """Return a queued mail as its recipient reads it."""
    return parse(compose(delivery.draft, delivery.queued_at))
