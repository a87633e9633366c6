"""Times as the database keeps them: whole microseconds since 1970, UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import literal_column, select

from gateway.store.statement import Statement, Transaction

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

DATABASE_TIME = Statement(select(literal_column("(extract(epoch from clock_timestamp()) * 1000000)::bigint")))


def to_number(moment: datetime) -> int:
    """Return an aware datetime as microseconds."""
    return (moment - EPOCH) // MICROSECOND


def to_moment(number: int) -> datetime:
    """Return microseconds as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=number)


def to_moment_or_none(number: int | None) -> datetime | None:
    return None if number is None else to_moment(number)


def microseconds(duration: timedelta) -> int:
    return duration // MICROSECOND


def lease_time(transaction: Transaction) -> int:
    """Return the time that leases are measured by: one clock for all who share them, and one that never jumps back.

    PostgreSQL's clock is the same for all nodes. On SQLite only one daemon holds leases, and it voids old ones at its
    start: there the monotonic clock of this machine serves, and a jump of the wall clock frees nothing.
    """
    if transaction.dialect == "postgresql":
        return int(transaction.value(DATABASE_TIME))
    return time.monotonic_ns() // 1000
