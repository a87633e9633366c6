"""Whatever a client sends: the answers are those that the OpenAPI document describes, and never a 500."""

from __future__ import annotations

import schemathesis
from hypothesis import settings

from tests.unit.http.test_http import Cardboard, make_app

app = make_app(Cardboard())


async def from_this_machine(scope, receive, send):
    """Pass requests of the test client on as if they came over the loopback."""
    if scope["type"] == "http":
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope = scope | {"client": ("127.0.0.1", 4711), "headers": [(b"host", b"localhost"), *others]}
    await app(scope, receive, send)


schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", from_this_machine)


@schema.parametrize()
@settings(max_examples=12, deadline=None)
def test_answers_are_as_documented(case):
    answer = case.call_and_validate()

    assert answer.status_code < 500
