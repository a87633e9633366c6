"""Full text that is quick for any word: beginnings of words in SQLite's index, blocks of entries in PostgreSQL's."""

from __future__ import annotations

import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LONGEST, LONGEST_WORD = 50_000, 100
BATCH = 2_000
BLOCK = 16_384
HASH = 64 << 20  # octets that FTS5 collects before it writes a segment, while it is filled


def upgrade() -> None:
    """Make the index anew: FTS5 cannot be altered, and a GIN index is made quicker than changed."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE entry_words")
        op.execute(
            "CREATE VIRTUAL TABLE entry_words USING "
            "fts5(words, content='', columnsize=0, tokenize='unicode61', prefix='2 3 4 5')"
        )
        fill_index()
    else:
        mark_blocks()


def fill_index() -> None:
    """Index what entries say, who said it, the subject of the ticket and of the mail, and the names of attachments."""
    connection = op.get_bind()
    connection.execute(
        sa.text("INSERT INTO entry_words (entry_words, rank) VALUES ('hashsize', :size)"), {"size": HASH}
    )
    read = sa.text(
        "SELECT e.id, t.subject, CASE WHEN i.subject <> t.subject THEN i.subject END, e.author, "
        "(SELECT group_concat(filename, ' ') FROM attachments a WHERE a.entry_id = e.id), e.text "
        "FROM entries e JOIN tickets t ON t.id = e.ticket_id LEFT JOIN intakes i ON i.id = e.intake_id "
        "WHERE e.id > :last AND e.kind IN ('customer', 'agent', 'note', 'auto_reply') ORDER BY e.id LIMIT :batch"
    )
    write = sa.text("INSERT INTO entry_words (rowid, words) VALUES (:id, :words)")
    last = 0
    while rows := connection.execute(read, {"last": last, "batch": BATCH}).all():
        last = rows[-1][0]
        connection.execute(write, [{"id": row[0], "words": folded(row[1:])} for row in rows])
    connection.execute(sa.text("INSERT INTO entry_words (entry_words, rank) VALUES ('hashsize', 1048576)"))


def mark_blocks() -> None:
    """Write every row anew with the mark of its block, in the order of entries."""
    op.execute("CREATE TABLE entry_words_marked (entry_id BIGINT NOT NULL, words TSVECTOR NOT NULL)")
    op.execute(
        "INSERT INTO entry_words_marked SELECT entry_id, words || "  # noqa: S608 - a number of this file alone
        f"array_to_tsvector(ARRAY['#' || (entry_id / {BLOCK})::text]) FROM entry_words ORDER BY entry_id"
    )
    op.execute("DROP TABLE entry_words")
    op.execute("ALTER TABLE entry_words_marked RENAME TO entry_words")
    op.execute("ALTER TABLE entry_words ADD CONSTRAINT entry_words_pkey PRIMARY KEY (entry_id)")
    # What waits to be put into the index is read by every search, and put there by whoever writes one too many.
    op.execute("CREATE INDEX ix_entry_words_words ON entry_words USING gin (words) WITH (gin_pending_list_limit = 256)")


def folded(parts: Any) -> str:
    """Return words as they are searched: without accents and case, nothing but letters and digits."""
    text = " ".join(part for part in parts if part)[:LONGEST]
    plain = unicodedata.normalize("NFKD", text).casefold()
    words = "".join(c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in plain).split()
    return " ".join(word[:LONGEST_WORD] for word in words)
