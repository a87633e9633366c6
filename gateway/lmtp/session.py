"""The LMTP commands (RFC 2033): what each may do, and when. One final reply per accepted recipient, on every path."""

# ruff: noqa: N802, ARG002 - aiosmtpd finds the commands by these names and passes each its argument
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.lmtp.arguments import Sender, read_mail, read_rcpt
from gateway.lmtp.budget import Share
from gateway.lmtp.connection import Connection
from gateway.lmtp.data import DataReader, Overrun
from gateway.lmtp.handover import Answer, hand_over
from gateway.lmtp.replies import Reply
from gateway.model import Envelope, Route

OVERRUNS: Final = {Overrun.SIZE: Reply.TOO_BIG, Overrun.BUDGET: Reply.BUSY}


class LmtpSession(Connection):
    """One client's session. The transaction is aiosmtpd's envelope, and beside it the routes and the id."""

    def forget_mail(self) -> None:
        super().forget_mail()
        self._routes: list[Route] = []
        self._announced = 0
        self._mail_id = ""

    async def smtp_LHLO(self, arg: str) -> None:
        if not arg:
            self.say(Reply.BAD_SYNTAX)
            return
        assert self.session is not None
        self.forget_mail()
        self.session.host_name = arg
        self.session.extended_smtp = True
        # RFC 2033 §5 demands PIPELINING and ENHANCEDSTATUSCODES.
        extensions = (
            "PIPELINING",
            "ENHANCEDSTATUSCODES",
            "8BITMIME",
            "SMTPUTF8",
            f"SIZE {self.house.limits.message_size}",
        )
        lines = [self.house.host, *extensions]
        await self.push("\r\n".join(f"250{' ' if n == len(lines) else '-'}{line}" for n, line in enumerate(lines, 1)))

    async def smtp_MAIL(self, arg: str | None) -> None:
        envelope = self.envelope
        assert envelope is not None
        sender = read_mail(arg or "")
        if not self._greeted():
            self.say(Reply.NEED_LHLO)
        elif envelope.mail_from is not None:
            self.say(Reply.NESTED_MAIL)
        elif not isinstance(sender, Sender):
            self.say(sender)
        elif sender.size > self.house.limits.message_size:
            self.say(Reply.TOO_BIG)
        elif not self.house.budget.has_room(sender.size):
            self.say(Reply.BUSY)
        else:
            envelope.mail_from = sender.address
            self._announced = sender.size
            self._mail_id = self.house.new_id()
            self.say(Reply.SENDER_OK)

    async def smtp_RCPT(self, arg: str | None) -> None:
        envelope = self.envelope
        assert envelope is not None
        if not self._greeted():
            self.say(Reply.NEED_LHLO)
        elif envelope.mail_from is None:
            self.say(Reply.NEED_MAIL)
        elif isinstance(recipient := read_rcpt(arg or ""), Reply):
            self.say(recipient)
        elif len(envelope.rcpt_tos) >= self.house.limits.recipients:
            self.say(Reply.TOO_MANY_RECIPIENTS)
        elif (route := self.house.route(recipient)) is None:
            self.house.log.info("lmtp.unknown-recipient", session=self._mail_id, rcpt_to=recipient)
            self.say(Reply.UNKNOWN_RECIPIENT)
        else:
            # A repeated RCPT is one more recipient, with a reply of its own; the store sees the duplicate.
            envelope.rcpt_tos.append(recipient)
            self._routes.append(route)
            self.say(Reply.RECIPIENT_OK)

    async def smtp_DATA(self, arg: str) -> None:
        assert self.envelope is not None
        if not self._greeted():
            self.say(Reply.NEED_LHLO)
        elif arg:
            self.say(Reply.BAD_SYNTAX)
        elif self.envelope.mail_from is None:
            self.say(Reply.NEED_MAIL)
        elif not self.envelope.rcpt_tos:
            self.say(Reply.NEED_RCPT)  # RFC 2033 §4.2: also when every RCPT was refused
        else:
            share = Share(self.house.budget)
            try:
                await self._receive(share)
            finally:
                share.close()
                self.end_of_data()

    async def _receive(self, share: Share) -> None:
        """Read the content, hand it over, and answer once per recipient."""
        assert self.envelope is not None
        if not share.reserve(self._announced):
            self.say(Reply.BUSY)
            return
        recipients = self.envelope.rcpt_tos
        self.say(Reply.START_DATA)
        self.owe(len(recipients))
        data = DataReader(self.house.limits.message_size, share.charge)
        try:
            if not await self.read_data(data):
                return
            if data.overrun is not None:
                reply, why = OVERRUNS[data.overrun], data.overrun.value
                self.house.log.warning("lmtp.overrun", session=self._mail_id, size=data.size, because=why)
                answers: Sequence[Answer] = [(reply, "")] * len(recipients)
            else:
                answers = await hand_over(self.house, data.take(), self._envelopes(), self._routes)
            for reply, about in answers:
                self.say(reply, about)
        finally:
            # Whatever happened: the next mail starts from nothing (RFC 5321 §4.1.1.4).
            self.forget_mail()

    def _envelopes(self) -> list[Envelope]:
        assert self.envelope is not None
        sender, received_at = self.envelope.mail_from or "", self.house.now()
        return [
            Envelope(sender, recipient, received_at, "lmtp", self._mail_id, self.peer)
            for recipient in self.envelope.rcpt_tos
        ]

    async def smtp_RSET(self, arg: str) -> None:
        self.forget_mail()
        self.say(Reply.BAD_SYNTAX if arg else Reply.OK)

    async def smtp_NOOP(self, arg: str) -> None:
        self.say(Reply.OK)

    async def smtp_QUIT(self, arg: str) -> None:
        self.say(Reply.BAD_SYNTAX if arg else Reply.BYE)

    async def smtp_VRFY(self, arg: str) -> None:
        # RFC 5321 §7.3: a server need not tell who exists; RCPT does.
        self.say(Reply.CANNOT_VERIFY if arg else Reply.BAD_SYNTAX)

    async def smtp_HELP(self, arg: str) -> None:
        self.say(Reply.HELP)

    async def smtp_HELO(self, arg: str) -> None:
        self.say(Reply.NOT_LMTP)  # RFC 2033 §4.1: HELO and EHLO must not be accepted

    async def smtp_EHLO(self, arg: str) -> None:
        self.say(Reply.NOT_LMTP)

    async def smtp_AUTH(self, arg: str) -> None:
        self.say(Reply.NOT_OFFERED)

    async def smtp_STARTTLS(self, arg: str) -> None:
        self.say(Reply.NOT_OFFERED)

    async def smtp_EXPN(self, arg: str) -> None:
        self.say(Reply.NOT_OFFERED)

    def _greeted(self) -> bool:
        return self.session is not None and self.session.extended_smtp
