"""The program of a signing process: drafts in at standard input, signed messages out at standard output.

RSA holds the interpreter's lock while it computes, so threads would not sign on two cores at once. The keys come as
the first frame, never as an argument or in the environment; the process dies with the daemon and dumps no core.
"""

from __future__ import annotations

import gc
import pickle
import sys
from collections.abc import Sequence
from datetime import datetime
from struct import Struct
from typing import BinaryIO, Final

from gateway.errors import NotSendable
from gateway.mail.address import domain_of
from gateway.mail.compose import compose
from gateway.model import Draft
from gateway.outbound.dkim import SigningKey, keys_for, load_key, pem_of, sign
from gateway.telemetry.child import bind_to

REQUEST: Final = Struct(">I")  # octets of what follows
ANSWER: Final = Struct(">BI")  # how it went, octets of what follows
SIGNED: Final = 0
NOT_SENDABLE: Final = 1  # the reason follows
FAULT: Final = 2  # nothing follows: whoever asked finds out for itself
READY: Final = 3

Order = tuple[Draft, datetime, datetime]
"""A draft, when it was queued, and when it is signed."""


def carry_out(order: Order, keys: Sequence[SigningKey]) -> bytes:
    """Return the signed message. Raises NotSendable if the draft cannot become one."""
    draft, composed_at, signed_at = order
    fitting = keys_for(keys, domain_of(draft.from_.address))
    return sign(compose(draft, composed_at), fitting, int(signed_at.timestamp()))


def pack_keys(keys: Sequence[SigningKey]) -> bytes:
    """Return the first frame."""
    return _frame([(key.domain, key.selector, pem_of(key.private)) for key in keys])


def pack(order: Order) -> bytes:
    """Return the frame of an order."""
    return _frame(order)


def _frame(value: object) -> bytes:
    octets = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return REQUEST.pack(len(octets)) + octets


def main() -> int:
    """Serve until standard input ends."""
    bind_to(int(sys.argv[1]))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    keys = [load_key(*values) for values in _read(requests) or []]  # type: ignore[attr-defined] # our own first frame
    gc.freeze()
    _answer(answers, READY, b"")
    while (order := _read(requests)) is not None:
        try:
            _answer(answers, SIGNED, carry_out(order, keys))  # type: ignore[arg-type] # nobody else writes here
        except NotSendable as error:
            _answer(answers, NOT_SENDABLE, str(error).encode("utf-8", "replace"))
        except Exception:  # ours: the daemon meets it once more, and logs it
            _answer(answers, FAULT, b"")
    return 0


def _read(requests: BinaryIO) -> object:
    head = requests.read(REQUEST.size)
    if len(head) < REQUEST.size:
        return None
    octets = requests.read(REQUEST.unpack(head)[0])
    return pickle.loads(octets)  # noqa: S301 - the daemon alone writes to this pipe


def _answer(answers: BinaryIO, how: int, octets: bytes) -> None:
    answers.write(ANSWER.pack(how, len(octets)) + octets)
    answers.flush()


if __name__ == "__main__":
    raise SystemExit(main())
