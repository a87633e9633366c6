"""The table of rules as a page: `docs/rules.md` is what this returns, and a test compares."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final

from gateway.model import Effect
from gateway.rules.auto import RESPONDER_FIELDS
from gateway.rules.desks import PREFIXES, PROGRAMS
from gateway.rules.forwarders import STAMPS
from gateway.rules.lists import BULK_FIELDS, LIST_FIELDS
from gateway.rules.reading import titled
from gateway.rules.robots import MACHINES, MACHINES_BEGIN, MACHINES_END, STAFFED, STAFFED_BEGIN, STAFFED_END
from gateway.rules.table import RULES
from gateway.rules.trust import SPAM_FIELDS

EFFECTS: Final = {
    Effect.OWN: "our own mail came back: disposition `own_copy`",
    Effect.STATUS: "a report about mail of ours: a delivery event where a token says which mail, else quarantine",
    Effect.HOLD: "quarantine: visible, releasable",
    Effect.REFUSE: "an operator's word: kept and listed, no ticket",
    Effect.AUTO_REPLY: "a quiet entry, or a ticket of low priority; no automatic mail, no alert, no reopening",
    Effect.AUTO_GENERATED: "a ticket; no automatic mail, so no alert by mail either; reopens only with a token of ours",
    Effect.LIST: "a ticket; no automatic mail, so no alert by mail either; reopens only with a token of ours",
    Effect.RECEIPT: "a quiet entry; no automatic mail",
    Effect.COMPLAINT: "no automatic mail to that address again",
    Effect.CALENDAR: "a quiet entry; no automatic mail",
    Effect.SILENT: "a ticket and a normal alert; no automatic mail because of this mail",
    Effect.WEAK: "nothing alone; two of them together are `silent`",
    Effect.HUMAN: "the marks below that are not firm do not count",
    Effect.DISCOUNT: "shown, so that one sees what was not counted",
    Effect.NOTE: "shown, changes nothing",
}

INTRODUCTION: Final = """# Rules

Every mail is judged by every rule of this table, in this order. A rule is a pure function that returns what it saw and
where, or nothing; `poterne explain FILE` prints the verdicts. No mark of automatic mail takes a customer's ticket
away: marks only stop *our automatic mail*. What moves a mail elsewhere is an operator's word, a token whose
MAC was verified with this instance's key, a delivery report, or a hold that stays visible. *Firm* rules count even for
senders whom an operator treats as human.

This page is made from the code: `python -m gateway.rules.manual > docs/rules.md`.
"""


def document() -> str:
    """Return the page."""
    return "\n".join(
        (
            INTRODUCTION,
            "## Effects\n",
            "| effect | what follows |",
            "| --- | --- |",
            *(f"| `{effect.value}` | {meaning} |" for effect, meaning in EFFECTS.items()),
            "\n## The table\n",
            "| rule | effect | firm | what it looks for |",
            "| --- | --- | --- | --- |",
            *(f"| `{r.name}` | `{r.effect.value}` | {'yes' if r.firm else ''} | {_contract(r.check)} |" for r in RULES),
            "\n## Lists that rules use\n",
            *_lists(),
            "\n## Overrides\n",
            "An override is asked for in the end: `loop_protection.overrides` names a sender pattern, what to take it",
            "for (`human`, `automatic`, `refuse`) and, if wanted, one queue. The first entry that covers the sender",
            "counts. None of them lifts the bound (see [bound.md](bound.md)).",
            "",
        )
    )


def _contract(check: object) -> str:
    return " ".join((check.__doc__ or "").partition("\n\n")[0].split()).replace("|", "\\|")


def _lists() -> list[str]:
    responders = "; ".join(
        f"`{titled(name)}`" + (f": {' or '.join(v)} …" if v != ("",) else "") for name, v in RESPONDER_FIELDS.items()
    )
    programs = "; ".join(f"`{titled(name)}`: {', '.join(values)}" for name, values in PROGRAMS.items())
    spam = "; ".join(f"`{titled(name)}`: {' or '.join(values)}" for name, values in SPAM_FIELDS.items())
    machines = _names(MACHINES, MACHINES_BEGIN, MACHINES_END)
    staffed = _names(STAFFED, STAFFED_BEGIN, STAFFED_END)
    return [
        f"- **Responders' fields** (`vendor-responder`): {responders}.",
        f"- **Help desks' fields** (`help-desk`): {', '.join(f'`{titled(name)}…`' for name in PREFIXES)}; {programs}.",
        f"- **List fields** (`list-fields`): {', '.join(f'`{titled(name)}`' for name in LIST_FIELDS)}.",
        f"- **Bulk mailers' fields** (`bulk-mailer`): {', '.join(f'`{titled(name)}`' for name in BULK_FIELDS)}.",
        f"- **Spam fields** (`spam-tagged`, `spam-held`): {spam}.",
        f"- **Machines' local parts**, dots as hyphens (`nobody-writes`, `robot-address`): {machines}.",
        f"- **Local parts of machines that people stand behind** (`robot-address`): {staffed}.",
        "- **Forwarders** (`forwarder-discounted`), by the trace they leave, and what each may have stamped: "
        + "; ".join(f"{trace.value}: {', '.join(sorted(marks))}" for trace, marks in STAMPS.items())
        + ". Exchange's `X-MS-Exchange-Generated-Message-Source` adds auto-generated.",
    ]


def _names(whole: Iterable[str], begin: Iterable[str], end: Iterable[str]) -> str:
    return "; ".join((", ".join(sorted(whole)), ", ".join(f"{b}…" for b in begin), ", ".join(f"…{e}" for e in end)))


if __name__ == "__main__":
    sys.stdout.write(document())
