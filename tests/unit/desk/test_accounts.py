"""Signing in: one answer for everything that is wrong, lock-out with back-off, sessions and tokens that end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.desk import Forbidden, Scope, TooManyTries
from gateway.desk.accounts import csrf_of
from gateway.desk.passwords import Argon2
from gateway.errors import Conflict, NotFound, NotSendable, SignInRefused
from gateway.store.statement import Transaction
from tests.support.desk import ADA, BEA, LEA, PASSWORD

PEER = "192.0.2.1"


async def test_argon2_compares_off_the_loop_and_takes_its_time_for_nobody_too():
    from argon2 import PasswordHasher

    hasher = Argon2(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    kept = await hasher.hash("one two three")

    assert kept.startswith("$argon2id$")
    assert await hasher.matches(kept, "one two three")
    assert not await hasher.matches(kept, "one two four")
    assert not await hasher.matches(None, "nobody's")
    assert not await hasher.matches("not a hash", "x")
    assert Argon2().outdated(kept)


async def test_whatever_is_wrong_the_answer_is_the_same(office):
    await office.store.change_agent(BEA, disabled=True)
    await office.store.add_agent("elsewhere@example.org", "Elsewhere", "agent", None)
    words = set()
    for address in (LEA, BEA, "elsewhere@example.org", "nobody@example.org", "no address", ""):
        with pytest.raises(SignInRefused) as caught:
            await office.desk.accounts.sign_in(address, "wrong", peer=PEER)
        words.add(str(caught.value))
        assert not isinstance(caught.value, TooManyTries)

    assert len(words) == 1


async def test_tries_are_locked_out_with_back_off_and_a_success_forgets_them(office, clock):
    accounts = office.desk.accounts
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await accounts.sign_in(LEA, "wrong", peer=PEER)
    with pytest.raises(TooManyTries) as first:
        await accounts.sign_in(LEA, PASSWORD, peer=PEER)
    pauses = [first.value.until - clock.now()]
    for _ in range(8):
        clock.moment = clock.now() + pauses[-1] + timedelta(seconds=1)
        with pytest.raises(SignInRefused):
            await accounts.sign_in(LEA, "wrong", peer=PEER)
        with pytest.raises(TooManyTries) as caught:
            await accounts.sign_in(LEA, PASSWORD, peer=PEER)
        pauses.append(caught.value.until - clock.now())

    seconds = [pause.total_seconds() for pause in pauses]
    assert seconds == [15, 30, 60, 120, 240, 480, 900, 900, 900]
    assert (await accounts.sign_in(ADA, PASSWORD, peer="192.0.2.9")).principal.agent.admin
    clock.move(minutes=16)
    assert (await accounts.sign_in(LEA, PASSWORD, peer=PEER)).principal.agent.address == LEA
    with pytest.raises(SignInRefused) as again:
        await accounts.sign_in(LEA, "wrong", peer=PEER)
    assert not isinstance(again.value, TooManyTries)


async def test_one_peer_that_tries_many_addresses_is_locked_out_but_not_a_proxy_of_ours(office):
    for number in range(30):
        for peer in (PEER, "127.0.0.1"):
            with pytest.raises(SignInRefused):
                await office.desk.accounts.sign_in(f"a{number}@example.org", "wrong", peer=peer)

    with pytest.raises(TooManyTries):
        await office.desk.accounts.sign_in(LEA, PASSWORD, peer=PEER)
    assert (await office.desk.accounts.sign_in(LEA, PASSWORD, peer="127.0.0.1")).principal.agent.address == LEA


async def test_a_session_ends_by_sign_out_by_time_by_disabling_and_by_a_new_password(office, clock):
    accounts = office.desk.accounts

    async def fresh():
        return await accounts.sign_in(LEA, PASSWORD)

    one = await fresh()
    assert (await accounts.session(one.secret)).agent.address == LEA
    await accounts.sign_out(one.principal)
    two, three = await fresh(), await fresh()
    await accounts.change_password(two.principal, PASSWORD, "another horse battery")
    ended = [await accounts.session(item.secret) for item in (one, three)]
    kept = await accounts.session(two.secret)
    await office.store.change_agent(LEA, disabled=True)
    disabled = await accounts.session(two.secret)
    four = await accounts.sign_in(ADA, PASSWORD)
    clock.move(hours=12, seconds=1)

    assert ended == [None, None]
    assert kept is not None
    assert disabled is None
    assert await accounts.session(four.secret) is None
    assert await accounts.session("guessed") is None


async def test_the_first_password_is_changed_before_anything_else(office):
    agent = await office.desk.accounts.add_agent(office.ada, "new@example.org", "New", "agent", "first password")
    signed = await office.desk.accounts.sign_in("new@example.org", "first password")
    assert agent.must_change
    with pytest.raises(Forbidden, match="password of your own"):
        await office.desk.tickets.counts(signed.principal)

    await office.desk.accounts.change_password(signed.principal, "first password", "of my own choice")
    again = await office.desk.accounts.session(signed.secret)
    assert again is not None
    await office.desk.tickets.counts(again)


@pytest.mark.parametrize("new", ["short", "x" * 1001, PASSWORD, LEA, "Léa Martin", "aaaaaaaaaaaa"])
async def test_poor_passwords_are_refused(office, new):
    signed = await office.desk.accounts.sign_in(LEA, PASSWORD)

    with pytest.raises(NotSendable):
        await office.desk.accounts.change_password(signed.principal, PASSWORD, new)
    with pytest.raises(SignInRefused):
        await office.desk.accounts.change_password(signed.principal, "wrong", "a good new password")


async def test_tokens_do_what_they_say_until_they_end(office, clock):
    accounts = office.desk.accounts
    row, text = await accounts.add_token(office.lea, "script", [Scope.READ], days=2)
    who = await accounts.token(text)

    assert who is not None
    assert (who.scopes, who.csrf, who.token) == (frozenset({Scope.READ}), "", row.id)
    for attempt in (
        accounts.add_token(office.lea, "more", [Scope.ADMIN]),
        accounts.add_token(who, "more", [Scope.READ]),
        accounts.add_token(replace(office.lea, token=1), "more", [Scope.READ]),
        accounts.change_password(who, PASSWORD, "a good new password"),
    ):
        with pytest.raises(Forbidden):
            await attempt
    assert [token.name for token in await accounts.tokens(office.lea)] == ["script"]
    with pytest.raises(NotFound):
        await accounts.remove_token(office.tom, row.id)
    assert await accounts.token("poterne_" + "x" * 43) is None
    clock.move(days=2)
    assert await accounts.token(text) is None
    _, forever = await accounts.add_token(office.ada, "admin", [Scope.READ, Scope.ADMIN])
    await office.store.change_agent(ADA, role="agent")
    lowered = await accounts.token(forever)
    assert lowered is not None
    assert lowered.scopes == frozenset({Scope.READ})


async def test_administrators_do_not_lock_themselves_out_and_agents_administrate_nothing(office):
    accounts = office.desk.accounts
    for attempt in (
        accounts.change_agent(office.ada, ADA, disabled=True),
        accounts.change_agent(office.ada, ADA, role="agent"),
        accounts.add_agent(office.ada, LEA, "Twice", "agent", None),
    ):
        with pytest.raises(Conflict):
            await attempt
    for attempt in (
        accounts.add_agent(office.lea, "x@example.org", "X", "admin", None),
        accounts.change_agent(office.lea, LEA, role="admin"),
        accounts.grant_queues(office.lea, LEA, None),
    ):
        with pytest.raises(Forbidden):
            await attempt
    agent = await accounts.grant_queues(office.ada, LEA, ["billing"])
    assert agent.queues == ("billing",)


async def test_strangers_that_others_vouch_for_get_no_account(office):
    with pytest.raises(SignInRefused):
        await office.desk.accounts.sign_in_known("stranger@example.org")
    assert (await office.desk.accounts.sign_in_known("LEA@Example.org")).principal.agent.address == LEA
    assert await office.desk.accounts.vouched("stranger@example.org") is None


async def test_no_secret_is_kept_in_clear(office):
    signed = await office.desk.accounts.sign_in(LEA, PASSWORD)
    _, token = await office.desk.accounts.add_token(office.lea, "script", [Scope.READ])
    rows = await office.store.read(
        lambda context: str(
            [
                context.transaction.cursor.execute(f"SELECT * FROM {table}").fetchall()
                for table in ("sessions", "api_tokens", "agents")
            ]
        )
    )

    for secret in (signed.secret, token, PASSWORD, csrf_of(signed.secret)):
        assert secret not in rows


async def test_all_accounts_are_read_with_as_many_statements_as_one(office, monkeypatch):
    """They stand beside every page."""
    asked = []
    execute = Transaction._execute

    def counted(self, statement, values):
        asked.append(statement)
        execute(self, statement, values)

    monkeypatch.setattr(Transaction, "_execute", counted)
    few = await office.desk.accounts.agents(office.ada)
    statements = len(asked)
    for number in range(5):
        await office.store.add_agent(f"more{number}@example.org", f"More {number}", "agent", None)
        await office.store.grant_queues(f"more{number}@example.org", ["billing", "support"][: number % 3])
    asked.clear()
    many = await office.desk.accounts.agents(office.ada)

    assert len(many) == len(few) + 5
    assert [len(agent.queues) for agent in many if agent.address.startswith("more")] == [0, 1, 2, 0, 1]
    assert len(asked) == statements
