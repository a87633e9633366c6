"""Whatever a client sends: the answers are those that the OpenAPI document describes, and never a 500."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from gateway.desk import Scope
from gateway.desk.nouns import Canned
from tests.conftest import MovableClock
from tests.support.desk import open_office
from tests.support.site import make_site


@pytest.fixture(scope="module")
def api(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory):
    """The API over a store with a ticket and a reply, for an administrator's token."""
    folder = tmp_path_factory.mktemp("contract")
    (folder / "poterne.db").write_bytes(sqlite_template.read_bytes())
    stack = AsyncExitStack()

    async def build():
        office = await stack.enter_async_context(open_office(f"sqlite:///{folder}/poterne.db", folder, MovableClock()))
        ticket = await office.ticket()
        await office.desk.writing.note(office.lea, ticket, "Ask @tom.")
        await office.desk.shelf.save_canned(office.lea, Canned(0, "Hello", "Dear {customer.name}", "support"))
        signed = await office.desk.accounts.sign_in_known(office.ada.agent.address)
        return office, (await office.desk.accounts.add_token(signed.principal, "contract", list(Scope)))[1]

    with asyncio.Runner() as runner:
        office, token = runner.run(build())
        app = make_site(office)

        async def from_this_machine(scope, receive, send):
            if scope["type"] == "http":
                kept = [
                    (n, v) for n, v in scope["headers"] if n not in {b"host", b"authorization", b"cookie", b"origin"}
                ]
                extra = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
                scope = scope | {"client": ("127.0.0.1", 4711), "headers": [*extra, *kept]}
            await app(scope, receive, send)

        yield schemathesis.openapi.from_asgi("/api/v1/openapi.json", from_this_machine)
        runner.run(stack.aclose())


# The stream has no end, and a session is not this client's to open: they have tests of their own.
LEFT_OUT = {"/api/v1/events", "/api/v1/session"}
REAL = {"number", "ident"}
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


def test_answers_are_as_documented(api):
    asked: dict[str, set[int]] = {}
    for found in api.get_all_operations():
        operation = found.ok()
        if operation.path in LEFT_OUT:
            continue

        @settings(
            max_examples=6, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def ask(case):
            places = case.path_parameters or {}
            if "number" in places and len(asked.setdefault(case.operation.label, set())) % 2 == 0:
                places.update(dict.fromkeys(REAL & {*places}, 1))  # some meet the ticket that there is
            answer = case.call()
            case.validate_response(answer, checks=CHECKS)
            asked.setdefault(case.operation.label, set()).add(answer.status_code)

        ask()

    assert len(asked) > 70
    assert (
        sum(min(statuses) < 300 for statuses in asked.values()) > 30
    )  # drawn by chance: most paths are reached, not only refused
    assert max(max(statuses) for statuses in asked.values()) < 500
