"""Sign-in by OpenID Connect, against an issuer of the test: only what fits opens a session, and only for accounts."""

from __future__ import annotations

import time

import pytest

from tests.support.desk import LEA
from tests.support.issuer import Issuer
from tests.support.site import browsers


@pytest.fixture
def issuer():
    made = Issuer()
    yield made
    made.close()


@pytest.fixture
async def stranger(office, issuer):
    agents = office.settings.agents.model_copy(update={"oidc_issuer": issuer.url, "oidc_client_id": "poterne"})
    settings = office.settings.model_copy(update={"agents": agents})
    object.__setattr__(office.desk, "settings", lambda: settings)
    async with browsers(office) as open_browser:
        yield await open_browser()


async def begin(stranger):
    answer = await stranger.get("/sign-in/oidc")
    assert answer.status_code == 303
    return answer.headers["location"], answer.headers["set-cookie"].partition(";")[0]


async def finish(stranger, given, cookie):
    code, state = given
    return await stranger.ask("GET", f"/sign-in/oidc/callback?code={code}&state={state}", {"cookie": cookie})


def signed_in(answer):
    return any(cookie.startswith("poterne=") for cookie in answer.headers.get_list("set-cookie"))


async def test_whom_the_issuer_vouches_for_is_signed_in(stranger, issuer):
    address, cookie = await begin(stranger)
    answer = await finish(stranger, issuer.authorize(address), cookie)
    session = next(item for item in answer.headers.get_list("set-cookie") if item.startswith("poterne="))
    who = await stranger.ask("GET", "/api/v1/session", {"cookie": session.partition(";")[0]})

    assert answer.status_code == 200
    assert "SameSite=strict" in session
    assert who.json()["agent"]["address"] == LEA


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "stranger@example.org"},
        {"email": ""},
        {"email_verified": False},
        {"email_verified": None},
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": ["poterne", "another"]},
        {"exp": time.time() - 600},
        {"exp": "soon"},
        {"nonce": "another"},
    ],
)
async def test_what_does_not_fit_opens_nothing(stranger, issuer, claims):
    issuer.claims |= claims
    address, cookie = await begin(stranger)
    answer = await finish(stranger, issuer.authorize(address), cookie)

    assert answer.status_code == 401
    assert not signed_in(answer)


async def test_a_code_of_another_browser_or_another_sign_in_opens_nothing(stranger, issuer):
    address, cookie = await begin(stranger)
    other_address, other_cookie = await begin(stranger)
    code, state = issuer.authorize(address)
    other_code, _ = issuer.authorize(other_address)

    for attempt in (
        ((code, state), other_cookie),
        ((code, state), "poterne_oidc=forged"),
        ((code, ""), cookie),
        (("", state), cookie),
        ((other_code, state), cookie),
    ):
        answer = await finish(stranger, *attempt)
        assert (answer.status_code, signed_in(answer)) == (401, False), attempt


async def test_an_issuer_that_is_gone_or_another_is_no_issuer(stranger, issuer):
    issuer.document = {"issuer": "https://evil.example"}
    assert (await stranger.get("/sign-in/oidc")).status_code == 401
    issuer.document = {"token_endpoint": "http://evil.example/token"}
    address, cookie = await begin(stranger)
    assert (await finish(stranger, issuer.authorize(address), cookie)).status_code == 401
    issuer.close()
    assert (await stranger.get("/sign-in/oidc")).status_code == 503


async def test_it_is_off_by_default(browser):
    stranger = await browser()

    assert (await stranger.get("/sign-in/oidc")).status_code == 404
    assert (await stranger.get("/sign-in/oidc/callback")).status_code == 404
