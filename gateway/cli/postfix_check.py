"""Compares a running Postfix with the configuration: will it send us our mail, all of it, and unharmed?

Asks postconf(1) and postmap(1), the way Postfix itself resolves its settings; reads no file of Postfix' own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.frame import CommandError
from gateway.cli.postfix_tables import creation_addresses, inbox_aliases, lmtp_target
from gateway.cli.sysexits import UNAVAILABLE
from gateway.config.settings import Settings
from gateway.config.units import Systemd

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which Postfix will not do what the configuration hopes."""

    parameter: str
    problem: str
    cure: str

    def __str__(self) -> str:
        return f"postfix: {self.parameter}: {self.problem}; {self.cure}"


PARAMETERS = (
    "message_size_limit",
    "mailbox_size_limit",
    "virtual_mailbox_limit",
    "mydestination",
    "virtual_alias_domains",
    "virtual_mailbox_domains",
    "lmtp_line_length_limit",
    "transport_maps",
    "relay_domains",
    "relay_recipient_maps",
    "recipient_delimiter",
    "virtual_alias_maps",
    "smtpd_forbid_bare_newline",
)


class Postfix:
    """A Postfix on this machine, asked through its own commands: one call for all parameters, one for each table."""

    def __init__(self, directory: Path | None = None) -> None:
        self._options = ["-c", str(directory)] if directory else []
        lines = self._ask("postconf", "-x", *PARAMETERS).splitlines()
        self._parameters = {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}

    def parameter(self, name: str) -> str:
        """Return a parameter's value, expanded; empty for one that this version does not know."""
        return self._parameters.get(name, "")

    def lmtp_service(self) -> str:
        """Return the line of master.cf for the LMTP client, or the empty string."""
        return self._ask("postconf", "-M", "lmtp/unix", optional=True).strip()

    def look_up(self, tables: Iterable[str], keys: Iterable[str]) -> dict[str, str]:
        """Return what the first of the tables that knows a key says about it; unknown keys are absent."""
        wanted, found = list(dict.fromkeys(keys)), dict[str, str]()
        for table in tables:
            missing = "".join(f"{key}\n" for key in wanted if key not in found)
            lines = self._ask("postmap", "-q", "-", table, text=missing, optional=True).splitlines() if missing else []
            found |= {key: value.strip() for key, _, value in (line.partition("\t") for line in lines)}
        return found

    def tables(self, parameter: str) -> list[str]:
        """Return the tables (or plain names) that a parameter lists; one in braces, as inline:{…}, is one."""
        found, depth, word = [], 0, ""
        for char in self.parameter(parameter) + " ":
            depth += (char == "{") - (char == "}")
            if char in ", \t\n" and depth == 0:
                found += [word] if word else []
                word = ""
            else:
                word += char
        # proxy: only says which process opens the table; postmap opens it itself
        return [table.removeprefix("proxy:") for table in found]

    def _ask(self, program: str, *arguments: str, text: str = "", optional: bool = False) -> str:
        try:
            done = subprocess.run(
                [program, *self._options, *arguments],
                input=text,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = getattr(error, "strerror", None) or "it does not answer"
            cure = "install Postfix on this machine, or leave --postfix out"
            raise CommandError(f"cannot run {program}: {reason}", cure, UNAVAILABLE) from None
        if done.returncode and not optional:
            reason = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise CommandError(f"{program} failed: {reason[0]}", "mend Postfix' configuration first", UNAVAILABLE)
        return done.stdout


def differences(settings: Settings, postfix: Postfix, target: str | None = None) -> Iterator[Difference]:
    """Yield every way in which this Postfix would lose, refuse, bounce or harm mail for poterne."""
    yield from _sizes(settings, postfix)
    yield from _routes(settings, postfix, target)
    yield from _recipients(settings, postfix)
    yield from _inboxes(settings, postfix)
    yield from _transport(postfix)


def _sizes(settings: Settings, postfix: Postfix) -> Iterator[Difference]:
    limit, ours = int(postfix.parameter("message_size_limit") or 0), settings.limits.message_size
    if limit == 0 or limit > ours:
        said = "is unlimited" if limit == 0 else f"is {limit}, above limits.message_size of {ours}"
        yield Difference(
            "message_size_limit",
            f"{said}: larger mails would bounce",
            f"set it to {ours}, or raise limits.message_size",
        )
    for name in ("mailbox_size_limit", "virtual_mailbox_limit"):
        other = int(postfix.parameter(name) or 0)
        if limit and 0 < other < limit:
            problem = f"is {other}, below message_size_limit of {limit}: Postfix refuses to deliver any mail locally"
            yield Difference(name, problem, f"set it to {limit}, or to 0")
    lines = postfix.parameter("lmtp_line_length_limit")
    if lines != "0":
        problem = f"is {lines}: long lines are folded on the way to us, which breaks signatures of senders"
        yield Difference("lmtp_line_length_limit", problem, "set it to 0")


def _routes(settings: Settings, postfix: Postfix, target: str | None) -> Iterator[Difference]:
    wanted = target or lmtp_target(settings)
    loose = target is None and isinstance(settings.listen.endpoint("lmtp"), Systemd)
    creation = list(creation_addresses(settings))
    # transport(5): an address before its domain
    keys = [key for _queue, address in creation for key in (address, _domain(address))]
    table = postfix.look_up(postfix.tables("transport_maps"), keys)
    for queue, address in creation:
        found = table.get(address) or table.get(_domain(address))
        if not found:
            problem = f"{address} of queue {queue} does not lead to poterne"
            yield Difference("transport_maps", problem, "add the table of: poterne postfix maps transport")
        elif not (_same_hop(found, wanted) or (loose and found.startswith("lmtp:"))):
            problem = f"{address} of queue {queue} leads to {found}, poterne listens on {wanted}"
            yield Difference("transport_maps", problem, "renew the table by: poterne postfix maps transport")


def _recipients(settings: Settings, postfix: Postfix) -> Iterator[Difference]:
    creation = list(creation_addresses(settings))
    recipient_tables = postfix.tables("relay_recipient_maps")
    known = postfix.look_up(recipient_tables, [address for _queue, address in creation])
    listed = postfix.tables("relay_domains")
    domains = postfix.look_up([item for item in listed if ":" in item], [_domain(address) for _, address in creation])
    for queue, address in creation:
        domain = _domain(address)
        for name in ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains"):
            if domain in postfix.tables(name):
                problem = f"{domain} of queue {queue} stands there: its addresses are looked up as users of this host"
                yield Difference(name, problem, f"take {domain} away, and put it under relay_domains")
        if domain not in listed and domain not in domains:
            problem = f"{domain} of queue {queue} is no relay domain: Postfix will not take its mail"
            yield Difference("relay_domains", problem, f"add {domain}")
        elif recipient_tables and address not in known:
            problem = f"{address} of queue {queue} is refused as unknown"
            yield Difference("relay_recipient_maps", problem, "add the table of: poterne postfix maps recipients")
    tokens = any(queue.reply_address == "token" and queue.creation_addresses for queue in settings.queues.values())
    if tokens and "+" not in postfix.parameter("recipient_delimiter"):
        problem = "has no +: answers to a reply address with a token would be refused or lost"
        yield Difference("recipient_delimiter", problem, "set it to +, or reply_address: plain in each queue")


def _inboxes(settings: Settings, postfix: Postfix) -> Iterator[Difference]:
    ours = {address for _queue, address in creation_addresses(settings)}
    aliases = dict(inbox_aliases(settings))
    # An inbox that this Postfix does not know is forwarded from elsewhere; there is nothing to compare here then.
    for inbox, found in postfix.look_up(postfix.tables("virtual_alias_maps"), aliases).items():
        if not ours & {word.strip().casefold() for word in found.split(",")}:
            problem = f"{inbox} leads to {found}, not to a creation address"
            yield Difference("virtual_alias_maps", problem, f"let it lead to {aliases[inbox]}")


def _transport(postfix: Postfix) -> Iterator[Difference]:
    flags = next((word for word in postfix.lmtp_service().split() if word.startswith("flags=")), "")
    if "D" in flags:
        problem = f"has {flags}: D bounces every mail that was forwarded twice"
        yield Difference("master.cf lmtp", problem, "take D away")
    if postfix.parameter("smtpd_forbid_bare_newline") in {"no", ""}:
        problem = "is no: a sender can smuggle a second mail behind a bare newline"
        yield Difference("smtpd_forbid_bare_newline", problem, "set it to normalize")


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _same_hop(found: str, wanted: str) -> bool:
    return _plain_hop(found) == _plain_hop(wanted)


def _plain_hop(text: str) -> str:
    """Return a next hop without what does not change where it leads."""
    return text.strip().removeprefix("lmtp:").replace("[", "").replace("]", "").replace("localhost", "127.0.0.1")
