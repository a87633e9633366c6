"""`python -m tests.fuzz.doubling`: twice the input may take at most 2.5 times as long, for every reader of mail.

Each subject is a function and something to repeat. Sizes double from 16 KiB up to `--limit` (10 MB) or until one call
takes a second; the first sizes, where a call takes less than 2 ms, say nothing and are passed over.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable

from gateway.mail import (
    address,
    dates,
    fields,
    flowed,
    headers,
    html,
    html_text,
    html_weight,
    inside,
    names,
    parameters,
    parse,
    reply,
    reply_html,
    rtf,
    tnef,
    to_crlf,
    tree,
    words,
)
from tests.fuzz.doubling_public import PUBLIC
from tests.fuzz.doubling_subjects import OCTETS, TEXTS, WHOLE, Subject, repeat_text
from tests.fuzz.seeds import mail

RATIO = 2.5
_ENOUGH = 0.002  # seconds below which noise says more than the call
_LONG = 1.0
SUBJECTS: list[Subject] = [*WHOLE, *TEXTS, *OCTETS, *PUBLIC]


# --- the sweep: every reader of text, fed with runs of every sign that means something to any of them ---------------

_SIGNS = " \t\r\n<>()[]{}'\"=?/;,:\\.@-_&%*#!|~^`+aA0\0\u00e4\u3042"
_PAIRS = (
    "\r\n", "\n ", "a ", " a", "a\n", "> ", "--", "=?", "?=", "=\n", '\\"', "<a", "a>", "<a ", "</", "&a", "&#", "&lt;",
    "a@", "@a", "a,", ";a", "a=", "=a", "''", "*0", "%4", "<!--", "<p>", "a: ", ":\n", "wrote:\n", "-- \n", "__", "{\\",
    "\x1b$", "~{", "+A", "From: ", "begin 644 a\n",
)  # fmt: skip
_UNITS = (*_SIGNS, *_PAIRS)
_FRAMES = (("", ""), ("a", "b"), ('a="', '" b'), ("<", ">"), ("On ", " wrote:\n> x"))
_NAMES = "Subject From To Date Message-ID References Content-Type Content-Disposition Content-ID X"
_HEADS = tuple(f"{name}: " for name in _NAMES.split())
_SWEEP_SIZE = 100_000
_SWEPT_SLOW = 0.1  # seconds for twice _SWEEP_SIZE; what is faster may grow as it likes


def _mail_of(field: str) -> Callable[[str], object]:
    return lambda text: parse(field.encode() + text.encode("utf-8", "surrogatepass") + b"\r\n\r\nHello\r\n")


def _body_of(*fields: str) -> Callable[[str], object]:
    head = mail(*fields)
    return lambda text: parse(head + text.encode("utf-8", "surrogatepass"))


def _octets_of(read: Callable[[bytes], object]) -> Callable[[str], object]:
    return lambda text: read(text.encode("utf-8", "surrogatepass"))


def readers() -> dict[str, Callable[[str], object]]:
    """Return every reader that takes text, or octets that may be text."""
    texts = [
        address.parse_mailboxes, address.normal, address.canonical, address.is_valid, address.display, words.decode,
        parameters.parse, parameters.token, dates.parse_date, fields.subject, fields.message_id, fields.message_ids,
        fields.from_mailboxes, flowed.unflow, html.sanitise, html.capped, html_weight.too_heavy, html_text.to_text,
        reply.cut, reply_html.read,
    ]  # fmt: skip
    octets: list[Callable[[bytes], object]] = [
        headers.read_block, headers.field_groups, inside.extract, names.sniff, rtf.read, rtf.decompress, tnef.read,
        to_crlf, tree.split,
    ]  # fmt: skip
    found: dict[str, Callable[[str], object]] = {f"{read.__module__}.{read.__name__}": read for read in texts}
    found |= {f"octets {number}": _octets_of(read) for number, read in enumerate(octets)}
    found |= {f"field {head.strip(': ')}": _mail_of(head) for head in _HEADS}
    found["names.safe_name"] = lambda text: names.safe_name(text, "", 1)
    found["header_safe"] = lambda text: address.header_safe(text, len(text))
    for encoding in ("7bit", "quoted-printable", "base64", "x-uuencode"):
        found[f"body {encoding}"] = _body_of(f"Content-Transfer-Encoding: {encoding}")
    found["body html"] = _body_of("Content-Type: text/html")
    found["body flowed"] = _body_of("Content-Type: text/plain; format=flowed")
    found["body parts"] = _body_of("Content-Type: multipart/mixed; boundary=a")
    found["body calendar"] = _body_of("Content-Type: text/calendar")
    found["body report"] = _body_of("Content-Type: message/delivery-status", "From: MAILER-DAEMON@example.org")
    return found


def sweep(wanted: str = "", size: int = _SWEEP_SIZE) -> list[str]:
    """Feed every reader with every run; return those that are slow and grow too fast, in words."""
    slow = []
    gc.disable()  # its pauses grow with what lives, not with what is read
    for name, read in readers().items():
        gc.collect()
        if wanted not in name:
            continue
        for unit in _UNITS:
            for before, after in _FRAMES:
                subject = Subject(f"{name} of {before!r} {unit!r} {after!r}", read, repeat_text(unit, before, after))
                spent = measure(subject, subject.make(2 * size), 1)
                if spent > _SWEPT_SLOW:
                    ratio = measure(subject, subject.make(2 * size), 2) / measure(subject, subject.make(size), 2)
                    if ratio > RATIO:
                        slow.append(f"{subject.name}: {spent:.2f} s, ratio {ratio:.2f}")
    gc.enable()
    return slow


def measure(subject: Subject, value: object, repetitions: int) -> float:
    """Return the least processor time of a call."""
    best = float("inf")
    for _ in range(repetitions):
        begun = time.process_time()
        subject.run(value)
        best = min(best, time.process_time() - begun)
        if best > _LONG:
            break
    return best


def worst_ratio(subject: Subject, limit: int) -> tuple[float, int, float]:
    """Return the worst ratio of two sizes, the larger of them, and the time that it took."""
    worst, where, took = 0.0, 0, 0.0
    size = 16 << 10
    before = measure(subject, subject.make(size), 3)
    while 2 * size <= limit:
        size *= 2
        value = subject.make(size)
        spent = measure(subject, value, 3)
        if before >= _ENOUGH:
            ratio = spent / before
            for _ in range(3):  # a busy machine makes ratios; a quadratic reader makes them again
                if ratio <= RATIO:
                    break
                before = min(before, measure(subject, subject.make(size // 2), 3))
                spent = min(spent, measure(subject, value, 3))
                ratio = spent / before
            if ratio > worst:
                worst, where = ratio, size
        took = max(took, spent)
        if spent > _LONG:
            break
        before = spent
    return worst, where, took


def run(subjects: list[Subject], limit: int, *, loud: bool) -> list[str]:
    """Measure the subjects; return those that grow too fast, in words."""
    slow = []
    gc.disable()
    for subject in subjects:
        worst, where, took = worst_ratio(subject, limit)
        line = f"{subject.name}: worst ratio {worst:.2f} at {where} octets, longest call {took:.3f} s"
        if loud:
            print(line, flush=True)
        if worst > RATIO:
            slow.append(line)
        gc.collect()
    gc.enable()
    return slow


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.doubling", description=__doc__)
    parser.add_argument("--limit", type=int, default=10_000_000)
    parser.add_argument("--only", default="", help="subjects whose name contains this")
    parser.add_argument("--sweep", action="store_true", help="instead: every reader on runs of every sign")
    arguments = parser.parse_args()
    if arguments.sweep:
        found = sweep(arguments.only)
        print("\n".join(found) or "no reader grows too fast on any run")
        return 1 if found else 0
    slow = run([subject for subject in SUBJECTS if arguments.only in subject.name], arguments.limit, loud=True)
    print(f"{len(slow)} of {len(SUBJECTS)} subjects grow faster than {RATIO} times")
    for line in slow:
        print("SLOW", line)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
