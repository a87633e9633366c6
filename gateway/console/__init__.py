"""The composition root of commands: opens an instance beside its daemon, for one operator and one thing to do.

Like `app.py` it may name implementations; unlike it, it listens nowhere, judges nothing by itself and holds no lease.
"""

from gateway.console.desk import Books, Desk, open_books, open_desk, upgrade

__all__ = ["Books", "Desk", "open_books", "open_desk", "upgrade"]
