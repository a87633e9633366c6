"""People and their accidents: rows 30 to 32, 35 to 37, 39 and 40."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from gateway.model import DeliveryResult, Disposition
from tests.simulator.machines import REPORT, delivery_report, recipient
from tests.simulator.post import BILLING, CREATION, INBOX, Message, google_group
from tests.simulator.resident import DAY, HOUR, MINUTE, WORDS, Resident
from tests.simulator.robots import AWAY, QUESTION
from tests.simulator.world import AGENT, World


@dataclass
class AgentAway(Resident):
    """Row 30: alerts go to an agent who is away, whose box is full, and whose mailbox forwards to the inbox."""

    most: int = 30
    domain: str = "example.org"
    local: str = "tom"

    def owns(self, address: str) -> bool:
        return address == AGENT

    def start(self, world: World) -> None:
        world.alerts = True

    def react(self, world: World, message: Message) -> DeliveryResult | None:
        away = self.letter(world, f"Automatic reply: {message.mail.subject}", AWAY, author=f"Tom <{AGENT}>")
        marked = replace(away, headers=("Auto-Submitted: auto-replied", *message.thread), sender="")
        world.write(replace(marked, recipients=(message.reply_to,), to=message.reply_to), MINUTE)
        full = delivery_report(message.mail.message_id, recipient(AGENT, "failed", "5.2.2"))
        report = replace(
            away, author="MAILER-DAEMON@mx.example.org", body=full, sender="", recipients=(message.sender,),
            content_type=REPORT.format("delivery-status"), message_id=world.new_id("mx.example.org"),
        )  # fmt: skip
        world.write(report, 2 * MINUTE)
        return None

    def expect(self, world: World) -> list[str]:
        became = Counter(t.applied.disposition.value for t in world.taken if t.letter.address == AGENT)
        return [] if set(became) <= {"auto_reply"} else [f"the agent's responder became {dict(became)}"]


@dataclass
class AgentInAStorm(AgentAway):
    """The same agent, and an hour and a half in which people of many companies write every minute."""

    floods: bool = True

    def start(self, world: World) -> None:
        super().start(world)
        for number in range(100):
            words = " ".join(world.rng.choices(WORDS, k=40))
            author = f"p{number}@works-{''.join(chr(97 + int(digit)) for digit in str(number))}.example"
            world.write(self.letter(world, f"{words[:20]}", words, author=author), HOUR + MINUTE * number)
        world.at(5 * HOUR, lambda: None)  # something happens later, too: the last digest leaves

    def expect(self, world: World) -> list[str]:
        digests = [message for message in self.received if "without an alert" in message.mail.subject]
        told = sum(int(message.mail.subject.split()[0]) for message in digests)
        alerts = len(self.received) - len(digests)
        people = sum(t.applied.disposition is Disposition.TICKET and t.letter.address != AGENT for t in world.taken)
        wrong = [] if told + alerts >= people - 5 else [f"{alerts} alerts and {told} in digests for {people} tickets"]
        return [*super().expect(world), *wrong]


@dataclass
class Crowd(Resident):
    """Rows 31, 32, 35, 36, 37, 39, 40: letters at set times, and what must become of them."""

    script: str = ""
    most: int = 30  # one organisation
    shortly: float = 8.5

    def start(self, world: World) -> None:
        getattr(self, f"play_{self.script}")(world)

    def play_addresses(self, world: World) -> None:
        """Our address twice, in Cc only, in Bcc only; one mail to two queues."""
        for number, (to, recipients) in enumerate(
            [
                (f"{INBOX}, {CREATION}", (INBOX, CREATION)),
                (f"somebody@robot.example\r\nCc: {INBOX}", (INBOX,)),
                ("undisclosed-recipients:;", (CREATION,)),
                (f"{INBOX}, billing@example.org", (INBOX, BILLING)),
            ]
        ):
            letter = self.letter(
                world, f"Question {number}", f"{WORDS[number]} {QUESTION}", to=to, recipients=recipients
            )
            world.write(letter, HOUR * (1 + 30 * number))

    def play_war(self, world: World) -> None:
        """Two customers answer to all, and a third one's responder to each of them, with us in Cc."""
        first = self.letter(world, "The meeting", QUESTION)
        world.write(first)
        thread = (f"In-Reply-To: <{first.message_id}>", f"References: <{first.message_id}>")
        for number in range(40):
            author = f"{'ab'[number % 2]}@robot.example"
            letter = self.letter(world, "Re: The meeting", f"No, at {number} o'clock, {WORDS[number]}.", author=author)
            world.write(replace(letter, headers=thread), HOUR * (number + 1))
            away = self.letter(world, "Automatic reply: The meeting", AWAY, author="c@robot.example", sender="")
            world.write(replace(away, headers=("Auto-Submitted: auto-replied", *thread)), HOUR * (number + 1) + MINUTE)

    def play_redirect(self, world: World) -> None:
        """A person redirects a mail to us (Resent-*); a program blanks the envelope sender."""
        moved = self.letter(world, "An order", QUESTION, author="Bea <bea@robot.example>")
        world.write(replace(moved, headers=("Resent-From: kim@robot.example", f"Resent-To: {INBOX}")), HOUR)
        world.write(self.letter(world, "A bill", f"bill {QUESTION}", author="Cy <cy@robot.example>", sender=""), DAY)

    def play_again(self, world: World) -> None:
        """The same mail again after a lost 250; another mail under the same Message-ID."""
        letter = self.letter(world, "A question about our order", QUESTION)
        world.write(letter, HOUR)
        world.write(letter, HOUR)
        world.write(
            replace(letter, subject="Quite another thing", body="The gutter leaks on the north side."), 2 * HOUR
        )

    def play_outage(self, world: World) -> None:
        """300 people of one company write within ten minutes, from one template."""
        for number in range(300):
            author = f"Person {number} <{WORDS[number % 40]}.{WORDS[number // 40]}@robot.example>"
            letter = self.letter(
                world, "Outage", "The service is down for us. Please tell us when it is back.", author=author
            )
            world.write(letter, number * 2 * MINUTE / 60)

    def play_people(self, world: World) -> None:
        """A thank-you, a forwarded bounce, a question about out-of-office replies, a web form."""
        report = delivery_report("x@y.example", recipient("x@y.example", "failed", "5.1.1")).replace("--b", "--c")
        forwarded = (
            "--b\nContent-Type: text/plain\n\nWhat does this mean?\n--b\nContent-Type: message/rfc822\n\n"
            "From: MAILER-DAEMON@y.example\nContent-Type: multipart/report; report-type=delivery-status;\n"
            f" boundary=c\n\n{report}\n--b--"
        )
        for number, (author, subject, body, headers, kind) in enumerate(
            [
                ("dora@robot.example", "thanks", "thanks", (), "text/plain"),
                ("emil@robot.example", "Fwd: Undelivered Mail", forwarded, (), "multipart/mixed; boundary=b"),
                (
                    "fay@robot.example",
                    "Out of office reply does not work",
                    "I switched it on, in vain.",
                    (),
                    "text/plain",
                ),
                (
                    "noreply@forms.robot.example",
                    "Form",
                    "The lamp flickers.",
                    ("Reply-To: gil@robot.example",),
                    "text/plain",
                ),
            ]
        ):
            letter = self.letter(world, subject, body, author=author, headers=headers, content_type=kind)
            world.write(letter, DAY * (number + 1))

    def play_injector(self, world: World) -> None:
        """Headers that would like to steer us."""
        for number, line in enumerate(
            [
                f"X-Poterne-Loop: {'a' * 40}",
                "X-OTRS-Ignore: yes",
                "Auto-Submitted: auto-replied",
                "X-Spam-Flag: YES",
                "Return-Path: <>",
                "X-Note: a\rAuto-Submitted: no",
                f"In-Reply-To: <{'b' * 40}@tickets.example.org>",
                f"Resent-From: {INBOX}",
            ]
        ):
            letter = self.letter(world, f"Order {number}", f"{WORDS[number]} {QUESTION}", headers=(line,))
            world.write(letter, HOUR * (1 + 25 * number))

    def expect(self, world: World) -> list[str]:
        became = dict(world.dispositions(of="robot.example"))
        wanted = EXPECTED[self.script]
        if self.script == "addresses" and world.forward is google_group:
            wanted = {"ticket": 5, "append": 1}  # the group rewrote From: the straight copy is another mail, and joins
        return [] if became == wanted else [f"became {became}, not {wanted}"]


EXPECTED = {
    "addresses": {"ticket": 5, "duplicate": 1},
    "war": {"ticket": 4, "append": 38, "auto_reply": 39},
    "redirect": {"ticket": 2},
    "again": {"ticket": 1, "append": 1, "duplicate": 1},
    "outage": {"ticket": 300},
    "people": {"ticket": 4},
    "injector": {"ticket": 8},
}


def people() -> list[Resident]:
    """The rows of this module."""
    return [
        AgentAway(30, "an agent is away and the box is full"),
        AgentInAStorm(30, "an agent is away while everybody writes", most=30 * 24),
        Crowd(31, "our address twice, Cc, Bcc, two queues", script="addresses"),
        Crowd(32, "two customers and a responder answer to all", script="war"),
        Crowd(35, "redirected by a person; blank envelope sender", script="redirect"),
        Crowd(36, "redelivery; same Message-ID, other content", script="again"),
        Crowd(37, "300 people of one company in ten minutes", script="outage"),
        Crowd(39, "people: thanks, a bounce, out-of-office, a form", script="people"),
        Crowd(40, "an injector of headers", script="injector"),
    ]
