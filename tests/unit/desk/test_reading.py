"""Lists, counts, search and pages: what each sees, in which order, and never what is not theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.desk import Changes, Filter, Words
from gateway.desk.nouns import View
from gateway.errors import NotFound
from gateway.store.cursors import END
from gateway.store.search import finder
from gateway.store.search_ways import How, Way
from tests.support.desk import LEA, TOM

EVERYTHING = Filter()


async def numbers(office, who, wanted=EVERYTHING, **paging):
    page = await office.desk.tickets.find(who, wanted, **paging)
    return [line.number for line in page.items]


async def test_each_sees_the_tickets_of_their_queues_and_no_others(office):
    support = await office.ticket()
    billing = await office.ticket(rcpt_to="billing-in@tickets.example.org")

    assert await numbers(office, office.lea) == [support]
    assert await numbers(office, office.bea) == [billing]
    assert sorted(await numbers(office, office.ada)) == sorted([support, billing])
    assert await numbers(office, office.lea, Filter(queue="billing")) == []


async def test_what_is_not_theirs_looks_like_what_does_not_exist(office):
    ticket = await office.ticket()
    words = []
    for number in (ticket, 987654):
        with pytest.raises(NotFound) as caught:
            await office.desk.tickets.page(office.bea, number)
        words.append(str(caught.value))

    assert words[0] == words[1]


async def test_pages_follow_each_other_without_gaps_or_doubles(office, clock):
    made = []
    for number in range(7):
        clock.move(seconds=number % 2)  # some have the same time
        made.append(await office.ticket(f"Number {number}"))
    for order, expected in (("updated", made[::-1]), ("created", made[::-1]), ("due", made)):
        seen, cursor = [], None
        while True:
            page = await office.desk.tickets.find(office.lea, Filter(order=order), limit=3, cursor=cursor)
            seen += [line.number for line in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert seen == expected, order


async def test_lists_are_narrowed_by_everything_that_a_ticket_has(office, clock):
    first, second, third = [await office.ticket(f"Number {n}", author=f"P{n} <p@c{n}.example>") for n in range(3)]
    change = office.desk.changing.change
    await change(office.lea, first, Changes(assignee="me", status="open", add_tags=("VIP  customer",)))
    await change(office.lea, second, Changes(priority="high", type="incident", due_at=clock.now()))
    await office.desk.writing.reply(office.tom, third, Words("Please wait."))
    clock.move(hours=1)

    for wanted, expected in (
        (Filter(assignee="me"), [first]),
        (Filter(assignee="me", statuses=("new", "open", "waiting")), [first]),
        (Filter(assignee="me", statuses=("new", "waiting"), order="due"), []),
        (Filter(assignee=LEA), [first]),
        (Filter(assignee=TOM), []),
        (Filter(assignee=""), [third, second]),
        (Filter(assignee="", statuses=("new",)), [second]),
        (Filter(statuses=("open", "waiting")), [third, first]),
        (Filter(tag="vip-customer"), [first]),
        (Filter(priority="high"), [second]),
        (Filter(type="incident"), [second]),
        (Filter(customer="p@c2.example"), [third]),
        (Filter(organisation="c1.example"), [second]),
        (Filter(overdue=True), [second]),
    ):
        assert sorted(await numbers(office, office.lea, wanted)) == sorted(expected), wanted


@pytest.mark.parametrize("common", [0, 8000])
@pytest.mark.parametrize("order", ["updated", "created", "due"])
async def test_a_tag_is_listed_alike_whether_few_or_many_tickets_have_it(office, clock, monkeypatch, common, order):
    monkeypatch.setattr("gateway.store.desk_lists.COMMON_TAG", common)
    made = [await office.ticket(f"Number {n}", author=f"p{n}@customer.example") for n in range(8)]
    hidden = await office.ticket("Theirs", rcpt_to="billing-in@tickets.example.org")
    change = office.desk.changing.change
    tagged = made[1:-1]
    for number in reversed(tagged):
        clock.move(minutes=1)
        changes = Changes(add_tags=("vip",), due_at=clock.now() if number % 2 else None, status="solved")
        await change(office.lea, number, changes if number == made[3] else replace(changes, status=None))
    await change(office.ada, hidden, Changes(add_tags=("vip",)))

    seen, cursor = [], None
    for _ in range(3):
        page = await office.desk.tickets.find(office.lea, Filter(tag="vip", order=order), limit=2, cursor=cursor)
        seen += [line.number for line in page.items]
        cursor = page.next
    unsolved = await numbers(office, office.lea, Filter(tag="vip", order=order, statuses=("new", "open")))

    dated = [number for number in reversed(tagged) if number % 2]  # due when they were tagged
    by_due = dated + [number for number in tagged if number not in dated]
    assert seen == {"updated": tagged, "created": tagged[::-1], "due": by_due}[order]
    assert cursor is None
    assert unsolved == [number for number in seen if number != made[3]]


async def test_the_side_column_counts_what_waits(office, clock):
    mine, _nobodys, waiting = [await office.ticket(f"Number {n}") for n in range(3)]
    await office.ticket(rcpt_to="billing-in@tickets.example.org")
    change = office.desk.changing.change
    await change(office.lea, mine, Changes(assignee="me", due_at=clock.now()))
    await office.desk.writing.reply(office.tom, waiting, Words("Please wait."))
    clock.move(minutes=1)

    counts = await office.desk.tickets.counts(office.lea)

    assert set(counts.queues) == {"support"}
    assert (counts.queues["support"].new, counts.queues["support"].waiting) == (2, 1)
    assert (counts.mine, counts.unassigned, counts.waiting, counts.overdue) == (1, 1, 1, 1)
    assert (await office.desk.tickets.counts(office.ada)).queues["billing"].new == 1


async def test_what_stands_beside_a_page_is_what_its_parts_are_alone(office):
    await office.ticket("The gate")
    desk = office.desk
    await desk.shelf.save_view(office.lea, View(0, "Gates", Filter(tag="gate"), shared=False, mine=True))
    side = await desk.shelf.side(office.lea)

    assert side.counts == await desk.tickets.counts(office.lea)
    assert side.counts.queues["support"].new == 1
    assert side.views == await desk.shelf.views(office.lea)
    assert [view.name for view in side.views] == ["Gates"]
    assert side.agents == await desk.accounts.agents(office.lea)
    assert (await desk.shelf.side(office.tom)).views == []


async def test_tickets_are_unread_until_they_were_read_and_again_after_new_mail(office):
    ticket = await office.ticket()

    async def unread(who):
        (line,) = (await office.desk.tickets.find(who, Filter())).items
        return line.unread

    before = await unread(office.lea), await unread(office.tom)
    await office.desk.changing.mark(office.lea, [ticket])
    read = await unread(office.lea), await unread(office.tom)
    await office.desk.writing.note(office.tom, ticket, "Ask accounting.")
    after = await unread(office.lea), await unread(office.tom)
    await office.desk.changing.mark(office.tom, [ticket], read=False)

    assert (before, read, after) == ((True, True), (False, True), (True, False))
    assert await unread(office.tom)


@pytest.mark.parametrize(
    "typed",
    ["invoice", "INVOI", "durand", "customer.example", "réunion", "reunion", "page two", '"page two"', "offer.pdf"],
)
async def test_search_finds_subjects_bodies_people_and_names_of_files(office, typed):
    pdf = ("offer.pdf", "application/pdf", b"%PDF-1.4 x")
    wanted = await office.ticket("Invoice 2231", "La réunion: the total on page two.", files=(pdf,))
    await office.ticket("Something else", "Three things.", author="Jo <jo@other.example>")

    found = await office.desk.tickets.search(office.lea, typed)
    theirs = await office.desk.tickets.search(office.bea, typed)

    assert [item.line.number for item in found.items] == [wanted]
    assert theirs.items == ()


@pytest.mark.parametrize("typed", ["kangaroo", "kanga", '"the very first"', "first kangaroo"])
async def test_search_finds_what_stands_far_down_in_a_long_text(office, typed):
    log = "".join(f"{number} went wrong again\n" for number in range(1200))
    wanted = await office.ticket("Log", f"These are the very first lines.\n{log}Then came a kangaroo.\n")
    await office.ticket("Another log", log)

    found = await office.desk.tickets.search(office.lea, typed)

    assert [item.line.number for item in found.items] == [wanted]


@pytest.mark.parametrize(
    "typed", ["", "   ", '"', '""', "* - ( ) AND OR NOT", "NEAR(a b)", "'; --", "a\x00b", "\ud800", "🙂"]
)
async def test_no_search_is_a_query_of_the_database(office, typed):
    await office.ticket()

    page = await office.desk.tickets.search(office.lea, typed)

    assert page.items == ()


async def test_a_word_that_is_common_stands_for_itself_where_beginnings_would_be_slow(office, monkeypatch):
    plural = await office.ticket("Copper", "All invoices.")
    single = [await office.ticket("Copper", "One invoice.") for _ in range(3)]
    before = await office.desk.tickets.search(office.lea, "invoice")
    monkeypatch.setattr("gateway.store.search_fts5.COMMON", 2)
    after = await office.desk.tickets.search(office.lea, "invoice copp")

    assert len(before.items) == 4
    found = {item.line.number for item in after.items}
    assert found >= set(single)
    assert (plural in found) == office.store.url.startswith("postgresql")


@pytest.mark.parametrize(
    ("typed", "on_sqlite", "on_postgresql"),
    [
        ("co", 3, 3),
        ("c", 0, 0),  # one letter is a word
        ("copperfield", 1, 2),  # the word is there: it stands for itself
        ("copperf", 3, 2),  # it is not: its first five letters do
        ("copperx", 3, 0),
    ],
)
async def test_a_beginning_that_would_merge_too_much_is_taken_as_near_as_can_be(
    office, monkeypatch, typed, on_sqlite, on_postgresql
):
    for subject in ("Copperfield", "Copperfields", "Copper"):
        await office.ticket(subject)
    monkeypatch.setattr("gateway.store.search_fts5.MERGED", 2)

    page = await office.desk.tickets.search(office.lea, typed)

    assert len(page.items) == (on_sqlite if office.store.url.startswith("sqlite") else on_postgresql)


@pytest.fixture
def small(monkeypatch):
    """Let a search look at few entries at once, so that a few mails are many."""
    for name, value in {"WALKED": 2, "FURTHER": 0, "BLOCK": 2, "SPOTS": 3, "SPOT": 2, "KEPT": 4}.items():
        monkeypatch.setattr(f"gateway.store.search_gin.{name}", value)
    for name, value in {"FIRST": 2, "LEAST": 1, "MOST": 5}.items():
        monkeypatch.setattr(f"gateway.store.desk_search.{name}", value)


@pytest.mark.parametrize("how", [None, *How])
async def test_search_gives_the_newest_whichever_way_it_goes_back(office, monkeypatch, small, how):
    if how:
        monkeypatch.setattr("gateway.store.search_gin.cheapest", lambda leads, *_: Way(0, how, tuple(leads)))
    wanted = [
        await office.ticket(f"Copper {n}", "zinc" if n % 3 else "tin and zinc", author=f"p{n}@customer.example")
        for n in range(20)
    ]
    others = [await office.ticket("Copper", "and tin zincs", rcpt_to="billing-in@tickets.example.org")]
    others += [await office.ticket(subject) for subject in ("Copper", "Zinc", "Zinc and tin copper")]
    search = office.desk.tickets.search

    everything = await search(office.lea, "copp zin")
    few = await search(office.lea, 'copper "tin and" zi')
    first = await search(office.lea, '"tin and zinc"', limit=3)
    second = await search(office.lea, '"tin and zinc"', limit=3, cursor=first.next)
    nothing = await search(office.lea, '"zinc tin" copper')
    hits = await office.store.read(lambda context: all_of(finder(context.transaction, [["tin", "and"], ["zin"]])))

    assert [item.line.number for item in everything.items] == [others[-1], *wanted[::-1]]
    assert [item.line.number for item in few.items] == wanted[::3][::-1]
    assert [item.line.number for item in (*first.items, *second.items)] == wanted[::3][:-7:-1]
    assert nothing.items == ()
    assert len(hits) == len(wanted[::3])
    assert hits == sorted(set(hits), reverse=True)


def all_of(find):
    """Return all hits of a search, some by some."""
    found, before = [], END
    while hits := find(before, 3):
        found += hits
        before = hits[-1]
    return found


async def test_a_page_of_hits_ends_where_enough_of_them_were_looked_at(office, monkeypatch, small):
    monkeypatch.setattr("gateway.store.desk_search.LOOKED_AT", 7)
    seen = [await office.ticket(f"Copper {n}") for n in range(3)]
    for n in range(9):
        await office.ticket(f"Copper {n}", rcpt_to="billing-in@tickets.example.org")

    first = await office.desk.tickets.search(office.lea, "copper")
    second = await office.desk.tickets.search(office.lea, "copper", cursor=first.next)

    assert first.items == ()
    assert [item.line.number for item in second.items] == seen[::-1]


@pytest.mark.parametrize(
    "typed", ["marie@customer.example", "customer.example marie", "CRÈME brulee", "total wrong 2231", "offer-17.pdf"]
)
async def test_search_finds_what_people_expect_of_closed_tickets_too(office, typed):
    pdf = ("offer-17.pdf", "application/pdf", b"%PDF-1.4 x")
    wanted = await office.ticket("Invoice 2231 is wrong", "The total of the Crème brûlée.", files=(pdf,))
    other = await office.ticket("Invoice 2232", "Total.", author="Mara <mara@elsewhere.example>")
    for ticket in (wanted, other):
        await office.desk.changing.change(office.lea, ticket, Changes(status="closed"))

    found = await office.desk.tickets.search(office.lea, typed)

    assert [item.line.number for item in found.items] == [wanted]


async def test_search_finds_notes_replies_and_new_subjects_and_shows_the_words(office):
    ticket = await office.ticket()
    await office.desk.writing.note(office.lea, ticket, "Ask the zebra department about it.")
    await office.desk.writing.reply(office.lea, ticket, Words("Our giraffe will call you."))
    await office.desk.changing.change(office.lea, ticket, Changes(subject="About elephants"))

    for word in ("zebra", "giraffe", "elephants"):
        (found,) = (await office.desk.tickets.search(office.lea, word)).items
        assert found.line.number == ticket
        assert word in found.excerpt


async def test_search_says_who_wrote_the_words_that_it_found_and_not_who_wrote_last(office):
    await office.ticket(text="The zebra is late.")
    await office.desk.writing.note(office.tom, 1, "Ask the giraffe department.")
    await office.desk.writing.reply(office.lea, 1, Words("An okapi will call you."))

    found = {word: (await office.desk.tickets.search(office.lea, word)).items for word in ("zebra", "giraffe", "okapi")}

    assert {word: [item.author for item in items] for word, items in found.items()} == {
        "zebra": ["Marie Durand <marie@customer.example>"],
        "giraffe": ["Tom Weber <tom@example.org>"],
        "okapi": ["Léa Martin <lea@example.org>"],
    }


async def test_search_gives_pages(office):
    made = [await office.ticket(f"Copper {n}") for n in range(5)]
    seen, cursor = [], None
    while True:
        page = await office.desk.tickets.search(office.lea, "copper", limit=2, cursor=cursor)
        seen += [item.line.number for item in page.items]
        cursor = page.next
        if cursor is None:
            break

    assert seen == made[::-1]


async def test_a_page_shows_the_conversation_people_route_and_why(office):
    png = ("dot.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(20))
    exe = ("tool.exe", "application/octet-stream", b"MZ" + bytes(20))
    other = await office.ticket("Earlier")
    ticket = await office.ticket(files=(png, exe), Cc="Jo <jo@other.example>")
    await office.desk.writing.note(office.lea, ticket, "Ask accounting.")
    await office.desk.writing.save_draft(office.tom, ticket, "reply", "You are")

    page = await office.desk.tickets.page(office.lea, ticket)

    assert [(moment.kind, moment.text) for moment in page.moments] == [
        ("customer", "The total on page 2."),
        ("note", "Ask accounting."),
    ]
    files = {file.filename: file for file in page.moments[0].files}
    assert files["dot.png"].previewable
    assert files["tool.exe"].dangerous
    assert not files["tool.exe"].previewable
    assert [line.number for line in page.others] == [other]
    assert [box.address for box in page.route.to] == ["marie@customer.example"]
    assert [box.address for box in page.route.cc] == ["jo@other.example"]
    assert (page.route.channel, page.route.from_) == ("relay", "Example Support <support@example.org>")
    assert page.why is not None
    assert not page.why.acknowledged
    assert page.others_drafting == ("Tom Weber",)
    assert page.drafts == ()
    assert not page.route.refused


async def test_files_raw_mail_and_headers_come_back_octet_for_octet(office):
    content = bytes(range(256)) * 20
    raw = office.mail(files=(("data.bin", "application/octet-stream", content),))
    ticket = await office.receive(raw)
    page = await office.desk.tickets.page(office.lea, ticket)
    (file,) = page.moments[0].files

    download = await office.desk.tickets.download(office.lea, ticket, "mail", file.id)
    headers = await office.desk.tickets.headers(office.lea, ticket, page.moments[0].id)

    assert download.content == content
    assert await office.desk.tickets.raw(office.lea, ticket, page.moments[0].id) == raw
    assert ("subject", "Invoice 2231 is wrong") in headers
    for call in (
        office.desk.tickets.download(office.bea, ticket, "mail", file.id),
        office.desk.tickets.download(office.lea, ticket, "mail", file.id + 1),
        office.desk.tickets.download(office.lea, ticket, "mail", file.id, 1),
        office.desk.tickets.download(office.lea, ticket, "sent", 1),
        office.desk.tickets.raw(office.bea, ticket, page.moments[0].id),
        office.desk.tickets.raw(office.lea, ticket, page.moments[0].id + 1),
    ):
        with pytest.raises(NotFound):
            await call


async def test_html_points_inline_images_at_signed_addresses_and_leaves_remote_ones_disarmed(office):
    html = '<p>Hi<img src="cid:dot.png"><img src="https://tracker.example/x.png"><img src="cid:gone"></p>'
    png = ("dot.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(20))
    ticket = await office.receive(office.mail(html=html, files=(png,)))
    page = await office.desk.tickets.page(office.lea, ticket)
    entry = page.moments[0]

    async def shown(**wanted):
        return await office.desk.tickets.html(office.lea, ticket, entry.id, inline=lambda f: f"/x/{f.id}", **wanted)

    shut, opened = await shown(), await shown(remote=True)
    assert entry.has_html
    assert entry.remote_images
    assert f'src="/x/{entry.files[0].id}"' in shut
    assert ' src="https' not in shut
    assert "cid:" not in shut
    assert ' src="https://tracker.example/x.png"' in opened
