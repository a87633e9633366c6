"""What judging costs: classification per mail, beside the parse of the same mail. `python -m benchmarks.classify`.

Budget: 0.3 ms of processor time per 2 kB mail. Prints the median of repeated runs, for a person's mail, a marked one,
one behind a Google Group, and for a person's mail with a blocklist of 1,000 patterns.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

from gateway.mail import parse
from gateway.model import Facts
from gateway.rules import classify
from gateway.rules.behaviour import fingerprint
from tests.support.judged import facts_for, fill

BUDGET_MS = 0.3
TRACE = [
    "Return-Path: <ann.lee@customer.example>",
    "Received: from mx.example.org (mx.example.org [192.0.2.1]) by tickets.example.org (Postfix) with ESMTPS id 4A",
    "Authentication-Results: mx.example.org; dkim=pass header.d=customer.example; dmarc=pass",
    "Received: from mail.customer.example (mail.customer.example [192.0.2.7]) by mx.example.org with ESMTPS id 4B",
    "DKIM-Signature: v=1; a=rsa-sha256; d=customer.example; s=s1; h=from:to:subject:date; bh=abc=; b=" + "q" * 300,
    "MIME-Version: 1.0",
    "User-Agent: Mail 3.1",
    "Content-Language: en",
    "Thread-Index: AdqXbQ",
    "X-Originating-IP: [192.0.2.9]",
    "Content-Type: text/plain; charset=utf-8",
]
PERSON = [
    "From: Ann Lee <ann.lee@customer.example>",
    "To: support@example.org",
    "Subject: The invoice",
    "Message-ID: <1@x>",
]
MARKED = [*PERSON, "Auto-Submitted: auto-generated", "Precedence: bulk", "X-Auto-Response-Suppress: All", "X-Loop: yes"]
GROUP = [
    "From: 'Ann Lee' via Support <support@example.org>",
    "X-Original-From: Ann Lee <ann.lee@customer.example>",
    "List-ID: <support.example.org>",
    "Precedence: list",
    "X-BeenThere: support@example.org",
    *PERSON[1:],
]
BODY = "The total on page two of the invoice does not match the order, could you have a look?\r\n" * 14


def measure(job: Callable[[], object], runs: int = 7, loops: int = 400) -> float:
    """Return the median time of one call in milliseconds of this process, whatever else the machine is doing."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        for _ in range(loops):
            job()
        times.append((time.process_time() - start) / loops * 1000)
    return statistics.median(times)


def main() -> int:
    """Measure, print a table, and fail if a 2 kB mail costs more than the budget."""
    worst = 0.0
    print(f"{'mail':24} {'octets':>7} {'parse ms':>9} {'classify ms':>12} {'share':>7} {'fingerprint ms':>15}")
    for name, headers in (
        ("a person's", PERSON),
        ("marked", MARKED),
        ("Google Group", GROUP),
        ("1,000 patterns", PERSON),
    ):
        raw = fill("\r\n".join([*TRACE, *headers, "", BODY])).encode()
        mail = parse(raw)
        facts: Facts = facts_for(mail)
        if name == "1,000 patterns":
            facts = facts_for(mail, blocklist=tuple(f"*@host{n}.example.net" for n in range(1000)))
        parsing = measure(partial(parse, raw), loops=50)
        judging = measure(partial(classify, mail, facts))
        marking = measure(partial(fingerprint, mail), loops=100)
        worst = max(worst, judging)
        print(f"{name:24} {len(raw):7} {parsing:9.3f} {judging:12.3f} {judging / parsing:7.0%} {marking:15.3f}")
    print(f"budget {BUDGET_MS} ms per 2 kB mail: {'kept' if worst < BUDGET_MS else 'BROKEN'}")
    return 0 if worst < BUDGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
