"""Settings in, texts of Postfix' tables out: which addresses exist, where they lead, what inboxes forward to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.config.settings import Settings
from gateway.config.units import Off, Systemd, Tcp, Unix, folded

SOCKET_UNIT = Tcp("127.0.0.1", 8024)  # what systemd/poterne.socket listens on
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}  # noqa: S104 - these are not bound, but avoided


@dataclass(frozen=True, slots=True)
class Table:
    """One lookup table: the parameter of main.cf that takes it, its file name, and its entries."""

    parameter: str
    name: str
    purpose: str
    entries: tuple[tuple[str, str], ...]

    def text(self) -> str:
        """Return the table as postmap(1) reads it."""
        width = max((len(key) for key, _value in self.entries), default=0)
        head = f"# {self.purpose}\n# main.cf: {self.parameter} = hash:/etc/postfix/{self.name}\n"
        return head + "".join(f"{key.ljust(width)}  {value}\n" for key, value in self.entries)


def tables(settings: Settings, target: str | None = None) -> tuple[Table, ...]:
    """Return the tables for a configuration. `target` replaces what listen.lmtp says."""
    nexthop = target or lmtp_target(settings)
    creation = list(creation_addresses(settings))
    return (
        Table(
            "transport_maps",
            "poterne_transport",
            "Mail for creation addresses goes to poterne; answers with a plus-tag follow by recipient_delimiter = +",
            tuple((address, nexthop) for _queue, address in creation),
        ),
        Table(
            "relay_recipient_maps",
            "poterne_recipients",
            "Creation addresses that exist: Postfix refuses the others itself",
            tuple((address, "OK") for _queue, address in creation),
        ),
        Table(
            "virtual_alias_maps",
            "poterne_inboxes",
            "Public inboxes forward to the first creation address of their queue",
            tuple(inbox_aliases(settings)),
        ),
    )


def creation_addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield queue and address of every creation address, as Postfix looks it up (folded, its domain in ASCII)."""
    for key, queue in settings.queues.items():
        for item in queue.addresses:
            yield key, folded(item.address)


def inbox_aliases(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield every inbox that is not itself a creation address, with where it forwards to."""
    creation = {address for _queue, address in creation_addresses(settings)}
    connected = {folded(connection.account) for connection in settings.connections.values()}
    for queue in settings.queues.values():
        for inbox in queue.inboxes:
            if queue.creation_addresses and folded(inbox) not in creation | connected:
                yield folded(inbox), folded(queue.addresses[0].address)


def lmtp_target(settings: Settings) -> str:
    """Return transport and next hop for listen.lmtp, as transport(5) writes them."""
    where = settings.listen.endpoint("lmtp")
    match where:
        case Unix(path):
            return f"lmtp:unix:{path}"
        case Systemd() | Off():
            where = SOCKET_UNIT
        case Tcp():
            pass
    host = EVERYWHERE.get(where.host, where.host)
    return f"lmtp:inet:[{host}]:{where.port}" if ":" in host else f"lmtp:inet:{host}:{where.port}"
