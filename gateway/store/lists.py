"""The lists that people keep: loop blocklist, suppressions, breakers, agents."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from gateway.errors import Conflict, NotFound
from gateway.mail.address import canonical, normal
from gateway.model import AgentRow, AlertWish, BlockRow, SuppressionRow
from gateway.store.context import Context
from gateway.store.desk_accounts import keep_settings
from gateway.store.statement import Statement, insert
from gateway.store.tables_desk import sessions
from gateway.store.tables_out import agents, blocklist, breakers, suppressions
from gateway.store.times import to_moment, to_moment_or_none

BLOCKED = Statement(
    select(blocklist.c.pattern, blocklist.c.reason, blocklist.c.added_by, blocklist.c.added_at).order_by("pattern")
)
BLOCK = insert(blocklist, "pattern", "reason", "added_by", "added_at", ignore=True)
UNBLOCK = Statement(blocklist.delete().where(blocklist.c.pattern == bindparam("which")))
SUPPRESSED = Statement(
    select(suppressions.c.address, suppressions.c.reason, suppressions.c.since, suppressions.c.expires_at)
    .where(suppressions.c.expires_at > bindparam("now"))
    .order_by(suppressions.c.address)
)
LIFT = Statement(suppressions.delete().where(suppressions.c.canonical == bindparam("folded")))
RESET = Statement(
    update(breakers)
    .where(breakers.c.queue == bindparam("which"), breakers.c.open_until > bindparam("now"))
    .values(open_until=bindparam("now"))
)
AGENTS = Statement(
    select(
        agents.c.id,
        agents.c.address,
        agents.c.name,
        agents.c.role,
        agents.c.created_at,
        agents.c.disabled_at,
        agents.c.password,
    ).order_by(agents.c.address)
)
ADD_AGENT = insert(
    agents, "address", "canonical", "name", "role", "password", "created_at", "must_change", ignore=True, returning="id"
)
AGENT = Statement(
    select(agents.c.password, agents.c.disabled_at, agents.c.role, agents.c.must_change, agents.c.id).where(
        agents.c.address == bindparam("address")
    )
)
CHANGE_AGENT = Statement(
    update(agents)
    .where(agents.c.address == bindparam("which"))
    .values(
        password=bindparam("secret"),
        disabled_at=bindparam("since"),
        role=bindparam("duty"),
        must_change=bindparam("temporary"),
    )
)


# Whoever gets a new password from somebody else, or is disabled, is signed out everywhere.
END_SESSIONS = Statement(sessions.delete().where(sessions.c.agent_id == bindparam("agent")))


def list_blocklist(context: Context) -> list[BlockRow]:
    """Return the stored patterns."""
    return [
        BlockRow(pattern, reason, by, to_moment(at)) for pattern, reason, by, at in context.transaction.rows(BLOCKED)
    ]


def block(context: Context, pattern: str, reason: str, by: str) -> None:
    """Add a pattern."""
    context.transaction.run(BLOCK, pattern=pattern, reason=reason, added_by=by, added_at=context.now)
    context.changed_people()


def unblock(context: Context, pattern: str) -> bool:
    """Remove a pattern."""
    context.changed_people()
    return context.transaction.run(UNBLOCK, which=pattern) > 0


def list_suppressions(context: Context) -> list[SuppressionRow]:
    """Return the addresses that are muted now."""
    return [
        SuppressionRow(address, reason, to_moment(since), to_moment(expires))
        for address, reason, since, expires in context.transaction.rows(SUPPRESSED, now=context.now)
    ]


def lift_suppression(context: Context, address: str) -> bool:
    """Let an address get automatic mail again."""
    return context.transaction.run(LIFT, folded=canonical(address)) > 0


def reset_breaker(context: Context, queue: str) -> bool:
    """Close an open breaker; the windows count on."""
    return context.transaction.run(RESET, which=queue, now=context.now) > 0


def list_agents(context: Context) -> list[AgentRow]:
    """Return the accounts."""
    return [
        AgentRow(number, address, name, role, to_moment(created), to_moment_or_none(disabled), password)
        for number, address, name, role, created, disabled, password in context.transaction.rows(AGENTS)
    ]


def add_agent(context: Context, address: str, name: str, role: str, password: str | None) -> int:
    """Create an account. Its address joins the loop blocklist by itself."""
    number = context.transaction.value(
        ADD_AGENT,
        address=normal(address),
        canonical=canonical(address),
        name=name,
        role=role,
        password=password,
        created_at=context.now,
        must_change=password is not None,
    )
    if number is None:
        raise Conflict(f"{normal(address)} has an account already")
    context.changed_people()
    return int(number)


def change_agent(context: Context, address: str, password: str | None, disabled: bool | None, role: str | None) -> None:
    """Change what is given of an account."""
    row = context.transaction.row(AGENT, address=normal(address))
    if row is None:
        raise NotFound(f"{normal(address)} has no account")
    since = row[1]
    if disabled is not None:
        since = (since or context.now) if disabled else None
    context.transaction.run(
        CHANGE_AGENT,
        which=normal(address),
        secret=password or row[0],
        since=since,
        duty=role or row[2],
        temporary=bool(row[3]) or password is not None,
    )
    if password is not None or disabled:
        context.transaction.run(END_SESSIONS, agent=row[4])
    context.changed_people()


def set_alerts(context: Context, address: str, wish: AlertWish) -> None:
    """Say of which customers' mails an agent hears by mail."""
    row = context.transaction.row(AGENT, address=normal(address))
    if row is None:
        raise NotFound(f"{normal(address)} has no account")
    keep_settings(context, row[4], alerts=wish.value)
