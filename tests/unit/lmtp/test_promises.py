"""Each promise of the listener, broken on purpose from the other side: the taker, the client, the load."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from types import SimpleNamespace

import pytest

from gateway.errors import Overloaded, Permanent, StorageFull, StorageUnavailable
from gateway.lmtp import connection, handover
from gateway.model import Route
from tests.support.lmtp_client import LmtpClient, stuffed

MAIL = b"From: Ann <ann@example.com>\r\nSubject: Printer\r\n\r\nIt is on fire.\r\n"
ROUTE = Route("support", "support@example.org")
THREE = ["support@example.org", "sales@example.org", "it@example.org"]


def raising(error: BaseException):
    def respond(_count: int):
        raise error

    return respond


FAULTS = {
    "any exception": (raising(RuntimeError("db gone secret=hunter2")), [451] * 3),
    "storage gone": (raising(StorageUnavailable("no answer")), [451] * 3),
    "storage full": (raising(StorageFull("disk")), [452] * 3),
    "overloaded": (raising(Overloaded("budget")), [452] * 3),
    "permanent error": (raising(Permanent("never mind")), [451] * 3),
    "cancelled inside": (raising(asyncio.CancelledError()), [451] * 3),
    "nothing": (lambda _count: None, [451] * 3),
    "no results": (lambda _count: [], [451] * 3),
    "one result for all": (lambda _count: [1], [451] * 3),
    "one too many": (lambda count: [1] * (count + 1), [451] * 3),
    "not a result": (lambda count: ["250 OK"] * count, [451] * 3),
    "mixed": (lambda _count: [1, StorageUnavailable("x"), StorageFull("y")], [250, 451, 452]),
    "mixed with bugs": (lambda _count: [ValueError("x"), 2, Permanent("y")], [451, 250, 451]),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_reply_per_recipient_whatever_the_taker_does(listen, fault: str):
    listener = await listen()
    listener.taker.respond, codes = FAULTS[fault]
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("ann@example.com", THREE, MAIL)
        assert [answer.code for answer in answers] == codes
        assert not any("hunter2" in answer.text for answer in answers)

        listener.taker.respond = lambda count: [1] * count
        assert [answer.code for answer in await client.deliver("ann@example.com", THREE, MAIL)] == [250] * 3


async def test_a_client_has_its_replies_before_the_log_is_written(listen, monkeypatch):
    listener = await listen()
    events: list[str] = []
    say = connection.Connection._flush

    def flush(self) -> None:
        events.extend("reply" for line in self._output if line.startswith(b"250 2.0.0 Taken"))
        say(self)

    monkeypatch.setattr(connection.Connection, "_flush", flush)
    monkeypatch.setattr(handover, "MAIL_BYTES", SimpleNamespace(observe=lambda _size: events.append("note")))
    async with LmtpClient(listener.where) as client:
        for _ in range(3):
            await client.deliver("ann@example.com", THREE[:1], MAIL)

    assert events == ["reply", "note"] * 3


async def test_an_error_of_ours_after_the_end_of_data_defers_every_recipient(listen):
    def broken_clock():
        raise RuntimeError("secret=hunter2")

    listener = await listen(now=broken_clock)
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("ann@example.com", THREE, MAIL)
        assert [answer.code for answer in answers] == [451] * 3
        assert not any("hunter2" in answer.text for answer in answers)
        assert (await client.command("DATA")).text == "503 5.5.1 Say MAIL first"


async def test_a_taker_that_raises_before_it_awaits(listen):
    def broken(_raw, _envelopes, _routes):
        raise RuntimeError("at once")

    listener = await listen(take=broken)
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("ann@example.com", THREE, MAIL)

    assert [answer.code for answer in answers] == [451] * 3


async def test_a_hanging_taker_is_given_up_and_the_next_mail_taken(listen):
    listener = await listen(limits={"commit_timeout": timedelta(seconds=0.05)})
    listener.taker.may_answer.clear()
    async with LmtpClient(listener.where) as client:
        started = asyncio.get_running_loop().time()
        answers = await client.deliver("ann@example.com", THREE, MAIL)
        assert [answer.code for answer in answers] == [451] * 3
        assert asyncio.get_running_loop().time() - started < 2

        listener.taker.may_answer.set()
        assert [answer.code for answer in await client.deliver("", THREE, MAIL)] == [250] * 3


async def test_a_taker_that_ignores_its_cancellation_holds_up_nobody(listen):
    hold = asyncio.Event()
    ended = []

    async def stubborn(_raw, envelopes, _routes):
        while not hold.is_set():
            try:
                await hold.wait()
            except asyncio.CancelledError:
                continue
        ended.append(True)
        raise RuntimeError("too late to matter")

    listener = await listen(take=stubborn, limits={"commit_timeout": timedelta(seconds=0.05)})
    async with LmtpClient(listener.where) as client:
        assert [answer.code for answer in await client.deliver("", THREE, MAIL)] == [451] * 3
    hold.set()
    while not ended:
        await asyncio.sleep(0)


async def test_a_broken_route_defers_the_recipient(listen):
    def broken(recipient: str):
        raise RuntimeError(recipient)

    listener = await listen(route=broken)
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("ann@example.com", ["support@example.org"], MAIL)

    assert answers[0].code == 451
    assert "support" not in answers[0].text


async def test_a_mail_over_the_size_limit_is_refused_once_per_recipient(listen):
    listener = await listen(limits={"message_size": 1000})
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("ann@example.com", THREE, b"x" * 2000)
        assert [(answer.code, answer.status) for answer in answers] == [(552, "5.3.4")] * 3

        fits = b"x" * 998 + b"\r\n"
        assert [answer.code for answer in await client.deliver("", THREE, fits)] == [250] * 3
    assert listener.taker.mails == [fits]


async def test_a_line_of_any_length_is_no_reason_to_refuse(listen):
    listener = await listen(limits={"message_size": 5 << 20})
    content = b"x" * (4 << 20) + b"\r\n"
    async with LmtpClient(listener.where) as client:
        assert [answer.code for answer in await client.deliver("", THREE, content)] == [250] * 3

    assert listener.taker.mails == [content]


async def test_mail_beyond_the_budget_is_deferred_and_the_budget_comes_back(listen):
    listener = await listen(limits={"bytes_in_flight": 60_000, "message_size": 50_000})
    big = b"x" * 39_998 + b"\r\n"
    listener.taker.may_answer.clear()
    async with LmtpClient(listener.where) as first, LmtpClient(listener.where) as second:
        held = asyncio.create_task(first.deliver("", THREE, big))
        await listener.taker.begun.wait()
        assert listener.house.budget.used == 40_000

        # without SIZE it is noticed while it arrives; with SIZE before that
        assert [answer.code for answer in await second.deliver("", THREE, big)] == [452] * 3
        assert (await second.command("MAIL FROM:<> SIZE=40000")).text.startswith("452 4.3.1")

        listener.taker.may_answer.set()
        assert [answer.code for answer in await held] == [250] * 3
        assert [answer.code for answer in await second.deliver("", THREE, big)] == [250] * 3


async def test_of_mails_that_fill_the_budget_together_some_come_through(listen):
    listener = await listen(limits={"bytes_in_flight": 100_000, "message_size": 50_000})
    content = stuffed((b"x" * 98 + b"\r\n") * 400)

    async def one(gate: asyncio.Barrier) -> int:
        async with LmtpClient(listener.where) as client:
            client.send(b"MAIL FROM:<>\r\nRCPT TO:<support@example.org>\r\nDATA\r\n")
            await client.answers(3)
            for start in range(0, len(content), 5000):
                # all in step, without telling their size before
                await gate.wait()
                client.send(content[start : start + 5000])
                await client.writer.drain()
            return (await client.answer()).code

    gate = asyncio.Barrier(8)
    codes = await asyncio.gather(*(one(gate) for _ in range(8)))

    assert set(codes) == {250, 452}
    assert len(listener.taker.mails) == codes.count(250) >= 1


async def test_the_announced_size_is_reserved_at_data(listen):
    listener = await listen(limits={"bytes_in_flight": 60_000, "message_size": 50_000})
    async with LmtpClient(listener.where) as first, LmtpClient(listener.where) as second:
        for client in (first, second):
            client.send(b"MAIL FROM:<> SIZE=40000\r\nRCPT TO:<support@example.org>\r\n")
            assert [answer.code for answer in await client.answers(2)] == [250, 250]
        assert (await first.command("DATA")).code == 354
        assert (await second.command("DATA")).text == "452 4.3.1 Too much mail in flight, try again later"

        first.abort()
        while listener.house.budget.used:
            await asyncio.sleep(0.001)
        assert (await second.command("DATA")).code == 354


async def test_a_mail_that_is_cut_off_is_not_taken(listen):
    listener = await listen()
    for end in (b"\r\n.\r", b"\r\n.", b"\r\n", b""):
        async with LmtpClient(listener.where) as client:
            client.send(b"MAIL FROM:<>\r\nRCPT TO:<support@example.org>\r\nDATA\r\n" + MAIL + end)
            await client.answers(3)
            client.writer.write_eof()
            assert await client.rest() == b""

    assert listener.taker.mails == []


async def test_a_client_that_leaves_while_its_mail_is_taken_does_not_stop_it(listen):
    listener = await listen()
    listener.taker.may_answer.clear()
    async with LmtpClient(listener.where) as client:
        client.send(b"MAIL FROM:<>\r\nRCPT TO:<support@example.org>\r\nDATA\r\n" + stuffed(MAIL))
        await listener.taker.begun.wait()
        client.abort()
    listener.taker.may_answer.set()
    while listener.house.sessions:
        await asyncio.sleep(0.001)

    assert listener.taker.mails == [MAIL]


async def test_slow_clients_are_dismissed_and_good_ones_served(listen, monkeypatch):
    monkeypatch.setattr(connection, "RATE_WINDOW", 0.1)
    listener = await listen(limits={"minimum_rate": 10_000, "command_timeout": timedelta(seconds=0.2)})

    async def drip(client: LmtpClient, octets: bytes) -> bytes:
        answer = asyncio.create_task(client.rest())
        for octet in octets:
            client.send(bytes([octet]))
            await asyncio.wait({answer}, timeout=0.02)
            if answer.done():
                break
        return await answer

    async def slow_in_data() -> bytes:
        async with LmtpClient(listener.where) as client:
            client.send(b"MAIL FROM:<>\r\nRCPT TO:<support@example.org>\r\nDATA\r\n")
            await client.answers(3)
            return await drip(client, b"x" * 1000)

    async def slow_in_a_command() -> bytes:
        async with LmtpClient(listener.where) as client:
            return await drip(client, b"NOOP " + b"x" * 1000)

    async def good() -> list[int]:
        async with LmtpClient(listener.where) as client:
            return [(await client.deliver("", THREE, MAIL))[0].code for _ in range(20)]

    *slow, codes = await asyncio.gather(slow_in_data(), slow_in_a_command(), good())

    assert slow == [b"421 4.4.2 Timeout, try again later\r\n"] * 2
    assert codes == [250] * 20
    assert len(listener.taker.mails) == 20


async def test_a_big_mail_may_take_longer_than_any_total_time(listen, monkeypatch):
    monkeypatch.setattr(connection, "RATE_WINDOW", 0.05)
    listener = await listen(limits={"minimum_rate": 1000, "command_timeout": timedelta(seconds=0.1)})
    async with LmtpClient(listener.where) as client:
        client.send(b"MAIL FROM:<>\r\nRCPT TO:<support@example.org>\r\nDATA\r\n")
        await client.answers(3)
        for _ in range(20):
            client.send(b"x" * 500 + b"\r\n")
            await asyncio.sleep(0.02)
        client.send(b".\r\n")
        assert (await client.answer()).code == 250


async def test_a_burst_buys_no_time_for_a_drip(listen, monkeypatch):
    monkeypatch.setattr(connection, "RATE_WINDOW", 0.05)
    listener = await listen(limits={"minimum_rate": 1000})
    async with LmtpClient(listener.where) as client:
        client.send(b"MAIL FROM:<>\r\nRCPT TO:<support@example.org>\r\nDATA\r\n" + b"x" * 50_000)
        await client.answers(3)
        assert (await client.answer()).text == "421 4.4.2 Timeout, try again later"


async def test_a_mail_renews_the_patience(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        for _ in range(3):
            client.send(b"NOOP\r\n" * 60)
            assert [answer.code for answer in await client.answers(60)] == [250] * 60
            assert (await client.deliver("", THREE, MAIL))[0].code == 250


async def test_a_client_that_never_reads_does_not_fill_the_memory(listen, monkeypatch):
    monkeypatch.setattr(connection, "PATIENCE", 10**9)
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        chunk = b"HELP\r\n" * 10_000
        for _ in range(200):
            client.send(chunk)
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        session = next(iter(listener.house.sessions))
        assert len(session._input) < 1 << 20
        assert session._wire.get_write_buffer_size() < 8 << 20

        client.abort()
    async with LmtpClient(listener.where) as client:
        assert (await client.command("NOOP")).code == 250


async def test_an_endless_line_does_not_fill_the_memory(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        for _ in range(300):
            client.send(b"x" * 10_000)
            await asyncio.sleep(0)
        session = next(iter(listener.house.sessions))
        assert len(session._input) <= 300_000
        client.send(b"\r\nNOOP\r\n")
        assert [answer.code for answer in await client.answers(2)] == [500, 250]


async def test_garbage_sessions_leave_the_listener_as_good_as_new(listen):
    listener = await listen()
    rng = random.Random(20260302)

    async def garbage() -> None:
        client = LmtpClient(listener.where, greet=False)
        await client.connect()
        kind = rng.randrange(4)
        if kind == 0:
            client.send(rng.randbytes(rng.randrange(200)))
        elif kind == 1:
            client.send(b"LHLO x\r\nMAIL FROM:<" + rng.randbytes(20) + b">\r\nDATA\r\n")
        elif kind == 2:
            client.send(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<it@example.org>\r\nDATA\r\n" + rng.randbytes(100))
        client.abort() if rng.random() < 0.8 else await client.close()

    for _ in range(500):
        await asyncio.gather(*(garbage() for _ in range(20)))
    while listener.house.sessions:
        await asyncio.sleep(0.001)

    async with LmtpClient(listener.where) as client:
        started = asyncio.get_running_loop().time()
        assert [answer.code for answer in await client.deliver("", THREE, MAIL)] == [250] * 3
        assert asyncio.get_running_loop().time() - started < 1
    assert listener.taker.mails == [MAIL]


async def test_a_client_that_guesses_recipients_is_dismissed(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        client.send(b"MAIL FROM:<>\r\n" + b"RCPT TO:<guess@example.org>\r\n" * 200)
        replies = (await client.rest()).split(b"\r\n")

    assert replies[0] == b"250 2.1.0 Sender OK"
    assert replies[-2] == b"421 4.7.0 Too many commands without a mail"
    assert len(replies) < 120


async def test_a_thousand_recipients_are_no_reason_to_be_impatient(listen):
    listener = await listen(route=lambda _recipient: ROUTE)
    recipients = [f"r{number}@example.org" for number in range(1000)]
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("", [*recipients, "one-more@example.org"], MAIL)

    assert [answer.code for answer in answers] == [250] * 1000 + [452]
    assert len(listener.taker.envelopes) == 1000
