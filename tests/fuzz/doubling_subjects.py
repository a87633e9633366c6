"""What `doubling` measures: whole mails of every shape that once was slow, and readers with what hurts each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.mail import (
    address,
    charset,
    content,
    dates,
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
    Subject("sanitise one style", html.sanitise, repeat_text("color:red;", "<p style='", "'>x")),
    Subject("sanitise styles", html.sanitise, repeat_text("<p style='color:red;margin:0'>x")),
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

WHOLE: list[Subject] = [Subject(f"parse {name}", parse, make) for name, make in PARSED]
