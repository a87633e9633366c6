"""Where raw mails are kept: in the database, as files, or in S3-compatible storage. All of them durable before 250."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from sqlalchemy import bindparam, select

from gateway.errors import StorageFull, StorageUnavailable
from gateway.store.statement import Statement, Transaction, insert
from gateway.store.tables import raw_chunks, raws

Octets = bytes | bytearray | memoryview

INLINE = 2 << 20  # octets; larger mails are stored in pieces
PIECE = 1 << 20
LIGHT = 64 << 10  # octets; a statement keeps a copy of what was bound to it until it is used again

INSERT_RAW = insert(raws, "sha256", "size", "stored_at", "location", "content", returning="id")
INSERT_RAWS = insert(raws, "sha256", "size", "stored_at", "location", "content")
INSERT_PIECE = insert(raw_chunks, "raw_id", "position", "content")
SELECT_RAW = Statement(
    select(raws.c.size, raws.c.location, raws.c.content, raws.c.sha256).where(raws.c.id == bindparam("raw_id"))
)
SELECT_PIECE = Statement(
    select(raw_chunks.c.content).where(
        raw_chunks.c.raw_id == bindparam("raw_id"), raw_chunks.c.position == bindparam("position")
    )
)


class RawStorage(Protocol):
    """Keeps raw mails outside of the database. Blocking: called in threads."""

    def put(self, content: Octets, sha256: str) -> str:
        """Make the octets durable and return where they are."""

    def get(self, location: str) -> bytes:
        """Return the octets. Raises StorageUnavailable if they cannot be read."""


@dataclass(frozen=True, slots=True)
class RawMail:
    """A raw mail on its way into the ledger."""

    content: Octets
    sha256: str
    location: str | None = None  # where it was stored outside of the database


def insert_raw(transaction: Transaction, raw: RawMail, now: int) -> int:
    """Write one raw mail, in pieces if it is large; bound as it is, without a copy."""
    content, location = raw.content, raw.location
    size = len(content)
    inline = content if location is None and size <= INLINE else None
    raw_id = int(
        transaction.value(INSERT_RAW, sha256=raw.sha256, size=size, stored_at=now, location=location, content=inline)
    )
    if location is None and inline is None:
        view = memoryview(content)
        for position, start in enumerate(range(0, size, PIECE)):
            transaction.run(INSERT_PIECE, raw_id=raw_id, position=position, content=view[start : start + PIECE])
    return raw_id


def is_light(raw: RawMail) -> bool:
    """Tell whether a raw mail's row may be one of many in a statement."""
    return raw.location is not None or len(raw.content) <= LIGHT


def insert_raws(transaction: Transaction, mails: Sequence[RawMail], now: int) -> Sequence[int]:
    """Write raw mails of which each is light, and return their numbers (SQLite)."""
    return transaction.insert_rows(
        INSERT_RAWS,
        [
            {
                "sha256": raw.sha256,
                "size": len(raw.content),
                "stored_at": now,
                "location": raw.location,
                "content": raw.content if raw.location is None else None,
            }
            for raw in mails
        ],
    )


def read_raw(transaction: Transaction, raw_id: int) -> bytes | str:
    """Return a raw mail's octets, or the location where they are kept."""
    row = transaction.row(SELECT_RAW, raw_id=raw_id)
    if row is None:
        raise StorageUnavailable(f"raw mail {raw_id} is not in the database")
    size, location, content, _sha256 = row
    if location is not None:
        return str(location)
    if content is not None:
        return bytes(content)
    whole = bytearray(size)
    for position, start in enumerate(range(0, size, PIECE)):
        piece = transaction.value(SELECT_PIECE, raw_id=raw_id, position=position)
        whole[start : start + PIECE] = piece
    return bytes(whole)


class FileStorage:
    """Raw mails as files named by their content, fsynced with their folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: Octets, sha256: str) -> str:
        """Write, fsync, rename, fsync the folder. The same octets are stored once."""
        folder = self.folder / sha256[:2]
        location = f"{sha256[:2]}/{sha256}"
        path = self.folder / location
        try:
            if not folder.exists():
                folder.mkdir(parents=True, exist_ok=True)
                sync_folder(self.folder)
            descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=folder)
            try:
                with os.fdopen(descriptor, "wb", buffering=0) as file:
                    view = memoryview(content)
                    while view:
                        view = view[file.write(view) :]
                    os.fsync(file.fileno())
                os.rename(temporary, path)  # noqa: PTH104 - the pair to mkstemp
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)  # noqa: PTH108 - the same pair
                raise
            sync_folder(folder)
        except OSError as error:
            raise file_trouble(error) from error
        return location

    def get(self, location: str) -> bytes:
        try:
            return (self.folder / location).read_bytes()
        except OSError as error:
            raise StorageUnavailable(f"raw mail {location} cannot be read: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_trouble(error: OSError) -> StorageFull | StorageUnavailable:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return StorageFull("the disk of raw mail is full") if full else StorageUnavailable(f"raw mail: {error.strerror}")


class ObjectStorage:
    """Raw mails as objects named by their content in an S3-compatible bucket (extra `s3`)."""

    def __init__(self, bucket: str, prefix: str) -> None:
        from obstore.store import S3Store

        # Endpoint, region and credentials come from the environment (AWS_ENDPOINT, AWS_REGION, ...).
        http = os.environ.get("AWS_ENDPOINT", "").startswith("http:")
        self._store: Any = S3Store(bucket, prefix=prefix or None, client_options={"allow_http": http, "timeout": "8s"})

    def put(self, content: Octets, sha256: str) -> str:
        import obstore

        location = f"{sha256[:2]}/{sha256}"
        try:
            obstore.put(self._store, location, content)
        except Exception as error:
            raise StorageUnavailable(f"object storage: {type(error).__name__}") from error
        return location

    def get(self, location: str) -> bytes:
        import obstore

        try:
            return bytes(obstore.get(self._store, location).bytes())
        except Exception as error:
            raise StorageUnavailable(f"raw mail {location} cannot be read: {type(error).__name__}") from error


def open_raw_storage(raw_mail: str) -> RawStorage | None:
    """Return the storage that `raw_mail:` names; None means the database itself."""
    if raw_mail == "database":
        return None
    parts = urlsplit(raw_mail)
    if parts.scheme == "file":
        return FileStorage(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return ObjectStorage(parts.netloc, parts.path.strip("/"))
    raise ValueError(f"raw_mail: {raw_mail!r} is none of database, file:///PATH, s3://BUCKET/PREFIX")
