"""A graceful end: no mail in progress is lost, no connection is left without a word."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway.lmtp.replies import Reply
from tests.support.lmtp_client import LmtpClient, stuffed

MAIL = b"Subject: x\r\n\r\nx\r\n"
READY = b"MAIL FROM:<>\r\nRCPT TO:<support@example.org>\r\nRCPT TO:<sales@example.org>\r\nDATA\r\n"


async def test_data_in_progress_is_finished_and_the_rest_dismissed(listen):
    listener = await listen()
    async with (
        LmtpClient(listener.where) as idle,
        LmtpClient(listener.where) as begun,
        LmtpClient(listener.where) as sending,
        LmtpClient(listener.where) as waiting,
    ):
        await begun.command("MAIL FROM:<>")
        sending.send(READY)
        waiting.send(READY)
        await sending.answers(4)
        await waiting.answers(4)
        listener.taker.may_answer.clear()
        waiting.send(stuffed(MAIL))
        await listener.taker.begun.wait()

        stopping = asyncio.create_task(listener.server.stop())
        for client in (idle, begun):
            assert (await client.answer()).text.startswith("421 4.3.2 ")
            assert await client.rest() == b""
        assert not stopping.done()

        listener.taker.may_answer.set()
        sending.send(stuffed(MAIL * 2))
        for client in (sending, waiting):
            assert [answer.code for answer in await client.answers(3)] == [250, 250, 421]
            assert await client.rest() == b""
        assert await stopping

    assert sorted(listener.taker.mails) == [MAIL, MAIL * 2]


async def test_new_connections_are_refused_once_it_stops(listen):
    listener = await listen()
    assert await listener.server.stop()

    with pytest.raises(ConnectionRefusedError):
        await LmtpClient(listener.where, greet=False).connect()


async def test_a_connection_that_slips_in_is_dismissed(listen):
    listener = await listen()
    listener.house.stopping = True
    async with LmtpClient(listener.where, greet=False) as client:
        assert (await client.answer()).text.startswith(f"421 {Reply.STOPPING.status}")
        assert await client.rest() == b""


async def test_a_client_that_never_ends_its_data_does_not_hold_up_the_end(listen):
    listener = await listen(limits={"shutdown_timeout": timedelta(seconds=0.05)})
    async with LmtpClient(listener.where) as client:
        client.send(READY + b"Subject: endless\r\n")
        await client.answers(4)
        assert not await listener.server.stop()
        assert (await client.answer()).code == 421
        assert await client.rest() == b""
    while listener.house.sessions:
        await asyncio.sleep(0.001)

    assert listener.taker.mails == []
