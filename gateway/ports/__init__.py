"""What the core asks of the outside. Edges implement these; `app.py` alone chooses implementations.

Every method that promises durability returns only after the commit. Every method may raise `errors.Transient`
(StorageUnavailable within its deadline of 10 s, StorageFull, Overloaded); nothing else is raised on purpose.

A file for each station of the way of a message; other modules import from this package, never from its files.
"""

from gateway.ports.clock import Clock
from gateway.ports.inbox import InboxLedger, TokenSource, Vault
from gateway.ports.judging import Correspondence, Parser, Store, WriteDigest, Writer
from gateway.ports.operating import Operations, WebhookOperations
from gateway.ports.reading import Reader
from gateway.ports.sending import Channel, Claimed, Deliveries, Outbox

__all__ = [
    "Channel",
    "Claimed",
    "Clock",
    "Correspondence",
    "Deliveries",
    "InboxLedger",
    "Operations",
    "Outbox",
    "Parser",
    "Reader",
    "Store",
    "TokenSource",
    "Vault",
    "WebhookOperations",
    "WriteDigest",
    "Writer",
]
