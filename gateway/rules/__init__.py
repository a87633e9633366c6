"""Who or what wrote a mail, and what follows. Pure: one ordered table, evidence in, one judgement out.

`table.py` is the policy on one page; the modules beside it are its families.
"""

from gateway.rules.judge import classify
from gateway.rules.table import RULES

__all__ = ["RULES", "classify"]
