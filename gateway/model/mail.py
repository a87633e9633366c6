"""A mail, as read by `gateway.mail.parse`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person's or a system's address: display name (decoded, may be empty) and addr-spec as written."""

    name: str
    address: str

    @property
    def shown(self) -> str:
        """Return the mailbox as people read it."""
        return f"{self.name} <{self.address}>" if self.name else self.address


@dataclass(frozen=True, slots=True)
class Field:
    """One header field, in the order of the mail: name in lower case, value unfolded, raw 8-bit already decoded.

    `value` is not RFC 2047-decoded: rules look at protocol text, people look at the decoded attributes of ParsedMail.
    """

    name: str
    value: str
    line: int  # 1-based line of the raw mail where the field starts


@dataclass(frozen=True, slots=True)
class Attachment:
    """One attached file. Content stays in the raw mail; `part` says where ("2.1", or "2.1/winmail.dat#3")."""

    filename: str  # safe to show and to save: no path, no control or bidi characters, at most 150 bytes
    content_type: str  # what the sender claims
    size: int  # octets, decoded
    sha256: str
    content_id: str | None = None
    inline: bool = False  # referenced by the shown HTML
    from_tnef: bool = False
    part: str = ""
    sniffed_type: str = ""  # what the first octets say, empty if they say nothing
    dangerous: bool = False  # an executable or script by extension or by signature


@dataclass(frozen=True, slots=True)
class Security:
    """What cryptography was recognised. It is labelled, never verified or decrypted here."""

    smime: str | None = None  # "signed (not verified)", "encrypted", ...
    pgp: str | None = None


class Action(StrEnum):
    """RFC 3464 §2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """One recipient of a delivery report."""

    recipient: str  # the address that was written to: Original-Recipient before Final-Recipient
    action: Action
    status: str  # RFC 3463, "" if the mail states none
    permanent: bool
    diagnostic: str = ""


class ReportKind(StrEnum):
    DELIVERY = "delivery"  # RFC 3464, or a non-standard bounce
    DISPOSITION = "disposition"  # RFC 8098 read receipts
    FEEDBACK = "feedback"  # RFC 5965 complaints
    CALENDAR = "calendar"  # RFC 5546 REPLY, COUNTER, CANCEL


@dataclass(frozen=True, slots=True)
class Report:
    """What a machine says about a mail. `message_ids` are those of the reported mail, nearest first.

    `standard` is false for bounces that were recognised by their wording alone: those count only when they are tied to
    an outgoing of ours by a bounce token or a Message-ID.
    """

    kind: ReportKind
    recipients: tuple[ReportedRecipient, ...] = ()
    message_ids: tuple[str, ...] = ()
    detail: str = ""  # MDN disposition ("displayed", "deleted", ...), feedback type, or calendar method
    standard: bool = True


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """A mail as read. Total: every octet string has one. Defects are names, never exceptions.

    All addresses are as written (case kept); all shown text is free of control and bidi characters. `text` is the whole
    text of the body, `reply_text` what its author newly wrote. `digest` is the content part of the idempotence key
    (I6): it covers body and stable headers, and no trace header.
    """

    fields: tuple[Field, ...] = ()
    message_id: str = ""  # without angle brackets; a substitute derived from the content where the mail has none
    message_id_missing: bool = False
    subject: str = ""
    date: datetime | None = None
    from_: Mailbox | None = None
    from_all: tuple[Mailbox, ...] = ()
    sender: Mailbox | None = None
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    in_reply_to: tuple[str, ...] = ()  # without angle brackets
    references: tuple[str, ...] = ()  # newest first, at most 32, without angle brackets
    content_type: str = "text/plain"  # of the whole mail
    text: str = ""
    html: str | None = None  # sanitised; remote images disarmed
    remote_images: int = 0
    reply_text: str = ""
    reply_html: str | None = None
    signature: str | None = None
    attachments: tuple[Attachment, ...] = ()
    security: Security = Security()
    report: Report | None = None
    calendar_method: str = ""
    defects: tuple[str, ...] = ()
    hostile: bool = False  # bare CR, LF or NUL in the headers: no header of this mail vouches for anything
    digest: str = ""
    size: int = 0  # octets of the raw mail
    # What the process that read the mail has worked out, because there it keeps nobody waiting; it says nothing new.
    fingerprint: str | None = field(default=None, compare=False)  # of rules.behaviour
    words: str | None = field(default=None, compare=False)  # those of the new text, of mail.folded, for the index

    @property
    def whole_text(self) -> str | None:
        """The whole text where its author newly wrote less than that: more than blanks was cut. Else None."""
        new, whole = self.reply_text, self.text
        # Blanks at the ends of lines are cut everywhere; where nothing else was, one text is kept, and none is folded.
        if not new or new.strip() == whole.strip() or new.split() == whole.split():
            return None
        return whole

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of every field called `name` (lower case), topmost first."""
        return tuple(item.value for item in self.fields if item.name == name)

    def first(self, name: str) -> str:
        """Return the topmost value of `name` (lower case), or the empty string."""
        return next((item.value for item in self.fields if item.name == name), "")
