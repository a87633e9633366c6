"""What the columns of all tables are made of.

Times are whole microseconds since 1970, UTC: exact, ordered, and the same in both databases. Text that is a word of the
domain (state, disposition, kind) stands as the word itself. Raw octets stand last in their rows, so that reading the
columns before them never touches their pages.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    text,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)

Number = BigInteger().with_variant(Integer, "sqlite")  # an INTEGER PRIMARY KEY is SQLite's own row number
Time = BigInteger
ZERO = text("0")
NO = text("false")
EMPTY = text("''")


def number(name: str = "id") -> Column[Any]:
    """Return a primary key that counts up."""
    return Column(name, Number, primary_key=True, autoincrement=True)


def refers(name: str, target: str, *, optional: bool = False, index: bool = False) -> Column[Any]:
    """Return a foreign key column."""
    return Column(name, Number, ForeignKey(target), nullable=optional, index=index)


def needed(name: str, kind: Any = Text, default: Any = None) -> Column[Any]:
    """Return a column that always has a value."""
    return Column(name, kind, nullable=False, server_default=default)


def where_known(name: str, *columns: str, unique: bool = False) -> Index:
    """Return an index of the rows whose first column has a value."""
    known = text(f"{columns[0]} IS NOT NULL")
    return Index(name, *columns, unique=unique, sqlite_where=known, postgresql_where=known)


def leased() -> tuple[Column[Any], ...]:
    """Return what every delivery has, of a mail or of an event: see leases.py."""
    return (
        needed("state"),  # DeliveryState
        needed("queued_at", Time),
        Column("due_at", Time),
        needed("attempts", Integer, ZERO),
        Column("lease_until", Time),
        needed("lease_token", BigInteger, ZERO),
        Column("finished_at", Time),
        needed("warned", Boolean, NO),  # its ticket, or the log, was told that it is late
        needed("channel_down", Boolean, NO),  # deferred because the far side was down: due at once when it is up again
        needed("code", Integer, ZERO),
        needed("answer", Text, EMPTY),  # the last thing that the far side said, or why nothing was sent
    )


def attempted(delivery: str) -> tuple[Column[Any], ...]:
    """Return what every attempt has; `delivery` is the column that it counts under."""
    return (
        Column("delivery_id", Number, ForeignKey(delivery), primary_key=True),
        Column("number", Integer, primary_key=True),
        needed("started_at", Time),
        Column("ended_at", Time),
        Column("outcome", Text),  # Outcome; NULL: under way, or the worker died over it
        needed("code", Integer, ZERO),
        needed("answer", Text, EMPTY),
    )
