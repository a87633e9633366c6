"""Letters before one is sent: for administrators, in a frame that can do nothing, with tokens that open nothing."""

from __future__ import annotations

import pytest

from gateway.desk import Forbidden
from gateway.errors import NotFound, NotSendable
from gateway.mail import parse
from gateway.mail.preview import KINDS, LOCALES, SAMPLE, preview
from gateway.mail.token import read_tokens
from gateway.model import Envelope, Tokens
from tests.support.desk import ADA
from tests.support.drafts import DATE
from tests.support.letterheads import make_letterhead
from tests.support.site import browsers


async def test_the_page_shows_every_letter_in_every_language(office):
    async with browsers(office) as open_browser:
        ada = await open_browser(ADA)
        for kind in KINDS:
            for locale in LOCALES:
                query = f"?queue=support&kind={kind}&locale={locale}"
                page = await ada.get(f"/admin/letters{query}")
                frame = await ada.get(f"/admin/letters/frame{query}")
                told = (await ada.get(f"/api/v1/admin/preview{query}")).json()

                assert page.status_code == frame.status_code == 200
                assert f'<option value="{kind}" selected>' in page.text
                assert told["subject"] in page.text.replace("&#39;", "'")
                assert "<script" not in frame.text
                assert f'<html lang="{locale}">' in frame.text
                policy = frame.headers["content-security-policy"]
                assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
                assert policy.endswith("; sandbox")
                assert told["locale"] == locale
                assert f"{locale}/" in told["shipped_templates"][-1]


async def test_what_there_is_not_is_said(office):
    async with browsers(office) as open_browser:
        ada = await open_browser(ADA)
        assert (await ada.get("/admin/letters?queue=nowhere")).status_code == 404
        assert (await ada.get("/admin/letters?kind=poem")).status_code == 422
        assert (await ada.get("/admin/letters?locale=xx")).status_code == 422
    with pytest.raises(Forbidden):
        office.desk.previews.show(office.lea, "support", "reply")
    with pytest.raises(NotFound):
        office.desk.previews.show(office.ada, "nowhere", "reply")
    with pytest.raises(NotSendable, match="use one of: acknowledgement"):
        office.desk.previews.show(office.ada, "support", "poem")


@pytest.mark.parametrize("kind", KINDS)
def test_no_token_of_a_preview_counts(office, kind):
    draft = preview(kind, office.policy.letterheads["support"], SAMPLE, None)
    answer = parse(
        b"From: eve@evil.example\r\nReferences: <%s>\r\n\r\n%s\r\n" % (draft.message_id.encode(), draft.text.encode())
    )
    home = draft.reply_to.address if draft.reply_to else "support-in@tickets.example.org"

    assert read_tokens(answer, Envelope("", home, DATE), office.policy.keys) == Tokens()


def test_a_letterhead_without_templates_of_its_own_says_so():
    assert make_letterhead().templates.overridden == frozenset()
