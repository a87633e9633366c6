"""A private PostgreSQL server: a temporary folder, a free port, gone at the end. Tests may stop, freeze and kill it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.support.ports import free_port

BINARIES = Path("/usr/lib/postgresql/15/bin")
USER = "poterne"


class PostgresServer:
    """One server of our own. With `fsync=False` (quick) what it stores does not survive a power cut.

    In a `folder` that is given, it stays when the server is closed, and serves any number of them.
    """

    def __init__(self, *, fsync: bool = False, folder: Path | None = None, shared_buffers: str = "32MB") -> None:
        self._kept = folder is not None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="poterne-pg-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._fsync, self._shared_buffers = fsync, shared_buffers
        # PostgreSQL refuses to run as root.
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as_user:
            shutil.chown(self.folder, "postgres")
        if not (self.folder / "data").exists():
            self._run("initdb", "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(BINARIES / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, cwd="/", timeout=60)

    def start(self) -> None:
        """Start, and return once it takes connections."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} "
            f"-c fsync={'on' if self._fsync else 'off'} -c max_connections=200 -c shared_buffers={self._shared_buffers}"
        )
        self._run("pg_ctl", "-D", self._data, "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop: `fast` breaks connections off, `immediate` is a crash."""
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the server and to each of its backends: SIGSTOP makes it hang, SIGCONT go on."""
        main = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for process in (main, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        """Create a database, empty or as a copy of another one, and return its URL."""
        name = f"t{uuid.uuid4().hex[:16]}"
        with psycopg.connect(f"postgresql://{USER}@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)

    def empty(self, url: str) -> None:
        """Delete every row of a database, and let its numbers start at 1 again. Much quicker than a new database."""
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            sequences = "SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL"
            statements = ["SET session_replication_role = replica"]  # no foreign keys while rows disappear
            statements += [f"DELETE FROM {name}" for (name,) in connection.execute(names)]
            statements += [f"ALTER SEQUENCE {name} RESTART" for (name,) in connection.execute(sequences)]
            connection.execute("; ".join(statements).encode())

    def drop(self, url: str) -> None:
        """Remove a database."""
        with psycopg.connect(self.url().replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)".encode())

    def close(self) -> None:
        """Stop, and remove everything."""
        with contextlib.suppress(Exception):
            self.signal_all(signal.SIGCONT)
        with contextlib.suppress(subprocess.SubprocessError):
            self.stop("fast" if self._kept else "immediate")
        if not self._kept:
            shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def postgres_server(
    *, fsync: bool = False, folder: Path | None = None, shared_buffers: str = "32MB"
) -> Iterator[PostgresServer]:
    """Run a server for the length of a `with` block."""
    server = PostgresServer(fsync=fsync, folder=folder, shared_buffers=shared_buffers)
    try:
        server.start()
        yield server
    finally:
        server.close()
