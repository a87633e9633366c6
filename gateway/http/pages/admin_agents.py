"""Administration's accounts: who may sign in, and which queues they see."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gateway.desk import need_admin
from gateway.desk.nouns import Principal
from gateway.errors import Conflict, NotSendable
from gateway.http.pages.forms import fields_of
from gateway.http.pages.view import Member, Pages


def admin_agent_routes(pages: Pages) -> APIRouter:
    """Return /admin/agents."""
    router = APIRouter(include_in_schema=False, prefix="/admin")
    accounts = pages.desk.accounts

    async def agents_page(request: Request, who: Principal, status: int = 200, **told: str) -> Response:
        need_admin(who)
        told = {"problem": "", "password": "", "address": ""} | told
        return await pages.show(request, who, "admin_agents.html", status=status, **told)

    @router.get("/agents")
    async def agents(request: Request, who: Member) -> Response:
        """List the accounts."""
        return await agents_page(request, who)

    @router.post("/agents")
    async def add_agent(request: Request, who: Member) -> Response:
        """Make an account; its first password is shown once, and has to be changed."""
        fields = await fields_of(request)
        password = secrets.token_urlsafe(12)
        address = fields.text("address").strip()
        try:
            await accounts.add_agent(who, address, fields.text("name"), fields.text("role", "agent"), password)
        except (Conflict, NotSendable) as error:
            return await agents_page(request, who, 422, problem=str(error))
        return await agents_page(request, who, password=password, address=address)

    @router.post("/agents/change")
    async def change_agent(request: Request, who: Member) -> Response:
        """Change role, queues or state of an account."""
        fields = await fields_of(request)
        address = fields.text("address")
        if fields.given("disabled") is not None:
            await accounts.change_agent(who, address, disabled=fields.text("disabled") == "1")
        if fields.given("role") is not None:
            await accounts.change_agent(who, address, role=fields.text("role"))
        if fields.given("queues-shown") is not None:
            chosen = [key for key in pages.desk.queues if key in fields.texts("queue")]
            await accounts.grant_queues(who, address, None if fields.text("all") else chosen)
        return RedirectResponse("/admin/agents", 303)

    return router
