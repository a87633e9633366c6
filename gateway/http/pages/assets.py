"""The style sheet, the script and the icon: compressed once, named by their content, kept by browsers for good."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from gateway.errors import NotFound

TYPES = {"style.css": "text/css", "desk.js": "text/javascript", "icon.svg": "image/svg+xml"}
KEPT = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes
    packed: bytes
    media_type: str
    address: str


@cache
def assets() -> dict[str, Asset]:
    """Return every file by its name."""
    found = {}
    for name, media_type in TYPES.items():
        content = files("gateway.http.pages").joinpath("static", name).read_bytes()
        mark = hashlib.sha256(content).hexdigest()[:12]
        found[name] = Asset(content, gzip.compress(content, 9, mtime=0), media_type, f"/static/{mark}/{name}")
    return found


def asset_routes() -> APIRouter:
    """Return /static: public, the same for everybody."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{mark}/{name}")
    async def asset(request: Request, mark: str, name: str) -> Response:
        """Return one file."""
        found = assets().get(name)
        if found is None:
            raise NotFound("there is no such file")
        current = found.address == f"/static/{mark}/{name}"
        headers = {"Cache-Control": KEPT if current else "no-cache", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.packed, media_type=found.media_type, headers=headers | {"Content-Encoding": "gzip"})
        return Response(found.content, media_type=found.media_type, headers=headers)

    return router
