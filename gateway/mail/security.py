"""Recognises S/MIME and PGP and labels them. Nothing is verified or decrypted here, and the labels say so."""

from __future__ import annotations

from typing import Final

from gateway.mail.part import Part
from gateway.model import Security

SIGNED: Final = "signed (not verified)"
ENCRYPTED: Final = "encrypted"
OPAQUE: Final = "signed, the content is inside the signature (not verified)"
CERTIFICATES: Final = "certificates only"
COMPRESSED: Final = "compressed"

_PKCS7: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_PKCS7_SIGNATURE: Final = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
_BY_SMIME_TYPE: Final = {  # RFC 8551 §3.2.2
    "signed-data": OPAQUE,
    "enveloped-data": ENCRYPTED,
    "authenveloped-data": ENCRYPTED,
    "certs-only": CERTIFICATES,
    "compressed-data": COMPRESSED,
}
# RFC 5652 §14: the object identifiers of signed and of enveloped data, as they stand at the beginning of the content
_OID_SIGNED: Final = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
_OID_ENVELOPED: Final = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
_OID_WITHIN: Final = 64
_ARMOUR: Final = "-----BEGIN PGP "


def read_security(root: Part, text: str) -> Security:
    """Return the labels of a mail: from its tree, and for PGP also from its text."""
    smime: str | None = None
    pgp: str | None = None
    for part in root.walk():
        kind = part.content_type
        protocol = part.params.get("protocol", "").strip().lower()
        if kind == "multipart/signed":
            if protocol in _PKCS7_SIGNATURE:
                smime = smime or SIGNED
            elif protocol == "application/pgp-signature":
                pgp = pgp or SIGNED
        elif kind == "multipart/encrypted" and protocol == "application/pgp-encrypted":
            pgp = ENCRYPTED
        elif kind in _PKCS7:
            smime = _pkcs7(part)
        elif kind in _PKCS7_SIGNATURE:
            smime = smime or SIGNED
        elif kind == "application/pgp-signature":
            pgp = pgp or SIGNED
        elif kind in {"application/pgp-encrypted", "application/pgp"}:
            pgp = pgp or ENCRYPTED
    if pgp is None and _ARMOUR in text:
        pgp = _inline(text)
    return Security(smime, pgp)


def _pkcs7(part: Part) -> str:
    label = _BY_SMIME_TYPE.get(part.params.get("smime-type", "").strip().lower())
    if label is not None:
        return label
    head = part.content()[:_OID_WITHIN]
    if _OID_SIGNED in head:
        return OPAQUE
    return SIGNED if part.filename.lower().endswith(".p7s") and _OID_ENVELOPED not in head else ENCRYPTED


def _inline(text: str) -> str | None:
    """Find armour at the beginning of a line (RFC 9580 §6.2); quoted armour is somebody else's."""
    if text.startswith("-----BEGIN PGP MESSAGE-----") or "\n-----BEGIN PGP MESSAGE-----" in text:
        return ENCRYPTED
    if text.startswith("-----BEGIN PGP SIGNED MESSAGE-----") or "\n-----BEGIN PGP SIGNED MESSAGE-----" in text:
        return SIGNED
    return None
