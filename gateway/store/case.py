"""One intake on its way to its disposition: the claim, the mail, the plan, and the open transaction."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model import Claim, Mailbox, ParsedMail, Plan
from gateway.store.context import Context
from gateway.store.gather import author_of, organisation_key


@dataclass(frozen=True, slots=True)
class Case:
    """What every step of applying a plan needs."""

    context: Context
    claim: Claim
    mail: ParsedMail
    plan: Plan

    @property
    def author(self) -> Mailbox | None:
        """Who wrote the mail, as it was judged."""
        return self.plan.judgement.author or author_of(self.mail, self.context)

    @property
    def organisation(self) -> str:
        """What arrivals are grouped by."""
        return organisation_key(self.author)
