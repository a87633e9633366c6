"""Renders pages: one environment for each language, a fresh nonce for each answer, the side column for each reader."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Path, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from gateway.desk import Desk
from gateway.desk.nouns import Principal
from gateway.errors import PoterneError
from gateway.http.files import Addresses
from gateway.http.pages import pieces, sentences, text, times
from gateway.http.pages.assets import assets
from gateway.http.pages.forms import LARGEST
from gateway.http.pages.happened import Happened
from gateway.http.pages.lines import line_renderer, lines_shown
from gateway.http.pages.translated import Translated
from gateway.http.pages.words import LOCALES, NAMES, Catalogue, catalogue, choose
from gateway.http.sessions import Sessions, principal_of, sessions_of

SLICE = 0.0003  # seconds of rendering at a time
NAP = 0.001  # seconds that a page waits while a client waits for its 250, again and again ...
PATIENCE = 0.05  # ... but no longer than this: a burst of mail does not stop the desk
ADMIN_LISTS = frozenset({"agents", "blocklist", "limits", "outbox", "quarantine", "suppressions", "webhooks"})
NOTHING_QUEUED = "#5b6470"
Number = Annotated[int, Path(ge=1, le=LARGEST)]


async def member(who: Annotated[Principal, Depends(principal_of)]) -> Principal:
    """Return who asks; those who still have somebody else's password are sent to choose their own."""
    if who.agent.must_change:
        raise HTTPException(303, headers={"Location": "/password"})
    return who


Member = Annotated[Principal, Depends(member)]


@dataclass(frozen=True, slots=True)
class Strangers:
    """What the sign-in page offers besides a password."""

    oidc: bool = False


def _template(name: str) -> str:
    return files("gateway.http.pages").joinpath("templates", name).read_text(encoding="utf-8")


def environment_of(words: Catalogue) -> Environment:
    """Return the templates in one language. Everything is escaped but what says otherwise itself."""
    environment = Translated(
        words.gettext,
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        linked=text.linked,
        with_pictures=text.with_pictures,
        size=text.size,
        quoted_part=text.quoted_part,
        person=text.person,
        browser=text.browser,
    )
    environment.globals.update(
        say=sentences,
        locale=words.locale,
        languages=NAMES,
        status_word=pieces.status_words(words),
        asset=lambda name: assets()[name].address,
    )
    return environment


class Pages:
    """What every page needs: the desk, and how to show it."""

    def __init__(self, desk: Desk, sessions: Sessions, addresses: Addresses) -> None:
        self.desk, self.sessions, self.addresses = desk, sessions, addresses
        self._environments = {locale: environment_of(catalogue(locale)) for locale in LOCALES}
        self._lines = {locale: line_renderer(environment) for locale, environment in self._environments.items()}

    async def show(
        self, request: Request, who: Principal, name: str, *, status: int = 200, **values: object
    ) -> HTMLResponse:
        """Return a page for somebody who is signed in, with the side column around it."""
        if not who.agent.must_change:
            side = await self.desk.shelf.side(who)
            values |= {"counts": side.counts, "views": side.views, "agents": side.agents}
        template, context, headers = self._prepared(request, name, who, values)
        page = await in_slices(template.generate(context), self.desk.books.clients_wait)
        return HTMLResponse(page, status, headers=headers)

    def render(
        self, request: Request, name: str, *, who: Principal | None = None, status: int = 200, **values: object
    ) -> HTMLResponse:
        """Return a page at once; without `who` it is one for strangers."""
        template, context, headers = self._prepared(request, name, who, values)
        return HTMLResponse(template.render(context), status, headers=headers)

    def _prepared(
        self, request: Request, name: str, who: Principal | None, values: dict[str, object]
    ) -> tuple[Template, dict[str, Any], dict[str, str]]:
        """Return a template in the reader's language, what it is filled with, and the headers of the answer."""
        accepted = request.headers.get("accept-language", "")
        locale = choose(who.agent.locale if who else "", accepted)
        nonce = secrets.token_urlsafe(16)
        zone = who.agent.zone if who else ""
        now = self.desk.clock.now()
        agents: Any = values.get("agents", ())
        names = {agent.address: agent.name or agent.address for agent in agents}
        chip = pieces.queue_chips(self.queue_name, self.queue_colour)
        when = pieces.shown_times(now, zone, catalogue(locale))
        common: dict[str, Any] = {
            "who": who,
            "csrf": who.csrf if who else "",
            "nonce": nonce,
            "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            "now": now,
            "zone": zone,
            "exact": partial(times.exact, zone=zone),
            "local": partial(times.field_of, zone=zone),
            "when": when,
            "queue_name": self.queue_name,
            "chip": chip,
            "lines_shown": lines_shown(self._lines[locale], chip, when, now),
            "queues": self.desk.queues,
            "counts": None,
            "views": (),
            "names": names,
            "assignees": pieces.options_of(
                (agent.address, names[agent.address]) for agent in agents if not agent.disabled
            ),
            "happened": Happened(catalogue(locale), zone, names, self.queue_name),
        }
        template = self._environments[locale].get_template(name)
        return template, common | values, {"Content-Security-Policy": policy(nonce)}

    async def error(self, request: Request, status: int, detail: str, error_id: str = "") -> HTMLResponse:
        """Return an error as a page; it must work when nothing else does, so that failures of ours ask nobody."""
        values = problem(request, status, detail) | {"error_id": error_id}
        if not error_id:
            with contextlib.suppress(PoterneError):
                who = await sessions_of(request).known(request)
                if who is not None:
                    return await self.show(request, who, "error.html", **values)
        who = getattr(request.state, "principal", None)
        return self.render(request, "error.html", who=who, **values)

    def queue_name(self, key: str) -> str:
        """Return how people call a queue; one that is not configured any more keeps its key."""
        queue = self.desk.queues.get(key)
        return queue.name if queue else key

    def queue_colour(self, key: str) -> str:
        """Return a queue's colour."""
        queue = self.desk.queues.get(key)
        return queue.colour if queue else NOTHING_QUEUED


async def in_slices(parts: Iterable[str], clients_wait: Callable[[], bool]) -> str:
    """Join the parts of a page; whenever that has taken a while, let the loop accept mail before it goes on.

    While a mail is being written down, the page waits: the thread that writes needs Python's lock several times, and
    would wait for a slice of rendering each time.
    """
    found: list[str] = []
    patience = PATIENCE
    started = time.perf_counter()
    for part in parts:
        found.append(part)
        if time.perf_counter() - started > SLICE:
            await asyncio.sleep(0)
            while patience > 0 and clients_wait():
                lain = time.perf_counter()
                await asyncio.sleep(NAP)
                patience -= time.perf_counter() - lain  # in a burst the loop has much to do, and a nap lasts longer
            started = time.perf_counter()
    return "".join(found)


def problem(request: Request, status: int, detail: str) -> dict[str, Any]:
    """Return what the error page says, and where it leads."""
    steps = request.url.path.split("/")
    back = f"/tickets/{steps[2]}" if steps[1:2] == ["tickets"] and len(steps) > 3 else "/"  # noqa: PLR2004
    if steps[1:2] == ["admin"] and request.method == "POST":
        back = f"/admin/{steps[2]}" if ADMIN_LISTS.intersection(steps[2:3]) else "/admin"
    return {"status": status, "code": status, "detail": detail, "back": back}


def policy(nonce: str) -> str:
    """Return the policy of our own pages: our style, our script, our frames, and nobody else's anything."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self'; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
