"""What a conversation promises, at the running daemon and on the wire: who gets what, with what, and what never."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from tests.support.signed_in import SignedIn
from tests.support.wire import Street, Wire, everything

pytestmark = pytest.mark.xdist_group("conversation")
MARIES, CARL, OLGA = "marie@customer.example", "carl@partner.example", "olga@partner.example"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with Wire() as wire:
        street = Street(tmp_path_factory.mktemp("conversation"), wire)
        with street.daemon:
            street.daemon.start(seconds=60)
            yield street
        assert wire.server.violations == []


@pytest.fixture(scope="module")
def lea(street: Street) -> Iterator[SignedIn]:
    with SignedIn(street.daemon, "lea@example.org") as lea:
        yield lea


# --- who gets a reply -------------------------------------------------------------------------------------------


def test_people_in_copy_are_kept_shown_and_answered(street: Street, lea: SignedIn) -> None:
    street.write("Copies", Cc=f"Carl Roe <{CARL}>, support@example.org, {OLGA}")
    number = street.ticket("Copies")
    page = lea.ask("GET", f"/tickets/{number}")

    roles = {item["address"]: item["role"] for item in page["participants"]}
    assert roles == {MARIES: "requester", CARL: "participant", OLGA: "participant"}
    assert [box["address"] for box in page["route"]["cc"]] == [CARL, OLGA]

    lea.reply(number, "One for all three.")
    for recipient in (MARIES, OLGA, CARL):
        mail = street.arrived(recipient, "One for all three.")
        assert [box.addr_spec for box in mail["To"].addresses] == [MARIES]
        assert [box.addr_spec for box in mail["Cc"].addresses] == [CARL, OLGA]

    received = street.arrived(CARL, "One for all three.")
    street.write("Re: Copies", "Carl here.", author=f"Carl Roe <{CARL}>", answers=received)
    page = lea.ask("GET", f"/tickets/{number}")
    assert [entry["text"] for entry in page["entries"] if entry["kind"] == "customer"][-1] == "Carl here."
    assert street.ticket("Copies") == number
    lea.reply(number, "Thank you both.", cc=[CARL])
    assert street.arrived(CARL, "Thank you both.")["Cc"] == f"Carl Roe <{CARL}>"
    assert not any("Thank you both." in everything(item.content) for item in street.wire.sent(OLGA))


def test_a_blind_copy_is_known_to_nobody_else(street: Street, lea: SignedIn) -> None:
    boss, lawyer = "boss@elsewhere.example", "lawyer@elsewhere.example"
    street.write("Blind copies", Cc=CARL, Bcc="hidden@customer.example")
    number = street.ticket("Blind copies")
    lea.reply(number, "With two blind copies.", bcc=[boss, lawyer, CARL])
    seen = {to: street.arrived(to, "With two blind copies.") for to in (MARIES, CARL, boss, lawyer)}
    page = lea.ask("GET", f"/tickets/{number}")
    (reply,) = [entry for entry in page["entries"] if entry["kind"] == "agent"]

    assert sorted(item["recipient"] for item in reply["deliveries"]) == sorted(seen)
    assert {item["address"] for item in page["participants"]} == {MARIES, CARL}
    assert len(street.wire.sent(boss)) == 1

    # The boss answers all; the desk goes on: still nobody is told, and nobody answers the boss by accident.
    street.write("Re: Blind copies", "I read this.", author=f"The Boss <{boss}>", answers=seen[boss])
    lea.reply(number, "And on we go.")
    street.arrived(MARIES, "And on we go.")
    assert street.daemon.command("reply", str(number), text="And further.").returncode == 0
    assert "And on we go." in everything(street.arrived(MARIES, "And further.").as_bytes())
    street.daemon.until(lambda: all(row["state"] != "queued" for row in lea.ask("GET", f"/tickets/{number}")
                                    ["entries"][-1]["deliveries"]))  # fmt: skip
    assert len(street.wire.sent(boss)) == 1
    for transaction in street.wire.sent():
        assert len(transaction.recipients) == 1
        said = everything(transaction.content)
        assert "\nbcc:" not in said.casefold()
        if transaction.recipients == [boss]:
            said = said.replace(boss, "")  # what the relay itself may add for its recipient
        assert not [address for address in (boss, lawyer, "hidden@customer.example") if address in said]


def body_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


# --- what goes with it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("queue", "quoted"), [("support", True), ("billing", False)])
def test_the_conversation_is_quoted_where_the_queue_wants_it(
    street: Street, lea: SignedIn, queue: str, quoted: bool
) -> None:
    street.write(f"History {queue}", "The first words.", to=f"{queue}-in@tickets.example.org")
    number = street.ticket(f"History {queue}")
    second, fourth = f"The second words. ({queue})", f"The fourth words. ({queue})"  # Marie has mail of the other queue
    lea.reply(number, second)
    first = street.arrived(MARIES, second)
    street.write(f"Re: History {queue}", "The third words.", answers=first)
    assert street.daemon.command("reply", str(number), text=fourth).returncode == 0
    mail = street.arrived(MARIES, fourth)

    for kind in ("plain", "html"):
        text = body_of(mail, kind)
        places = [text.find(f"The {word} words.") for word in ("fourth", "third", "second", "first")]
        assert (places == sorted(places) and places[0] >= 0) if quoted else places[1:] == [-1, -1, -1]
    assert ("> The first words." in body_of(mail, "plain")) == quoted


def test_attached_files_arrive_as_they_were(street: Street, lea: SignedIn) -> None:
    street.write("Files")
    number = street.ticket("Files")
    files = {
        "plan é.pdf": ("application/pdf", b"%PDF-1.7\n" + bytes(range(256)) * 40),
        "notes.txt": ("text/plain", b"From here\n.\n..\nto there\r\nand a bare \r\n"),
        "mail.eml": ("message/rfc822", b"Subject: inside\n\nA mail in a mail.\n"),
    }
    for name, (kind, content) in files.items():
        lea.ask("POST", f"/tickets/{number}/drafts/reply/files", files={"file": (name, content, kind)})
    lea.reply(number, "Three files.")
    mail = street.arrived(MARIES, "Three files.")

    got = {part.get_filename(): part.get_payload(decode=True) for part in mail.walk() if part.get_filename()}
    assert got == {name: content for name, (_, content) in files.items()}
    (reply,) = [entry for entry in lea.ask("GET", f"/tickets/{number}")["entries"] if entry["kind"] == "agent"]
    assert [file["filename"] for file in reply["files"]] == list(files)


# --- how it ended -----------------------------------------------------------------------------------------------


def test_a_reply_that_is_refused_for_good_is_on_its_ticket_at_once(street: Street, lea: SignedIn) -> None:
    gone = "gone@customer.example"
    street.wire.script[f"rcpt:{gone}"] = "550 5.1.1 no such mailbox here"
    street.write("Refused", author=f"Gone <{gone}>", Cc=CARL)
    number = street.ticket("Refused")
    queued = lea.reply(number, "Are you there?")

    def told() -> list[dict[str, Any]]:
        entries = lea.ask("GET", f"/tickets/{number}")["entries"]
        failed = [entry for entry in entries if entry["kind"] == "delivery" and entry["detail"]["event"] == "failed"]
        return [entry for entry in failed if entry["outgoing"] == queued["outgoing"]]

    street.daemon.until(lambda: bool(told()))
    page = lea.ask("GET", f"/tickets/{number}")
    (reply,) = [entry for entry in page["entries"] if entry["kind"] == "agent"]
    states = {item["recipient"]: item["state"] for item in reply["deliveries"]}
    street.arrived(CARL, "Are you there?")

    (failure,) = told()
    assert failure["detail"]["recipient"] == gone
    assert "550 5.1.1 no such mailbox here" in failure["text"]
    assert states[gone] == "failed"
    outbox = [row for row in street.daemon.rows("outbox") if row["recipient"] == gone]
    assert {row["state"] for row in outbox} == {"failed"}  # the acknowledgement, too
    shown = lea.http.get(f"/tickets/{number}").text
    assert "550 5.1.1 no such mailbox here" in shown
    assert "not delivered" in shown


def test_alerts_are_few_however_much_a_customer_writes(street: Street, lea: SignedIn) -> None:
    wished = street.daemon.command("agent", "alerts", "lea@example.org", "own")
    assert wished.returncode == 0, wished.stderr
    nora = "nora@orchard.example"
    street.write("Alerts", "The copier wakes me at night.", author=nora)
    number = street.ticket("Alerts")
    lea.ask("PATCH", f"/tickets/{number}", json={"assignee": "me"})
    lea.reply(number, "Tell us more.")
    answered = street.arrived(nora, "Tell us more.")
    street.pass_time(minutes=5)
    for text in (
        "It is the printer.",
        "It hums when it is cold.",
        "Should I buy another one?",
        "And a red light is on.",
    ):
        street.write("Re: Alerts", text, author=nora, answers=answered)
    alert = street.arrived("lea@example.org", "It is the printer.")

    assert len(street.wire.sent("lea@example.org")) == 1
    assert alert["Auto-Submitted"] == "auto-generated"
    assert len([e for e in lea.ask("GET", f"/tickets/{number}")["entries"] if e["kind"] == "customer"]) == 5
