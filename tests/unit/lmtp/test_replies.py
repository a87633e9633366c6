"""Every reply that the listener can make, provoked once, and its text on the wire."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from gateway.errors import StorageFull
from gateway.lmtp.connection import Connection
from gateway.lmtp.replies import Reply, Wording
from gateway.lmtp.session import LmtpSession
from tests.support.lmtp_client import Answer, Disconnected, LmtpClient, stuffed

BEGIN = ("LHLO c", "MAIL FROM:<a@example.com>")
READY = (*BEGIN, "RCPT TO:<support@example.org>", "DATA")
MAIL = stuffed(b"Subject: x\r\n\r\nx\r\n")


def raises(error: Exception):
    async def take(_raw, _envelopes, _routes):
        raise error

    return take


@dataclass(frozen=True)
class Case:
    """What to say (the last answer is the one), with which settings, and what must come back; * stands for an id."""

    wire: str
    say: Sequence[str | bytes] = ()
    settings: dict[str, Any] = field(default_factory=dict)


CASES = {
    Reply.GREETING: Case("220 tickets.example.org LMTP Poterne"),
    Reply.BYE: Case("221 2.0.0 Bye", ["QUIT"]),
    Reply.OK: Case("250 2.0.0 OK", ["NOOP with words"]),
    Reply.SENDER_OK: Case("250 2.1.0 Sender OK", BEGIN),
    Reply.RECIPIENT_OK: Case("250 2.1.5 Recipient OK", READY[:3]),
    Reply.TAKEN: Case("250 2.0.0 Taken as 1", [*READY, MAIL]),
    Reply.HELP: Case("214 2.0.0 LHLO MAIL RCPT DATA RSET NOOP QUIT; see RFC 2033", ["HELP"]),
    Reply.CANNOT_VERIFY: Case("252 2.5.0 Send some mail, it will be tried", ["VRFY support@example.org"]),
    Reply.START_DATA: Case("354 End data with <CR><LF>.<CR><LF>", READY),
    Reply.TOO_MANY_CONNECTIONS: Case(
        "421 4.3.2 Too many connections, try again later", settings={"limits": {"connections": 1}}
    ),
    Reply.STOPPING: Case("421 4.3.2 Service is shutting down, try again later"),
    Reply.TOO_SLOW: Case(
        "421 4.4.2 Timeout, try again later", settings={"limits": {"command_timeout": timedelta(seconds=0.05)}}
    ),
    Reply.OUT_OF_PATIENCE: Case("421 4.7.0 Too many commands without a mail", ["NOOP\r\n" * 101 + "NOOP"]),
    Reply.CONNECTION_FAULT: Case("421 4.3.0 Try again later (*)"),
    Reply.FAULT: Case(
        "451 4.3.0 Try again later (*)", [*READY, MAIL], {"take": raises(RuntimeError("secret=hunter2"))}
    ),
    Reply.FULL: Case(
        "452 4.3.1 Insufficient storage, try again later (*)", [*READY, MAIL], {"take": raises(StorageFull("/var"))}
    ),
    Reply.BUSY: Case(
        "452 4.3.1 Too much mail in flight, try again later",
        ["LHLO c", "MAIL FROM:<> SIZE=2000"],
        {"limits": {"bytes_in_flight": 1000}},
    ),
    Reply.TOO_MANY_RECIPIENTS: Case(
        "452 4.5.3 Too many recipients, send the rest in another transaction",
        [*READY[:3], "RCPT TO:<sales@example.org>"],
        {"limits": {"recipients": 1}},
    ),
    Reply.BAD_LINE: Case("500 5.5.2 Lines end with <CR><LF> and hold no other control character", [b"NOOP\rQUIT\r\n"]),
    Reply.LINE_TOO_LONG: Case("500 5.5.2 Line too long", ["NOOP " + "x" * 5000]),
    Reply.NOT_LMTP: Case("500 5.5.1 This is LMTP: say LHLO", ["EHLO c"]),
    Reply.UNKNOWN_COMMAND: Case("500 5.5.1 Command not recognized", ["BDAT 5"]),
    Reply.BAD_SYNTAX: Case("501 5.5.4 Syntax error in parameters or arguments", ["LHLO"]),
    Reply.BAD_SENDER: Case("501 5.1.7 Syntax error in the sender's address", ["LHLO c", "MAIL FROM:<a b@c>"]),
    Reply.BAD_RECIPIENT: Case("501 5.1.3 Syntax error in the recipient's address", [*BEGIN, "RCPT TO:<>"]),
    Reply.NOT_OFFERED: Case("502 5.5.1 Command not offered here", ["LHLO c", "AUTH PLAIN AGEAYg=="]),
    Reply.NEED_LHLO: Case("503 5.5.1 Say LHLO first", ["MAIL FROM:<>"]),
    Reply.NEED_MAIL: Case("503 5.5.1 Say MAIL first", ["LHLO c", "RCPT TO:<support@example.org>"]),
    Reply.NEED_RCPT: Case("503 5.5.1 No valid recipients", [*BEGIN, "DATA"]),
    Reply.NESTED_MAIL: Case("503 5.5.1 A transaction is open already", [*BEGIN, "MAIL FROM:<>"]),
    Reply.UNKNOWN_RECIPIENT: Case("550 5.1.1 No such address here", [*BEGIN, "RCPT TO:<nobody@example.org>"]),
    Reply.TOO_BIG: Case("552 5.3.4 Message exceeds the size limit", ["LHLO c", "MAIL FROM:<> SIZE=100001"]),
    Reply.UNKNOWN_PARAMETER: Case("555 5.5.4 Parameter not recognized", ["LHLO c", "MAIL FROM:<> RET=FULL"]),
}
# Those that need more than words stand here with what else to do.
NEEDS_MORE = {Reply.TOO_SLOW, Reply.TOO_MANY_CONNECTIONS, Reply.STOPPING, Reply.CONNECTION_FAULT}


def test_the_table_is_complete():
    assert set(CASES) == set(Reply)


async def last_answer(listener, say: Sequence[str | bytes]) -> Answer:
    """Say all of it and return the last answer before nothing more comes."""
    async with LmtpClient(listener.where, greet=False) as client:
        answer = await client.answer()
        for line in say:
            client.send(line if isinstance(line, bytes) else line.encode() + b"\r\n")
        for _ in range(sum(line.count("\n") for line in say if isinstance(line, str)) + len(say)):
            answer = await client.answer()
        return answer


def matches(wire: str, text: str) -> bool:
    return re.fullmatch(re.escape(wire).replace(r"\*", "[0-9a-f]{8}-[0-9a-f]+"), text) is not None


@pytest.mark.parametrize("reply", [reply for reply in Reply if reply not in NEEDS_MORE])
async def test_each_reply(listen, reply: Reply):
    case = CASES[reply]
    answer = await last_answer(await listen(**case.settings), case.say)

    assert matches(case.wire, answer.text)


@pytest.mark.parametrize("reply", [reply for reply in Reply if reply.permanent], ids=lambda reply: reply.name)
async def test_soft_bounce_makes_nothing_permanent(listen, reply: Reply):
    case = CASES[reply]
    answer = await last_answer(await listen(soft_bounce=True, **case.settings), case.say)

    assert answer.text == f"4{case.wire[1:4]}4{case.wire[5:]}"


async def test_a_silent_client_is_told_and_dismissed(listen):
    case = CASES[Reply.TOO_SLOW]
    listener = await listen(**case.settings)
    async with LmtpClient(listener.where) as client:
        assert (await client.answer()).text == case.wire
        assert await client.rest() == b""


async def test_one_connection_too_many(listen):
    case = CASES[Reply.TOO_MANY_CONNECTIONS]
    listener = await listen(**case.settings)
    async with LmtpClient(listener.where) as first:
        async with LmtpClient(listener.where, greet=False) as second:
            assert (await second.answer()).text == case.wire
            assert await second.rest() == b""
        assert (await first.command("NOOP")).code == 250


async def test_a_stopping_server_dismisses(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        stopping = asyncio.create_task(listener.server.stop())
        assert (await client.answer()).text == CASES[Reply.STOPPING].wire
        assert await client.rest() == b""
        assert await stopping


async def test_a_broken_session_ends_in_a_421(listen, monkeypatch):
    def broken(_connection):
        raise RuntimeError("secret=hunter2")

    listener = await listen()
    monkeypatch.setattr(Connection, "_next_line", broken)
    async with LmtpClient(listener.where, greet=False) as client:
        assert (await client.answer()).code == 220
        assert matches(CASES[Reply.CONNECTION_FAULT].wire, (await client.answer()).text)
        assert await client.rest() == b""


@pytest.mark.parametrize("said", [(), (Reply.OK, Reply.OK), (Reply.OK, Reply.UNKNOWN_COMMAND, Reply.FAULT)])
async def test_a_command_never_has_more_or_less_than_its_reply(listen, monkeypatch, said):
    async def miscounting(session, _argument):
        for reply in said:
            session.say(reply)

    monkeypatch.setattr(LmtpSession, "smtp_HELP", miscounting)
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        assert (await client.command("HELP")).code == (250 if said else 451)
        await client.nothing_more()


@pytest.mark.parametrize("command", ["NOOP", "RSET", "VRFY x", "MAIL FROM:<>", "LHLO c"])
async def test_an_exception_inside_a_command_defers_it_and_stays_in_the_log(listen, monkeypatch, command):
    async def broken(_session, _argument):
        raise RuntimeError("secret=hunter2")

    monkeypatch.setattr(LmtpSession, f"smtp_{command[:4]}", broken)
    listener = await listen()
    async with LmtpClient(listener.where, greet=False) as client:
        await client.answer()
        answer = await client.command(command)
        assert matches(CASES[Reply.FAULT].wire, answer.text)


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\0\r\n", b"\n", b"MAIL FROM:<a@b>\rRCPT TO:<c@d>\r\n"])
async def test_a_line_that_two_servers_could_read_differently_ends_the_session(listen, line: bytes):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        client.send(line + b"NOOP\r\n")
        assert (await client.answer()).text == CASES[Reply.BAD_LINE].wire
        with pytest.raises(Disconnected):
            await client.answer()


async def test_other_commands_that_are_refused(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        codes = {line: (await client.command(line)).code for line in ("HELO c", "STARTTLS", "EXPN x", "VRFY", "")}

    assert codes == {"HELO c": 500, "STARTTLS": 502, "EXPN x": 502, "VRFY": 501, "": 500}


def test_the_table_of_5xx_holds_only_what_trying_again_cannot_cure():
    after_data = {Reply.TAKEN, Reply.FAULT, Reply.FULL, Reply.BUSY, Reply.TOO_BIG}

    assert {reply for reply in after_data if reply.permanent} == {Reply.TOO_BIG}
    assert {reply.code for reply in Reply if reply.permanent} - {500, 501, 502, 503, 555} == {550, 552}


def test_code_and_status_agree():
    for reply in Reply:
        line = Wording("host.example.org").line(reply, "id").decode()
        assert line.endswith("\r\n")
        assert line.isascii()
        if reply.status:
            assert line[0] == line[4], "class of the code and of the status (RFC 2034 §4)"
