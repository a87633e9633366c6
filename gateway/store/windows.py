"""The windows of the bound (I2) as data: which key of a mail is counted over which time, and up to how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

Windows = tuple[tuple[timedelta, int], ...]  # at most so many in any so long time

# In this order the counter rows are locked, on every node.
SCOPES = ("address", "organisation", "fingerprint", "queue", "agent", "agent_ticket")
AUTOMATIC_SCOPES = ("address", "organisation", "fingerprint", "queue")
ALERT_SCOPES = ("agent", "agent_ticket")


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


@dataclass(frozen=True, slots=True)
class BoundTable:
    """How much automatic mail may go where. Lower is safe; higher is refused by `poterne check`."""

    address: Windows = ((timedelta(minutes=10), 1), (hours(24), 3), (timedelta(days=7), 8))
    organisation: Windows = ((hours(1), 10), (hours(24), 30))
    fingerprint: Windows = ((hours(24), 3),)
    queue: Windows = ((hours(1), 60), (hours(24), 400))
    agent: Windows = ((hours(1), 30),)
    agent_ticket: Windows = ((timedelta(minutes=5), 1),)
    breaker: timedelta = timedelta(hours=1)  # how long a queue stays silent once its breaker opened

    def windows(self, scope: str) -> Windows:
        """Return the windows of a scope, shortest first."""
        found: Windows = getattr(self, scope)
        return found

    @classmethod
    def from_limits(cls, limits: Mapping[str, Mapping[timedelta, int]]) -> BoundTable:
        """Build the table from limits per scope; scopes that are not named keep the default."""
        unknown = set(limits) - set(SCOPES)
        if unknown:
            raise ValueError(f"no such limit: {', '.join(sorted(unknown))}")
        return replace(cls(), **{scope: tuple(sorted(windows.items())) for scope, windows in limits.items()})  # type: ignore[arg-type]
