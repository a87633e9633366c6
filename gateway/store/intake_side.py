"""The way in: ports.Store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from gateway.model import Claim, Envelope, IntakeId
from gateway.ports import Writer
from gateway.store import intakes
from gateway.store.core import StoreCore
from gateway.store.pace import Rank
from gateway.store.raw import Octets, RawMail, is_light
from gateway.store.statement import Transaction
from gateway.store.times import to_number
from gateway.store.together import Together
from gateway.store.writer import SqlWriter

T = TypeVar("T")

HASHED_IN_LOOP = 64 << 10  # octets whose SHA-256 is quicker than handing them to a thread


class IntakeSide(StoreCore):
    """Accept, claim, give back, hold, and whatever `process` writes."""

    async def accept(self, raw: Octets, envelopes: Sequence[Envelope], queues: Sequence[str]) -> tuple[IntakeId, ...]:
        """Make one mail durable: raw octets once, one intake per envelope, in one commit."""
        if len(raw) <= HASHED_IN_LOOP:
            sha256 = hashlib.sha256(raw).hexdigest()
        else:
            sha256 = await self._in_thread(lambda: hashlib.sha256(raw).hexdigest())
        storage, location = self._raw, None
        if storage is not None:
            location = await self._in_thread(lambda: storage.put(raw, sha256))
        mail = RawMail(raw, sha256, location)
        arrived = intakes.Arrived(mail, envelopes, queues, self.now())
        plain = is_light(mail) and not any(envelope.source_ref for envelope in envelopes)
        return await self._writes.run(
            lambda transaction: intakes.insert_intakes(transaction, arrived),
            weight=0 if location else len(raw),
            shares=True,
            rank=Rank.FIRST,
            together=Together(intakes.insert_many, arrived) if plain else None,
        )

    def clients_wait(self) -> bool:
        """Tell whether a sending server waits for its 250."""
        return self._writes.clients_wait()

    async def claim_intakes(self, limit: int, lease: timedelta, octets: int = intakes.CLAIM_OCTETS) -> Sequence[Claim]:
        """Take up to `limit` waiting intakes, each try counted and committed; one tried before is taken alone."""
        await self.void_leases()
        now, tried_first = self.now(), next(self._turn)
        pace = self._writes.pace

        def take(transaction: Transaction) -> list[intakes.Taken]:
            most, room = pace.bite(limit, octets) if pace is not None else (limit, octets)
            return intakes.take(transaction, most, lease, now, tried_first=tried_first, most=room)

        taken = await self._writes.run(take, rank=Rank.BEHIND)
        if pace is not None:
            pace.reads(len(taken), sum(item.octets for item in taken))
            waited = [now - to_number(item.claim.envelope.received_at) for item in taken if item.claim.attempt == 1]
            if waited or not taken:  # a retry alone says nothing of those that wait for their first
                pace.lag(max(waited, default=0) / 1e6)
        found = await self.read_raws([item.raw_id for item in taken]) if taken else []
        claims = []
        for item, raw in zip(taken, found, strict=True):
            if isinstance(raw, bytes):
                claims.append(replace(item.claim, raw=raw))
            else:  # a lost file holds up only its own mail
                await self.release_intake(item.claim, str(raw))
        return claims

    async def extend_intakes(self, claims: Sequence[Claim], lease: timedelta) -> None:
        """Keep what is still being processed; claims that were taken over meanwhile stay taken over."""
        await self._writes.run(lambda transaction: intakes.extend(transaction, claims, lease))

    async def release_intake(self, claim: Claim, because: str) -> None:
        """Give an intake back after a failed try; it is retried after a pause."""
        now = self.now()
        await self._writes.run(lambda transaction: intakes.release(transaction, claim, because, now))

    async def hold_intake(self, claim: Claim, rule: str, because: str) -> None:
        """Put an intake into quarantine: visible, with its raw octets, replayable."""
        await self.write(lambda context: intakes.hold(context, claim, rule, because))

    async def transact(self, job: Callable[[Writer], T], *, behind: bool = False) -> T:
        """Run `job` in one transaction and return once it is durable; `behind` whoever waits for an answer."""
        rank = Rank.BEHIND if behind else Rank.COMMON
        return await self.write(lambda context: job(SqlWriter(context)), rank=rank)

    async def inspect(self, job: Callable[[Writer], T]) -> T:
        """Run `job` in a transaction that is always rolled back."""
        return await self._writes.run(lambda transaction: job(SqlWriter(self._context(transaction))), trace=False)
