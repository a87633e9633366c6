"""Every input that is known to raise, hang or blow up in a common mail reader: here it gives a mail, and quickly."""

import time
from collections.abc import Callable

import pytest

from gateway.mail import content, parse
from gateway.mail.address import parse_mailboxes
from gateway.mail.dates import parse_date
from gateway.mail.parameters import parse as parse_parameters
from gateway.mail.words import decode
from gateway.model import ParsedMail

Check = Callable[[ParsedMail], bool]
SECONDS = 2.0  # of process time, on a slow and busy machine; nothing here takes a quarter of it alone


def head(*lines: str, body: str = "Hello\r\n") -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8", "surrogateescape")


def crowded(mail: ParsedMail) -> bool:
    return "html.too-heavy" in mail.defects


def nested(depth: int, filler: bytes = b"") -> bytes:
    levels = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(depth)
    )
    return b"From: a@example.org\r\n" + levels + b"Content-Type: text/plain\r\n\r\nat the bottom\r\n" + filler


ATTRIBUTES = b" ".join(b"b%d=1" % n for n in range(70_000))

HEADER_ROWS: list[tuple[str, bytes, Check]] = [
    ("message id is one bracket", head("Message-ID: <"), lambda mail: mail.message_id_missing),
    (
        "encoded line end and Bcc in a display name",
        head('From: "=?utf-8?q?x=0D=0ABcc:_v@x?=" <a@example.org>'),
        lambda mail: (
            mail.from_ is not None and mail.from_.name == "x Bcc: v@x" and mail.from_.address == "a@example.org"
        ),
    ),
    ("1,000 open parentheses in To", head("To: " + "(" * 1000), lambda mail: mail.to == ()),
    ("3,000 nested comments in From", head("From: " + "(" * 3000 + ")" * 3000), lambda mail: mail.from_ is None),
    ("20,000 quotation marks in From", head("From: " + '"' * 20_000), lambda mail: mail.from_ is None),
    ("64,000 commas in To", head("To: " + "a," * 64_000), lambda mail: "header.field-too-long" in mail.defects),
    (
        "64,000 addresses in To",
        head("To: " + "a@example.org," * 64_000),
        lambda mail: 0 < len(mail.to) <= 500,
    ),
    (
        "64,000 encoded words in Subject",
        head("Subject: " + "=?utf-8?q?a?= " * 64_000),
        lambda mail: mail.subject.startswith("aaaa") and len(mail.subject) <= 1000,
    ),
    (
        "References of 180 kB keep the newest",
        head("References: " + " ".join(f"<{number}@example.org>" for number in range(10_000))),
        lambda mail: len(mail.references) == 32 and mail.references[0] == "9999@example.org",
    ),
    ("unknown charset", head("Content-Type: text/plain; charset=foo"), lambda mail: mail.text == "Hello\n"),
    (
        "bare CR makes no second header",
        head("Subject: hi\rAuthentication-Results: mx.us; dmarc=pass"),
        lambda mail: (
            mail.hostile
            and not mail.values("authentication-results")
            and mail.subject == "hi Authentication-Results: mx.us; dmarc=pass"
        ),
    ),
    (
        "two CRs end no header block",
        head("Subject: hi\r\rX: y", "From: a@example.org"),
        lambda mail: mail.hostile and mail.from_ is not None and not mail.values("x"),
    ),
    (
        "bare LF and NUL are hostile, too",
        head("Subject: a\nBcc: b@example.org", "X-Nul: a\0b"),
        lambda mail: mail.hostile and not mail.values("bcc") and mail.first("x-nul") == "a b",
    ),
    (
        "a line without a colon is skipped, the block goes on",
        head("Subject: hi", "no colon here", "From: a@example.org"),
        lambda mail: mail.from_ is not None and "header.stray-line" in mail.defects and not mail.hostile,
    ),
    ("space before the colon", head("Subject : hi"), lambda mail: mail.subject == "hi"),
    (
        "address in parentheses that are not open",
        head("From: alice@example.org)bob@victim.org"),
        lambda mail: not mail.from_all,
    ),
    ("16,384 parentheses in Cc", head("Cc: " + "(" * 16384), lambda mail: mail.cc == ()),
    ("half a base64 word", head("Subject: =?utf-8?b?a?= rest"), lambda mail: mail.subject.endswith("rest")),
    (
        "encoded word of an unknown charset",
        head("Subject: =?foo?q?a=FF?="),
        lambda mail: mail.subject == "aÿ",
    ),
    (
        "encoded word that is not what it says",
        head("Subject: =?utf-8?q?=ff?="),
        lambda mail: mail.subject == "=?utf-8?q?=ff?=",
    ),
    (
        "NUL in an RFC 2231 charset",
        head("Content-Type: application/pdf", "Content-Disposition: attachment; filename*=a\0b''%ff"),
        lambda mail: len(mail.attachments) == 1,
    ),
    (
        "raw 8-bit header",
        b"Subject: Gr\xfc\xdfe\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nHello\r\n",
        lambda mail: mail.subject == "Grüße",
    ),
    (
        "raw UTF-8 header",
        "Subject: Grüße\r\n\r\nHello\r\n".encode(),
        lambda mail: mail.subject == "Grüße",
    ),
    (
        "other characters that Python takes for line ends stay in their field",
        head("Subject: a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h", "From: a@example.org"),
        lambda mail: mail.subject == "a b c d e f g h" and mail.from_ is not None,
    ),
    (
        "4,000 sections of RFC 2231",
        head("Content-Type: text/plain; " + "; ".join(f"name*{n}=x" for n in range(4000))),
        bool,
    ),
    ("42,000 header lines", head(*["A: b"] * 42_000), lambda mail: "header.too-many-fields" in mail.defects),
    (
        "a header block of 1 MB",
        head(*[f"X-{n}: " + "y" * 1000 for n in range(1000)]),
        lambda mail: "Hello" in mail.text,
    ),
    ("From of 16 kB of less-than signs", head("From: " + "<" * 16_000), lambda mail: mail.from_ is None),
    ("an address of 300 characters", head("From: " + "a" * 290 + "@example.org"), lambda mail: mail.from_ is None),
]

BODY_ROWS: list[tuple[str, bytes, Check]] = [
    ("1,000 nested multiparts", nested(1000), lambda mail: "parts.too-deep" in mail.defects),
    ("60 nested multiparts", nested(60), lambda mail: mail.text.strip() == "at the bottom"),
    ("64 nested multiparts and 1 MB of dashes", nested(64, b"--x\r\n" * 200_000), lambda mail: mail.size > 1_000_000),
    (
        "64 boundaries that begin alike",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n" % (b"x" * (n + 1), b"x" * (n + 1))
            for n in range(63)
        )
        + b"\r\n"
        + (b"--" + b"x" * 70 + b"\r\n") * 14_000,
        lambda mail: mail.size > 1_000_000,
    ),
    (
        "100,000 empty parts",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 100_000,
        lambda mail: "parts.too-many" in mail.defects,
    ),
    (
        "100,000 parts without an empty line",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\nA: b\r\n" * 100_000,
        lambda mail: "parts.too-many" in mail.defects,
    ),
    (
        "punycode is no charset of ours",
        b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" * 500_000,
        lambda mail: mail.text.startswith("a-a-"),
    ),
    (
        "unicode_escape neither",
        b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n\\x3cscript",
        lambda mail: mail.text == "\\x3cscript",
    ),
    *(
        (
            f"charset {name} cannot be",
            f"Content-Type: text/plain; charset={name}\r\n\r\nHello".encode(),
            lambda mail: mail.text == "Hello",
        )
        for name in ("hex", "zlib", "mbcs", "undefined", "a\0b", "idna", "rot13", "base64", "bz2", "raw_unicode_escape")
    ),
    (
        "UTF-7 comes out of the sanitiser as text",
        b"Content-Type: text/html; charset=utf-7\r\n\r\n+ADw-script+AD4-alert(1)+ADw-/script+AD4-<p>x</p>",
        lambda mail: mail.html is not None and "script" not in mail.html,
    ),
    (
        "60,000 nested elements",
        b"Content-Type: text/html\r\n\r\n" + b"<div>" * 60_000 + b"deep",
        lambda mail: "deep" in mail.text,
    ),
    (
        "60,000 nested elements behind closing tags of others",
        b"Content-Type: text/html\r\n\r\n" + b"<div></p>" * 60_000 + b"deep",
        lambda mail: "deep" in mail.text,
    ),
    (
        "formatting that every paragraph opens again",
        b"Content-Type: text/html\r\n\r\n<p>"
        + b"".join(b"<b a=%d>" % n for n in range(300))
        + b"</p>"
        + b"<p>x</p>" * 20_000,
        lambda mail: "html.too-heavy" in mail.defects and len(mail.html or "") < 1_000_000,
    ),
    (
        "100,000 attributes",
        b"Content-Type: text/html\r\n\r\n<p " + b"".join(b"a%d=1 " % n for n in range(100_000)) + b">x",
        lambda mail: "html.too-heavy" in mail.defects,
    ),
    *(
        (f"70,000 attributes {where}", b"Content-Type: text/html\r\n\r\n" + html, crowded)
        for where, html in (
            ("with no blank between", b"<p " + b"".join(b'a%d="1"' % n for n in range(70_000)) + b">x"),
            ("behind a quote in raw text", b'<title><b a="</title><p ' + ATTRIBUTES + b">x"),
            ("in a quote that raw text opens", b'<title><b a="</title><p ' + ATTRIBUTES + b'>x"'),
            ("behind a comment that has ended", b"<!--><p " + ATTRIBUTES + b">x"),
            ("of a closing tag", b"<p>x</p " + ATTRIBUTES + b">"),
            # no attributes at all, but each would be read to the end
            ("or tags that begin in each other's names", b"<br" * 300_000),
        )
    ),
    ("60,000 unclosed formatting tags", b"Content-Type: text/html\r\n\r\n" + b"<b><i><p>" * 60_000, bool),
    ("1 MB of attributes", b"Content-Type: text/html\r\n\r\n<p " + b"a=b " * 250_000 + b">x", bool),
    ("500 kB of ampersands", b"Content-Type: text/html\r\n\r\n" + b"&amp" * 125_000, bool),
    ("600 kB of bare ampersands", b"Content-Type: text/html\r\n\r\n" + b"&" * 600_000, bool),
    (
        "blanks that end no line, in quoted-printable",
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\na \r\n" + b" " * 200_000 + b"b",
        lambda mail: mail.text.startswith("a\n"),
    ),
    ("blanks inside a type", head("Content-Type: text" + " " * 16_000 + "x"), bool),
    ("500 kB of less-than signs", b"Content-Type: text/html\r\n\r\n" + b"<" * 500_000, bool),
    (
        "2 MB of quoted text",
        b"From: a@example.org\r\n\r\n" + b"> a\r\n" * 400_000,
        lambda mail: "text.too-long" in mail.defects,
    ),
    ("8,000 empty lines", b"From: a@example.org\r\n\r\n" + b"\r\n" * 8_000, bool),
    ("On, 8,000 times", b"From: a@example.org\r\n\r\n" + b"On " * 8_000, bool),
    ("base64 without an end", b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8", lambda mail: mail.text == "Hello"),
    (
        "base64 with one character too many",
        b"Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8hA",
        lambda mail: mail.text == "Hello!",
    ),
    ("only a line end", b"\r\n", lambda mail: mail.text == ""),
    ("nothing at all", b"", lambda mail: mail.message_id_missing and mail.size == 0),
    ("one NUL", b"\0", lambda mail: mail.hostile),
    (
        "no CRLF in the whole mail",
        b"From: a@example.org\n\nHello\n",
        lambda mail: mail.hostile and "Hello" in mail.text,
    ),
    ("1 MB of CRLF", b"\r\n" * 500_000, bool),
    (
        "1 MB of equal signs in quoted-printable",
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 1_000_000,
        bool,
    ),
    ("10,000 times begin 644", b"From: a@example.org\r\n\r\n" + b"begin 644 a\r\n" * 10_000, bool),
    ("10,000 times =ybegin", b"From: a@example.org\r\n\r\n" + b"=ybegin line=128 size=1 name=a\r\n" * 10_000, bool),
    (
        "an S/MIME type without content",
        b"Content-Type: application/pkcs7-mime\r\n\r\n",
        lambda mail: mail.security.smime == "encrypted",
    ),
]

ROWS = HEADER_ROWS + BODY_ROWS


@pytest.mark.parametrize(("raw", "check"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_known_traps(raw: bytes, check: Check) -> None:
    begun = time.process_time()
    mail = parse(raw)
    assert time.process_time() - begun < SECONDS
    assert check(mail)
    assert not [defect for defect in mail.defects if defect.startswith("failed.")]
    assert mail.size == len(raw)


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 99 Foo 99999",
        "31 Feb 2024 10:00:00 +0000",
        "",
        "1 Jan 99999999999 10:00:00",
        "1 Jan 2024 25:00:00 +0000",
        "x" * 10_000,
    ],
)
def test_a_date_that_is_none(value: str) -> None:
    assert parse_date(value) is None


def test_a_leap_second_is_the_second_before() -> None:
    found = parse_date("Sat, 31 Dec 2016 23:59:60 +0000")
    assert found is not None
    assert found.second == 59


@pytest.mark.parametrize("offset", ["+99999999999999", "+9999", "-2500"])
def test_an_offset_out_of_this_world(offset: str) -> None:
    assert parse_date(f"Mon, 1 Jan 2024 10:00:00 {offset}") is None


def test_a_step_that_breaks_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break the sanitiser on purpose: subject and sender are still there, and the defect says what happened."""

    def broken(_html: str) -> tuple[str, int]:
        raise RecursionError

    monkeypatch.setattr("gateway.mail.html.sanitise", broken)
    mail = parse(b"From: a@example.org\r\nSubject: still here\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n")
    assert mail.subject == "still here"
    assert mail.from_ is not None
    assert any(defect.startswith("failed.body:RecursionError") for defect in mail.defects)


def test_the_last_net_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_keywords: object) -> None:
        raise MemoryError

    monkeypatch.setattr("gateway.mail.headers.read_block", broken)
    mail = parse(b"From: a@example.org\r\n\r\nHello\r\n")
    assert mail.defects == ("failed.parse:MemoryError",)
    assert mail.message_id
    assert mail.size == 30


def test_content_of_what_is_not_there_is_empty() -> None:
    assert content(b"", "1/tnef#9999999999999999999999") == b""
    assert content(b"From: a@example.org\r\n\r\nHello", "7.7") == b""
    assert content(b"From: a@example.org\r\n\r\nHello", "1") == b"Hello"


@pytest.mark.parametrize(
    "text",
    ["=?" * 50_000, "=?a?q?" * 20_000, "=?utf-8?q?" + "=C3?= =?utf-8?q?" * 20_000, "=?utf-8?b?" + "?" * 100_000],
)
def test_words_are_linear(text: str) -> None:
    begun = time.process_time()
    assert isinstance(decode(text), str)
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize(
    "text", ['"' * 16_000, "<" * 16_000, "a@b," * 4_000, "(" * 16_000, ":;" * 8_000, '"\\' * 8_000]
)
def test_addresses_are_linear(text: str) -> None:
    begun = time.process_time()
    assert len(parse_mailboxes(text)) <= 500
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize(
    "text", ['x;a="' * 20_000, ";" * 100_000, "x; " + "a=b;" * 50_000, "x; " + "a*1*=''" * 20_000, "x;" + " " * 100_000]
)
def test_parameters_are_linear(text: str) -> None:
    begun = time.process_time()
    assert isinstance(parse_parameters(text), tuple)
    assert time.process_time() - begun < SECONDS
