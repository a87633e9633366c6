"""Jobs of one kind written at once: a few statements for many mails, instead of a few for each.

It is an attempt. If it fails, nothing of it happened, and each of these jobs does its own work in its own savepoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.store.statement import Transaction

if TYPE_CHECKING:
    from gateway.store.job import Job


@dataclass(frozen=True, slots=True)
class Together:
    """How a job's work is done for many jobs at once: `write` takes their items and returns their results, in order."""

    write: Callable[[Transaction, Sequence[Any]], Sequence[Any]]
    item: Any


def write_together(transaction: Transaction, group: Sequence[Job[Any]]) -> Exception | None:
    """Try to write what can be written at once, in one savepoint, and mark those jobs as written.

    Returns the error if the transaction did not survive the attempt.
    """
    found: list[tuple[Job[Any], Together]] = []
    for job in group:
        job.written, together = False, job.together
        if together is not None and (not found or together.write is found[0][1].write):
            found.append((job, together))
    if len(found) <= 1:  # its own work costs no more
        return None
    mark = transaction.savepoint("together")
    try:
        results = found[0][1].write(transaction, [together.item for _, together in found])
        transaction.release("together")
    except Exception as error:  # whichever job it was meets it again, alone
        if not transaction.alive:
            return error
        transaction.roll_back("together", mark)
        transaction.release("together")
        return None
    for (job, _), result in zip(found, results, strict=True):
        job.result, job.error, job.written = result, None, True
    return None
