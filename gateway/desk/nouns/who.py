"""Who makes a request, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a request may do. A session of an agent has read and write, one of an administrator all three."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Reach:
    """What a query may see: every statement on tickets is narrowed by it. `queues` is None for administrators."""

    agent: int
    queues: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Agent:
    """An account as the desk knows it. `queues` is None for all of them."""

    id: int
    address: str
    name: str
    role: str  # agent | admin
    queues: tuple[str, ...] | None = None
    must_change: bool = False  # the password was chosen by somebody else
    disabled: bool = False
    locale: str = ""  # "" leaves it to the browser
    zone: str = ""  # IANA name; "" leaves it to the browser
    signature: str = ""
    created_at: datetime | None = None

    @property
    def admin(self) -> bool:
        """Whether this account administrates."""
        return self.role == "admin"

    @property
    def shown(self) -> str:
        """The author of what this agent does, as entries show it."""
        return f"{self.name} <{self.address}>" if self.name else self.address


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request, and what they may do. `csrf` is empty for tokens, which need none."""

    agent: Agent
    scopes: frozenset[Scope]
    session: int | None = None
    token: int | None = None
    csrf: str = ""

    @property
    def reach(self) -> Reach:
        """What their queries may see."""
        return Reach(self.agent.id, None if self.agent.admin else self.agent.queues)

    def may(self, scope: Scope) -> bool:
        """Tell whether a scope is theirs."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One signed-in browser."""

    id: int
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    peer: str
    browser: str


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One API token; its text was shown once, when it was made."""

    id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
