"""Certificates for tests, made on the spot: good ones, and every bad kind that a man in the middle can show."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import trustme


@cache
def authority() -> trustme.CA:
    """Return the authority that tests trust."""
    return trustme.CA()


def server_context(kind: str = "good") -> ssl.SSLContext:
    """Return a server's TLS context: good, self-signed, wrong-name or expired."""
    issuer, name, expires = authority(), "localhost", None
    if kind == "self-signed":
        issuer = trustme.CA()
    elif kind == "wrong-name":
        name = "evil.example"
    elif kind == "expired":
        expires = datetime(2020, 1, 2, tzinfo=UTC)
    names = [name] if kind == "wrong-name" else [name, "127.0.0.1"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(*names, not_after=expires).configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    """Return a context that trusts the tests' authority alone, and checks as in production."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def write_ca_file(folder: Path) -> Path:
    """Write the authority's certificate where `ca_file` can name it."""
    path = folder / "ca.pem"
    authority().cert_pem.write_to_path(str(path))
    return path


def write_server_files(folder: Path) -> tuple[Path, Path]:
    """Write a good server's certificate chain and key where a real server can read them."""
    issued = authority().issue_cert("localhost", "127.0.0.1")
    chain, key = folder / "server.pem", folder / "server.key"
    issued.private_key_pem.write_to_path(str(key))
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return chain, key
