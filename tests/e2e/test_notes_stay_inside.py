"""Internal notes are never sent to a customer, whatever happens: every way to write one, every way to send.

Each note, and each reply that was cancelled in time, holds a word of its own. At the end no octet on the wire says any
of them, encoded or not, and no header does.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from tests.support.signed_in import SignedIn
from tests.support.wire import Street, Wire, everything

pytestmark = pytest.mark.xdist_group("notes")
AGENT = "lea@example.org"
VOUCHED = "mx.example.org; dmarc=pass header.from=example.org"  # as our own mail server writes it on top
NORA, OTTO = "nora@orchard.example", "otto@orchard.example"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with Wire() as wire:
        street = Street(tmp_path_factory.mktemp("notes"), wire)
        with street.daemon:
            street.daemon.start(seconds=60)
            yield street


@pytest.fixture(scope="module")
def lea(street: Street) -> Iterator[SignedIn]:
    with SignedIn(street.daemon, AGENT, role="admin") as lea:
        yield lea


class Canaries:
    """Words that must never leave; each is given out once, with the way that it was written by."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def word(self, way: str) -> str:
        word = f"Kanari{len(self.words)}é{way.replace(' ', '')}"
        self.words[word] = way
        return word

    def escaped(self, street: Street) -> list[tuple[str, list[str]]]:
        """Return what left: the way that it was written by, and to whom. Not even alerts to agents carry notes."""
        return [
            (way, transaction.recipients)
            for transaction in street.wire.sent()
            for word, way in self.words.items()
            if word in everything(transaction.content)
        ]


def page_form(lea: SignedIn, path: str, **fields: str) -> None:
    """Post a form of the pages, as a browser without a script does."""
    answer = lea.http.post(path, data={"csrf": lea.http.headers["x-csrf-token"], **fields})
    assert answer.status_code in {200, 303}, answer.text


def by_mail(street: Street, text: str, home: EmailMessage) -> None:
    """Let the agent answer an alert from their own mail program."""
    street.write("Re: Notes", text, author=f"Lea <{AGENT}>", answers=home, Authentication_Results=VOUCHED)


def write_every_kind_of_note(street: Street, lea: SignedIn, number: int, home: EmailMessage) -> Canaries:
    """Put notes on a ticket by every way that there is."""
    canaries = Canaries()
    word = canaries.word
    lea.ask("POST", f"/tickets/{number}/notes", json={"text": f"{word('api')} @lea"})
    page_form(lea, f"/tickets/{number}/note", text=f"{word('page')}")
    lea.ask("PUT", f"/tickets/{number}/drafts/note", json={"text": word("draft of a note")})
    file = {"file": (f"{word('name of a file')}.txt", word("file of a note").encode(), "text/plain")}
    lea.ask("POST", f"/tickets/{number}/drafts/note/files", files=file)
    street.pass_time(minutes=10)
    for mark, way in (("#note", "note by mail"), ("#colleagues", "unknown mark"), ("#intern\n", "french mark")):
        by_mail(street, f"{mark}\n{word(way)}", home)
    street.write("Re: Notes", word("answer that nobody vouches for"), author=f"Lea <{AGENT}>", answers=home)
    notes = [entry["text"] for entry in lea.ask("GET", f"/tickets/{number}")["entries"] if entry["kind"] == "note"]
    written = [name for name in canaries.words.values() if "draft" not in name and "file" not in name]
    assert len(notes) >= len(written) - 1, notes
    return canaries


def cancel_a_reply(street: Street, lea: SignedIn, number: int, canaries: Canaries) -> None:
    """Write a reply that the customer shall not have after all."""
    lea.ask("POST", "/admin/channels/relay/pause", json={"because": "a test"})
    queued = lea.reply(number, canaries.word("cancelled reply"))
    for row in street.daemon.rows("outbox"):
        if row["outgoing"] == queued["outgoing"]:
            lea.ask("POST", f"/outbox/{row['id']}/cancel")
    queued = lea.reply(number, canaries.word("reply taken back"))
    lea.ask("POST", f"/tickets/{number}/replies/{queued['outgoing']}/undo")
    lea.ask("DELETE", f"/tickets/{number}/drafts/reply")
    lea.ask("POST", "/admin/channels/relay/resume")


def test_no_note_leaves_whatever_happens(street: Street, lea: SignedIn) -> None:
    assert street.daemon.command("agent", "alerts", AGENT, "all").returncode == 0
    street.write("Notes", "The copier wakes me at night.", author=f"Nora <{NORA}>", Cc=OTTO)
    number = street.ticket("Notes")
    home = street.arrived(AGENT, "wakes me at night")
    canaries = write_every_kind_of_note(street, lea, number, home)
    cancel_a_reply(street, lea, number, canaries)

    # Everything by which something is sent: API, page, command, an agent's mail, to all, with the history.
    lea.reply(number, "Sent by the API.")
    page_form(lea, f"/tickets/{number}/reply", text="Sent by the page.")
    assert street.daemon.command("reply", str(number), text="Sent by the command.").returncode == 0
    by_mail(street, "Sent by mail.", home)
    last = street.arrived(NORA, "Sent by mail.")
    street.write("Re: Notes", "It still does.", author=f"Otto <{OTTO}>", answers=last)
    lea.reply(number, "Sent to all.", to=[NORA], cc=[OTTO], bcc=["boss@elsewhere.example"])
    assert "It still does." in everything(street.arrived(OTTO, "Sent to all.").as_bytes())

    # What moves a conversation: merged into another customer's ticket, split again, another queue, reopened.
    street.write("Other", "My chair squeaks.", author="Paul <paul@meadow.example>")
    other = street.ticket("Other")
    lea.ask("POST", f"/tickets/{other}/notes", json={"text": canaries.word("note on the other ticket")})
    lea.ask("POST", f"/tickets/{number}/merge", json={"into": other})
    lea.reply(other, "Sent after the merger.")
    street.arrived("paul@meadow.example", "Sent after the merger.")
    entries = lea.ask("GET", f"/tickets/{other}")["entries"]
    notes = [entry["id"] for entry in entries if entry["kind"] == "note"]
    customers = [entry["id"] for entry in entries if entry["kind"] == "customer"]
    apart = lea.ask("POST", f"/tickets/{other}/split", json={"entries": [*notes, customers[0]], "subject": "Apart"})
    split = apart["number"] if "number" in apart else apart["id"]
    lea.ask("PATCH", f"/tickets/{split}", json={"queue": "billing", "status": "open"})
    lea.ask("PATCH", f"/tickets/{split}", json={"queue": "support", "status": "solved"})
    lea.reply(split, "Sent after the split.", status="solved")
    street.arrived(NORA, "Sent after the split.")
    assert street.daemon.command("reply", str(split), text="And by the command again.").returncode == 0
    street.arrived(NORA, "And by the command again.")

    ways = ("API.", "page.", "command.", "mail.")
    said = [everything(item.content) for item in street.wire.sent(NORA)]
    assert all(any(f"Sent by the {way}" in text or f"Sent by {way}" in text for text in said) for way in ways)
    assert canaries.escaped(street) == []
    assert len(canaries.words) == 12
    assert street.wire.server.violations == []
