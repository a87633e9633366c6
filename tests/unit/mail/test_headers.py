"""The header rules: who splits headers as we do cannot be told one thing while we are told another."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import parse, to_crlf
from gateway.mail.address import header_safe
from gateway.mail.dates import parse_date
from gateway.mail.fields import from_mailboxes, message_id, message_ids, references
from gateway.mail.headers import field_groups, read_block
from gateway.mail.parameters import parse as parse_parameters
from gateway.mail.words import decode


def names_and_values(block: bytes) -> list[tuple[str, str]]:
    return [(item.name, item.value) for item in read_block(block).fields]


def test_fields_are_unfolded_and_keep_their_line() -> None:
    block = read_block(b"Subject: one\r\n two\r\n\tthree\r\nX-A:b\r\nTo :c\r\n")
    assert [(item.name, item.value, item.line) for item in block.fields] == [
        ("subject", "one two\tthree", 1),
        ("x-a", "b", 4),
        ("to", "c", 5),
    ]
    assert block.defects == ()
    assert not block.hostile


@pytest.mark.parametrize("octet", [b"\r", b"\n", b"\0", b"\n\r", b"\r\r"])
def test_a_hostile_octet_becomes_a_space_and_is_noted(octet: bytes) -> None:
    block = read_block(b"Subject: a" + octet + b"Bcc: b\r\nX: y\r\n")
    assert [item.name for item in block.fields] == ["subject", "x"]
    assert re.fullmatch(r"a +Bcc: b", block.fields[0].value)
    assert block.hostile
    assert block.defects == ("header.bare-cr-lf-nul",)


def test_the_first_of_repeated_fields_counts() -> None:
    mail = parse(b"Subject: first\r\nSubject: second\r\nFrom: a@example.org\r\nFrom: b@example.org\r\n\r\n")
    assert mail.subject == "first"
    assert [box.address for box in mail.from_all] == ["a@example.org"]
    assert {"header.repeated:subject", "header.repeated:from"} <= set(mail.defects)
    assert mail.values("subject") == ("first", "second")


def test_caps_of_a_block() -> None:
    many = read_block(b"A: b\r\n" * 3000)
    assert len(many.fields) == 2000
    assert many.defects == ("header.too-many-fields",)
    long = read_block(b"A: " + b"word " * 10_000)
    assert len(long.fields[0].value) <= 16 << 10
    assert long.fields[0].value.endswith("word")
    assert long.defects == ("header.field-too-long",)
    huge = read_block(b"A: b\r\n" * 50_000)
    assert "header.block-too-long" in huge.defects


@given(st.binary(max_size=300))
def test_no_block_raises_and_no_value_has_a_line_end(block: bytes) -> None:
    found = read_block(block)
    for item in found.fields:
        assert not re.search("[\r\n\0]", item.value)
        assert item.name == item.name.lower()
        assert re.fullmatch("[!-9;-~]+", item.name)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True), st.from_regex(r"[ -~]{0,40}", fullmatch=True)
        ),
        max_size=8,
    )
)
def test_what_was_written_is_read(fields: list[tuple[str, str]]) -> None:
    block = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    assert names_and_values(block) == [(name.lower(), value.strip()) for name, value in fields]


def test_field_groups_of_reports_take_any_line_ends() -> None:
    for end in ("\r\n", "\n", "\r"):
        text = (
            f"{end}{end}Reporting-MTA: dns;x{end}{end}  {end}Action: failed{end} more{end}Status: 5.1.1{end}{end}{end}"
        )
        groups = field_groups(text.encode())
        assert [[(item.name, item.value) for item in group] for group in groups] == [
            [("reporting-mta", "dns;x")],
            [("action", "failed more"), ("status", "5.1.1")],
        ]


# --- files at the command-line edge -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "wire"),
    [
        (b"A: b\n\nc\n", b"A: b\r\n\r\nc\r\n"),
        (b"A: b\r\rc\r", b"A: b\r\n\r\nc\r\n"),
        (b"A: b\r\n\r\nc\r\n", b"A: b\r\n\r\nc\r\n"),
        (b"A: b\r\n\r\nc\nd\n", b"A: b\r\n\r\nc\r\nd\r\n"),
        (b"From me Mon Jan  1 00:00:00 2024\nA: b\n\nc\n", b"A: b\r\n\r\nc\r\n"),
        (b"A: b\rX: y\n\nc", b"A: b\rX: y\r\n\r\nc"),
        (b"From: me\n\nc", b"From: me\r\n\r\nc"),
        (b"", b""),
    ],
)
def test_files_get_the_line_ends_of_the_wire(file: bytes, wire: bytes) -> None:
    assert to_crlf(file) == wire


def test_the_live_path_converts_nothing() -> None:
    assert parse(b"A: b\n\nHello\n").fields[0].value == "b  Hello"


# --- encoded words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=?utf-8?q?a_b?= =?utf-8?q?_c?=", "a b c"),
        ("=?utf-8?Q?caf=C3=A9?=", "café"),
        ("before =?utf-8?b?w7w=?= after", "before ü after"),
        ("=?utf-8?b?w7?= =?utf-8?b?w=?=", "ü"),  # a character cut in two, and padding lost
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        ("=?utf-8?b?/w==?= =?utf-8?b?/?= x", "=?utf-8?b?/w==?= x"),  # padding in the middle
        ("=?utf-8?q?a b?=", "a b"),  # blanks inside, against the RFC
        ("x=?utf-8?q?=C3=BC?=y", "xüy"),  # glued to other text, against the RFC
        ("=?utf-8?q?a?b?=", "a?b"),
        ("=?iso-8859-1?q?=FCber?=", "über"),
        ("=?iso-8859-1?q?=C3=BCber?=", "über"),  # UTF-8 under a Western name
        ("=?gb2312?b?xOO6ww==?=", "你好"),
        ("=?ISO-2022-JP?B?GyRCJSQbKEI=?=", "イ"),
        ("=?ISO-2022-JP?B?GyRCJSQ=?= =?ISO-2022-JP?B?JS8bKEI=?=", "イク"),  # the state goes on in the next word
        ("=?iso-2022-jp?b?GyRCLSEbKEI=?=", "①"),  # a character that mailers added to JIS X 0208
        ("=?ks_c_5601-1987?b?waY=?=", "제"),
        ("=?windows-1251?q?=CF=F0=E8?=", "При"),
        ("=?utf-8*en?q?hi?=", "hi"),
        ("=?x-unknown?q?gr=FCn?=", "grün"),
        ("=?utf-8?q?=ff?=", "=?utf-8?q?=ff?="),
        ("=?punycode?q?a-b?=", "a-b"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?utf-8?q?unfinished", "=?utf-8?q?unfinished"),
        ("=??q?a?=", "=??q?a?="),
        ("=?utf-8?q??=", ""),
        ("=?utf-8?B?8J+YgA==?=", "😀"),
        ("=?utf-7?q?+AOQ-?=", "ä"),
        ("=?us-ascii?q?caf=E9?=", "café"),
    ],
)
def test_encoded_words(value: str, shown: str) -> None:
    assert decode(value) == shown


@given(st.text(max_size=200))
def test_decoding_never_raises(text: str) -> None:
    assert isinstance(decode(text), str)
    assert isinstance(decode(f"=?utf-8?b?{text}?="), str)


# --- parameters -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "params"),
    [
        ("text/plain", "text/plain", {}),
        ("TEXT/Plain; Charset=UTF-8", "text/plain", {"charset": "UTF-8"}),
        ('multipart/mixed; boundary="a;\\"b"', "multipart/mixed", {"boundary": 'a;"b'}),
        ("text/plain; format=flowed; delsp=yes (really)", "text/plain", {"format": "flowed", "delsp": "yes"}),
        ("text/html charset=utf-8", "text/html", {"charset": "utf-8"}),
        ("charset=utf-8", "", {"charset": "utf-8"}),
        ("text / plain; a=b", "text/plain", {"a": "b"}),
        ("attachment; filename=my file.pdf", "attachment", {"filename": "my file.pdf"}),
        ('attachment; filename="unclosed', "attachment", {"filename": "unclosed"}),
        ("attachment; filename='x.pdf'", "attachment", {"filename": "x.pdf"}),
        ("attachment; filename=a; filename=b", "attachment", {"filename": "a"}),
        ("attachment; filename*=utf-8'de'%C3%BC.pdf", "attachment", {"filename": "ü.pdf"}),
        ("attachment; filename*=%FC.pdf", "attachment", {"filename": "ü.pdf"}),
        ("attachment; filename*0*=utf-8''a%20; filename*1=b; filename*2*=%C3%BC", "attachment", {"filename": "a bü"}),
        ("attachment; filename*1=b; filename*0=a", "attachment", {"filename": "ab"}),
        ("attachment; filename*1=a; filename*2=b", "attachment", {"filename": "ab"}),
        ("attachment; filename*0=a; filename*2=c", "attachment", {"filename": "a"}),
        ("attachment; filename=old; filename*=utf-8''new", "attachment", {"filename": "new"}),
        ('attachment; filename="=?utf-8?q?=C3=BC=2Epdf?="', "attachment", {"filename": "ü.pdf"}),
        ('attachment; filename="=?utf-8?q?=C3=BC?=\t=?utf-8?q?=2Epdf?="', "attachment", {"filename": "ü.pdf"}),
        ("attachment; filename*=a\0b''%ff", "attachment", {"filename": "ÿ"}),
        ("attachment;;; filename = x ;", "attachment", {"filename": "x"}),
        ("", "", {}),
        (";;;", "", {}),
    ],
)
def test_parameters(value: str, kind: str, params: dict[str, str]) -> None:
    assert parse_parameters(value) == (kind, params)


# --- dates ------------------------------------------------------------------------------------------------------

CET = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("Tue, 3 Mar 2026 09:14:05 +0100", datetime(2026, 3, 3, 9, 14, 5, tzinfo=CET)),
        ("3 Mar 2026 09:14 +0100", datetime(2026, 3, 3, 9, 14, tzinfo=CET)),
        ("Tue, 03 Mar 26 09:14:05 GMT", datetime(2026, 3, 3, 9, 14, 5, tzinfo=UTC)),
        ("Tue,  3 Mar 2026 09:14:05 +0100 (CET)", datetime(2026, 3, 3, 9, 14, 5, tzinfo=CET)),
        ("Tue, 3 Mar 2026 09:14:05", datetime(2026, 3, 3, 9, 14, 5, tzinfo=UTC)),
        ("Tue, 3 Mar 2026 09:14:05 EST", datetime(2026, 3, 3, 9, 14, 5, tzinfo=timezone(timedelta(hours=-5)))),
        ("Tue, 3 Mar 2026 09:14:05 GMT+0100", datetime(2026, 3, 3, 9, 14, 5, tzinfo=CET)),
        ("Tue, 3 Mar 2026 09:14:05 -0000", datetime(2026, 3, 3, 9, 14, 5, tzinfo=UTC)),
        ("3-Mar-2026 09:14:05 +0100", datetime(2026, 3, 3, 9, 14, 5, tzinfo=CET)),
        ("Tue Mar  3 09:14:05 2026", datetime(2026, 3, 3, 9, 14, 5, tzinfo=UTC)),
        ("2026-03-03T09:14:05+01:00", datetime(2026, 3, 3, 9, 14, 5, tzinfo=CET)),
        ("2026-03-03 09:14:05Z", datetime(2026, 3, 3, 9, 14, 5, tzinfo=UTC)),
        ("Thu, 13 Feb 1969 23:32:54 -0330", datetime(1969, 2, 13, 23, 32, 54, tzinfo=timezone(-timedelta(hours=3.5)))),
        ("Wednesday, April 03, 2002 5:56 PM", datetime(2002, 4, 3, 17, 56, tzinfo=UTC)),
        ("April 3, 2002 12:05:01 AM -0500", datetime(2002, 4, 3, 0, 5, 1, tzinfo=timezone(timedelta(hours=-5)))),
        ("Mon, 1 Jan 98 00:00:00 +0000", datetime(1998, 1, 1, tzinfo=UTC)),
    ],
)
def test_dates(value: str, moment: datetime) -> None:
    found = parse_date(value)
    assert found == moment
    assert found is not None
    assert found.utcoffset() == moment.utcoffset()


@given(st.text(max_size=80))
def test_a_date_never_raises_and_can_be_moved_to_utc(text: str) -> None:
    found = parse_date(text)
    assert found is None or found.astimezone(UTC).tzinfo is UTC


# --- ids and From -----------------------------------------------------------------------------------------------


def test_message_ids() -> None:
    assert message_id("<a@example.org>") == "a@example.org"
    assert message_id(" comment <a@example.org> <b@example.org>") == "a@example.org"
    assert message_id("a@example.org") == "a@example.org"
    assert message_id("<a\t@example.org>") == "a@example.org"
    assert message_id("<") == ""
    assert message_ids("<a@x> junk <b@x> <a@x>") == ("a@x", "b@x")
    assert message_ids("Your message of Monday") == ()
    assert references(" ".join(f"<{n}@x>" for n in range(40)))[:2] == ("39@x", "38@x")
    assert len(references(" ".join(f"<{n}@x>" for n in range(40)))) == 32


def test_a_missing_message_id_gets_the_same_substitute_again() -> None:
    one = parse(b"Received: from a\r\nFrom: a@example.org\r\n\r\nHello\r\n")
    again = parse(b"Received: from b\r\nReceived: from a\r\nFrom: a@example.org\r\n\r\nHello\r\n")
    other = parse(b"From: a@example.org\r\n\r\nHello you\r\n")
    assert one.message_id_missing
    assert one.message_id == again.message_id
    assert one.message_id != other.message_id


@pytest.mark.parametrize(
    ("value", "addresses", "defect"),
    [
        ("Jane <a@example.org>", ["a@example.org"], ""),
        ("a@example.org, B <b@example.org>", ["a@example.org", "b@example.org"], ""),
        ("", [], "from.missing"),
        ("nobody", [], "from.unparsable"),
        ("<>", [], "from.unparsable"),
        ("alice@example.org)bob@victim.org", [], "from.unparsable"),
        ("alice@example.org <bob@victim.org>", [], "from.ambiguous"),
        ("Jane Doe a@example.org", ["a@example.org"], "from.loose"),
        ("Jane <<a@example.org>>", ["a@example.org"], "from.loose"),
        ("Jane <mailto:a@example.org>", ["a@example.org"], "from.loose"),
        ("Jane <a@example.org.>", ["a@example.org"], "from.loose"),
        ("Jane a@example.org b@example.org", [], "from.unparsable"),
        ("Jane @example.org", [], "from.unparsable"),
        (f"{'a' * 65}@example.org", [], "from.unparsable"),
        ("Jane <a@exam ple.org>", [], "from.unparsable"),
    ],
)
def test_from(value: str, addresses: list[str], defect: str) -> None:
    boxes, found = from_mailboxes(value)
    assert [box.address for box in boxes] == addresses
    assert found == defect


@given(st.text(max_size=100), st.integers(1, 60))
def test_header_safe_is_one_short_line(text: str, limit: int) -> None:
    found = header_safe(text, limit)
    assert len(found) <= limit
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", found)
    assert found == found.strip()
