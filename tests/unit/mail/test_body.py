"""The body of a mail: which of its parts is read, and that what is read looks as it was meant."""

import pytest

from gateway.mail import parse
from gateway.mail.charset import decode_body
from gateway.mail.flowed import unflow
from gateway.mail.html_text import to_text
from tests.fuzz.seeds import PNG, b64, mail, multipart, part

PLAIN = part("Content-Type: text/plain; charset=utf-8", body=b"plain words\r\n")
RICH = part("Content-Type: text/html; charset=utf-8", body=b"<p>rich words</p>")
NAMED_PLAIN = part("Content-Type: text/plain; name=body.txt", body=b"plain words\r\n")
NAMED_RICH = part("Content-Type: text/html; name=body.html", body=b"<p>rich words</p>")
BLANK = part("Content-Type: text/plain", body=b" \r\n\xc2\xa0\r\n")
NOTE = part("Content-Type: text/plain; name=note.txt", body=b"a note\r\n")
IMAGE = part("Content-Type: image/png", "Content-Transfer-Encoding: base64", "Content-ID: <i@x>", body=b64(PNG))


def of(kind: str, *parts: bytes) -> bytes:
    return mail(f'Content-Type: multipart/{kind}; boundary="b-{kind}"', body=multipart(f"b-{kind}", *parts))


def inner(kind: str, *parts: bytes) -> bytes:
    return part(f'Content-Type: multipart/{kind}; boundary="b-{kind}"', body=multipart(f"b-{kind}", *parts))


@pytest.mark.parametrize(
    ("raw", "text", "has_html", "names"),
    [
        (mail(body=b"Hello\r\n"), "Hello\n", False, []),
        (of("alternative", PLAIN, RICH), "plain words\n", True, []),
        (of("alternative", RICH, PLAIN), "plain words\n", True, []),
        (of("alternative", BLANK, RICH), "rich words", True, []),
        (of("alternative", RICH), "rich words", True, []),
        (of("alternative", PLAIN, inner("related", RICH, IMAGE)), "plain words\n", True, ["attachment-1.png"]),
        (of("related", inner("alternative", PLAIN, RICH), IMAGE), "plain words\n", True, ["attachment-1.png"]),
        (of("related", PLAIN, RICH, IMAGE), "plain words\n", True, ["attachment-1.png"]),
        (of("mixed", PLAIN, NOTE), "plain words\n", False, ["note.txt"]),
        (of("mixed", NOTE), "a note\n", False, []),  # a named text, but there is no other
        (of("alternative", NAMED_PLAIN, NAMED_RICH), "plain words\n", True, []),
        (of("mixed", PLAIN, RICH), "plain words\n\nrich words", True, []),
        (of("mixed", inner("alternative", PLAIN, RICH), NOTE), "plain words\n", True, ["note.txt"]),
        (of("mixed", PLAIN, IMAGE, PLAIN), "plain words\n\nplain words", False, ["attachment-1.png"]),
        (of("alternative", PLAIN, inner("mixed", RICH, NOTE, RICH)), "plain words\n", True, ["note.txt"]),
        (
            of("signed", PLAIN, part("Content-Type: application/pgp-signature; name=s.asc", body=b"x")),
            "plain words\n",
            False,
            ["s.asc"],
        ),
        (of("x-unheard-of", PLAIN, NOTE), "plain words\n", False, ["note.txt"]),
        (mail("Content-Type: multipart/mixed", body=b"no boundary\r\n"), "no boundary\n", False, []),
        (mail("Content-Type: multipart/mixed; boundary=never", body=b"not there\r\n"), "not there\n", False, []),
        (
            mail("Content-Type: image/png", "Content-Transfer-Encoding: base64", body=b64(PNG)),
            "",
            False,
            ["attachment-1.png"],
        ),
        (mail("Content-Type: text/plain; name=body.txt", body=b"Hello\r\n"), "Hello\n", False, []),
        (
            mail("Content-Type: text/plain", "Content-Disposition: attachment; filename=a.txt", body=b"Hello\r\n"),
            "",
            False,
            ["a.txt"],
        ),
        (
            mail("Content-Type: text/calendar; method=REQUEST", body=b"BEGIN:VCALENDAR\r\n"),
            "",
            False,
            ["attachment-1.ics"],
        ),
        (mail("Content-Type: text", body=b"Hello\r\n"), "Hello\n", False, []),
        (mail("Content-Type: /", body=b"Hello\r\n"), "Hello\n", False, []),
    ],
)
def test_what_is_read(raw: bytes, text: str, has_html: bool, names: list[str]) -> None:
    found = parse(raw)
    assert found.text.strip("\n") == text.strip("\n")
    assert (found.html is not None) is has_html
    assert [item.filename for item in found.attachments] == names


def test_a_multipart_that_was_encoded_as_a_whole_is_opened() -> None:
    raw = mail(
        'Content-Type: multipart/mixed; boundary="b"',
        "Content-Transfer-Encoding: base64",
        body=b64(multipart("b", PLAIN, NOTE)),
    )
    found = parse(raw)
    assert found.text == "plain words\n"
    assert [item.filename for item in found.attachments] == ["note.txt"]
    assert "multipart.encoded" in found.defects


def test_parts_behind_the_end_and_before_it_are_kept() -> None:
    body = b"--b\r\n\r\none\r\n--b--\r\nepilogue\r\n--b\r\n\r\ntwo\r\n"
    found = parse(mail("Content-Type: multipart/mixed; boundary=b", body=body))
    assert found.text == "one\n\ntwo"
    assert {"multipart.part-behind-end", "multipart.unclosed"} & set(found.defects)


def test_a_delimiter_of_the_outer_multipart_ends_the_inner_ones() -> None:
    raw = of("mixed", part("Content-Type: multipart/alternative; boundary=lost", body=b"--lost\r\n\r\ninner\r\n"), NOTE)
    found = parse(raw)
    assert found.text == "inner\n"
    assert [item.filename for item in found.attachments] == ["note.txt"]
    assert "multipart.unclosed" in found.defects


def test_the_html_before_the_cap_is_shown() -> None:
    found = parse(mail("Content-Type: text/html", body=b"<p>first</p>" + b"<p>word</p>" * 200_000))
    assert found.text.startswith("first")
    assert "html.too-long" in found.defects or "text.too-long" in found.defects


# --- charsets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "declared", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("Grüße".encode(), "iso-8859-1", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße – „so“".encode("cp1252"), "iso-8859-1", "Grüße – „so“"),
        ("Grüße".encode("latin-1"), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "no-such-charset", "Grüße"),
        ("Привет, как дела?".encode("koi8-r"), "koi8-r", "Привет, как дела?"),
        ("Привет".encode("cp1251"), "windows-1251", "Привет"),
        ("Привет".encode(), "koi8-r, utf-8", "Привет"),
        ("朱镕基".encode("gb18030"), "gb2312", "朱镕基"),
        ("日本語".encode("iso2022_jp"), "iso-2022-jp", "日本語"),
        ("日本語".encode("iso2022_jp"), "us-ascii", "日本語"),
        ("日本語".encode("iso2022_jp"), "", "日本語"),
        (b'\x1b$B-!-"\x1b(B', "iso-2022-jp", "①②"),
        (b"\x1b(I1@\x1b(B", "iso-2022-jp", "ｱﾀ"),
        ("①髙".encode("cp932"), "shift_jis", "①髙"),
        ("한국어".encode("cp949"), "ks_c_5601-1987", "한국어"),
        ("繁體中文".encode("big5"), "big5", "繁體中文"),
        ("Hi there".encode("utf-16"), "utf-16", "Hi there"),
        ("Hi there".encode("utf-16-le"), "utf-16", "Hi there"),
        ("Hi there".encode("utf-16-be"), "utf-16", "Hi there"),
        (b"Hi there", "utf-16", "Hi there"),
        (b"+AOQ-b", "utf-7", "äb"),
        (b"+AOQ-b", "utf-8", "+AOQ-b"),
        (b"\xef\xbb\xbfHi", "utf-8", "Hi"),
        (b"a\0b\x1b[31mc\x07", "utf-8", "ab[31mc"),
        ("a\u202eb\u2066c\u2028d".encode(), "utf-8", "abc\nd"),
        (b"a\r\nb\rc\n", "", "a\nb\nc\n"),
    ],
)
def test_the_charset_ladder(content: bytes, declared: str, text: str) -> None:
    assert decode_body(content, declared)[0] == text


def test_a_charset_that_nothing_fits_is_a_defect_and_no_loss() -> None:
    text, defects = decode_body(b"ok \x81\x8d\x8f\x90\x9d ok", "utf-8")
    assert text.startswith("ok ")
    assert text.endswith(" ok")
    assert defects


def test_a_long_text_is_cut_between_characters() -> None:
    text, defects = decode_body("ü".encode() * (3 << 20), "utf-8")
    assert set(text) == {"ü"}
    assert defects == ["text.too-long"]


def test_html_that_declares_its_charset_itself() -> None:
    body = '<html><head><meta charset="koi8-r"></head><p>Привет</p></html>'.encode("koi8-r")
    assert parse(mail("Content-Type: text/html", body=body)).text == "Привет"


# --- format=flowed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("one \ntwo\nthree", "one two\nthree"),
        ("> quoted \n> words\nmine", "> quoted words\nmine"),
        ("> quoted \nmine", "> quoted\nmine"),
        (">> deep \n>> deeper\n> less", ">> deep deeper\n> less"),
        (" stuffed", "stuffed"),
        (" >no quote", ">no quote"),
        ("words \n-- \nJane", "words\n-- \nJane"),
        ("", ""),
        ("end ", "end"),
    ],
)
def test_soft_line_ends_are_joined(lines: str, text: str) -> None:
    assert unflow(lines) == text


def test_delsp_takes_the_space_away() -> None:
    assert unflow("プリン \nター", delsp=True) == "プリンター"


# --- HTML as text -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("one<br>two<br>\n three", "one\ntwo\nthree"),
        ("a  b\n\n c", "a b c"),
        ("<b>bold</b>, <i>not</i>", "bold, not"),
        ("<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter"),
        ("<ol><li>one</li><li>two</li></ol>", "1. one\n2. two"),
        ('<ol start="7"><li>x</li></ol>', "7. x"),
        ("<ul><li>one<ul><li>in</li></ul></li><li>two</li></ul>", "- one\n  - in\n- two"),
        ("<table><tbody><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></tbody></table>", "A | B\n1 | 2"),
        ("<table><tbody><tr><td><p>left</p><p>more</p></td><td>right</td></tr></tbody></table>", "left\n\nmore\nright"),
        (
            "words<blockquote>quoted<br>lines<blockquote>deep</blockquote></blockquote>mine",
            "words\n\n> quoted\n> lines\n>\n> > deep\n\nmine",
        ),
        ('<a href="https://example.org/x">here</a>', "here <https://example.org/x>"),
        ('<a href="https://example.org/x">https://example.org/x</a>', "https://example.org/x"),
        ('<a href="https://example.org/">example.org</a>', "example.org"),
        ('<a href="mailto:a@example.org?subject=x">Jane</a>', "Jane <a@example.org>"),
        ('<a href="mailto:a@example.org">a@example.org</a>', "a@example.org"),
        ('<a href="#top">up</a>', "up"),
        ('<img src="cid:x" alt="Logo of the firm">', "[Logo of the firm]"),
        ('fine <img alt="😀">', "fine 😀"),
        ("<pre>a\n  b\n</pre>", "a\n  b"),
        ("a&nbsp;&amp;&lt;b&gt;", "a &<b>"),
        ("<h1>Title</h1>text<hr>end", f"Title\n\ntext\n{'-' * 40}\nend"),
        ("<div>one<br></div><div>two</div><div><br></div><div>three<br></div>", "one\ntwo\n\nthree"),
        ("<p>one<br></p><p>two<br>three</p>", "one\n\ntwo\nthree"),
        ("<dl><dt>term</dt><dd>meaning</dd></dl>", "term\nmeaning"),
        ("", ""),
    ],
)
def test_html_reads_like_typed(html: str, text: str) -> None:
    assert to_text(html) == text
