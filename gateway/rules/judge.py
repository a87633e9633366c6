"""Verdicts become one judgement: the kind, and what we will not do because of this mail."""

from __future__ import annotations

from typing import Final

from gateway.model import Effect, Facts, Judgement, Kind, ParsedMail, Verdict
from gateway.rules.reading import Reading, Rule
from gateway.rules.table import RULES

KINDS: Final = (
    (Effect.OWN, Kind.OWN_COPY),
    (Effect.STATUS, Kind.BOUNCE),
    (Effect.COMPLAINT, Kind.COMPLAINT),
    (Effect.RECEIPT, Kind.RECEIPT),
    (Effect.CALENDAR, Kind.CALENDAR),
    (Effect.AUTO_REPLY, Kind.AUTO_REPLY),
    (Effect.LIST, Kind.LIST),
    (Effect.AUTO_GENERATED, Kind.AUTO_GENERATED),
)
"""The first effect that any verdict has names the kind; none of them: a person wrote it."""

STILL: Final = frozenset({Kind.OWN_COPY, Kind.BOUNCE, Kind.COMPLAINT, Kind.RECEIPT, Kind.CALENDAR, Kind.AUTO_REPLY})
"""Kinds that never reopen a ticket and never mail an agent (I4)."""

SPEAKS_FREELY: Final = frozenset({Effect.WEAK, Effect.HUMAN, Effect.DISCOUNT, Effect.NOTE})
"""Effects that do not silence us."""

WEAK_VOTES: Final = 2
LOW_PRIORITY: Final = frozenset({"newsletter", "spam-tagged"})
ABUSE: Final = "abuse"  # the tag of the ticket for complaints
TAGS: Final = {
    "complaint": ABUSE,
    "spam-tagged": "spam",
    "challenge": "challenge",
    "sender-unknown": "sender-unknown",
    "sender-disowned": "sender-disowned",
}
_BY_NAME: Final[dict[str, Rule]] = {rule.name: rule for rule in RULES}


def classify(mail: ParsedMail, facts: Facts) -> Judgement:
    """Judge a mail by every rule of the table. Pure and total; the mail's text is never changed, only weighed."""
    reading = Reading(mail, facts)
    verdicts = tuple(
        Verdict(rule.name, rule.effect, found.because, found.where)
        for rule in RULES
        if (found := rule.check(reading)) is not None
    )
    return _conclude(reading, verdicts)


def _conclude(reading: Reading, verdicts: tuple[Verdict, ...]) -> Judgement:
    counted = _counted(verdicts)
    effects = {verdict.effect for verdict in counted}
    kind = next((kind for effect, kind in KINDS if effect in effects), Kind.HUMAN)
    why_not = _why_not(counted)
    rules = {verdict.rule for verdict in counted}
    still = kind in STILL
    return Judgement(
        kind=kind,
        verdicts=verdicts,
        requester=reading.requester,
        author=reading.author,
        silent=bool(why_not),
        still=still,
        hold=Effect.HOLD in effects,
        refuse=Effect.REFUSE in effects,
        low_priority=kind is Kind.AUTO_REPLY or not LOW_PRIORITY.isdisjoint(rules),
        why_not=why_not,
        tags=tuple(tag for rule, tag in TAGS.items() if rule in rules),
        may_reopen=not still and (kind is Kind.HUMAN or reading.is_vouched_for),
        author_disowned="sender-disowned" in rules or reading.author_is_hearsay,
    )


def _counted(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Drop the marks that an operator told us to ignore. Firm rules stay: they are facts, not marks."""
    if not any(verdict.effect is Effect.HUMAN for verdict in verdicts):
        return verdicts
    return tuple(v for v in verdicts if _BY_NAME[v.rule].firm or v.effect in SPEAKS_FREELY - {Effect.WEAK})


def _why_not(counted: tuple[Verdict, ...]) -> tuple[str, ...]:
    """Return one plain sentence for each cause of silence; empty if an acknowledgement may be caused."""
    strong = [verdict for verdict in counted if verdict.effect not in SPEAKS_FREELY]
    weak = [verdict for verdict in counted if verdict.effect is Effect.WEAK]
    causes = strong if len(weak) < WEAK_VOTES else [*strong, *weak]
    return tuple(f"{_BY_NAME[verdict.rule].meaning}: {_evidence(verdict)}." for verdict in causes)


def _evidence(verdict: Verdict) -> str:
    return f"{verdict.because} ({verdict.where})" if verdict.where else verdict.because
