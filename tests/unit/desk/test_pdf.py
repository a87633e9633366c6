"""PDFs that only show are shown; whatever a viewer would run, plain, escaped or packed away, is not."""

from __future__ import annotations

import time
import zlib

import pytest

from gateway.desk.pdf import is_quiet

QUIET = b"""%PDF-1.5
1 0 obj
<< /Type /Catalog /Pages 2 0 R >>
endobj
2 0 obj
<< /Type /Page /Parent 3 0 R /Annots [<< /Subtype /Link /A << /S /URI /URI (https://example.org/) >> >>] >>
endobj
"""
END = b"\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


def stream(dictionary: bytes, content: bytes) -> bytes:
    return b"9 0 obj\n<< " + dictionary + b" >>\nstream\n" + content + b"\nendstream\nendobj\n"


def packed(content: bytes, more: bytes = b"") -> bytes:
    return stream(b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode" + more, zlib.compress(content))


SCRIPT = b"<< /S /JavaScript /JS (app.alert(1)) >>"
OBJECTS = b"/Type /ObjStm /N 1 /First 4 "
HIDDEN = (b"1 0 " + SCRIPT).hex().encode() + b">"


@pytest.mark.parametrize(
    "parts",
    [
        b"",
        stream(b"/Length 44", b"0.9 0.3 0.1 rg 20 20 260 160 re f"),
        stream(b"/Filter /FlateDecode", zlib.compress(b"BT (JavaScript) Tj ET")),
        stream(b"/Filter /DCTDecode", b"\xff\xd8\xff" + bytes(range(256)) * 40),
        packed(b"1 0 << /Type /Font >>"),
        stream(b"/Type /XRef /Filter /FlateDecode /DecodeParms << /Predictor 12 >>", zlib.compress(b"\2\1\0")),
        stream(b"/Filter [/ASCIIHexDecode /FlateDecode]", zlib.compress(b"0 0 m").hex().encode() + b">"),
        stream(b"/PTEX.FileName (./a\\(1\\).pdf) /Filter /FlateDecode", zlib.compress(b"0 0 m")),
        stream(b"/Type /Metadata", b"<rdf>the water of a stream\nand a stream, too</rdf>"),
        packed(b"1 0 << /Type /Font >>", b" /Length 40"),
        stream(b"/Filter[/FlateDecode]" + OBJECTS, zlib.compress(b"1 0 << /Type /Font >>")),
    ],
)
def test_what_only_shows_is_shown(parts):
    assert is_quiet(QUIET + parts + END)


@pytest.mark.parametrize(
    "parts",
    [
        SCRIPT,
        b"<< /S /Java#53cript /#4a#53 (app.alert(1)) >>",
        b"<< /OpenAction 5 0 R >>",
        b"<</AA<</O 5 0 R>>>>",
        b"<< /S /Launch /F (calc.exe) >>",
        b"<< /S/SubmitForm /F (https://example.net/) >>",
        b"<< /XFA [(x) 5 0 R] >>",
        b"<< /Encrypt 5 0 R >>",
        packed(b"1 0 " + SCRIPT),
        packed(b"1 0 << /Type /Font >>", b" /DecodeParms << /Predictor 12 >>"),
        stream(b"/Type /Obj#53tm /N 1 /Fi#72st 4 /Filter [/ASCIIHexDecode /FlateDecode]", b"31>"),
        stream(b"/Type /ObjStm /N 1 /First 4 /Filter /LZWDecode", b"\x80\x0b\x60"),
        stream(b"/Type /ObjStm /N 1 /First 4 /Filter 7 0 R", zlib.compress(b"1 0 " + SCRIPT)),
        stream(b"/Filter /FlateDecode", zlib.compress(SCRIPT)),
        # a long dictionary, and one too long
        stream(OBJECTS + b"/Filter /FlateDecode /X [" + b"0 " * 1000 + b"]", zlib.compress(b"1 0 " + SCRIPT)),
        stream(OBJECTS + b"/Filter /ASCIIHexDecode /X [" + b"0 " * 1000 + b"]", HIDDEN),
        stream(OBJECTS + b"/Filter /Fl /X [" + b"0 " * 5000 + b"]", zlib.compress(b"1 0 << /Type /Font >>")),
        # more than one filter, short names, filters by reference, comments
        stream(OBJECTS + b"/Filter[/FlateDecode/FlateDecode]", zlib.compress(zlib.compress(b"1 0 " + SCRIPT))),
        stream(b"/Filter 7 0 R", zlib.compress(zlib.compress(b"1 0 " + SCRIPT))),
        stream(OBJECTS + b"/Filter [/FlateDecode /DCTDecode]", zlib.compress(b"1 0 << /Type /Font >>")),
        stream(OBJECTS + b"/Filter /Fl", zlib.compress(b"1 0 << /Type /Font >>")),
        stream(OBJECTS + b"/F /AHx", HIDDEN),
        stream(OBJECTS + b"/Filter /FlateDecode /Filter 7 0 R", zlib.compress(b"1 0 << /Type /Font >>")),
        stream(OBJECTS + b"/Filter /FlateDecode % /X\n", zlib.compress(b"1 0 << /Type /Font >>")),
        # where the dictionary begins, hidden in a string and in a comment
        stream(OBJECTS + b"/Filter /JPXDecode /X (1 0 obj <<)", b"-"),
        stream(OBJECTS + b"/Filter /JPXDecode /X (1 0 obj << /A \\()", b"-"),
        stream(OBJECTS + b"/Filter /ASCIIHexDecode % 1 0 obj <<\n", HIDDEN),
        # how a stream begins
        packed(b"1 0 " + SCRIPT).replace(b"stream\n", b"stream \n", 1),
        packed(b"1 0 " + SCRIPT).replace(b"stream\n", b"stream\r", 1),
        packed(b"1 0 " + SCRIPT).replace(b"stream\n", b"stream x\n", 1),
        packed(b"1 0 " + SCRIPT).replace(b"stream\n", b"stream%\n", 1),
    ],
)
def test_what_a_viewer_would_run_is_not(parts):
    assert not is_quiet(QUIET + parts + END)


def test_what_is_no_pdf_is_not():
    assert not is_quiet(b"")
    assert not is_quiet(b"<script>alert(1)</script>" * 100)


def test_looking_is_bounded():
    bomb = stream(b"/Filter /FlateDecode", zlib.compress(b"\0" * (40 << 20)))
    started = time.perf_counter()
    assert not is_quiet(QUIET + bomb + END)
    assert not is_quiet(QUIET + b"stream\n" * 200_000 + END)
    assert not is_quiet(QUIET + b" obj /FlateDecode stream\nx\x9c" * 50_000 + END)
    assert not is_quiet(QUIET + b"#41" * (4 << 20) + END)
    assert time.perf_counter() - started < 20


unpacker = zlib.decompressobj


class Counting:
    """Unpacks as zlib does, and counts the octets that it is given."""

    given = 0

    def __init__(self) -> None:
        self._inner = unpacker()

    @property
    def eof(self) -> bool:
        return self._inner.eof

    def decompress(self, octets: bytes, most: int) -> bytes:
        Counting.given += len(octets)
        return self._inner.decompress(octets, most)


def test_short_streams_are_not_given_the_rest_of_the_file(monkeypatch):
    monkeypatch.setattr(Counting, "given", 0)
    monkeypatch.setattr("gateway.desk.pdf.zlib.decompressobj", Counting)
    short = stream(b"/Filter /FlateDecode", zlib.compress(b"0 0 m")) * 500
    assert is_quiet(QUIET + short + b"0" * (4 << 20) + END)
    assert 0 < Counting.given <= 500 * 4096


def test_what_is_read_again_and_again_is_given_up(monkeypatch):
    monkeypatch.setattr("gateway.desk.pdf.MOST_READ", 1 << 20)
    one = stream(b"/Filter /FlateDecode", zlib.compress(b"0 0 m"))
    assert is_quiet(QUIET + one * 100 + END)
    assert not is_quiet(QUIET + one * 600 + END)
