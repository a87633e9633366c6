"""What administrators see and do, and that secrets are not part of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.desk import Forbidden, Words
from gateway.desk.administration import hide, sound_pattern
from gateway.errors import Conflict, NotFound, NotSendable


async def test_the_configuration_is_shown_without_secrets(office):
    shown = office.desk.administration.configuration(office.ada)

    assert shown["secret"] == {"from": "file", "name": "/nowhere/secret"}
    assert shown["queues"]["support"]["from"] == "Example Support <support@example.org>"
    assert hide({"database": "postgresql://joe:pass@db/poterne"}) == {"database": "postgresql://joe:***@db/poterne"}
    with pytest.raises(Forbidden):
        office.desk.administration.configuration(office.lea)


async def test_deliveries_are_held_retried_cancelled_and_channels_paused(office, clock):
    admin = office.desk.administration
    ticket = await office.ticket()
    await office.desk.writing.reply(office.lea, ticket, Words("Hello"))
    (row,) = await admin.outbox(office.ada)
    await admin.hold(office.ada, row.id)
    held = await admin.outbox(office.ada, state="held")
    await admin.retry(office.ada, row.id)
    await admin.pause(office.ada, "relay", "maintenance")
    clock.move(minutes=1)
    paused = await office.store.claim_deliveries("relay", 10, timedelta(minutes=1))
    (channel,) = await admin.channels(office.ada)
    await admin.resume(office.ada, "relay")
    sent = await office.store.claim_deliveries("relay", 10, timedelta(minutes=1))

    assert [item.id for item in held] == [row.id]
    assert paused == []
    assert channel.paused is not None
    assert "maintenance" in channel.paused.because
    assert [item.delivery_id for item in sent] == [row.id]
    assert len(await admin.attempts(office.ada, row.id)) == 1
    for attempt in (admin.cancel(office.ada, row.id), admin.hold(office.ada, row.id)):
        with pytest.raises(Conflict):
            await attempt
    for attempt in (admin.pause(office.ada, "nowhere", ""), admin.resume(office.ada, "relay")):
        with pytest.raises(NotFound):
            await attempt


async def test_what_is_held_is_seen_traced_and_released(office):
    admin = office.desk.administration
    await office.receive(office.mail("First"))
    (claim,) = await claimed(office, office.mail("Held"))
    await office.store.hold_intake(claim, "parser-died", "the parser died over it")
    (row,) = await admin.quarantine(office.ada)
    await admin.replay(office.ada, row.id, release=True)

    assert row.because == "the parser died over it"
    assert await admin.quarantine(office.ada) == []
    assert [trace.row.id for trace in await admin.trace(office.ada, str(row.id))] == [row.id]
    assert await admin.trace(office.ada, "marie@customer.example")
    with pytest.raises(NotFound):
        await admin.replay(office.ada, row.id, release=False)


async def claimed(office, raw):
    from gateway.model import Envelope

    envelope = Envelope("marie@customer.example", "support-in@tickets.example.org", office.store.clock.now())
    await office.store.accept(raw, [envelope], ["support"])
    return await office.store.claim_intakes(10, timedelta(minutes=1))


async def test_the_blocklist_takes_patterns_that_mean_something(office):
    admin = office.desk.administration
    await admin.block(office.ada, " NoReply@* ", "robots")
    (row,) = await admin.blocklist(office.ada)
    await admin.unblock(office.ada, "noreply@*")

    assert (row.pattern, row.reason, row.added_by) == ("noreply@*", "robots", "Ada Admin <ada@example.org>")
    for pattern in ("*", "@*", "*@*", "", "two words", "a\nb", "no-address", "x" * 400):
        with pytest.raises(NotSendable):
            await admin.block(office.ada, pattern, "")
    assert all(
        sound_pattern(pattern) for pattern in ("a@b.example", "example.org", "@example.org", "*@lists.example.org")
    )
    with pytest.raises(NotFound):
        await admin.unblock(office.ada, "noreply@*")


async def test_the_rest_is_there_for_administrators(office):
    admin = office.desk.administration

    assert {row.key for row in await admin.queues(office.ada)} == {"support", "billing"}
    assert {(row.scope, row.window) for row in admin.limits(office.ada)} >= {("address", "24h"), ("queue", "1h")}
    assert await admin.inboxes(office.ada) == []
    assert await admin.forwarders(office.ada) == []
    assert await admin.suppressions(office.ada) == []
    assert await admin.breakers(office.ada) == []
    assert admin.check(office.ada) == ()
    assert (await admin.statistics(office.ada)).waiting_intakes == 0
    with pytest.raises(NotFound):
        await admin.reset_breaker(office.ada, "support")


async def test_a_forwarder_is_named_with_the_line_to_set_until_it_is_configured(office, monkeypatch):
    through = {"X-Forwarded-For": "help@gmail.com support-in@tickets.example.org"}
    for number in range(2):
        await office.receive(office.mail(f"Mail {number}", **through))

    (seen,) = await office.desk.administration.forwarders(office.ada)

    assert (seen.queue, seen.forwarder, seen.mails, seen.configured) == ("support", "help@gmail.com", 2, False)
    assert seen.line == "queues.support.forwarders: [help@gmail.com]"

    support = office.settings.queues["support"].model_copy(update={"forwarders": ("help@gmail.com",)})
    changed = office.settings.model_copy(update={"queues": {**office.settings.queues, "support": support}})
    monkeypatch.setattr(office.desk.administration, "_settings", lambda: changed)
    (seen,) = await office.desk.administration.forwarders(office.ada)

    assert (seen.configured, seen.line) == (True, "")
