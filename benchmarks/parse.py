"""How fast mails are read, beside the standard library and mail-parser. `python -m benchmarks.parse`.

All read the same mails. Ours does everything that live mail gets: charsets, sanitised HTML, the reply cut out,
reports, attachments hashed and sniffed, a digest. The standard library (`policy.default`) parses, takes subject and
From, decodes the best body and every attachment. mail-parser parses and reads its body and attachments. The column
`explained` is the whole of `poterne explain --json` for one file: read, judged, decided and written as JSON. Processor
time, the best of some rounds.
"""

from __future__ import annotations

import email
import email.policy
import json
import logging
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import click
import mailparser

from gateway.cli import frame
from gateway.cli.explain import explain_mail, open_desk
from gateway.mail import parse, wire
from tests.fuzz.seeds import mail_with_attachment, plain_mail, seeds

ROUNDS = 5
SECONDS = 0.4  # of each round
AIM = 1.5
HEADS = (
    ("poterne", 10),
    ("+ wire", 10),
    ("explained", 11),
    ("stdlib", 10),
    ("mail-parser", 13),
    ("x stdlib", 10),
    ("x peer", 8),
)


def stdlib(raw: bytes) -> int:
    """Read a mail with the standard library's modern interface; errors count as nothing read."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    try:
        size = len(str(message["subject"])) + len(str(message["from"]))
        body = message.get_body(("plain", "html"))
        if body is not None:
            size += len(body.get_content())
        for part in message.iter_attachments():
            size += len(part.get_content())
    except (LookupError, ValueError, AttributeError, TypeError):
        return 0
    return size


def peer(raw: bytes) -> int:
    """Read a mail with mail-parser."""
    try:
        found = mailparser.parse_from_bytes(raw)
        return len(found.subject or "") + len(found.from_ or ()) + len(found.body) + len(found.attachments)
    except Exception:  # whatever it raises, it has read nothing
        return 0


def rate(read: Callable[[bytes], object], mails: list[bytes]) -> float:
    """Return mails per second of processor time, the best of some rounds."""
    for mail in mails:
        read(mail)
    best = 0.0
    for _ in range(ROUNDS):
        count = 0
        begun = time.process_time()
        while (spent := time.process_time() - begun) < SECONDS:
            for mail in mails:
                read(mail)
            count += len(mails)
        best = max(best, count / spent)
    return best


def wired(raw: bytes) -> object:
    """Read a mail and carry it to the daemon, without the pipe."""
    return wire.loads(wire.dumps(parse(raw)))


def explainer() -> Callable[[bytes], object]:
    """Return what explains a mail as the command does, without configuration or database."""
    with click.Context(frame.poterne, obj=frame.Invocation()):
        desk = open_desk(None)
    return lambda raw: json.dumps(explain_mail("mail.eml", raw, desk))


def main() -> int:
    warnings.simplefilter("ignore")
    logging.disable()  # mail-parser logs what it does not know
    sets = {
        "all shapes": seeds(),
        "plain 2 kB": [plain_mail(2048)],
        "50 kB, attachment": [mail_with_attachment(50_000)],
        "1 MB, attachment": [mail_with_attachment(1_000_000)],
    }
    heads = "".join(f"{head:>{width}}" for head, width in HEADS)
    print(f"{'mails per second':20}{heads}")
    ratios = []
    explain = explainer()
    for name, mails in sets.items():
        ours, carried, told, theirs, others = (rate(read, mails) for read in (parse, wired, explain, stdlib, peer))
        ratios.append(ours / theirs)
        print(
            f"{name:20}{ours:10.0f}{carried:10.0f}{told:11.0f}{theirs:10.0f}{others:13.0f}"
            f"{ours / theirs:10.2f}{ours / others:8.2f}"
        )
    print(
        f"ratio to policy.default, all shapes: {ratios[0]:.2f} (aim {AIM}); mean of sets {statistics.fmean(ratios):.2f}"
    )
    return 0 if ratios[0] >= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
