"""One folder over one connection: whatever marking meets, the folder is open read-only afterwards."""

from __future__ import annotations

from typing import Any, cast

import pytest
from imapclient.exceptions import IMAPClientError, IMAPClientReadOnlyError

from gateway.inbox.mailbox import Mailbox


class Client:
    """An IMAP connection that keeps how the folder was opened; True is read-only."""

    def __init__(self) -> None:
        self.opened: list[bool] = []
        self.read_only = False
        self.refuses = False
        self.flagged: list[int] = []

    def select_folder(self, folder: str, readonly: bool = False) -> dict[bytes, Any]:
        self.opened.append(readonly)
        if self.read_only and not readonly:
            raise IMAPClientReadOnlyError(f"{folder} is not writable")
        return {b"UIDVALIDITY": 7, b"UIDNEXT": 3}

    def add_flags(self, uids: list[int], flags: list[bytes], silent: bool) -> None:
        assert (flags, silent) == ([rb"\Seen"], True)
        if self.refuses:
            raise IMAPClientError("no right to store")
        self.flagged += uids


def test_marking_opens_the_folder_for_writing_and_closes_it_again() -> None:
    client = Client()
    Mailbox(cast("Any", client), "INBOX").flag([1, 2])

    assert client.flagged == [1, 2]
    assert client.opened == [True, False, True]


@pytest.mark.parametrize("where", ["read_only", "refuses"])
def test_a_folder_that_may_not_be_written_is_open_read_only_again(where: str) -> None:
    client = Client()
    setattr(client, where, True)
    mailbox = Mailbox(cast("Any", client), "INBOX")
    with pytest.raises(IMAPClientError):
        mailbox.flag([1])

    assert client.flagged == []
    assert client.opened == [True, False, True]
