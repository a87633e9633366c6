"""Accounts of the desk: sessions, tokens, failed tries, which queues an agent sees."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gateway.desk.nouns import Agent, SessionRow, TokenRow
from gateway.errors import NotFound
from gateway.store.context import Context
from gateway.store.statement import Row, Statement, insert
from gateway.store.tables_desk import agent_queues, api_tokens, sessions, sign_in_tries
from gateway.store.tables_out import agents
from gateway.store.times import microseconds, to_moment, to_moment_or_none, to_number

SEEN_PERIOD = timedelta(minutes=1)  # a session is noted as seen at most this often
FORGOTTEN = timedelta(days=1)  # after which failures count no more

a = agents.c
AGENT = (
    a.id, a.address, a.name, a.role, a.restricted, a.must_change, a.disabled_at, a.settings, a.created_at, a.password,
)  # fmt: skip
BY_ADDRESS = Statement(select(*AGENT).where(a.address == bindparam("address")))
ALL_AGENTS = Statement(select(*AGENT).order_by(a.address))
QUEUES = Statement(
    select(agent_queues.c.queue).where(agent_queues.c.agent_id == bindparam("agent")).order_by(agent_queues.c.queue)
)
ALL_QUEUES = Statement(
    select(agent_queues.c.agent_id, agent_queues.c.queue).order_by(agent_queues.c.agent_id, agent_queues.c.queue)
)
SET_PASSWORD = Statement(
    update(agents)
    .where(a.id == bindparam("agent"))
    .values(password=bindparam("secret"), must_change=bindparam("temporary"))
)
REHASH = Statement(update(agents).where(a.id == bindparam("agent")).values(password=bindparam("secret")))
END_OTHERS = Statement(
    sessions.delete().where(sessions.c.agent_id == bindparam("agent"), sessions.c.id != bindparam("kept"))
)
SETTINGS = Statement(select(a.settings).where(a.id == bindparam("agent")).with_for_update())
SET_SETTINGS = Statement(update(agents).where(a.id == bindparam("agent")).values(settings=bindparam("words")))
RESTRICT = Statement(update(agents).where(a.id == bindparam("agent")).values(restricted=bindparam("narrow")))
CLEAR_QUEUES = Statement(agent_queues.delete().where(agent_queues.c.agent_id == bindparam("agent")))
ADD_QUEUE = insert(agent_queues, "agent_id", "queue", ignore=True)

# --- tries -----------------------------------------------------------------------------------------------------

tries = sign_in_tries.c
BLOCKED = Statement(select(tries.blocked_until).where(tries.key == bindparam("which")))
TRIED = Statement(select(tries.failures, tries.last_at).where(tries.key == bindparam("which")).with_for_update())
NOTE_TRY = Statement(
    upsert(sign_in_tries)
    .values(
        key=bindparam("which"), failures=bindparam("times"), last_at=bindparam("now"), blocked_until=bindparam("until")
    )
    .on_conflict_do_update(
        index_elements=["key"],
        set_={"failures": bindparam("times"), "last_at": bindparam("now"), "blocked_until": bindparam("until")},
    )
)
FORGET = Statement(sign_in_tries.delete().where(tries.key == bindparam("which")))
FORGET_OLD = Statement(sign_in_tries.delete().where(tries.last_at < bindparam("before")))

# --- sessions and tokens ---------------------------------------------------------------------------------------

s, k = sessions.c, api_tokens.c
OPEN = insert(sessions, "agent_id", "digest", "created_at", "seen_at", "expires_at", "peer", "browser", returning="id")
CLEAN = Statement(sessions.delete().where(s.expires_at < bindparam("now")))
SESSION = Statement(
    select(s.id, s.seen_at, *AGENT)
    .select_from(sessions.join(agents, a.id == s.agent_id))
    .where(s.digest == bindparam("digest"), s.expires_at > bindparam("now"), a.disabled_at.is_(None))
)
SEEN = Statement(update(sessions).where(s.id == bindparam("which")).values(seen_at=bindparam("now")))
SESSIONS = Statement(
    select(s.id, s.created_at, s.seen_at, s.expires_at, s.peer, s.browser)
    .where(s.agent_id == bindparam("agent"), s.expires_at > bindparam("now"))
    .order_by(s.id.desc())
)
END = Statement(sessions.delete().where(s.agent_id == bindparam("agent"), s.id == bindparam("which")))
ADD_TOKEN = insert(api_tokens, "agent_id", "name", "digest", "scopes", "created_at", "expires_at", returning="id")
TOKEN = Statement(
    select(k.id, k.scopes, k.expires_at, k.used_at, *AGENT)
    .select_from(api_tokens.join(agents, a.id == k.agent_id))
    .where(k.digest == bindparam("digest"), a.disabled_at.is_(None))
)
USED = Statement(update(api_tokens).where(k.id == bindparam("which")).values(used_at=bindparam("now")))
TOKENS = Statement(
    select(k.id, k.name, k.scopes, k.created_at, k.expires_at, k.used_at)
    .where(k.agent_id == bindparam("agent"))
    .order_by(k.id.desc())
)
REMOVE_TOKEN = Statement(api_tokens.delete().where(k.agent_id == bindparam("agent"), k.id == bindparam("which")))


def as_agent(context: Context, row: Row) -> Agent:
    """Return an account with the queues that it may see."""
    number, restricted = row[0], row[4]
    return agent_of(row, [queue for (queue,) in context.transaction.rows(QUEUES, agent=number)] if restricted else ())


def agent_of(row: Row, granted: Sequence[str]) -> Agent:
    """Return an account; what was granted to it counts if it is restricted."""
    number, address, name, role, restricted, must_change, disabled, settings, created, _password = row
    queues = tuple(granted) if restricted else None
    kept: dict[str, Any] = json.loads(settings) if settings else {}
    return Agent(
        number, address, name, role, queues, bool(must_change), disabled is not None, kept.get("locale", ""),
        kept.get("zone", ""), kept.get("signature", ""), to_moment(created),
    )  # fmt: skip


def find_agent(context: Context, address: str) -> tuple[Agent, str | None] | None:
    """Return an account and the hash of its password."""
    row = context.transaction.row(BY_ADDRESS, address=address)
    return None if row is None else (as_agent(context, row), row[-1])


def list_agents(context: Context) -> list[Agent]:
    """Return every account, by two statements however many there are: it stands beside every page."""
    granted: dict[int, list[str]] = {}
    for agent, queue in context.transaction.rows(ALL_QUEUES):
        granted.setdefault(agent, []).append(queue)
    return [agent_of(row, granted.get(row[0], ())) for row in context.transaction.rows(ALL_AGENTS)]


def set_password(context: Context, agent: int, password: str, *, must_change: bool, keep_session: int | None) -> None:
    """Replace a password and end every other session."""
    context.transaction.run(SET_PASSWORD, agent=agent, secret=password, temporary=must_change)
    context.transaction.run(END_OTHERS, agent=agent, kept=keep_session or 0)


def set_preferences(context: Context, agent: int, locale: str, zone: str, signature: str) -> None:
    """Keep what an agent prefers."""
    keep_settings(context, agent, locale=locale, zone=zone, signature=signature)


def keep_settings(context: Context, agent: int, **changes: str) -> None:
    """Change what is given of an agent's settings; the others stay."""
    found = context.transaction.value(SETTINGS, agent=agent)
    words = json.dumps({**(json.loads(found) if found else {}), **changes}, ensure_ascii=False)
    context.transaction.run(SET_SETTINGS, agent=agent, words=words)
    context.changed_people()


def grant_queues(context: Context, address: str, queues: Sequence[str] | None) -> None:
    """Say which queues an account may see."""
    row = context.transaction.row(BY_ADDRESS, address=address)
    if row is None:
        raise NotFound("there is no such account")
    context.transaction.run(RESTRICT, agent=row[0], narrow=queues is not None)
    context.transaction.run(CLEAR_QUEUES, agent=row[0])
    context.transaction.run_many(ADD_QUEUE, [{"agent_id": row[0], "queue": queue} for queue in queues or ()])
    context.changed_people()


def blocked_until(context: Context, keys: Sequence[str]) -> datetime | None:
    """Tell until when tries under any of these keys are refused."""
    found = [context.transaction.value(BLOCKED, which=key) for key in keys]
    latest = max((until for until in found if until is not None), default=0)
    return to_moment(latest) if latest > context.now else None


def note_failure(context: Context, key: str, free: int, first: timedelta, longest: timedelta) -> None:
    """Count a failed try; each beyond the free ones waits twice as long as the one before."""
    context.transaction.run(FORGET_OLD, before=context.now - microseconds(FORGOTTEN))
    row = context.transaction.row(TRIED, which=key)
    times = (row[0] if row else 0) + 1
    pause = min(longest, first * 2 ** min(20, times - free)) if times >= free else None
    until = None if pause is None else context.now + microseconds(pause)
    context.transaction.run(NOTE_TRY, which=key, times=times, now=context.now, until=until)


def open_session(context: Context, agent: int, digest: str, expires_at: datetime, *, peer: str, browser: str) -> int:
    """Keep a new session, and forget those that ended."""
    context.transaction.run(CLEAN, now=context.now)
    return int(
        context.transaction.value(
            OPEN,
            agent_id=agent,
            digest=digest,
            created_at=context.now,
            seen_at=context.now,
            expires_at=to_number(expires_at),
            peer=peer,
            browser=browser,
        )
    )


def session(context: Context, digest: str) -> tuple[int, Agent, bool] | None:
    """Return a session that counts, and whether it should be noted as seen."""
    row = context.transaction.row(SESSION, digest=digest, now=context.now)
    if row is None:
        return None
    return row[0], as_agent(context, row[2:]), row[1] < context.now - microseconds(SEEN_PERIOD)


def list_sessions(context: Context, agent: int) -> list[SessionRow]:
    """Return an agent's sessions."""
    return [
        SessionRow(number, to_moment(created), to_moment(seen), to_moment(expires), peer, browser)
        for number, created, seen, expires, peer, browser in context.transaction.rows(
            SESSIONS, agent=agent, now=context.now
        )
    ]


def add_token(
    context: Context, agent: int, name: str, digest: str, *, scopes: Sequence[str], expires_at: datetime | None
) -> int:
    """Keep a new token."""
    return int(
        context.transaction.value(
            ADD_TOKEN,
            agent_id=agent,
            name=name,
            digest=digest,
            scopes=" ".join(scopes),
            created_at=context.now,
            expires_at=None if expires_at is None else to_number(expires_at),
        )
    )


def token(context: Context, digest: str) -> tuple[int, tuple[str, ...], Agent, bool] | None:
    """Return a token that counts, and whether it should be noted as used."""
    row = context.transaction.row(TOKEN, digest=digest)
    if row is None or (row[2] is not None and row[2] <= context.now):
        return None
    stale = row[3] is None or row[3] < context.now - microseconds(SEEN_PERIOD)
    return row[0], tuple(row[1].split()), as_agent(context, row[4:]), stale


def list_tokens(context: Context, agent: int) -> list[TokenRow]:
    """Return an agent's tokens."""
    return [
        TokenRow(
            number, name, tuple(scopes.split()), to_moment(created), to_moment_or_none(ends), to_moment_or_none(used)
        )
        for number, name, scopes, created, ends, used in context.transaction.rows(TOKENS, agent=agent)
    ]
