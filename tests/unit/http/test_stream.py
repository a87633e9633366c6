"""The live stream as server-sent events: what a message looks like, and where a stream is taken up again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import Request

from gateway.desk.nouns import Event
from gateway.errors import Overloaded, StorageUnavailable
from gateway.http.api.events import content_of
from gateway.http.pages.live import event_json
from gateway.http.stream import message, stream_events


class Sessions:
    """Knows everybody until told otherwise."""

    ended = False

    async def known(self, _request):
        return None if self.ended else object()


async def messages(office, who, since="", *, last="", content=event_json, sessions=None):
    """Open a stream as a browser does, and yield its messages."""
    headers = [(b"last-event-id", last.encode())] if last else []
    request = Request({"type": "http", "method": "GET", "path": "/live", "headers": headers})
    known: Any = sessions or Sessions()
    answer = await stream_events(request, office.desk.together, who, sessions=known, since=since, content=content)
    assert answer.headers["content-type"].startswith("text/event-stream")
    async for part in answer.body_iterator:
        assert isinstance(part, bytes)
        yield part.decode()


async def first_ticket(*asked, **options):
    """Return the ticket of the first event of a stream, and its id."""
    async with asyncio.timeout(10):
        async for text in messages(*asked, **options):
            if "event: entry\n" in text:
                fields = dict(line.split(": ", 1) for line in text.strip().split("\n"))
                return json.loads(fields["data"])["ticket"], fields["id"]
    raise AssertionError("the stream ended")


@pytest.mark.parametrize("content", [event_json, content_of])
async def test_new_mail_is_one_message(office, content, clock):
    stream = messages(office, office.lea, content=content)
    assert await anext(stream) == "retry: 3000\n\n: beat\n\n"
    ticket = await office.ticket()
    async with asyncio.timeout(10):
        text = await anext(stream)
    name, kind, data, *end = text.split("\n")

    clock.move(seconds=30)
    assert (name, kind) == (f"id: {await office.desk.together.position()}", "event: entry")
    assert json.loads(data.removeprefix("data: "))["ticket"] == ticket
    assert end == ["", ""]
    assert message(Event("beat"), content) == b": beat\n\n"


async def test_a_stream_is_taken_up_where_it_was_lost(office, clock):
    """The header that a browser sends by itself counts before the address, in which the page stood."""
    start = str(await office.desk.together.position())
    first = await office.ticket()
    clock.move(seconds=30)
    lost = str(await office.desk.together.position())
    second = await office.ticket()

    assert (await first_ticket(office, office.lea, start))[0] == first
    assert (await first_ticket(office, office.lea, start, last=lost))[0] == second
    assert (await first_ticket(office, office.lea, lost, last="nonsense"))[0] == second


async def test_a_stream_ends_with_its_session(office, monkeypatch):
    monkeypatch.setattr(office.desk.together, "_beat", 0.05)
    sessions = Sessions()
    stream = messages(office, office.lea, sessions=sessions)
    await anext(stream)
    assert await anext(stream) == ": beat\n\n"
    sessions.ended = True

    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_one_stream_too_many_is_refused_while_there_is_a_status(office, monkeypatch):
    monkeypatch.setattr("gateway.desk.together.STREAMS_OF_ONE", 1)
    open_one = messages(office, office.lea)
    await anext(open_one)

    with pytest.raises(Overloaded):
        await anext(messages(office, office.lea))


async def test_a_database_that_does_not_answer_refuses_a_stream_before_its_status(office, monkeypatch):
    """And a stream that was refused counts no more."""

    async def nothing(*_asked):
        raise StorageUnavailable("gone")

    start = str(await office.desk.together.position())
    monkeypatch.setattr(office.store, "events_since", nothing)

    with pytest.raises(StorageUnavailable):
        await anext(messages(office, office.lea, start))
    assert office.desk.together.streams == 0
