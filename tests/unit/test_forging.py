"""A short run of `make forge`: nobody joins a ticket without a key or a part in it, and the count would notice."""

from __future__ import annotations

import pytest

from gateway import threading
from tests.support.forge import against_a_desk
from tests.support.forge_store import CUSTOMERS


async def test_no_forged_mail_joins_a_ticket_of_a_desk_and_every_genuine_one_does():
    assert await against_a_desk(1000, seed=3) == (1000, 0, 3 * CUSTOMERS)


async def test_where_everybody_is_taken_for_a_participant_forgeries_join(monkeypatch: pytest.MonkeyPatch):
    """Broken on purpose: then a copied Message-ID is enough."""
    monkeypatch.setattr(threading, "is_participant", lambda *_: True)

    _, joined, _ = await against_a_desk(200, seed=3)

    assert joined > 20
