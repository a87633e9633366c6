"""Every rule has mails that it hits and mails that it misses; a rule without them does not pass."""

from pathlib import Path

import pytest

from gateway.model import Effect
from gateway.rules import RULES, classify
from tests.support.judged import read_case

FOLDER = Path(__file__).parents[2] / "rules"
CASES = sorted(FOLDER.glob("*/*.eml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_rule_hits_and_misses_the_mails_that_say_so(path):
    mail, facts = read_case(path)

    found = {verdict.rule for verdict in classify(mail, facts).verdicts}

    assert (path.parent.name in found) == path.stem.startswith("hit-"), found


def test_every_mail_says_what_it_is_for():
    assert [path.name for path in CASES if not path.name.startswith(("hit-", "miss-"))] == []


def lacking(names, folder):
    """Return what is missing: `rule/hit` or `rule/miss`."""
    return [
        f"{name}/{kind}" for name in names for kind in ("hit", "miss") if not any((folder / name).glob(f"{kind}-*.eml"))
    ]


def test_every_rule_has_a_hit_and_a_miss():
    assert lacking([rule.name for rule in RULES], FOLDER) == []


def test_a_missing_mail_is_noticed(tmp_path):
    (tmp_path / "some-rule").mkdir()
    (tmp_path / "some-rule" / "hit-a_case.eml").touch()

    assert lacking(["some-rule"], tmp_path) == ["some-rule/miss"]


def test_no_mails_of_rules_that_do_not_exist():
    assert {path.parent.name for path in CASES} == {rule.name for rule in RULES}


def test_names_are_unique_and_say_something():
    names = [rule.name for rule in RULES]

    assert len(set(names)) == len(names)
    assert all(rule.meaning[0].isupper() and not rule.meaning.endswith(".") for rule in RULES)
    assert all((rule.check.__doc__ or "").startswith(("Match", "Notice", "Name", "Say")) for rule in RULES)


def test_only_few_effects_move_a_mail():
    """I10: markers take away our automatic mail. What moves a mail is an operator's word, a token, a report, a hold."""
    moving = {rule.name for rule in RULES if rule.effect in {Effect.OWN, Effect.REFUSE, Effect.HOLD, Effect.STATUS}}

    assert moving == {
        "override-refuse", "too-many-hops", "own-mail", "delivery-report", "bounce-wording", "bounce-robot",
        "bounce-fields", "spam-held",
    }  # fmt: skip
