"""Whether the author's domain stands behind the mail, and what our own spam filter thinks.

Only our own mail server's word counts: the topmost Authentication-Results with a configured authserv-id, above the
topmost Received (RFC 8601 §5). What stands below may have come with the mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.mail.address import normal, organisation
from gateway.rules.auto import without_comments
from gateway.rules.reading import Evidence, Reading

MAX_RESULTS: Final = 8192  # characters of one Authentication-Results field


class Standing(StrEnum):
    """What our own mail server says of the author."""

    PASSED = "passed"
    FAILED = "failed"  # DMARC failed
    NEITHER = "neither"  # the server states nothing that is aligned with the author
    UNSTATED = "unstated"  # the server states nothing at all


@dataclass(frozen=True, slots=True)
class Result:
    """One method's result with its properties, all in lower case."""

    method: str
    result: str
    properties: dict[str, str]


def read_results(value: str) -> tuple[str, tuple[Result, ...]]:
    """Read an Authentication-Results field: the authserv-id, "" if it has none, and its results. Tolerant and total.

    RFC 8601 §2.2: authserv-id [version]; method[/version]=result [reason=…] [ptype.property=value …]; … with comments
    anywhere. Microsoft leaves the authserv-id out.
    """
    first, *rest = _split(without_comments(value[:MAX_RESULTS]).lower(), ";")
    words = first.split()
    authserv_id = words[0] if words and "=" not in words[0] else ""
    if not authserv_id:
        rest.insert(0, first)
    results = []
    for text in rest:
        joined = " ".join(text.split()).replace(" =", "=").replace("= ", "=")
        pairs = [word.partition("=") for word in _split(joined, " ") if "=" in word]
        if not pairs:
            continue
        method, _, result = pairs[0]
        properties = {key.strip(): content.strip(' "') for key, _, content in pairs[1:]}
        results.append(Result(method.partition("/")[0].strip(), result.strip(), properties))
    return authserv_id, tuple(results)


def _split(text: str, separator: str) -> list[str]:
    """Split outside of quoted strings."""
    pieces: list[str] = []
    for number, piece in enumerate(text.split('"')):
        if number % 2:
            pieces[-1] += f'"{piece}"'
            continue
        first, *others = piece.split(separator)
        if pieces:
            pieces[-1] += first
        else:
            pieces.append(first)
        pieces.extend(others)
    return pieces


def standing(reading: Reading) -> tuple[Standing, str]:
    """Return what our own mail server says of the author, with the line where it says so."""
    found = _our_results(reading)
    return (Standing.UNSTATED, "") if found is None else (_judge(found[0], reading), f"line {found[1]}")


def _our_results(reading: Reading) -> tuple[tuple[Result, ...], int] | None:
    """Return what our own mail server found out, and in which line; what stands below Received may be anybody's."""
    trusted = {name.lower() for name in reading.facts.authserv_ids}
    if not trusted or reading.mail.hostile:
        return None
    for item in reading.mail.fields:
        if item.name == "received":
            break
        if item.name == "authentication-results":
            authserv_id, results = read_results(item.value)
            if authserv_id in trusted:
                return results, item.line
    return None


def _judge(results: tuple[Result, ...], reading: Reading) -> Standing:
    said = {(item.method, item.result) for item in results}
    if ("dmarc", "pass") in said:
        return Standing.PASSED
    # RFC 8617 §6: a chain is worth as much as the one who sealed it; a configured forwarder is one whom we trust.
    if reading.forwarding.configured and ("arc", "pass") in said:
        return Standing.PASSED
    domain = normal(reading.from_address).rpartition("@")[2]
    for item in results:
        if item.result == "pass" and item.method in {"spf", "dkim"} and _is_aligned(item, domain):
            return Standing.PASSED
    if ("dmarc", "fail") in said and not reading.forwarding.configured:  # forwarders break SPF, and often DKIM
        return Standing.FAILED
    return Standing.NEITHER


def proves_author(reading: Reading) -> bool:
    """Tell whether our own mail server says that the domain in From stands behind this very mail.

    Stricter than `standing`: a chain (ARC) that a forwarder sealed proves nothing of the author, and a DMARC result
    counts for the domain that it names.
    """
    domain, found = normal(reading.from_address).rpartition("@")[2], _our_results(reading)
    if not domain or found is None:
        return False
    return any(result.result == "pass" and _speaks_for(result, domain) for result in found[0])


def _speaks_for(item: Result, domain: str) -> bool:
    if item.method == "dmarc":
        return item.properties.get("header.from", domain).strip("<>").rpartition("@")[2] == domain
    return item.method in {"spf", "dkim"} and _is_aligned(item, domain)


def _is_aligned(item: Result, domain: str) -> bool:
    """Tell whether SPF or DKIM passed for the author's domain or its organisation (RFC 7489 §3.1, relaxed)."""
    names = ("smtp.mailfrom", "smtp.mail") if item.method == "spf" else ("header.d", "header.i")
    for name in names:
        signed = item.properties.get(name, "").rpartition("@")[2]
        if signed and (signed == domain or (organisation(domain) or domain) == organisation(signed)):
            return True
    return False


def disowned(reading: Reading) -> Evidence | None:
    """Notice that the author's domain says that this is not its mail: such a From makes nobody a participant."""
    verdict, where = standing(reading)
    return Evidence("DMARC failed", where) if verdict is Standing.FAILED else None


def unauthenticated(reading: Reading) -> Evidence | None:
    """Match an author whom nothing authenticates, where the queue answers only to authenticated ones (backscatter)."""
    if reading.facts.acknowledge_unauthenticated:
        return None
    verdict, where = standing(reading)
    if verdict is Standing.PASSED:
        return None
    words = {
        Standing.FAILED: "DMARC failed",
        Standing.NEITHER: "neither DMARC nor aligned SPF or DKIM passed",
        Standing.UNSTATED: "our own mail server says nothing about the sender",
    }
    return Evidence(words[verdict], where)


# --- spam -----------------------------------------------------------------------------------------------------


def spam(reading: Reading) -> Evidence | None:
    """Match what rspamd and SpamAssassin write on spam. Forging it hurts only the forger."""
    for name, beginnings in SPAM_FIELDS.items():
        if (found := reading.fields(name)) and found[0].value[:200].strip().lower().startswith(beginnings):
            return reading.seen(found[0])
    return None


SPAM_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "x-spam": ("yes",),  # rspamd
    "x-spam-flag": ("yes",),  # SpamAssassin, and rspamd in its manner
    "x-spam-status": ("yes",),
    "x-spamd-result": ("default: true",),
    "x-rspamd-action": ("add header", "rewrite subject", "soft reject", "reject"),
}


def spam_tagged(reading: Reading) -> Evidence | None:
    """Match spam where the queue tags it: a ticket of low priority, in silence."""
    return spam(reading) if reading.facts.spam_policy == "tag" else None


def spam_held(reading: Reading) -> Evidence | None:
    """Match spam where the queue holds it."""
    return spam(reading) if reading.facts.spam_policy == "hold" else None
