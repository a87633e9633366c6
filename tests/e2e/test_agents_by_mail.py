"""An agent answers an alert from their own mail program, through a real Postfix that has OpenDKIM verify what it takes.

Nobody else can: not with a copied token, not with a forged From, not with a result that the mail brought along.
"""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage

import pytest

from gateway.outbound import dkim
from gateway.outbound.dkim import SigningKey
from tests.support.drafts import DATE, records, signing_keys
from tests.support.opendkim import Milter
from tests.support.postfix import Postfix, open_folder
from tests.support.signed_in import SignedIn
from tests.support.wire import Street, Wire, everything, opened, reply_address

pytestmark = pytest.mark.xdist_group("agents-by-mail")
LEA, TOM = "lea@desk.example", "tom@desk.example"
NORA, OTTO = "nora@orchard.example", "otto@orchard.example"
DESK, EVIL = signing_keys("desk.example")[:1], signing_keys("evil.example")[:1]
FORGED = "mx.example.org; dmarc=pass header.from=desk.example"


@dataclass
class House:
    street: Street
    front: Postfix

    def post(self, octets: bytes, mail_from: str, to: str, keys: tuple[SigningKey, ...] = ()) -> None:
        """Send a mail from outside, signed or not, and wait until it is judged."""
        before = len(self.street.daemon.rows("intakes"))
        signed = dkim.sign(octets, keys, int(DATE.timestamp())) if keys else octets
        with smtplib.SMTP("127.0.0.1", self.front.port, local_hostname="client.test", timeout=30) as client:
            client.sendmail(mail_from, [to], signed)
        self.street.daemon.until(lambda: len(self.street.daemon.rows("intakes")) > before, 60)
        self.street.daemon.until(self.street.daemon.settled)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_folder() as folder, Wire() as wire:
        street = Street(folder / "desk", wire)
        dns = {**records(DESK), **records(EVIL)}
        with Milter(folder / "milter", dns, "mx.example.org") as milter:
            way = {"tickets.example.org": f"lmtp:inet:127.0.0.1:{street.daemon.lmtp}"}
            with Postfix(folder / "front", transports=way, more=milter.settings) as front, street.daemon:
                street.daemon.start(seconds=60)
                yield House(street, front)


@pytest.fixture(scope="module")
def lea(house: House) -> Iterator[SignedIn]:
    with SignedIn(house.street.daemon, LEA) as lea:
        made = house.street.daemon.command("agent", "add", TOM, "--name", "Tom Berger", "--no-password")
        assert made.returncode == 0, made.stderr
        yield lea


def alerted(house: House, lea: SignedIn, subject: str, text: str, customer: str = NORA) -> tuple[int, EmailMessage]:
    """Let a customer write on a ticket of Lea's; return the ticket and the alert that Lea has now."""
    house.street.write(subject, f"My {subject.lower()} wake me.", author=f"Nora <{customer}>", Cc=f"Otto <{OTTO}>")
    number = house.street.ticket(subject)
    lea.ask("PATCH", f"/tickets/{number}", json={"assignee": "me"})
    lea.reply(number, "Tell us more.")
    answered = house.street.arrived(customer, "Tell us more.")
    house.street.pass_time(minutes=10)
    house.street.write(f"Re: {subject}", text, author=f"Nora <{customer}>", answers=answered)
    alert = house.street.arrived(LEA, text)
    house.street.pass_time(minutes=10)
    return number, alert


def test_an_agents_answer_goes_on_as_the_desks(house: House, lea: SignedIn) -> None:
    number, alert = alerted(house, lea, "Copier", "It hums when it is cold.")
    quote = "\n\nOn Monday, Support wrote:\n> It hums when it is cold.\n"
    octets = house.street.message(
        "Re: Copier", f"Keep it warm.{quote}", author=f"Lea <{LEA}>", answers=alert, Cc="friend@desk.example"
    )
    house.post(octets, LEA, reply_address(alert), DESK)

    for recipient in (NORA, OTTO):
        mail = house.street.arrived(recipient, "Keep it warm.")
        assert str(mail["From"]) == "Example Support <support@example.org>"
        assert [box.addr_spec for box in (*mail["To"].addresses, *mail["Cc"].addresses)] == [NORA, OTTO]
        assert mail["Auto-Submitted"] is None
        assert reply_address(mail).startswith("support-in+")
        assert reply_address(mail) != reply_address(alert)
    entries = lea.ask("GET", f"/tickets/{number}")["entries"]
    (shown,) = [entry for entry in entries if entry["text"] == "Keep it warm."]
    assert (shown["kind"], shown["author"]) == ("agent", f"Léa Martin <{LEA}>")
    # Who answers is the desk: the agent's address and whom else they wrote to are nobody's business.
    for transaction in house.street.wire.sent(NORA):
        said = everything(transaction.content).partition("wrote:")[0]
        assert LEA not in said
        assert "friend@desk.example" not in said
    assert opened(house.street.wire.sent(NORA)[-1].content)["DKIM-Signature"] is None  # not the agent's, either


FORGERIES = {
    "nothing vouches for it": (LEA, (), {}, "our own mail server does not vouch for its author"),
    "a result that came along": (LEA, (), {"Authentication_Results": FORGED}, "does not vouch for its author"),
    "another domain signed": (LEA, EVIL, {}, "does not vouch for its author"),
    "a stranger has the alert": ("eve@evil.example", EVIL, {}, "its author is no agent"),
    "another agent's alert": (TOM, DESK, {}, "the alert was another agent's"),
}


def test_what_only_claims_to_be_an_agents_answer_is_kept_inside_and_says_why(house: House, lea: SignedIn) -> None:
    number, alert = alerted(house, lea, "Forgeries", "It smells of oranges.", "nina@meadow.example")
    home = reply_address(alert)
    sent = len(house.street.wire.sent())
    for way, (author, keys, fields, because) in FORGERIES.items():
        words = f"Send the money: {way}."
        octets = house.street.message("Re: Forgeries", words, author=f"Lea <{author}>", answers=alert, **fields)
        house.post(octets, author, home, keys)
        entries = lea.ask("GET", f"/tickets/{number}")["entries"]
        entry = next((item for item in entries if words in item["text"]), entries[-1])

        assert entry["kind"] == "note", way
        assert "(unverified)" in entry["author"], way
        assert because in entry["text"], way

    # An agent's own program that answers in their absence is proven, and quiet all the same.
    octets = house.street.message("Out of office", "Send the money later.", author=f"Lea <{LEA}>", answers=alert)
    house.post(octets, LEA, home, DESK)
    kinds = [item["kind"] for item in lea.ask("GET", f"/tickets/{number}")["entries"] if "later" in item["text"]]
    assert kinds in (["auto_reply"], ["note"])

    # An agent without a token of an alert, and a token that was tampered with, reach the customer no more.
    for to in ("support-in@tickets.example.org", home.replace("+", "+a").replace("a@", "@")):
        octets = house.street.message("Re: Forgeries", "Send the money.", author=f"Lea <{LEA}>", answers=alert)
        house.post(octets, LEA, to, DESK)
    assert not [item for item in house.street.wire.sent()[sent:] if "Send the money" in everything(item.content)]
    page = lea.http.get(f"/tickets/{number}").text
    assert "our own mail server does not vouch for its author" in page
