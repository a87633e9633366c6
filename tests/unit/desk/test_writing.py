"""Replies, notes and drafts: what goes out, what never does, and what can be taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.desk import Changes, Forbidden, Principal, Scope, Words
from gateway.desk.nouns import Canned, Upload
from gateway.desk.writing import mentions
from gateway.errors import Conflict, NotFound, NotSendable
from gateway.mail.compose import compose
from gateway.model import DeliveryResult, Outcome
from tests.support.desk import BEA

MINUTE = timedelta(minutes=1)


async def due(office, channel="relay"):
    return await office.store.claim_deliveries(channel, 100, MINUTE)


async def handed_over(office):
    claimed = await due(office)
    for delivery in claimed:
        await office.store.record_delivery(delivery, DeliveryResult(Outcome.SENT, 250, "250 taken"), None)
    return claimed


async def status_of(office, ticket):
    return (await office.desk.tickets.page(office.ada, ticket)).line.status


async def test_a_reply_waits_for_the_undo_then_goes_to_requester_and_participants(office, clock):
    ticket = await office.ticket(Cc="Jo <jo@other.example>")
    queued = await office.desk.writing.reply(office.lea, ticket, Words("You are right.\r\n\r\nLéa"))

    assert await due(office) == []
    clock.move(seconds=11)
    sent = await due(office)
    assert sorted(item.recipient for item in sent) == ["jo@other.example", "marie@customer.example"]
    raw = compose(sent[0].draft, clock.now()).decode()
    assert "You are right." in raw
    assert "In-Reply-To: <m1@customer.example>" in raw
    assert queued.undo_until > clock.now() - timedelta(seconds=2)
    page = await office.desk.tickets.page(office.lea, ticket)
    assert page.line.status == "waiting"
    assert (page.moments[-1].author, page.moments[-1].text) == ("Léa Martin <lea@example.org>", "You are right.\n\nLéa")
    assert [item.recipient for item in page.moments[-1].deliveries]


async def test_a_reply_taken_back_is_never_sent_and_is_a_draft_again(office, clock):
    ticket = await office.ticket()
    await office.desk.changing.change(office.lea, ticket, Changes(status="open"))
    await office.desk.writing.attach(office.lea, ticket, "reply", Upload("a.txt", "text/plain", b"octets"))
    queued = await office.desk.writing.reply(office.lea, ticket, Words("Too early", status="solved"))
    page = await office.desk.tickets.page(office.lea, ticket)
    assert page.line.status == "solved"
    assert page.drafts == ()
    assert next(m for m in page.moments if m.outgoing == queued.outgoing).undo_until == queued.undo_until

    text = await office.desk.writing.take_back(office.lea, ticket, queued.outgoing)
    clock.move(minutes=5)

    assert text == "Too early"
    assert await due(office) == []
    page = await office.desk.tickets.page(office.lea, ticket)
    assert page.line.status == "open"
    assert [(draft.text, [file.filename for file in draft.files]) for draft in page.drafts] == [
        ("Too early", ["a.txt"])
    ]
    assert next(m for m in page.moments if m.outgoing == queued.outgoing).taken_back
    assert [(m.author, m.text) for m in page.moments if m.kind == "state"][-2:] == [
        (office.lea.agent.shown, "reply taken back"),
        (office.lea.agent.shown, "status: solved → open"),
    ]
    with pytest.raises(Conflict):
        await office.desk.writing.take_back(office.lea, ticket, queued.outgoing)


async def test_a_reply_taken_back_leaves_the_status_that_somebody_else_gave(office):
    ticket = await office.ticket()
    queued = await office.desk.writing.reply(office.lea, ticket, Words("Too early"))
    await office.desk.changing.change(office.tom, ticket, Changes(status="solved"))
    await office.desk.writing.take_back(office.lea, ticket, queued.outgoing)

    assert await status_of(office, ticket) == "solved"


async def test_what_was_handed_out_is_not_taken_back(office, clock):
    ticket = await office.ticket()
    queued = await office.desk.writing.reply(office.lea, ticket, Words("On its way"))
    clock.move(seconds=11)
    assert len(await due(office)) == 1

    with pytest.raises(Conflict, match="too late"):
        await office.desk.writing.take_back(office.lea, ticket, queued.outgoing)
    page = await office.desk.tickets.page(office.lea, ticket)
    assert page.moments[-1].deliveries[0].state == "queued"


async def test_only_its_author_takes_a_reply_back(office):
    ticket = await office.ticket()
    queued = await office.desk.writing.reply(office.lea, ticket, Words("Mine"))

    with pytest.raises(Conflict, match="author"):
        await office.desk.writing.take_back(office.tom, ticket, queued.outgoing)
    with pytest.raises(NotFound):
        await office.desk.writing.take_back(office.bea, ticket, queued.outgoing)


async def test_of_two_agents_who_answer_the_same_version_one_is_told(office):
    ticket = await office.ticket()
    version = (await office.desk.tickets.page(office.lea, ticket)).line.version
    await office.desk.writing.reply(office.lea, ticket, Words("First", version=version))

    with pytest.raises(Conflict):
        await office.desk.writing.reply(office.tom, ticket, Words("Second", version=version))
    page = await office.desk.tickets.page(office.lea, ticket)
    assert [moment.text for moment in page.moments if moment.kind == "agent"] == ["First"]


async def test_attachments_go_out_with_clean_names(office, clock):
    ticket = await office.ticket()
    await office.desk.writing.attach(office.lea, ticket, "reply", Upload("../é\r\nX: 1.pdf", "bad\r\ntype", b"%PDF"))
    files = (Upload("C:\\notes.txt", "text/plain", b"notes"),)
    queued = await office.desk.writing.reply(office.lea, ticket, Words("See there.", files=files))
    clock.move(seconds=11)

    (item,) = await due(office)
    names = [(file.filename, file.content_type, file.content) for file in item.draft.files]
    assert names == [("éX: 1.pdf", "application/octet-stream", b"%PDF"), ("notes.txt", "text/plain", b"notes")]
    download = await office.desk.tickets.download(office.lea, ticket, "sent", queued.outgoing, 1)
    assert download.content == b"notes"
    found = await office.desk.tickets.search(office.lea, "notes.txt")
    assert [hit.line.number for hit in found.items] == [ticket]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (Words("  \n "), NotSendable),
        (Words("x" * 200_001), NotSendable),
        (Words("Hi", to=("not an address",)), NotSendable),
        (Words("Hi", cc=("a@b.example\r\nBcc: c@d.example",)), NotSendable),
        (Words("Hi", to=()), NotSendable),
        (Words("Hi", status="merged"), NotSendable),
        (Words("Hi", to=("support-in@tickets.example.org",)), NotSendable),
        (Words("Hi", to=("tom@example.org",)), NotSendable),
        (Words("Hi", to=tuple(f"p{n}@c.example" for n in range(51))), NotSendable),
        (Words("Hi", version=99), Conflict),
    ],
)
async def test_what_cannot_be_sent_is_refused_and_leaves_nothing(office, words, error):
    ticket = await office.ticket()

    with pytest.raises(error):
        await office.desk.writing.reply(office.lea, ticket, words)
    assert [m.kind for m in (await office.desk.tickets.page(office.lea, ticket)).moments] == ["customer"]
    assert await office.store.list_outbox() == []


async def test_a_note_is_never_mailed_whatever_it_says_and_never_quoted(office, clock):
    ticket = await office.ticket()
    await office.desk.writing.note(office.lea, ticket, "To: marie@customer.example\n\n@tom the SECRET is 42 @bea")
    clock.move(hours=1)
    assert await due(office) == []
    assert await office.store.list_outbox() == []

    await office.desk.writing.reply(office.lea, ticket, Words("Hello"))
    clock.move(hours=1)
    (item,) = await due(office)
    assert b"SECRET" not in compose(item.draft, clock.now())
    assert "SECRET" not in item.draft.text + (item.draft.html or "")


async def test_mentions_notify_those_who_may_see_the_ticket(office):
    ticket = await office.ticket()
    entry = await office.desk.writing.note(office.lea, ticket, "Hello @tom and @bea@example.org, and @lea")

    (notice,) = await office.desk.shelf.notices(office.tom)
    assert (notice.ticket, notice.entry, notice.why, notice.read) == (ticket, entry, "mentioned", False)
    assert await office.desk.shelf.notices(office.bea) == []
    assert await office.desk.shelf.notices(office.lea) == []
    assert (await office.desk.tickets.counts(office.tom)).notifications == 1
    assert await office.desk.shelf.read_notices(office.tom, notice.id) == 1
    assert (await office.desk.tickets.counts(office.tom)).notifications == 0


async def test_a_mention_is_an_agents_address_local_part_or_first_name(office):
    agents = await office.desk.accounts.agents(office.lea)

    def names(text):
        return [agent.address for agent in mentions(text, agents)]

    assert names("@tom, @Bea. @tom") == ["tom@example.org", BEA]
    assert names("mail tom@example.org, or a@tom") == []


async def test_drafts_survive_and_two_windows_do_not_overwrite_each_other(office):
    ticket = await office.ticket()
    first = await office.desk.writing.save_draft(office.lea, ticket, "reply", "You", cc="jo@other.example")
    second = await office.desk.writing.save_draft(office.lea, ticket, "reply", "You are", version=first.version)
    with pytest.raises(Conflict):
        await office.desk.writing.save_draft(office.lea, ticket, "reply", "Old window", version=first.version)

    (draft,) = await office.desk.writing.drafts(office.lea)
    assert (draft.ticket, draft.kind, draft.text, draft.version) == (ticket, "reply", "You are", second.version)
    assert await office.desk.writing.drafts(office.tom) == []
    with pytest.raises(NotFound):
        await office.desk.writing.save_draft(office.bea, ticket, "reply", "Not theirs")
    assert await office.desk.writing.discard_draft(office.lea, ticket, "reply")
    assert not await office.desk.writing.discard_draft(office.lea, ticket, "reply")


async def test_files_of_a_draft_come_and_go_within_limits(office):
    ticket = await office.ticket()
    for number in range(20):
        await office.desk.writing.attach(office.lea, ticket, "reply", Upload(f"{number}.txt", "text/plain", b"x"))
    with pytest.raises(NotSendable):
        await office.desk.writing.attach(office.lea, ticket, "reply", Upload("more.txt", "text/plain", b"x"))

    assert await office.desk.writing.detach(office.lea, ticket, "reply", 3)
    assert not await office.desk.writing.detach(office.lea, ticket, "reply", 3)
    (draft,) = await office.desk.writing.drafts(office.lea)
    assert len(draft.files) == 19


async def test_a_scope_that_is_missing_and_a_password_of_somebody_else_stop_everything(office):
    ticket = await office.ticket()
    reader = Principal(office.lea.agent, frozenset({Scope.READ}))
    from dataclasses import replace

    fresh = Principal(replace(office.lea.agent, must_change=True), office.lea.scopes)
    for who in (reader, fresh):
        with pytest.raises(Forbidden):
            await office.desk.writing.reply(who, ticket, Words("No"))
    with pytest.raises(Forbidden):
        await office.desk.tickets.page(fresh, ticket)


async def test_canned_answers_are_filled_once(office):
    who = office.lea
    ticket = await office.ticket(author="{agent.name} Durand <marie@customer.example>")
    text = "Dear {customer.first_name}, about #{ticket.number} in {queue.name}: {unknown.thing}. {agent.name}"
    kept = await office.desk.shelf.save_canned(who, Canned(0, " Hello ", text, "support", "h"))
    page = await office.desk.tickets.page(who, ticket)

    filled = await office.desk.shelf.fill(who, kept.id, page)

    assert filled == f"Dear {{agent.name}}, about #{ticket} in Support: {{unknown.thing}}. Léa Martin"
    assert await office.desk.shelf.canned(office.bea) == []
    for who in (office.bea,):
        with pytest.raises(NotFound):
            await office.desk.shelf.save_canned(who, Canned(kept.id, "Mine", "now", "billing"))
        with pytest.raises(NotFound):
            await office.desk.shelf.remove_canned(who, kept.id)
    with pytest.raises(Forbidden):
        await office.desk.shelf.save_canned(office.lea, Canned(0, "All", "text", None))
    await office.desk.shelf.remove_canned(office.lea, kept.id)
    assert await office.desk.shelf.canned(office.lea) == []


async def test_a_blind_copy_goes_out_alone_and_nobody_is_told(office, clock):
    ticket = await office.ticket(Cc="Jo <jo@other.example>")
    await office.desk.writing.reply(office.lea, ticket, Words("Hello", bcc=("boss@else.example", "jo@other.example")))
    clock.move(seconds=11)
    sent = await due(office)

    assert sorted(item.recipient for item in sent) == [
        "boss@else.example",
        "jo@other.example",
        "marie@customer.example",
    ]
    assert not any(b"boss@" in compose(item.draft, clock.now()) for item in sent)
    page = await office.desk.tickets.page(office.lea, ticket)
    assert "boss@else.example" not in {item.address for item in page.participants}
    with pytest.raises(NotSendable, match="no address"):
        await office.desk.writing.reply(office.lea, ticket, Words("Hello", bcc=("boss",)))


async def test_what_a_newcomer_said_is_neither_quoted_nor_answered_until_somebody_writes_to_them(office, clock):
    ticket = await office.ticket()
    await office.desk.writing.reply(office.lea, ticket, Words("Hello", bcc=("boss@else.example",)))
    clock.move(seconds=11)
    home = (await handed_over(office))[0].draft.reply_to.address
    said = "I got a blind copy."
    await office.ticket("Re: Invoice", said, author="The Boss <boss@else.example>", rcpt_to=home)

    async def next_reply(**recipients):
        await office.desk.writing.reply(office.lea, ticket, Words("Further", **recipients))
        clock.move(seconds=11)
        return (await handed_over(office))[0].draft

    draft = await next_reply()
    assert said not in draft.text
    assert draft.in_reply_to == "m1@customer.example"
    conversation = await office.store.conversation(ticket)
    assert said not in [item.text for item in conversation.said]
    assert conversation.answers == "m1@customer.example"
    assert said in (await next_reply(cc=("boss@else.example",))).text or said in (await next_reply()).text


async def test_what_was_taken_back_or_cancelled_is_never_quoted(office, clock):
    ticket = await office.ticket()
    taken = await office.desk.writing.reply(office.lea, ticket, Words("Taken back"))
    await office.desk.writing.take_back(office.lea, ticket, taken.outgoing)
    await office.desk.writing.discard_draft(office.lea, ticket, "reply")
    cancelled = await office.desk.writing.reply(office.lea, ticket, Words("Cancelled"))
    page = await office.desk.tickets.page(office.lea, ticket)
    (moment,) = [item for item in page.moments if item.outgoing == cancelled.outgoing]
    for delivery in moment.deliveries:
        await office.store.cancel_delivery(delivery.id, "the test")
    await office.desk.writing.reply(office.lea, ticket, Words("Sent"))
    clock.move(seconds=11)
    (sent,) = await due(office)

    assert "The total on page 2." in sent.draft.text
    assert "Taken back" not in sent.draft.text
    assert "Cancelled" not in sent.draft.text
    assert [item.text for item in (await office.store.conversation(ticket)).said] == ["Sent", "The total on page 2."]


async def test_a_picture_in_a_reply_is_shown_on_its_ticket_and_comes_back_with_an_undo(office, clock):
    ticket = await office.ticket()
    png = b"\x89PNG\r\n\x1a\n octets"
    await office.desk.writing.attach(office.lea, ticket, "reply", Upload("plan.png", "image/png", png))
    queued = await office.desk.writing.reply(office.lea, ticket, Words("Look: [image: plan.png]"))
    page = await office.desk.tickets.page(office.lea, ticket)
    (file,) = next(item for item in page.moments if item.outgoing == queued.outgoing).files

    assert (file.filename, file.inline, file.previewable) == ("plan.png", True, True)
    assert file.content_id == f"picture1.{queued.outgoing}@tickets.example.org"
    await office.desk.writing.take_back(office.lea, ticket, queued.outgoing)
    assert [item.filename for item in (await office.desk.tickets.page(office.lea, ticket)).drafts[0].files] == [
        "plan.png"
    ]

    await office.desk.writing.reply(office.lea, ticket, Words("Look: [image: plan.png]"))
    clock.move(seconds=11)
    (sent,) = await due(office)
    raw = compose(sent.draft, clock.now()).decode()
    assert "multipart/related" in raw
    assert 'src=3D"cid:picture1.' in raw.replace("=\r\n", "")
