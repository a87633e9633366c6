"""The types of the configuration: every key, its default, and one sentence of documentation for each.

The reference in docs/ and the commented example in config/ are generated from these types.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A mapping of the configuration: frozen, and unknown keys stop the start."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


def parse_size(value: object) -> object:
    """Turn `50MiB`, `64KiB`, `1GiB` or a plain number into octets."""
    units = {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "kb": 10**3, "mb": 10**6, "gb": 10**9, "b": 1}
    if isinstance(value, str):
        text = value.strip().lower()
        for unit, factor in units.items():
            if text.endswith(unit):
                number = text.removesuffix(unit).strip()
                return int(number) * factor if number.isdigit() else value
    return value


def parse_duration(value: object) -> object:
    """Turn `10min`, `24h`, `7d`, `30s` into a timedelta."""
    units = {"min": 60, "s": 1, "m": 60, "h": 3600, "d": 86400}
    if isinstance(value, str):
        text = value.strip().lower()
        for unit, seconds in units.items():
            number = text.removesuffix(unit)
            if number != text and number.strip().isdigit():
                return timedelta(seconds=int(number) * seconds)
    return value


Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class Secret(Section):
    """Where a secret is read from: exactly one of a file (mode 0600), an environment variable, a systemd credential."""

    file: Path | None = Field(None, description="File that holds the secret; not readable for group or others.")
    env: str | None = Field(None, description="Environment variable that holds the secret.")
    credential: str | None = Field(None, description="Name of a systemd credential (LoadCredential=).")


class Listen(Section):
    """Where the daemon listens."""

    lmtp: str = Field("127.0.0.1:8024", description="LMTP: HOST:PORT, unix:/PATH, or systemd (socket activation).")
    http: str = Field("127.0.0.1:8025", description="HTTP: HOST:PORT, unix:/PATH, systemd, or off.")
    lmtp_socket_mode: str = Field("0660", description="Mode of a unix LMTP socket.")
    metrics: str | None = Field(None, description="A listener of its own for /metrics, /healthz and /readyz.")


class Limits(Section):
    """What one client or one mail may use."""

    message_size: Size = Field(50 << 20, description="Largest mail; at least Postfix's message_size_limit.")
    connections: int = Field(200, gt=0, description="LMTP connections at once; more are answered 421.")
    bytes_in_flight: Size = Field(256 << 20, description="Octets of mails being received; beyond it 452.")
    recipients: int = Field(1000, gt=0, description="Recipients of one LMTP transaction; more are answered 452.")
    command_timeout: Duration = Field(timedelta(seconds=300), description="Longest silence between commands.")
    minimum_rate: Size = Field(500, description="Octets a second below which DATA is given up.")
    commit_timeout: Duration = Field(timedelta(seconds=10), description="Longest wait for the database before 451.")
    parser_processes: int = Field(2, gt=0, description="Processes that read mails.")
    parser_timeout: Duration = Field(timedelta(seconds=20), description="Longest time to read one mail.")
    parser_memory: Size = Field(768 << 20, description="Address space of one parser process.")
    shutdown_timeout: Duration = Field(timedelta(seconds=30), description="Longest wait for DATA in progress at stop.")


class CreationAddress(Section):
    """An envelope recipient that opens a ticket."""

    address: str = Field(description="The address.")
    type: str | None = Field(None, description="Ticket type of mails to this address.")


class Appearance(Section):
    """How mails of a queue look."""

    background: str = Field("#f4f5f7", description="Background colour.")
    accent: str = Field("#2f6fde", description="Accent colour.")
    signature: str = Field("", description="Signature under every mail of the queue.")
    logo: Path | None = Field(None, description="PNG or JPEG shown above the text.")
    locale: Literal["en", "fr"] = Field("en", description="Language of acknowledgements and notices.")
    header: str = Field("", description="Text above every mail.")
    footer: str = Field("", description="Text below every mail.")
    history: bool = Field(True, description="Quote the conversation under agents' replies.")


class Queue(Section):
    """A stream of tickets."""

    name: str = Field("", description="Name shown to people; the key if absent.")
    colour: str = Field("#5b6470", description="Colour shown beside the name.")
    creation_addresses: tuple[str | CreationAddress, ...] = Field((), description="Envelope recipients of the queue.")
    inboxes: tuple[str, ...] = Field((), description="Public addresses customers write to.")
    forwarders: tuple[str, ...] = Field((), description="Addresses, domains or List-Ids that re-send to us.")
    from_: str = Field("", alias="from", description="From of mails of this queue; the first inbox if absent.")
    reply_via: str = Field("relay", description="Channel that carries replies.")
    acknowledge: bool = Field(True, description="Answer a new ticket with an acknowledgement.")
    acknowledge_unauthenticated: bool = Field(True, description="Also to senders that nothing authenticates.")
    reply_address: Literal["token", "plain"] = Field("token", description="Reply-To with a signed plus-tag, or plain.")
    closed: Literal["reopen", "new", "append"] = Field("reopen", description="What an answer to a closed ticket does.")
    spam: Literal["tag", "hold", "ignore"] = Field("tag", description="What a spam header of the own filter does.")
    appearance: Appearance = Field(Appearance(), description="How mails of the queue look.")


class Channel(Section):
    """A way out."""

    type: Literal["relay", "smtp", "gmail", "office365"] = Field(description="Kind of channel.")
    host: str | None = Field(None, description="Server; known for gmail and office365.")
    port: int | None = Field(None, ge=1, le=65535, description="Port; 25 for relay, 587 otherwise.")
    tls: Literal["none", "starttls", "implicit"] | None = Field(None, description="TLS mode; none for relay.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the system's.")
    username: str | None = Field(None, description="Name for AUTH.")
    password: Secret | None = Field(None, description="Password for AUTH.")
    account: str | None = Field(None, description="Account of gmail and office365.")
    tenant: str | None = Field(None, description="Tenant of office365.")
    client_id: str | None = Field(None, description="Application of office365.")
    client_secret: Secret | None = Field(None, description="For unattended tenants (client credentials).")
    authority: str | None = Field(None, description="Base URL of the authorization server; Microsoft's if absent.")
    from_: str | None = Field(None, alias="from", description="From of mails sent through this channel.")
    connections: int = Field(4, gt=0, description="Kept connections at once.")
    rate: str | None = Field(None, description="Highest rate, as 30/min or 10000/d.")
    timeout: Duration = Field(timedelta(seconds=60), description="Longest wait for the server's answer.")


class Connection(Section):
    """A direct inbox; it also gives its queue a channel of the same name."""

    type: Literal["imap", "gmail", "office365"] = Field(description="Kind of account.")
    queue: str = Field(description="Queue that its mails go to.")
    account: str = Field(description="The address of the account.")
    host: str | None = Field(None, description="IMAP server; known for gmail and office365.")
    port: int | None = Field(None, ge=1, le=65535, description="IMAP port; 993 if absent.")
    tls: Literal["none", "starttls", "implicit"] = Field("implicit", description="TLS mode of IMAP.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the system's.")
    username: str | None = Field(None, description="Name to log in with; the account if absent.")
    password: Secret | None = Field(None, description="Password, or Gmail's app password.")
    tenant: str | None = Field(None, description="Tenant of office365.")
    client_id: str | None = Field(None, description="Application of office365.")
    client_secret: Secret | None = Field(None, description="For unattended tenants (client credentials).")
    authority: str | None = Field(None, description="Base URL of the authorization server; Microsoft's if absent.")
    folder: str = Field("INBOX", description="Folder to read.")
    after: Literal["flag", "move"] = Field("flag", description="What to do with a mail once it is durable here.")
    move_to: str = Field("Poterne", description="Folder that taken mails are moved to.")
    backfill: bool = Field(False, description="Also take what lay there before the first connection.")
    poll: Duration = Field(timedelta(minutes=1), description="Longest time between looks, IDLE or not.")
    smtp_host: str | None = Field(None, description="Server of the channel; known for gmail and office365.")
    smtp_port: int | None = Field(None, ge=1, le=65535, description="Port of the channel's server; 587 if absent.")
    smtp_tls: Literal["none", "starttls", "implicit"] = Field("starttls", description="TLS mode of the channel.")


class DkimKey(Section):
    """A key that signs mails whose From is in its domain."""

    domain: str = Field(description="Domain of the From address.")
    selector: str = Field(description="Selector under which the public key stands in DNS.")
    key: Secret = Field(description="Private key, PEM; RSA of at least 2048 bit, or Ed25519.")


class BoundLimits(Section):
    """The bound on automatic mail (sliding windows). Lower than the defaults is safe, higher is refused by `check`."""

    address: dict[str, int] = Field({"10min": 1, "24h": 3, "7d": 8}, description="Per canonical address.")
    organisation: dict[str, int] = Field({"1h": 10, "24h": 30}, description="Per organisation domain.")
    fingerprint: dict[str, int] = Field({"24h": 3}, description="Per content fingerprint of the cause.")
    queue: dict[str, int] = Field({"1h": 60, "24h": 400}, description="Per queue; reaching it trips the breaker.")
    agent: dict[str, int] = Field({"1h": 30}, description="Alerts per agent.")
    agent_ticket: dict[str, int] = Field({"5min": 1}, description="Alerts per agent and ticket.")


class OverrideEntry(Section):
    """An operator's word on a sender; it never lifts the bound."""

    sender: str = Field(description="Address, domain or wildcard.")
    treat_as: Literal["human", "automatic", "refuse"] = Field(description="What to take its mails for.")
    queue: str | None = Field(None, description="Only in this queue.")


class LoopProtection(Section):
    """What keeps loops from starting, and ends those that start."""

    blocklist: tuple[str, ...] = Field((), description="Never sent to; own addresses join by themselves.")
    limits: BoundLimits = Field(BoundLimits(), description="The bound on automatic mail.")
    overrides: tuple[OverrideEntry, ...] = Field((), description="Senders to take for human, automatic, or refuse.")
    hops: int = Field(45, gt=0, lt=50, description="Received fields above which a mail is held; below Postfix's 50.")


class Trust(Section):
    """Whose word on senders counts."""

    authserv_ids: tuple[str, ...] = Field((), description="Only the topmost Authentication-Results of these counts.")


class RoutingRule(Section):
    """One rule; the first that matches wins."""

    when: dict[str, str] = Field(description="sender, sender_domain, subject, recipient, queue or header:NAME.")
    set: dict[str, str | tuple[str, ...]] = Field(description="queue, type, priority, assignee, tags.")


class Webhook(Section):
    """An address that hears of events."""

    url: str = Field(description="https address (http only on loopback).")
    secret: Secret = Field(description="Signing secret, as in Standard Webhooks.")
    events: tuple[str, ...] = Field((), description="Events to send; all if empty.")


class Agents(Section):
    """How agents sign in. Local accounts live in the database: `poterne agent add`."""

    session: Duration = Field(timedelta(hours=12), description="Longest session.")
    trusted_proxy_header: str | None = Field(None, description="Header of a trusted proxy that names the agent.")
    oidc_issuer: str | None = Field(None, description="OpenID Connect issuer.")
    oidc_client_id: str | None = Field(None, description="OpenID Connect client.")
    oidc_client_secret: Secret | None = Field(None, description="OpenID Connect client secret.")
    undo_send: Duration = Field(timedelta(seconds=10), description="Time in which a reply can be taken back.")


class Settings(Section):
    """The whole configuration."""

    hostname: str = Field(description="Name of this host in Message-IDs and greetings.")
    listen: Listen = Field(Listen(), description="Where the daemon listens.")
    database: str = Field("sqlite:////var/lib/poterne/poterne.db", description="SQLAlchemy URL.")
    raw_mail: str = Field("database", description="database, file:///PATH, or s3://BUCKET/PREFIX.")
    secret: Secret = Field(Secret(), description="Key of this instance, at least 32 octets; signs tokens.")
    previous_secrets: tuple[Secret, ...] = Field((), description="Older keys whose tokens still count (rotation).")
    limits: Limits = Field(Limits(), description="What one client or one mail may use.")
    queues: dict[str, Queue] = Field(description="The queues, by key.")
    channels: dict[str, Channel] = Field({}, description="Ways out, by name; `relay` exists by default.")
    connections: dict[str, Connection] = Field({}, description="Direct inboxes, by name.")
    dkim: tuple[DkimKey, ...] = Field((), description="Signing keys; several for one domain sign side by side.")
    loop_protection: LoopProtection = Field(LoopProtection(), description="Loop protection.")
    trust: Trust = Field(Trust(), description="Whose word on senders counts.")
    routing: tuple[RoutingRule, ...] = Field((), description="Routing rules; the first match wins.")
    agents: Agents = Field(Agents(), description="How agents sign in.")
    webhooks: dict[str, Webhook] = Field({}, description="Addresses that hear of events.")
    templates: Path | None = Field(None, description="Folder whose templates replace the shipped ones.")
    soft_bounce: bool = Field(False, description="Nothing permanent: 5xx of channels are retried, too.")
