"""The ledger of the 250s: accept, claim, give back, hold. Every row here is a promise to a sending server."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, literal_column, or_, select, update

from gateway.errors import Conflict
from gateway.model import Claim, Disposition, Effect, Envelope, IntakeId, Verdict
from gateway.store import news
from gateway.store.context import Context
from gateway.store.raw import RawMail, insert_raw, insert_raws
from gateway.store.statement import Row, Statement, Transaction, insert
from gateway.store.tables import intakes, raws
from gateway.store.times import lease_time, microseconds, to_moment, to_number

CLAIM_OCTETS = 32 << 20  # raw mail handed out in one claim, unless a single mail is larger
# How long an intake rests after a failed try. Short: the mail is ours now, and its ticket waits for it.
PAUSES = (timedelta(seconds=2), timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=5))

WAITING: ColumnElement[str] = literal_column("'waiting'")  # a literal, so that the partial index serves
DONE: ColumnElement[str] = literal_column("'done'")

COLUMNS = (
    "raw_id",
    "queue",
    "mail_from",
    "rcpt_to",
    "received_at",
    "source",
    "source_ref",
    "session",
    "peer",
    "state",
)
INSERT_INTAKE = insert(intakes, *COLUMNS, returning="id")
INSERT_INTAKES = insert(intakes, *COLUMNS)
FETCHED = Statement(select(intakes.c.id).where(intakes.c.source_ref == bindparam("source_ref")))


def candidates(*conditions: ColumnElement[bool]) -> Statement:
    """Select waiting intakes that nobody holds, oldest first; rows that another node looks at are passed over."""
    c = intakes.c
    return Statement(
        select(
            c.id, c.raw_id, c.queue, c.mail_from, c.rcpt_to, c.received_at, c.source, c.session, c.peer,
            c.source_ref, c.attempts, c.released, raws.c.size,
        )
        .select_from(intakes.join(raws, raws.c.id == c.raw_id))
        .where(
            c.state == WAITING,
            or_(c.lease_until.is_(None), c.lease_until < bindparam("lease_now")),
            or_(c.retry_at.is_(None), c.retry_at <= bindparam("now")),
            *conditions,
        )
        .order_by(c.id)
        .limit(bindparam("limit"))
        .with_for_update(of=intakes, skip_locked=True)
    )  # fmt: skip


FRESH = candidates(intakes.c.attempts == literal_column("0"))
TRIED = candidates(intakes.c.attempts > literal_column("0"))

TAKE = Statement(
    update(intakes)
    .where(intakes.c.id == bindparam("intake_id"))
    .values(
        attempts=intakes.c.attempts + literal_column("1"),
        lease_until=bindparam("until"),
        lease_token=bindparam("token"),
    )
)
HELD_BY = (
    intakes.c.id == bindparam("intake_id"),
    intakes.c.lease_token == bindparam("token"),
    intakes.c.state == WAITING,
)
EXTEND = Statement(update(intakes).where(*HELD_BY).values(lease_until=bindparam("until")))
RELEASE = Statement(
    update(intakes)
    .where(*HELD_BY)
    .values(lease_until=None, lease_token=literal_column("0"), retry_at=bindparam("retry"), because=bindparam("why"))
)
HOLD = Statement(
    update(intakes)
    .where(*HELD_BY)
    .values(
        state=DONE,
        disposition=bindparam("what"),
        settled_at=bindparam("now"),
        because=bindparam("why"),
        verdicts=bindparam("opinions"),
        lease_until=None,
        retry_at=None,
    )
)
VOID_LEASES = Statement(
    update(intakes)
    .where(intakes.c.state == WAITING, intakes.c.lease_until.is_not(None))
    .values(lease_until=None, lease_token=literal_column("0"))
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail on its way into the ledger: octets, and who is to have it."""

    raw: RawMail
    envelopes: Sequence[Envelope]
    queues: Sequence[str]
    now: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A claimed intake before its raw mail is read."""

    claim: Claim  # with empty `raw`
    raw_id: int
    octets: int


def insert_intakes(transaction: Transaction, arrived: Arrived) -> tuple[IntakeId, ...]:
    """Write one raw mail and one intake per envelope; a copy that was fetched before keeps the intake it has."""
    envelopes = arrived.envelopes
    fetched = [transaction.value(FETCHED, source_ref=e.source_ref) for e in envelopes if e.source_ref]
    if fetched and None not in fetched and len(fetched) == len(envelopes):
        return tuple(IntakeId(intake_id) for intake_id in fetched)
    raw_id = insert_raw(transaction, arrived.raw, arrived.now)
    return tuple(IntakeId(transaction.value(INSERT_INTAKE, **row)) for row in rows_of(arrived, raw_id))


def insert_many(transaction: Transaction, mails: Sequence[Arrived]) -> list[tuple[IntakeId, ...]]:
    """Do for many mails what `insert_intakes` does for one, in few statements (SQLite).

    For mails of which each is light, and none was fetched.
    """
    raw_ids = insert_raws(transaction, [arrived.raw for arrived in mails], mails[0].now)
    rows = [row for arrived, raw_id in zip(mails, raw_ids, strict=True) for row in rows_of(arrived, raw_id)]
    numbers = iter(transaction.insert_rows(INSERT_INTAKES, rows))
    return [tuple(IntakeId(next(numbers)) for _ in arrived.envelopes) for arrived in mails]


def rows_of(arrived: Arrived, raw_id: int) -> list[dict[str, Any]]:
    """Return the rows of a mail in the ledger: one per envelope."""
    return [
        {
            "raw_id": raw_id,
            "queue": queue,
            "mail_from": envelope.mail_from,
            "rcpt_to": envelope.rcpt_to,
            "received_at": to_number(envelope.received_at),
            "source": envelope.source,
            "source_ref": envelope.source_ref or None,
            "session": envelope.session,
            "peer": envelope.peer,
            "state": "waiting",
        }
        for envelope, queue in zip(arrived.envelopes, arrived.queues, strict=True)
    ]


def take(
    transaction: Transaction,
    limit: int,
    lease: timedelta,
    now: int,
    *,
    tried_first: bool,
    most: int = CLAIM_OCTETS,
) -> list[Taken]:
    """Lease waiting intakes, no more than `most` octets unless one alone is larger, and count the try.

    One that was tried before is taken alone.
    """
    lease_now = lease_time(transaction)
    found: list[Row] = []
    for statement, rows in ((TRIED, 1), (FRESH, limit)) if tried_first else ((FRESH, limit), (TRIED, 1)):
        found = transaction.rows(statement, lease_now=lease_now, now=now, limit=rows)
        if found:
            break
    token = secrets.randbits(62) + 1
    taken: list[Taken] = []
    octets = 0
    for row in found:
        octets += row[-1]
        if taken and octets > most:
            break
        taken.append(as_taken(row, token))
    until = lease_now + microseconds(lease)
    transaction.run_many(TAKE, [{"intake_id": item.claim.intake_id, "until": until, "token": token} for item in taken])
    return taken


def as_taken(row: Row, token: int) -> Taken:
    (
        intake_id,
        raw_id,
        queue,
        mail_from,
        rcpt_to,
        received_at,
        source,
        session,
        peer,
        source_ref,
        attempts,
        released,
        octets,
    ) = row
    envelope = Envelope(mail_from, rcpt_to, to_moment(received_at), source, session, peer, source_ref or "")
    return Taken(Claim(IntakeId(intake_id), envelope, b"", queue, attempts + 1, token, bool(released)), raw_id, octets)


def extend(transaction: Transaction, claims: Sequence[Claim], lease: timedelta) -> None:
    """Keep what is still being processed; what another worker took over is not touched."""
    until = lease_time(transaction) + microseconds(lease)
    held = [{"intake_id": claim.intake_id, "token": claim.token, "until": until} for claim in claims]
    transaction.run_many(EXTEND, held)


def release(transaction: Transaction, claim: Claim, because: str, now: int) -> None:
    """Give an intake back, to be tried again after a pause. Raises Conflict if it is another worker's by now."""
    pause = PAUSES[min(claim.attempt, len(PAUSES)) - 1]
    retry = now + microseconds(pause)
    if not transaction.run(RELEASE, intake_id=claim.intake_id, token=claim.token, retry=retry, why=because):
        raise Conflict(f"intake {claim.intake_id} was taken over")


def hold(context: Context, claim: Claim, rule: str, because: str) -> None:
    """Put an intake into quarantine. Raises Conflict if it is another worker's by now."""
    changed = context.transaction.run(
        HOLD,
        intake_id=claim.intake_id,
        token=claim.token,
        what=Disposition.QUARANTINE.value,
        now=context.now,
        why=because,
        opinions=verdicts_to_json((Verdict(rule, Effect.HOLD, because),)),
    )
    if not changed:
        raise Conflict(f"intake {claim.intake_id} was taken over")
    news.intake_held(context, claim.intake_id)


def verdicts_to_json(verdicts: Sequence[Verdict]) -> str:
    """Write verdicts as the database keeps them."""
    return json.dumps([[v.rule, v.effect.value, v.because, v.where] for v in verdicts], ensure_ascii=False)


def verdicts_from_json(text: str | None) -> tuple[Verdict, ...]:
    """Read what `verdicts_to_json` wrote."""
    if not text:
        return ()
    return tuple(Verdict(rule, Effect(effect), because, where) for rule, effect, because, where in json.loads(text))
