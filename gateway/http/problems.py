"""One table from our errors to HTTP, and problem details (RFC 9457) for the API; pages bring their own renderer."""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

from gateway.desk.access import Forbidden
from gateway.desk.accounts import TooManyTries
from gateway.errors import (
    Conflict,
    NotFound,
    NotSendable,
    Overloaded,
    PoterneError,
    SignInRefused,
    Transient,
)
from gateway.http.guard import Apology
from gateway.http.sessions import NotSignedIn

API = "/api/"
MEDIA_TYPE = "application/problem+json"

# The first that fits, most special first. None as detail: the error's own words are for people and say nothing secret.
TABLE: tuple[tuple[type[PoterneError], int, str], ...] = (
    (NotSignedIn, 401, "not signed in"),
    (TooManyTries, 429, "too many tries"),
    (SignInRefused, 401, "sign-in refused"),
    (Forbidden, 403, "forbidden"),
    (NotFound, 404, "not found"),
    (Conflict, 409, "conflict"),
    (NotSendable, 422, "not acceptable"),
    (Overloaded, 503, "overloaded"),
    (Transient, 503, "the store does not answer"),
)
# What is not theirs and what does not exist look the same, to the octet (T11).
SAME_WORDS = {404: "there is nothing here that you may see"}


class RenderError(Protocol):
    """Makes a page of an error: status, words for people, and the id under which the log has the cause, if it has."""

    def __call__(self, request: Request, status: int, detail: str, error_id: str = "") -> Awaitable[Response]:
        """Return the page."""


class Problem(BaseModel):
    """RFC 9457 problem details."""

    title: str
    status: int
    detail: str = ""
    instance: str = ""


def problem(status: int, title: str, detail: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem as a response."""
    content: dict[str, Any] = {"title": title, "status": status}
    if detail:
        content["detail"] = detail
    return JSONResponse(content, status, headers=headers, media_type=MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of the problems that a route may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content, "model": Problem} for status in statuses
    }


def told(error: PoterneError) -> tuple[int, str, str]:
    """Return status, title and detail of an error of ours."""
    for kind, status, title in TABLE:
        if isinstance(error, kind):
            detail = SAME_WORDS.get(status, "" if status == HTTPStatus.SERVICE_UNAVAILABLE else str(error))
            return status, title, detail
    return 500, "internal error", ""


def apology(render: RenderError | None) -> Apology | None:
    """Return what makes pages of failures that nothing else has answered; the API gets problems."""
    if render is None:
        return None

    async def page(scope: Scope, status: int, words: str, error_id: str) -> ASGIApp | None:
        path: str = scope["path"]
        return None if path.startswith(API) else await render(Request(scope), status, words, error_id)

    return page


def install(app: FastAPI, render: RenderError | None = None, sign_in: str = "/sign-in") -> None:
    """Answer errors: as problems under /api/, as pages elsewhere. Strangers on pages are sent to `sign_in`."""

    async def answer(request: Request, status: int, title: str, detail: str) -> Response:
        headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
        if render is None or request.url.path.startswith(API):
            return problem(status, title, detail, headers)
        return await render(request, status, detail or title)

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, PoterneError)
        on_page = render is not None and not request.url.path.startswith(API)
        if isinstance(error, NotSignedIn) and on_page:
            where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            there = f"{sign_in}?next={quote(where, safe='')}" if request.method == "GET" and where != "/" else sign_in
            return RedirectResponse(there, 303)
        status, title, detail = told(error)
        response = await answer(request, status, title, detail)
        if isinstance(error, TooManyTries):
            response.headers["Retry-After"] = "15"
        return response

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = SAME_WORDS.get(error.status_code, str(error.detail))
        title = (
            "not found" if error.status_code == HTTPStatus.NOT_FOUND else HTTPStatus(error.status_code).phrase.lower()
        )
        response = await answer(request, error.status_code, title, detail)
        for name, value in (error.headers or {}).items():
            response.headers[name] = value
        return response

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0] if error.errors() else {"loc": (), "msg": ""}
        where = ".".join(str(step) for step in first["loc"] if step not in {"body", "query", "path"})
        return await answer(request, 422, "not acceptable", f"{where}: {first['msg']}".strip(": "))

    for kind in {entry[0] for entry in TABLE}:
        app.add_exception_handler(kind, ours)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
