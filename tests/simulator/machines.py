"""Mail systems, lists, calendars: they report, confirm, subscribe, challenge; rows 19 to 29, and 33 to 35."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.mail.token import TokenKeys, message_id
from gateway.model import DeliveryResult, Outcome
from tests.simulator.post import CREATION, Letter, Message
from tests.simulator.resident import DAY, HOUR, MINUTE, Resident
from tests.simulator.robots import QUESTION, Robot
from tests.simulator.world import World

REFUSED = DeliveryResult(Outcome.FAILED, 550, "550 5.1.1 no such user")
FORGER = TokenKeys(b"a key that is not this instance's key")
ONE_CLICK = ("List-Unsubscribe: <https://robot.example/u>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click")
REPORT = "multipart/report; report-type={}; boundary=b"


def part(content_type: str, text: str) -> str:
    return f"--b\nContent-Type: {content_type}\n\n{text}\n"


def recipient(address: str, action: str, status: str, words: str = "smtp; 550 said no") -> str:
    return (
        f"\nOriginal-Recipient: rfc822;{address}\nFinal-Recipient: rfc822;{address}\nAction: {action}\n"
        f"Status: {status}\nDiagnostic-Code: {words}\n"
    )


def delivery_report(original_id: str, *recipients: str) -> str:
    """Return the body of a report in the standard form."""
    return "".join(
        (
            part("text/plain", "Your message could not be delivered."),
            part("message/delivery-status", "Reporting-MTA: dns; mx.robot.example\n" + "".join(recipients)),
            part("text/rfc822-headers", f"From: support@example.org\nMessage-ID: <{original_id}>\nSubject: x"),
            "--b--",
        )
    )


@dataclass
class Reporter(Robot):
    """Answers every mail of ours with a report, to our envelope sender, from an empty one."""

    report: Callable[[Message], tuple[str, str]] = lambda m: (
        REPORT.format("delivery-status"),
        delivery_report(m.mail.message_id, recipient(m.recipient, "failed", "5.1.1")),
    )
    sender_of_reports: str = "MAILER-DAEMON@mx.robot.example"
    title: str = "Undelivered Mail Returned to Sender"
    kinds: tuple[str, ...] = ("bounce",)
    most_tickets: int = 1
    delay: Any = 20 * MINUTE
    mutes: bool | None = None  # whether our automatic mail to its address must end (True), or must not (False)
    fixed_headers: tuple[str, ...] = ("Auto-Submitted: auto-replied",)

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        content_type, body = self.report(message)
        letter = self.letter(
            world, self.title, body, author=f"Mail System <{self.sender_of_reports}>", sender="",
            content_type=content_type, recipients=(message.sender,), to=message.sender, headers=self.fixed_headers,
        )  # fmt: skip
        world.write(letter, self.delay)
        return None

    def expect(self, world: World) -> list[str]:
        found = super().expect(world)
        if self.mutes is not None and (self.address in world.suppressed()) is not self.mutes:
            found.append(f"{self.address} is {'not ' if self.mutes else ''}suppressed")
        return found


def dsn(action: str, status: str) -> Callable[[Message], tuple[str, str]]:
    return lambda m: (
        REPORT.format("delivery-status"),
        delivery_report(m.mail.message_id, recipient(m.recipient, action, status)),
    )


def mixed(message: Message) -> tuple[str, str]:
    others = (("other@robot.example", "failed", "5.7.1"), ("third@robot.example", "delayed", "4.2.2"))
    said = [recipient(message.recipient, "failed", "5.2.2"), *(recipient(*item) for item in others)]
    return REPORT.format("delivery-status"), delivery_report(message.mail.message_id, *said)


def qmail(message: Message) -> tuple[str, str]:
    return "text/plain; charset=utf-8", (
        "Hi. This is the qmail-send program at robot.example.\nI'm afraid I wasn't able to deliver your message to the "
        "following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        f"<{message.recipient}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\n"
        f"From: support@example.org\nMessage-ID: <{message.mail.message_id}>\nSubject: x\n\nHere is your answer."
    )


def portuguese(message: Message) -> tuple[str, str]:
    return (
        "text/plain; charset=utf-8",
        f"Sua mensagem não pôde ser entregue a:\n\n{message.recipient}\n\nUsuário desconhecido.",
    )


def exchange(message: Message) -> tuple[str, str]:
    return "text/plain; charset=utf-8", (
        "Delivery has failed to these recipients or groups:\n\n"
        f"{message.recipient}\nThe email address you entered couldn't be found. Please check the recipient's email "
        "address and try to resend the message.\n\nDiagnostic information for administrators:\n\n"
        f"Generating server: mx.robot.example\n\n{message.recipient}\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not "
        "found ##"
    )


def japanese(message: Message) -> tuple[str, str]:
    return (
        "text/plain; charset=utf-8",
        f"次の宛先にメールを配信できませんでした。\n\n{message.recipient}\n\n宛先が見つかりません。",
    )


def displayed(kind: str) -> Callable[[Message], tuple[str, str]]:
    return lambda m: (
        REPORT.format("disposition-notification"),
        part("text/plain", "Your message was dealt with.")
        + part(
            "message/disposition-notification",
            f"Reporting-UA: x\nFinal-Recipient: rfc822;{m.recipient}\nOriginal-Message-ID: <{m.mail.message_id}>\n"
            f"Disposition: manual-action/MDN-sent-manually; {kind}\n",
        )
        + "--b--",
    )


def abuse(message: Message) -> tuple[str, str]:
    return (
        REPORT.format("feedback-report"),
        part("text/plain", "An abuse report.")
        + part("message/feedback-report", f"Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: {message.recipient}\n")
        + part("message/rfc822", f"From: support@example.org\nMessage-ID: <{message.mail.message_id}>\nSubject: x\n\nx")
        + "--b--",
    )


def sieve_reject(message: Message) -> tuple[str, str]:
    """RFC 5429 §2.1: a refusal by a person's filter looks like a read receipt."""
    return (
        REPORT.format("disposition-notification"),
        part("text/plain", "I do not take mail from you. Please do not write to me again.")
        + part(
            "message/disposition-notification",
            f"Final-Recipient: rfc822;{message.recipient}\nOriginal-Message-ID: <{message.mail.message_id}>\n"
            "Disposition: automatic-action/MDN-sent-automatically; deleted\n",
        )
        + "--b--",
    )


def junk_mail_report(message: Message) -> tuple[str, str]:
    return "multipart/mixed; boundary=b", (
        part(
            "message/rfc822",
            f"X-HmXmrOriginalRecipient: {message.recipient}\nFrom: support@example.org\nTo: {message.recipient}\n"
            f"Message-ID: <{message.mail.message_id}>\nSubject: x\n\nx",
        )
        + "--b--"
    )


def calendar(method: str) -> Callable[[Message], tuple[str, str]]:
    event = f"BEGIN:VCALENDAR\nMETHOD:{method}\nVERSION:2.0\nBEGIN:VEVENT\nUID:1@x\nEND:VEVENT\nEND:VCALENDAR\n"
    return lambda _: (
        "multipart/alternative; boundary=b",
        part("text/plain", "Accepted.") + part(f"text/calendar; method={method}", event) + "--b--",
    )


@dataclass
class Liar(Resident):
    """Row 22: reports about tickets of others, and a flood about mails that we never sent."""

    flood: int = 60
    shortly: float = 8.0

    def start(self, world: World) -> None:
        for number in range(self.flood):
            guessed = message_id(FORGER, "tickets.example.org", number % 9 + 1, number + 1)
            body = delivery_report(guessed, recipient(f"ada{number}@ada{number}-works.example", "failed", "5.1.1"))
            letter = self.letter(
                world, "Undelivered", body, sender="", content_type=REPORT.format("delivery-status"),
                recipients=(CREATION,), author=f"MAILER-DAEMON@mx{number}.robot.example",
            )  # fmt: skip
            world.write(letter, HOUR * number * 3)

    def expect(self, world: World) -> list[str]:
        became, muted = self.became(world), world.suppressed()
        found = [] if set(became) <= {"quarantine"} else [f"forged reports became {dict(became)}"]
        return [*found, *(f"a forged report muted {address}" for address in muted)]


@dataclass
class Forged(Resident):
    """Row 23: somebody writes under an address that does not exist; our acknowledgement comes back."""

    def start(self, world: World) -> None:
        world.write(self.letter(world, "Cheap watches", "Buy one today, they are cheap and good."))

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        content_type, body = dsn("failed", "5.1.1")(message)
        letter = self.letter(
            world, "Undelivered", body, author="MAILER-DAEMON@mx.robot.example", sender="",
            recipients=(message.sender,), content_type=content_type,
        )  # fmt: skip
        world.write(letter, MINUTE)
        world.write(self.letter(world, "Cheap watches again", "We have many more watches in gold and silver."), DAY)
        return None

    def expect(self, world: World) -> list[str]:
        became, got = self.became(world), self.got(world)
        found = [] if became["bounce"] == 1 else [f"the bounce became {dict(became)}"]
        return found if len(got) == 1 else [*found, f"{len(got)} automatic mails to an address that does not exist"]


@dataclass
class Daemon(Resident):
    """Row 19: a mailer-daemon that nobody reads, in its own words; our mail to it bounces."""

    local: str = "MAILER-DAEMON"

    def start(self, world: World) -> None:
        for number in range(20):
            letter = self.letter(world, "Delivery problem", f"We had trouble, number {number}.", sender="")
            world.write(letter, DAY * number / 2.5)

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        return REFUSED

    def expect(self, world: World) -> list[str]:
        return [f"{len(self.got(world))} automatic mails to a daemon"] if self.got(world) else []


@dataclass
class Challenger(Robot):
    """Row 27: asks for a click before it lets our mail through."""

    subject: str = "Your email requires verification verify#{n}"
    body: str = "Answer this mail so that yours is delivered."
    threads: bool = False
    to_inbox: bool = True


@dataclass
class List(Resident):
    """Rows 28 and 29: a list that subscribed us, a newsletter, a notice to moderators, a double opt-in."""

    headers: tuple[str, ...] = ()
    subject: str = "[talk] Meeting"
    sender_local: str = "list"
    silent: bool = True

    def start(self, world: World) -> None:
        for number in range(30):
            letter = self.letter(
                world, self.subject, f"Part {number}: we meet on Monday at the usual place.", headers=self.headers,
                author=f"{self.sender_local}@{self.domain}",
            )  # fmt: skip
            world.write(letter, HOUR * (1 + 7 * number))

    def expect(self, world: World) -> list[str]:
        return [f"{len(self.got(world))} automatic mails to a list"] if self.silent and self.got(world) else []


@dataclass
class Relay(Robot):
    """Row 33: its relay replaces every Message-ID, theirs and ours; only our second id is left."""

    kinds: tuple[str, ...] = ("append",)
    most_tickets: int = 1

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        replaced = f"0102{world.rng.getrandbits(40):010x}-000000@eu-west-1.amazonses.com"
        older = " ".join(f"<{item}>" for item in reversed(message.mail.references))
        thread = (f"In-Reply-To: <{replaced}>", f"References: {older} <{replaced}>")
        self.mails += 1
        if not message.automatic:
            letter = self.made(world, f"Re: {message.mail.subject}", thread)
            world.write(replace(letter, to=message.reply_to, recipients=(message.reply_to,)), HOUR)
        return None


@dataclass
class Archive(Resident):
    """Row 34: a journal sends back every mail of ours as it was."""

    customer: str = "ann"
    copies: int = 0
    ids: list[str] = field(default_factory=list)

    def start(self, world: World) -> None:
        world.write(self.letter(world, "A question about our order", QUESTION))
        world.at(DAY, lambda: world.answer(world.tickets_of(self.address)[0], self.address, "Here is the answer."))

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        self.copies += 1
        header, _, body = message.raw.decode().partition("\r\n\r\n")
        lines = header.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
        names = ("from:", "to:", "subject:", "date:", "message-id:", "mime-version:", "content-type:")
        extra = tuple(line for line in lines if not line.lower().startswith(names))
        kind = next(line for line in lines if line.lower().startswith("content-type:")).partition(":")[2].strip()
        letter = Letter(
            author="Example Support <support@example.org>", subject=message.mail.subject, headers=extra,
            body=body.replace("\r\n", "\n"), message_id=message.mail.message_id, content_type=kind,
            sender="journal@robot.example",
        )  # fmt: skip
        world.write(letter, MINUTE)
        return None

    def expect(self, world: World) -> list[str]:
        copies = world.dispositions(of="support@example.org")
        return [] if self.copies and copies == {"own_copy": self.copies} else [f"{self.copies} copies became {copies}"]


def machines() -> list[Resident]:
    """The rows of this module."""
    plain: dict[str, Any] = {"kinds": ("bounce", "quarantine")}
    return [
        Daemon(19, "a mailer-daemon that does not exist"),
        Reporter(20, "bounces: failed 5.1.1", mutes=True),
        Reporter(20, "bounces: delayed 4.2.2", report=dsn("delayed", "4.2.2"), mutes=False),
        Reporter(20, "bounces: relayed, delivered", report=dsn("relayed", "2.0.0"), mutes=False),
        Reporter(20, "bounces: policy 5.7.1", report=dsn("failed", "5.7.1"), mutes=False),
        Reporter(20, "bounces: several recipients, mixed", report=mixed, mutes=False),
        Reporter(21, "bounces in words: qmail", report=qmail, title="failure notice", fixed_headers=(), **plain),
        Reporter(21, "bounces in words: Portuguese, no original", report=portuguese, title="Mensagem não entregue",
                 fixed_headers=(), **plain),
        Reporter(21, "bounces in words: Exchange", report=exchange, title="Undeliverable: Your question",
                 fixed_headers=(), **plain),
        Reporter(21, "bounces in words: Japanese, no original", report=japanese, title="配信不能",
                 fixed_headers=(), **plain),
        Liar(22, "forged reports about others' tickets"),
        Forged(23, "our acknowledgement to a forged sender bounces"),
        Reporter(24, "read receipts", report=displayed("displayed"), title="Read: x", kinds=("receipt",)),
        Reporter(24, "deleted unread", report=displayed("deleted"), title="Not read: x", kinds=("receipt",)),
        Reporter(24, "read receipt denied", report=displayed("denied"), title="Not read: x", kinds=("receipt",)),
        Reporter(24, "Sieve's reject", report=sieve_reject, title="Rejected: x", kinds=("receipt",),
                 sender_of_reports="desk@robot.example"),
        Reporter(25, "abuse reports", report=abuse, title="Abuse", kinds=("complaint",),
                 sender_of_reports="fbl@robot.example", fixed_headers=(), mutes=True),
        Reporter(25, "Microsoft's junk mail reports", report=junk_mail_report, title="complaint about message from you",
                 kinds=("complaint",), sender_of_reports="staff@hotmail.com.robot.example", fixed_headers=(),
                 mutes=True),
        Robot(25, "Apple's unsubscribe", headers=("X-Apple-Unsubscribe: true",), kinds=("complaint",), body="Stop."),
        Reporter(26, "calendar: accepted", report=calendar("REPLY"), title="Accepted: Visit", kinds=("receipt",),
                 sender_of_reports="desk@robot.example", fixed_headers=()),
        Reporter(26, "calendar: another time proposed", report=calendar("COUNTER"), title="New time: Visit",
                 kinds=("receipt",), sender_of_reports="desk@robot.example", fixed_headers=()),
        Challenger(27, "challenge and response", most=2),
        List(28, "a list that subscribed us", headers=("List-Id: <talk.robot.example>", "Precedence: list"),
             sender_local="writer"),
        List(28, "notices to list owners", sender_local="talk-owner", subject="3 requests wait for you"),
        List(29, "newsletter with one click", sender_local="news", subject="Our offers",
             headers=ONE_CLICK),
        List(29, "double opt-in without marks", subject="Confirm your subscription", silent=False),
        Relay(33, "a relay that replaces Message-IDs"),
        Archive(34, "a journal returns what we send"),
    ]  # fmt: skip
