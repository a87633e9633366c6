"""Whatever pages do can be done by the API: each action of a page has a twin, and a new one without fails."""

from __future__ import annotations

from tests.unit.http.test_matrix import API_ROUTES, PAGE_ROUTES, UNSAFE

TICKET, HOOKS = "/tickets/{number}", "/admin/webhooks"
TWINS: dict[str, tuple[str, ...]] = {  # path of the page's action: operations of the API
    "/account/preferences": ("PUT /session/preferences",),
    "/account/sessions/{session}/end": ("DELETE /sessions/{ident}",),
    "/account/tokens": ("POST /tokens",),
    "/account/tokens/{token}/remove": ("DELETE /tokens/{ident}",),
    "/admin/agents": ("POST /agents",),
    "/admin/agents/change": ("PATCH /agents/{address}", "PUT /agents/{address}/queues"),
    "/admin/blocklist": ("POST /admin/blocklist",),
    "/admin/blocklist/remove": ("DELETE /admin/blocklist",),
    "/admin/channels/{channel}/{action}": (
        "POST /admin/channels/{name}/pause",
        "POST /admin/channels/{name}/resume",
    ),
    "/admin/limits/reset": ("POST /admin/breakers/{name}/reset",),
    "/admin/outbox/{delivery}/{action}": tuple(
        f"POST /outbox/{{ident}}/{word}" for word in ("retry", "cancel", "hold")
    ),
    "/admin/quarantine/{intake}/{action}": ("POST /quarantine/{ident}/replay",),
    "/admin/suppressions/lift": ("DELETE /admin/suppressions",),
    f"{HOOKS}/deliveries/{{delivery}}/{{action}}": (
        "POST /webhooks/deliveries/{ident}/retry",
        "POST /webhooks/deliveries/{ident}/cancel",
    ),
    f"{HOOKS}/{{name}}/{{action}}": tuple(f"POST /webhooks/{{name}}/{word}" for word in ("pause", "resume", "test")),
    "/canned": ("POST /canned", "PUT /canned/{ident}"),
    "/canned/{canned}/remove": ("DELETE /canned/{ident}",),
    "/notices/read": ("POST /notices/read",),
    "/password": ("PUT /session/password",),
    "/sign-out": ("DELETE /session",),
    "/tickets/bulk": ("POST /tickets/bulk", "POST /tickets/read"),
    f"{TICKET}/change": (f"PATCH {TICKET}",),
    f"{TICKET}/drafts/{{kind}}": (f"PUT {TICKET}/drafts/{{kind}}",),
    f"{TICKET}/drafts/{{kind}}/discard": (f"DELETE {TICKET}/drafts/{{kind}}",),
    f"{TICKET}/drafts/{{kind}}/files": (f"POST {TICKET}/drafts/{{kind}}/files",),
    f"{TICKET}/drafts/{{kind}}/files/{{position}}/remove": (f"DELETE {TICKET}/drafts/{{kind}}/files/{{position}}",),
    f"{TICKET}/link": (f"PUT {TICKET}/links/{{ident}}", f"DELETE {TICKET}/links/{{ident}}"),
    f"{TICKET}/merge": (f"POST {TICKET}/merge",),
    f"{TICKET}/note": (f"POST {TICKET}/notes",),
    f"{TICKET}/outgoing/{{outgoing}}/undo": (f"POST {TICKET}/replies/{{ident}}/undo",),
    f"{TICKET}/presence": (f"PUT {TICKET}/presence",),
    f"{TICKET}/reply": (f"POST {TICKET}/replies",),
    f"{TICKET}/split": (f"POST {TICKET}/split",),
    f"{TICKET}/unread": ("POST /tickets/read",),
    "/views": ("POST /views",),
    "/views/{view}/remove": ("DELETE /views/{ident}",),
}


def test_each_action_of_a_page_has_its_twin():
    operations = {f"{method} {path.removeprefix('/api/v1')}" for method, path in API_ROUTES}
    actions = {path for method, path in PAGE_ROUTES if method in UNSAFE}

    assert actions - TWINS.keys() == set()
    assert {twin for path in actions for twin in TWINS[path]} - operations == set()
