"""Agents answer alerts from their own mail program: sent on if all is proven, else filed where no customer reads."""

from __future__ import annotations

import base64

import pytest

from gateway.model import OutgoingKind
from gateway.rules.agents import read_mark
from gateway.store import SqlStore
from tests.support.talk import ANN, BOB, PROVEN, Talk, read

REPLY = OutgoingKind.REPLY
FROM = f"From: {BOB}"
QUOTE = "\n\nOn Mon, 5 Jan 2026, Example Support wrote:\n> It burns again.\n"


@pytest.fixture
async def talk(store: SqlStore) -> Talk:
    return await Talk(store).open()


async def alerted(talk: Talk) -> tuple[int, str]:
    """Let Bob have an alert; return the ticket and where he answers."""
    bob = await talk.agent()
    ticket = await talk.assigned()
    await talk.answer(ticket)
    await talk.drafts()
    talk.wait(minutes=5)  # who answers at once is a robot
    return ticket, talk.reply_address(ticket, bob)


async def test_an_agents_answer_is_sent_on_as_the_desk(talk: Talk) -> None:
    ticket, home = await alerted(talk)

    applied = await talk.mail(PROVEN, FROM, body=f"Pour water over it.\n\nBob{QUOTE}", to=home)

    (sent,) = await talk.drafts(REPLY)
    mail = read(sent)
    assert applied.replies == (sent.outgoing_id,)
    assert sent.recipient == "ann@customer.example"
    assert mail.from_ is not None
    assert mail.from_.address == "support@example.org"
    assert "Pour water over it." in mail.reply_text
    assert "bob@example.org" not in sent.draft.text.partition("Ann Lee")[0]
    assert not mail.values("auto-submitted")
    assert mail.in_reply_to == ("m2@customer.example",)
    assert mail.reply_to[0].address == talk.reply_address(ticket)
    kinds = [(kind, author) for kind, author, _ in await talk.entries(ticket)]
    assert ("agent", BOB) in kinds
    assert await talk.status(ticket) == "waiting"


async def test_what_the_agent_quotes_is_cut_and_the_conversation_is_quoted_once(talk: Talk) -> None:
    ticket, home = await alerted(talk)

    await talk.mail(PROVEN, FROM, body=f"Pour water over it.{QUOTE}", to=home)

    (sent,) = await talk.drafts(REPLY)
    text = sent.draft.text
    assert text.count("It burns again.") == 1
    assert text.index("Pour water") < text.index("It burns again.") < text.index("It burns.")
    assert ("agent", BOB, "Pour water over it.") in await talk.entries(ticket)


async def test_files_go_along_and_pictures_of_the_quote_stay_behind(talk: Talk) -> None:
    _, home = await alerted(talk)
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n picture").decode()
    html = '<p>See the plan.</p><img src="cid:new@x"><blockquote type="cite"><img src="cid:logo@x">old</blockquote>'
    lines = [
        "--b", "Content-Type: text/html", "", html,
        "--b", "Content-Type: image/png", "Content-ID: <new@x>", "Content-Transfer-Encoding: base64", "", picture,
        "--b", "Content-Type: image/png", "Content-ID: <logo@x>", "Content-Transfer-Encoding: base64", "", picture,
        "--b", 'Content-Type: application/pdf; name="plan.pdf"', "Content-Disposition: attachment", "", "%PDF plan",
        "--b--", "",
    ]  # fmt: skip
    body = "\r\n".join(lines)
    await talk.mail(PROVEN, FROM, 'Content-Type: multipart/related; boundary="b"', body=body, to=home)

    (sent,) = await talk.drafts(REPLY)
    assert [file.content for file in sent.draft.files] == [b"\x89PNG\r\n\x1a\n picture", b"%PDF plan"]
    assert [item.filename for item in read(sent).attachments][-1] == "plan.pdf"
    assert "See the plan." in sent.draft.text


async def test_a_picture_inside_an_agents_words_stands_there_for_the_customer(talk: Talk) -> None:
    """Gmail writes `[image: NAME]` into its text part, where the HTML shows a picture."""
    _, home = await alerted(talk)
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n picture").decode()
    lines = [
        "--r", 'Content-Type: multipart/alternative; boundary="a"', "",
        "--a", "Content-Type: text/plain; charset=utf-8", "", "See here:", "", "[image: plan.png]", "", "Bob",
        "--a", "Content-Type: text/html; charset=utf-8", "", '<p>See here:</p><img src="cid:p@x"><p>Bob</p>',
        "--a--",
        "--r", 'Content-Type: image/png; name="plan.png"', "Content-ID: <p@x>", "Content-Transfer-Encoding: base64", "",
        picture, "--r--", "",
    ]  # fmt: skip
    await talk.mail(PROVEN, FROM, 'Content-Type: multipart/related; boundary="r"', body="\r\n".join(lines), to=home)

    (sent,) = await talk.drafts(REPLY)
    (file,) = sent.draft.files
    assert file.content_id == f"picture1.{sent.outgoing_id}@tickets.example.org"
    assert f'<img src="cid:{file.content_id}" alt="plan.png"' in str(sent.draft.html)
    assert "[image: plan.png]" in sent.draft.text


@pytest.mark.parametrize("mark", ["#note", "#Note", "# note:", "#note please", "#intern", "#nota"])
async def test_a_mark_in_the_first_line_keeps_an_answer_inside(talk: Talk, mark: str) -> None:
    ticket, home = await alerted(talk)

    applied = await talk.mail(PROVEN, FROM, body=f"{mark}\nThe customer is difficult.{QUOTE}", to=home)

    assert applied.replies == ()
    assert await talk.drafts() == []
    (note,) = [(author, text) for kind, author, text in await talk.entries(ticket) if kind == "note"]
    assert note[0] == BOB
    assert "The customer is difficult." in note[1]
    assert await talk.status(ticket) == "new"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#note\nHello", ("Hello", True)),
        ("#reply\nHello", ("Hello", False)),
        ("#1042 is the number", ("#1042 is the number", False)),
        ("Hello\n#note", ("Hello\n#note", False)),
        ("#urgent", ("#urgent", True)),
        ("#urgent is what I call it", ("#urgent is what I call it", False)),
        ("", ("", False)),
    ],
)
def test_marks(text: str, expected: tuple[str, bool]) -> None:
    assert read_mark(text) == expected


# --- the takeover matrix ----------------------------------------------------------------------------------------

DMARC = {
    "pass": (PROVEN,),
    "fail": ("Authentication-Results: mx.example.org; dmarc=fail header.from=example.org",),
    "none": ("Authentication-Results: mx.example.org; spf=none",),
    "unstated": (),
}
SENDERS = {"agent": BOB, "other agent": "eve@example.org", "participant": ANN, "stranger": "m@evil.example"}


@pytest.mark.parametrize("dmarc", DMARC)
@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("token", ["alert", "customer", "other ticket", "forged", "none"])
async def test_only_the_alerted_agent_and_only_proven_speaks_for_the_desk(
    migrated_sqlite_url: str, clock, token: str, sender: str, dmarc: str
) -> None:
    from gateway.store import open_store

    async with open_store(migrated_sqlite_url, clock=clock) as store:
        talk = await Talk(store).open()
        ticket, home = await alerted(talk)
        await talk.agent("eve@example.org", "Eve", alerts="off")
        other = await talk.assigned("nobody@example.org")
        local, _, domain = home.partition("@")
        address = {
            "alert": home,
            "customer": talk.reply_address(ticket),
            "other ticket": talk.reply_address(other, 2),  # minted for another agent, on another ticket
            "forged": f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}",
            "none": "support-in@tickets.example.org",
        }[token]

        applied = await talk.mail(*DMARC[dmarc], f"From: {SENDERS[sender]}", body="Send the money.", to=address)

        replies = await talk.drafts(REPLY)
        agents_by_right = {("alert", "agent", "pass"), ("other ticket", "other agent", "pass")}
        assert bool(replies) == ((token, sender, dmarc) in agents_by_right)
        assert bool(applied.replies) == bool(replies)


@pytest.mark.parametrize(
    ("headers", "because"),
    [
        ((FROM,), "our own mail server does not vouch for its author"),
        (("Authentication-Results: mx.evil.example; dmarc=pass", FROM), "does not vouch"),
        (("Received: by mx.example.org", PROVEN, FROM), "does not vouch"),  # it came with the mail
        (("Authentication-Results: mx.example.org; dmarc=pass header.from=evil.example", FROM), "does not vouch"),
        (("Authentication-Results: mx.example.org; arc=pass", FROM), "does not vouch"),
        ((PROVEN, "From: bob+x@example.org"), "its author is no agent"),
        ((PROVEN, "From: bob@example.org, eve@example.org"), "its header is ambiguous"),
        ((PROVEN, FROM, "Precedence: bulk"), "a machine sent it"),
        ((PROVEN, FROM, "Subject: Out of office"), "it may be an automatic answer (responder-subject)"),
    ],
)
async def test_what_is_not_proven_is_filed_inside_and_says_why(talk: Talk, headers, because: str) -> None:
    ticket, home = await alerted(talk)
    before = await talk.status(ticket)

    applied = await talk.mail(*headers, body="Send the money.", to=home)

    assert (applied.disposition.value, applied.replies, applied.alerts) == ("append", (), ())
    kind, author, text = (await talk.entries(ticket))[-1]
    assert kind == "note"
    assert author.endswith("(unverified)")
    assert because in text
    assert "Send the money." in text
    assert await talk.status(ticket) == before
    assert await talk.drafts() == []


@pytest.mark.parametrize("headers", [("Auto-Submitted: auto-replied",), ("X-Autoreply: yes",)])
async def test_an_agents_out_of_office_is_quiet(talk: Talk, headers: tuple[str, ...]) -> None:
    ticket, home = await alerted(talk)
    before = await talk.status(ticket)

    applied = await talk.mail(PROVEN, FROM, *headers, body="I am in the hills.", to=home)

    assert applied.disposition.value == "auto_reply"
    assert await talk.drafts() == []
    assert await talk.status(ticket) == before


async def test_an_answer_within_seconds_is_a_robots(talk: Talk) -> None:
    bob = await talk.agent()
    ticket = await talk.assigned()
    await talk.answer(ticket)  # and the alert leaves

    await talk.mail(PROVEN, FROM, body="I am in the hills.", to=talk.reply_address(ticket, bob))

    assert await talk.drafts(REPLY) == []
    assert "answers-at-once" in (await talk.entries(ticket))[-1][2]


async def test_two_robots_without_any_mark_come_to_an_end(talk: Talk) -> None:
    """A customer's robot and an agent's mailbox that answers, both without headers that say so, for a day."""
    bob = await talk.agent()
    ticket = await talk.assigned()
    caused = 0
    for _ in range(12 * 4):
        applied = await talk.answer(ticket, body="We have received your message.")
        talk.wait(minutes=2)
        if applied.alerts:
            applied = await talk.mail(PROVEN, FROM, body="I am in the hills.", to=talk.reply_address(ticket, bob))
            caused += len(applied.replies)
        talk.wait(minutes=3)

    assert caused <= 2  # the behaviour of the customer's side betrays it, and then nobody is alerted any more


async def test_a_hand_full_of_answers_in_an_hour_and_then_a_person_has_to_look(talk: Talk) -> None:
    ticket, home = await alerted(talk)

    outcomes = [len((await talk.mail(PROVEN, FROM, body=f"Answer {n}", to=home)).replies) for n in range(13)]

    assert outcomes == [1] * 12 + [0]
    kind, author, text = (await talk.entries(ticket))[-1]
    assert (kind, author) == ("note", BOB)
    assert text.startswith("Not sent to the customer: 12 answers by mail in an hour already.")


async def test_an_answer_that_can_go_to_nobody_is_kept_and_says_so(talk: Talk) -> None:
    ticket, home = await alerted(talk)
    await talk.store.block("ann@customer.example", "", "the test")
    talk.wait(minutes=5)

    applied = await talk.mail(PROVEN, FROM, body="Pour water.", to=home)

    assert (applied.disposition.value, applied.replies) == ("append", ())
    assert "loop blocklist" in (await talk.entries(ticket))[-1][2]
    assert await talk.drafts() == []


async def test_a_disabled_agent_and_a_lost_queue_speak_no_more(talk: Talk) -> None:
    ticket, home = await alerted(talk)
    await talk.store.grant_queues("bob@example.org", ["sales"])
    await talk.mail(PROVEN, FROM, body="Pour water.", to=home)
    assert "may not see this queue" in (await talk.entries(ticket))[-1][2]

    await talk.store.change_agent("bob@example.org", disabled=True)
    await talk.mail(PROVEN, FROM, body="Pour more.", to=home)
    assert "its author is no agent" in (await talk.entries(ticket))[-1][2]
    assert await talk.drafts() == []


async def test_cc_of_the_ticket_is_kept_and_newcomers_get_nothing(talk: Talk) -> None:
    bob = await talk.agent()
    first = await talk.mail("Cc: Carl Roe <carl@customer.example>, bob@example.org")
    ticket = int(first.ticket_id or 0)
    await talk.answer(ticket, "From: stranger@else.example", body="I have its token, and am nobody here.")
    await talk.drafts()

    await talk.mail(PROVEN, FROM, body="Pour water.", to=talk.reply_address(ticket, bob))

    sent = await talk.drafts(REPLY)
    assert sorted(item.recipient for item in sent) == ["ann@customer.example", "carl@customer.example"]
    assert [box.address for box in read(sent[0]).cc] == ["carl@customer.example"]


async def test_no_note_however_it_came_leaves_the_house(talk: Talk) -> None:
    ticket, home = await alerted(talk)
    secret = "CANARY"
    await talk.store.add_note(ticket, BOB, f"{secret} at the desk")
    await talk.mail(PROVEN, FROM, body=f"#note\n{secret} by mail", to=home)
    await talk.mail(FROM, body=f"{secret} that nobody vouches for", to=home)
    talk.wait(minutes=10)

    await talk.mail(PROVEN, FROM, body="Pour water.", to=home)
    await talk.answer(ticket, body="Thank you.")

    sent = await talk.drafts()
    assert sum(secret in text for _, _, text in await talk.entries(ticket)) == 3
    assert {item.draft.kind for item in sent} == {OutgoingKind.ALERT, REPLY}
    assert not any(secret in f"{read(item).text}{read(item).html}{read(item).subject}" for item in sent)
