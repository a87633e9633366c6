"""The types of the configuration: every key, its default, and one sentence of documentation for each.

The reference in docs/ and the commented example in config/ are generated from these types.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator

from gateway.config.channels import Channel, Connection, Secret, Section
from gateway.config.units import (
    Address,
    Colour,
    Count,
    Domain,
    Duration,
    Endpoint,
    Flag,
    FromMailbox,
    Listener,
    Name,
    Pattern,
    Pause,
    Selector,
    Size,
    Tally,
    Window,
    duration,
    endpoint,
    parse_duration,
    parse_size,
    refuse,
    shown,
)
from gateway.model import Subscription

__all__ = [
    "Agents",
    "Appearance",
    "BoundLimits",
    "Channel",
    "Connection",
    "CreationAddress",
    "DkimKey",
    "Limits",
    "Listen",
    "LoopProtection",
    "OverrideEntry",
    "Queue",
    "RoutingRule",
    "Secret",
    "Section",
    "Settings",
    "Trust",
    "Webhook",
    "parse_duration",
    "parse_size",
]

NO_SECRET = Secret.model_construct()  # what a configuration without `secret` has: named by `check`, and unusable

# The safe defaults of the bound (I2). A configuration may tighten them; it cannot lift them.
ADDRESS_BOUND = {"10min": 1, "24h": 3, "7d": 8}
ORGANISATION_BOUND = {"1h": 10, "24h": 30}
FINGERPRINT_BOUND = {"24h": 3}
QUEUE_BOUND = {"1h": 60, "24h": 400}
AGENT_BOUND = {"1h": 30}
AGENT_TICKET_BOUND = {"5min": 1}


def check_socket_mode(text: str) -> str:
    """Return `text` if it is an octal mode that keeps strangers out."""
    if len(text) not in {3, 4} or not set(text) <= set("01234567"):
        raise refuse(f"{shown(text)} is not a file mode", 'write it octal and in quotes, as "0660"')
    return text


class Listen(Section):
    """Where the daemon listens."""

    lmtp: Listener = Field("127.0.0.1:8024", description="LMTP: HOST:PORT, unix:/PATH, or systemd (socket activation).")
    http: Listener = Field("127.0.0.1:8025", description="HTTP: HOST:PORT, unix:/PATH, systemd, or off.")
    lmtp_socket_mode: Annotated[str, AfterValidator(check_socket_mode)] = Field(
        "0660", description="Mode of a unix LMTP socket."
    )
    metrics: Listener | None = Field(None, description="A listener of its own for /metrics, /healthz and /readyz.")

    def endpoint(self, which: Literal["lmtp", "http", "metrics"]) -> Endpoint:
        """Return one of the listeners, taken apart; `off` where there is none."""
        return endpoint({"lmtp": self.lmtp, "http": self.http, "metrics": self.metrics}[which] or "off")


class Limits(Section):
    """What one client or one mail may use."""

    message_size: Size = Field(50 << 20, description="Largest mail; at least Postfix's message_size_limit.")
    connections: Count = Field(200, description="LMTP connections at once; more are answered 421.")
    bytes_in_flight: Size = Field(256 << 20, description="Octets of mails being received; beyond it 452.")
    recipients: Count = Field(1000, description="Recipients of one LMTP transaction; more are answered 452.")
    command_timeout: Duration = Field(timedelta(seconds=300), description="Longest silence between commands.")
    minimum_rate: Size = Field(500, description="Octets a second below which DATA is given up.")
    commit_timeout: Duration = Field(timedelta(seconds=10), description="Longest wait for the database before 451.")
    parser_processes: Count = Field(2, description="Processes that read mails.")
    parser_timeout: Duration = Field(timedelta(seconds=20), description="Longest time to read one mail.")
    parser_memory: Size = Field(768 << 20, description="Address space of one parser process.")
    shutdown_timeout: Duration = Field(timedelta(seconds=30), description="Longest wait for DATA in progress at stop.")


class CreationAddress(Section):
    """An envelope recipient that opens a ticket."""

    address: Address = Field(description="The address.")
    type: str | None = Field(None, description="Ticket type of mails to this address.")


class Appearance(Section):
    """How mails of a queue look."""

    background: Colour = Field("#f4f5f7", description="Background colour.")
    accent: Colour = Field("#2f6fde", description="Accent colour.")
    signature: str = Field("", description="Signature under every mail of the queue.")
    logo: Path | None = Field(None, description="PNG or JPEG shown above the text.")
    locale: Literal["en", "fr"] = Field("en", description="Language of acknowledgements and notices.")
    header: str = Field("", description="Text above every mail.")
    footer: str = Field("", description="Text below every mail.")
    history: Flag = Field(True, description="Quote the conversation under agents' replies.")


def written_as(value: object) -> str:
    """Tell which of its two spellings a creation address uses."""
    return "address" if isinstance(value, str) else "mapping"


WrittenAddress = Annotated[
    Annotated[Address, Tag("address")] | Annotated[CreationAddress, Tag("mapping")], Discriminator(written_as)
]


class Queue(Section):
    """A stream of tickets."""

    name: str = Field("", description="Name shown to people; the key if absent.")
    colour: Colour = Field("#5b6470", description="Colour shown beside the name.")
    creation_addresses: tuple[WrittenAddress, ...] = Field((), description="Envelope recipients of the queue.")
    inboxes: tuple[Address, ...] = Field((), description="Public addresses customers write to.")
    forwarders: tuple[Pattern, ...] = Field((), description="Addresses, domains or List-Ids that re-send to us.")
    from_: FromMailbox = Field(
        "", alias="from", description="From of mails of this queue; its channel's, or the first inbox, if absent."
    )
    reply_via: str = Field("relay", description="Channel that carries replies.")
    acknowledge: Flag = Field(True, description="Answer a new ticket with an acknowledgement.")
    acknowledge_unauthenticated: Flag = Field(True, description="Also to senders that nothing authenticates.")
    reply_address: Literal["token", "plain"] = Field("token", description="Reply-To with a signed plus-tag, or plain.")
    closed: Literal["reopen", "new", "append"] = Field("reopen", description="What an answer to a closed ticket does.")
    spam: Literal["tag", "hold", "ignore"] = Field("tag", description="What a spam header of the own filter does.")
    appearance: Appearance = Field(Appearance(), description="How mails of the queue look.")

    @property
    def addresses(self) -> tuple[CreationAddress, ...]:
        """The creation addresses, each as a mapping, however it was written."""
        return tuple(
            CreationAddress(address=item, type=None) if isinstance(item, str) else item
            for item in self.creation_addresses
        )


class DkimKey(Section):
    """A key that signs mails whose From is in its domain."""

    domain: Domain = Field(description="Domain of the From address.")
    selector: Selector = Field(description="Selector under which the public key stands in DNS.")
    key: Secret = Field(description="Private key, PEM; RSA of at least 2048 bit, or Ed25519.")


class BoundLimits(Section):
    """The bound on automatic mail (sliding windows). A window that is not named keeps its default.

    Lower than the defaults is safe, higher is refused.
    """

    address: dict[Window, Tally] = Field(ADDRESS_BOUND, description="Per canonical address.")
    organisation: dict[Window, Tally] = Field(ORGANISATION_BOUND, description="Per organisation domain.")
    fingerprint: dict[Window, Tally] = Field(FINGERPRINT_BOUND, description="Per content fingerprint of the cause.")
    queue: dict[Window, Tally] = Field(QUEUE_BOUND, description="Per queue; far more opens the breaker.")
    agent: dict[Window, Tally] = Field(AGENT_BOUND, description="Alerts per agent.")
    agent_ticket: dict[Window, Tally] = Field(AGENT_TICKET_BOUND, description="Alerts per agent and ticket.")

    def table(self) -> dict[str, dict[timedelta, int]]:
        """Return the limits by scope, their windows as times."""
        return {
            scope: {duration(window): count for window, count in getattr(self, scope).items()}
            for scope in type(self).model_fields
        }

    @field_validator("*", mode="after")
    @classmethod
    def keep_safe_windows(cls, value: dict[str, int], info: object) -> dict[str, int]:
        """Add the default windows that were not named, so that naming one window never drops another."""
        safe = cls.model_fields[getattr(info, "field_name", "")].default
        named = {duration(window) for window in value}
        return {**value, **{window: count for window, count in safe.items() if duration(window) not in named}}


class OverrideEntry(Section):
    """An operator's word on a sender; it never lifts the bound."""

    sender: Pattern = Field(description="Address, domain or wildcard.")
    treat_as: Literal["human", "automatic", "refuse"] = Field(description="What to take its mails for.")
    queue: str | None = Field(None, description="Only in this queue.")


class LoopProtection(Section):
    """What keeps loops from starting, and ends those that start."""

    blocklist: tuple[Pattern, ...] = Field((), description="Never sent to; own addresses join by themselves.")
    limits: BoundLimits = Field(BoundLimits(), description="The bound on automatic mail.")
    overrides: tuple[OverrideEntry, ...] = Field((), description="Senders to take for human, automatic, or refuse.")
    hops: Count = Field(45, lt=50, description="Received fields above which a mail is held; below Postfix's 50.")


class Trust(Section):
    """Whose word on senders counts."""

    authserv_ids: tuple[str, ...] = Field((), description="Only the topmost Authentication-Results of these counts.")


def assigned_as(value: object) -> str:
    """Tell whether a rule sets one word or a list (of tags)."""
    return "text" if isinstance(value, str) else "list"


Assigned = Annotated[Annotated[str, Tag("text")] | Annotated[tuple[str, ...], Tag("list")], Discriminator(assigned_as)]


class RoutingRule(Section):
    """One rule; the first that matches wins."""

    when: dict[str, str] = Field(description="sender, sender_domain, subject, recipient, queue or header:NAME.")
    set: dict[str, Assigned] = Field(description="queue, type, priority, assignee, tags.")


class Webhook(Section):
    """An address that hears of events."""

    url: str = Field(description="https address (http only on loopback).")
    secret: Secret = Field(description="Signing secret, `whsec_` and base64, as in Standard Webhooks.")
    previous_secrets: tuple[Secret, ...] = Field((), description="Older secrets that still sign, too (rotation).")
    events: tuple[str, ...] = Field((), description="Types or families (`ticket.*`) to send; all if empty.")
    queues: tuple[str, ...] = Field((), description="Queues whose events are sent; all if empty.")
    notes: Flag = Field(False, description="Also send internal notes, with their text.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the system's.")
    timeout: Duration = Field(timedelta(seconds=15), description="Longest time of one attempt.")
    connections: Count = Field(4, description="Attempts under way at once.")
    keep: Duration = Field(timedelta(days=30), description="How long deliveries are kept to look at.")


class Agents(Section):
    """How agents sign in. Local accounts live in the database: `poterne agent add`."""

    session: Duration = Field(timedelta(hours=12), description="Longest session.")
    trusted_proxy_header: str | None = Field(None, description="Header of a trusted proxy that names the agent.")
    oidc_issuer: str | None = Field(None, description="OpenID Connect issuer.")
    oidc_client_id: str | None = Field(None, description="OpenID Connect client.")
    oidc_client_secret: Secret | None = Field(None, description="OpenID Connect client secret.")
    undo_send: Pause = Field(timedelta(seconds=10), description="Time in which a reply can be taken back.")


class Settings(Section):
    """The whole configuration."""

    hostname: Domain = Field(description="Name of this host in Message-IDs and greetings.")
    listen: Listen = Field(Listen(), description="Where the daemon listens.")
    database: str = Field("sqlite:////var/lib/poterne/poterne.db", description="SQLAlchemy URL.")
    raw_mail: str = Field("database", description="database, file:///PATH, or s3://BUCKET/PREFIX.")
    secret: Secret = Field(NO_SECRET, description="Key of this instance, at least 32 octets; signs tokens.")
    previous_secrets: tuple[Secret, ...] = Field((), description="Older keys whose tokens still count (rotation).")
    limits: Limits = Field(Limits(), description="What one client or one mail may use.")
    queues: dict[Name, Queue] = Field(min_length=1, description="The queues, by key.")
    channels: dict[Name, Channel] = Field({}, description="Ways out, by name; `relay` exists by default.")
    connections: dict[Name, Connection] = Field({}, description="Direct inboxes, by name.")
    dkim: tuple[DkimKey, ...] = Field((), description="Signing keys; several for one domain sign side by side.")
    loop_protection: LoopProtection = Field(LoopProtection(), description="Loop protection.")
    trust: Trust = Field(Trust(), description="Whose word on senders counts.")
    routing: tuple[RoutingRule, ...] = Field((), description="Routing rules; the first match wins.")
    templates: Path | None = Field(None, description="Folder whose templates of mails stand before the shipped ones.")
    soft_bounce: bool = Field(False, description="Nothing permanent while you try things out: 5xx become 4xx.")
    agents: Agents = Field(Agents(), description="How agents sign in.")
    webhooks: dict[Name, Webhook] = Field({}, description="Addresses that hear of events.")

    @field_validator("queues", mode="after")
    @classmethod
    def name_queues(cls, value: dict[str, Queue]) -> dict[str, Queue]:
        """Call a queue by its key where no name is written."""
        return {key: queue.model_copy(update={"name": queue.name or key}) for key, queue in value.items()}

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """What each webhook wants to hear."""
        return tuple(Subscription(name, item.events, item.queues, item.notes) for name, item in self.webhooks.items())

    @property
    def ways_out(self) -> dict[str, Channel]:
        """Every channel by name: the default relay, those of direct inboxes, and those written down, which win."""
        relay = {"relay": Channel(type="relay")}
        return {**relay, **{name: item.channel() for name, item in self.connections.items()}, **self.channels}
