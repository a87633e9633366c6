"""Secrets are read where they are used, checked as they are read, and never printed.

A secret comes from a file that only its owner can read, from an environment variable, or from a systemd credential.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config.channels import Secret

MAX_OCTETS = 64 << 10
WEBHOOK_PREFIX = b"whsec_"
WEBHOOK_KEY_OCTETS = (24, 64)  # Standard Webhooks, "Signature scheme": between 24 and 64 bytes
MIN_KEY_OCTETS = 32  # the instance's key: 256 bit, as HMAC-SHA-256 deserves (RFC 2104 §3)


@dataclass(frozen=True, slots=True)
class Hidden:
    """The octets of a secret. Nothing that prints, logs or formats this value shows them."""

    value: bytes = field(repr=False)

    def text(self) -> str:
        """Return the secret as text. Raises UnicodeDecodeError for one that is not UTF-8."""
        return self.value.decode()

    def __str__(self) -> str:
        return "********"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __copy__(self) -> Hidden:
        return self

    def __deepcopy__(self, memo: object) -> Hidden:
        return self

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class SecretUnavailable(Exception):
    """A secret that cannot be used: `problem` says why, `cure` what to do, `elsewhere` that only the service has it."""

    def __init__(self, problem: str, cure: str, *, elsewhere: bool = False) -> None:
        super().__init__(f"{problem}; {cure}")
        self.problem = problem
        self.cure = cure
        self.elsewhere = elsewhere


def read_secret(secret: Secret, environment: Mapping[str, str] | None = None) -> Hidden:
    """Return the secret that the configuration names, without its final newline. Raises SecretUnavailable."""
    environment = os.environ if environment is None else environment
    if secret.file is not None:
        value = _from_file(secret.file, private=True)
    elif secret.env is not None:
        found = environment.get(secret.env)
        if found is None:
            raise SecretUnavailable(f"environment variable {secret.env} is not set", "set it, or use a file")
        value = found.encode("utf-8", "surrogateescape")
    elif secret.credential is not None:
        value = _from_credential(secret.credential, environment)
    else:
        raise SecretUnavailable("is missing", "write one of {file: PATH}, {env: NAME}, {credential: NAME}")
    value = value.removesuffix(b"\n").removesuffix(b"\r")
    if not value:
        raise SecretUnavailable("is empty", "write the secret into it")
    return Hidden(value)


def read_key(secret: Secret, environment: Mapping[str, str] | None = None) -> Hidden:
    """Return the key of this instance. Raises SecretUnavailable, also for one that is too short to resist guessing."""
    key = read_secret(secret, environment)
    if len(key.value) < MIN_KEY_OCTETS:
        raise SecretUnavailable(
            f"is {len(key.value)} octets long, too short for a key",
            f"use at least {MIN_KEY_OCTETS}, as from: openssl rand -base64 48",
        )
    return key


def read_webhook_key(secret: Secret, environment: Mapping[str, str] | None = None) -> Hidden:
    """Return the key of a webhook's signing secret. Raises SecretUnavailable, also for what is none."""
    text = read_secret(secret, environment).value
    try:
        key = base64.b64decode(text.removeprefix(WEBHOOK_PREFIX), validate=True)
    except ValueError:
        key = b""
    least, most = WEBHOOK_KEY_OCTETS
    if not text.startswith(WEBHOOK_PREFIX) or not least <= len(key) <= most:
        problem = f"is not whsec_ and {least} to {most} octets in base64"
        raise SecretUnavailable(problem, 'make one with: echo "whsec_$(openssl rand -base64 32)"')
    return Hidden(key)


def _from_credential(name: str, environment: Mapping[str, str]) -> bytes:
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if "/" in name or name in {".", ".."}:
        raise SecretUnavailable(f"credential {name!r} is not a plain name", "use the name of LoadCredential=")
    if directory is None:
        raise SecretUnavailable(
            f"credential {name} exists only inside the service",
            "start it by systemd with LoadCredential=, or use a file",
            elsewhere=True,
        )
    # The service manager made the directory for this process alone; its mode is the manager's business.
    return _from_file(Path(directory) / name, private=False)


def _from_file(path: Path, *, private: bool) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SecretUnavailable(f"{path} is not a regular file", "name a file that holds the secret")
            if private and status.st_mode & 0o077:
                mode = stat.S_IMODE(status.st_mode)
                raise SecretUnavailable(f"{path} has mode {mode:04o}, open to others", f"chmod 0600 {path}")
            value = file.read(MAX_OCTETS + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        cure = "make it, readable only for the user that runs poterne"
        raise SecretUnavailable(f"cannot read {path}: {reason}", cure) from None
    if len(value) > MAX_OCTETS:
        raise SecretUnavailable(f"{path} is larger than {MAX_OCTETS} octets", "name the file that holds the secret")
    return value
