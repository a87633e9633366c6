"""Attachments: every file of a mail, wherever it hides, under a safe name, hashed, and found again later."""

import binascii
import hashlib
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import content, parse, rtf, tnef
from gateway.mail.encodings import decode
from gateway.mail.inside import extract
from gateway.mail.names import is_dangerous, safe_name, sniff
from gateway.model import Attachment
from tests.fuzz.seeds import PDF, PNG, UU, b64, mail, multipart, part, tnef_attribute, tnef_property, yenc
from tests.fuzz.seeds import tnef as tnef_stream

SIGNATURE = b"\x78\x9f\x3e\x22\x01\x00"


def mixed(*parts: bytes) -> bytes:
    return mail('Content-Type: multipart/mixed; boundary="b"', body=multipart("b", *parts))


def only(raw: bytes) -> Attachment:
    [item] = parse(raw).attachments
    return item


def check_content(raw: bytes, item: Attachment, expected: bytes) -> None:
    assert item.size == len(expected)
    assert item.sha256 == hashlib.sha256(expected).hexdigest()
    assert content(raw, item.part) == expected


def test_an_attachment_in_base64() -> None:
    raw = mixed(
        part("Content-Type: text/plain", body=b"see file"),
        part("Content-Type: application/pdf; name=a.pdf", "Content-Transfer-Encoding: base64", body=b64(PDF)),
    )
    item = only(raw)
    assert (item.filename, item.content_type, item.sniffed_type, item.part) == (
        "a.pdf",
        "application/pdf",
        "application/pdf",
        "2",
    )
    check_content(raw, item, PDF)


def test_an_attached_mail_is_named_by_its_subject() -> None:
    inner = mail("Subject: =?utf-8?q?=C3=9Cber?= the: printer", body=b"inside\r\n", received=0)
    raw = mixed(part("Content-Type: text/plain", body=b"see mail"), part("Content-Type: message/rfc822", body=inner))
    item = only(raw)
    assert item.filename == "Über the_ printer.eml"
    assert item.content_type == "message/rfc822"
    assert parse(raw).text == "see mail"
    check_content(raw, item, inner)


def test_an_image_is_inline_only_if_the_html_shows_it() -> None:
    shown = part("Content-Type: image/png", "Content-Transfer-Encoding: base64", "Content-ID: <one@x>", body=b64(PNG))
    unused = part("Content-Type: image/png", "Content-Transfer-Encoding: base64", "Content-ID: <two@x>", body=b64(PNG))
    liar = part("Content-Type: image/png", "Content-ID: <three@x>", body=b"<svg onload=x>")
    html = part("Content-Type: text/html", body=b"<p><img src='cid:one%40x'><img src='cid:three@x'></p>")
    found = parse(mail('Content-Type: multipart/related; boundary="b"', body=multipart("b", html, shown, unused, liar)))
    assert [(item.content_id, item.inline) for item in found.attachments] == [
        ("one@x", True),
        ("two@x", False),
        ("three@x", False),
    ]


def test_of_two_parts_with_one_content_id_the_first_counts() -> None:
    image = part("Content-Type: image/png", "Content-Transfer-Encoding: base64", "Content-ID: <one@x>", body=b64(PNG))
    html = part("Content-Type: text/html", body=b"<img src='cid:one@x'>")
    found = parse(mail('Content-Type: multipart/related; boundary="b"', body=multipart("b", html, image, image)))
    assert [item.inline for item in found.attachments] == [True, False]
    assert "content-id.repeated" in found.defects


def test_a_uuencoded_file_in_the_text() -> None:
    raw = mail(body=UU)
    found = parse(raw)
    item = only(raw)
    assert item.filename == "hello.txt"
    check_content(raw, item, b"hello world\n")
    assert "begin 644" not in found.text
    assert found.text.startswith("Here is the file:")
    assert found.text.rstrip().endswith("Done.")


def test_a_yenc_file_in_the_text() -> None:
    octets = bytes(range(256)) * 3
    raw = mail("Content-Transfer-Encoding: 8bit", body=b"a file:\r\n" + yenc(octets, b"all.bin") + b"bye\r\n")
    item = only(raw)
    assert item.filename == "all.bin"
    check_content(raw, item, octets)
    assert parse(raw).text == "a file:\nbye\n"


@pytest.mark.parametrize(
    "text",
    [
        b"begin 644 now\r\nis what the manual says\r\n",
        b"=ybegin line=128 size=1 name=x\r\nno end\r\n",
        b"I will begin 644 files\r\n",
        b"begin 644 a\r\nend\r\n",
    ],
)
def test_words_that_only_look_like_code_stay_text(text: bytes) -> None:
    assert extract(text) == (text, [])
    assert parse(mail(body=text)).attachments == ()


def test_winmail_dat_is_opened() -> None:
    stream = tnef_stream("Text of the mail\r\n")
    raw = mixed(
        part(
            "Content-Type: application/ms-tnef; name=winmail.dat", "Content-Transfer-Encoding: base64", body=b64(stream)
        )
    )
    found = parse(raw)
    assert found.text == "Text of the mail\n"
    assert [(item.filename, item.from_tnef, item.sniffed_type) for item in found.attachments] == [
        ("Übersicht März.pdf", True, "application/pdf"),
        ("notes.txt", True, ""),
    ]
    check_content(raw, found.attachments[0], PDF)
    check_content(raw, found.attachments[1], b"two\r\nlines\r\n")


def test_the_body_of_the_mail_wins_over_that_of_winmail_dat() -> None:
    stream = part(
        "Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64", body=b64(tnef_stream("other"))
    )
    found = parse(mixed(part("Content-Type: text/plain", body=b"mine"), stream))
    assert found.text == "mine"
    assert len(found.attachments) == 2


def test_a_winmail_dat_that_is_none_is_shown_itself() -> None:
    item = only(mixed(part("Content-Type: application/ms-tnef; name=winmail.dat", body=b"not really")))
    assert (item.filename, item.from_tnef) == ("winmail.dat", False)


def test_a_mail_inside_winmail_dat_gives_its_text_and_files() -> None:
    inner = SIGNATURE + tnef_attribute(
        1,
        0x00069003,
        struct.pack("<I", 2) + tnef_property(0x1E, 0x0037, b"Inner\0") + tnef_property(0x1E, 0x1000, b"inner text\0"),
    )
    inner += (
        tnef_attribute(2, 0x00069002, bytes(14))
        + tnef_attribute(2, 0x00018010, b"deep.txt\0")
        + tnef_attribute(2, 0x0006800F, b"deep")
    )
    props = struct.pack("<I", 2) + struct.pack("<HHI", 3, 0x3705, 5) + tnef_property(0x0D, 0x3701, bytes(16) + inner)
    stream = SIGNATURE + tnef_attribute(2, 0x00069002, bytes(14)) + tnef_attribute(2, 0x00069005, props)
    found = tnef.read(stream)
    assert found is not None
    assert [(file.name, file.content) for file in found.files] == [("Inner.txt", b"inner text"), ("deep.txt", b"deep")]


@given(st.binary(max_size=400))
def test_any_tnef_stream_is_read(octets: bytes) -> None:
    assert tnef.read(SIGNATURE + octets) is not None
    damaged = bytearray(tnef_stream())
    for at, octet in enumerate(octets[:40]):
        damaged[6 + (octet * 7 + at * 13) % (len(damaged) - 6)] ^= octet
    assert tnef.read(bytes(damaged)) is not None


def lzfu(document: bytes) -> bytes:
    """Compress without references: each flag octet says that eight octets follow as they are."""
    coded = b"".join(b"\0" + document[at : at + 8] for at in range(0, len(document), 8))
    return struct.pack("<IIII", len(coded) + 12, len(document), 0x75465A4C, 0) + coded


def test_rtf_is_decompressed_and_read() -> None:
    document = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\pard Gr\'fc\'dfe \u8364?\par second \{line\}\par}"
    assert rtf.decompress(lzfu(document)) == document
    assert rtf.read(document).text == "Grüße €\nsecond {line}"


def test_rtf_references_point_back_into_the_preload() -> None:
    # {\rtf1\ansi … stands at place 0 of the dictionary: one reference of 12 octets writes its beginning
    coded = bytes((0b00000001,)) + struct.pack(">H", (0 << 4) | 10)
    stream = struct.pack("<IIII", len(coded) + 12, 12, 0x75465A4C, 0) + coded
    assert rtf.decompress(stream) == rb"{\rtf1\ansi\\"[:12]


def test_html_in_rtf_clothes() -> None:
    document = (
        rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Hello {\*\htmltag84 <b>}you{\*\htmltag92 </b>}"
        rb"\htmlrtf }\htmlrtf0 {\*\htmltag72 </p>}}"
    )
    assert rtf.read(document).html == "<p>Hello <b>you</b></p>"


@given(st.binary(max_size=300))
def test_any_rtf_is_read(octets: bytes) -> None:
    assert isinstance(rtf.read(octets).text, str)
    assert isinstance(rtf.decompress(octets), bytes)
    assert isinstance(rtf.decompress(struct.pack("<IIII", 0, 1 << 31, 0x75465A4C, 0) + octets), bytes)


# --- names and types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a.pdf", "a.pdf"),
        ("My Résumé.pdf", "My Résumé.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\jane\\x.doc", "x.doc"),
        ("/etc/passwd", "passwd"),
        ("a/b: c?.txt", "a_b_ c_.txt"),
        (".bashrc", "bashrc"),
        ("con.txt", "_con.txt"),
        ("LPT1", "_LPT1"),
        ("a\0b\r\nc.txt", "ab c.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("name. ", "name"),
        ("a\n\tb.txt", "a b.txt"),
        ("", "attachment-7.pdf"),
        ("...", "attachment-7.pdf"),
        ("/", "attachment-7.pdf"),
        ("\u200b", "attachment-7.pdf"),
    ],
)
def test_safe_names(written: str, shown: str) -> None:
    assert safe_name(written, "application/pdf", 7) == shown


def test_a_long_name_keeps_its_extension() -> None:
    found = safe_name("ü" * 200 + ".docx", "", 1)
    assert len(found.encode()) <= 150
    assert found.endswith("ü.docx")


def test_an_unknown_type_has_no_extension() -> None:
    assert safe_name("", "application/x-unheard-of", 3) == "attachment-3"


@given(st.text(max_size=300), st.sampled_from(["", "text/plain", "image/png"]))
def test_every_name_is_safe(written: str, kind: str) -> None:
    found = safe_name(written, kind, 1)
    assert 0 < len(found.encode()) <= 150
    assert not re.search('[\x00-\x1f\x7f/\\\\:*?"<>|\u202a-\u202e\u2066-\u2069]', found)
    assert not found.startswith((".", " "))
    assert not found.endswith((".", " "))
    assert safe_name(found, kind, 1) == found
    assert "  " not in found


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8", "image/webp"),
        (PDF, "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        (b"MZ\x90", "application/x-msdownload"),
        (b"\x7fELF\x02", "application/x-elf"),
        (b"#!/bin/sh\n", "text/x-shellscript"),
        (b"Rar!\x1a\x07\x01", "application/vnd.rar"),
        (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (SIGNATURE, "application/ms-tnef"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"{\\rtf1", "application/rtf"),
        (b" \r\n<!DOCTYPE html>", "text/html"),
        (b"<?xml version='1.0'?>\n<svg xmlns=", "image/svg+xml"),
        (b"plain", ""),
        (b"", ""),
    ],
)
def test_the_first_octets_say_the_type(octets: bytes, kind: str) -> None:
    assert sniff(octets) == kind


@pytest.mark.parametrize(
    ("name", "sniffed", "dangerous"),
    [
        ("a.pdf", "application/pdf", False),
        ("a.docx", "application/zip", False),
        ("a.exe", "", True),
        ("invoice.pdf.EXE", "", True),
        ("a.docm", "application/zip", True),
        ("a.js", "", True),
        ("page.html", "", True),
        ("a.txt", "application/x-msdownload", True),
        ("a.png", "image/svg+xml", True),
        ("README", "text/x-shellscript", True),
        ("README", "", False),
    ],
)
def test_what_is_dangerous(name: str, sniffed: str, dangerous: bool) -> None:
    assert is_dangerous(name, sniffed) is dangerous


# --- transfer encodings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "encoding", "octets", "defects"),
    [
        (b"SGVsbG8=\r\n", "base64", b"Hello", []),
        (b"SGVs\r\nbG8=", "base64", b"Hello", []),
        (b"SGVsbG8", "base64", b"Hello", ["base64.unpadded"]),
        (b"SGVsbG8h\r\n", "base64", b"Hello!", []),
        (b"SGVs!bG8=", "base64", b"Hello", []),
        (b"SGVsbG8=\r\nSGVsbG8=\r\n", "base64", b"HelloHello", ["base64.padding-inside"]),
        (b"SGVsbG8=\r\n____\r\nlist footer\r\n", "base64", b"Hello", ["base64.padding-inside"]),
        (b"SGVsbG8hQ", "base64", b"Hello!", ["base64.damaged"]),
        (b"", "base64", b"", []),
        (b"=", "base64", b"", []),
        (b"a=C3=BC=\r\nb", "quoted-printable", b"a\xc3\xbcb", []),
        (b"a=zz=", "quoted-printable", b"a=zz", []),
        (b"a=20 \t\r\nb", "quoted-printable", b"a \r\nb", []),
        (b"Dear all, this is plain text.", "base64", b"Dear all, this is plain text.", ["base64.is-none"]),
        (b"as it is", "8bits", b"as it is", []),
        (b"a=3Db", "quoted printable", b"a=b", []),
        (b"as it is", "7bit", b"as it is", []),
        (b"as it is", "x-unheard-of", b"as it is", ["encoding.unknown"]),
        (b"begin 644 a\r\n%:&5L;&\\\r\n`\r\nend\r\n", "x-uuencode", b"hello", []),
        (b"%:&5L;&\\\r\n", "uuencode", b"hello", []),
    ],
)
def test_transfer_encodings(body: bytes, encoding: str, octets: bytes, defects: list[str]) -> None:
    assert decode(body, encoding) == (octets, defects)


@given(st.binary(max_size=200), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "", "binary", "x"]))
def test_no_encoding_raises(body: bytes, encoding: str) -> None:
    assert isinstance(decode(body, encoding)[0], bytes)


@given(
    st.lists(st.sampled_from([b"QUJD", b"YQ", b"Z", b"//+8", b"\r\n", b"!", b"\xff"]), max_size=30).map(b"".join),
    st.sampled_from([b"", b"=", b"==", b"===", b"=\r\n", b"= =\r\n"]),
)
def test_base64_is_read_as_the_standard_library_reads_it(body: bytes, end: bytes) -> None:
    """RFC 2045 §6.8: what is outside of the alphabet is no code."""
    code = b"QUJD" * 50 + body + end
    try:
        wanted = binascii.a2b_base64(code)
    except binascii.Error:
        return
    assert decode(code, "base64") == (wanted, [])
