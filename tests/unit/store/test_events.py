"""Events for webhooks: written with the change or not at all, each kind through the use case that causes it."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from sqlalchemy.sql.dml import Delete, UpdateBase

import gateway.store
from gateway.desk import Changes, Words
from gateway.desk.nouns import Upload
from gateway.errors import Conflict
from gateway.mail.token import TokenKeys, bounce_address, reply_address
from gateway.model import (
    EVENT_TYPES,
    Action,
    DeliveryId,
    DeliveryResult,
    Disposition,
    EntryKind,
    Envelope,
    EventType,
    Mailbox,
    Outcome,
    ReportedRecipient,
    ReportEvent,
    TicketId,
    TokenPurpose,
)
from gateway.store.leases import Leases
from gateway.store.statement import Statement
from tests.conftest import MovableClock
from tests.support.desk import CONFIGURATION, KEY, LEA, TOM, Office, open_office
from tests.unit.store.cases import appends, draft, mail, opens, process, take

WEBHOOKS = """
webhooks:
  all: {url: https://hooks.example.org/all, secret: {env: NOWHERE}, notes: true}
  quiet: {url: https://hooks.example.org/quiet, secret: {env: NOWHERE}}
  billing: {url: https://hooks.example.org/b, secret: {env: NOWHERE}, queues: [billing]}
  tickets: {url: https://hooks.example.org/t, secret: {env: NOWHERE}, events: ["ticket.*", delivery.failed]}
"""
MINUTE = timedelta(minutes=1)
A_TOKEN = re.compile("[A-Za-z2-7]{40,}")
MANUAL = Path(__file__).parents[3] / "docs" / "webhooks.schema.json"
SCHEMA = jsonschema_rs.validator_for(json.loads(MANUAL.read_text(encoding="utf-8")))  # whatever is told here, fits
SENT = DeliveryResult(Outcome.SENT, 250, "250 2.0.0 queued as 1", dot_sent=True)
LATER = DeliveryResult(Outcome.DEFERRED, 451, "451 4.2.0 busy")
NEVER = DeliveryResult(Outcome.FAILED, 550, "550 5.1.1 no such user")


@pytest.fixture
async def office(migrated_sqlite_url: str, tmp_path: Path, clock: MovableClock) -> AsyncIterator[Office]:
    async with open_office(migrated_sqlite_url, tmp_path, clock, text=CONFIGURATION + WEBHOOKS) as opened:
        yield opened


@pytest.fixture
async def each(database_url: str, tmp_path: Path, clock: MovableClock) -> AsyncIterator[Office]:
    """An office on each database: what is read in other words there is tested on both."""
    async with open_office(database_url, tmp_path, clock, text=CONFIGURATION + WEBHOOKS) as opened:
        yield opened


async def told(office: Office, webhook: str = "all") -> list[tuple[str, dict[str, Any]]]:
    """Return type and data of what a webhook is to hear, oldest first."""
    rows = await office.store.list_webhook_deliveries(1000, webhook=webhook)
    found = []
    for row in reversed(rows):
        trace = await office.store.trace_webhook_delivery(row.id)
        payload = json.loads(trace.payload)
        assert list(payload) == ["type", "timestamp", "data"]
        SCHEMA.validate(payload)
        assert payload["type"] == row.type
        found.append((row.type, payload["data"]))
    return found


async def news(office: Office, since: int, webhook: str = "all") -> list[tuple[str, dict[str, Any]]]:
    return (await told(office, webhook))[since:]


async def send(office: Office, *results: DeliveryResult, retry: bool = False, note: str = "") -> list[int]:
    """Hand out what is due, and record what became of it."""
    claims = await office.store.claim_deliveries("relay", 10, MINUTE)
    assert claims
    for claim, result in zip(claims, results * len(claims), strict=False):
        again = office.store.clock.now() + MINUTE if retry else None
        assert await office.store.record_delivery(claim, result, again, note)
    return [claim.delivery_id for claim in claims]


async def answered(office: Office, clock: MovableClock) -> int:
    """Return a ticket that Léa has answered, with the reply ready to be sent."""
    ticket = await office.ticket()
    await office.desk.writing.reply(office.lea, ticket, Words("It is right now."))
    clock.move(minutes=1)
    return ticket


# --- every type ------------------------------------------------------------------------------------------------


async def test_a_mail_opens_a_ticket_and_both_are_told_with_what_people_know_of_them(each) -> None:
    office = each
    ticket = await office.receive(office.mail(files=(("bill.pdf", "application/pdf", b"%PDF"),)))

    opened, said = await told(office)

    assert [opened[0], said[0]] == [EventType.TICKET_CREATED, EventType.ENTRY_CREATED]
    assert opened[1] == {
        "ticket": {
            "number": ticket,
            "queue": "support",
            "type": None,
            "subject": "Invoice 2231 is wrong",
            "status": "new",
            "priority": "normal",
            "assignee": None,
            "created_at": "2026-03-02T09:00:00.000Z",
            "updated_at": "2026-03-02T09:00:00.000Z",
            "due_at": None,
            "merged_into": None,
            "version": 1,
            "requester": {"name": "Marie Durand", "address": "marie@customer.example"},
            "tags": [],
        }
    }
    assert said[1]["ticket"] == opened[1]["ticket"]
    assert said[1]["entry"] | {"id": 0, "intake": 0} == {
        "id": 0,
        "kind": "customer",
        "author": "Marie Durand <marie@customer.example>",
        "created_at": "2026-03-02T09:00:00.000Z",
        "intake": 0,
        "outgoing": None,
        "text": "The total on page 2.",
        "truncated": False,
        "attachments": [{"filename": "bill.pdf", "content_type": "application/pdf", "size": 4}],
    }


async def test_a_reply_names_what_the_agent_attached_placed_in_the_text_or_not(office) -> None:
    ticket = await office.ticket()
    png = b"\x89PNG\r\n\x1a\n octets"
    for name in ("plan.png", "beside.png"):
        await office.desk.writing.attach(office.lea, ticket, "reply", Upload(name, "image/png", png))
    await office.desk.writing.reply(office.lea, ticket, Words("Look: [image: plan.png]"))

    (entry,) = (data["entry"] for kind, data in await news(office, 2) if kind == EventType.ENTRY_CREATED)

    assert [file["filename"] for file in entry["attachments"]] == ["plan.png", "beside.png"]


async def test_changes_of_a_ticket_are_one_event_with_before_and_after(each, clock) -> None:
    office = each
    ticket = await office.ticket()
    wanted = Changes(status="open", assignee=TOM, priority="high", due_at=clock.now(), add_tags=("vip",))
    await office.desk.changing.change(office.lea, ticket, wanted)
    await office.desk.changing.change(office.lea, ticket, wanted)

    ((kind, data),) = await news(office, 2)

    assert kind == EventType.TICKET_UPDATED
    assert data["by"] == "Léa Martin <lea@example.org>"
    assert data["changes"] == {
        "status": {"from": "new", "to": "open"},
        "assignee": {"from": None, "to": TOM},
        "priority": {"from": "normal", "to": "high"},
        "due_at": {"from": None, "to": "2026-03-02T09:00:00.000Z"},
        "tags": {"from": [], "to": ["vip"]},
    }
    assert (data["ticket"]["status"], data["ticket"]["tags"]) == ("open", ["vip"])


async def test_changes_by_the_command_line_are_told_too(office) -> None:
    ticket = await office.ticket()
    await office.store.change_ticket(ticket, "root", status="solved")

    ((kind, data),) = await news(office, 2)

    assert (kind, data["changes"]) == (EventType.TICKET_UPDATED, {"status": {"from": "new", "to": "solved"}})


async def test_a_reply_and_the_answer_to_it_move_the_status_without_an_entry_and_are_told(office, clock) -> None:
    ticket = await answered(office, clock)
    reply, waits = await news(office, 2)
    await process(office.store, parsed := mail(), appends(parsed, TicketId(ticket)))
    answer, opens = await news(office, 4)

    assert (reply[0], reply[1]["entry"]["kind"], reply[1]["entry"]["text"]) == (
        EventType.ENTRY_CREATED, "agent", "It is right now.",
    )  # fmt: skip
    assert waits[1]["changes"] == {"status": {"from": "new", "to": "waiting"}}
    assert (answer[1]["entry"]["kind"], answer[1]["ticket"]["status"]) == ("customer", "open")
    assert opens[1]["changes"] == {"status": {"from": "waiting", "to": "open"}}


async def test_a_reply_by_the_command_line_moves_the_status_and_is_told(office) -> None:
    ticket = await office.ticket()
    await office.store.transact(
        lambda writer: writer.queue_reply(ticket, lambda outgoing: draft_to(outgoing, "ann@example.com"), "Bob")
    )

    said, (kind, data) = await news(office, 2)

    assert (said[1]["entry"]["kind"], said[1]["ticket"]["status"]) == ("agent", "waiting")
    assert (kind, data["changes"]) == (EventType.TICKET_UPDATED, {"status": {"from": "new", "to": "waiting"}})


async def test_an_answer_that_reopens_is_told(office) -> None:
    ticket = await office.ticket()
    await office.desk.changing.change(office.lea, ticket, Changes(status="solved"))
    await process(office.store, parsed := mail(), appends(parsed, TicketId(ticket)))

    _, (kind, data) = await news(office, 3)

    assert (kind, data["changes"], data["by"]) == (
        EventType.TICKET_UPDATED, {"status": {"from": "solved", "to": "open"}}, "reopened",
    )  # fmt: skip


async def test_merging_and_splitting_are_told(office) -> None:
    one, two = await office.ticket(), await office.ticket("Another")
    await office.desk.changing.merge(office.lea, two, one)
    page = await office.desk.tickets.page(office.lea, one)
    entry = next(moment.id for moment in page.moments if moment.kind == "customer")
    new = await office.desk.changing.split(office.lea, one, [entry], "Apart")

    merged, split = await news(office, 4)

    assert (merged[0], merged[1]["ticket"]["number"], merged[1]["into"]) == (EventType.TICKET_MERGED, two, one)
    assert (split[0], split[1]["ticket"]["number"]) == (EventType.TICKET_CREATED, new)


async def test_a_ticket_that_moves_is_told_to_both_queues(office) -> None:
    ticket = await office.ticket()
    await office.desk.changing.change(office.ada, ticket, Changes(queue="billing"))
    await office.desk.changing.change(office.ada, ticket, Changes(queue="support"))

    assert [kind for kind, _ in await told(office, "billing")] == [EventType.TICKET_UPDATED] * 2


async def test_what_became_of_mails_of_ours_is_told_once_each(each, clock) -> None:
    office = each
    await answered(office, clock)
    start = len(await told(office))
    await send(office, LATER, retry=True)
    await send_late(office, clock)
    clock.move(minutes=2)
    (delivery,) = await send(office, NEVER)
    await office.store.retry_delivery(delivery, "root")
    await office.store.hold_delivery(delivery, "root")
    await office.store.cancel_delivery(delivery, "root")
    await office.store.retry_delivery(delivery, "root")
    await send(office, SENT)
    found = await news(office, start)

    assert [kind for kind, _ in found] == [
        EventType.DELIVERY_DELAYED,
        EventType.DELIVERY_FAILED,
        EventType.DELIVERY_HELD,
        EventType.DELIVERY_CANCELLED,
        EventType.DELIVERY_SENT,
    ]
    failed = found[1][1]["delivery"]
    assert (failed["recipient"], failed["state"], failed["code"], failed["answer"], failed["attempts"]) == (
        "marie@customer.example", "failed", 550, "550 5.1.1 no such user", 3,
    )  # fmt: skip


async def send_late(office: Office, clock: MovableClock) -> None:
    """Let an attempt fail that comes with the one warning."""
    clock.move(minutes=2)
    await send(office, LATER, retry=True, note="not reached yet")


async def test_a_reply_that_is_taken_back_is_told_as_cancelled(office) -> None:
    ticket = await office.ticket()
    queued = await office.desk.writing.reply(office.lea, ticket, Words("Too early."))
    await office.desk.writing.take_back(office.lea, ticket, queued.outgoing)

    kinds = [kind for kind, _ in await news(office, 4)]

    assert kinds[-1] == EventType.DELIVERY_CANCELLED
    assert set(kinds) <= {EventType.DELIVERY_CANCELLED, EventType.TICKET_UPDATED}


async def test_a_refused_recipient_is_told_when_it_is_queued_and_when_it_is_handed_out(office, clock) -> None:
    ticket = await office.ticket()
    await office.store.block("eve@example.net", "", "root")
    await office.store.transact(
        lambda writer: writer.queue_reply(
            ticket, lambda outgoing: draft_to(outgoing, "eve@example.net", "ann@example.com"), "Bob"
        )
    )
    await office.store.block("ann@example.com", "", "root")
    assert not await office.store.claim_deliveries("relay", 10, MINUTE)

    refused = [data["delivery"]["recipient"] for kind, data in await told(office) if kind == EventType.DELIVERY_REFUSED]

    assert refused == ["eve@example.net", "ann@example.com"]


def draft_to(outgoing: Any, *recipients: str) -> Any:
    from dataclasses import replace

    from gateway.model import OutgoingKind

    return replace(
        draft(outgoing, recipients[0], OutgoingKind.REPLY), to=tuple(Mailbox("", address) for address in recipients)
    )


async def test_a_bounce_is_told(office, clock) -> None:
    ticket = await answered(office, clock)
    (delivery,) = await send(office, SENT)
    said = ReportedRecipient("marie@customer.example", Action.FAILED, "5.1.1", permanent=True)
    bounce = mail(message_id="b@example.com")
    plan = appends(
        bounce,
        TicketId(ticket),
        disposition=Disposition.BOUNCE,
        entry_kind=EntryKind.DELIVERY,
        reopen=False,
        events=(ReportEvent(DeliveryId(delivery), said, suppress=True),),
    )
    await process(office.store, bounce, plan)

    kind, data = (await told(office))[-1]

    assert (kind, data["delivery"]["id"], data["delivery"]["state"]) == (
        EventType.DELIVERY_BOUNCED,
        delivery,
        "bounced",
    )


async def test_a_held_mail_is_told_whoever_held_it(each) -> None:
    office = each
    claim = await take(office.store)
    await office.store.hold_intake(claim, "parser-died", "it died three times")
    parsed = mail()
    plan = opens(parsed, new_ticket=None, disposition=Disposition.QUARANTINE, entry_kind=None)
    await process(office.store, parsed, plan)

    first, second = await told(office)

    assert [first[0], second[0]] == [EventType.QUARANTINE_HELD] * 2
    assert (first[1]["intake"]["rules"], first[1]["intake"]["because"]) == (["parser-died"], "it died three times")
    assert second[1]["intake"]["subject"] == parsed.subject


async def test_a_try_goes_to_one_webhook_whatever_it_asks_for(office) -> None:
    await office.store.ping_webhook("billing")

    assert await told(office, "billing") == [(EventType.PING, {"webhook": "billing"})]
    assert await told(office) == []


def test_every_type_is_documented_and_met_by_a_test_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")

    assert set(EVENT_TYPES) == set(EventType)
    assert [
        name for name in EventType.__members__ if f"EventType.{name}" not in text.split("def test_every_type")[0]
    ] == []


# --- who hears, and when nobody does ---------------------------------------------------------------------------


async def test_notes_are_for_those_who_ask_for_them(office) -> None:
    ticket = await office.ticket()
    await office.desk.writing.note(office.lea, ticket, "Between us: a canary.")

    kind, data = (await told(office))[-1]
    everybody = json.dumps([await told(office, name) for name in ("quiet", "tickets", "billing")])

    assert (kind, data["entry"]["kind"], data["entry"]["text"]) == (
        EventType.ENTRY_CREATED, "note", "Between us: a canary.",
    )  # fmt: skip
    assert "canary" not in everybody


async def test_no_event_carries_a_token_wherever_a_mail_bears_one(
    migrated_sqlite_url: str, tmp_path: Path, clock: MovableClock
) -> None:
    keys, text = TokenKeys(KEY), CONFIGURATION.replace("acknowledge: false", "acknowledge: true") + WEBHOOKS
    ours = reply_address(keys, "support-in@tickets.example.org", 1)
    async with open_office(migrated_sqlite_url, tmp_path, clock, text=text) as office:
        await office.ticket(f"Fwd to {ours}", f"I wrote to {ours}, mailto:x%2B{ours.partition('+')[2]}")
        await send(office, DeliveryResult(Outcome.FAILED, 550, f"550 5.1.1 no reply to <{ours}>"))
        envelope = Envelope(bounce_address(keys, "support-in@tickets.example.org", 7), ours, clock.now())
        await office.store.accept(b"Subject: hello\r\n\r\n", [envelope], ["support"])
        (claim,) = await office.store.claim_intakes(10, MINUTE)
        await office.store.hold_intake(claim, "parser-died", "")
        page = await office.desk.tickets.page(office.lea, 1)
        found = await told(office)

    kept = [moment.text for moment in page.moments if moment.kind in {"customer", "acknowledgement"}]
    texts = [data["entry"]["text"] for kind, data in found if kind == EventType.ENTRY_CREATED]
    delivery = next(data["delivery"] for kind, data in found if kind == EventType.DELIVERY_FAILED)
    held = found[-1][1]["intake"]
    assert [A_TOKEN.search(text) is None for text in kept] == [False, False]
    assert A_TOKEN.search(json.dumps(found)) is None
    assert texts == [A_TOKEN.sub("...", text) for text in kept]
    assert texts[1].rstrip().endswith("ref:...")
    assert delivery["answer"] == "550 5.1.1 no reply to <support-in+...@tickets.example.org>"
    assert (held["mail_from"], held["rcpt_to"]) == ("support-in+...@tickets.example.org",) * 2
    assert found[0][1]["ticket"]["subject"] == "Fwd to support-in+...@tickets.example.org"


async def test_the_cut_of_a_long_text_leaves_no_part_of_a_token(office) -> None:
    token = TokenKeys(KEY).mint(TokenPurpose.REPLY, 1)
    ticket = await office.ticket()
    await office.desk.writing.note(office.lea, ticket, "-" * 9_990 + token + "-" * 50)

    entry = (await told(office))[-1][1]["entry"]

    assert entry["text"] == "-" * 9_990 + "..." + "-" * 7
    assert entry["truncated"]


async def test_a_webhook_hears_only_what_it_asks_for(office, clock) -> None:
    await office.ticket(rcpt_to="billing-in@tickets.example.org")
    await answered(office, clock)
    await send(office, SENT)

    assert {kind for kind, _ in await told(office, "tickets")} == {"ticket.created", "ticket.updated"}
    assert {data["ticket"]["queue"] for _, data in await told(office, "billing")} == {"billing"}


async def test_one_event_has_one_key_for_all_who_hear_of_it(office) -> None:
    await office.ticket()
    keys = {
        name: [row.event for row in await office.store.list_webhook_deliveries(webhook=name)]
        for name in ("all", "quiet")
    }

    assert keys["all"] == keys["quiet"]
    assert len(set(keys["all"])) == 2
    assert all(key.startswith("evt_") and len(key) == 34 for key in keys["all"])


async def test_what_is_rolled_back_is_not_told(office) -> None:
    ticket = await office.ticket()
    version = (await office.desk.tickets.page(office.lea, ticket)).line.version
    before = await told(office)

    def fails(writer: Any) -> None:
        writer.queue_reply(ticket, lambda outgoing: draft(outgoing, "marie@customer.example"), LEA)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await office.store.transact(fails)
    with pytest.raises(Conflict):
        await office.desk.changing.change(office.lea, ticket, Changes(priority="high"), version=version - 1)
    assert await told(office) == before


async def test_what_is_only_tried_is_not_told(office) -> None:
    ticket = await office.ticket()
    before = await told(office)
    await office.store.inspect(
        lambda writer: writer.queue_reply(ticket, lambda outgoing: draft(outgoing, "marie@customer.example"), LEA)
    )

    assert await told(office) == before


async def test_a_receiver_that_is_gone_costs_nothing_and_a_paused_one_finds_its_events(office) -> None:
    await office.store.write(lambda context: gateway.store.webhook_queue.stop(context, "all", "410", gone=True))
    await office.store.pause_webhook("quiet", "moving house")
    await office.ticket()

    assert await told(office) == []
    assert len(await told(office, "quiet")) == 2


async def test_without_a_webhook_no_row_is_written(
    migrated_sqlite_url: str, tmp_path: Path, clock: MovableClock
) -> None:
    async with open_office(migrated_sqlite_url, tmp_path, clock) as office:
        ticket = await office.ticket()
        await office.desk.writing.note(office.lea, ticket, "Nobody hears this.")
        count = Statement(gateway.store.tables_webhooks.events.select())

        assert await office.store.read(lambda context: context.transaction.rows(count)) == []


async def test_long_texts_are_cut_and_say_so(office) -> None:
    await office.ticket(text="long " * 5000)

    entry = (await told(office))[-1][1]["entry"]

    assert (len(entry["text"]), entry["truncated"]) == (10_000, True)


# --- nothing is forgotten --------------------------------------------------------------------------------------

# Every statement that changes what webhooks watch, and the function beside it that notes the change. A new statement
# that is not here fails: note what it changes, then add it.
NOTED = {
    "tickets": {
        "filing.INSERT_TICKET": "ticket_opened in open_ticket and open_beside",
        "timeline.TOUCH": "only the time of the last change and the version",
        "timeline.SET_STATUS": "ticket_changes in queue_reply, wake, and lock",
        "desk.CHANGE": "ticket_changes in change_ticket",
        "desk_changes.CHANGE": "ticket_changes in lock",
        "desk_moves.MERGED": "ticket_changes in lock",
    },
    "ticket_tags": {
        "filing.INSERT_TAG": "of a new ticket in open_ticket; ticket_changes in lock",
        "desk_changes.ADD_TAG": "ticket_changes in lock",
        "desk_changes.REMOVE_TAG": "ticket_changes in lock",
    },
    "entries": {"timeline.INSERT_ENTRY": "entry_written in add_entry"},
    "deliveries": {
        "outgoing.INSERT_DELIVERY": "delivery_changed in add_deliveries, if it is refused",
        "outbox.REFUSE": "delivery_changed in refuse",
        "leases.MAIL.record": "delivery_changed in results.record",
        "reports.BOUNCED": "delivery_changed in report",
        "desk.SET_DELIVERY": "delivery_changed in move",
        "desk_answers.CANCEL": "outgoing_cancelled in take_back",
    },
    "intakes": {
        "intakes.HOLD": "intake_held in hold",
        "apply.SETTLE": "intake_held in settle",
        "desk.REPLAY": "takes the disposition away: it waits again",
    },
}
WATCHED = {"deliveries": {"state"}, "intakes": {"disposition"}, "entries": {"kind"}}


def statements() -> set[tuple[str, str]]:
    """Return (table, module.NAME) of every statement of the store that writes what webhooks watch."""
    found: set[tuple[str, int, str]] = set()
    for info in pkgutil.iter_modules(gateway.store.__path__):
        module = importlib.import_module(f"gateway.store.{info.name}")
        for name, value in vars(module).items():
            for part, item in parts_of(value):
                source: Any = item._source if isinstance(item, Statement) else None
                table = str(getattr(source.table, "name", "")) if isinstance(source, UpdateBase) else ""
                if table in NOTED and changes(source):
                    found.add((table, id(item), f"{info.name}.{name}{part}"))
    first: dict[int, tuple[str, str]] = {}
    owners = {name for names in NOTED.values() for name in names}
    for table, item, name in sorted(found, key=lambda row: (row[2] not in owners, row[2])):
        first.setdefault(item, (table, name))  # imported names are the same statement
    return set(first.values())


def parts_of(value: object) -> list[tuple[str, object]]:
    """Return what a name of a module stands for, each with what is said of it behind the name."""
    if isinstance(value, Leases):
        return [(f".{name.lstrip('_')}", item) for name, item in vars(value).items()]
    return [("", item) for item in (value if isinstance(value, tuple) else (value,))]


def changes(source: Any) -> bool:
    """Tell whether a statement writes a column that webhooks watch; deleting a tag is a change, too."""
    watched = WATCHED.get(source.table.name)
    if watched is None:
        return True
    written = {getattr(column, "key", column) for column in source._values or ()}
    return bool(watched & written) or isinstance(source, Delete)


def test_no_transaction_is_opened_past_the_place_where_events_are_told() -> None:
    makers = {
        path.name: path.read_text(encoding="utf-8").count("self._context(")
        for path in Path(gateway.store.__path__[0]).glob("*.py")
    }

    # In the core the two that write and read; on the way in the one that is always rolled back.
    assert {name: count for name, count in makers.items() if count} == {"core.py": 2, "intake_side.py": 1}


def test_every_statement_that_changes_what_is_watched_is_noted_somewhere() -> None:
    expected = {(table, name) for table, names in NOTED.items() for name in names}

    assert statements() == expected
