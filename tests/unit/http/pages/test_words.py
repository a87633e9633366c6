"""No message is missing in any language, and none says something else than its placeholders allow."""

from __future__ import annotations

import re

import pytest

from gateway.http.pages.words import LOCALES, Catalogue, catalogue, choose, read_po
from tests.unit.http.pages.messages import messages

PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")


@pytest.mark.parametrize("locale", LOCALES)
def test_no_message_is_missing_or_left_over(locale):
    wanted = {forms[0] for forms in messages()}
    known = set(catalogue(locale).messages)

    assert len(wanted) > 300
    assert known == wanted


@pytest.mark.parametrize("locale", LOCALES)
def test_every_translation_keeps_its_placeholders(locale):
    for message, forms in catalogue(locale).messages.items():
        for form in forms:
            assert set(PLACEHOLDER.findall(form)) == set(PLACEHOLDER.findall(message)), message


def test_every_plural_has_all_its_forms():
    for forms in messages():
        for locale in LOCALES:
            assert len(catalogue(locale).messages[forms[0]]) == len(forms), forms


def test_french_is_french():
    words = catalogue("fr")
    assert words.gettext("Send to %(name)s") == "Envoyer à %(name)s"
    assert [words.ngettext("%(count)s day", "%(count)s days", n) % {"count": n} for n in (0, 1, 2)] == [
        "0 jour",
        "1 jour",
        "2 jours",
    ]


def test_an_untranslated_message_is_said_in_english():
    assert Catalogue("fr").gettext("Send") == "Send"
    assert Catalogue("fr").ngettext("a day", "days", 5) == "days"
    assert read_po('msgid "a"\nmsgstr ""\n\nmsgid "b"\nmsgstr "c"\n"d\\n"\n') == {"b": ("cd\n",)}


@pytest.mark.parametrize(
    ("preferred", "accepted", "locale"),
    [
        ("", "", "en"),
        ("", "fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("", "de,fr;q=0.5,en;q=0.9", "en"),
        ("", "fr;q=0, en;q=0.1", "en"),
        ("", "fr;q=x,,;;q=,*", "en"),
        ("en", "fr", "en"),
        ("xx", "fr", "fr"),
        ("", "fr," * 100_000, "fr"),
    ],
)
def test_the_readers_own_choice_comes_first(preferred, accepted, locale):
    assert choose(preferred, accepted) == locale
