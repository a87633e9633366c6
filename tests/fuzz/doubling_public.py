"""Every public function of `gateway/mail`, each with something large to do; a test compares the names with the code."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import gateway.mail
from gateway.errors import NotSendable
from gateway.mail import (
    address,
    attachments,
    body,
    calendar,
    charset,
    compose,
    dates,
    describe,
    digest,
    encodings,
    fields,
    flowed,
    folded,
    folding,
    headers,
    html,
    html_text,
    html_weight,
    inside,
    letters,
    names,
    parameters,
    parse,
    pictures,
    preview,
    quoting,
    reply,
    reply_elements,
    reply_html,
    reply_marks,
    reply_phrases,
    reply_scan,
    reply_signature,
    report,
    report_evidence,
    report_fields,
    report_notice,
    report_original,
    report_receipt,
    report_second,
    report_wording,
    rtf,
    security,
    tnef,
    to_crlf,
    token,
    tree,
    wire,
    words,
)  # fmt: skip
from gateway.mail.part import Part
from gateway.mail.reply_lines import Line
from gateway.model import (
    Action,
    AgentId,
    Attachment,
    DeskAgent,
    Digest,
    Draft,
    Envelope,
    Mailbox,
    Missed,
    OutgoingFile,
    OutgoingId,
    OutgoingKind,
    TicketId,
)  # fmt: skip
from tests.fuzz.doubling_subjects import Subject, repeat, repeat_text
from tests.fuzz.seeds import b64, mail, multipart, part
from tests.fuzz.shapes import KEYS

Make = Callable[[int], Any]
_WHEN = datetime(2026, 3, 2, 9, tzinfo=UTC)
_ENVELOPE = Envelope("a@example.org", "support@example.org", _WHEN)
_BOX = Mailbox("Ann Lee", "ann@example.org")
_NUMBERS: dict[str, Any] = {"ticket": TicketId(7), "outgoing": OutgoingId(9), "keys": KEYS}

# What people write, with something of everything that a reader looks for.
_TEXT = repeat_text(
    'Hello <ann@example.org>, =?utf-8?q?=C3=A4?= a=b; "c"\nOn Mon, Jan 1, 2024 at 10:00 Jane wrote:\n> x\n-- \nAnn\n\n'
)
_WORDS = repeat_text("caf\u00e9 and a-word <a@example.org> ")
_HTML = repeat_text('<div class="x"><p>Hello <b>you</b>, <a href="http://example.org/">here</a></p></div>')
_OCTETS = repeat(b"Hello, this is a line of text; a=b\r\n")
_FIELDS = repeat(b"Final-Recipient: rfc822;a@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n")
_NOTICE = repeat(b"<a@example.org>: host mx.example.org said: 550 5.1.1 no such user (in reply to RCPT)\r\n")


def _lines(text: str) -> list[Line]:
    return [Line(raw) for raw in text.split("\n")]


def _texts(size: int) -> list[str]:
    return _NOTICE(size).decode().split("\r\n")


def _report(size: int) -> bytes:
    """A report with a notice, a large group of recipients, a returned mail and a file."""
    share = size // 4
    return mail(
        "From: MAILER-DAEMON@example.net",
        "Subject: Undelivered Mail Returned to Sender",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="x"',
        body=multipart(
            "x",
            part("Content-Type: text/plain", body=_NOTICE(share)),
            part("Content-Type: message/delivery-status", body=_FIELDS(share)),
            part("Content-Type: message/rfc822", body=mail("Subject: Hello", body=_OCTETS(share))),
            part("Content-Type: application/pdf", "Content-Transfer-Encoding: base64", body=b64(_OCTETS(share))),
        ),
    )


def _leaf(kind: str, make: Callable[[int], bytes]) -> Make:
    return lambda size: mail(f"Content-Type: {kind}", body=make(size))


def _of_tree(read: Callable[[Part], object]) -> Callable[[bytes], object]:
    """Split the mail in each call: parts remember what was decoded of them."""
    return lambda raw: read(tree.split(raw))


def _of_parts(read: Callable[[Part, tuple[Part, ...]], object]) -> Callable[[bytes], object]:
    return _of_tree(lambda root: read(root, tuple(root.walk())))


def _of_lines(read: Callable[[list[Line]], object]) -> Callable[[str], object]:
    return lambda text: read(_lines(text))


def _html_octets(size: int) -> bytes:
    return _HTML(size).encode()


def _parsed(size: int) -> Any:
    return parse(mail("Content-Type: text/plain; charset=utf-8", body=_TEXT(size).encode()))


def _wired(size: int) -> bytes:
    return wire.dumps(_parsed(size))


def _draft(size: int) -> Draft:
    half = size // 2
    text = _TEXT(half)
    files = (OutgoingFile("a.bin", "application/octet-stream", _OCTETS(half)),)
    return Draft(
        OutgoingKind.REPLY, "support", "main", _BOX, (_BOX,), text[:200], text, "7.9@mail.example.org", html=text,
        files=files,
    )  # fmt: skip


class _Plain:
    """Templates that show their values."""

    overridden: frozenset[str] = frozenset()

    def render(self, name: str, **values: object) -> str:
        return f"{name}\n" + "\n\n".join(map(str, values.values()))


_HEAD = letters.Letterhead("support", "Support", "main", _BOX, "mail.example.org", "support@example.org", _Plain())


_PICTURE = OutgoingFile("a.png", "image/png", b"\x89PNG\r\n\x1a\n")
_NAMING = repeat_text("See [image: a.png] and [image: ")


def _missed(size: int) -> Digest:
    line = Missed(TicketId(7), _TEXT(1_000), 2)
    return Digest(DeskAgent(AgentId(1), _BOX.address), "support", (line,) * (size // 1_000 + 1))


def _may_refuse(run: Callable[[Any], object]) -> Callable[[Any], object]:
    def refusing(value: Any) -> object:
        try:
            return run(value)
        except NotSendable:
            return None

    return refusing


def _files(root: Part) -> tuple[Attachment, ...]:
    return tuple(attachments.read_attachments(body.read_body(root))[0])


def _digest(root: Part) -> str:
    return digest.digest(root.fields, root, _files(root))


def _senders(size: int) -> Any:
    return headers.read_block(repeat(b"From: a@example.org\r\n")(size)).fields


# Functions that take what one of the makers above makes, and readers of the tree of a report.
_AS_IT_IS: dict[Make, tuple[Callable[[Any], object], ...]] = {
    _WORDS: (
        address.is_valid, address.normal, address.domain_of, address.identity, address.canonical, address.organisation,
        address.parse_mailboxes, address.display, charset.shown, dates.parse_date, fields.subject,
        fields.from_mailboxes, fields.message_id, fields.message_ids, fields.references, folding.text,
        folding.encoded_words, folding.is_message_id, parameters.token, pictures.mark, quoting.address_in,
        reply.says_forward, token.fits,
    ),
    _TEXT: (
        body.as_html, charset.codecs_of, charset.known, flowed.unflow, parameters.parse, reply.cut,
        reply_phrases.phrases, report_fields.address, report_fields.clean_address, report_fields.status,
        report_fields.diagnostic, report_original.ids, report_wording.announces, report_wording.is_delay,
        report_wording.is_failure, report_wording.is_passing, words.decode,
    ),
    _parsed: (describe.describe, describe.message, wire.dumps),
    _senders: (fields.repeated,),
    _FIELDS: (headers.read_block, headers.field_groups, tree.header_end),
    _HTML: (
        html.sanitise, html.escaped, html.capped, html_text.to_text, html_weight.too_heavy, reply_html.read,
        reply_html.too_deep, report_notice.plain,
    ),
    _OCTETS: (names.sniff, rtf.decompress, tnef.read),
    _draft: (preview.page,),
    _wired: (wire.loads,),
}  # fmt: skip
_OF_A_REPORT: tuple[Callable[[Part], object], ...] = (
    body.read_body, report.read_report, report_original.returned, report_evidence.subject_of,
    report_evidence.robot_sender, report_evidence.staffed_sender, report_evidence.robot_subject,
    report_evidence.answer_or_forward, report_evidence.null_path, report_evidence.carries_mail,
    report_evidence.automatic, report_evidence.is_notice,
)  # fmt: skip


def _name(read: Callable[..., object]) -> str:
    return f"{read.__module__.removeprefix('gateway.mail.')}.{read.__name__}"


# Functions that need more than that.
_TABLE: dict[str, tuple[Callable[[Any], object], Make]] = {
    **{_name(read): (read, make) for make, reads in _AS_IT_IS.items() for read in reads},
    **{_name(read): (_of_tree(read), _report) for read in _OF_A_REPORT},
    "gateway.mail.content": (lambda raw: gateway.mail.content(raw, "1"), _OCTETS),
    "address.header_safe": (lambda text: address.header_safe(text, len(text)), _TEXT),
    "address.matches": (lambda text: address.matches(text, text), _WORDS),
    "address.warm_up": (lambda _: address.warm_up(), _TEXT),
    "attachments.read_attachments": (_of_tree(_files), _report),
    "attachments.content_of": (
        lambda raw: attachments.content_of(raw, "1"),
        lambda size: mail("Content-Transfer-Encoding: base64", body=b64(_OCTETS(size))),
    ),
    "body.plain_text": (
        _of_tree(lambda leaf: body.plain_text(leaf, body.Body())), _leaf("text/plain; format=flowed", _OCTETS),
    ),
    "body.html_source": (_of_tree(lambda leaf: body.html_source(leaf, body.Body())), _leaf("text/html", _html_octets)),
    "calendar.method": (_of_tree(calendar.method), _leaf("text/calendar", _OCTETS)),
    "charset.decode_body": (lambda octets: charset.decode_body(octets, "utf-8"), _OCTETS),
    "charset.decode_raw": (charset.decode_raw, repeat("caf\u00e9 ".encode("cp1252"))),
    "charset.decode_word": (lambda octets: charset.decode_word(octets, "utf-8"), _OCTETS),
    "charset.decode_words": (lambda octets: charset.decode_words(octets, "gb2312"), repeat(b"\xb0\xa1\xff")),
    "compose.compose": (lambda draft: compose.compose(draft, _WHEN), _draft),
    "describe.bounce": (describe.bounce, lambda size: parse(mail("From: <>", body=_NOTICE(size)))),
    "digest.digest": (_of_tree(_digest), _report),
    "encodings.decode": (lambda octets: encodings.decode(octets, "base64"), lambda size: b64(_OCTETS(size))),
    "encodings.uu_lines": (encodings.uu_lines, lambda size: [b"#AAAA"] * (size // 6)),
    "folded.all_short": (folded.all_short, _WORDS),
    "folded.folded": (lambda text: folded.folded([text]), _TEXT),
    "folded.indexed": (lambda text: folded.indexed([text]), _TEXT),
    "folding.fold": (lambda found: folding.fold("Subject", found), lambda size: _WORDS(size).split()),
    "folding.mailboxes": (folding.mailboxes, lambda size: [_BOX] * (size // 30)),
    "folding.show_address": (_may_refuse(folding.show_address), _WORDS),
    "folding.message_ids": (folding.message_ids, lambda size: [f"{at}@example.org" for at in range(size // 16)]),
    "folding.token": (_may_refuse(folding.token), _WORDS),
    "folding.parameter": (lambda text: folding.parameter("filename", text), _WORDS),
    "headers.to_crlf": (to_crlf, repeat(b"a\nb\r\n")),
    "inside.extract": (inside.extract, repeat(b"begin 644 a\r\n#AAAA\r\nend\r\n")),
    "letters.acknowledgement": (
        lambda found: letters.acknowledgement(_HEAD, _BOX, found, TicketId(7), OutgoingId(9), KEYS), _parsed,
    ),
    "letters.reply": (
        lambda text: letters.reply(
            _HEAD, (_BOX,), text, text, history=[letters.Quoted("Ann", _WHEN, text)], **_NUMBERS
        ),
        _TEXT,
    ),
    "letters.notice": (lambda text: letters.notice(_HEAD, Mailbox(text, _BOX.address), "pending", **_NUMBERS), _TEXT),
    "letters.alert": (
        lambda text: letters.alert(_HEAD, _BOX, "new", subject=text, author=text, text=text, **_NUMBERS), _TEXT,
    ),
    "letters.digest": (lambda found: letters.digest(_HEAD, found, OutgoingId(9), KEYS), _missed),
    "letters.clean_subject": (lambda text: letters.clean_subject(text, TicketId(7)), _WORDS),
    "names.safe_name": (lambda text: names.safe_name(text, "", 1), _WORDS),
    "names.is_dangerous": (lambda text: names.is_dangerous(text, ""), _WORDS),
    "parse.parse": (parse, lambda size: mail("Content-Type: text/html", body=_html_octets(size))),
    "pictures.placed": (lambda text: pictures.placed(text, [_PICTURE], "1@example.org"), _NAMING),
    "pictures.is_picture": (lambda octets: pictures.is_picture(replace(_PICTURE, content=octets)), _OCTETS),
    "pictures.shown": (lambda text: pictures.shown(text, [replace(_PICTURE, content_id="picture1.a@b")]), _NAMING),
    "preview.preview": (lambda found: preview.preview("alert", _HEAD, found, _BOX), _parsed),
    "preview.in_language": (lambda _: preview.in_language(_HEAD, "fr"), _TEXT),
    "quoting.by_participants": (
        lambda lines: quoting.by_participants([letters.Quoted(line, _WHEN, "") for line in lines], lines), _texts,
    ),
    "reply.author_text": (lambda text: reply.author_text(text, reply_html.HtmlParts(text, text), text), _TEXT),
    "reply_elements.look": (
        lambda text: reply_elements.look("div", {"class": text, "id": text, "name": text}, {}), _WORDS,
    ),
    "reply_marks.find_mark": (
        _of_lines(lambda lines: [reply_marks.find_mark(lines, at) for at in range(len(lines))]), _TEXT,
    ),
    "reply_marks.is_forward": (lambda text: reply_marks.is_forward(Line(text)), _WORDS),
    "reply_scan.sort_lines": (_of_lines(reply_scan.sort_lines), _TEXT),
    "reply_signature.ornament": (lambda text: reply_signature.ornament(Line(text)), repeat_text("-=")),
    "reply_signature.titled_rule": (lambda text: reply_signature.titled_rule(Line(text)), repeat_text("---- x ")),
    "reply_signature.device": (lambda text: reply_signature.device(Line(text)), repeat_text("sent from my ")),
    "reply_signature.footer": (_of_lines(reply_signature.footer), _TEXT),
    "reply_signature.split": (_of_lines(lambda lines: reply_signature.split(lines, after_quote=True)), _TEXT),
    "report.read_delivery": (_of_parts(report.read_delivery), _report),
    "report.read_wording": (_of_parts(report.read_wording), _report),
    "report_fields.groups": (_of_tree(report_fields.groups), _leaf("message/delivery-status", _FIELDS)),
    "report_fields.flat": (_of_tree(report_fields.flat), _leaf("message/delivery-status", _FIELDS)),
    "report_fields.action": (lambda text: report_fields.action(text, text), _TEXT),
    "report_fields.is_permanent": (lambda text: report_fields.is_permanent(Action.FAILED, text, text), _TEXT),
    "report_fields.recipients": (
        lambda groups: report_fields.recipients([groups]), lambda size: headers.field_groups(_FIELDS(size)),
    ),
    "report_notice.split_notice": (report_notice.split_notice, lambda size: _NOTICE(size).decode()),
    "report_notice.read_notice": (lambda lines: report_notice.read_notice(lines, ()), _texts),
    "report_notice.below_header": (report_notice.below_header, lambda size: _FIELDS(size).decode()),
    "report_notice.unnamed": (lambda lines: report_notice.unnamed(lines, ["a@example.org"]), _texts),
    "report_original.message_ids": (lambda text: report_original.message_ids((), (text,)), _TEXT),
    "report_receipt.read_receipt": (_of_parts(report_receipt.read_receipt), _report),
    "report_receipt.read_feedback": (_of_parts(report_receipt.read_feedback), _report),
    "report_receipt.read_calendar": (_of_parts(report_receipt.read_calendar), _report),
    "report_second.second_opinion": (_of_tree(report_second.second_opinion), _leaf("text/plain", _NOTICE)),
    "report_wording.is_separator": (report_wording.is_separator, repeat_text("---- ")),
    "report_wording.rank": (lambda text: report_wording.rank(text, 9, 20, text, adjacent=True), _TEXT),
    "rtf.read": (rtf.read, repeat(b"{\\par \\'e4 \\u8364?x}")),
    "security.read_security": (_of_tree(lambda root: security.read_security(root, "")), _report),
    "token.tagged": (_may_refuse(lambda text: token.tagged(f"{text}@example.org", "x")), _WORDS),
    "token.reply_address": (_may_refuse(lambda text: token.reply_address(KEYS, text, 7)), _WORDS),
    "token.bounce_address": (_may_refuse(lambda text: token.bounce_address(KEYS, text, 7)), _WORDS),
    "token.message_id": (lambda text: token.message_id(KEYS, text, 7, 9), _WORDS),
    "token.loop_token": (lambda _: token.loop_token(KEYS, 7, 9), _WORDS),
    "token.body_marker": (lambda _: token.body_marker(KEYS, 7), _WORDS),
    "token.mask": (token.mask, repeat_text("ref:" + "a" * 39 + " " + "b" * 41)),
    "token.read_tokens": (
        lambda found: token.read_tokens(found, _ENVELOPE, KEYS),
        lambda size: parse(mail(body=repeat(b"ref:" + b"a" * 40 + b"\r\n")(size))),
    ),
    "tree.split": (tree.split, repeat(b"--x\r\n\r\na\r\n", mail("Content-Type: multipart/mixed; boundary=x"))),
}  # fmt: skip
PUBLIC = [Subject(name, *job) for name, job in _TABLE.items()]


def public_functions() -> set[str]:
    """Return the names of all public functions of the package, by module."""
    found = {f"gateway.mail.{gateway.mail.content.__name__}"}
    for item in pkgutil.iter_modules(gateway.mail.__path__):
        module = importlib.import_module(f"gateway.mail.{item.name}")
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
            if own and (inspect.isfunction(value) or hasattr(value, "cache_info")):
                found.add(f"{item.name}.{name}")
    return found
