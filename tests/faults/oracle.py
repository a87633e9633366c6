"""Compares the clients' ledger with the database, by plain SQL of its own: it shares no code with the store."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.load import Ledger
from tests.support.recorder import Recorded

DISPOSITIONS = {
    "ticket",
    "append",
    "auto_reply",
    "bounce",
    "receipt",
    "complaint",
    "own_copy",
    "duplicate",
    "quarantine",
    "blocked",
}


@dataclass(frozen=True)
class Row:
    """An intake, with the octets that are really stored."""

    id: int
    queue: str
    rcpt_to: str
    state: str
    disposition: str | None
    ticket: int | None
    stated_sha256: str
    stored_sha256: str


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Run a query on a connection of its own."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
            return list(connection.execute(sql))
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        return list(connection.execute(sql.encode()))


def read_intakes(url: str) -> list[Row]:
    """Return all intakes; the digest of the stored octets is computed here."""
    contents: dict[int, bytes] = {}
    for raw_id, content in query(url, "SELECT id, content FROM raws"):
        if content is not None:
            contents[raw_id] = bytes(content)
    for raw_id, content in query(url, "SELECT raw_id, content FROM raw_chunks ORDER BY raw_id, position"):
        contents[raw_id] = contents.get(raw_id, b"") + bytes(content)
    rows = query(
        url,
        "SELECT i.id, i.queue, i.rcpt_to, i.state, i.disposition, i.ticket_id, r.sha256, i.raw_id "
        "FROM intakes i JOIN raws r ON r.id = i.raw_id ORDER BY i.id",
    )
    return [
        Row(number, queue, rcpt_to, state, disposition, ticket, stated, hashlib.sha256(contents[raw_id]).hexdigest())
        for number, queue, rcpt_to, state, disposition, ticket, stated, raw_id in rows
    ]


def differences(url: str, ledger: Ledger) -> list[str]:
    """Return everything in which the database and the ledger of the 250s disagree. Empty means that I1 and I6 hold."""
    found: list[str] = []
    rows = read_intakes(url)
    by_digest: dict[str, list[Row]] = {}
    for row in rows:
        by_digest.setdefault(row.stored_sha256, []).append(row)
        if row.stated_sha256 != row.stored_sha256:
            found.append(f"intake {row.id}: stored octets differ from their digest")
        if row.state != "done" or row.disposition not in DISPOSITIONS:
            found.append(f"intake {row.id}: {row.state}, disposition {row.disposition}")
    found += [
        f"mail {mail.number}: 250 was sent, and no intake holds these octets"
        for mail in ledger.promised.values()
        if mail.sha256 not in by_digest
    ]
    sent = {mail.sha256: mail for mail in ledger.sent.values()}
    for digest, copies in by_digest.items():
        if digest not in sent:
            found.append(f"intake {copies[0].id}: nobody sent these octets")
            continue
        mail = sent[digest]
        kinds = Counter(row.disposition for row in copies)
        if kinds["ticket"] + kinds["quarantine"] != 1 or kinds["duplicate"] != len(copies) - 1:
            found.append(f"mail {mail.number}: {dict(kinds)}, not one ticket and else duplicates")
        if any(row.queue != mail.queue for row in copies):
            found.append(f"mail {mail.number}: in another queue than it was sent to")
    ((tickets,),) = query(url, "SELECT count(*) FROM tickets")
    opened = sum(row.disposition == "ticket" for row in rows)
    if tickets != opened:
        found.append(f"{tickets} tickets, but {opened} intakes that opened one")
    ((entries,),) = query(url, "SELECT count(*) FROM entries WHERE kind = 'customer'")
    if entries != opened:
        found.append(f"{entries} entries of customers, but {opened} intakes that opened a ticket")
    return found


def double_sends(mails: Iterable[Recorded]) -> Counter[str]:
    """Return Message-IDs that reached the relay more than once, with the number of copies too many."""
    counts = Counter(mail["Message-ID"] for mail in mails)
    return Counter({message_id: count - 1 for message_id, count in counts.items() if count > 1})


def acknowledgement_faults(url: str, mails: list[Recorded]) -> list[str]:
    """Return what is wrong with the acknowledgements: two for one ticket, other octets, not queued, not counted."""
    found: list[str] = []
    octets: dict[str, set[bytes]] = {}
    for mail in mails:
        octets.setdefault(mail["Message-ID"], set()).add(mail.content)
    found += [f"{message_id}: sent again with other octets" for message_id, seen in octets.items() if len(seen) > 1]
    per_ticket = query(
        url, "SELECT ticket_id, count(*) FROM outgoings WHERE kind = 'acknowledgement' GROUP BY ticket_id"
    )
    found += [f"ticket {ticket}: {count} acknowledgements" for ticket, count in per_ticket if count > 1]
    known = {f"<{row[0]}>" for row in query(url, "SELECT message_id FROM outgoings")}
    tries = dict(
        query(
            url,
            "SELECT o.message_id, count(*) FROM outgoings o JOIN deliveries d ON d.outgoing_id = o.id "
            "JOIN attempts a ON a.delivery_id = d.id GROUP BY o.message_id",
        )
    )
    # The attempt is counted before we dial: what left more often than that left uncounted.
    found += [
        f"{message_id}: sent {extra + 1} times in {tries.get(message_id.strip('<>'), 0)} attempts"
        for message_id, extra in double_sends(mails).items()
        if extra + 1 > tries.get(message_id.strip("<>"), 0)
    ]
    found += [f"{message_id}: sent, but not in the outbox" for message_id in octets if message_id not in known]
    return found


def report(outcome: object, faults: Sequence[str]) -> int:
    """Print what a run showed, and its first faults; return the exit code of its command."""
    print(outcome)
    for fault in faults[:50]:
        print(f"FAULT: {fault}")
    return 1 if faults else 0
