"""What a database error means to a mail: no room (452), not now (451), or a bug of ours."""

from __future__ import annotations

import sqlite3

import psycopg

from gateway.errors import StorageFull, StorageUnavailable, Transient

# PostgreSQL: 53100 disk_full, 53400 configuration_limit_exceeded (quota), 54 program limits are bugs, not space.
FULL_STATES = frozenset({"53100", "53400"})
# Worth running the same job again at once: 40001 serialization_failure, 40P01 deadlock_detected.
RETRY_STATES = frozenset({"40001", "40P01"})


def translate(error: BaseException) -> Transient | None:
    """Return what to raise instead of a database error, or None if it is no trouble of the storage."""
    if isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError):
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            return None
        code = primary_code(error)
        if code == sqlite3.SQLITE_FULL:
            return StorageFull("the disk of the database is full")
        if code == sqlite3.SQLITE_ERROR:  # SQL that does not compile is a bug
            return None
        return StorageUnavailable(f"the database cannot be used: {error}")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
        if error.sqlstate in FULL_STATES:
            return StorageFull("the disk of the database server is full")
        return StorageUnavailable(
            f"the database cannot be used: {str(error).splitlines()[0] if str(error) else error!r}"
        )
    return None


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code, 0 if the error carries none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def breaks_connection(error: BaseException) -> bool:
    """Tell whether the connection must not be used again. A retried fsync may lie: after an I/O error we reopen."""
    if isinstance(error, sqlite3.Error):
        good = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT)
        return translate(error) is not None and primary_code(error) not in good
    return isinstance(error, psycopg.InterfaceError) or (
        isinstance(error, psycopg.OperationalError) and not error.sqlstate
    )


def worth_repeating(error: BaseException) -> bool:
    """Tell whether the same job may simply run again: it lost a race that the database noticed."""
    return isinstance(error, psycopg.OperationalError) and error.sqlstate in RETRY_STATES
