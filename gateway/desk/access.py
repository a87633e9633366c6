"""Who may do what: the two questions that every use case asks first. What queries may see is asked in the queries."""

from __future__ import annotations

from gateway.desk.nouns import Principal, Scope
from gateway.errors import PoterneError


class Forbidden(PoterneError):
    """The request is understood and refused; the message says what is missing."""


def need(who: Principal, scope: Scope) -> None:
    """Raise Forbidden unless the principal has this scope and has chosen their own password."""
    if who.agent.must_change:
        raise Forbidden("choose a password of your own first")
    if not who.may(scope):
        raise Forbidden(f"this needs the scope {scope.value}")


def need_admin(who: Principal) -> None:
    """Raise Forbidden unless the principal administrates."""
    need(who, Scope.ADMIN)
    if not who.agent.admin:
        raise Forbidden("only administrators may do this")
