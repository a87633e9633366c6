"""A whole desk on a store of either database: mails come in by the real path, agents act on them."""

from __future__ import annotations

import base64
import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from gateway.config import load_without_secrets
from gateway.config.settings import Settings
from gateway.desk import Desk, Principal, Scope, open_desk
from gateway.desk.nouns import Agent
from gateway.instance import store_options
from gateway.mail import parse
from gateway.model import Envelope
from gateway.outbound.appearance import MailTemplates, load_look
from gateway.pipeline import settle
from gateway.policy import Policy, build_letterheads, build_policy
from gateway.store import SqlStore, open_store

KEY = b"0123456789abcdef" * 3
CONFIGURATION = """\
hostname: tickets.example.org
database: sqlite:////nowhere/poterne.db
secret: {file: /nowhere/secret}
queues:
  support:
    name: Support
    creation_addresses: [support-in@tickets.example.org]
    inboxes: [support@example.org]
    from: Example Support <support@example.org>
    acknowledge: false
  billing:
    name: Billing
    creation_addresses: [billing-in@tickets.example.org]
    inboxes: [billing@example.org]
    from: Example Billing <billing@example.org>
    acknowledge: false
"""
LEA, TOM, BEA, ADA = "lea@example.org", "tom@example.org", "bea@example.org", "ada@example.org"
PASSWORD = "correct horse battery"


class QuickHasher:
    """A hasher for tests: argon2 takes its time on purpose."""

    async def hash(self, password: str) -> str:
        return base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()

    async def matches(self, kept: str | None, password: str) -> bool:
        return kept == await self.hash(password)

    def outdated(self, kept: str) -> bool:
        return False


@dataclass
class Office:
    """A desk with Léa and Tom in Support, Bea in Billing, and Ada who administrates."""

    desk: Desk
    store: SqlStore
    policy: Policy
    settings: Settings
    people: dict[str, Principal] = field(default_factory=dict)
    mails: int = 0

    @property
    def lea(self) -> Principal:
        return self.people[LEA]

    @property
    def tom(self) -> Principal:
        return self.people[TOM]

    @property
    def bea(self) -> Principal:
        return self.people[BEA]

    @property
    def ada(self) -> Principal:
        return self.people[ADA]

    async def receive(self, raw: bytes, rcpt_to: str = "support-in@tickets.example.org") -> int:
        """Take a mail all the way; return its ticket."""
        route = self.policy.routes.route(rcpt_to)
        assert route is not None
        now = self.store.clock.now()
        mail_from = "marie@customer.example"
        (intake,) = await self.store.accept(raw, [Envelope(mail_from, rcpt_to, now)], [route.queue])
        for claim in await self.store.claim_intakes(100, timedelta(minutes=1)):
            mail = parse(claim.raw)
            applied = await self.store.transact(partial(settle, claim=claim, mail=mail, policy=self.policy, now=now))
            if claim.intake_id == intake:
                assert applied.ticket_id is not None, applied
                return applied.ticket_id
        raise AssertionError("the mail was not handed out")

    async def ticket(
        self, subject: str = "Invoice 2231 is wrong", text: str = "The total on page 2.", **changes: Any
    ) -> int:
        """Open a ticket with a mail of Marie's, or of whoever else."""
        rcpt_to = changes.pop("rcpt_to", "support-in@tickets.example.org")
        return await self.receive(self.mail(subject, text, **changes), rcpt_to)

    def mail(
        self,
        subject: str = "Invoice 2231 is wrong",
        text: str = "The total on page 2.",
        *,
        author: str = "Marie Durand <marie@customer.example>",
        html: str = "",
        files: tuple[tuple[str, str, bytes], ...] = (),
        **fields: str,
    ) -> bytes:
        """Return a mail."""
        self.mails += 1
        now = self.store.clock.now()
        lines = [
            f"From: {author}",
            "To: support@example.org",
            f"Subject: {subject}",
            f"Message-ID: <m{self.mails}@customer.example>",
            f"Date: {now:%a, %d %b %Y %H:%M:%S} +0000",
            *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
            "MIME-Version: 1.0",
        ]
        body = [f"Content-Type: {'text/html' if html else 'text/plain'}; charset=utf-8", "", html or text]
        if files:
            lines.append('Content-Type: multipart/mixed; boundary="b"')
            parts = ["", "--b", *body]
            for name, kind, content in files:
                parts += [
                    "--b",
                    f'Content-Type: {kind}; name="{name}"',
                    f'Content-Disposition: attachment; filename="{name}"',
                    f"Content-ID: <{name}>",
                    "Content-Transfer-Encoding: base64",
                    "",
                    base64.encodebytes(content).decode().strip(),
                ]
            body = [*parts, "--b--", ""]
        return "\r\n".join("\n".join([*lines, *body, ""]).split("\n")).encode()


def read_configuration(folder: Path, text: str = CONFIGURATION) -> Settings:
    """Return the settings of the tests' configuration."""
    path = folder / "office.yaml"
    path.write_text(text, encoding="utf-8")
    return load_without_secrets(path)


def make_policy(settings: Settings) -> Policy:
    """Return a policy that can write letters."""
    heads = build_letterheads(settings, MailTemplates(None), lambda look: load_look(look, settings.hostname))
    return build_policy(settings, KEY, (), heads)


def principal(agent: Agent) -> Principal:
    """Return an agent with everything that the account may do."""
    scopes = frozenset(Scope) if agent.admin else frozenset({Scope.READ, Scope.WRITE})
    return Principal(agent, scopes)


@asynccontextmanager
async def open_office(url: str, folder: Path, clock: Any, *, text: str = CONFIGURATION, people: bool = True):
    """Open a store and a desk on it, with four people."""
    settings = read_configuration(folder, text)
    policy = make_policy(settings)
    async with open_store(url, clock=clock, options=store_options(settings, policy)) as store:
        desk = open_desk(store, policy=lambda: policy, settings=lambda: settings, clock=clock, hasher=QuickHasher())
        office = Office(desk, store, policy, settings)
        if people:
            hashed = await QuickHasher().hash(PASSWORD)
            wanted = ((LEA, "Léa Martin", "support"), (TOM, "Tom Weber", "support"), (BEA, "Bea Rossi", "billing"))
            for address, name, queue in wanted:
                await store.add_agent(address, name, "agent", hashed)
                await store.grant_queues(address, [queue])
            await store.add_agent(ADA, "Ada Admin", "admin", hashed)
            for address in (LEA, TOM, BEA, ADA):
                found = await store.find_agent(address)
                assert found is not None
                await store.set_password(found[0].id, hashed, must_change=False, keep_session=None)
                again = await store.find_agent(address)
                assert again is not None
                office.people[address] = principal(again[0])
        yield office
        await desk.together.close()
