"""THE PATH: what happens to a mail between the listener and the ticket. Read this file first.

accept   writes raw octets, envelope and one intake per recipient, durably, before anybody says 250. It judges nothing.
process  parse -> gather -> classify -> route -> thread -> decide -> apply: facts first, then judgement, then one write.

`decide` is pure: `explain` and `replay --diff` call the same code and print what it returns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from gateway.correspondence import MailLetters
from gateway.decision import decide
from gateway.mail import letters
from gateway.mail.token import read_tokens
from gateway.model import Applied, Claim, Draft, Envelope, Facts, IntakeId, OutgoingId, ParsedMail, Plan, TicketId
from gateway.policy import Policy
from gateway.ports import Clock, Parser, Store, Writer
from gateway.telemetry import failpoint


async def accept(
    raw: bytes, envelopes: Sequence[Envelope], queues: Sequence[str], store: Store
) -> tuple[IntakeId, ...]:
    """Take responsibility for a mail: one durable intake per envelope, or an error and nothing at all."""
    failpoint.reach("accept.before-commit")
    taken = await store.accept(raw, envelopes, queues)
    failpoint.reach("accept.after-commit")
    return taken


async def process(claim: Claim, parser: Parser, store: Store, policy: Policy, clock: Clock) -> Applied:
    """Turn an intake into what becomes of it, in one transaction. Run twice, the second run changes nothing."""
    mail = await parser.parse(claim.raw)
    return await store.transact(lambda writer: settle(writer, claim, mail, policy, clock.now()), behind=True)


def settle(writer: Writer, claim: Claim, mail: ParsedMail, policy: Policy, now: datetime) -> Applied:
    """Gather, decide and apply inside one open transaction."""
    facts, key = gather(writer, claim, mail, policy, now)
    plan = decide(mail, facts, key, policy)
    letters = MailLetters(mail, plan, facts.route, policy, claim.raw)
    applied = writer.apply(claim, mail, plan, acknowledgement(mail, plan, facts, policy), letters)
    failpoint.reach("process.before-commit")
    return applied


def gather(writer: Writer, claim: Claim, mail: ParsedMail, policy: Policy, now: datetime) -> tuple[Facts, str]:
    """Collect everything that judging may look at: the only read."""
    route = policy.route(claim.envelope.rcpt_to, claim.queue)
    tokens = read_tokens(mail, claim.envelope, policy.keys)
    key = idempotence_key(mail)
    stored = writer.gather(claim, mail, route, tokens, key)
    return policy.facts(claim, route, tokens, stored, now), key


def acknowledgement(
    mail: ParsedMail, plan: Plan, facts: Facts, policy: Policy
) -> Callable[[TicketId, OutgoingId], Draft] | None:
    """Return how to write the acknowledgement, once ticket and outgoing have their numbers; None if there is none."""
    requester = plan.judgement.requester
    if not plan.acknowledge or plan.new_ticket is None or requester is None:
        return None
    letterhead = policy.letterhead(plan.new_ticket.queue, facts.route)
    return lambda ticket_id, outgoing_id: letters.acknowledgement(
        letterhead, requester, mail, ticket_id, outgoing_id, policy.keys
    )


def idempotence_key(mail: ParsedMail) -> str:
    """Return the key under which a queue takes a mail once (I6): Message-ID or its substitute, and the digest."""
    return hashlib.sha256(f"{mail.message_id}\n{mail.digest}".encode()).hexdigest()
