"""DKIM (RFC 6376, RFC 8463): keys, their DNS records, and signatures that no added header survives.

Signatures are dkimpy's to the octet; the arithmetic is that of the `cryptography` package, which signs RSA twenty times
faster, and a header is read once however many keys sign it. What others signed, dkimpy verifies.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from dkim.canonicalization import CanonicalizationPolicy

from gateway.errors import Permanent

MIN_RSA_BITS = 2048
MAX_KEY_OCTETS = 64 << 10
RSA, ED25519 = b"rsa-sha256", b"ed25519-sha256"

# Each of these is named once more than it occurs (RFC 6376 §5.4.2 and §8.15), so that one that is added on the way, in
# front or behind, fails the signature. dkimpy alone would do that for From only.
OVERSIGNED = (
    b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"in-reply-to", b"references",
    b"content-type", b"mime-version", b"content-transfer-encoding", b"sender", b"auto-submitted", b"precedence",
    b"x-auto-response-suppress", b"list-id", b"list-unsubscribe", b"x-loop", b"x-poterne-loop", b"x-poterne-ref",
)  # fmt: skip

_POLICY = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
_PREHASHED = Prehashed(hashes.SHA256())
_PKCS1 = padding.PKCS1v15()
_FIELD = b"DKIM-Signature"
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_BLANKS = re.compile(rb"[ \t]+")

Kind = Literal["rsa", "ed25519"]
PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class KeyRefused(Permanent):
    """A signing key that must not be used: what is wrong with it, and the cure."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(f"{problem}; {cure}")
        self.problem = problem
        self.cure = cure


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, with the name under which its public half stands in DNS."""

    domain: str  # in ASCII, lower case
    selector: str
    private: PrivateKey = field(repr=False)

    @property
    def algorithm(self) -> bytes:
        """The value of the tag a=."""
        return RSA if isinstance(self.private, rsa.RSAPrivateKey) else ED25519

    @property
    def name(self) -> str:
        """Where the record stands in DNS."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The TXT record (RFC 6376 §3.6.1, RFC 8463 §4): strong hashes only, mail only."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            kind, encoding = "rsa", serialization.PublicFormat.SubjectPublicKeyInfo
            public = self.private.public_key().public_bytes(serialization.Encoding.DER, encoding)
        else:
            kind, encoding = "ed25519", serialization.PublicFormat.Raw
            public = self.private.public_key().public_bytes(serialization.Encoding.Raw, encoding)
        return f"v=DKIM1; k={kind}; h=sha256; s=email; p={base64.b64encode(public).decode()}"

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file; a string holds at most 255 octets (RFC 1035 §3.3.14)."""
        text = self.record
        strings = " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))
        return f"{self.name}. IN TXT ( {strings} )"


# --- keys -----------------------------------------------------------------------------------------------------


def generate(kind: Kind) -> bytes:
    """Return a new private key as PEM (PKCS #8)."""
    private: PrivateKey
    if kind == "rsa":
        private = rsa.generate_private_key(public_exponent=65537, key_size=MIN_RSA_BITS)
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    return pem_of(private)


def pem_of(private: PrivateKey) -> bytes:
    """Return a private key as PEM (PKCS #8), without a password."""
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_key_file(path: Path, pem: bytes) -> None:
    """Write a private key for its owner alone (0600). An existing file is never touched: raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())


def check_key_file(path: Path) -> None:
    """Raise KeyRefused unless the file may be used: there, regular, of a sane size, closed to group and others."""
    try:
        status = path.stat()
    except OSError as error:
        raise KeyRefused(f"cannot read {path}: {error.strerror}", "make it with `poterne dkim generate`") from None
    if not stat.S_ISREG(status.st_mode):
        raise KeyRefused(f"{path} is no regular file", "name a file that holds a private key")
    if status.st_mode & 0o077:
        raise KeyRefused(f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):04o})", f"chmod 600 {path}")
    if not 0 < status.st_size <= MAX_KEY_OCTETS:
        raise KeyRefused(f"{path} has {status.st_size} octets", "name a file that holds a private key in PEM")


def load_key(domain: str, selector: str, pem: bytes | str) -> SigningKey:
    """Return the key. Raises KeyRefused for what is no key, is encrypted, or is too weak (RFC 8301 §3.2)."""
    octets = pem.encode() if isinstance(pem, str) else pem
    again = "make a new one with `poterne dkim generate`"
    private: object
    try:
        private = serialization.load_pem_private_key(octets, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = _bare_seed(octets)
    if isinstance(private, rsa.RSAPrivateKey):
        if private.key_size < MIN_RSA_BITS:
            raise KeyRefused(f"the RSA key has only {private.key_size} bit", again)
    elif not isinstance(private, ed25519.Ed25519PrivateKey):
        raise KeyRefused("is not an RSA or Ed25519 private key in PEM without a password", again)
    return SigningKey(domain.lower().rstrip("."), selector, private)


def _bare_seed(octets: bytes) -> ed25519.Ed25519PrivateKey | None:
    """Return the Ed25519 key of a file that holds its 32 octets in base64, as dkimpy's own tool writes it."""
    try:
        seed = base64.b64decode(octets.strip(), validate=True)
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    except (binascii.Error, ValueError):
        return None


def keys_for(keys: Iterable[SigningKey], from_domain: str) -> tuple[SigningKey, ...]:
    """Return the keys that sign mails from this domain: its own, else those of the nearest domain above it.

    A domain above still aligns (RFC 7489 §3.1.1). Any other domain is not ours to speak for.
    """
    by_domain: dict[str, list[SigningKey]] = {}
    for key in keys:
        by_domain.setdefault(key.domain, []).append(key)
    domain = from_domain.lower()
    while domain:
        if domain in by_domain:
            return tuple(by_domain[domain])
        domain = domain.partition(".")[2]
    return ()


# --- signing --------------------------------------------------------------------------------------------------


class _Message:
    """A message that is read, canonicalised and hashed once, however many keys sign it.

    The octets are those that dkimpy makes, which hashes all of the header anew for every key.
    """

    def __init__(self, message: bytes) -> None:
        head, _, body = message.partition(b"\r\n\r\n")
        self._body_hash = base64.b64encode(hashlib.sha256(_canonical_body(body)).digest())
        by_name: dict[bytes, list[bytes]] = {name: [] for name in OVERSIGNED}
        for line in _FOLD.sub(b"", head).split(b"\r\n"):
            name, _, value = line.partition(b":")
            if (seen := by_name.get(name.lower().rstrip())) is not None:
                seen.append(_canonical_field(name, value))
        # RFC 6376 §5.4.2: the last field of a name comes first, and a name beyond the last one covers nothing.
        covered = b"".join(line for seen in by_name.values() for line in reversed(seen))
        self._covered = hashlib.sha256(covered)
        self._include = b" : ".join(name for name, seen in by_name.items() for _ in range(len(seen) + 1))

    def signed_by(self, key: SigningKey, timestamp: int) -> bytes:
        """Return the DKIM-Signature field with its final CRLF."""
        domain = key.domain.encode("ascii")
        tags = (
            (b"v", b"1"),
            (b"a", key.algorithm),
            (b"c", _POLICY.to_c_value()),
            (b"d", domain),
            (b"i", b"@" + domain),
            (b"q", b"dns/txt"),
            (b"s", key.selector.encode("ascii")),
            (b"t", str(timestamp).encode("ascii")),
            (b"h", self._include),
            (b"bh", self._body_hash),
            (b"b", b""),
        )
        value = b"; ".join(b"=".join(tag) for tag in tags)
        # The signature makes b= fold on its own, so that filling it in moves nothing before it.
        unsigned = dkim.fold(value + b"0" * 60, namelen=len(_FIELD))[: -len(b"0" * 60)]
        hashed = self._covered.copy()
        # RFC 6376 §3.7: the field itself is hashed last, with an empty b= and without its CRLF.
        hashed.update(_canonical_field(_FIELD, unsigned.replace(b"\r\n", b"")).rstrip())
        signature = base64.b64encode(_signature(key.private, hashed.digest()))
        return _FIELD + b": " + bytes(dkim.fold(value + signature + b"\r\n", namelen=len(_FIELD)))


def _signature(private: PrivateKey, digest: bytes) -> bytes:
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(digest, _PKCS1, _PREHASHED)
    return private.sign(digest)  # RFC 8463 §3: PureEdDSA over the SHA-256 hash


def _canonical_field(name: bytes, value: bytes) -> bytes:
    """Return an unfolded field in its relaxed form (RFC 6376 §3.4.2)."""
    return name.lower().rstrip() + b":" + _BLANKS.sub(b" ", value).strip() + b"\r\n"


def _canonical_body(body: bytes) -> bytes:
    """Return the body in its relaxed form (RFC 6376 §3.4.4). Encoded bodies mostly are in it already."""
    if b"\t" in body or b"  " in body or b" \r" in body:
        return bytes(_POLICY.canonicalize_body(body))
    trimmed = body.rstrip(b"\r\n")
    return trimmed + b"\r\n" if trimmed else b""


def sign(message: bytes, keys: Sequence[SigningKey], timestamp: int) -> bytes:
    """Return the message with one signature per key in front; without keys, the message as it is."""
    if not keys:
        return message
    reader = _Message(message)
    return b"".join(reader.signed_by(key, timestamp) for key in keys) + message


# --- verifying ------------------------------------------------------------------------------------------------

Lookup = Callable[[str], str | None]
"""Returns the TXT record of a name, or None."""


def look_up(name: str) -> str | None:
    """Return the TXT record in DNS. Blocking. Raises dkim.DKIMException when DNS does not answer in time."""
    text = dkim.dnsplug.get_txt(name.encode("ascii"), timeout=10)
    return text.decode("ascii", "replace") if text else None


def verify(message: bytes, lookup: Lookup = look_up) -> tuple[str, ...]:
    """Return one line per signature of the message: `pass`, or what is wrong with it."""

    def records(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        return (lookup(name.decode("ascii").rstrip(".")) or "").encode("ascii")

    reader = dkim.DKIM(message)
    count = sum(name.lower() == b"dkim-signature" for name, _ in reader.headers)
    lines = []
    for index in range(count):
        try:
            outcome = "pass" if reader.verify(idx=index, dnsfunc=records) else "fail: the signature does not match"
        except dkim.DKIMException as error:
            outcome = f"fail: {error}"
        lines.append(f"{_shown(reader.domain)} {_shown(reader.selector)} {outcome}")
    return tuple(lines)


def check_record(key: SigningKey, lookup: Lookup = look_up) -> str:
    """Return `pass` if DNS shows the public half of this key, else what is wrong and the cure."""
    text = lookup(key.name)
    cure = f"publish: {key.zone_line}"
    if not text:
        return f"fail: {key.name} has no TXT record; {cure}"
    tags = dict(part.strip().partition("=")[::2] for part in text.split(";") if "=" in part)
    published = "".join(tags.get("p", "").split())
    if not published:
        return f"fail: {key.name} is revoked (empty p=); {cure}"
    if published != key.record.rpartition("p=")[2]:
        return f"fail: {key.name} shows another key; {cure}"
    if tags.get("k", "rsa").strip() != key.algorithm.decode().partition("-")[0]:
        return f"fail: {key.name} names the wrong kind of key; {cure}"
    return "pass"


def _shown(value: bytes | str | None) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "-")
