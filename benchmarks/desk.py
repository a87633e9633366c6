"""The desk on many tickets: server time of lists, search and ticket pages, and what reading costs acceptance meanwhile.

    python -m benchmarks.desk [--keep FOLDER] [--database sqlite|postgresql|both] [--tickets 200000] [--times 100]

Three questions for each database:

pages        how long a whole request to the application takes (session, queries, page), in this process and without
             the network, for an agent who sees 3 of 8 queues, one who sees 1, and an administrator.
acceptance   how long a mail takes from the moment it is due to its 250, at 100 mails a second that are judged, too:
             `poterne serve` alone, with agents who read 10 pages a second, and with a process that takes as much
             processor time and asks for nothing, turn by turn.
live         processor time of the daemon for the live streams of 50 agents to whom nothing happens.

Making the databases takes most of the time; with --keep they are made once, and each run works on a copy.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import desk_data as data
from benchmarks.desk_acceptance import SLOWER, acceptance
from benchmarks.desk_load import Postman, Readers, streams
from benchmarks.figures import percentile, say, verdict
from benchmarks.processes import family, processor_seconds
from gateway.instance import SystemClock
from gateway.store.times import to_number
from tests.support.daemon import Daemon
from tests.support.desk import BEA, CONFIGURATION, LEA, Office, open_office
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.site import Browser, browsers

GOAL = 50.0  # milliseconds at the 95th percentile
AGENTS = 50

MORE = "".join(
    f"  {queue}:\n    creation_addresses: [{queue}-in@tickets.example.org]\n    from: {queue} <{queue}@example.org>\n"
    "    acknowledge: false\n"
    for queue in data.QUEUES[2:]
)

Asks = Callable[[int], tuple[Browser, str]]


# --- pages -----------------------------------------------------------------------------------------------------


async def timed(ask: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """Return the time of a request, and of this process, in milliseconds. Raises AssertionError if it failed."""
    started, used = time.perf_counter(), time.process_time()
    answer = await ask()
    taken = (time.perf_counter() - started) * 1000, (time.process_time() - used) * 1000
    assert answer.status_code == 200, answer.text
    return taken


async def kinds_of_pages(lea: Browser, bea: Browser, ada: Browser, tickets: int) -> list[tuple[str, Asks]]:
    """Return what is asked for: its name, and who asks for which address the n-th time."""
    chance, language = random.Random(7), data.Language()

    async def walked(who: Browser, path: str, pages: int) -> list[dict[str, Any]]:
        found, cursor = [], ""
        for _ in range(pages):
            page = (await who.get(f"{path}&limit=200{cursor}")).json()
            found += page["items"]
            cursor = f"&cursor={page['next']}"
        return [*found, cursor]

    *mine, deep = await walked(lea, "/api/v1/tickets?status=solved", 10)
    subjects = [line["subject"].split() for line in mine]
    numbers = [line["number"] for line in mine]
    files = [made.files[0][1] for made in data.make(tickets, 1, first=tickets - 2000) if made.files]

    def word(least: int, most: int) -> str:
        return language.words[chance.randint(least, most)]

    def search(words: Callable[[int], str], who: Browser = lea) -> Asks:
        return lambda n: (who, f"/search?q={words(n)}")

    return [
        ("list, everything in reach", lambda _: (lea, "/")),
        ("list, one queue", lambda n: (lea, f"/?queue={data.SEEN[n % 3]}")),
        ("list, queue, status and assignee", lambda n: (lea, f"/?queue={data.SEEN[n % 3]}&show=waiting&assignee=me")),
        ("list, solved, 2000 tickets down", lambda _: (lea, f"/?show=solved{deep}")),
        ("list, by creation", lambda _: (lea, "/?order=created")),
        ("list, by due time", lambda _: (lea, "/?order=due")),
        ("list, of nobody", lambda _: (lea, "/?assignee=nobody")),
        ("list, a tag", lambda n: (lea, f"/?tag=tag{n % 12}&show=all")),
        ("list, a customer", lambda n: (lea, f"/?customer=c{n + 1}@company{n + 1}.example&show=all")),
        ("list, an organisation", lambda n: (lea, f"/?organisation=company{n}.example&show=all")),
        ("list, all queues (administrator)", lambda _: (ada, "/")),
        ("search, a rare word", search(lambda _: word(2000, 29_999))),
        ("search, a common word", search(lambda n: language.words[n % 10])),
        ("search, a common word, one queue", search(lambda n: language.words[n % 10], bea)),
        ("search, two words", search(lambda _: language.say(chance, 2))),
        ("search, four words", search(lambda _: language.say(chance, 4))),
        ("search, a phrase", search(lambda n: f'"{" ".join(subjects[n][1:3])}"')),
        ("search, 2 letters", search(lambda _: word(0, 29_999)[:2])),
        ("search, 3 letters", search(lambda _: word(0, 29_999)[:3])),
        ("search, a word not finished", search(lambda _: word(0, 29_999)[:-2])),
        ("search, a word and 3 letters", search(lambda _: f"{word(0, 2000)} {word(0, 29_999)[:3]}")),
        ("search, an address", search(lambda n: f"c{n * 7}@company{n * 7 % 2000}.example")),
        ("search, a domain", search(lambda n: f"company{n}.example")),
        ("search, a file", search(lambda n: files[n % len(files)])),
        ("search, nothing found", search(lambda n: f"zzz{n}")),
        ("ticket page", lambda n: (lea, f"/tickets/{numbers[n * 7 % len(numbers)]}")),
        ("ticket page, 200 entries", lambda n: (lea, f"/tickets/{tickets + 1 + n % data.LONG}")),
        ("counts (API)", lambda _: (lea, "/api/v1/counts")),
    ]


async def pages(office: Office, options: argparse.Namespace) -> bool:
    """Ask for every kind of page and print each; judge lists, searches and ticket pages, each of these together."""
    together: dict[str, list[float]] = {}
    async with browsers(office) as open_browser:
        await office.store.grant_queues(LEA, data.SEEN)
        await office.store.grant_queues(BEA, ["legal"])
        lea, bea, ada = [await open_browser(address) for address in (LEA, BEA, "ada@example.org")]
        for what, asks in await kinds_of_pages(lea, bea, ada, options.tickets):
            taken, used = [], []
            for number in range(-3, options.times):  # the first ones warm statements and pages
                who, path = asks(max(0, number))
                wall, cpu = await timed(lambda who=who, path=path: who.get(path))  # type: ignore[misc]
                if number >= 0:
                    taken.append(wall)
                    used.append(cpu)
            late = percentile(taken, 0.95)
            together.setdefault(what.partition(",")[0], []).extend(taken)
            shown = f"p50 {percentile(taken, 0.5):6.1f}  p95 {late:6.1f}  max {max(taken):6.1f} ms"
            above = "" if late < GOAL else "  (above the goal)"
            say(f"  {what:33} {shown}  processor p95 {percentile(used, 0.95):6.1f} ms{above}")
    good = True
    for what, taken in together.items():
        late = percentile(taken, 0.95)
        good = good and late < GOAL
        say(f"  {what.upper():33} p50 {percentile(taken, 0.5):6.1f}  p95 {late:6.1f} ms: {verdict(late < GOAL)}")
    return good


# --- the daemon ------------------------------------------------------------------------------------------------


async def live(daemon: Daemon, secrets: list[str], seconds: float) -> None:
    """Print what listening costs the daemon while nothing happens."""
    assert daemon.process is not None
    processes = family(daemon.process.pid)

    async def used() -> float:
        before = processor_seconds(processes)
        await asyncio.sleep(seconds)
        return (processor_seconds(processes) - before) / seconds * 1000

    alone = await used()
    async with streams(daemon.http, secrets) as heard:
        await asyncio.sleep(2)
        beside = await used()
        assert all(heard), "some stream is silent"
    say(f"  live, {len(secrets)} agents listen: {beside:.0f} ms of processor a second, {alone:.0f} ms without them")


async def sign_in(office: Office) -> list[str]:
    """Return the cookies of many agents who see what Léa sees."""
    secrets = []
    for number in range(AGENTS):
        address = f"agent{number}@example.org"
        await office.store.add_agent(address, f"Agent {number}", "agent", None)
        await office.store.grant_queues(address, data.SEEN)
        secrets.append((await office.desk.accounts.sign_in_known(address)).secret)
    return secrets


def read_meanwhile(tickets: int) -> list[str]:
    """Return the paths that agents read while mail comes."""
    near = (made.ticket for made in data.make(tickets, 1, first=tickets - 100))
    one, other, *_ = (number for number, queue, *_ in near if queue in data.SEEN)
    return ["/", f"/tickets/{one}", "/?queue=support", "/search?q=kalo", f"/tickets/{other}", "/search?q=ren"]


async def measure(url: str, folder: Path, options: argparse.Namespace, servers: list[int]) -> bool:
    """Print the table of one database, whose server processes are given; return whether the goals are met."""
    good = True
    async with open_office(url, folder, SystemClock(), text=CONFIGURATION + MORE) as office:
        if options.only != "daemon":
            good = await pages(office, options)
        else:
            await office.store.grant_queues(LEA, data.SEEN)
        secrets = await sign_in(office)
    if options.only == "pages":
        return good
    with Daemon(folder / "daemon", database=url, queues=data.QUEUES) as daemon:
        await asyncio.to_thread(daemon.start)
        await live(daemon, secrets, options.seconds)
        assert daemon.process
        servers = [daemon.process.pid, *servers]
        readers = Readers(daemon.http, secrets, read_meanwhile(options.tickets))
        turns = {"turns": options.turns, "seconds": options.seconds}
        good = await acceptance(Postman(daemon.lmtp), readers, servers, **turns) and good
        await asyncio.to_thread(daemon.stop)
    return good


# --- databases -------------------------------------------------------------------------------------------------


def prepare(kind: str, folder: Path, tickets: int) -> float:
    """Make a database unless it is there; return the seconds it took."""
    started, now = time.monotonic(), to_number(SystemClock().now())
    if kind == "sqlite":
        data.prepare_sqlite(folder, tickets, now)
    else:
        with server_in(folder) as server:
            data.prepare_postgresql(server, tickets, now)
    return time.monotonic() - started


@contextlib.contextmanager
def server_in(folder: Path) -> Iterator[PostgresServer]:
    """Run the PostgreSQL server of a folder."""
    with postgres_server(fsync=True, folder=folder / "postgresql", shared_buffers=data.SHARED_BUFFERS) as server:
        yield server


def run(kept: Path, options: argparse.Namespace) -> bool:
    """Make what is missing, all at once, and measure one database after the other on copies."""
    kinds = ["sqlite", "postgresql"] if options.database == "both" else [options.database]
    say(f"making {options.tickets} tickets with {data.ENTRIES} entries each in {kept}")
    with ProcessPoolExecutor(len(kinds), mp_context=get_context("spawn")) as pool:
        prepared = {kind: pool.submit(prepare, kind, kept, options.tickets) for kind in kinds}
        for kind, seconds in prepared.items():
            say(f"  {kind}: {seconds.result():.0f} s")
    good = True
    for kind in kinds:
        say(f"{kind} ({time.strftime('%H:%M:%S')})")
        with tempfile.TemporaryDirectory(prefix="poterne-bench-", dir=kept) as name, contextlib.ExitStack() as stack:
            folder, servers = Path(name), []
            if kind == "sqlite":
                url = data.copy_sqlite(kept / f"desk-{options.tickets}.db", folder)
            else:
                server = stack.enter_context(server_in(kept))
                url = server.new_database(f"desk_{options.tickets}")
                stack.callback(server.drop, url)
                servers = [int((server.folder / "data" / "postmaster.pid").read_text().split()[0])]
            good = asyncio.run(measure(url, folder, options, servers)) and good
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=100, help="requests of each kind")
    parser.add_argument(
        "--turns", type=int, default=8, help="of accepting mail alone, beside readers, and beside other work"
    )
    parser.add_argument("--seconds", type=float, default=3, help="of each turn")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--only", choices=["pages", "daemon"], help="leave the rest out")
    parser.add_argument("--keep", type=Path, help="make the databases here, and use those that are here")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a goal is missed")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        kept = options.keep
        if kept is None:
            kept = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="poterne-bench-", dir="/var/tmp")))
            kept.chmod(0o755)  # PostgreSQL runs as a user of its own
        kept.mkdir(parents=True, exist_ok=True)
        good = run(kept.resolve(), options)
    say(f"goals (p95 < {GOAL:g} ms, acceptance at most {SLOWER:g} % slower): {verdict(good)}")
    sys.exit(1 if options.strict and not good else 0)


if __name__ == "__main__":
    main()
