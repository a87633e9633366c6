"""The house rules of one instance as plain values, built once from the settings: what judging needs, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from gateway.config.settings import Appearance, Queue, RoutingRule, Settings
from gateway.mail.address import normal, parse_mailboxes
from gateway.mail.letters import Letterhead, Look, Templates
from gateway.mail.token import TokenKeys
from gateway.model import Claim, Envelope, Facts, Mailbox, Override, Route, Stored, Tokens
from gateway.routing import Routes


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything about this instance that a decision may depend on. Frozen: a reload makes a new one."""

    hostname: str
    queues: Mapping[str, Queue]
    routes: Routes
    routing: tuple[RoutingRule, ...]
    keys: TokenKeys
    own_addresses: frozenset[str]
    standing: Mapping[str, Facts]  # per queue: the facts that are the same for every mail
    letterheads: Mapping[str, Letterhead]  # per queue

    def facts(self, claim: Claim, route: Route, tokens: Tokens, stored: Stored, now: datetime) -> Facts:
        """Put together what rules may look at: the queue's standing facts and what was gathered for this mail."""
        return replace(
            self.standing[route.queue],
            envelope=claim.envelope,
            released=claim.released,
            route=route,
            tokens=tokens,
            stored=stored,
            now=now,
            own_addresses=self.own_addresses | stored.agents,
            blocklist=(*self.standing[route.queue].blocklist, *stored.blocklist),
        )

    def route(self, rcpt_to: str, queue: str) -> Route:
        """Route an intake that was accepted for `queue`, even if its address, or the queue, is configured no more."""
        found = self.routes.route(rcpt_to)
        if found is not None and (found.queue == queue or queue not in self.queues):
            return found
        return Route(queue=queue if queue in self.queues else next(iter(self.queues)), creation_address=rcpt_to)

    def letterhead(self, queue: str, route: Route) -> Letterhead:
        """Return the queue's letterhead, answers going to the address that the mail came to if it is the queue's."""
        letterhead = self.letterheads[queue]
        return letterhead if route.queue != queue else replace(letterhead, creation_address=route.creation_address)


def build_policy(
    settings: Settings,
    secret: bytes,
    previous: tuple[bytes, ...] = (),
    letterheads: Mapping[str, Letterhead] = MappingProxyType({}),
) -> Policy:
    """Build the policy of an instance. Without letterheads it judges, but writes nothing."""
    own = own_addresses(settings)
    overrides = tuple(Override(o.sender, o.treat_as, o.queue) for o in settings.loop_protection.overrides)
    nowhere = Envelope("", "", datetime.min)  # noqa: DTZ901 - a template, replaced for every mail
    standing = {
        key: Facts(
            envelope=nowhere,
            route=Route(key, ""),
            own_addresses=own,
            blocklist=settings.loop_protection.blocklist,
            forwarders=queue.forwarders,
            authserv_ids=settings.trust.authserv_ids,
            acknowledge_unauthenticated=queue.acknowledge_unauthenticated,
            spam_policy=queue.spam,
            overrides=tuple(o for o in overrides if o.queue in (None, key)),
            max_hops=settings.loop_protection.hops,
        )
        for key, queue in settings.queues.items()
    }
    return Policy(
        hostname=settings.hostname,
        queues=MappingProxyType(dict(settings.queues)),
        routes=Routes.from_settings(settings),
        routing=settings.routing,
        keys=TokenKeys(secret, previous),
        own_addresses=own,
        standing=MappingProxyType(standing),
        letterheads=letterheads,
    )


def build_letterheads(
    settings: Settings, templates: Templates, look: Callable[[Appearance], Look]
) -> Mapping[str, Letterhead]:
    """Build every queue's letterhead; `look` loads what an appearance names."""
    return MappingProxyType(
        {
            key: Letterhead(
                queue=key,
                name=queue.name or key,
                channel=queue.reply_via,
                from_=from_mailbox(settings, key),
                hostname=settings.hostname,
                creation_address=answer_address(settings, key),
                templates=templates,
                look=look(queue.appearance),
                reply_token=queue.reply_address == "token",
            )
            for key, queue in settings.queues.items()
        }
    )


def answer_address(settings: Settings, key: str) -> str:
    """Return where answers to a queue's mail go: its first creation address, else the account of its direct inbox."""
    for item in settings.queues[key].creation_addresses:
        return item if isinstance(item, str) else item.address
    accounts = (connection.account for connection in settings.connections.values() if connection.queue == key)
    return next(accounts, from_mailbox(settings, key).address)


def own_addresses(settings: Settings) -> frozenset[str]:
    """Collect the addresses that are ours, normalised: they join the loop blocklist by themselves."""
    found: list[str] = []
    for key, queue in settings.queues.items():
        found.extend(item if isinstance(item, str) else item.address for item in queue.creation_addresses)
        found.extend(queue.inboxes)
        found.append(from_mailbox(settings, key).address)
    for channel in settings.channels.values():
        found.extend(value for value in (channel.account, channel.username) if value and "@" in value)
        found.extend(box.address for box in parse_mailboxes(channel.from_ or ""))
    for connection in settings.connections.values():
        found.extend(value for value in (connection.account, connection.username) if value and "@" in value)
    return frozenset(normal(address) for address in found if address)


def from_mailbox(settings: Settings, key: str) -> Mailbox:
    """Return the From of a queue: its own, else that of its channel, else its first inbox or creation address."""
    queue = settings.queues[key]
    channel = settings.channels.get(queue.reply_via)
    connection = settings.connections.get(queue.reply_via)
    name = queue.name or key
    if queue.from_ and (boxes := parse_mailboxes(queue.from_)):
        return boxes[0]
    for text in (channel.from_ if channel else "", connection.account if connection else ""):
        if text and (boxes := parse_mailboxes(text)):
            return Mailbox(boxes[0].name or name, boxes[0].address)
    addresses = [*queue.inboxes, *(a if isinstance(a, str) else a.address for a in queue.creation_addresses)]
    return Mailbox(name, addresses[0] if addresses else f"postmaster@{settings.hostname}")
