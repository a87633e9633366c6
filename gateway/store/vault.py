"""Small secrets that must survive a restart, sealed with the key of the instance (ports.Vault)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.store.core import StoreCore
from gateway.store.statement import Statement
from gateway.store.tables_out import keepsakes

OWNER = "vault"
NONCE = 12  # octets, NIST SP 800-38D §5.2.1.1

LOAD = Statement(
    select(keepsakes.c.value).where(keepsakes.c.owner == bindparam("owner"), keepsakes.c.name == bindparam("name"))
)
SAVE = Statement(
    upsert(keepsakes)
    .values(owner=bindparam("holder"), name=bindparam("which"), updated_at=bindparam("now"), value=bindparam("content"))
    .on_conflict_do_update(
        index_elements=["owner", "name"], set_={"updated_at": bindparam("now"), "value": bindparam("content")}
    )
)


class SealedVault:
    """Implements ports.Vault: AES-256-GCM; the name is authenticated, so that two values cannot be exchanged."""

    def __init__(self, store: StoreCore, secret: bytes, previous: Sequence[bytes] = ()) -> None:
        self._store = store
        self._keys = [seal_key(key) for key in (secret, *previous)]

    async def load(self, name: str) -> bytes | None:
        """Return what was saved under this name; None if there is nothing, or no key of ours opens it."""
        sealed = await self._store.read(lambda context: context.transaction.value(LOAD, owner=OWNER, name=name))
        if sealed is None:
            return None
        octets = bytes(sealed)
        for key in self._keys:
            try:
                return key.decrypt(octets[:NONCE], octets[NONCE:], name.encode())
            except InvalidTag:
                continue
        return None

    async def save(self, name: str, content: bytes) -> None:
        """Replace what stands under this name, durably."""
        nonce = secrets.token_bytes(NONCE)
        sealed = nonce + self._keys[0].encrypt(nonce, content, name.encode())
        await self._store.write(
            lambda context: context.transaction.run(SAVE, holder=OWNER, which=name, now=context.now, content=sealed)
        )


def seal_key(secret: bytes) -> AESGCM:
    """Derive the sealing key from the secret of the instance; tokens are signed with another one."""
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"poterne vault 1").derive(secret))
