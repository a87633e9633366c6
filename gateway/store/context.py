"""What every write needs besides its arguments: the open transaction, the time, and who is never written to."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import literal_column, select
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.mail.address import identity, matches, normal
from gateway.model import AgentId, AlertWish, DeskAgent
from gateway.store.news import News
from gateway.store.options import StoreOptions
from gateway.store.statement import Row, Statement, Transaction
from gateway.store.tables_desk import agent_queues
from gateway.store.tables_out import agents, blocklist, editions

EDITION = Statement(select(editions.c.edition).where(editions.c.name == literal_column("'people'")))
NEW_EDITION = Statement(
    upsert(editions)
    .values(name="people", edition=literal_column("1"))
    .on_conflict_do_update(index_elements=["name"], set_={"edition": editions.c.edition + literal_column("1")})
)
PATTERNS = Statement(select(blocklist.c.pattern).order_by(blocklist.c.pattern))
AGENTS = Statement(
    select(
        agents.c.address,
        agents.c.canonical,
        agents.c.id,
        agents.c.name,
        agents.c.restricted,
        agents.c.role,
        agents.c.settings,
    )
    .where(agents.c.disabled_at.is_(None))
    .order_by(agents.c.id)
)
AGENT_QUEUES = Statement(select(agent_queues.c.agent_id, agent_queues.c.queue))


@dataclass(frozen=True, slots=True)
class People:
    """Lists that every transaction needs and that seldom change."""

    edition: int = -1
    patterns: tuple[str, ...] = ()  # the stored loop blocklist
    agents: frozenset[str] = frozenset()  # by identity
    agent_addresses: frozenset[str] = frozenset()  # normal form and identity
    desk: tuple[DeskAgent, ...] = ()  # the same agents, each as mail needs to know them


class Standing:
    """What outlives a transaction: the options in force, and the people last read."""

    __slots__ = ("options", "own", "people")

    def __init__(self, options: StoreOptions) -> None:
        self.options = options
        self.own = frozenset(identity(address) for address in options.own_addresses)
        self.people = People()


class Context:
    """One open transaction with its time and its lists."""

    __slots__ = ("_people", "news", "now", "options", "standing", "transaction")

    def __init__(self, transaction: Transaction, standing: Standing, now: int) -> None:
        self.transaction = transaction
        self.standing = standing
        self.options = standing.options
        self.now = now
        self.news = News() if standing.options.subscriptions else None  # what webhooks may want to hear of
        self._people: People | None = None

    def people(self) -> People:
        """Return the stored blocklist and the agents, as they stand in this transaction."""
        if self._people is not None:
            return self._people
        edition = int(self.transaction.value(EDITION) or 0)
        people = self.standing.people
        if people.edition != edition:
            patterns = tuple(pattern for (pattern,) in self.transaction.rows(PATTERNS))
            rows = self.transaction.rows(AGENTS)
            known = frozenset(identity(row[0]) for row in rows)
            addresses = known | {row[0] for row in rows}
            people = People(edition, patterns, known, addresses, read_desk(self.transaction, rows))
            self.standing.people = people
        self._people = people
        return people

    def changed_people(self) -> None:
        """Make every node read the blocklist and the agents again; called in the transaction that changes them."""
        self.transaction.run(NEW_EDITION)
        self._people = None

    def barred(self, recipient: str, *, alert: bool = False) -> tuple[str, str] | None:
        """Return the rule and the reason why nothing of ours may go to `recipient`, or None.

        Agents are loop partners, too: only an alert may go to them.
        """
        who, people = identity(recipient), self.people()
        if who in self.standing.own:
            return "own-address", f"{normal(recipient)} is an address of ours"
        if who in people.agents and not alert:
            return "agent-address", f"{normal(recipient)} is an agent's address"
        for pattern in (*self.options.blocklist, *people.patterns):
            if matches(pattern, recipient):
                return "blocklist", f"{normal(recipient)} is on the loop blocklist ({pattern})"
        return None


def read_desk(transaction: Transaction, rows: list[Row]) -> tuple[DeskAgent, ...]:
    """Return the agents of rows of AGENTS; administrators see every queue."""
    allowed: dict[int, set[str]] = {}
    if any(row[4] for row in rows):
        for agent, queue in transaction.rows(AGENT_QUEUES):
            allowed.setdefault(agent, set()).add(queue)
    found = []
    for address, _, number, name, restricted, role, settings in rows:
        queues = frozenset(allowed.get(number, ())) if restricted and role != "admin" else None
        kept = json.loads(settings) if settings else {}
        wish = AlertWish(kept.get("alerts", AlertWish.OWN))
        found.append(DeskAgent(AgentId(number), address, name, queues, wish, kept.get("signature", "")))
    return tuple(found)
