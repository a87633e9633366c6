"""The octets on the pipes between the daemon and a parser process: a head of fixed size, then the payload."""

from __future__ import annotations

from struct import Struct
from typing import Final

REQUEST: Final = Struct(">I")  # octets of the raw mail that follows
ANSWER: Final = Struct(">BI")  # flags, octets of the JSON that follows

READY: Final = 1  # the first answer, without payload: the process has loaded everything and set its limits
RETIRED: Final = 2  # the process ends after this answer: it grew, and gives its memory back

PIPE: Final = 1 << 20  # octets that a pipe should hold, so that neither side waits for the other at every 64 KiB
