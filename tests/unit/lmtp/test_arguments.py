"""MAIL and RCPT: what is read, what is refused, and that nothing can inject."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lmtp.arguments import Sender, read_mail, read_rcpt
from gateway.lmtp.replies import Reply


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<a@example.org>", "a@example.org"),
        ("from:<A.b+c@Example.ORG>", "A.b+c@Example.ORG"),
        ("FROM: <a@example.org>", "a@example.org"),
        ("FROM:<>", ""),
        ("FROM:<>  BODY=8BITMIME", ""),
        ('FROM:<"a b"@example.org>', '"a b"@example.org'),
        (r'FROM:<"a\"b\\>"@example.org>', r'"a\"b\\>"@example.org'),
        ('FROM:<x."y z".w@example.org>', 'x."y z".w@example.org'),
        ("FROM:<ending.@example.org>", "ending.@example.org"),
        ("FROM:<two..dots@example.org>", "two..dots@example.org"),
        ("FROM:<SRS0=ab=cd=example.net=joe@example.org>", "SRS0=ab=cd=example.net=joe@example.org"),
        ("FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        ("FROM:<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
        ("FROM:<MAILER-DAEMON>", "MAILER-DAEMON"),
        ("FROM:<@relay.example.net,@b.example.net:a@example.org>", "a@example.org"),
        ("FROM:<用户@例子.example>", "用户@例子.example"),
        ("FROM:<jürgen@bücher.example> SMTPUTF8", "jürgen@bücher.example"),
        ("FROM:<" + "l" * 200 + "@example.org>", "l" * 200 + "@example.org"),
    ],
)
def test_senders_that_are_read(argument: str, address: str):
    assert read_mail(argument) == Sender(address)


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", Reply.BAD_SYNTAX),
        ("TO:<a@example.org>", Reply.BAD_SYNTAX),
        ("FROM:", Reply.BAD_SENDER),
        ("FROM:a@example.org", Reply.BAD_SENDER),
        ("FROM:<a@example.org", Reply.BAD_SENDER),
        ("FROM:<a@example.org>x", Reply.BAD_SENDER),
        ("FROM:<a@example.org><b@example.org>", Reply.BAD_SENDER),
        ("FROM:<a@b@example.org>", Reply.BAD_SENDER),
        ("FROM:<a b@example.org>", Reply.BAD_SENDER),
        ('FROM:<"a@example.org>', Reply.BAD_SENDER),
        ("FROM:<a@>", Reply.BAD_SENDER),
        ("FROM:<@example.org>", Reply.BAD_SENDER),
        ("FROM:<@example.org:>", Reply.BAD_SENDER),  # a route to nobody is not the null sender
        ("FROM:<a\r@example.org>", Reply.BAD_SENDER),
        ("FROM:<a\t@example.org>", Reply.BAD_SENDER),
        ('FROM:<"a\x00"@example.org>', Reply.BAD_SENDER),
        ("FROM:<a\x85b@example.org>", Reply.BAD_SENDER),
        ("FROM:<a\u2028b@example.org>", Reply.BAD_SENDER),
        ("FROM:<a\u202eb@example.org>", Reply.BAD_SENDER),
        ("FROM:<a\udce9@example.org>", Reply.BAD_SENDER),  # Latin-1 on the wire
        ("FROM:<a@example.org> SIZE=", Reply.BAD_SYNTAX),
        ("FROM:<a@example.org> SIZE=-1", Reply.BAD_SYNTAX),
        ("FROM:<a@example.org> SIZE=1 SIZE=1", Reply.BAD_SYNTAX),
        ("FROM:<a@example.org> SIZE=\u0661", Reply.BAD_SYNTAX),
        ("FROM:<a@example.org> SIZE=" + "1" * 21, Reply.BAD_SYNTAX),
        ("FROM:<a@example.org> BODY=BINARYMIME", Reply.BAD_SYNTAX),
        ("FROM:<a@example.org> SMTPUTF8=yes", Reply.BAD_SYNTAX),
        ("FROM:<a@example.org> =x", Reply.UNKNOWN_PARAMETER),
        ("FROM:<a@example.org> RET=HDRS", Reply.UNKNOWN_PARAMETER),
        ("FROM:<a@example.org> AUTH=<>", Reply.UNKNOWN_PARAMETER),
    ],
)
def test_senders_that_are_refused(argument: str, reply: Reply):
    assert read_mail(argument) is reply


def test_parameters():
    assert read_mail("FROM:<a@example.org> SIZE=12345 BODY=8BITMIME SMTPUTF8") == Sender("a@example.org", 12345)
    assert read_mail("FROM:<a@example.org> size=7 body=7bit") == Sender("a@example.org", 7)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("TO:<Support-In+tag@Tickets.Example.org>", "Support-In+tag@Tickets.Example.org"),
        ("to: <a@example.org> ", "a@example.org"),
        ("TO:<postmaster>", "postmaster"),
        ("TO:<>", Reply.BAD_RECIPIENT),
        ("TO:a@example.org", Reply.BAD_RECIPIENT),
        ("TO:<a@example.org\r\nRSET>", Reply.BAD_RECIPIENT),
        ("FROM:<a@example.org>", Reply.BAD_SYNTAX),
        ("", Reply.BAD_SYNTAX),
        ("TO:<a@example.org> NOTIFY=NEVER", Reply.UNKNOWN_PARAMETER),
    ],
)
def test_recipients(argument: str, expected: str | Reply):
    assert read_rcpt(argument) == expected


@given(st.text(alphabet=st.sampled_from('<>@"\\. \r\n\0\x7f:,[]aé\u2028\udc80'), max_size=30))
def test_no_text_becomes_an_address_that_could_inject(text: str):
    for read in (read_rcpt(f"TO:<{text}>"), read_mail(f"FROM:<{text}>")):
        address = read.address if isinstance(read, Sender) else read
        if isinstance(address, str):
            assert not set(address) & set("\r\n\0\x7f\u2028")
            assert address.encode().decode() == address  # no surrogates
            assert "<" not in address.partition('"')[0]
            assert ">" not in address.partition('"')[0]


@pytest.mark.parametrize("unit", ["a", '"', "a.", '"a"', "\\", "@", "<", "@a,", " SIZE=1"])
def test_hostile_arguments_take_linear_time(unit: str):
    argument = "FROM:<" + unit * 200_000
    started = time.process_time()

    read_mail(argument)
    read_mail("FROM:<a@example.org>" + unit * 200_000)

    assert time.process_time() - started < 1.0
