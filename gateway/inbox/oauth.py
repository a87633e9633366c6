"""OAuth for Office 365 with msal: device code for a person, client credentials for unattended tenants.

Refresh tokens rotate: each new one is saved, sealed, before the access token that came with it is used.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import msal
import requests
from msal.exceptions import MsalServiceError

from gateway.errors import SignInRefused, StorageUnavailable, Transient
from gateway.ports import Vault

T = TypeVar("T")

MICROSOFT = "https://login.microsoftonline.com"
SCOPES = ("https://outlook.office.com/IMAP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send")
TIMEOUT_SECONDS = 30
APPLICATION_SCOPES = ("https://outlook.office365.com/.default",)

# What the authorization server says, and what the administrator does about it. First match wins.
ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "AADSTS65001": "consent is missing: an administrator grants the application's permissions in Entra",
        "AADSTS50076": "multi-factor authentication is asked for: run `poterne connect` again and complete it",
        "AADSTS53003": "a conditional access policy blocks the sign-in: exclude this application or this host",
        "AADSTS700016": "the application is unknown in this tenant: check client_id and tenant",
        "AADSTS7000215": "the client secret is wrong: store the secret's value, not its id",
        "AADSTS7000222": "the client secret has expired: make a new one in Entra",
        "AADSTS7000218": "the application is not public: allow public client flows, or configure client_secret",
        "AADSTS70043": "the sign-in has expired by policy: run `poterne connect` again",
        "invalid_grant": "the sign-in has expired or was revoked: run `poterne connect` again",
        "authorization_pending": "nobody entered the code in time: run `poterne connect` again",
        "expired_token": "nobody entered the code in time: run `poterne connect` again",
        "access_denied": "the sign-in was declined",
    }
)

# RFC 6749 §4.1.2.1: trouble of the server's own. Waiting cures it, and no person has to act.
TEMPORARY = frozenset({"server_error", "temporarily_unavailable"})


def advice(answer: Mapping[str, Any]) -> str:
    """Turn an error answer into one line with the cure."""
    text = f"{answer.get('error', 'unknown error')}: {str(answer.get('error_description', '')).splitlines()[:1]}"
    for sign, cure in ADVICE.items():
        if sign in text:
            return f"{text}; {cure}"
    return f"{text}; check tenant, client_id and the application's permissions"


def web_client(ca_file: str | None) -> requests.Session:
    """Return the HTTP client that msal uses: bounded in time, and trusting `ca_file` alone if there is one.

    The environment's certificate bundle would silently win over `ca_file`, so the environment is not asked then.
    """
    session = requests.Session()
    session.request = partial(session.request, timeout=TIMEOUT_SECONDS)  # type: ignore[method-assign]
    if ca_file is not None:
        session.trust_env = False
        session.verify = ca_file
    return session


class SealedCache:
    """msal's token cache, kept in the vault. Blocking side of an asynchronous vault."""

    def __init__(self, name: str, vault: Vault, loop: asyncio.AbstractEventLoop) -> None:
        self._name = f"oauth/{name}"
        self._vault = vault
        self._loop = loop
        self._unsaved: bytes | None = None
        self.cache = msal.SerializableTokenCache()

    def load(self) -> None:
        """Read the cache; another node may have rotated the token since. Raises StorageUnavailable.

        What could not be saved is saved first: the vault may hold a refresh token that counts no more.
        """
        self.save()
        if content := self._wait_for(self._vault.load(self._name)):
            self.cache.deserialize(content.decode())

    def save(self) -> None:
        """Make a changed cache durable. Raises StorageUnavailable: a rotated token must be saved before it is used."""
        if self.cache.has_state_changed:
            self._unsaved = self.cache.serialize().encode()
        if self._unsaved is not None:
            self._wait_for(self._vault.save(self._name, self._unsaved))
            self._unsaved = None

    def _wait_for(self, job: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(job, self._loop).result(timeout=TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise StorageUnavailable("the stored sign-in could not be read or saved in time") from error


class MicrosoftTokens:
    """Access tokens of one account; implements ports.TokenSource. Safe to use from several threads."""

    def __init__(
        self,
        account: str,
        tenant: str,
        client_id: str,
        cache: SealedCache,
        *,
        client_secret: str | None = None,
        authority: str | None = None,
        ca_file: str | None = None,
    ) -> None:
        self._account = account
        self._cache = cache
        self._lock = threading.Lock()
        self._unattended = client_secret is not None
        kind = msal.ConfidentialClientApplication if self._unattended else msal.PublicClientApplication
        where: dict[str, Any] = {"authority": f"{MICROSOFT}/{tenant}"}
        if authority is not None:
            where = {"oidc_authority": f"{authority.rstrip('/')}/{tenant}", "instance_discovery": False}
        self._make: Callable[[], Any] = lambda: kind(
            client_id,
            **({"client_credential": client_secret} if self._unattended else {}),
            token_cache=cache.cache,
            http_client=web_client(ca_file),
            **where,
        )
        self._application: Any = None

    def access_token(self, *, renew: bool = False) -> str:
        """Return a token that is valid for at least five minutes. Raises SignInRefused with the next step.

        Raises Transient while the authorization server or the store does not answer: nobody has to do anything then.
        """
        with self._lock:
            self._cache.load()
            try:
                answer = self._by_secret(renew) if self._unattended else self._by_refresh(renew)
            except (requests.RequestException, MsalServiceError, ValueError) as error:  # silence, 5xx, or no JSON
                raise Transient(f"the authorization server does not answer: {type(error).__name__}") from error
            self._cache.save()
        if not answer or "access_token" not in answer:
            if answer and answer.get("error") in TEMPORARY:
                raise Transient(f"the authorization server has trouble: {advice(answer)}")
            raise SignInRefused(advice(answer or {"error": "invalid_grant", "error_description": "no sign-in stored"}))
        return str(answer["access_token"])

    def _app(self) -> Any:
        if self._application is None:
            self._application = self._make()
        return self._application

    def _by_refresh(self, renew: bool) -> Mapping[str, Any] | None:
        accounts = self._app().get_accounts(username=self._account) or self._app().get_accounts()
        if not accounts:
            return None
        answer: Mapping[str, Any] | None = self._app().acquire_token_silent_with_error(
            list(SCOPES), account=accounts[0], force_refresh=renew
        )
        return answer

    def _by_secret(self, renew: bool) -> Mapping[str, Any]:
        if renew:
            self._app().remove_tokens_for_client()
        answer: Mapping[str, Any] = self._app().acquire_token_for_client(list(APPLICATION_SCOPES))
        return answer

    def device_flow(self) -> dict[str, Any]:
        """Begin a sign-in by device code; the answer holds the message for the person."""
        flow: dict[str, Any] = self._app().initiate_device_flow(list(SCOPES))
        if "user_code" not in flow:
            raise SignInRefused(advice(flow))
        return flow

    def finish_device_flow(self, flow: dict[str, Any]) -> str:
        """Wait until the person has entered the code; return the account that signed in."""
        answer = self._app().acquire_token_by_device_flow(flow)
        if "access_token" not in answer:
            raise SignInRefused(advice(answer))
        self._cache.save()
        return str(answer.get("id_token_claims", {}).get("preferred_username", self._account))


async def sign_in_by_device_code(tokens: MicrosoftTokens, say: Callable[[str], None]) -> str:
    """Sign a person in: say where to enter which code, wait, and store the token. Returns the account."""
    flow = await asyncio.to_thread(tokens.device_flow)
    say(str(flow["message"]))
    return await asyncio.to_thread(tokens.finish_device_flow, flow)
