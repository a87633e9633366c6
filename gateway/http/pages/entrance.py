"""Signing in and out, and the first password."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gateway.desk import TooManyTries
from gateway.errors import NotSendable, SignInRefused
from gateway.http.pages.forms import fields_of
from gateway.http.pages.text import local_path
from gateway.http.pages.view import Pages
from gateway.http.sessions import Who, WhoOrNobody


def entrance_routes(pages: Pages) -> APIRouter:
    """Return /sign-in, /sign-out, /password."""
    router = APIRouter(include_in_schema=False)
    accounts = pages.desk.accounts

    def form(request: Request, status: int, address: str, after: str, problem: str) -> Response:
        oidc = bool(pages.desk.settings().agents.oidc_issuer)
        return pages.render(
            request, "sign_in.html", status=status, address=address, next=after, problem=problem, oidc=oidc
        )

    @router.get("/sign-in")
    async def entrance(request: Request, who: WhoOrNobody, next: str = "/") -> Response:  # noqa: A002 - the parameter's name
        """Show the form, or go on if it is not needed."""
        after = local_path(next)
        return RedirectResponse(after, 303) if who else form(request, 200, "", after, "")

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        """Open a session. The Guard has seen that the form is ours."""
        fields = await fields_of(request)
        address, after = fields.text("address").strip(), local_path(fields.text("next"))
        peer = request.client.host if request.client else ""
        browser = request.headers.get("user-agent", "")
        try:
            signed = await accounts.sign_in(address, fields.text("password"), peer=peer, browser=browser)
        except SignInRefused as error:
            return form(request, 429 if isinstance(error, TooManyTries) else 401, address, after, str(error))
        response = RedirectResponse("/password" if signed.principal.agent.must_change else after, 303)
        pages.sessions.open(request, response, signed)
        return response

    @router.post("/sign-out")
    async def sign_out(who: Who) -> Response:
        """End the session."""
        await accounts.sign_out(who)
        response = RedirectResponse("/sign-in", 303)
        pages.sessions.forget(response)
        return response

    @router.get("/password")
    async def password(request: Request, who: Who) -> Response:
        """Show the form for a new password."""
        return await pages.show(request, who, "password.html", problem="")

    @router.post("/password")
    async def change_password(request: Request, who: Who) -> Response:
        """Replace the password."""
        fields = await fields_of(request)
        try:
            await accounts.change_password(who, fields.text("old"), fields.text("new"))
        except (SignInRefused, NotSendable) as error:
            return await pages.show(request, who, "password.html", status=422, problem=str(error))
        return RedirectResponse("/", 303)

    return router
