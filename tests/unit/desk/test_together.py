"""Presence and the live stream: each hears of their own queues, soon, and a slow reader holds up nobody."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import psycopg
import pytest

from gateway.desk import Changes
from gateway.desk.nouns import Position
from gateway.desk.together import AT_ONCE, BACKLOG, STREAMS_OF_ONE, Together
from gateway.errors import NotFound, Overloaded
from tests.support.desk import open_office

SOON = timedelta(milliseconds=20)


@pytest.fixture
async def together(office, clock):
    made = Together(office.store, clock, poll=SOON, beat=timedelta(milliseconds=300))
    yield made
    await made.close()


async def listen(together, who, since=None):
    """Open a stream, and return a function that waits for its next event of a kind."""
    stream = together.stream(who, since)
    assert (await anext(stream)).kind == "beat"

    async def following(kind, seconds=5.0):
        async with asyncio.timeout(seconds):
            async for event in stream:
                if event.kind == kind:
                    return event
        raise AssertionError("the stream ended")

    return following, stream


async def test_new_mail_and_changes_arrive_at_those_who_may_see_them(office, together):
    lea, _ = await listen(together, office.lea)
    bea, _ = await listen(together, office.bea)
    ticket = await office.ticket()
    mail = await lea("entry")
    await office.desk.changing.change(office.tom, ticket, Changes(priority="high"))
    change = await lea("entry")
    theirs = await office.ticket(rcpt_to="billing-in@tickets.example.org")
    heard = await bea("entry")

    assert (mail.ticket, mail.entry_kind, mail.queue) == (ticket, "customer", "support")
    assert (change.entry_kind, change.author) == ("state", "Tom Weber <tom@example.org>")
    assert heard.ticket == theirs  # and nothing of Support before it


async def test_a_stream_begins_with_what_happened_since_the_page_was_made(office, together, clock):
    before = await together.position()
    ticket = await office.ticket()
    clock.move(seconds=30)  # old enough to have nothing before it that could still come into sight
    await office.desk.writing.note(office.lea, ticket, "@tom please")
    await office.ticket(rcpt_to="billing-in@tickets.example.org")
    tom, _ = await listen(together, office.tom, before)
    lea, _ = await listen(together, office.lea, before)
    bea, _ = await listen(together, office.bea, before)

    first, second = await lea("entry"), await lea("entry")
    assert (first.entry_kind, second.entry_kind) == ("customer", "note")
    assert first.position is not None
    assert first.position.entry <= second.position.entry <= second.id
    assert (await tom("notice")).entry_kind == "mentioned"
    assert (await bea("entry")).ticket != ticket
    again, _ = await listen(together, office.lea, first.position)
    assert (await again("entry")).id == second.id
    with pytest.raises(TimeoutError):
        await lea("notice", 0.2)  # it is Tom's


async def test_what_comes_into_sight_late_is_told_and_holds_positions_back(migrated_postgres_url, tmp_path, clock):
    """PostgreSQL numbers a row when it is written: one with a higher number may be seen before it."""
    async with open_office(migrated_postgres_url, tmp_path, clock) as office:
        together = Together(office.store, clock, poll=SOON, beat=timedelta(milliseconds=300))
        ticket = await office.ticket()
        clock.move(seconds=30)
        lea, stream = await listen(together, office.lea)
        with psycopg.connect(migrated_postgres_url.replace("+psycopg", ""), autocommit=False) as other:
            (late,) = other.execute(  # type: ignore[misc]
                "INSERT INTO entries (ticket_id, kind, author, created_at, text) "
                "SELECT ticket_id, 'note', author, %s, 'late' FROM entries LIMIT 1 RETURNING id",
                [int(clock.now().timestamp() * 1_000_000)],
            ).fetchone()
            await office.desk.writing.note(office.tom, ticket, "early")
            early = await lea("entry")
            page = await together.position()
            other.commit()
        told = await lea("entry")
        again, _ = await listen(together, office.lea, page)
        resumed, _ = await listen(together, office.lea, early.position)

        assert early.id > late == told.id
        assert early.position.entry < late <= told.position.entry
        assert {(await again("entry")).id, (await again("entry")).id} >= {late}
        assert (await resumed("entry")).id == late
        await stream.aclose()
        await together.close()


async def test_of_much_that_happened_a_stream_says_only_that_it_did(office, together, clock):
    before = await together.position()
    ticket = await office.ticket()
    for number in range(AT_ONCE):
        await office.desk.writing.note(office.tom, ticket, f"Note {number}")
    clock.move(seconds=30)
    lea, _ = await listen(together, office.lea, before)

    missed = await lea("missed")
    assert missed.position == await together.position()


@pytest.mark.parametrize("words", ["", "1", "-1-2", "1-2-3", "1-2\n", "a-b", "٣-٤", "1" * 30 + "-1"])
def test_a_position_that_is_none(words):
    assert Position.read(words) is None


def test_a_position_reads_back():
    assert Position.read(str(Position(12, 7))) == Position(12, 7)


async def test_a_notice_comes_to_whom_it_is_for(office, together):
    ticket = await office.ticket()
    tom, _ = await listen(together, office.tom)
    await office.desk.writing.note(office.lea, ticket, "@tom please")

    notice = await tom("notice")
    assert (notice.ticket, notice.entry_kind) == (ticket, "mentioned")


async def test_who_looks_and_types_is_told_and_forgotten(office, together, clock):
    ticket = await office.ticket()
    tom, _ = await listen(together, office.tom)
    assert await together.look(office.lea, ticket) == []
    looking = await tom("presence")
    await together.look(office.lea, ticket, "replying")
    typing = await tom("presence")
    others = await together.look(office.tom, ticket)
    await together.look(office.lea, ticket, "")
    gone = await tom("presence")
    if len(gone.present) == 2:  # a poll came between Tom and Léa's good-bye
        gone = await tom("presence")

    assert [(item.name, item.doing) for item in looking.present] == [("Léa Martin", "looking")]
    assert [(item.name, item.doing) for item in typing.present] == [("Léa Martin", "replying")]
    assert [item.name for item in others] == ["Léa Martin"]
    assert [item.name for item in gone.present] in ([], ["Tom Weber"])
    clock.move(seconds=46)
    assert await together.present(office.ada) == []
    with pytest.raises(NotFound):
        await together.look(office.bea, ticket)
    assert await together.present(office.bea) == []


async def test_streams_are_bounded_and_given_back(office, together):
    streams = [await listen(together, office.lea) for _ in range(STREAMS_OF_ONE)]
    with pytest.raises(Overloaded):
        await listen(together, office.lea)
    await streams[0][1].aclose()
    await listen(together, office.lea)

    assert together.streams == STREAMS_OF_ONE


async def test_a_slow_reader_loses_its_stream_and_others_go_on(office, together):
    slow = together.stream(office.lea)
    await anext(slow)
    fast, _ = await listen(together, office.tom)
    ticket = await office.ticket()
    for number in range(BACKLOG + 5):
        await office.desk.writing.note(office.tom, ticket, f"Note {number}")
        await fast("entry")
    await fast("entry")

    seen = [event async for event in slow]
    assert len(seen) <= BACKLOG
    assert together.streams == 1


async def test_a_quiet_stream_beats(office, together):
    hear, _ = await listen(together, office.lea)

    assert (await hear("beat", 3)).kind == "beat"
