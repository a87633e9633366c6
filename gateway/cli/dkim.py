"""`poterne dkim`: keys, their DNS records, and what a mail's signatures are worth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gateway.cli import sysexits
from gateway.cli.frame import CommandError, group
from gateway.cli.opening import read_settings
from gateway.cli.output import json_option, print_json

if TYPE_CHECKING:
    from gateway.console.signing import SigningKey

Algorithm = Literal["rsa", "ed25519"]

domain_option = click.option("--domain", metavar="DOMAIN", help="Domain of the From address.")
selector_option = click.option("--selector", metavar="NAME", help="Selector, as p2026.")


@group()
def dkim() -> None:
    """Signatures of our mails (RFC 6376)."""


@dkim.command()
@click.option("--algorithm", type=click.Choice(["rsa", "ed25519"]), default="rsa", show_default=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to make (0600); else standard output."
)
@domain_option
@selector_option
def generate(algorithm: Algorithm, out: Path | None, domain: str | None, selector: str | None) -> None:
    """Make a private key. With --domain and --selector, also print the record for DNS and the lines for the YAML."""
    from gateway.console import signing

    pem = signing.generate(algorithm)
    if out is None:
        click.echo(pem.decode(), nl=False)
        return
    try:
        signing.write_key_file(out, pem)
    except FileExistsError:
        raise CommandError(
            f"{out} exists", "name another file; a key is never overwritten", sysexits.CANTCREAT
        ) from None
    if domain is None or selector is None:
        click.echo(f"{out}: a new {algorithm} key")
        return
    key = signing.load_key(domain, selector, pem)
    click.echo(f"{out}: a new {algorithm} key. Publish in DNS, then add to dkim in the configuration:\n")
    click.echo(f"{key.zone_line}\n\n  - {{domain: {domain}, selector: {selector}, key: {{file: {out}}}}}")


@dkim.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@domain_option
@selector_option
@click.option("--zone", is_flag=True, help="As a line of a zone file.")
def record(file: Path | None, domain: str | None, selector: str | None, zone: bool) -> None:
    """Print the TXT record of the key in FILE, or of every key of the configuration (with its name)."""
    if file is None:
        for key in configured_keys():
            click.echo(key.zone_line if zone else f"{key.name} {key.record}")
        return
    if zone and (domain is None or selector is None):
        raise CommandError("a zone line needs --domain and --selector", "give both", sysexits.USAGE)
    key = read_key_file(file, domain or "example.invalid", selector or "unnamed")
    click.echo(key.zone_line if zone else key.record)


@dkim.command()
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True, path_type=Path))
@json_option
def verify(files: tuple[Path, ...], as_json: bool) -> int:
    """Verify the signatures of mails; without FILES, compare the configured keys with what DNS shows.

    Exit code 1 if one does not pass.
    """
    from gateway.console import signing

    checks: list[tuple[str, str]] = []
    if files:
        from gateway.mail import to_crlf

        for file in files:
            raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
            lines = signing.verify(to_crlf(raw)) or ("- - fail: the mail has no signature",)
            checks += [(str(file), line) for line in lines]
    else:
        checks = [(key.name, signing.check_record(key)) for key in configured_keys()]
        if not checks:
            raise CommandError(
                "no keys are configured", "name mails to verify, or add keys under dkim", sysexits.NOINPUT
            )
    for name, line in checks:
        if as_json:
            print_json({"name": name, "result": line})
        else:
            click.echo(f"{name}: {line}")
    good = all(line.split(": ")[0].endswith("pass") for _name, line in checks)
    return sysexits.OK if good else sysexits.FOUND_PROBLEMS


def read_key_file(file: Path, domain: str, selector: str) -> SigningKey:
    """Return the key in a file, its permissions checked."""
    from gateway.console import signing

    try:
        signing.check_key_file(file)
        return signing.load_key(domain, selector, file.read_bytes())
    except signing.KeyRefused as error:
        raise CommandError(f"{file}: {error.problem}", error.cure, sysexits.DATAERR) from None


def configured_keys() -> list[SigningKey]:
    """Return the keys that the configuration names."""
    from gateway.config import SecretUnavailable, read_secret
    from gateway.console import signing

    found = []
    for index, item in enumerate(read_settings().dkim):
        try:
            found.append(signing.load_key(item.domain, item.selector, read_secret(item.key).value))
        except SecretUnavailable as error:
            raise CommandError(f"dkim[{index}].key: {error.problem}", error.cure, sysexits.CONFIG) from None
        except signing.KeyRefused as error:
            raise CommandError(f"dkim[{index}].key: {error.problem}", error.cure, sysexits.CONFIG) from None
    return found
