"""The listener and the store alone: what acceptance costs without judging. For profiling; the benchmark runs `serve`.

python -m benchmarks.listener PORT sqlite:////tmp/x.db [PROFILE]
"""

from __future__ import annotations

import asyncio
import cProfile
import signal
import sys
from collections.abc import Sequence

import uvloop

from gateway.config.settings import Limits
from gateway.instance import SystemClock
from gateway.lmtp import House, LmtpServer, open_sockets
from gateway.model import Envelope, IntakeId, Route
from gateway.pipeline import accept
from gateway.store import StoreOptions, open_store


async def listen(port: int, url: str) -> None:
    """Take mail for every address until SIGTERM."""
    store = await asyncio.to_thread(lambda: open_store(url, clock=SystemClock(), options=StoreOptions()))

    async def take(raw: bytes, envelopes: Sequence[Envelope], routes: Sequence[Route]) -> Sequence[IntakeId]:
        return await accept(raw, envelopes, [route.queue for route in routes], store)

    house = House(take, lambda recipient: Route("support", recipient), Limits(), host="bench.example.org")
    server = LmtpServer(house)
    await server.start(open_sockets(f"127.0.0.1:{port}"))
    done = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, done.set)
    await done.wait()
    await server.stop()
    await store.close()


def main() -> None:
    port, url, *profile = sys.argv[1:]
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(listen(int(port), url))
    if profile:
        profiler.dump_stats(profile[0])


if __name__ == "__main__":
    main()
