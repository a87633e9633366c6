"""Responders and desks: they answer whatever comes, with their marks or without any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.mail.token import TokenKeys, loop_token
from gateway.model import DeliveryResult
from tests.simulator.checks import densest
from tests.simulator.post import INBOX, Letter, Message
from tests.simulator.resident import DAY, HOUR, WORDS, Resident
from tests.simulator.world import World

AWAY = "Thank you for your message. I am away until the end of the month and read your mail when I am back."
RECEIVED = "Thank you for contacting our service desk. Your request was received, a colleague will look after it."
QUESTION = "Hello,\n\nwe have a question about the order of last week. Who can help?\n\nRegards"
FOREIGN = TokenKeys(b"the key of another instance, 32 oct")
FAST = timedelta(minutes=20)


@dataclass
class Robot(Resident):
    """Asks one question, then answers every mail of ours as its marks say."""

    headers: tuple[str, ...] = ()
    subject: str = "Re: {ours}"
    body: str = RECEIVED
    delay: timedelta = timedelta(seconds=5)
    threads: bool = True
    null_sender: bool = False
    to_inbox: bool = False  # answers to From, not to Reply-To
    once_per: timedelta | None = None
    every: timedelta | None = None  # writes by itself, too: on average so often
    varied: bool = False  # a new text each time and irregular gaps, so that only the bound helps
    most_tickets: int = 10_000
    kinds: tuple[str, ...] = ()  # dispositions that its answers may have
    shortly: float = 3.5
    mails: int = 0
    last: datetime | None = None

    def start(self, world: World) -> None:
        world.write(self.letter(world, "A question about our order", QUESTION))
        for day in (1, 3, 6):
            world.at(day * DAY, lambda: self.be_answered(world))
        if self.every is not None:
            world.at(self.every, lambda: self.go_on(world))

    def be_answered(self, world: World) -> None:
        """Let an agent answer on this one's first ticket."""
        if tickets := world.tickets_of(self.address):
            world.answer(tickets[0], self.address, "We look into it. Could you send the number of the order?")

    def go_on(self, world: World) -> None:
        """Write without being asked, and again."""
        assert self.every is not None
        self.mails += 1
        world.write(self.made(world, self.subject, ()))
        world.at(self.every * (world.rng.expovariate(1) if self.varied else 1), lambda: self.go_on(world))

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        if self.once_per is not None and self.last is not None and message.at - self.last < self.once_per:
            return None
        self.last = message.at
        self.mails += 1
        to = INBOX if self.to_inbox else message.reply_to
        subject = self.subject.replace("{ours}", message.mail.subject)
        letter = self.made(world, subject, message.thread if self.threads else ())
        world.write(replace(letter, to=to, recipients=(to,)), self.delay)
        return None

    def made(self, world: World, subject: str, thread: tuple[str, ...]) -> Letter:
        """Return the next letter, with this one's marks."""
        headers = tuple(line.replace("{address}", self.address) for line in self.headers)
        title = subject.replace("{n}", str(self.mails)).replace("{ours}", "news")
        body = " ".join(world.rng.choices(WORDS, k=40)) if self.varied else self.body
        return self.letter(
            world, title, body, headers=(*headers, *thread), sender="" if self.null_sender else None
        )  # fmt: skip

    def expect(self, world: World) -> list[str]:
        found = []
        became = self.became(world)
        if self.kinds and not set(became) <= {"ticket", *self.kinds}:
            found.append(f"its mails became {dict(became)}, not only {self.kinds}")
        if became["ticket"] > self.most_tickets:
            found.append(f"{became['ticket']} tickets, at most {self.most_tickets}")
        if (count := densest((sent.at for sent in self.got(world)), DAY)) > self.most:
            found.append(f"{count} automatic mails in a day, at most {self.most}")
        return found


@dataclass
class Rotating(Robot):
    """A CRM that changes its address in every mail, by a rule of its own."""

    rotate: Callable[[int], tuple[str, str]] = lambda n: (f"crm+{n}", "robot.example")
    reply_to: bool = False
    every: timedelta | None = FAST
    shortly: float = 1.5
    threads: bool = False
    varied: bool = True
    delay: timedelta = timedelta(seconds=150)
    subject: str = "Case {n}"

    def owns(self, address: str) -> bool:
        return "robot" in address.partition("@")[2].lower()

    def start(self, world: World) -> None:
        self.go_on(world)

    def made(self, world: World, subject: str, thread: tuple[str, ...]) -> Letter:
        local, domain = self.rotate(self.mails)
        letter = super().made(world, subject, thread)
        if self.reply_to:
            return replace(letter, headers=(f"Reply-To: {local}@{domain}", *letter.headers))
        return replace(letter, author=f"{local}@{domain}")


@dataclass
class Ring(Robot):
    """Desks that answer us and copy each other: A acknowledges with B in Cc, B with C, C with A."""

    members: tuple[str, ...] = ("a", "b", "c")
    local: str = "a"

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        local = message.recipient.partition("@")[0]
        place = self.members.index(local) if local in self.members else 0
        for step in (0, 1):
            member, following = (f"{self.members[(place + step + n) % 3]}@{self.domain}" for n in (0, 1))
            self.mails += 1
            subject = f"[{self.mails}] We received it"
            world.write(
                self.letter(world, subject, self.body, author=member, headers=(f"Cc: {following}",)),
                self.delay * (step + 1),
            )
        return None


# --- rules by which CRMs rotate -------------------------------------------------------------------------------


def plus_tag(number: int) -> tuple[str, str]:
    return f"crm+{number}", "robot.example"


def letter_case(number: int) -> tuple[str, str]:
    return "".join(c.upper() if number >> i & 1 else c for i, c in enumerate("crmdesk")), "Robot.example"


def verp(number: int) -> tuple[str, str]:
    return f"crm-{100 + number}-desk", "robot.example"


def local_part(number: int) -> tuple[str, str]:
    return "".join(chr(97 + number // 20**place % 20) for place in range(4)), "robot.example"


def subdomain(number: int) -> tuple[str, str]:
    return "crm", f"h{number}.robot.example"


def domain(number: int) -> tuple[str, str]:
    return "crm", f"robot-{number}.example"


# --- the rows -------------------------------------------------------------------------------------------------


def desk(number: int, name: str, headers: tuple[str, ...], **changes: Any) -> Robot:
    """Return a desk whose answers stay on its one ticket."""
    return Robot(number, name, headers=headers, kinds=("append",), most_tickets=1, **changes)


VACATION = ("Auto-Submitted: auto-replied (vacation)", "Precedence: bulk")
ZENDESK = ("Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All", "X-Zendesk-From-Account-Id: 1a2b")
SERVICENOW = ("Auto-Submitted: auto-generated", "Precedence: bulk", "X-ServiceNow-Generated: true")
EXCHANGE = ("X-Auto-Response-Suppress: All", "X-MS-Exchange-Inbox-Rules-Loop: {address}")
REQUEST_TRACKER = ("Precedence: bulk", "RT-Ticket: robot.example #55", "X-Managed-by: RT 5")


def responders() -> list[Robot]:
    """Rows 1 to 9: people's responders, and a desk that acknowledges without any mark."""
    quiet: dict[str, Any] = {"kinds": ("auto_reply",), "body": AWAY}
    loose: dict[str, Any] = {"threads": False, "to_inbox": True, "body": AWAY}
    return [
        Robot(1, "vacation, once a week, all marks", headers=VACATION, null_sender=True, once_per=7 * DAY, **quiet),
        Robot(2, "vacation without marks, on every mail", subject="Away: {ours}", **loose),
        Robot(3, "Exchange out-of-office", subject="Automatic reply: {ours}", headers=EXCHANGE, null_sender=True,
              kinds=("auto_reply",), **loose),
        Robot(4, "Gmail out-of-office", headers=(*VACATION, "X-Autoreply: yes"), **quiet),
        Robot(5, "Apple vacation", headers=("X-Apple-Action: VACATION",), **quiet),
        Robot(6, "out-of-office, a localised subject only", subject="Abwesenheitsnotiz: {ours}", **loose),
        Robot(7, "out-of-office that threads nothing", subject="I am not here ({n})", **loose),
        Robot(8, "out-of-office to From, marked", headers=("Auto-Submitted: auto-replied",), to_inbox=True, **quiet),
        Robot(9, "FreeScout: no marks", threads=False, to_inbox=True, every=2 * HOUR),
    ]  # fmt: skip


def desks() -> list[Robot]:
    """Rows 10 to 16: other desks, rings of them, another instance of ours."""
    token = loop_token(FOREIGN, 7, 3, automatic=True)
    marked = (f"X-Poterne-Loop: {token}", "Auto-Submitted: auto-replied")
    loose: dict[str, Any] = {"threads": False, "to_inbox": True}
    return [
        desk(10, "Zendesk", ZENDESK),
        desk(11, "Freshdesk", (), subject="Ticket Received - {n} - {ours}", to_inbox=True),
        desk(12, "OTRS", ("X-Loop: desk@robot.example", "Precedence: bulk", "X-Powered-By: OTRS 6")),
        desk(13, "Request Tracker", REQUEST_TRACKER),
        desk(14, "ServiceNow", SERVICENOW, subject="INC0012345 {ours}"),
        Robot(15, "a desk that acknowledges every mail", subject="[#{n}] We have your mail", **loose),
        Ring(15, "a ring of three desks that copy each other", most=30),
        Robot(16, "another Poterne", headers=marked, kinds=("auto_reply",)),
        Robot(16, "another Poterne, all headers stripped", subject="[#{n}] We have your message", **loose),
    ]


def nasty() -> list[Robot]:
    """Rows 17, 18 and 38: nothing but the bound stops them."""
    return [
        Robot(17, "CRM, same text each time", every=FAST, subject="Case {n}", threads=False, to_inbox=True),
        Robot(17, "CRM, new text each time", every=FAST, varied=True, subject="Case {n}", threads=False, to_inbox=True),
        Rotating(17, "CRM, plus tag rotates", rotate=plus_tag),
        Rotating(17, "CRM, case rotates", rotate=letter_case),
        Rotating(17, "CRM, VERP digits rotate", rotate=verp),
        Rotating(17, "CRM, local part rotates", rotate=local_part, most=30),
        Rotating(17, "CRM, Reply-To rotates", rotate=local_part, reply_to=True, most=30),
        Rotating(17, "CRM, subdomain rotates", rotate=subdomain, most=30),
        Rotating(17, "CRM, domain rotates", rotate=domain, most=400, every=timedelta(minutes=3), shortly=0.9,
                 floods=True),
        Robot(18, "noreply: this mailbox is not monitored", local="noreply", to_inbox=True, threads=False,
              subject="This mailbox is not monitored", most=0),
        Robot(38, "one answer every 23 hours", every=23 * HOUR, threads=False, to_inbox=True, varied=True,
              subject="News of day {n}"),
    ]  # fmt: skip
