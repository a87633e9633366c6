"""Composes and signs off the event loop. RSA leaves the interpreter while it computes, so threads use every core."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from gateway.mail.address import domain_of
from gateway.mail.compose import compose
from gateway.model import Draft
from gateway.outbound.dkim import SigningKey, keys_for, sign

THREADS = 2


class Signer:
    """Makes the octets of a mail, once; every attempt sends those."""

    def __init__(self, keys: Sequence[SigningKey] = (), threads: int = THREADS) -> None:
        self._keys = tuple(keys)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sign")

    async def write(self, draft: Draft, composed_at: datetime, signed_at: datetime) -> bytes:
        """Return the signed message. Raises NotSendable if the draft cannot become one."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self.write_now, draft, composed_at, signed_at)

    def write_now(self, draft: Draft, composed_at: datetime, signed_at: datetime) -> bytes:
        """Return the signed message; blocking."""
        keys = keys_for(self._keys, domain_of(draft.from_.address))
        return sign(compose(draft, composed_at), keys, int(signed_at.timestamp()))

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
