"""Who writes: machines by name, addresses that we never send to, and mails that name nobody."""

from __future__ import annotations

from gateway.rules.patterns import first_match
from gateway.rules.reading import Evidence, Reading
from gateway.rules.robots import is_machine, is_robot


def robot_address(reading: Reading) -> Evidence | None:
    """Match a machine's address. Behind a configured web form stands a person, who gets the answer."""
    author, requester = reading.author, reading.requester
    if (
        author is not None
        and not is_robot(author.address)
        and requester is not None
        and not is_robot(requester.address)
    ):
        return None
    if author is None and not is_robot(reading.from_address):
        return None
    culprit = author.address if author and is_robot(author.address) else ""
    culprit = culprit or (requester.address if requester and is_robot(requester.address) else reading.from_address)
    return Evidence(f"{culprit} is a machine's address", "From or Reply-To")


def nobody_writes(reading: Reading) -> Evidence | None:
    """Match a sender under whose name nobody writes by hand, unless a person stands behind it in Reply-To."""
    author = reading.author
    address = author.address if author is not None else reading.from_address
    if reading.is_form or not is_machine(address):
        return None
    return Evidence(f"nobody writes as {address} by hand", "From")


def web_form(reading: Reading) -> Evidence | None:
    """Notice a person in Reply-To behind a machine in From: the answer goes to the person."""
    if not reading.is_form:
        return None
    asked = reading.requester.address if reading.requester else ""
    return Evidence(f"{reading.from_address} writes for {asked}", "Reply-To")


def on_blocklist(reading: Reading) -> Evidence | None:
    """Match whom an answer would go to, and who wrote, against the loop blocklist."""
    patterns = reading.facts.blocklist
    if not patterns:
        return None
    boxes = (reading.requester, reading.author)
    found = first_match(patterns, dict.fromkeys(box.address for box in boxes if box is not None))
    return Evidence(f"{found[1]} is on the loop blocklist ({found[0]})", "From or Reply-To") if found else None


def suppressed(reading: Reading) -> Evidence | None:
    """Match an address that bounced for good or complained, until its time is over."""
    if not reading.facts.stored.suppressed or reading.requester is None:
        return None
    return Evidence(f"{reading.requester.address} is suppressed", "From or Reply-To")


def nobody(reading: Reading) -> Evidence | None:
    """Match a mail that names nobody whom we may write to."""
    return Evidence("no usable address", "From") if reading.requester is None else None


def sender_unknown(reading: Reading) -> Evidence | None:
    """Notice a mail that shows only our own address and hides who wrote it."""
    if reading.author is not None or not (reading.from_is_ours or reading.from_was_rewritten):
        return None
    return Evidence(f"From is {reading.from_address}, and no field keeps the author", "From")
