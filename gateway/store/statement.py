"""SQL written once as SQLAlchemy Core, compiled once per dialect to text, and run on the DBAPI cursor.

Running Core row by row costs ten times what the database does; compiling is what costs, so it happens once per
statement and process. Values go in as the DBAPI takes them: int, str, bytes, None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import psycopg
from sqlalchemy import Table, bindparam
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler

Row = tuple[Any, ...]
MOST_ROWS = 32  # of one INSERT

DIALECTS: Mapping[str, Dialect] = {
    "sqlite": SQLiteDialect_pysqlite(paramstyle="qmark"),
    "postgresql": PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call]
}


class Statement:
    """One statement for every dialect: its text, and how to put named values in the order of the text."""

    __slots__ = ("_compiled", "_source")

    def __init__(self, source: Executable) -> None:
        self._source = source
        self._compiled: dict[str, tuple[str, Callable[[Mapping[str, Any]], Row]]] = {}

    def bind(self, dialect: str, values: Mapping[str, Any]) -> tuple[str, Row]:
        """Return the text for `dialect` and the values in its order."""
        compiled = self._compiled.get(dialect)
        if compiled is None:
            compiled = self._compiled[dialect] = compile_for(self._source, DIALECTS[dialect])
        text, order = compiled
        return text, order(values)


def compile_for(source: Executable, dialect: Dialect) -> tuple[str, Callable[[Mapping[str, Any]], Row]]:
    """Compile a statement; constants that stand in it join the values by themselves."""
    compiled = source.compile(dialect=dialect)  # type: ignore[attr-defined]
    assert isinstance(compiled, SQLCompiler)
    names = tuple(compiled.positiontup or ())
    binds = compiled.binds
    constants = {name: binds[name].value for name in names if not binds[name].required}
    return str(compiled), in_order(names, constants)


def in_order(names: tuple[str, ...], constants: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Row]:
    """Return a function that picks the values of `names`, in order."""
    if constants:
        return lambda values: tuple(values[name] if name in values else constants[name] for name in names)
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        (name,) = names
        return lambda values: (values[name],)
    return lambda _values: ()


def insert(table: Table, *columns: str, returning: str | None = None, ignore: bool = False) -> Statement:
    """Return an INSERT of `columns`. With `ignore`, a row that exists already stays, and no row is returned."""
    # The PostgreSQL construct compiles for both: SQLite took over ON CONFLICT word for word.
    source = postgresql_insert(table).values({name: bindparam(name) for name in columns})
    if ignore:
        source = source.on_conflict_do_nothing()
    return Statement(source.returning(table.c[returning]) if returning else source)


def storable(value: Any) -> Any:
    """Return text without what no database keeps; everything else as it is."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


class Transaction:
    """An open transaction on one cursor. Everything that is written goes through these verbs."""

    __slots__ = ("_late", "cursor", "dialect")

    def __init__(self, cursor: Any, dialect: str) -> None:
        self.cursor = cursor
        self.dialect = dialect
        self._late: list[tuple[Statement, Mapping[str, Any]]] = []

    def savepoint(self, name: str) -> int:
        """Set a savepoint, and return the mark that `roll_back` asks for."""
        self.cursor.execute(f"SAVEPOINT {name}")
        return len(self._late)

    def roll_back(self, name: str, mark: int) -> None:
        """Undo what happened since the savepoint, and forget what was kept for the end since then."""
        self.cursor.execute(f"ROLLBACK TO SAVEPOINT {name}")
        del self._late[mark:]

    def release(self, name: str) -> None:
        """Let go of the savepoint; what happened since then, if it was not undone, is part of the transaction."""
        self.cursor.execute(f"RELEASE SAVEPOINT {name}")

    def at_end(self, statement: Statement, **values: Any) -> None:
        """Keep a statement for the end of the transaction, where it runs together with its like of other jobs.

        For the full text: FTS5 writes out at every savepoint what it has collected, a segment each time.
        """
        self._late.append((statement, values))

    def finish(self) -> None:
        """Run what was kept for the end."""
        late, self._late = self._late, []
        for statement, alike in groupby(late, key=itemgetter(0)):
            self.run_many(statement, [values for _, values in alike])

    @property
    def alive(self) -> bool:
        """Tell whether it is still open: SQLite ends it by itself when the disk is full or fails."""
        connection = self.cursor.connection
        return bool(connection.in_transaction) if self.dialect == "sqlite" else not connection.closed

    def _execute(self, statement: Statement, values: Mapping[str, Any]) -> None:
        text, row = statement.bind(self.dialect, values)
        try:
            self.cursor.execute(text, row)
        except (UnicodeEncodeError, psycopg.DataError) as error:
            # Refused before it was sent: a lone surrogate, or a NUL that PostgreSQL cannot keep in text.
            if isinstance(error, psycopg.DataError) and error.sqlstate:
                raise
            self.cursor.execute(text, tuple(map(storable, row)))

    def run(self, statement: Statement, **values: Any) -> int:
        """Execute, and return how many rows changed."""
        self._execute(statement, values)
        return int(self.cursor.rowcount)

    def run_many(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> None:
        """Execute once per mapping."""
        if many:
            bound = [statement.bind(self.dialect, values) for values in many]
            try:
                self.cursor.executemany(bound[0][0], [row for _text, row in bound])
            except (UnicodeEncodeError, psycopg.DataError) as error:
                if isinstance(error, psycopg.DataError) and error.sqlstate:
                    raise
                for values in many:
                    self._execute(statement, values)

    def insert_rows(self, statement: Statement, many: Sequence[Mapping[str, Any]]) -> list[int]:
        """Insert rows of a table that counts them, in SQLite, and return their numbers.

        Many rows are one step of the database, for which Python lets go of its lock once. Rows go in by powers of two,
        so that few texts are compiled.
        """
        bound = [statement.bind(self.dialect, values) for values in many]
        numbers: list[int] = []
        while len(numbers) < len(bound):
            at = len(numbers)
            size = min(MOST_ROWS, 1 << (len(bound) - at).bit_length() - 1)
            head, values, row = bound[at][0].partition(" VALUES ")
            self.cursor.execute(
                f"{head}{values}{', '.join([row] * size)}",
                tuple(chain.from_iterable(row for _, row in bound[at : at + size])),
            )
            # Rows of one statement are numbered one after the other: nobody else writes.
            last = self.cursor.lastrowid
            numbers += range(last - size + 1, last + 1)
        return numbers

    def rows(self, statement: Statement, **values: Any) -> list[Row]:
        """Execute, and return all rows."""
        self._execute(statement, values)
        found: list[Row] = self.cursor.fetchall()  # all of them: an unfinished SELECT would keep its snapshot
        return found

    def row(self, statement: Statement, **values: Any) -> Row | None:
        """Execute, and return the first row, or None."""
        found = self.rows(statement, **values)
        return found[0] if found else None

    def value(self, statement: Statement, **values: Any) -> Any:
        """Execute, and return the first column of the first row, or None."""
        found = self.rows(statement, **values)
        return found[0][0] if found else None
