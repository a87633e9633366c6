from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.units import (
    Off,
    Systemd,
    Tcp,
    Unix,
    address,
    domain_of,
    duration,
    endpoint,
    folded,
    mailbox,
    parse_size,
    pattern,
    rate,
    rates,
    shown,
    split_mailbox,
)


@pytest.mark.parametrize(
    ("text", "octets"),
    [("50MiB", 50 << 20), ("64 kib", 64 << 10), ("1GiB", 1 << 30), ("7", 7), (7, 7), ("2MB", 2_000_000)],
)
def test_sizes(text: object, octets: int) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "MiB", "5 zib", "1.5MiB", "-1", "٣MiB", True, None, 1.5, "9" * 99])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10min", 600), ("24h", 86400), ("7d", 604800), ("30s", 30), ("5m", 300), ("0s", 0)]
)
def test_durations(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["10", "min", "ten min", "-5s", "5 weeks", "P1D", "1h30min"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration(text)


def test_rates() -> None:
    assert rate("30/min") == (30, timedelta(minutes=1))
    assert rate("10000/d") == (10000, timedelta(days=1))
    assert rate("5 / 10min") == (5, timedelta(minutes=10))
    assert rates("30/min, 10000/d") == ((30, timedelta(minutes=1)), (10000, timedelta(days=1)))
    for text in ("30", "/min", "0/min", "30/fortnight"):
        with pytest.raises(ValueError, match="not a rate"):
            rate(text)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("127.0.0.1:8024", Tcp("127.0.0.1", 8024)),
        ("localhost:25", Tcp("localhost", 25)),
        ("[::1]:8024", Tcp("::1", 8024)),
        ("unix:/run/poterne/lmtp.sock", Unix(Path("/run/poterne/lmtp.sock"))),
        ("systemd", Systemd()),
        ("off", Off()),
    ],
)
def test_listeners(text: str, where: object) -> None:
    assert endpoint(text) == where


@pytest.mark.parametrize(
    "text", ["8024", ":8024", "::1:8024", "h:0", "h:65536", "h:٨", "unix:x.sock", "unix:/" + "x" * 200]
)
def test_what_is_no_listener(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a (listener|socket path)"):
        endpoint(text)


@pytest.mark.parametrize(
    "text", ["a@example.org", "a+b@example.org", "é@exämple.org", "a@desk.test", "a@mail.local", "a@localhost"]
)
def test_addresses(text: str) -> None:
    assert address(text) == text


@pytest.mark.parametrize(
    "text", ["", "a", "a@", "@b.org", "a@b@c.org", "a b@c.org", "a@b.org\r\nRSET", "<a@b.org>", "x" * 70 + "@b.org"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an address|too long"):
        address(text)


def test_mailboxes() -> None:
    assert split_mailbox('"Doe, \\"J\\"" <j@example.org>') == ('Doe, "J"', "j@example.org")
    assert split_mailbox("Example Support <s@example.org>") == ("Example Support", "s@example.org")
    assert split_mailbox("s@example.org") == ("", "s@example.org")
    assert mailbox("Désk <s@example.org>") == "Désk <s@example.org>"
    with pytest.raises(ValueError, match="control character"):
        mailbox("De\r\nBcc: x <s@example.org>")


def test_addresses_are_compared_without_case_and_spelling() -> None:
    assert folded("Support@EXÄMPLE.org") == folded("support@xn--exmple-cua.ORG") == "support@xn--exmple-cua.org"
    assert domain_of("X <a@Example.ORG>") == "example.org"


@pytest.mark.parametrize(
    "text", ["noreply@*", "*@lists.example.org", "example.org", "*.example.org", "@example.org", "a@b.org"]
)
def test_patterns(text: str) -> None:
    assert pattern(text) == text


@pytest.mark.parametrize("text", ["*", "*@*", "@", "", "a b", "a@b@c", "x,y"])
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="not a usable pattern"):
        pattern(text)


@given(st.text())
def test_what_is_shown_is_short_and_on_one_line(text: str) -> None:
    assert len(shown(text)) <= 250
    assert shown(text).isprintable()
