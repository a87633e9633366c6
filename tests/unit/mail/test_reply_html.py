"""The new part of HTML bodies, in the shapes of many mail programs."""

from __future__ import annotations

import re

import pytest

from gateway.mail import html, html_text, reply, reply_html
from tests.support.growth import assert_linear

OUTLOOK_BLOCK = (
    "<p class=MsoNormal><b><span>From:</span></b><span> Jane Doe &lt;jane@example.org&gt;<br>"
    "<b>Sent:</b> Wednesday, April 3, 2024 10:12 AM<br><b>To:</b> Bob<br><b>Subject:</b> Re: Upgrade</span></p>"
)
SAMPLES = {
    "gmail": '<div dir="ltr">Works now.</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" '
    'class="gmail_attr">On Wed, Apr 3, 2024 at 10:12 AM Jane &lt;<a href="mailto:j@example.org">j@example.org</a>&gt; '
    'wrote:<br></div><blockquote class="gmail_quote"><div>Please try.</div></blockquote></div>',
    "gmail, language of no table": '<div>Works now.</div><div class="gmail_quote"><div class="gmail_attr">Mer 3 Ebr '
    '2024 am 10:12 Jane zzz:<br></div><blockquote class="gmail_quote">Please try.</blockquote></div>',
    "gmail without a blockquote": '<div>Works now.</div><div class="gmail_quote">Jane zzz<br>Please try.</div>',
    "outlook desktop": f'<div class="WordSection1"><p class="MsoNormal">Works now.</p><div style="border:none;'
    f'border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">{OUTLOOK_BLOCK}</div><p>Please try.</p></div>',
    "outlook 2003": f"<div class=Section1><p class=MsoNormal>Works now.</p><div><div align=center><hr size=3></div>"
    f"{OUTLOOK_BLOCK}</div><p>Please try.</p></div>",
    "outlook on the web": '<div style="font-family:Calibri">Works now.</div><div id="appendonsend"></div><hr><div '
    'id="divRplyFwdMsg" dir="ltr"><b>Oddi wrth:</b> Jane<br><b>Anfonwyd:</b> 3 Ebrill</div><div>Please try.</div>',
    "outlook mobile": '<div dir="ltr">Works now.</div><div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/x">'
    'Outlook for iOS</a></div><div id="mail-editor-reference-message-container"><hr><div id="divRplyFwdMsg">'
    "<b>From:</b> Jane<br></div><p>Please try.</p></div>",
    "apple mail": '<div>Works now.</div><div><br><blockquote type="cite"><div>On 3 Apr 2024, at 10:12, Jane '
    "&lt;j@example.org&gt; wrote:</div><br><div>Please try.</div></blockquote></div>",
    "thunderbird": '<p>Works now.</p><div class="moz-cite-prefix">On 03/04/2024 10:12, Jane wrote:<br></div>'
    '<blockquote type="cite" cite="mid:x@example.org"><p>Please try.</p></blockquote>',
    "thunderbird, answer below": '<div class="moz-cite-prefix">On 03/04/2024 10:12, Jane wrote:<br></div><blockquote '
    'type="cite" cite="mid:x@example.org"><p>Please try.</p></blockquote><p>Works now.</p>',
    "yahoo": '<div>Works now.</div><div id="yahoo_quoted_12" class="yahoo_quoted"><div>On Wednesday, April 3, 2024 at '
    "10:12:00 AM, Jane &lt;j@example.org&gt; wrote:</div><div>Please try.</div></div>",
    "yahoo, prefixed and set apart": '<div class="ydp1a2yahoo-style-wrap"><div>Works now.</div><div><br></div></div>'
    '<div id="ydp3yahoo_quoted_12" class="ydp3yahoo_quoted"><div><div>Ar ddydd Mercher Jane:</div><div><br></div>'
    "<div>Please try.</div></div></div>",
    "far below its attribution": "<div>Works now.</div><div><div><div>On Wednesday, April 3, 2024 at 10:12:00 AM PST, "
    "Jane &lt;j@example.org&gt; wrote:</div></div><div><br></div><div></div></div><div><div>Please try.</div></div>",
    "both kinds of quote marks": "<p>Works now.</p><blockquote style='border-left: #ff0000 2px solid;'>&gt; Message du "
    "03/04/24 10:12<br>&gt; De : Jane<br>&gt; Objet : Upgrade<br>&gt; <p>Please try.</p></blockquote>",
    "proton": '<div>Works now.</div><div class="protonmail_quote">Ar ddydd Mercher Jane<br><blockquote '
    'class="protonmail_quote" type="cite">Please try.</blockquote></div>',
    "gmx": '<div>Works now.</div><div name="quote" style="margin:10px"><b>Gesendet:</b> Mittwoch'
    "<div>Please try.</div></div>",
    "hotmail": '<div>Works now.<br><hr id="stopSpelling">Date: Wed<br>From: jane<br>Please try.</div>',
    "zimbra": '<div>Works now.<br><hr id="zwchr"><b>From: </b>jane<br>Please try.</div>',
    "outlook for mac 2011": '<div>Works now.</div><span id="OLK_SRC_BODY_SECTION"><div>From: Jane</div>Please '
    "try.</span>",
    "zoho": '<div>Works now.</div><div class="zmail_extra"><div>---- Jane ----</div><blockquote>Please '
    "try.</blockquote></div>",
    "yandex": '<div>Works now.</div><div>03.04.2024, 10:12, "Jane" &lt;j@example.org&gt;:</div><blockquote>Please try.'
    "</blockquote>",
    "mail.ru": "<p>Works now.</p>Wed, 3 Apr 2024 10:12:00 +0300 от Jane &lt;j@example.org&gt;:<br><blockquote>"
    "Please try.</blockquote>",
}
UNTOUCHED = {
    "no quote": "<p>Works now.</p><p>Bob</p>",
    "a blockquote of the author's": "<p>The manual says</p><blockquote>Please try.</blockquote><p>but how?</p>",
    "gmail forward": '<div>See below.</div><div class="gmail_quote"><div class="gmail_attr">---------- Forwarded '
    "message ---------<br>From: Jane</div>Please try.</div>",
    "thunderbird forward": '<p>See below.</p><div class="moz-forward-container">-------- Forwarded Message --------'
    "<table><tr><th>From:</th><td>Jane</td></tr></table><p>Please try.</p></div>",
    "apple forward": '<div>See below.</div><blockquote type="cite"><div>Begin forwarded message:</div><div>From: Jane'
    "</div><div>Please try.</div></blockquote>",
    "nothing but a quote": '<blockquote type="cite">Please try.</blockquote>',
}


def shown(source):
    return html_text.to_text(html.sanitise(source)[0])


def cut_html(source, *, forwarded=False):
    parts = reply_html.read(source, forwarded=forwarded)
    return parts.html if parts is not None else None


def author_text(text, source, *, forwarded=False):
    parts = reply_html.read(source, forwarded=forwarded)
    new = "" if parts is None or parts.html is None else shown(parts.html)
    return reply.author_text(text, parts, new, forwarded=forwarded)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_quote_goes(name):
    new = cut_html(SAMPLES[name])

    assert new is not None
    assert "Works now." in new
    assert "Please try" not in new
    assert "jane" not in new.casefold()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_says_the_same(name):
    source = SAMPLES[name]

    assert author_text(shown(source), source).reply == "Works now."


@pytest.mark.parametrize("name", UNTOUCHED)
def test_content_stays(name):
    source = UNTOUCHED[name]

    assert cut_html(source) is None
    assert author_text(shown(source), source).reply.split() == shown(source).split()


def test_answers_between_quotes_stay_with_what_they_answer():
    source = (
        '<div>Hi,</div><div class="gmail_quote"><div class="gmail_attr">On Wed, Apr 3, 2024 Jane wrote:</div>'
        '<blockquote class="gmail_quote">Which version?</blockquote><div>4.2</div>'
        '<blockquote class="gmail_quote">Which browser?</blockquote><div>Firefox</div>'
        '<blockquote class="gmail_quote">Regards, Jane</blockquote></div>'
    )
    new = cut_html(source) or ""

    words = re.sub(r"<[^>]*>", " ", new).split()
    assert words == ["Hi,", "Which", "version?", "4.2", "Which", "browser?", "Firefox"]


def test_the_html_tells_the_quote_that_the_text_hides():
    text = "Works now.\n\nMer 3 Ebr 2024 am 10:12 Jane zzz\nPlease try."

    assert author_text(text, SAMPLES["gmail, language of no table"]).reply == "Works now."


def test_a_signature_element_is_a_signature():
    source = '<div>Works now.</div><br clear="all"><div class="gmail_signature">Bob Roe<br>Example Ltd</div>'
    cut = author_text("Works now.\n\nBob Roe\nExample Ltd", source)

    assert (cut.reply, cut.signature) == ("Works now.", "Bob Roe\nExample Ltd")


def test_a_long_text_is_no_signature():
    text = "Works now.\n\n" + "Example\n" * 1_000
    cut = reply.author_text(text, reply_html.HtmlParts(None, "Example\n" * 1_000))

    assert (cut.reply, cut.signature) == (text.strip(), None)


def test_a_pasted_screenshot_below_the_text_stays():
    source = '<div>See:</div><img src="cid:shot@example.org"><div class="yahoo_quoted">Please try.</div>'

    assert "cid:shot@example.org" in (cut_html(source) or "")


def test_a_forward_by_outlook_is_content():
    source = SAMPLES["outlook desktop"]

    assert cut_html(source, forwarded=reply.says_forward("WG: Upgrade")) is None
    assert "Please try." in author_text(shown(source), source, forwarded=reply.says_forward("FW: Upgrade")).reply
    assert not reply.says_forward("Forward: march")


HOSTILE = [
    "<div>",
    "<blockquote type=cite>",
    "<div class=gmail_quote>",
    "<b id={n}>",
    "<p>On 1 Jan 2024 10:10 x wrote:</p><blockquote>a</blockquote>",
    "<br>",
    "<p>a",
    "<",
    "<!--",
    '<a href="',
    "<table><tr><td>",
    "<pre>a\n",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_size_only(piece):
    def make(size):
        return "<p>hi</p>" + "".join(piece.replace("{n}", str(n)) for n in range(size // len(piece)))

    assert_linear(cut_html, make, 50_000)


def test_trees_too_deep_or_too_big_are_left_alone():
    assert reply_html.read("<div>" * 5_000) is None
    assert reply_html.read("<p>x</p>" * 200_000) is None
