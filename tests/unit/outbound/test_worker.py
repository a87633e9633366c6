"""The outbound worker: once written, always the same octets; recorded until recorded; no channel waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.errors import NotSendable, StorageUnavailable
from gateway.mail.token import read_tokens
from gateway.model import (
    DeliveryResult,
    DeliveryState,
    Envelope,
    Mailbox,
    Outcome,
    OutgoingKind,
    ParsedMail,
    Token,
    TokenPurpose,
)
from gateway.outbound import courier as courier_module
from gateway.outbound import dkim
from gateway.outbound.courier import LEASE
from gateway.outbound.health import BACKOFF
from gateway.outbound.schedule import DELAYS, GIVE_UP_AFTER, JITTER, WARN_AFTER
from gateway.outbound.signer import Signer
from gateway.outbound.worker import ChannelWorker, Desk, Rate
from gateway.telemetry import failpoint
from tests.conftest import MovableClock
from tests.support.drafts import KEYS, make_draft, records, signing_keys
from tests.support.outbox import (
    BUSY,
    GONE,
    LATER,
    LOST,
    REFUSED,
    START,
    TAKEN,
    MemoryOutbox,
    QuickSigner,
    RunningClock,
    ScriptedChannel,
    play,
)

HOME = "support-in@tickets.example.org"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


SIGNER = QuickSigner()


@pytest.fixture(autouse=True)
def no_failpoint() -> Iterator[None]:
    yield
    failpoint.arm("")


def make_desk(outbox: MemoryOutbox, *, signer: Signer = SIGNER, chance: float = 0.5, **changes) -> Desk:
    homes = changes.pop("bounce_homes", {"support": HOME})
    return Desk(outbox, signer, outbox.clock, KEYS, homes, lambda: chance, **changes)


class Stage:
    """One worker with its outbox, its channel and its clock."""

    def __init__(self, *answers: DeliveryResult, rates: Sequence[Rate] = (), connections: int = 4, **desk) -> None:
        self.clock = MovableClock(START)
        self.outbox = MemoryOutbox(self.clock)
        self.channel = ScriptedChannel(*answers, clock=self.clock)
        self.worker = ChannelWorker(
            "relay", self.channel, make_desk(self.outbox, **desk), connections=connections, rates=rates
        )

    async def round(self) -> None:
        await self.worker.round()
        await self.worker.settled()

    async def play(self, until: timedelta) -> None:
        await play(self.worker, self.outbox, self.clock, self.clock.moment + until)


# --- one delivery ---------------------------------------------------------------------------------------------


async def test_a_reply_leaves_signed_with_its_own_bounce_address() -> None:
    stage = Stage(signer=QuickSigner(signing_keys()))
    stage.outbox.put(7)
    await stage.round()
    (sent,) = stage.channel.sent
    bounce = read_tokens(ParsedMail(), Envelope("", sent.envelope_from, START), KEYS).recipient

    assert stage.outbox.states() == {"sent": 1}
    assert sent.recipients == ("ada@example.com",)
    assert dkim.verify(sent.content, records(signing_keys()).get) == ("example.org r1 pass", "example.org e1 pass")
    assert bounce == Token(TokenPurpose.BOUNCE, 7)


@pytest.mark.parametrize("kind", [kind for kind in OutgoingKind if kind.automatic])
async def test_automatic_mail_leaves_with_the_null_sender(kind: OutgoingKind) -> None:
    stage = Stage()
    stage.outbox.put(1, draft=make_draft(kind=kind))
    await stage.round()

    assert stage.channel.sent[0].envelope_from == ""


@pytest.mark.parametrize("homes", [{}, {"support": "a-very-long-name-for-a-queue@tickets.example.org"}])
async def test_without_room_for_a_bounce_token_from_is_the_envelope_sender(homes) -> None:
    stage = Stage(bounce_homes=homes)
    stage.outbox.put(1)
    await stage.round()

    assert stage.channel.sent[0].envelope_from == "support@example.org"


async def test_a_mail_that_is_deferred_is_sent_again_with_the_same_octets() -> None:
    stage = Stage(LATER, LOST, TAKEN, signer=QuickSigner(signing_keys()))
    row = stage.outbox.put(1)
    await stage.play(timedelta(hours=1))
    first, *others = stage.channel.sent

    assert row.state is DeliveryState.SENT
    assert [result.outcome for _, result in row.results] == [Outcome.DEFERRED, Outcome.UNKNOWN, Outcome.SENT]
    assert [sent.content for sent in others] == [first.content] * 2
    assert row.delivery.message_id.encode() in first.content


async def test_the_octets_that_were_stored_first_are_sent() -> None:
    stage = Stage()
    stage.outbox.contents[1] = b"another node was faster\r\n"
    stage.outbox.put(1)
    claim = stage.outbox.claim_deliveries

    async def without_content(channel, limit, lease, allowances=()):  # it was stored after we claimed
        return [replace(delivery, content=None) for delivery in await claim(channel, limit, lease, allowances)]

    stage.outbox.claim_deliveries = without_content  # type: ignore[method-assign]
    await stage.round()

    assert stage.channel.sent[0].content == b"another node was faster\r\n"


async def test_a_refusal_is_final_at_once_and_shown() -> None:
    stage = Stage(REFUSED)
    row = stage.outbox.put(1)
    await stage.play(timedelta(days=6))

    assert row.state is DeliveryState.FAILED
    assert len(stage.channel.sent) == 1
    assert row.notes == ["ada@example.com was not reached: 550 5.1.1 no such user"]


async def test_a_draft_that_cannot_become_a_mail_fails_with_the_reason() -> None:
    stage = Stage()
    row = stage.outbox.put(1, draft=make_draft(to=(Mailbox("", "ada@example.com"), Mailbox("", "no address"))))
    await stage.round()

    assert row.state is DeliveryState.FAILED
    assert "5.6.0 this cannot be sent: 'no address'" in row.notes[0]
    assert stage.channel.sent == []


async def test_a_fault_of_ours_never_fails_a_mail(capsys) -> None:
    class Broken(QuickSigner):
        def write_now(self, draft, composed_at, signed_at) -> bytes:
            raise RuntimeError("secret detail")

    stage = Stage(signer=Broken())
    row = stage.outbox.put(1)
    await stage.round()

    assert row.state is DeliveryState.QUEUED
    assert row.results[0][1].text == "a fault of ours: RuntimeError; see the log"
    assert "secret detail" in capsys.readouterr().err
    assert not stage.worker.health.down


async def test_with_soft_bounce_nothing_is_given_up() -> None:
    stage = Stage(REFUSED, soft_bounce=True)
    rows = [stage.outbox.put(1), stage.outbox.put(2, draft=make_draft(2, to=(Mailbox("", "no address"),)))]
    await stage.play(timedelta(days=12))

    assert [row.state for row in rows] == [DeliveryState.QUEUED] * 2
    assert len(rows[0].results) > 70


# --- the schedule over days -----------------------------------------------------------------------------------


@pytest.mark.parametrize("chance", [0.0, 0.999])
async def test_a_recipient_that_is_never_taken_is_tried_as_the_table_says_for_five_days(chance: float) -> None:
    stage = Stage(LATER, chance=chance)
    row = stage.outbox.put(1)
    await stage.play(timedelta(days=7))
    waits = [later - earlier for earlier, later in zip(row.ages, row.ages[1:], strict=False)]

    assert row.state is DeliveryState.FAILED
    assert row.ages[-1] == GIVE_UP_AFTER
    for attempt, wait in enumerate(waits[:-1], 1):
        nominal = DELAYS[min(attempt, len(DELAYS)) - 1]
        assert nominal <= wait <= nominal * (1 + JITTER) + SECOND
    assert len(row.notes) == 2
    assert "not reached yet" in row.notes[0]
    assert "given up after 5 days" in row.notes[1]
    warned_at = next(age for age in row.ages if age >= WARN_AFTER)
    assert warned_at <= WARN_AFTER * (1 + JITTER)


async def test_a_dead_channel_tries_one_at_a_time_and_still_keeps_the_table() -> None:
    stage = Stage(GONE)
    rows = [stage.outbox.put(number) for number in range(1, 101)]
    await stage.play(timedelta(days=6))
    # A few look again and again whether the channel is back; the others follow the table, and are not dialled.
    probes = [row for row in rows if len(row.results) > 37]

    assert stage.outbox.states() == {"failed": 100}
    assert all(len(row.notes) == 2 for row in rows)
    assert all(row.ages[-1] - GIVE_UP_AFTER <= BACKOFF[-1] for row in rows)
    assert len(probes) <= 10
    assert all(31 <= len(row.results) <= 37 for row in rows if row not in probes)
    assert len(stage.channel.sent) <= GIVE_UP_AFTER / BACKOFF[-1] * 1.1


async def test_a_relay_that_comes_back_gets_everything_at_its_rate_and_no_faster() -> None:
    stage = Stage(GONE, rates=[(60, MINUTE)])
    for number in range(1, 601):
        stage.outbox.put(number)
    await stage.play(timedelta(days=2))
    assert stage.outbox.states() == {"queued": 600}
    stage.channel.sent.clear()
    stage.channel.answers = [TAKEN]
    back = stage.clock.moment
    await stage.play(timedelta(minutes=30))
    times = [sent.at for sent in stage.channel.sent]

    assert stage.outbox.states() == {"sent": 600}
    assert times[-1] - times[0] <= timedelta(minutes=10) / 0.95
    assert times[0] - back <= BACKOFF[-1]
    assert max(sum(start <= at < start + MINUTE for at in times) for start in times) <= 60


async def test_putting_off_needs_no_allowance() -> None:
    stage = Stage(TAKEN, BUSY, rates=[(3, timedelta(days=1))])  # what says 421 counts
    for number in (1, 2):
        stage.outbox.put(number)
    await stage.round()  # one left, the other found the channel down
    for number in range(3, 20):
        stage.outbox.put(number)
    stage.clock.moment = stage.worker.health.until or START
    await stage.round()

    assert stage.outbox.states() == {"sent": 1, "queued": 18}
    assert all(row.due > stage.clock.moment for row in stage.outbox.rows.values() if row.state == "queued")
    assert all(row.results for row in stage.outbox.rows.values())


async def test_what_waits_for_its_recipient_is_not_hastened_by_the_channel() -> None:
    stage = Stage(LATER, GONE, TAKEN)
    greylisted, other = stage.outbox.put(1), stage.outbox.put(2)
    await stage.round()
    due = greylisted.due
    stage.clock.moment += BACKOFF[0]
    stage.outbox.put(3)
    await stage.round()
    await stage.round()

    assert other.state is DeliveryState.SENT
    assert greylisted.due == due


# --- dead channels --------------------------------------------------------------------------------------------


async def test_a_channel_that_is_down_rests_and_is_probed_by_one() -> None:
    stage = Stage(BUSY)
    for number in range(1, 41):
        stage.outbox.put(number)
    await stage.round()
    first = len(stage.channel.sent)
    for _ in range(20):
        await stage.round()

    assert first <= 4  # those under way when the first 421 came
    assert len(stage.channel.sent) == first
    stage.clock.moment += BACKOFF[0]
    await stage.round()
    assert len(stage.channel.sent) <= first + 1


async def test_while_one_channel_hangs_and_one_says_421_a_third_delivers_as_if_alone() -> None:
    async def delivered(*, alone: bool, rounds: int = 30) -> int:
        clock = MovableClock(START)
        outbox = MemoryOutbox(clock)
        channels = {"healthy": ScriptedChannel(clock=clock)}
        if not alone:
            channels |= {"silent": ScriptedChannel(hang=True, clock=clock), "busy": ScriptedChannel(BUSY, clock=clock)}
        workers = [ChannelWorker(name, channel, make_desk(outbox)) for name, channel in channels.items()]
        for number in range(3000):
            for name in channels:
                outbox.put(number * 10 + len(name), name)
        for _ in range(rounds):
            for worker in workers:
                await worker.round()
            for _ in range(40):
                await asyncio.sleep(0)
            clock.moment += SECOND
        assert channels["healthy"].most_at_once <= 4
        if not alone:
            assert channels["silent"].most_at_once <= 4
            assert len(channels["busy"].sent) <= 4 + 30 / 5
        for worker in workers:
            for task in worker._sending:
                task.cancel()
        return sum(row.state is DeliveryState.SENT for row in outbox.rows.values())

    alone, together = await delivered(alone=True), await delivered(alone=False)

    assert alone > 100
    assert together >= 0.95 * alone


async def test_connections_are_bounded() -> None:
    stage = Stage(connections=3)
    for number in range(1, 101):
        stage.outbox.put(number)
    while stage.outbox.states() != {"sent": 100}:
        await stage.round()

    assert stage.channel.most_at_once == 3


async def test_a_daily_limit_holds_back_what_is_over_it() -> None:
    stage = Stage(rates=[(5, timedelta(days=1))])
    for number in range(1, 13):
        stage.outbox.put(number)
    await stage.play(timedelta(hours=23))
    first = len(stage.channel.sent)
    await stage.play(timedelta(hours=2))

    assert (first, len(stage.channel.sent)) == (5, 10)


async def test_what_never_reached_the_server_does_not_count_against_the_rate() -> None:
    stage = Stage(GONE, GONE, GONE, TAKEN, rates=[(2, timedelta(days=1))])
    rows = [stage.outbox.put(1), stage.outbox.put(2)]
    await stage.play(timedelta(hours=3))

    assert [row.state for row in rows] == [DeliveryState.SENT] * 2


# --- crashes, leases, other nodes -----------------------------------------------------------------------------


async def test_a_crash_between_the_dot_and_its_record_repeats_the_same_mail() -> None:
    stage = Stage(signer=QuickSigner(signing_keys()))
    row = stage.outbox.put(1)
    failpoint.arm("outbound.before-record:raise")
    await stage.round()
    failpoint.arm("")
    assert row.results == []
    await stage.round()
    assert len(stage.channel.sent) == 1  # the lease holds
    stage.clock.moment += LEASE
    await stage.round()
    first, second = stage.channel.sent

    assert row.state is DeliveryState.SENT
    assert first.content == second.content
    assert first.envelope_from == second.envelope_from
    assert row.delivery.dots == 1


async def test_a_mail_whose_dot_is_never_confirmed_is_not_sent_for_ever() -> None:
    stage = Stage(LOST)
    row = stage.outbox.put(1)
    await stage.play(timedelta(days=6))

    assert len(stage.channel.sent) == 8
    assert row.state is DeliveryState.FAILED
    assert "it may have arrived" in row.notes[-1]


async def test_a_result_is_recorded_although_the_store_is_away_for_a_while(monkeypatch) -> None:
    monkeypatch.setattr(courier_module, "TROUBLE_PAUSE", 0.001)
    stage = Stage()
    row = stage.outbox.put(1)
    stage.outbox.broken = 5
    await stage.round()

    assert row.state is DeliveryState.SENT
    assert len(stage.channel.sent) == 1


async def test_while_results_are_not_recorded_nothing_more_is_dialled(monkeypatch) -> None:
    monkeypatch.setattr(courier_module, "TROUBLE_PAUSE", 0.01)
    stage = Stage(connections=1)
    stage.outbox.broken = 1_000_000
    for number in range(1, 5):
        stage.outbox.put(number)
    await stage.worker.round()
    await asyncio.sleep(0.05)
    sent = len(stage.channel.sent)
    assert stage.outbox.states() == {"queued": 4}
    stage.outbox.broken = 0
    await stage.worker.settled()

    assert sent <= 2  # one may have been on its way when the trouble showed
    assert stage.outbox.states() == {"sent": 4}


async def test_no_more_are_sent_and_not_yet_recorded_than_there_are_connections() -> None:
    stage = Stage(connections=3)
    recorded = asyncio.Event()
    record = stage.outbox.record_delivery

    async def slowly(delivery, result, retry_at, note=""):
        await recorded.wait()
        return await record(delivery, result, retry_at, note)

    stage.outbox.record_delivery = slowly  # type: ignore[method-assign]
    for number in range(1, 20):
        stage.outbox.put(number)
    await stage.worker.round()
    await asyncio.sleep(0.05)
    assert len(stage.channel.sent) == 3  # a crash now would send these again, and no others
    recorded.set()
    while stage.outbox.states() != {"sent": 19}:
        await stage.round()

    assert len(stage.channel.sent) == 19


async def test_what_an_outage_put_off_leaves_although_the_daemon_was_restarted_meanwhile() -> None:
    stage = Stage(TAKEN)
    waiting = stage.outbox.put(1)
    waiting.channel_down, waiting.due = True, START + timedelta(hours=4)
    stage.outbox.put(2)
    await stage.round()
    await stage.round()

    assert waiting.state is DeliveryState.SENT


async def test_what_is_hastened_is_not_forgotten_without_a_store(monkeypatch) -> None:
    stage = Stage(TAKEN)
    waiting = stage.outbox.put(1)
    waiting.channel_down, waiting.due = True, START + timedelta(hours=4)
    stage.outbox.put(2)
    monkeypatch.setattr(stage.outbox, "hasten", stage.outbox.away)
    await stage.round()
    monkeypatch.undo()
    stage.outbox.put(3)
    await stage.round()
    await stage.round()

    assert waiting.state is DeliveryState.SENT


async def test_a_late_worker_records_nothing(capsys) -> None:
    stage = Stage()
    row = stage.outbox.put(1)
    stage.channel.on_send = lambda: setattr(row, "lease_until", None)
    await stage.round()

    assert row.results == []
    assert "outbound.stolen" in capsys.readouterr().err


async def test_leases_are_extended_while_something_is_being_sent() -> None:
    stage = Stage()
    stage.channel.hang = True
    stage.outbox.put(1)
    await stage.worker.round()
    await asyncio.sleep(0.01)
    stage.clock.moment += LEASE - SECOND
    await stage.worker.extend_leases()
    stage.clock.moment += LEASE - SECOND

    assert await stage.outbox.claim_deliveries("relay", 10, LEASE) == []
    assert stage.outbox.extended == [((1,), 1)]
    for task in stage.worker._sending:
        task.cancel()


# --- the loop -------------------------------------------------------------------------------------------------


async def test_the_loop_wakes_at_once_finishes_what_it_sends_and_says_good_bye() -> None:
    outbox = MemoryOutbox(RunningClock())
    channel = ScriptedChannel(clock=outbox.clock)
    worker = ChannelWorker("relay", channel, make_desk(outbox))
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0.02)
    outbox.put(1)
    worker.wake()
    await asyncio.sleep(0.05)
    assert outbox.states() == {"sent": 1}

    channel.on_send = worker.stop
    outbox.put(2)
    worker.wake()
    await asyncio.wait_for(task, 2)

    assert outbox.states() == {"sent": 2}
    assert channel.closed


async def test_the_loop_outlives_a_store_that_is_away(monkeypatch) -> None:
    monkeypatch.setattr(courier_module, "TROUBLE_PAUSE", 0.001)

    class Away(MemoryOutbox):
        failures = 3

        async def claim_deliveries(self, channel, limit, lease, allowances=()):
            if self.failures:
                self.failures -= 1
                raise StorageUnavailable("away")
            return await super().claim_deliveries(channel, limit, lease)

    outbox = Away(RunningClock())
    outbox.put(1)
    worker = ChannelWorker("relay", ScriptedChannel(clock=outbox.clock), make_desk(outbox))
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0.1)
    worker.stop()
    await asyncio.wait_for(task, 2)

    assert outbox.states() == {"sent": 1}


async def test_a_cancelled_loop_leaves_no_task_behind() -> None:
    outbox = MemoryOutbox(RunningClock())
    channel = ScriptedChannel(hang=True, clock=outbox.clock)
    outbox.put(1)
    worker = ChannelWorker("relay", channel, make_desk(outbox))
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert channel.at_once == 0
    assert channel.closed
    assert outbox.states() == {"queued": 1}


async def test_signing_happens_in_threads() -> None:
    signer = Signer(signing_keys())
    draft = make_draft()
    octets = await signer.write(draft, START, START)

    assert octets == signer.write_now(draft, START, START)
    with pytest.raises(NotSendable):
        await signer.write(make_draft(message_id="none"), START, START)
    signer.close()
