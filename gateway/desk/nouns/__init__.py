"""What agents see and say, as frozen values. Times are aware, UTC; addresses are in normal form.

Other modules import from this package, never from its files.
"""

from gateway.desk.nouns.changing import Changes, Done, Queued, Upload, Words
from gateway.desk.nouns.conversation import DraftRow, FileRow, LinkRow, Moment, Route, TicketPage, Why
from gateway.desk.nouns.lists import OPEN_STATUSES, Counts, Filter, Found, Page, QueueCount, TicketLine
from gateway.desk.nouns.shelf import Canned, Notice, Side, View
from gateway.desk.nouns.together import Event, Position, Presence
from gateway.desk.nouns.who import Agent, Principal, Reach, Scope, SessionRow, TokenRow

__all__ = [
    "OPEN_STATUSES",
    "Agent",
    "Canned",
    "Changes",
    "Counts",
    "Done",
    "DraftRow",
    "Event",
    "FileRow",
    "Filter",
    "Found",
    "LinkRow",
    "Moment",
    "Notice",
    "Page",
    "Position",
    "Presence",
    "Principal",
    "QueueCount",
    "Queued",
    "Reach",
    "Route",
    "Scope",
    "SessionRow",
    "Side",
    "TicketLine",
    "TicketPage",
    "TokenRow",
    "Upload",
    "View",
    "Why",
    "Words",
]
