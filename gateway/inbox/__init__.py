"""Direct inboxes: mail fetched over IMAP enters by the same `accept` as mail over LMTP."""

from gateway.inbox.fetcher import Fetcher, FetcherOptions
from gateway.inbox.mailbox import Account, open_mailbox
from gateway.inbox.oauth import MicrosoftTokens, sign_in_by_device_code

__all__ = ["Account", "Fetcher", "FetcherOptions", "MicrosoftTokens", "open_mailbox", "sign_in_by_device_code"]
