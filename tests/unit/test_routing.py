"""The envelope routes: case, plus-tags, IDN; and the administrators' table."""

from types import SimpleNamespace

import pytest

from gateway.model import Judgement, Kind, Mailbox, ParsedMail, Priority, Route
from gateway.routing import Assignment, Routes, assign, text_matches

SUPPORT = Route("support", "support-in@tickets.example.org")
INCIDENT = Route("support", "Incident@tickets.example.org", "incident")
WIDGETS = Route("shop", "hilfe@bücher.example")
TAGGED = Route("vip", "support-in+vip@tickets.example.org")
ROUTES = Routes([SUPPORT, INCIDENT, WIDGETS])


@pytest.mark.parametrize(
    ("rcpt_to", "expected"),
    [
        ("support-in@tickets.example.org", SUPPORT),
        ("Support-In@Tickets.Example.ORG", SUPPORT),
        ("incident@tickets.example.org", INCIDENT),
        ("hilfe@xn--bcher-kva.example", WIDGETS),
        ("hilfe@BÜCHER.example", WIDGETS),
        ("nobody@tickets.example.org", None),
        ("support-in@elsewhere.example.org", None),
        ("support-in", None),
        ("", None),
        ("@tickets.example.org", None),
        ("+tag@tickets.example.org", None),
    ],
)
def test_the_envelope_leads_to_a_queue_or_nowhere(rcpt_to, expected):
    assert ROUTES.route(rcpt_to) == expected


def test_a_plus_tag_is_kept_as_it_was_written():
    assert ROUTES.route("SUPPORT-in+AbC+d@tickets.example.org") == Route(
        "support", "support-in@tickets.example.org", None, "AbC+d"
    )


def test_an_address_with_a_tag_of_its_own_comes_before_the_address_without():
    routes = Routes([SUPPORT, TAGGED])

    assert routes.route("support-in+vip@tickets.example.org") == TAGGED
    assert routes.route("support-in+other@tickets.example.org") == Route(
        "support", "support-in@tickets.example.org", None, "other"
    )


def test_of_two_routes_for_one_address_the_first_counts():
    assert (
        Routes([SUPPORT, Route("other", "SUPPORT-IN@tickets.example.org")]).route(SUPPORT.creation_address) == SUPPORT
    )


def test_settings_give_an_address_as_text_or_with_a_type():
    queue = SimpleNamespace(
        creation_addresses=("support-in@tickets.example.org", SimpleNamespace(address="i@x.example", type="incident"))
    )
    routes = Routes.from_settings(SimpleNamespace(queues={"support": queue}))

    assert routes.addresses() == {"support-in@tickets.example.org", "i@x.example"}
    assert routes.route("i@x.example") == Route("support", "i@x.example", "incident")


# --- the table ------------------------------------------------------------------------------------------------

MAIL = ParsedMail(subject="URGENT: the shop is down", to=(Mailbox("", "support@example.org"),))
ANN = Judgement(Kind.HUMAN, author=Mailbox("Ann", "ann@mail.big.example"), requester=Mailbox("", "else@where.example"))


def rule(when, **settings):
    return SimpleNamespace(when=when, set=settings)


def test_without_a_rule_the_envelope_says_it_all():
    assert assign(MAIL, INCIDENT, ANN, ()) == Assignment("support", "incident")


def test_the_first_rule_that_matches_wins():
    rules = (
        rule({"sender": "bob@big.example"}, priority="low"),
        rule({"sender_domain": "big.example", "subject": "urgent"}, priority="high", tags=("big", "down")),
        rule({"sender_domain": "big.example"}, priority="low"),
    )

    assert assign(MAIL, SUPPORT, ANN, rules) == Assignment("support", None, Priority.HIGH, None, ("big", "down"))


def test_a_rule_sets_queue_type_assignee_and_a_single_tag():
    rules = (rule({"queue": "support"}, queue="shop", type="outage", assignee="tom@example.org", tags="down"),)

    assert assign(MAIL, SUPPORT, ANN, rules) == Assignment("shop", "outage", None, "tom@example.org", ("down",))


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"sender": "ann@mail.big.example"}, True),
        ({"sender": "*@mail.big.example"}, True),
        ({"sender": "else@where.example"}, False),  # the author counts, not whom the answer goes to
        ({"sender_domain": "big.example"}, True),
        ({"sender_domain": "@mail.big.example"}, True),
        ({"sender_domain": "ig.example"}, False),
        ({"recipient": "support@example.org"}, True),
        ({"recipient": "support-in@tickets.example.org"}, True),
        ({"recipient": "sales@example.org"}, False),
        ({"queue": "billing"}, False),
        ({"subject": "/down$/"}, True),
        ({"subject": "urgent*down"}, True),
        ({"subject": "urgent*up"}, False),
        ({"header:x-priority": "1"}, False),
        ({"no such key": "x"}, False),
    ],
)
def test_conditions(when, holds):
    assert (assign(MAIL, SUPPORT, ANN, (rule(when, queue="hit"),)).queue == "hit") is holds


def test_a_sender_condition_never_holds_for_nobody():
    nobody = Judgement(Kind.HUMAN)

    assert assign(MAIL, SUPPORT, nobody, (rule({"sender": "*"}, queue="hit"),)).queue == "support"


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("Invoice", "your INVOICE is wrong", True),
        ("inv*wrong", "Invoice is wrong", True),
        ("inv*wrong", "my invoice is wrong", False),
        ("*a*b*a*", "xaybza", True),
        ("*a*b*a", "xayb", False),
        ("ab*ba", "aba", False),
        ("/^inv(oice)? +is/", "Invoice  is wrong", True),
        ("/(/", "(", False),  # a broken expression matches nothing
    ],
)
def test_patterns(pattern, text, expected):
    assert text_matches(pattern, text) is expected


def test_an_expression_that_would_explode_elsewhere_is_linear():
    assert text_matches("/^(a+)+$/", "a" * 4000 + "b") is False
