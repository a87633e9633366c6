"""The dialogue as RFC 2033 has it: greetings, order of commands, recipients, replies, octets."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import Route
from gateway.telemetry import metrics
from tests.support.lmtp_client import LmtpClient, stuffed
from tests.support.lmtp_listener import Listener

MAIL = b"From: Ann <ann@example.com>\r\nSubject: Printer\r\n\r\nIt is on fire.\r\n"


async def test_lhlo_offers_what_rfc_2033_demands(listen):
    listener = await listen()
    async with LmtpClient(listener.where, greet=False) as client:
        assert (await client.answer()).text == "220 tickets.example.org LMTP Poterne"
        answer = await client.command("LHLO mx.example.org")

    assert answer.lines == (
        "250-tickets.example.org",
        "250-PIPELINING",
        "250-ENHANCEDSTATUSCODES",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250 SIZE 100000",
    )


async def test_a_mail_reaches_the_taker_octet_for_octet(listen):
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    listener = await listen(now=lambda: moment)
    odd = b"..leading dot\r\nbare\nnewline bare\rreturn \x00 \xff\r\n.\r.\n\r\nno Received: added\r\n"
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("ann@example.com", ["Support+x1@Example.ORG", "sales@example.org"], odd)

    taker = listener.taker
    assert [answer.text for answer in answers] == ["250 2.0.0 Taken as 1", "250 2.0.0 Taken as 2"]
    assert taker.mails == [odd]
    assert [envelope.rcpt_to for envelope in taker.envelopes] == ["Support+x1@Example.ORG", "sales@example.org"]
    assert [route.queue for route in taker.routes] == ["support", "sales"]
    first, second = taker.envelopes
    assert (first.mail_from, first.received_at, first.source) == ("ann@example.com", moment, "lmtp")
    assert first.session == second.session != ""
    assert first.peer.startswith("127.0.0.1:")


async def test_every_mail_has_an_id_of_its_own(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        for _ in range(3):
            await client.deliver("ann@example.com", ["support@example.org"], MAIL)

    assert len({envelope.session for envelope in listener.taker.envelopes}) == 3


async def test_the_null_sender_is_empty(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        await client.deliver("", ["support@example.org"], MAIL)

    assert listener.taker.envelopes[0].mail_from == ""


async def test_an_unknown_recipient_is_refused_alone(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("ann@example.com", ["support@example.org", "nobody@example.org"], MAIL)

    assert [(answer.code, answer.status) for answer in answers] == [(250, "2.0.0"), (550, "5.1.1")]
    assert len(listener.taker.envelopes) == 1


async def test_a_repeated_recipient_gets_a_reply_of_its_own(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("ann@example.com", ["support@example.org"] * 3, MAIL)

    assert [answer.text for answer in answers] == [f"250 2.0.0 Taken as {number}" for number in (1, 2, 3)]
    assert len(listener.taker.mails) == 1


def anything(recipient: str) -> Route:
    return Route("support", recipient)


async def test_utf8_addresses(listen):
    listener = await listen(route=anything)
    async with LmtpClient(listener.where) as client:
        client.send("MAIL FROM:<jürgen@bücher.example> SMTPUTF8\r\nRCPT TO:<用户@example.org>\r\nDATA\r\n".encode())
        assert [answer.code for answer in await client.answers(3)] == [250, 250, 354]
        client.send(stuffed(MAIL))
        assert (await client.answer()).code == 250

    envelope = listener.taker.envelopes[0]
    assert (envelope.mail_from, envelope.rcpt_to) == ("jürgen@bücher.example", "用户@example.org")


async def test_pipelined_mails_are_answered_in_order(listen):
    listener = await listen()
    commands = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<support@example.org>\r\nDATA\r\n"
    async with LmtpClient(listener.where) as client:
        # A client that does not even wait for 354, with two mails in one write.
        client.send((commands + stuffed(MAIL)) * 2 + b"NOOP\r\nQUIT\r\n")
        codes = [(await client.answer()).code for _ in range(10)]
        assert await client.rest() == b""

    assert codes == [250, 250, 354, 250, 250, 250, 354, 250, 250, 221]
    assert listener.taker.mails == [MAIL, MAIL]


async def test_rset_and_lhlo_forget_the_transaction(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        for forget in ("RSET", "LHLO again"):
            assert (await client.command("MAIL FROM:<a@example.com>")).code == 250
            assert (await client.command("RCPT TO:<support@example.org>")).code == 250
            assert (await client.command(forget)).code == 250
            assert (await client.command("DATA")).code == 503

    assert listener.taker.mails == []


async def test_the_empty_mail_is_taken(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        answers = await client.deliver("a@example.com", ["support@example.org"], b"")

    assert answers[0].code == 250
    assert listener.taker.mails == [b""]


async def test_a_half_closed_client_still_hears_what_became_of_its_mail(listen):
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        client.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<support@example.org>\r\nDATA\r\n" + stuffed(MAIL))
        client.writer.write_eof()
        codes = [answer.code for answer in await client.answers(4)]

    assert codes == [250, 250, 354, 250]


async def test_replies_are_counted_by_command_and_class(listen):
    def count(command: str, reply_class: str) -> float:
        labels = {"command": command, "class": reply_class}
        return metrics.REGISTRY.get_sample_value("poterne_lmtp_replies_total", labels) or 0

    before = count("RCPT", "5xx"), count("DATA", "2xx")
    listener = await listen()
    async with LmtpClient(listener.where) as client:
        await client.deliver("a@example.com", ["support@example.org", "nobody@example.org"], MAIL)
        assert metrics.REGISTRY.get_sample_value("poterne_lmtp_connections") == 1
    listener.house.publish()

    assert (count("RCPT", "5xx") - before[0], count("DATA", "2xx") - before[1]) == (1, 1)


TWO_MAILS = (
    b"LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<support@example.org>\r\nRCPT TO:<nobody@example.org>\r\n"
    b"RCPT TO:<sales@example.org>\r\nDATA\r\n"
    + stuffed(b"..a\r\n.\r.\r\n\r\n" + MAIL)
    + b"VRFY x\r\nmail from:<b@example.com> SIZE=9\r\nRCPT TO:<it@example.org>\r\nDATA\r\n"
    + stuffed(MAIL * 3)
    + b"QUIT\r\n"
)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@given(cuts=st.lists(st.integers(0, len(TWO_MAILS)), max_size=20))
@settings(max_examples=25, deadline=None)
def test_packets_have_no_meaning(new_loop, cuts: list[int]):
    borders = [0, *sorted(cuts), len(TWO_MAILS)]
    packets = [TWO_MAILS[start:end] for start, end in itertools.pairwise(borders)]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        answers_and_mails = runner.run(converse(packets))

    assert answers_and_mails == (
        [220, 250, 250, 250, 550, 250, 354, 250, 250, 252, 250, 250, 354, 250, 221],
        [b"..a\r\n.\r.\r\n\r\n" + MAIL, MAIL * 3],
    )


async def converse(packets: list[bytes]) -> tuple[list[int], list[bytes]]:
    listener = Listener()
    client = LmtpClient(await listener.start(), greet=False)
    await client.connect()
    for packet in packets:
        client.send(packet)
        await asyncio.sleep(0)
    replies = (await client.rest()).split(b"\r\n")
    await client.close()
    assert await listener.server.stop()
    return [int(line[:3]) for line in replies if line and line[3:4] == b" "], listener.taker.mails
