"""Fetch one direct inbox: look, take, make durable, only then flag or move, then note how far. One thread per inbox.

A crash at any point neither loses nor doubles, and leaves nothing unseen: each copy has a name (inbox, UIDVALIDITY,
UID) that the ledger takes once, the mailbox is changed after the intakes are durable, and progress is saved last, so
that what was not flagged is looked at again. A mark that fails while we run is not tried again, and a mail that fails
is put aside and tried again later: neither holds up what is behind it.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError

from gateway.errors import PoterneError, SignInRefused
from gateway.inbox.mailbox import Account, Mailbox, NotImplementedByServer, open_mailbox
from gateway.model import Envelope, InboxHealth, InboxProgress, IntakeId
from gateway.ports import InboxLedger
from gateway.telemetry import failpoint, metrics
from gateway.telemetry.log import get_logger

T = TypeVar("T")
log = get_logger()

LEASE = timedelta(minutes=2)
BACK_OFF_SECONDS = (1, 2, 5, 15, 60, 300)  # after the n-th failure in a row; the last one repeats
REFUSED_SECONDS = 900  # a person has to act: look again now and then, do not hammer
SPINNING_SECONDS = 0.05
BATCH = 50  # mails between two flag or move commands
HEADER_SCAN_OCTETS = 64 << 10
ASIDE_SECONDS = 3600  # between two tries of what was put aside


class _DiedOver(Exception):
    """The connection ended while this mail was being fetched."""


@dataclass(frozen=True, slots=True)
class FetcherOptions:
    """How one inbox is fetched."""

    name: str
    queue: str
    account: Account
    address: str  # the public address of the account
    folder: str = "INBOX"
    after: str = "flag"  # flag | move
    move_to: str = "Poterne"
    backfill: bool = False
    poll: timedelta = timedelta(minutes=1)
    message_size: int = 50 << 20


Accept = Callable[[bytes, Envelope, str], Awaitable[IntakeId]]


class Fetcher:
    """The thread that keeps one inbox empty. `start` and `stop` are called from the event loop."""

    def __init__(self, options: FetcherOptions, accept: Accept, ledger: InboxLedger, holder: str) -> None:
        self.options = options
        self._accept = accept
        self._ledger = ledger
        self._holder = holder
        self._stopping = threading.Event()
        self._mailbox: Mailbox | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._died_over = 0  # the mail over which the last connection ended
        self._aside_due = 0.0  # when to try again what was put aside
        self._said: tuple[InboxHealth, str] | None = None
        self._thread = threading.Thread(target=self._run, name=f"inbox-{options.name}", daemon=True)

    def start(self) -> None:
        """Begin fetching in a thread; results go to the running event loop's store."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Finish the mail in hand, leave the rest in the mailbox, and end."""
        self._stopping.set()
        if self._mailbox is not None:
            self._mailbox.interrupt()
        while self._thread.is_alive():  # noqa: ASYNC110 - a thread has no awaitable end
            await asyncio.sleep(0.05)

    def _wait_for(self, job: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(timeout=60)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                if not self._wait_for(self._ledger.lease(self.options.name, self._holder, LEASE)):
                    self._report(InboxHealth.ELSEWHERE, "another node fetches this inbox")
                    self._stopping.wait(LEASE.total_seconds() / 4)
                    continue
                self._session()
                failures = 0
            except SignInRefused as error:
                self._report(InboxHealth.REFUSED, str(error))
                self._stopping.wait(REFUSED_SECONDS)
            # The edge of the thread: whatever happened, the mailbox still has what was not durable.
            except (IMAPClientError, OSError, PoterneError, TimeoutError, Exception) as error:
                if self._stopping.is_set():
                    return
                pause = BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS) - 1)] * random.uniform(0.8, 1.2)  # noqa: S311
                failures += 1
                self._report(InboxHealth.RETRYING, f"{type(error).__name__}: {error}; next try in {pause:.0f} s")
                self._stopping.wait(pause)

    def _report(self, health: InboxHealth, detail: str) -> None:
        """Record how it goes; the log hears of changes only, the table of every look."""
        if self._said != (health, detail):
            self._said = (health, detail)
            log.info("inbox.health", inbox=self.options.name, health=health.value, detail=detail)
        try:
            self._wait_for(self._ledger.report_health(self.options.name, health, detail))
        except Exception as error:  # the report is news, not mail: without a store it waits for the next one
            log.warning("inbox.health-unrecorded", inbox=self.options.name, because=type(error).__name__)

    def _session(self) -> None:
        """Use one connection until it ends: take what is there, wait for news, again."""
        options = self.options
        mailbox = self._mailbox = open_mailbox(options.account, options.folder)
        try:
            progress = self._first_progress(mailbox)
            while not self._stopping.is_set():
                progress = self._take_all(mailbox, progress)
                metrics.INBOX_LOOKED.labels(options.name).set_to_current_time()
                metrics.succeeded("fetch")
                self._report(InboxHealth.OK, f"read up to UID {progress.last_uid}, {len(progress.pending)} put aside")
                if not self._wait_for(self._ledger.lease(options.name, self._holder, LEASE)):
                    return
                self._pause(mailbox)
        finally:
            self._mailbox = None
            mailbox.close()

    def _pause(self, mailbox: Mailbox) -> None:
        # The lease is renewed between pauses, so none may outlast it.
        seconds = min(self.options.poll.total_seconds(), LEASE.total_seconds() / 2)
        started = time.monotonic()
        try:
            mailbox.wait(seconds)
        except NotImplementedByServer:
            self._stopping.wait(seconds)
        if time.monotonic() - started < SPINNING_SECONDS:  # a server that answers IDLE at once must not make us spin
            self._stopping.wait(SPINNING_SECONDS * 4)

    def _first_progress(self, mailbox: Mailbox) -> InboxProgress:
        """Return where to go on. A new UIDVALIDITY voids all UIDs: start over, the idempotence key finds doubles."""
        stored = self._wait_for(self._ledger.progress(self.options.name))
        if stored is not None and stored.uid_validity == mailbox.uid_validity:
            return stored
        from_start = self.options.backfill or stored is not None
        fresh = InboxProgress(mailbox.uid_validity, 0 if from_start else mailbox.uid_next - 1)
        self._save(fresh)
        return fresh

    def _take_all(self, mailbox: Mailbox, progress: InboxProgress) -> InboxProgress:
        waiting = [uid for uid in mailbox.uids_after(progress.last_uid) if uid not in progress.pending]
        batches = [waiting[start : start + BATCH] for start in range(0, len(waiting), BATCH)]
        if progress.pending and time.monotonic() >= self._aside_due:
            self._aside_due = time.monotonic() + ASIDE_SECONDS
            # Last and one by one: what is the matter with one of them undoes the taking of no other mail.
            batches += [[uid] for uid in progress.pending]
        sizes = mailbox.sizes(uid for batch in batches for uid in batch)
        for batch in batches:
            if self._stopping.is_set():
                break
            progress = self._take_batch(mailbox, progress, batch, sizes)
        return progress

    def _take_batch(
        self, mailbox: Mailbox, progress: InboxProgress, uids: list[int], sizes: dict[int, int]
    ) -> InboxProgress:
        saved, taken = progress, list[int]()
        for uid in uids:
            if self._stopping.is_set():
                break
            pending = [item for item in progress.pending if item != uid]
            if uid in sizes:
                try:
                    whole = self._take(mailbox, uid, sizes[uid])
                except _DiedOver as died:
                    self._blame(uid, saved)
                    raise died.__cause__ or died from None
                (taken if whole else pending).append(uid)
            progress = replace(progress, last_uid=max(progress.last_uid, uid), pending=tuple(pending))
        failpoint.reach("inbox.before-mark")
        if taken:
            try:
                self._mark(mailbox, taken)
            except (IMAPClientError, OSError):
                # Durable here; a mark is only cosmetic, and may fail at every look. If the connection ended because we
                # stop, nothing is wrong with the mailbox: they are looked at again, and marked, after the next start.
                if not self._stopping.is_set():
                    self._save(progress)
                raise
        failpoint.reach("inbox.before-progress")
        self._save(progress)
        return progress

    def _save(self, progress: InboxProgress) -> None:
        self._wait_for(self._ledger.save_progress(self.options.name, progress))

    def _blame(self, uid: int, saved: InboxProgress) -> None:
        """Put a mail behind all others aside, if the connection ended over it twice, or once while it was aside."""
        if self._died_over == uid or uid in saved.pending:
            log.warning("inbox.unreadable", inbox=self.options.name, uid=uid, because="the connection ends over it")
            self._save(replace(saved, pending=(*(item for item in saved.pending if item != uid), uid)))
            self._aside_due = time.monotonic() + ASIDE_SECONDS
        self._died_over = uid

    def _mark(self, mailbox: Mailbox, uids: list[int]) -> None:
        """Show in the mailbox that these mails are durable here. A server that refuses that holds nothing up."""
        try:
            if self.options.after == "move":
                mailbox.move(uids, self.options.move_to)
            else:
                mailbox.flag(uids)
        except IMAPClientReadOnlyError as error:  # an abort by its class, yet the connection goes on
            self._say_unmarked(uids, error)
        except (IMAPClientAbortError, OSError) as error:
            self._say_unmarked(uids, error)
            raise  # the connection is gone
        except IMAPClientError as error:
            self._say_unmarked(uids, error)

    def _say_unmarked(self, uids: list[int], error: Exception) -> None:
        log.warning("inbox.unmarked", inbox=self.options.name, count=len(uids), because=str(error))

    def _take(self, mailbox: Mailbox, uid: int, size: int) -> bool:
        """Make one mail durable. False: it stays in the mailbox and is tried again later."""
        options = self.options
        if size > options.message_size:
            log.warning("inbox.too-large", inbox=options.name, uid=uid, octets=size)
            return False
        try:
            raw = mailbox.fetch(uid, size)
        except (IMAPClientAbortError, OSError) as error:
            raise _DiedOver from error
        except IMAPClientError as error:
            log.warning("inbox.unreadable", inbox=options.name, uid=uid, because=str(error))
            return False
        if raw is None:
            return True  # deleted by somebody else meanwhile
        self._wait_for(_as_coroutine(self._accept(raw, self._envelope(mailbox, raw, uid), options.queue)))
        return True

    def _envelope(self, mailbox: Mailbox, raw: bytes, uid: int) -> Envelope:
        header = raw[:HEADER_SCAN_OCTETS].partition(b"\r\n\r\n")[0]
        return Envelope(
            mail_from=return_path(header),
            rcpt_to=addressed_as(header, self.options.address),
            received_at=datetime.now(UTC),
            source="imap",
            session=f"{self.options.name}-{mailbox.uid_validity}-{uid}",
            peer=self.options.account.host,
            source_ref=f"imap:{self.options.name}:{mailbox.uid_validity}:{uid}",
        )


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable


def return_path(header: bytes) -> str:
    """Return the envelope sender that the mailbox's own server wrote down (RFC 5321 §4.4), or the empty string."""
    found = re.search(rb"(?im)^return-path:[ \t]*<([^<>\r\n]{0,254})>", header)
    return found.group(1).decode("utf-8", "replace") if found else ""


def addressed_as(header: bytes, address: str) -> str:
    """Return the account's address as the mail was sent to it, plus-tag included: the tag may be a token of ours."""
    local, _, domain = address.encode().partition(b"@")
    pattern = rb"(?i)(?<![\w.+-])" + re.escape(local) + rb"\+([a-z0-9]{1,64})@" + re.escape(domain) + rb"(?![\w.-])"
    found = re.search(pattern, header)
    return found.group(0).decode() if found else address
