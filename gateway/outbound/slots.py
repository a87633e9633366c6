"""Places for those who dial: as many at once as are permitted at that moment, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Slots:
    """`async with slots:` waits for a place. The number of places may change at any time; call `look` when it grew."""

    def __init__(self, permits: Callable[[], int]) -> None:
        self._permits = permits
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self.look()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was given a place in the same moment
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._taken -= 1
        self.look()

    def look(self) -> None:
        """Give places that are free to those who wait longest."""
        while self._waiting and self._taken < self._permits():
            place = self._waiting.popleft()
            if not place.done():  # else whoever waited has given up
                self._taken += 1
                place.set_result(None)
