"""`python -m tests.fuzz --mutants 200000`: mutants of real-shaped mails through the true parse path.

Prints the seed, the count, the slowest mail and the memory; exits 1 if a promise broke, a mail raised, or one took
longer than two seconds. `--replay NUMBER` reads one mutant again.
"""

from __future__ import annotations

import sys

from tests.fuzz.run import main

if __name__ == "__main__":
    sys.exit(main())
