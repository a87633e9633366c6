"""Hands a received mail to the taker and turns whatever happens into exactly one reply per recipient.

RFC 2033 §4.2: after the final dot the server owes one reply for each RCPT that it accepted, in their order. A raising,
hanging or miscounting taker changes the replies' text, never their number, and never makes one permanent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.lmtp.house import House
from gateway.lmtp.replies import Reply, for_error
from gateway.model import Envelope, IntakeId, Route
from gateway.telemetry.metrics import ACCEPT_SECONDS, MAIL_BYTES

Answer = tuple[Reply, str]


class LateError(TimeoutError):
    """The taker did not answer within `limits.commit_timeout`."""


class GivenUpError(RuntimeError):
    """The taker was cancelled from within."""


class MiscountError(RuntimeError):
    """The taker did not return one result per envelope."""


async def hand_over(
    house: House, raw: bytes, envelopes: Sequence[Envelope], routes: Sequence[Route]
) -> Sequence[Answer]:
    """Return one answer per envelope: what became of it, in words for the client. Never raises."""
    loop = asyncio.get_running_loop()
    session = envelopes[0].session
    started = loop.time()
    try:
        results = await _take(house, raw, envelopes, routes)
    except Exception as error:  # The edge: whatever went wrong, the client keeps the mail and tries again.
        house.log.warning("lmtp.not-taken", session=session, recipients=len(envelopes), because=repr(error))
        if not isinstance(error, LateError):
            house.log.debug("lmtp.fault", session=session, exc_info=error)
        return [(for_error(error), session)] * len(envelopes)
    # Once the client has its replies: at one mail after the other, it would wait for the words about the last one.
    loop.call_soon(_note, house, len(raw), envelopes, results, loop.time() - started)
    return [_answer(result, session) for result in results]


def _note(
    house: House, size: int, envelopes: Sequence[Envelope], results: Sequence[IntakeId | Exception], seconds: float
) -> None:
    """Count and log a mail that was taken."""
    ACCEPT_SECONDS.observe(seconds)
    MAIL_BYTES.observe(size)
    house.log.info(
        "lmtp.taken",
        session=envelopes[0].session,
        mail_from=envelopes[0].mail_from,
        rcpt_to=[envelope.rcpt_to for envelope in envelopes],
        size=size,
        intakes=[result if isinstance(result, int) else repr(result) for result in results],
    )


def _answer(result: IntakeId | Exception, session: str) -> Answer:
    return (for_error(result), session) if isinstance(result, Exception) else (Reply.TAKEN, str(result))


async def _take(
    house: House, raw: bytes, envelopes: Sequence[Envelope], routes: Sequence[Route]
) -> Sequence[IntakeId | Exception]:
    loop = asyncio.get_running_loop()
    taking = asyncio.ensure_future(house.take(raw, envelopes, routes))
    # asyncio.wait() would do, and takes three times as long.
    over = loop.create_future()
    deadline = loop.call_later(house.limits.commit_timeout.total_seconds(), _settle, over)
    taking.add_done_callback(lambda _: _settle(over))
    await over
    deadline.cancel()
    if not taking.done():
        # It may still become durable; the client's next try is then a duplicate (I6). It is not awaited: a thread that
        # hangs in a database ignores the cancellation.
        taking.add_done_callback(_forget)
        taking.cancel()
        raise LateError("no commit in time")
    if taking.cancelled():
        # A task inside the taker was cancelled; let through, it would cancel this session without a reply.
        raise GivenUpError("cancelled inside")
    results = taking.result()
    if len(results) != len(envelopes) or not all(isinstance(result, int | Exception) for result in results):
        raise MiscountError(f"{len(results)} results for {len(envelopes)} recipients")
    return results


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


def _forget(taking: asyncio.Future[Sequence[IntakeId | Exception]]) -> None:
    if not taking.cancelled():
        taking.exception()
