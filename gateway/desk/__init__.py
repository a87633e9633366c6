"""The agents' desk: use cases over ports. It knows no database and no web, and decides who may do what.

`open_desk` wires a `Desk` of accounts, tickets, writing, changing, shelf, together and administration. A use case takes
the `Principal` first, raises `Forbidden` for what their scopes do not hold, and `NotFound` for what is out of reach.
"""

from gateway.desk.access import Forbidden, need, need_admin
from gateway.desk.accounts import Accounts, SignedIn, TooManyTries
from gateway.desk.desk import Desk, open_desk
from gateway.desk.nouns import Agent, Changes, Filter, Principal, Reach, Scope, Words

__all__ = [
    "Accounts",
    "Agent",
    "Changes",
    "Desk",
    "Filter",
    "Forbidden",
    "Principal",
    "Reach",
    "Scope",
    "SignedIn",
    "TooManyTries",
    "Words",
    "need",
    "need_admin",
    "open_desk",
]
