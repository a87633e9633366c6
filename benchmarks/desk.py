"""The desk on many tickets: server time of list, search and ticket page, and what reading costs acceptance meanwhile.

    python -m benchmarks.desk [--tickets 200000] [--database sqlite|postgresql|both] [--seconds 10]

The rows are made by bulk insert: 5 entries for each ticket, words as they are spread in a language (few very common,
many rare ones), 9 of 10 tickets solved, 8 queues, an agent who sees 3 of them. Times are those of whole requests to the
application in this process: session, query, page, as a browser has them, without the network.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from gateway.instance import SystemClock
from gateway.model import Envelope
from gateway.store import migrate
from gateway.store.search import folded
from gateway.store.times import to_number
from tests.support.desk import CONFIGURATION, LEA, Office, open_office
from tests.support.postgres import postgres_server
from tests.support.site import Browser, browsers

QUEUES = ("support", "billing", "sales", "returns", "it", "hr", "press", "legal")
SEEN = QUEUES[:3]
ENTRIES = 5
CUSTOMERS = 20_000
BATCH = 5_000
DAY = 86_400_000_000
GOAL, SLOWER = 50.0, 10.0  # milliseconds at the 95th percentile; percent

MORE = "".join(
    f"  {queue}:\n    creation_addresses: [{queue}-in@tickets.example.org]\n    from: {queue} <{queue}@example.org>\n"
    "    acknowledge: false\n"
    for queue in QUEUES[2:]
)


def vocabulary(chance: random.Random, size: int = 30_000) -> tuple[list[str], list[float]]:
    """Return words and how often each is used: Zipf's law."""
    syllables = ["ka", "lo", "mi", "ren", "tu", "sa", "vel", "do", "pri", "nos", "ex", "in"]
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) + str(n % 7) for n in range(size)]
    return words, list(itertools.accumulate(1 / (rank + 2) for rank in range(size)))


def rows_of(tickets: int, now: int, seed: int = 5) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Yield each ticket's row with its entries' rows and words."""
    chance = random.Random(seed)
    words, weights = vocabulary(chance)
    statuses = ["new", "open", "waiting", "solved", "closed"]
    for number in range(1, tickets + 1):
        created = now - (tickets - number) * (365 * DAY // tickets)
        subject = " ".join(chance.choices(words, cum_weights=weights, k=5))
        customer = chance.randint(1, CUSTOMERS)
        status = chance.choices(statuses, [2, 5, 3, 60, 30])[0]
        assignee = chance.choice([LEA, "tom@example.org", None, None])
        entries = []
        for position in range(ENTRIES):
            at = created + position * 600_000_000
            text = " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(20, 80)))
            author = f"Customer {customer} <c{customer}@company{customer % 2000}.example>"
            kind = ("customer", "agent", "customer", "note", "state")[position]
            entry = (number - 1) * ENTRIES + position + 1
            said = folded((subject, author, text)) if kind != "state" else None
            entries.append((entry, number, kind, author, at, text, said))
        last = created + (ENTRIES - 1) * 600_000_000
        ticket = (number, chance.choice(QUEUES), subject, status, "normal", assignee, customer, created, last, 1)
        yield ticket, entries


TICKET = "id, queue, subject, status, priority, assignee, requester_id, created_at, updated_at, version"
ENTRY = "id, ticket_id, kind, author, created_at, text"
CUSTOMER = "id, address, canonical, name, created_at, organisation"


def customers(now: int) -> Iterator[tuple[Any, ...]]:
    """Yield the customers' rows."""
    for number in range(1, CUSTOMERS + 1):
        address = f"c{number}@company{number % 2000}.example"
        yield number, address, address, f"Customer {number}", now, address.partition("@")[2]


def batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield rows in lists."""
    rows = iter(rows)
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch


def fill_sqlite(url: str, tickets: int, now: int) -> None:
    """Put the rows into an SQLite file."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")

    def put(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

    connection.execute("BEGIN")
    put("customers", CUSTOMER, customers(now))
    for batch in batches(rows_of(tickets, now)):
        put("tickets", TICKET, (ticket for ticket, _ in batch))
        entries = [entry for _, some in batch for entry in some]
        put("entries", ENTRY, (entry[:-1] for entry in entries))
        put("entry_words", "rowid, words", ((entry[0], entry[-1]) for entry in entries if entry[-1]))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def fill_postgresql(url: str, tickets: int, now: int) -> None:
    """Put the rows into a PostgreSQL database; its statistics are taken as autovacuum would."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection, connection.cursor() as cursor:

        def put(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)

        cursor.execute("CREATE UNLOGGED TABLE staged (entry_id BIGINT, words TEXT)")
        put("customers", CUSTOMER, customers(now))
        for batch in batches(rows_of(tickets, now)):
            put("tickets", TICKET, (ticket for ticket, _ in batch))
            entries = [entry for _, some in batch for entry in some]
            put("entries", ENTRY, (entry[:-1] for entry in entries))
            put("staged", "entry_id, words", ((entry[0], entry[-1]) for entry in entries if entry[-1]))
        cursor.execute("INSERT INTO entry_words SELECT entry_id, to_tsvector('simple', words) FROM staged")
        cursor.execute("DROP TABLE staged")
        for table, count in (("customers", CUSTOMERS), ("tickets", tickets), ("entries", tickets * ENTRIES)):
            cursor.execute(f"SELECT setval('{table}_id_seq', {count})".encode())
        cursor.execute("VACUUM ANALYZE")


async def timed(ask: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """Return the time of a request, and of this process, in milliseconds. Raises AssertionError if it failed."""
    started, used = time.perf_counter(), time.process_time()
    answer = await ask()
    taken = (time.perf_counter() - started) * 1000, (time.process_time() - used) * 1000
    assert answer.status_code == 200, answer.text
    return taken


def percentile(times: list[float], share: float) -> float:
    """Return the value below which a share of the times is."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


async def reading(lea: Browser, ada: Browser, times: int) -> list[tuple[str, list[float], list[float]]]:
    """Ask for every kind of page."""
    chance = random.Random(7)
    words, weights = vocabulary(random.Random(5))
    mine = [
        line["number"]
        for page in range(3)
        for line in (await lea.get(f"/api/v1/tickets?limit=200&queue={SEEN[page]}")).json()["items"]
    ]
    rare = [words[chance.randint(2000, len(words) - 1)] for _ in range(times)]
    common = [words[number] for number in range(10)]
    two = [" ".join(chance.choices(words, cum_weights=weights, k=2)) for _ in range(times)]
    kinds: list[tuple[str, Callable[[int], tuple[Browser, str]]]] = [
        ("list, everything in reach", lambda _: (lea, "/")),
        ("list, one queue", lambda n: (lea, f"/?queue={SEEN[n % 3]}")),
        ("list, mine (API)", lambda _: (lea, "/api/v1/tickets?assignee=me&status=new&status=open")),
        ("list, an organisation (API)", lambda n: (lea, f"/api/v1/tickets?organisation=company{n}.example")),
        ("list, all queues (administrator)", lambda _: (ada, "/")),
        ("search, a rare word", lambda n: (lea, f"/search?q={rare[n]}")),
        ("search, a common word", lambda n: (lea, f"/search?q={common[n % 10]}")),
        ("search, two words", lambda n: (lea, f"/search?q={two[n]}")),
        ("search, nothing found", lambda n: (lea, f"/search?q=zzz{n}")),
        ("ticket page", lambda n: (lea, f"/tickets/{mine[n * 7 % len(mine)]}")),
        ("counts (API)", lambda _: (lea, "/api/v1/counts")),
    ]
    found = []
    for what, request in kinds:
        taken, used = [], []
        for number in range(-3, times):  # the first ones warm statements and pages
            who, path = request(max(0, number))
            wall, cpu = await timed(lambda who=who, path=path: who.get(path))  # type: ignore[misc]
            if number >= 0:
                taken.append(wall)
                used.append(cpu)
        found.append((what, taken, used))
    return found


async def accepting(office: Office, seconds: float, rate: int = 100) -> list[float]:
    """Take mails at a rate as the listener would; return how long each acceptance took."""
    taken: list[float] = []
    raw = office.mail(text="word " * 400)

    async def one() -> None:
        envelope = Envelope("c1@company1.example", "support-in@tickets.example.org", office.store.clock.now())
        started = time.perf_counter()
        await office.store.accept(raw, [envelope], ["support"])
        taken.append((time.perf_counter() - started) * 1000)

    loop = asyncio.get_running_loop()
    begin, tasks = loop.time(), []
    for number in range(int(seconds * rate)):
        await asyncio.sleep(max(0.0, begin + number / rate - loop.time()))
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    return taken


async def with_readers(office: Office, lea: Browser, mine: list[str], seconds: float) -> tuple[list[float], int]:
    """Take mails while forty agents' worth of requests come in: ten pages a second."""
    stop = asyncio.Event()
    pages = 0

    async def read() -> None:
        nonlocal pages
        for path in itertools.cycle(mine):
            if stop.is_set():
                return
            await lea.get(path)
            pages += 1
            await asyncio.sleep(0.1)

    reader = asyncio.create_task(read())
    taken = await accepting(office, seconds)
    stop.set()
    await reader
    return taken, pages


async def measure(url: str, folder: Path, options: argparse.Namespace) -> bool:
    """Print the table of one database; return whether the goals are met."""
    clock, good = SystemClock(), True
    started = time.monotonic()
    fill = fill_sqlite if url.startswith("sqlite") else fill_postgresql
    migrate(url)
    await asyncio.to_thread(fill, url, options.tickets, to_number(clock.now()))
    print(f"  {options.tickets} tickets, {options.tickets * ENTRIES} entries in {time.monotonic() - started:.0f} s")
    async with open_office(url, folder, clock, text=CONFIGURATION + MORE) as office, browsers(office) as open_browser:
        await office.store.grant_queues(LEA, SEEN)
        lea, ada = await open_browser(LEA), await open_browser("ada@example.org")
        for what, taken, used in await reading(lea, ada, options.times):
            late = percentile(taken, 0.95)
            good = good and late < GOAL
            shown = f"p50 {percentile(taken, 0.5):6.1f}  p95 {late:6.1f}  max {max(taken):6.1f} ms"
            print(f"  {what:32} {shown}  process p95 {percentile(used, 0.95):6.1f} ms")
        paths = ["/", "/?queue=support", "/search?q=kalo0", "/api/v1/counts"]
        await accepting(office, 2)
        alone: list[float] = []
        beside: list[float] = []
        pages = 0
        for _ in range(3):  # turn by turn, so that a busy moment of the machine meets both
            alone += await accepting(office, options.seconds / 3)
            some, read = await with_readers(office, lea, paths, options.seconds / 3)
            beside, pages = beside + some, pages + read
        slower = (statistics.median(beside) / statistics.median(alone) - 1) * 100
        good = good and slower <= SLOWER
        print(
            f"  acceptance at 100/s: median {statistics.median(alone):.2f} ms alone, "
            f"{statistics.median(beside):.2f} ms beside {pages / options.seconds:.0f} pages a second ({slower:+.0f} %)"
        )
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("--tickets", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=100, help="requests of each kind")
    parser.add_argument("--seconds", type=float, default=12, help="of accepting mail, alone and beside readers")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory(prefix="poterne-bench-") as name:
        folder = Path(name)
        if options.database in {"sqlite", "both"}:
            print("SQLite")
            good = asyncio.run(measure(f"sqlite:///{folder}/poterne.db", folder, options)) and good
        if options.database in {"postgresql", "both"}:
            print("PostgreSQL")
            with postgres_server(fsync=True) as server:
                good = asyncio.run(measure(server.new_database(), folder, options)) and good
    print(f"goals (p95 < {GOAL:g} ms, acceptance at most {SLOWER:g} % slower): {'met' if good else 'MISSED'}")


if __name__ == "__main__":
    main()
