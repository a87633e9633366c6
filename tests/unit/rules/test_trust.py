"""Whose word on senders counts: the topmost field of our own server, above the topmost Received, and nothing else."""

import pytest

from gateway.rules.trust import Result, read_results
from tests.support.judged import judge

PASS = "dmarc=pass header.from=customer.example"
RECEIVED = "Received: from mail.customer.example by mx.example.org (Postfix); Mon, 5 Jan 2026 09:00:00 +0000"


def authenticated(*headers, **changes):
    judged = judge(*headers, acknowledge_unauthenticated=False, **{"forwarders": (), **changes})
    return "sender-unauthenticated" not in {verdict.rule for verdict in judged.verdicts}


@pytest.mark.parametrize(
    "header",
    [
        f"Authentication-Results: mx.example.org; {PASS}",
        f"authentication-results: MX.Example.ORG; {PASS}",
        f"Authentication-Results: (our server) mx.example.org (x) 1; {PASS}",
        f"Authentication-Results: mx.example.org;\r\n spf=fail smtp.mailfrom=a@b.example;\r\n\t{PASS}",
        "Authentication-Results: mx.example.org; dmarc (policy) = pass header.from=customer.example",
        "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=bounce.customer.example",
        "Authentication-Results: mx.example.org; dkim=fail header.d=x.example; dkim=pass header.i=@customer.example",
    ],
)
def test_our_own_servers_word_counts(header):
    assert authenticated(header, RECEIVED)


@pytest.mark.parametrize(
    "headers",
    [
        (RECEIVED, f"Authentication-Results: mx.example.org; {PASS}"),  # below: it may have come with the mail
        (f"Authentication-Results: mx.example.org.evil.example; {PASS}", RECEIVED),
        (f"Authentication-Results: evil.example (mx.example.org); {PASS}", RECEIVED),
        (f'Authentication-Results: "mx.example.org; {PASS}', RECEIVED),
        ("Authentication-Results: mx.example.org; dmarc=fail (dmarc=pass) header.from=customer.example", RECEIVED),
        ('Authentication-Results: mx.example.org; dmarc=fail reason="dmarc=pass"', RECEIVED),
        ('Authentication-Results: mx.example.org; spf=fail reason="; dmarc=pass"', RECEIVED),
        ("Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=bounce.mailer.example", RECEIVED),
        ("Authentication-Results: mx.example.org; dkim=pass header.d=example", RECEIVED),
        ("Authentication-Results: mx.example.org; none", f"Authentication-Results: mx.example.org; {PASS}", RECEIVED),
        (f"Authentication-Results: =?utf-8?q?mx.example.org?=; {PASS}", RECEIVED),
        (f"Authentication-Results: {PASS}", RECEIVED),  # Microsoft's form, without an authserv-id
        (f"X-Note: a\rAuthentication-Results: mx.example.org; {PASS}", RECEIVED),
        (f"Authentication-Results: mx.example.org; {PASS}\rX-Note: b", RECEIVED),
        ("Authentication-Results: mx.example.org;" + " " * 200_000 + PASS, RECEIVED),
        ("Authentication-Results:", RECEIVED),
        (),
    ],
)
def test_nothing_else_counts(headers):
    assert not authenticated(*headers)


def test_a_pass_under_another_servers_field_counts_if_it_is_ours_and_above_received():
    other = "Authentication-Results: spamfilter.example.org; none"

    assert authenticated(other, f"Authentication-Results: mx.example.org; {PASS}", RECEIVED)


def test_a_sealed_chain_counts_from_a_configured_forwarder_only():
    chain = "Authentication-Results: mx.example.org; arc=pass; dmarc=fail header.from=customer.example"

    assert authenticated(chain, RECEIVED, forwarders=("support@example.org",))
    assert not authenticated(chain, RECEIVED)


def test_dmarc_failure_disowns_the_author_unless_a_forwarder_broke_it():
    failed = "Authentication-Results: mx.example.org; dmarc=fail header.from=customer.example"

    assert judge(failed, RECEIVED, forwarders=()).author_disowned
    assert not judge(failed, RECEIVED, forwarders=("support@example.org",)).author_disowned


def test_a_queue_that_answers_everybody_answers_the_unauthenticated():
    assert judge(RECEIVED).why_not == ()


def test_reading_is_total():
    assert read_results("") == ("", ())
    assert read_results('"unclosed; x=y')[1] == ()
    assert read_results('a.example; spf=pass smtp.mailfrom="x y"@z.example') == (
        "a.example",
        (Result("spf", "pass", {"smtp.mailfrom": 'x y"@z.example'}),),
    )
    assert read_results("spf=pass smtp.mailfrom=m.example") == (
        "",
        (Result("spf", "pass", {"smtp.mailfrom": "m.example"}),),
    )
