"""How letters look. For administrators."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from gateway.desk import Desk
from gateway.desk.preview import Preview
from gateway.http.api.common import router
from gateway.http.sessions import Who

Kind = Literal["acknowledgement", "reply", "notice", "alert", "digest"]
Queue = Annotated[str, Query(max_length=100)]


def preview_routes(desk: Desk) -> APIRouter:
    """Return the route of previews."""
    routes = router(desk, "administration", prefix="/admin")

    @routes.get("/preview", operation_id="previewLetter")
    async def preview(
        who: Who, queue: Queue, kind: Kind = "reply", locale: Literal["en", "fr"] | None = None
    ) -> Preview:
        """Show a letter of a queue about a sample of a mail. Pictures stand in `html` as `cid:` addresses."""
        return desk.previews.show(who, queue, kind, locale)[0]

    return routes
