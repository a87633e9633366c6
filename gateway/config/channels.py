"""The types of ways out and of direct inboxes, and where their secrets come from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.config.units import Address, Count, Duration, Flag, FromMailbox, Port, Rate, refuse

Tls = Literal["none", "starttls", "implicit"]


class Section(BaseModel):
    """A mapping of the configuration: frozen, and unknown keys stop the start."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class Secret(Section):
    """Where a secret is read from: exactly one of a file (mode 0600), an environment variable, a systemd credential."""

    file: Path | None = Field(None, description="File that holds the secret; not readable for group or others.")
    env: str | None = Field(None, description="Environment variable that holds the secret.")
    credential: str | None = Field(None, description="Name of a systemd credential (LoadCredential=).")

    @property
    def given(self) -> bool:
        """Tell whether the configuration names a source at all."""
        return bool(self.file or self.env or self.credential)

    @model_validator(mode="after")
    def one_source(self) -> Self:
        """Refuse none and several."""
        named = [word for word in ("file", "env", "credential") if getattr(self, word)]
        if len(named) != 1:
            found = "names no source" if not named else f"names several sources ({', '.join(named)})"
            raise refuse(found, "write one of {file: PATH}, {env: NAME}, {credential: NAME}")
        return self


class Channel(Section):
    """A way out."""

    type: Literal["relay", "smtp", "gmail", "office365"] = Field(description="Kind of channel.")
    host: str | None = Field(None, description="Server; known for gmail and office365, 127.0.0.1 for relay.")
    port: Port | None = Field(None, description="Port; 25 for relay, 587 otherwise.")
    tls: Tls | None = Field(None, description="TLS mode; none for relay, starttls otherwise.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the system's.")
    username: str | None = Field(None, description="Name for AUTH.")
    password: Secret | None = Field(None, description="Password for AUTH.")
    account: Address | None = Field(None, description="Account of gmail and office365.")
    tenant: str | None = Field(None, description="Tenant of office365.")
    client_id: str | None = Field(None, description="Application of office365.")
    client_secret: Secret | None = Field(None, description="For unattended tenants (client credentials).")
    authority: str | None = Field(None, description="Base URL of the authorization server; Microsoft's if absent.")
    from_: FromMailbox | None = Field(None, alias="from", description="From of mails sent through this channel.")
    connections: Count = Field(4, description="Kept connections at once.")
    rate: Rate | None = Field(None, description="Highest rate, as 30/min, 10000/d; known for gmail and office365.")
    timeout: Duration = Field(timedelta(seconds=60), description="Longest wait for the server's answer.")


class Connection(Section):
    """A direct inbox; it also gives its queue a channel of the same name."""

    type: Literal["imap", "gmail", "office365"] = Field(description="Kind of account.")
    queue: str = Field(description="Queue that its mails go to.")
    account: Address = Field(description="The address of the account.")
    host: str | None = Field(None, description="IMAP server; known for gmail and office365.")
    port: Port | None = Field(None, description="IMAP port; 993 if absent.")
    tls: Tls = Field("implicit", description="TLS mode of IMAP.")
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
    backfill: Flag = Field(False, description="Also take what lay there before the first connection.")
    poll: Duration = Field(timedelta(minutes=1), description="Longest time between looks, IDLE or not.")
    smtp_host: str | None = Field(None, description="Server of the channel; known for gmail and office365.")
    smtp_port: Port | None = Field(None, description="Port of the channel's server; 587 if absent.")
    smtp_tls: Tls = Field("starttls", description="TLS mode of the channel.")
    rate: Rate | None = Field(None, description="Highest rate of the channel; known for gmail and office365.")

    def channel(self) -> Channel:
        """Return the way out that this inbox brings along."""
        return Channel(
            type="smtp" if self.type == "imap" else self.type,
            host=self.smtp_host or (self.host if self.type == "imap" else None),
            port=self.smtp_port,
            tls=self.smtp_tls,
            ca_file=self.ca_file,
            username=self.username or (self.account if self.type == "imap" else None),
            password=self.password,
            account=self.account,
            tenant=self.tenant,
            client_id=self.client_id,
            client_secret=self.client_secret,
            authority=self.authority,
            from_=None,
            rate=self.rate,
        )
