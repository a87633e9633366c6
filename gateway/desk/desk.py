"""The agents' desk of one instance: every use case, wired over one store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.config.settings import Queue, Settings
from gateway.desk.accounts import Accounts
from gateway.desk.administration import Administration
from gateway.desk.changing import Changing
from gateway.desk.passwords import Argon2, Hasher
from gateway.desk.ports import DeskBooks
from gateway.desk.preview import Previews
from gateway.desk.shelf import Shelf
from gateway.desk.tickets import Tickets
from gateway.desk.together import Together
from gateway.desk.webhooks import Webhooks
from gateway.desk.writing import Writing
from gateway.policy import Policy
from gateway.ports import Clock, Operations, Reader, WebhookOperations


class Books(DeskBooks, Operations, Reader, WebhookOperations, Protocol):
    """Everything that the desk asks of the store."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What pages and the API call."""

    accounts: Accounts
    tickets: Tickets
    writing: Writing
    changing: Changing
    shelf: Shelf
    together: Together
    administration: Administration
    webhooks: Webhooks
    previews: Previews
    books: Books
    settings: Callable[[], Settings]
    clock: Clock

    @property
    def queues(self) -> Mapping[str, Queue]:
        """The queues of the configuration: names and colours."""
        return self.settings().queues


def open_desk(
    books: Books,
    *,
    policy: Callable[[], Policy],
    settings: Callable[[], Settings],
    clock: Clock,
    wake: Callable[[], None] = lambda: None,
    check: Callable[[], Sequence[str]] = lambda: (),
    hasher: Hasher | None = None,
) -> Desk:
    """Wire the desk. `policy` and `settings` are asked each time, so that a reload is seen; `wake` hastens workers."""
    return Desk(
        accounts=Accounts(books, books, hasher or Argon2(), clock, settings().agents.session),
        tickets=Tickets(books, policy),
        writing=Writing(books, policy, lambda: settings().agents.undo_send),
        changing=Changing(books, policy),
        shelf=Shelf(books, policy),
        together=Together(books, clock),
        administration=Administration(books, settings, wake, check),
        webhooks=Webhooks(books, settings, wake),
        previews=Previews(policy),
        books=books,
        settings=settings,
        clock=clock,
    )
