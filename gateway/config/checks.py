"""What has to hold between the keys of a configuration: names that exist, addresses that are owned once, safe limits.

Each check reads frozen settings and yields findings; none touches a file, so that they run on any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.config import settings as types
from gateway.config.document import Loc, guess
from gateway.config.settings import Channel, Connection, Queue, Settings
from gateway.config.units import domain_of, duration, folded, shown, split_mailbox

TOKEN_OCTETS = 41  # a plus sign and a token of 40 characters
MAX_LOCAL_PART = 64  # RFC 5321 §4.5.3.1.1
LOOPBACK = ("127.0.0.1", "::1", "localhost", "")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or (a warning) that will not do what its writer hopes."""

    loc: Loc
    problem: str
    cure: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """Every name that is written in the file, also those of sections that have errors of their own."""

    queues: frozenset[str]
    channels: frozenset[str]


Check = Callable[[Settings, Names], Iterable[Finding]]


def names_exist(settings: Settings, names: Names) -> Iterator[Finding]:
    """Refuse names of queues and channels that nobody defined."""
    channels, queues = sorted(names.channels | {"relay"}), sorted(names.queues)
    for key, queue in settings.queues.items():
        if queue.reply_via not in channels:
            yield _dangling(("queues", key, "reply_via"), "channel", queue.reply_via, channels)
    for key, connection in settings.connections.items():
        if connection.queue not in queues:
            yield _dangling(("connections", key, "queue"), "queue", connection.queue, queues)
    for index, override in enumerate(settings.loop_protection.overrides):
        if override.queue is not None and override.queue not in queues:
            yield _dangling(("loop_protection", "overrides", index, "queue"), "queue", override.queue, queues)
    for index, rule in enumerate(settings.routing):
        for part, words in (("when", rule.when), ("set", rule.set)):
            word = words.get("queue")
            if isinstance(word, str) and word not in queues:
                yield _dangling(("routing", index, part, "queue"), "queue", word, queues)


def queues_can_work(settings: Settings, _names: Names) -> Iterator[Finding]:
    """Refuse a queue that no mail can reach, and an address that has no room for the reply token."""
    connected = {connection.queue for connection in settings.connections.values()}
    for key, queue in settings.queues.items():
        if not queue.creation_addresses and key not in connected:
            cure = "add one, or connect an inbox to the queue under connections"
            yield Finding(("queues", key, "creation_addresses"), "is empty: no mail can reach this queue", cure)
        if queue.reply_address == "plain":
            continue
        for index, item in enumerate(queue.addresses):
            room = MAX_LOCAL_PART - TOKEN_OCTETS
            if len(item.address.rpartition("@")[0].encode()) > room:
                problem = f"{shown(item.address)} leaves no room for the reply token in a local part of 64 octets"
                cure = f"use at most {room} octets before the @, or reply_address: plain"
                yield Finding(_address_loc(queue, key, index), problem, cure)


def addresses_are_owned_once(settings: Settings, _names: Names) -> Iterator[Finding]:
    """Refuse an address that would belong to two queues, and one that is written twice."""
    creation: dict[str, str] = {}  # folded address -> queue
    for key, queue in settings.queues.items():
        for index, item in enumerate(queue.addresses):
            owner = creation.setdefault(folded(item.address), key)
            first = [folded(other.address) for other in queue.addresses].index(folded(item.address)) == index
            if owner != key or not first:
                yield _taken(_address_loc(queue, key, index), item.address, owner, key)
    inboxes: dict[str, str] = {}
    for key, queue in settings.queues.items():
        for index, inbox in enumerate(queue.inboxes):
            # A queue's own creation address may be its inbox: customers then write to it directly.
            owner = creation.get(folded(inbox), key)
            owner = inboxes.setdefault(folded(inbox), key) if owner == key else owner
            if owner != key:
                yield _taken(("queues", key, "inboxes", index), inbox, owner, key)
    accounts: dict[str, str] = {}
    for name, connection in settings.connections.items():
        account = folded(connection.account)
        owner = {**creation, **inboxes}.get(account, connection.queue)
        if owner != connection.queue:
            yield _taken(("connections", name, "account"), connection.account, owner, connection.queue)
        if accounts.setdefault(account, name) != name and connection.folder == "INBOX":
            problem = f"{shown(connection.account)} is fetched by connection {accounts[account]} already"
            yield Finding(("connections", name, "account"), problem, "remove one of the two")


def channels_are_complete(settings: Settings, _names: Names) -> Iterator[Finding]:
    """Refuse a channel or an inbox that lacks what its type needs, or that would show a password to the network."""
    for name, channel in settings.channels.items():
        yield from _lacking(("channels", name), channel, NEEDED_BY_CHANNEL[channel.type])
        yield from _in_clear(("channels", name), channel)
        twin = settings.connections.get(name)
        if twin is not None and folded(channel.account or twin.account) != folded(twin.account):
            problem = f"is another account than that of the inbox {name}, which brings this channel along"
            yield Finding(("channels", name, "account"), problem, "rename the channel, or use the same account")
    for name, connection in settings.connections.items():
        yield from _lacking(("connections", name), connection, NEEDED_BY_CONNECTION[connection.type])
        if connection.tls == "none" and (connection.host or "") not in LOOPBACK:
            problem = "sends the password in clear"
            yield Finding(("connections", name, "tls"), problem, "use implicit or starttls")


def bound_is_not_lifted(settings: Settings, _names: Names) -> Iterator[Finding]:
    """Refuse limits above the safe defaults (I2)."""
    for section, safe in SAFE_BOUND.items():
        windows = {duration(window): count for window, count in safe.items()}
        configured: Mapping[str, int] = getattr(settings.loop_protection.limits, section)
        for window, count in configured.items():
            most = windows.get(duration(window))
            if most is not None and count > most:
                loc = ("loop_protection", "limits", section, window)
                yield Finding(loc, f"{count} is above the safe bound of {most} in {window}", f"use {most} or less")


def limits_fit_together(settings: Settings, _names: Names) -> Iterator[Finding]:
    """Refuse limits that would let no mail of the permitted size through."""
    limits = settings.limits
    if limits.bytes_in_flight < limits.message_size:
        problem = f"{limits.bytes_in_flight} octets are less than one mail of limits.message_size"
        yield Finding(("limits", "bytes_in_flight"), problem, f"use at least {limits.message_size}")
    if limits.parser_memory < 4 * limits.message_size:
        problem = f"{limits.parser_memory} octets cannot hold a mail of limits.message_size while it is read"
        yield Finding(("limits", "parser_memory"), problem, f"use at least {4 * limits.message_size}")


def mails_will_be_signed(settings: Settings, _names: Names) -> Iterator[Finding]:
    """Refuse a From that no signature can align with, and warn of one that none will (RFC 7489 §3.1.1)."""
    for key, queue in settings.queues.items():
        channel = settings.ways_out.get(queue.reply_via)
        sender = _from_of(settings, queue)
        if channel is None or not sender:
            continue
        loc: Loc = ("queues", key, "from") if queue.from_ else ("queues", key, "reply_via")
        where = domain_of(sender)
        signed = any(_aligned(where, item.domain) for item in settings.dkim)
        # What is sent as an account is signed for the account's domain by its provider, and for none but that.
        account = domain_of(channel.account) if channel.account else ""
        if account and not _aligned(where, account):
            problem = f"{queue.reply_via} signs for {account}, which does not align with From in {where}"
            cure = f"use a From in {account}, or another channel"
            if signed:
                cure += f"; or let the provider accept {sender} as a sender of the account"
            yield Finding(loc, problem, cure, warning=signed)
        elif not signed and channel.type not in {"gmail", "office365"}:
            problem = f"mails from {where} leave without a DKIM signature that aligns"
            cure = f"add a key for {where} under dkim, as from: poterne dkim generate"
            yield Finding(loc, problem, cure, warning=True)


def _from_of(settings: Settings, queue: Queue) -> str:
    """Return the address that mails of this queue come from: its own, its channel's, its inbox's, its first."""
    channel = settings.channels.get(queue.reply_via)
    connection = settings.connections.get(queue.reply_via)
    written = [queue.from_, (channel.from_ if channel else "") or "", connection.account if connection else ""]
    known = [*written, *queue.inboxes, *(item.address for item in queue.addresses)]
    return next((split_mailbox(text)[1] for text in known if text), "")


def _aligned(one: str, other: str) -> bool:
    """Tell whether two domains align, relaxed (RFC 7489 §3.1.1): equal, or one below the other."""
    one, other = one.casefold(), other.casefold()
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _lacking(loc: Loc, item: Channel | Connection, needed: Iterable[str]) -> Iterator[Finding]:
    for key in needed:
        if getattr(item, key) is None:
            yield Finding(
                (*loc, key), f"is missing, and {item.type} needs it", f"add {key} to {'.'.join(map(str, loc))}"
            )


def _in_clear(loc: Loc, channel: Channel) -> Iterator[Finding]:
    if channel.username is not None and channel.password is None and channel.type in {"relay", "smtp"}:
        yield Finding((*loc, "password"), "is missing, and username needs it", "add password, or remove username")
    tls = channel.tls or ("none" if channel.type == "relay" else "starttls")
    if channel.username is not None and tls == "none" and (channel.host or "") not in LOOPBACK:
        yield Finding((*loc, "tls"), "sends the password in clear", "use starttls or implicit")


def _dangling(loc: Loc, kind: str, word: str, known: list[str]) -> Finding:
    return Finding(loc, f"there is no {kind} {shown(word)}", guess(word, known))


def _taken(loc: Loc, address: str, owner: str, key: str) -> Finding:
    where = f"belongs to queue {owner} already" if owner != key else "is written twice"
    return Finding(loc, f"{shown(address)} {where}", "keep it in one place")


def _address_loc(queue: Queue, key: str, index: int) -> Loc:
    base: Loc = ("queues", key, "creation_addresses", index)
    return base if isinstance(queue.creation_addresses[index], str) else (*base, "address")


SAFE_BOUND: Mapping[str, Mapping[str, int]] = {
    "address": types.ADDRESS_BOUND,
    "organisation": types.ORGANISATION_BOUND,
    "fingerprint": types.FINGERPRINT_BOUND,
    "queue": types.QUEUE_BOUND,
    "agent": types.AGENT_BOUND,
    "agent_ticket": types.AGENT_TICKET_BOUND,
}
NEEDED_BY_CHANNEL: Mapping[str, tuple[str, ...]] = {
    "relay": (),
    "smtp": ("host",),
    "gmail": ("account", "password"),
    "office365": ("account", "tenant", "client_id"),
}
NEEDED_BY_CONNECTION: Mapping[str, tuple[str, ...]] = {
    "imap": ("host", "password"),
    "gmail": ("password",),
    "office365": ("tenant", "client_id"),
}
