"""The demo itself: six mails in, one agent's reply, and what became of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.cli.demo import mails
from gateway.cli.demo.catcher import Catcher, Caught
from gateway.cli.demo.stage import Stage, deliver, poterne, read_json

PATIENCE_SECONDS = 30
LOOK_SECONDS = 0.05
WIDTH = 60  # of the last column
AGENT_TEXT = "Hello Marie,\n\nthe printer was unplugged by the cleaners. It prints again.\n\nThe Example team\n"


@dataclass(frozen=True, slots=True)
class Scene:
    """One mail that came in, and the intake that it became."""

    what: str
    intake: dict[str, Any]


class Play:
    """Sends the mails one after the other and waits each time until the daemon has settled."""

    def __init__(self, stage: Stage, catcher: Catcher) -> None:
        self._stage = stage
        self._catcher = catcher
        self.scenes: list[Scene] = []

    async def run(self) -> None:
        """Play everything. Raises TimeoutError if the daemon does not keep up."""
        await self._send("a customer, with an attachment", mails.CUSTOMER, mails.customer_with_attachment())
        acknowledgement = await self._caught(1)
        await self._send("the answer to our acknowledgement", mails.CUSTOMER, mails.reply_to(acknowledgement))
        ticket = self.scenes[0].intake["ticket"]
        await poterne(self._stage, "reply", str(ticket), text=AGENT_TEXT)
        reply = await self._caught(2)
        await self._send("an out-of-office", mails.CUSTOMER, mails.out_of_office(reply))
        await self._send("a bounce of our reply", "", mails.bounce_of(reply), reply.mail_from)
        await self._send("a newsletter", "bounces@lists.vendor.example", mails.newsletter())
        await self._send("our own mail, forwarded back", mails.CUSTOMER, mails.from_ourselves(acknowledgement))

    async def _send(self, what: str, mail_from: str, content: bytes, rcpt_to: str = mails.CREATION_ADDRESS) -> None:
        known = {row["id"] for row in await self._rows("intakes")}
        await asyncio.to_thread(deliver, self._stage, mail_from, rcpt_to, content)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for row in await self._rows("intakes"):
                if row["id"] not in known and row["state"] == "done":
                    self.scenes.append(Scene(what, row))
                    return
            await asyncio.sleep(LOOK_SECONDS)
        raise TimeoutError(f"{what}: no disposition within {PATIENCE_SECONDS} s")

    async def _caught(self, number: int) -> Caught:
        await self._catcher.wait_for(number, PATIENCE_SECONDS)
        return self._catcher.mails[number - 1]

    async def settle(self) -> None:
        """Wait until nothing waits to be sent."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(row["state"] == "queued" for row in await self._rows("outbox")):
            if time.monotonic() > deadline:
                raise TimeoutError("the outbox does not become empty")
            await asyncio.sleep(LOOK_SECONDS)

    async def _rows(self, listing: str) -> list[dict[str, Any]]:
        answer = await asyncio.to_thread(read_json, f"{self._stage.page}api/v1/{listing}", self._stage.token)
        return list(answer["items"])

    async def report(self, verify: Callable[[bytes], str]) -> str:
        """Return both tables as text. `verify` says what the DKIM signature of a mail is worth."""
        came_in = [("mail in", "became", "ticket", "because")]
        came_in += [
            (s.what, s.intake["disposition"], number(s.intake["ticket"]), because(s.intake)) for s in self.scenes
        ]
        rows = {(row["message_id"], row["recipient"]): row for row in await self._rows("outbox")}
        went_out = [("mail out", "to", "ticket", "subject", "DKIM")]
        for mail in self._catcher.mails:
            row = rows.get((str(mail.message["Message-ID"]).strip("<>"), mail.rcpt_to), {})
            signature = verify(mail.content)
            went_out.append((row.get("kind", "?"), mail.rcpt_to, number(row.get("ticket")), mail.subject, signature))
        return f"{table(came_in)}\n\n{table(went_out)}"


def number(value: int | None) -> str:
    """Return a ticket's number as it is shown."""
    return "-" if value is None else f"#{value}"


def because(intake: dict[str, Any]) -> str:
    """Return the first thing that a rule said, for people."""
    if not intake["verdicts"]:
        return "a person wrote it"
    text = "{rule}: {because}".format_map(intake["verdicts"][0])
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."


def table(rows: Sequence[Sequence[str]]) -> str:
    """Align columns; a line under the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
