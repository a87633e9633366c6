"""One's own account: language, zone, signature, sessions, tokens."""

from __future__ import annotations

from zoneinfo import available_timezones

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gateway.desk.nouns import Principal, Scope
from gateway.errors import NotSendable
from gateway.http.pages.forms import fields_of
from gateway.http.pages.times import zone_of
from gateway.http.pages.view import Member, Number, Pages
from gateway.http.pages.words import LOCALES


def account_routes(pages: Pages) -> APIRouter:
    """Return /account."""
    router = APIRouter(include_in_schema=False)
    accounts = pages.desk.accounts

    async def account_page(request: Request, who: Principal, new_token: str = "") -> Response:
        return await pages.show(
            request,
            who,
            "account.html",
            sessions=await accounts.sessions(who),
            tokens=await accounts.tokens(who),
            zones=sorted(available_timezones()),
            new_token=new_token,
        )

    @router.get("/account")
    async def account(request: Request, who: Member) -> Response:
        """Show one's account."""
        return await account_page(request, who)

    @router.post("/account/preferences")
    async def preferences(request: Request, who: Member) -> Response:
        """Keep language, zone and signature."""
        fields = await fields_of(request)
        locale, zone = fields.text("locale"), fields.text("zone")
        if (locale and locale not in LOCALES) or (zone and zone_of(zone) is None):
            raise NotSendable("choose a language and a zone of the list")
        signature = fields.text("signature").replace("\r\n", "\n").strip()
        await accounts.set_preferences(who, locale=locale, zone=zone, signature=signature)
        return RedirectResponse("/account", 303)

    @router.post("/account/sessions/{session}/end")
    async def end_session(who: Member, session: Number) -> Response:
        """End one of one's sessions."""
        await accounts.end_session(who, session)
        return RedirectResponse("/account#sessions", 303)

    @router.post("/account/tokens")
    async def add_token(request: Request, who: Member) -> Response:
        """Make a token and show it, once."""
        fields = await fields_of(request)
        scopes = [scope for scope in Scope if scope.value in fields.texts("scope")]
        name = fields.text("name").strip()[:80]
        if not name:
            raise NotSendable("the token has no name")
        _, text = await accounts.add_token(who, name, scopes, fields.number("days"))
        return await account_page(request, who, text)

    @router.post("/account/tokens/{token}/remove")
    async def remove_token(who: Member, token: Number) -> Response:
        """Make a token count no more."""
        await accounts.remove_token(who, token)
        return RedirectResponse("/account#tokens", 303)

    return router
