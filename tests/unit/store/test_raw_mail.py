"""Raw mail outside of the database: durable before the intake is, named by its content, and missed when it is gone."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.errors import StorageFull, StorageUnavailable
from gateway.store import SqlStore, StoreOptions, open_store
from gateway.store import raw as raw_storage
from tests.conftest import MovableClock
from tests.unit.store.cases import envelope

MINUTE = timedelta(minutes=1)
MAIL = bytes(range(256)) * 9000  # more than what the database would keep in one piece


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as storing and fetching needs."""

    objects: dict[str, bytes] = {}  # noqa: RUF012 - one bucket per test, emptied by the fixture
    broken = False

    def do_PUT(self) -> None:
        if self.broken:
            self.answer(403, b"")
            return
        self.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, b"")

    def do_GET(self) -> None:
        found = self.objects.get(self.path)
        self.answer(404 if found is None else 200, found or b"")

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Mon, 02 Mar 2026 09:00:00 GMT")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Bucket]]:
    Bucket.objects, Bucket.broken = {}, False
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    yield Bucket
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
async def file_store(sqlite_url: str, tmp_path: Path, clock: MovableClock) -> AsyncIterator[SqlStore]:
    options = StoreOptions(raw_mail=f"file://{tmp_path}/raw")
    async with open_store(sqlite_url, clock=clock, options=options) as opened:
        yield opened


async def test_files_are_named_by_their_content_and_come_back(file_store: SqlStore, tmp_path: Path) -> None:
    for _ in range(2):
        await file_store.accept(MAIL, [envelope(file_store)], ["support"])

    name = hashlib.sha256(MAIL).hexdigest()
    assert [path.name for path in (tmp_path / "raw").rglob("*") if path.is_file()] == [name]
    claims = [*await file_store.claim_intakes(1, MINUTE), *await file_store.claim_intakes(1, MINUTE)]
    assert [claim.raw for claim in claims] == [MAIL, MAIL]
    assert (await file_store.audit()).problems == ()


async def test_file_and_folder_are_synced_before_the_rename_counts(
    file_store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor: int) -> None:
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112 - a name in /proc
        fsync(descriptor)

    def noted_rename(source: str, target: str) -> None:
        steps.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)

    await file_store.accept(b"raw", [envelope(file_store)], ["support"])

    assert steps[-3:] == ["file", "rename", "folder"]


async def test_a_full_disk_of_raw_mail_refuses_the_mail(
    file_store: SqlStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageFull):
            await file_store.accept(b"raw", [envelope(file_store)], ["support"])

    assert await file_store.list_intakes() == []
    assert [path for path in (tmp_path / "raw").rglob("*") if path.is_file()] == []
    await file_store.accept(b"raw", [envelope(file_store)], ["support"])


async def test_a_lost_file_holds_up_only_its_own_mail(file_store: SqlStore, tmp_path: Path) -> None:
    for content in (b"lost", b"kept"):
        await file_store.accept(content, [envelope(file_store)], ["support"])
    lost = hashlib.sha256(b"lost").hexdigest()
    (tmp_path / "raw" / lost[:2] / lost).unlink()

    claims = await file_store.claim_intakes(10, MINUTE)

    assert [claim.raw for claim in claims] == [b"kept"]
    waiting = (await file_store.list_intakes(state="waiting"))[-1]
    assert lost in waiting.because
    assert [lost in problem for problem in (await file_store.audit()).problems] == [True]


async def test_a_damaged_file_is_found_by_the_audit(file_store: SqlStore, tmp_path: Path) -> None:
    await file_store.accept(b"raw", [envelope(file_store)], ["support"])
    name = hashlib.sha256(b"raw").hexdigest()
    (tmp_path / "raw" / name[:2] / name).write_bytes(b"war")

    assert (await file_store.audit()).problems == ("raw mail 1 is not what was accepted",)


async def test_mail_stored_elsewhere_is_not_looked_for_here(
    sqlite_url: str, tmp_path: Path, clock: MovableClock
) -> None:
    options = StoreOptions(raw_mail=f"file://{tmp_path}/raw")
    async with open_store(sqlite_url, clock=clock, options=options) as store:
        (intake,) = await store.accept(b"raw", [envelope(store)], ["support"])
    shutil.rmtree(tmp_path / "raw")

    async with open_store(sqlite_url, clock=clock) as store:
        with pytest.raises(StorageUnavailable, match="raw_mail: names the database"):
            await store.raw(intake)


async def test_objects_are_stored_and_come_back(bucket: type[Bucket], sqlite_url: str, clock: MovableClock) -> None:
    async with open_store(sqlite_url, clock=clock, options=StoreOptions(raw_mail="s3://mails/poterne")) as store:
        (intake,) = await store.accept(MAIL, [envelope(store)], ["support"])

        name = hashlib.sha256(MAIL).hexdigest()
        assert bucket.objects == {f"/mails/poterne/{name[:2]}/{name}": MAIL}
        assert await store.raw(intake) == MAIL
        bucket.objects.clear()
        with pytest.raises(StorageUnavailable):
            await store.raw(intake)


async def test_an_object_that_is_refused_refuses_the_mail(
    bucket: type[Bucket], sqlite_url: str, clock: MovableClock
) -> None:
    bucket.broken = True
    async with open_store(sqlite_url, clock=clock, options=StoreOptions(raw_mail="s3://mails/poterne")) as store:
        with pytest.raises(StorageUnavailable):
            await store.accept(b"raw", [envelope(store)], ["support"])

        assert await store.list_intakes() == []


def test_what_raw_mail_may_name() -> None:
    assert raw_storage.open_raw_storage("database") is None
    with pytest.raises(ValueError, match="none of database"):
        raw_storage.open_raw_storage("ftp://example.org/")
