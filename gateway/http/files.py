"""Attachments over HTTP: always downloads, but for pictures and PDFs, and never a document of our origin.

Inline images of a mail are shown in a sandboxed frame that sends no cookie; they have addresses of their own that are
signed, name one file, and count for some minutes.
"""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Response
from itsdangerous import BadData, URLSafeTimedSerializer

from gateway.desk.nouns import Agent, FileRow, Principal, Scope
from gateway.desk.tickets import Download, Tickets
from gateway.errors import NotFound

VALID_SECONDS = 600
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
PREVIEWED = PICTURES | {"application/pdf"}
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"


class Addresses:
    """Makes and reads the signed addresses of inline images."""

    def __init__(self, key: bytes) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="poterne inline image")

    def inline(self, number: int, file: FileRow) -> str:
        """Return the address of one file of a ticket, good for some minutes."""
        return "/inline/" + str(self._signer.dumps([number, file.source, file.id, file.position]))

    def read(self, token: str) -> tuple[int, str, int, int]:
        """Return what an address names. Raises NotFound if it is not ours or too old."""
        try:
            number, source, ident, position = self._signer.loads(token, max_age=VALID_SECONDS)
        except (BadData, ValueError, TypeError):
            raise NotFound("this address counts no more") from None
        return int(number), str(source), int(ident), int(position)


def file_response(download: Download, *, inline: bool = False) -> Response:
    """Return a file. Inline only pictures and PDFs; everything else downloads as octets, whatever it claims to be."""
    row = download.row
    shown = inline and row.previewable and row.content_type in PREVIEWED
    name = quote(row.filename, safe="")
    plain = "".join(sign if sign.isalnum() or sign in "._- " else "_" for sign in row.filename if sign.isascii())
    headers = {
        # RFC 6266 §4.3: both forms, the plain one for old programs
        "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{plain or "file"}"; '
        f"filename*=UTF-8''{name}",
        "Content-Security-Policy": SANDBOX,
        "X-Content-Type-Options": "nosniff",
    }
    kind = row.content_type if shown else "application/octet-stream"
    return Response(download.content, media_type=kind, headers=headers)


def inline_routes(tickets: Tickets, addresses: Addresses) -> APIRouter:
    """Return /inline/TOKEN: the signature is the permission."""
    router = APIRouter(include_in_schema=False)
    house = Principal(Agent(0, "", "", "admin"), frozenset({Scope.READ}))

    @router.get("/inline/{token}")
    async def inline(token: str) -> Response:
        """Return a picture."""
        number, source, ident, position = addresses.read(token)
        download = await tickets.download(house, number, source, ident, position)
        if download.row.content_type not in PICTURES or not download.row.previewable:
            raise NotFound("this is no picture")
        response = file_response(download, inline=True)
        # The frame that shows it is sandboxed, so that our own page is another origin to it.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Cache-Control"] = f"private, max-age={VALID_SECONDS}"
        return response

    return router
