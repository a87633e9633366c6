"""Signing in: each refusal comes with the next step, trouble that passes asks nobody, and no rotated token is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import SignInRefused, StorageUnavailable, Transient
from gateway.inbox import MicrosoftTokens
from gateway.inbox.oauth import ADVICE, SealedCache, advice
from gateway.ports import Vault
from gateway.store import SealedVault, open_store
from tests.conftest import MovableClock
from tests.support.certificates import write_ca_file
from tests.support.microsoft import AuthorizationServer

ACCOUNT = "help@example.net"


class Drawer:
    """Implements ports.Vault in memory; `stuck` makes it refuse to save."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.stuck = False

    async def load(self, name: str) -> bytes | None:
        return self.kept.get(name)

    async def save(self, name: str, content: bytes) -> None:
        if self.stuck:
            raise StorageUnavailable("the database is away")
        self.kept[name] = content


@pytest.fixture
def server() -> Iterator[AuthorizationServer]:
    with AuthorizationServer(ACCOUNT) as running:
        running.confirmed.set()
        yield running


def tokens_of(server: AuthorizationServer, vault: Vault, folder: Path, secret: str | None = None) -> MicrosoftTokens:
    cache = SealedCache("desk", vault, asyncio.get_running_loop())
    ca_file = str(write_ca_file(folder))
    return MicrosoftTokens(
        ACCOUNT, "t", "app", cache, client_secret=secret, authority=server.authority, ca_file=ca_file
    )


async def connect(tokens: MicrosoftTokens) -> None:
    flow = await asyncio.to_thread(tokens.device_flow)
    assert await asyncio.to_thread(tokens.finish_device_flow, flow) == ACCOUNT


@pytest.mark.parametrize("sign", list(ADVICE))
def test_every_refusal_comes_with_the_next_step(sign: str) -> None:
    answer = (
        {"error": "invalid_client", "error_description": f"{sign}: Something.\r\nTrace ID: 1"}
        if sign.startswith("AADSTS")
        else {"error": sign}
    )

    assert advice(answer).endswith(ADVICE[sign])
    assert "\n" not in advice(answer)
    assert "Trace ID" not in advice(answer)


def test_a_refusal_that_nobody_knows_says_where_to_look() -> None:
    assert advice({"error": "odd"}).endswith("check tenant, client_id and the application's permissions")


async def test_nobody_signed_in_yet(server: AuthorizationServer, tmp_path: Path) -> None:
    tokens = tokens_of(server, Drawer(), tmp_path)

    with pytest.raises(SignInRefused, match="run `poterne connect` again"):
        await asyncio.to_thread(tokens.access_token)


async def test_a_rotated_token_that_could_not_be_saved_is_not_used_and_not_lost(
    server: AuthorizationServer, tmp_path: Path
) -> None:
    vault = Drawer()
    tokens = tokens_of(server, vault, tmp_path)
    await connect(tokens)
    vault.stuck = True
    with pytest.raises(StorageUnavailable):  # the old refresh token counts no more, the new one is in memory alone
        await asyncio.to_thread(tokens.access_token, renew=True)
    with pytest.raises(StorageUnavailable):
        await asyncio.to_thread(tokens.access_token)
    vault.stuck = False
    token = await asyncio.to_thread(tokens.access_token, renew=True)

    assert server.access[token] > 0
    again = tokens_of(server, vault, tmp_path)  # as after a restart
    assert server.access[await asyncio.to_thread(again.access_token, renew=True)] > 0


async def test_an_authorization_server_that_is_away_asks_for_no_person(tmp_path: Path) -> None:
    vault = Drawer()
    with AuthorizationServer(ACCOUNT) as server:
        server.confirmed.set()
        tokens = tokens_of(server, vault, tmp_path)
        await connect(tokens)
    with pytest.raises(Transient, match="does not answer"):
        await asyncio.to_thread(tokens.access_token, renew=True)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((400, {"error": "temporarily_unavailable", "error_description": "AADSTS90033: later"}), Transient),
        ((503, {}), Transient),
        ((400, {"error": "invalid_grant", "error_description": "AADSTS50173: revoked"}), SignInRefused),
    ],
)
async def test_trouble_that_passes_is_told_from_a_refusal(
    server: AuthorizationServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reply: tuple[int, dict[str, str]],
    error: type[Exception],
) -> None:
    tokens = tokens_of(server, Drawer(), tmp_path)
    await connect(tokens)
    monkeypatch.setattr(server, "token", lambda _form: reply)

    with pytest.raises(error):
        await asyncio.to_thread(tokens.access_token, renew=True)


async def test_an_unattended_tenant_needs_its_secret(server: AuthorizationServer, tmp_path: Path) -> None:
    good = tokens_of(server, Drawer(), tmp_path, "right")
    bad = tokens_of(server, Drawer(), tmp_path, "wrong")

    assert server.access[await asyncio.to_thread(good.access_token)] > 0
    with pytest.raises(SignInRefused, match="store the secret's value, not its id"):
        await asyncio.to_thread(bad.access_token)


async def test_no_token_stands_in_the_database_in_clear(
    server: AuthorizationServer, sqlite_url: str, clock: MovableClock, tmp_path: Path
) -> None:
    async with open_store(sqlite_url, clock=clock) as store:
        tokens = tokens_of(server, SealedVault(store, b"k" * 32), tmp_path)
        await connect(tokens)
        token = await asyncio.to_thread(tokens.access_token)
    octets = b"".join(path.read_bytes() for path in Path(sqlite_url.removeprefix("sqlite:///")).parent.glob("*.db*"))

    assert server.refresh
    assert all(secret.encode() not in octets for secret in (token, *server.refresh))
