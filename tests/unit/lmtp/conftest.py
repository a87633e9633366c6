"""Listeners that end with their test."""

from __future__ import annotations

import pytest

from gateway.lmtp import server
from tests.support.lmtp_listener import Listener


@pytest.fixture
async def listen(monkeypatch):
    """Start listeners: `await listen(limits={...}, soft_bounce=True)`; they are stopped after the test."""
    monkeypatch.setattr(server, "LOOK_EVERY", 0.02)
    running: list[Listener] = []

    async def start(**settings) -> Listener:
        listener = Listener(**settings)
        running.append(listener)
        await listener.start()
        return listener

    yield start
    for listener in running:
        listener.taker.may_answer.set()
        assert await listener.server.stop()
        assert listener.house.budget.used == 0
