"""The letters that a mail causes besides its acknowledgement (ports.Correspondence): alerts, and agents' answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.errors import NotSendable
from gateway.mail import letters
from gateway.mail.address import identity
from gateway.mail.attachments import content_of
from gateway.model import (
    Conversation,
    DeskAgent,
    Digest,
    Draft,
    Mailbox,
    OutgoingFile,
    OutgoingId,
    ParsedMail,
    Plan,
    Route,
)
from gateway.policy import Policy
from gateway.ports import WriteDigest


@dataclass(frozen=True, slots=True)
class MailLetters:
    """Writes what one mail causes, in the name of the queue that its ticket is in."""

    mail: ParsedMail
    plan: Plan
    route: Route
    policy: Policy
    raw: bytes = field(repr=False)

    def alert(self, about: Conversation, to: DeskAgent, outgoing: OutgoingId) -> Draft:
        """Draft the news for an agent: who wrote what the customer wrote, and nothing that is internal."""
        letterhead = self._letterhead(about.queue)
        author = self.plan.judgement.author
        opened, wrote = letters.EVENTS[letterhead.look.locale]
        return letters.alert(
            letterhead,
            Mailbox(to.name, to.address),
            opened if self.plan.new_ticket is not None else wrote,
            ticket=about.ticket_id,
            outgoing=outgoing,
            keys=self.policy.keys,
            agent=to.agent_id,
            subject=about.subject,
            author=author.shown if author else "",
            text=self.mail.reply_text or self.mail.text,
        )

    def reply(self, conversation: Conversation, outgoing: OutgoingId) -> Draft:
        """Draft an agent's words for the customer and the other participants, with the files that came with them."""
        words = self.plan.words
        if words is None or words.internal:
            raise NotSendable("it is not for the customer")
        own = {identity(address) for address in self.policy.own_addresses}
        requester = conversation.requester
        if requester is None or identity(requester.address) in own:
            raise NotSendable("the ticket has no requester that mail can go to")
        answered = letters.Answered(conversation.answers, (conversation.answers,) if conversation.answers else ())
        return letters.reply(
            self._letterhead(conversation.queue),
            (requester,),
            conversation.subject,
            f"{words.text}\n\n{words.agent.signature}" if words.agent.signature else words.text,
            ticket=conversation.ticket_id,
            outgoing=outgoing,
            keys=self.policy.keys,
            answered=answered,
            cc=tuple(box for box in conversation.others if identity(box.address) not in own),
            files=tuple(self._files()),
            history=tuple(letters.Quoted(item.author, item.at, item.text) for item in conversation.said),
        )

    def _letterhead(self, queue: str) -> letters.Letterhead:
        if queue not in self.policy.letterheads:
            raise NotSendable(f"the configuration has no queue {queue}")
        return self.policy.letterhead(queue, self.route)

    def _files(self) -> Iterator[OutgoingFile]:
        """Yield what the agent attached. Pictures of what they quoted, such as our own logo, stay behind."""
        # Where nothing was quoted, nothing was cut: then the whole HTML is the agent's.
        own = self.mail.reply_html if self.mail.reply_html is not None else self.mail.html
        for file in self.mail.attachments:
            if file.inline and f"cid:{file.content_id}" not in (own or ""):
                continue
            content = content_of(self.raw, file.part)
            if content is not None:
                yield OutgoingFile(file.filename, file.content_type, content)


def digest_writer(policy: Policy) -> WriteDigest:
    """Return how digests are written under this policy."""

    def write(digest: Digest, outgoing: OutgoingId) -> Draft:
        if digest.queue not in policy.letterheads:
            raise NotSendable(f"the configuration has no queue {digest.queue}")
        return letters.digest(policy.letterheads[digest.queue], digest, outgoing, policy.keys)

    return write
