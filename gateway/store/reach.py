"""Reach: every statement on tickets is narrowed to the queues that an agent may see; the rest is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, func, select

from gateway.desk.nouns import Reach
from gateway.errors import NotFound
from gateway.store.context import Context
from gateway.store.statement import Statement
from gateway.store.tables import tickets

NOWHERE = "\x01"  # no queue has this name: stands in for an empty list

NEXT_QUEUE = Statement(select(func.min(tickets.c.queue)).where(tickets.c.queue > bindparam("last")))
QUEUE_OF = Statement(select(tickets.c.queue).where(tickets.c.id == bindparam("ticket_id")))


def listed(name: str, count: int) -> list[BindParameter[Any]]:
    """Return `count` parameters, for a list of values in a statement."""
    return [bindparam(f"list_{name}_{number}") for number in range(count)]


def values(name: str, items: Sequence[Any], count: int | None = None) -> dict[str, Any]:
    """Return the values of `listed`, the last one repeated up to `count`."""
    padded = [*items, *([items[-1]] * ((count or len(items)) - len(items)))]
    return {f"list_{name}_{number}": item for number, item in enumerate(padded)}


def rounded(count: int) -> int:
    """Return a length for a list of values, so that few statements serve all lengths."""
    return next(size for size in (1, 5, 20, 50, 200, 500, 1000) if count <= size)


def inside(column: ColumnElement[Any], name: str, count: int) -> ColumnElement[bool]:
    """Return the condition that a column has one of `count` values."""
    return column.in_(listed(name, count))


def queues_of(context: Context, reach: Reach) -> tuple[str, ...]:
    """Return the queues in reach; for administrators all that have tickets, one look at the index for each."""
    if reach.queues is not None:
        return tuple(sorted(set(reach.queues))) or (NOWHERE,)
    found: list[str] = []
    while (queue := context.transaction.value(NEXT_QUEUE, last=found[-1] if found else "")) is not None:
        found.append(queue)
    return tuple(found) or (NOWHERE,)


def within(reach: Reach, queue: str) -> bool:
    """Tell whether a queue is in reach."""
    return reach.queues is None or queue in reach.queues


def check(context: Context, reach: Reach, number: int) -> str:
    """Return the queue of a ticket. Raises NotFound for one that is not there, or not theirs."""
    queue = context.transaction.value(QUEUE_OF, ticket_id=number)
    if queue is None or not within(reach, queue):
        raise nothing()
    return str(queue)


def nothing() -> NotFound:
    """Return the one answer for what is missing and what is not theirs (T11)."""
    return NotFound("there is no such ticket")
