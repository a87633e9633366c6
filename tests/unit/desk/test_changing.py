"""Changes: each with its author and its entry, fenced by the version; moves keep everything findable."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway.desk import Changes, Filter, Words
from gateway.desk.nouns import View
from gateway.errors import Conflict, NotFound, NotSendable
from tests.support.desk import BEA, LEA, TOM


async def lines(office, ticket, kind="state"):
    page = await office.desk.tickets.page(office.ada, ticket)
    return [(moment.author, moment.text) for moment in page.moments if moment.kind == kind]


async def test_every_change_has_its_entry_with_author(office, clock):
    ticket = await office.ticket()
    by = "Léa Martin <lea@example.org>"
    changes = Changes(
        status="open",
        assignee=TOM,
        priority="high",
        type="incident",
        subject="Invoice  2232",
        due_at=clock.now() + timedelta(days=1),
        add_tags=("vip",),
    )
    version = await office.desk.changing.change(office.lea, ticket, changes)
    again = await office.desk.changing.change(office.lea, ticket, changes)

    assert version == again
    assert await lines(office, ticket) == [
        (by, "status: new → open"),
        (by, f"assignee: nobody → {TOM}"),
        (by, "priority: normal → high"),
        (by, "type: none → incident"),
        (by, "subject: Invoice 2231 is wrong → Invoice 2232"),
        (by, "due: none → 2026-03-03T09:00+00:00"),
        (by, "tag +vip"),
    ]
    (notice,) = await office.desk.shelf.notices(office.tom)
    assert notice.why == "assigned"


async def test_a_stale_version_overwrites_nothing(office):
    ticket = await office.ticket()
    version = (await office.desk.tickets.page(office.lea, ticket)).line.version
    await office.desk.changing.change(office.lea, ticket, Changes(priority="high"), version=version)

    with pytest.raises(Conflict):
        await office.desk.changing.change(office.tom, ticket, Changes(priority="low"), version=version)
    assert (await office.desk.tickets.page(office.lea, ticket)).line.priority == "high"


async def test_of_many_at_once_with_one_version_one_wins(office):
    ticket = await office.ticket()
    version = (await office.desk.tickets.page(office.lea, ticket)).line.version
    tries = [office.desk.changing.change(office.lea, ticket, Changes(type=f"t{n}"), version=version) for n in range(6)]
    results = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(result, int) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 5


@pytest.mark.parametrize(
    "changes",
    [
        Changes(status="merged"),
        Changes(status="x"),
        Changes(priority="x"),
        Changes(queue="nowhere"),
        Changes(assignee="nobody@example.org"),
        Changes(assignee=BEA),
        Changes(subject=" \n "),
    ],
)
async def test_words_that_mean_nothing_change_nothing(office, changes):
    ticket = await office.ticket()

    with pytest.raises(NotSendable):
        await office.desk.changing.change(office.lea, ticket, changes)
    assert await lines(office, ticket) == []


async def test_a_ticket_that_moves_to_another_queue_leaves_their_sight(office):
    ticket = await office.ticket()
    await office.desk.changing.change(office.lea, ticket, Changes(queue="billing"))

    with pytest.raises(NotFound):
        await office.desk.tickets.page(office.lea, ticket)
    assert (await office.desk.tickets.page(office.bea, ticket)).line.queue == "billing"


async def test_bulk_tells_of_each(office):
    mine = [await office.ticket(f"T{n}") for n in range(2)]
    theirs = await office.ticket(rcpt_to="billing-in@tickets.example.org")

    done = await office.desk.changing.bulk(office.lea, [*mine, theirs, 4711, mine[0]], Changes(status="solved"))

    assert [(item.number, bool(item.problem)) for item in done] == [
        (mine[0], False), (mine[1], False), (theirs, True), (4711, True),
    ]  # fmt: skip
    assert done[2].problem == done[3].problem
    assert len(await lines(office, theirs)) == 0


async def test_after_a_merge_answers_to_the_first_find_the_second(office, clock):
    first, second = await office.ticket("First"), await office.ticket("Second", author="Jo <jo@other.example>")
    await office.desk.changing.change(office.lea, first, Changes(add_tags=("vip",)))
    await office.desk.writing.reply(office.lea, first, Words("We look into it."))
    await office.desk.changing.merge(office.lea, first, second)

    old, new = [await office.desk.tickets.page(office.lea, number) for number in (first, second)]
    assert (old.line.status, old.merged_into) == ("merged", second)
    assert [moment.text for moment in old.moments] == [f"merged into #{second}"]
    assert {moment.text for moment in new.moments} >= {"The total on page 2.", "We look into it."}
    assert {item.address for item in new.participants} == {"jo@other.example", "marie@customer.example"}
    assert new.line.tags == ("vip",)
    assert await office.ticket("Re: First", In_Reply_To="<m1@customer.example>") == second
    clock.move(seconds=30)
    (delivery,) = await office.store.claim_deliveries("relay", 10, timedelta(minutes=1))
    assert delivery.ticket_id == second
    for again in ((first, second), (second, first)):
        with pytest.raises(Conflict):
            await office.desk.changing.merge(office.lea, *again)
    with pytest.raises(Conflict, match="merged"):
        await office.desk.changing.change(office.lea, first, Changes(status="open"))
    with pytest.raises(Conflict, match="merged"):
        await office.desk.writing.reply(office.lea, first, Words("Late"))
    assert await numbers(office) == [second]


async def numbers(office):
    return [line.number for line in (await office.desk.tickets.find(office.lea, Filter())).items]


async def test_nobody_merges_or_links_what_is_not_theirs(office):
    mine = await office.ticket()
    theirs = await office.ticket(rcpt_to="billing-in@tickets.example.org")

    for pair in ((mine, theirs), (theirs, mine)):
        with pytest.raises(NotFound):
            await office.desk.changing.merge(office.lea, *pair)
        with pytest.raises(NotFound):
            await office.desk.changing.link(office.lea, *pair)


async def test_a_split_moves_what_was_chosen_and_its_answers(office):
    ticket = await office.ticket("Two things")
    await office.ticket("Re: Two things", "And the printer burns.", In_Reply_To="<m1@customer.example>")
    page = await office.desk.tickets.page(office.lea, ticket)
    second = page.moments[-1]

    new = await office.desk.changing.split(office.lea, ticket, [second.id], "Printer")

    old, split = [await office.desk.tickets.page(office.lea, number) for number in (ticket, new)]
    assert [moment.text for moment in old.moments if moment.kind == "customer"] == ["The total on page 2."]
    assert [moment.text for moment in split.moments if moment.kind == "customer"] == ["And the printer burns."]
    assert [link.number for link in old.links] == [new]
    assert [link.number for link in split.links] == [ticket]
    assert split.line.requester == "marie@customer.example"
    assert await office.ticket("Re: Printer", In_Reply_To="<m2@customer.example>") == new
    with pytest.raises(NotSendable):
        await office.desk.changing.split(office.lea, ticket, [second.id], "Again")


async def test_links_go_both_ways_and_end(office):
    one, two = await office.ticket("One"), await office.ticket("Two")
    await office.desk.changing.link(office.lea, one, two)
    await office.desk.changing.link(office.lea, one, two)
    linked = [link.number for link in (await office.desk.tickets.page(office.lea, two)).links]
    await office.desk.changing.link(office.lea, two, one, linked=False)

    assert linked == [one]
    assert (await office.desk.tickets.page(office.lea, one)).links == ()


async def test_views_are_kept_shared_by_administrators_and_their_owners_alone_change_them(office):
    save = office.desk.shelf.save_view
    mine = await save(office.lea, View(0, "Mine", Filter(assignee="me", statuses=("new", "open")), False, True))
    shared = await save(office.ada, View(0, "All", Filter(queue="support"), True, True))

    assert [(view.name, view.mine) for view in await office.desk.shelf.views(office.lea)] == [
        ("All", False),
        ("Mine", True),
    ]
    assert [view.name for view in await office.desk.shelf.views(office.tom)] == ["All"]
    (kept,) = [view for view in await office.desk.shelf.views(office.lea) if view.id == mine.id]
    assert kept.filter == Filter(assignee="me", statuses=("new", "open"))
    with pytest.raises(NotFound):
        await save(office.lea, View(shared.id, "Taken", Filter(), False, True))
    with pytest.raises(NotFound):
        await office.desk.shelf.remove_view(office.tom, mine.id)
    await office.desk.shelf.remove_view(office.lea, mine.id)
    assert office.lea.agent.address == LEA


async def test_reading_a_ticket_reads_what_one_was_told_of_it(office):
    ticket, other = await office.ticket(), await office.ticket("Another", author="Ida <ida@firm.example>")
    for number in (ticket, other):
        await office.desk.changing.change(office.lea, number, Changes(assignee=TOM))
    assert (await office.desk.tickets.counts(office.tom)).notifications == 2
    assert (await office.desk.tickets.page(office.tom, ticket)).notices == 1

    await office.desk.changing.mark(office.tom, [ticket], read=False)
    assert (await office.desk.tickets.counts(office.tom)).notifications == 2
    await office.desk.changing.mark(office.tom, [ticket])

    assert [(notice.ticket, notice.read) for notice in await office.desk.shelf.notices(office.tom)] == [
        (other, False),
        (ticket, True),
    ]
    assert (await office.desk.tickets.page(office.tom, ticket)).notices == 0
