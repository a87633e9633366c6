"""`python -m tests.fuzz.doubling`: twice the input may take at most 2.5 times as long, for every reader of mail.

Each subject is a function and something to repeat. Sizes double from 16 KiB up to `--limit` (10 MB) or until one call
takes a second; the first sizes, where a call takes less than 2 ms, say nothing and are passed over.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.mail import (
    address,
    charset,
    content,
    dates,
    fields,
    flowed,
    headers,
    html,
    html_text,
    html_weight,
    inside,
    names,
    parameters,
    parse,
    reply,
    reply_html,
    report,
    rtf,
    tnef,
    to_crlf,
    tree,
    wire,
    words,
)
from tests.fuzz.seeds import mail, tnef_attribute

RATIO = 2.5
_ENOUGH = 0.002  # seconds below which noise says more than the call
_LONG = 1.0


@dataclass(frozen=True)
class Subject:
    name: str
    run: Callable[[Any], object]
    make: Callable[[int], Any]  # an input of about so many octets


def repeat(piece: bytes, before: bytes = b"", after: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: before + piece * max(1, size // len(piece)) + after


def repeat_text(piece: str, before: str = "", after: str = "") -> Callable[[int], str]:
    return lambda size: before + piece * max(1, size // len(piece)) + after


def numbered(template: str, before: str = "", after: str = "") -> Callable[[int], str]:
    return lambda size: before + "".join(template % n for n in range(max(1, size // (len(template) + 3)))) + after


def _plain(kind: str = "text/plain; charset=utf-8") -> bytes:
    return mail(f"Content-Type: {kind}")


def _mixed(boundary: str = "x") -> bytes:
    return mail(f"Content-Type: multipart/mixed; boundary={boundary}")


def _of(before: bytes, make: Callable[[int], str]) -> Callable[[int], bytes]:
    return lambda size: before + make(size).encode()


OPEN_FORMATTING = b"".join(b"<b a=%d>" % n for n in range(300))

PARSED: list[tuple[str, Callable[[int], bytes]]] = [
    ("plain text", repeat(b"Hello, the printer is broken again, could you look at it?\r\n", _plain())),
    ("one line", repeat(b"Hello ", _plain())),
    ("empty lines", repeat(b"\r\n", _plain())),
    ("quoted lines", repeat(b"> a\r\n", _plain())),
    ("deep quotes", repeat(b">", _plain())),
    ("attributions", repeat(b"On Mon, Jan 1, 2024 at 10:00 AM Jane <j@example.org> wrote:\r\n", _plain())),
    ("headers in the body", repeat(b"From: a@example.org\r\nSent: today\r\nSubject: x\r\n\r\n", _plain())),
    ("signatures", repeat(b"-- \r\nJane\r\n", _plain())),
    ("flowed", repeat(b"soft line \r\n", _plain("text/plain; format=flowed"))),
    ("8-bit that is nothing", repeat(b"\x81\x8d\xe9 \xff", _plain())),
    ("japanese", repeat("プリンター\r\n".encode("iso2022_jp"), _plain("text/plain; charset=iso-2022-jp"))),
    ("quoted-printable", repeat(b"=C3=A4=\r\n", mail("Content-Transfer-Encoding: quoted-printable"))),
    ("quoted-printable blanks", repeat(b" ", mail("Content-Transfer-Encoding: quoted-printable") + b"a \r\n", b"a")),
    ("base64", repeat(b"SGVsbG8sIHdvcmxkLiBI" * 3 + b"\r\n", mail("Content-Transfer-Encoding: base64"))),
    (
        "uuencode",
        repeat(b"M" + b":&5L;&\\@=V]R;&0*" * 3 + b":&5L;&\\@=V]R\r\n", _plain() + b"begin 644 a\r\n", b"end\r\n"),
    ),
    ("begins", repeat(b"begin 644 a\r\n", _plain())),
    ("parts", repeat(b"--x\r\nContent-Type: text/plain\r\n\r\nHello\r\n", _mixed())),
    ("parts without an empty line", repeat(b"--x\r\nA: b\r\n", _mixed())),
    (
        "nested parts",
        _of(_mixed("b0") + b"--b0\r\n", numbered("Content-Type: multipart/mixed; boundary=c%d\r\n\r\n--c0\r\n")),
    ),
    ("lines of dashes", repeat(b"--y\r\n", _mixed())),
    ("attachments", repeat(b"--x\r\nContent-Disposition: attachment; filename=a.bin\r\n\r\nHello\r\n", _mixed())),
    (
        "reports",
        repeat(
            b"Final-Recipient: rfc822;a@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n",
            mail("Content-Type: message/delivery-status"),
        ),
    ),
    (
        "bounce words",
        repeat(
            b"<a@example.org>: host mx.example.org said: 550 5.1.1 no such user\r\n",
            mail("From: MAILER-DAEMON@example.org", "Subject: Undelivered"),
        ),
    ),
    ("mails in mails", repeat(b"Content-Type: message/rfc822\r\n\r\n", mail("Content-Type: message/rfc822"))),
    ("header fields", repeat(b"X-A: b\r\n", b"", b"\r\nHello")),
    ("one long field", repeat(b" word", b"Subject:", b"\r\n\r\nHello")),
    ("folded field", repeat(b"\r\n word", b"Subject:", b"\r\n\r\nHello")),
    ("references", repeat(b" <a@example.org>", b"References:", b"\r\n\r\nHello")),
    ("stray lines", repeat(b"no colon\r\n", b"", b"\r\nHello")),
    ("bare line feeds", repeat(b"Subject: x\n")),
    ("html paragraphs", repeat(b"<p>Hello <b>you</b></p>", _plain("text/html"))),
    ("html tags", repeat(b"<b>", _plain("text/html"))),
    ("html angle brackets", repeat(b"<", _plain("text/html"))),
    ("html entities", repeat(b"&lt;", _plain("text/html"))),
    ("html tables", repeat(b"<table><tr><td>a<td>b</table>", _plain("text/html"))),
    ("html quotes", repeat(b"<blockquote>a", _plain("text/html"))),
    ("html lists", repeat(b"<ul><li>a", _plain("text/html"))),
    ("html links", repeat(b"<a href='http://example.org/x'>here</a>", _plain("text/html"))),
    ("html images", repeat(b"<img src=http://example.org/x.gif>", _plain("text/html"))),
    ("html attributes", _of(_plain("text/html") + b"<p ", numbered("a%d=1 "))),
    ("html open formatting", repeat(b"<p>x</p>", _plain("text/html") + OPEN_FORMATTING)),
    ("html comments", repeat(b"<!-- x", _plain("text/html"))),
]

TEXTS: list[Subject] = [
    Subject("parse_mailboxes commas", address.parse_mailboxes, repeat_text("a@example.org, ")),
    Subject("parse_mailboxes parentheses", address.parse_mailboxes, repeat_text("(")),
    Subject("parse_mailboxes quotes", address.parse_mailboxes, repeat_text('"\\')),
    Subject("normal", address.normal, repeat_text("ä.", "a@")),
    Subject("canonical", address.canonical, repeat_text("-123", "a", "@example.org")),
    Subject("organisation", address.organisation, repeat_text("a.", "x@", "org")),
    Subject(
        "matches", lambda text: address.matches("*a*b*c*d@example.org", text), repeat_text("abc", "", "@example.org")
    ),
    Subject(
        "matches, many stars",
        lambda text: address.matches(text, "aaaaaaaaaaaab@example.org"),
        repeat_text("*a", "", "@example.org"),
    ),
    Subject("is_valid", address.is_valid, repeat_text("a.", "a@")),
    Subject("header_safe", lambda text: address.header_safe(text, len(text)), repeat_text("a \r\n\u202e")),
    Subject("words", words.decode, repeat_text("=?utf-8?q?=C3?= ")),
    Subject("words without an end", words.decode, repeat_text("=?a?q?")),
    Subject("words in base64", words.decode, repeat_text("=?iso-2022-jp?b?GyRCJSQ=?= ")),
    Subject("parameters", parameters.parse, repeat_text("; a=b")),
    Subject("parameters, quotes", parameters.parse, repeat_text(';a="')),
    Subject("parameters, sections", parameters.parse, numbered(";a*%d*=%%41")),
    Subject("dates", dates.parse_date, repeat_text("Mon, ")),
    Subject("flowed", flowed.unflow, repeat_text("> soft \n")),
    Subject("sanitise", html.sanitise, repeat_text("<p>Hello <i>you</i></p>")),
    Subject("sanitise styles", html.sanitise, repeat_text("color:red;", "<p style='", "'>x")),
    Subject("weight", html_weight.too_heavy, repeat_text("<p a='x' b=\"y\">")),
    Subject("weight, no ends", html_weight.too_heavy, repeat_text("<!--<a '")),
    Subject("to_text", html_text.to_text, repeat_text("<p>Hello <i>you</i></p>")),
    Subject("to_text quotes", html_text.to_text, repeat_text("<blockquote>a")),
    Subject("to_text cells", html_text.to_text, repeat_text("<table><tr><td>a")),
    Subject("to_text links", html_text.to_text, repeat_text('<a href="http://x">a')),
    Subject("safe_name", lambda text: names.safe_name(text, "", 1), repeat_text("a/\\.")),
    Subject("reply.cut", reply.cut, repeat_text("On Monday, Jane wrote:\n> x\n\n")),
    Subject("reply.cut empty lines", reply.cut, repeat_text("\n")),
    Subject("reply_html.read", reply_html.read, repeat_text("<div>x</div><blockquote type=cite>y</blockquote>")),
]


def _decode(name: str, octets: bytes) -> object:
    return charset.decode_body(octets, name)


def _properties(size: int) -> bytes:
    values = b"\xff\xff\xff\x7f" + b"\x03\0\1\0\1\0\0\0" * (size // 8)
    return b"\x78\x9f\x3e\x22\0\0" + tnef_attribute(1, 0x00069003, values)


_LZFU = b"\0\0\0\0\xff\xff\xff\x7fLZFu\0\0\0\0"

OCTETS: list[Subject] = [
    Subject("to_crlf", to_crlf, repeat(b"a\n\r")),
    Subject("content", lambda raw: content(raw, "1"), repeat(b"Hello\r\n", _plain())),
    Subject("split", tree.split, repeat(b"--x\r\n", _mixed())),
    Subject("read_block", headers.read_block, repeat(b"A: b\r\n c\r\n")),
    Subject("field_groups", headers.field_groups, repeat(b"A: b\r\n\r\n")),
    Subject("extract yEnc", inside.extract, repeat(b"=ybegin line=1 size=1 name=a\r\nx\r\n")),
    Subject("extract uu", inside.extract, repeat(b"begin 644 a\r\n#AAAA\r\nend\r\n")),
    Subject("tnef attributes", tnef.read, repeat(tnef_attribute(2, 0x00069002, b""), b"\x78\x9f\x3e\x22\0\0")),
    Subject("tnef properties", tnef.read, _properties),
    Subject("rtf.decompress", rtf.decompress, repeat(b"\x00ABCDEFGH", _LZFU)),
    Subject("rtf.decompress references", rtf.decompress, repeat(b"\xff" + b"\x00\x0f" * 8, _LZFU)),
    Subject("rtf.read", rtf.read, repeat(b"{\\par \\'e4 \\u8364?x}", b"{\\rtf1 ")),
    Subject("rtf.read braces", rtf.read, repeat(b"{")),
    Subject("sniff", names.sniff, repeat(b" ")),
    Subject(
        "report",
        lambda raw: report.read_report(tree.split(raw)),
        repeat(b"<a@example.org>: no such user\r\n", mail("From: <>")),
    ),
    Subject("wire", lambda raw: wire.loads(wire.dumps(parse(raw))), repeat(b"Hello \xc3\xa4\r\n", _plain())),
    *(
        Subject(f"charset {name}", partial(_decode, name), repeat(piece))
        for name in (
            "utf-8",
            "utf-7",
            "utf-16",
            "hz",
            "iso-2022-jp",
            "iso-2022-kr",
            "big5",
            "shift_jis",
            "gb2312",
            "euc-kr",
            "x-none",
        )
        for piece in (b"\x1b$B!!\x1b(B a", b"+AGE-~{!!~}", b"\x81\x30\x81\x30\xa4\xff")
    ),
]

SUBJECTS: list[Subject] = [*(Subject(f"parse {name}", parse, make) for name, make in PARSED), *TEXTS, *OCTETS]


# --- the sweep: every reader of text, fed with runs of every sign that means something to any of them ---------------

_SIGNS = " \t\r\n<>()[]{}'\"=?/;,:\\.@-_&%*#!|~^`+aA0\0\u00e4\u3042"
_PAIRS = (
    "\r\n", "\n ", "a ", " a", "a\n", "> ", "--", "=?", "?=", "=\n", '\\"', "<a", "a>", "<a ", "</", "&a", "&#", "&lt;",
    "a@", "@a", "a,", ";a", "a=", "=a", "''", "*0", "%4", "<!--", "<p>", "a: ", ":\n", "wrote:\n", "-- \n", "__", "{\\",
    "\x1b$", "~{", "+A", "From: ", "begin 644 a\n",
)  # fmt: skip
_UNITS = (*_SIGNS, *_PAIRS)
_FRAMES = (("", ""), ("a", "b"), ('a="', '" b'), ("<", ">"), ("On ", " wrote:\n> x"))
_NAMES = "Subject From To Date Message-ID References Content-Type Content-Disposition Content-ID X"
_HEADS = tuple(f"{name}: " for name in _NAMES.split())
_SWEEP_SIZE = 100_000
_SWEPT_SLOW = 0.1  # seconds for twice _SWEEP_SIZE; what is faster may grow as it likes


def _mail_of(field: str) -> Callable[[str], object]:
    return lambda text: parse(field.encode() + text.encode("utf-8", "surrogatepass") + b"\r\n\r\nHello\r\n")


def _body_of(*fields: str) -> Callable[[str], object]:
    head = mail(*fields)
    return lambda text: parse(head + text.encode("utf-8", "surrogatepass"))


def _octets_of(read: Callable[[bytes], object]) -> Callable[[str], object]:
    return lambda text: read(text.encode("utf-8", "surrogatepass"))


def readers() -> dict[str, Callable[[str], object]]:
    """Return every reader that takes text, or octets that may be text."""
    texts = [
        address.parse_mailboxes, address.normal, address.canonical, address.is_valid, address.display, words.decode,
        parameters.parse, parameters.token, dates.parse_date, fields.subject, fields.message_id, fields.message_ids,
        fields.from_mailboxes, flowed.unflow, html.sanitise, html.capped, html_weight.too_heavy, html_text.to_text,
        reply.cut, reply_html.read,
    ]  # fmt: skip
    octets: list[Callable[[bytes], object]] = [
        headers.read_block, headers.field_groups, inside.extract, names.sniff, rtf.read, rtf.decompress, tnef.read,
        to_crlf, tree.split,
    ]  # fmt: skip
    found: dict[str, Callable[[str], object]] = {f"{read.__module__}.{read.__name__}": read for read in texts}
    found |= {f"octets {number}": _octets_of(read) for number, read in enumerate(octets)}
    found |= {f"field {head.strip(': ')}": _mail_of(head) for head in _HEADS}
    found["names.safe_name"] = lambda text: names.safe_name(text, "", 1)
    found["header_safe"] = lambda text: address.header_safe(text, len(text))
    for encoding in ("7bit", "quoted-printable", "base64", "x-uuencode"):
        found[f"body {encoding}"] = _body_of(f"Content-Transfer-Encoding: {encoding}")
    found["body html"] = _body_of("Content-Type: text/html")
    found["body flowed"] = _body_of("Content-Type: text/plain; format=flowed")
    found["body parts"] = _body_of("Content-Type: multipart/mixed; boundary=a")
    found["body calendar"] = _body_of("Content-Type: text/calendar")
    found["body report"] = _body_of("Content-Type: message/delivery-status", "From: MAILER-DAEMON@example.org")
    return found


def sweep(wanted: str = "", size: int = _SWEEP_SIZE) -> list[str]:
    """Feed every reader with every run; return those that are slow and grow too fast, in words."""
    slow = []
    gc.disable()  # its pauses grow with what lives, not with what is read
    for name, read in readers().items():
        gc.collect()
        if wanted not in name:
            continue
        for unit in _UNITS:
            for before, after in _FRAMES:
                subject = Subject(f"{name} of {before!r} {unit!r} {after!r}", read, repeat_text(unit, before, after))
                spent = measure(subject, subject.make(2 * size), 1)
                if spent > _SWEPT_SLOW:
                    ratio = measure(subject, subject.make(2 * size), 2) / measure(subject, subject.make(size), 2)
                    if ratio > RATIO:
                        slow.append(f"{subject.name}: {spent:.2f} s, ratio {ratio:.2f}")
    gc.enable()
    return slow


def measure(subject: Subject, value: object, repetitions: int) -> float:
    """Return the least processor time of a call."""
    best = float("inf")
    for _ in range(repetitions):
        begun = time.process_time()
        subject.run(value)
        best = min(best, time.process_time() - begun)
        if best > _LONG:
            break
    return best


def worst_ratio(subject: Subject, limit: int) -> tuple[float, int, float]:
    """Return the worst ratio of two sizes, the larger of them, and the time that it took."""
    worst, where, took = 0.0, 0, 0.0
    size = 16 << 10
    before = measure(subject, subject.make(size), 3)
    while 2 * size <= limit:
        size *= 2
        value = subject.make(size)
        spent = measure(subject, value, 3)
        if before >= _ENOUGH:
            ratio = spent / before
            for _ in range(3):  # a busy machine makes ratios; a quadratic reader makes them again
                if ratio <= RATIO:
                    break
                before = min(before, measure(subject, subject.make(size // 2), 3))
                spent = min(spent, measure(subject, value, 3))
                ratio = spent / before
            if ratio > worst:
                worst, where = ratio, size
        took = max(took, spent)
        if spent > _LONG:
            break
        before = spent
    return worst, where, took


def run(subjects: list[Subject], limit: int, *, loud: bool) -> list[str]:
    """Measure the subjects; return those that grow too fast, in words."""
    slow = []
    gc.disable()
    for subject in subjects:
        worst, where, took = worst_ratio(subject, limit)
        line = f"{subject.name}: worst ratio {worst:.2f} at {where} octets, longest call {took:.3f} s"
        if loud:
            print(line, flush=True)
        if worst > RATIO:
            slow.append(line)
        gc.collect()
    gc.enable()
    return slow


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.doubling", description=__doc__)
    parser.add_argument("--limit", type=int, default=10_000_000)
    parser.add_argument("--only", default="", help="subjects whose name contains this")
    parser.add_argument("--sweep", action="store_true", help="instead: every reader on runs of every sign")
    arguments = parser.parse_args()
    if arguments.sweep:
        found = sweep(arguments.only)
        print("\n".join(found) or "no reader grows too fast on any run")
        return 1 if found else 0
    slow = run([subject for subject in SUBJECTS if arguments.only in subject.name], arguments.limit, loud=True)
    print(f"{len(slow)} of {len(SUBJECTS)} subjects grow faster than {RATIO} times")
    for line in slow:
        print("SLOW", line)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
