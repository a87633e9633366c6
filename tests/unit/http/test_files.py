"""Attachments are never active content of our origin: how each kind is served, by pages and by the API."""

from __future__ import annotations

import pytest

from tests.support.desk import LEA

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c626001000000ffff03000006000557bfabd40000000049454e44ae426082"
)
ACTIVE = {
    "page.html": ("text/html", b"<script>alert(1)</script>"),
    "page.xhtml": ("application/xhtml+xml", b'<html xmlns="http://www.w3.org/1999/xhtml"/>'),
    "drawing.svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    "data.xml": ("application/xml", b'<?xml-stylesheet href="javascript:alert(1)"?><a/>'),
    "run.js": ("text/javascript", b"alert(1)"),
    "style.css": ("text/css", b"*{}"),
    "claims.png": ("image/png", b"<html><script>alert(1)</script></html>"),
    "claims.pdf": ("application/pdf", b"<html><script>alert(1)</script></html>"),
    "acts.pdf": ("application/pdf", b"%PDF-1.4\n<< /OpenAction << /S /JavaScript /JS (x) >> >>\n%%EOF\n"),
    "letter.eml": ("message/rfc822", b"Subject: x\r\n\r\n<script>alert(1)</script>"),
}
SHOWN = {"photo.png": ("image/png", PNG), "report.pdf": ("application/pdf", b"%PDF-1.4\n%%EOF\n")}
BY = ("/tickets/{number}/files/{source}/{id}/{position}", "/api/v1/tickets/{number}/files/{source}/{id}/{position}")


@pytest.fixture
async def served(office, browser):
    """Return a function that asks for a file of a mail by its name."""
    files = tuple((name, kind, content) for name, (kind, content) in (ACTIVE | SHOWN).items())
    number = await office.ticket(files=files)
    lea = await browser(LEA)
    rows = {row["filename"]: row for row in (await lea.get(f"/api/v1/tickets/{number}")).json()["entries"][0]["files"]}

    async def get(path: str, name: str, *, inline: bool):
        return await lea.get(path.format(number=number, **rows[name]) + ("?inline=true" if inline else ""))

    return get


@pytest.mark.parametrize("path", BY)
async def test_what_a_browser_runs_is_a_download_of_octets_whatever_is_asked(served, path):
    for name in ACTIVE:
        for inline in (False, True):
            answer = await served(path, name, inline=inline)
            headers = answer.headers
            assert answer.status_code == 200, name
            assert headers["content-type"] == "application/octet-stream", name
            assert headers["content-disposition"].startswith(f'attachment; filename="{name}"'), name
            assert headers["x-content-type-options"] == "nosniff", name
            assert {"sandbox", "default-src 'none'"} <= set(headers["content-security-policy"].split("; ")), name
            assert headers["cross-origin-resource-policy"] == "same-origin", name


@pytest.mark.parametrize("path", BY)
async def test_pictures_and_pdfs_are_shown_in_a_sandbox_and_only_if_asked(served, path):
    for name, (kind, _content) in SHOWN.items():
        inline, download = [await served(path, name, inline=wanted) for wanted in (True, False)]
        assert inline.headers["content-type"] == kind
        assert inline.headers["content-disposition"].startswith("inline; ")
        assert download.headers["content-type"] == "application/octet-stream"
        assert download.headers["content-disposition"].startswith("attachment; ")
        for answer in (inline, download):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert {"sandbox", "default-src 'none'"} <= set(answer.headers["content-security-policy"].split("; "))


@pytest.mark.parametrize("path", BY)
async def test_only_pdfs_that_are_to_be_shown_are_looked_into(served, path, monkeypatch):
    looked = []

    def look(content):
        looked.append(content)
        return True

    monkeypatch.setattr("gateway.desk.tickets.is_quiet", look)
    await served(path, "report.pdf", inline=False)
    assert looked == []
    await served(path, "report.pdf", inline=True)
    assert looked == [SHOWN["report.pdf"][1]]


async def test_raw_mails_are_downloads(office, browser):
    number = await office.ticket(html="<script>alert(1)</script>")
    lea = await browser(LEA)
    entry = (await lea.get(f"/api/v1/tickets/{number}")).json()["entries"][0]["id"]
    for path in (f"/tickets/{number}/entries/{entry}/raw", f"/api/v1/tickets/{number}/entries/{entry}/raw"):
        answer = await lea.get(path)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
