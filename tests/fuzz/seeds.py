"""Mails in the shapes of real mailers, written for these tests: what the fuzzers mutate and the stop-watches read."""

from __future__ import annotations

import base64
import struct

CRLF = b"\r\n"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
RECEIVED = (
    b"Received: from mx.example.net (mx.example.net [192.0.2.7])\r\n"
    b"\tby mail.example.org (Postfix) with ESMTPS id 4ABCDE\r\n"
    b"\tfor <support@example.org>; Tue, 3 Mar 2026 09:14:07 +0100 (CET)\r\n"
)


def mail(*fields: str, body: bytes = b"", received: int = 2) -> bytes:
    """Return a mail: `received` trace fields, the usual header, `fields`, and the body."""
    usual = [
        "From: Jane Doe <jane.doe@example.com>",
        "To: Example Support <support@example.org>",
        "Date: Tue, 3 Mar 2026 09:14:05 +0100",
        "Message-ID: <5f2c1a.93@example.com>",
        "MIME-Version: 1.0",
    ]
    names = {field.partition(":")[0].lower() for field in fields}
    kept = [field for field in usual if field.partition(":")[0].lower() not in names]
    return RECEIVED * received + "\r\n".join([*kept, *fields]).encode("utf-8") + CRLF + CRLF + body


def part(*fields: str, body: bytes) -> bytes:
    return "\r\n".join(fields).encode("utf-8") + CRLF + CRLF + body


def multipart(boundary: str, *parts: bytes, preamble: bytes = b"") -> bytes:
    mark = b"--" + boundary.encode()
    return preamble + b"".join(mark + CRLF + piece + CRLF for piece in parts) + mark + b"--" + CRLF


def b64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", CRLF)


TEXT = (
    b"Hello,\r\n\r\nthe printer on the second floor prints only blank pages since this morning. Could somebody have\r\n"
    b'look at it? The display says "E-30".\r\n\r\nKind regards\r\nJane\r\n\r\n-- \r\nJane Doe, Accounting\r\n'
)
REPLY = (
    b"Thank you, it works now.\r\n\r\nJane\r\n\r\n"
    b"On Tue, Mar 3, 2026 at 9:20 AM Example Support <support@example.org> wrote:\r\n"
    b"> Hello Jane,\r\n>\r\n> please switch it off and on.\r\n>> older words\r\n"
)
HTML = (
    b'<html><head><meta charset="utf-8"><style>p{margin:0}</style><title>x</title></head><body>'
    b'<p>Hello,</p><p>the <b>printer</b> is broken: see <a href="https://example.com/p?a=1&amp;b=2">this page</a>.'
    b"</p><ul><li>one</li><li>two</li></ul><table><tr><th>Model</th><th>Room</th></tr><tr><td>LX-3</td><td>2.14</td></tr>"
    b'</table><img src="cid:logo@example.com" alt="Logo"><img src="https://track.example.net/o.gif" width=1 height=1>'
    b'<div class="gmail_quote"><blockquote type="cite">older words<br>in two lines</blockquote></div></body></html>\r\n'
)
DELIVERY_STATUS = (
    b"Reporting-MTA: dns; mx.example.net\r\n\r\nOriginal-Recipient: rfc822;bob@example.net\r\n"
    b"Final-Recipient: rfc822; robert@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 <robert@example.net>: Recipient address rejected\r\n"
)
CALENDAR = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:1@example.com\r\n"
    b"ATTENDEE;PARTSTAT=ACCEPTED:mailto:jane.doe@example.com\r\nDTSTAMP:20260303T091400Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
UU = b"Here is the file:\r\n\r\nbegin 644 hello.txt\r\n,:&5L;&\\@=V]R;&0*\r\n`\r\nend\r\n\r\nDone.\r\n"


def yenc(content: bytes, name: bytes) -> bytes:
    coded = bytearray()
    for octet in content:
        shifted = (octet + 42) % 256
        if shifted in (0, 10, 13, 61):
            coded += bytes((61, (shifted + 64) % 256))
        else:
            coded.append(shifted)
    size = len(content)
    return b"=ybegin line=128 size=%d name=%s\r\n%s\r\n=yend size=%d\r\n" % (size, name, bytes(coded), size)


def tnef_attribute(level: int, kind: int, data: bytes) -> bytes:
    return struct.pack("<BII", level, kind, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def tnef_property(kind: int, name: int, value: bytes) -> bytes:
    return struct.pack("<HHII", kind, name, 1, len(value)) + value + bytes(-len(value) % 4)


def tnef(text: str = "Hello from Outlook\r\n") -> bytes:
    body = tnef_property(0x1E, 0x1000, text.encode("cp1252") + b"\0")
    long_name = tnef_property(0x1F, 0x3707, "Übersicht März.pdf".encode("utf-16-le") + b"\0\0")
    return (
        b"\x78\x9f\x3e\x22\x01\x00"
        + tnef_attribute(1, 0x00069007, struct.pack("<II", 1252, 0))
        + tnef_attribute(1, 0x00069003, struct.pack("<I", 1) + body)
        + tnef_attribute(2, 0x00069002, bytes(14))
        + tnef_attribute(2, 0x00018010, b"BERSIC~1.PDF\0")
        + tnef_attribute(2, 0x0006800F, PDF)
        + tnef_attribute(2, 0x00069005, struct.pack("<I", 1) + long_name)
        + tnef_attribute(2, 0x00069002, bytes(14))
        + tnef_attribute(2, 0x00018010, b"notes.txt\0")
        + tnef_attribute(2, 0x0006800F, b"two\r\nlines\r\n")
    )


ODD = (
    b"Subject : odd\r\nno colon\r\nFrom: a@example.org, b@example.org\r\nFrom: second@example.org\r\n"
    b"X: a\rb\nc\0d\r\n\r\nodd body\r\n"
)


def _alternative(boundary: str = "alt-1") -> bytes:
    return multipart(
        boundary,
        part(
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            body=TEXT + b"=C3=A4",
        ),
        part("Content-Type: text/html; charset=utf-8", body=HTML),
    )


def _attachment(name: str = "scan.pdf", kind: str = "application/pdf", content: bytes = PDF) -> bytes:
    return part(
        f'Content-Type: {kind}; name="{name}"',
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment; filename="{name}"',
        body=b64(content),
    )


def seeds() -> list[bytes]:
    """Return the mails, each another shape."""
    image = part(
        "Content-Type: image/png", "Content-Transfer-Encoding: base64", "Content-ID: <logo@example.com>", body=b64(PNG)
    )
    related = multipart(
        "rel-1", part('Content-Type: multipart/alternative; boundary="alt-1"', body=_alternative()), image
    )
    forwarded = mail("Subject: The mail in question", body=TEXT, received=0)
    report = multipart(
        "rep-1",
        part("Content-Type: text/plain", body=b"Your mail could not be delivered.\r\n"),
        part("Content-Type: message/delivery-status", body=DELIVERY_STATUS),
        part("Content-Type: message/rfc822", body=forwarded),
    )
    receipt = multipart(
        "mdn-1",
        part("Content-Type: text/plain", body=b"Your mail was read.\r\n"),
        part(
            "Content-Type: message/disposition-notification",
            body=b"Final-Recipient: rfc822; jane.doe@example.com\r\nOriginal-Message-ID: <1@example.org>\r\n"
            b"Disposition: manual-action/MDN-sent-manually; displayed\r\n",
        ),
    )
    complaint = multipart(
        "arf-1",
        part("Content-Type: text/plain", body=b"This is an abuse report.\r\n"),
        part(
            "Content-Type: message/feedback-report", body=b"Feedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n"
        ),
        part("Content-Type: message/rfc822", body=forwarded),
    )
    japanese = "お世話になっております。プリンターの調子が悪いです。\r\n"
    flowed = b"This is a long paragraph that was \r\nbroken by the mailer.\r\n> quoted \r\n> words\r\n-- \r\nJane\r\n"
    return [
        mail("Subject: Printer broken", "Content-Type: text/plain; charset=us-ascii", body=TEXT),
        mail(
            "Subject: Re: Printer broken",
            "In-Reply-To: <1@example.org>",
            "References: <0@example.org> <1@example.org>",
            body=REPLY,
        ),
        mail(
            'Content-Type: multipart/alternative; boundary="alt-1"',
            "Subject: =?utf-8?Q?Drucker_br=C3=BCllt?=",
            body=_alternative(),
        ),
        mail(
            'Content-Type: multipart/mixed; boundary="mix-1"',
            "Subject: Rechnung =?iso-8859-1?B?ZvxyIE3kcno=?=",
            body=multipart(
                "mix-1",
                part('Content-Type: multipart/related; boundary="rel-1"', body=related),
                _attachment(),
                _attachment("=?utf-8?B?w5xiZXJzaWNodC5wbmc=?=", "image/png", PNG),
                preamble=b"This is a multi-part message in MIME format.\r\n",
            ),
        ),
        mail(
            "Content-Type: application/octet-stream",
            "Content-Transfer-Encoding: base64",
            "Content-Disposition: attachment;\r\n filename*0*=utf-8''R%C3%A9sum%C3%A9%20;"
            "\r\n filename*1*=%E2%82%AC;\r\n filename*2=.pdf",
            body=b64(PDF),
        ),
        mail(
            'Content-Type: multipart/report; report-type=delivery-status; boundary="rep-1"',
            "Return-Path: <>",
            body=report,
        ),
        mail('Content-Type: multipart/report; report-type=disposition-notification; boundary="mdn-1"', body=receipt),
        mail('Content-Type: multipart/report; report-type=feedback-report; boundary="arf-1"', body=complaint),
        mail(
            "Content-Type: text/plain; charset=iso-2022-jp",
            "Subject: =?ISO-2022-JP?B?GyRCJSQlcyU/ITwbKEI=?=",
            body=japanese.encode("iso2022_jp"),
        ),
        mail(
            "Content-Type: text/plain; charset=gb2312",
            "Content-Transfer-Encoding: 8bit",
            body="打印机坏了，请帮忙。\r\n".encode("gb18030"),
        ),
        mail(
            "Content-Type: text/plain; charset=windows-1251",
            "Content-Transfer-Encoding: 8bit",
            body="Принтер сломан.\r\n".encode("cp1251"),
        ),
        mail("Content-Type: text/plain; charset=iso-8859-1", body=b"Gr\xfc\xdfe \x96 bis sp\xe4ter\r\n"),
        mail(
            "Content-Type: text/plain; charset=utf-16",
            "Content-Transfer-Encoding: base64",
            body=b64("Hello 16\r\n".encode("utf-16")),
        ),
        mail("Content-Type: text/plain; format=flowed; delsp=yes; charset=utf-8", body=flowed),
        mail(
            "Content-Type: text/html; charset=utf-8",
            "Subject: newsletter",
            "List-Id: <news.example.net>",
            body=HTML * 3,
        ),
        mail("Content-Type: text/plain", "Subject: old style", body=UU),
        mail(
            "Content-Type: text/plain; charset=iso-8859-1",
            "Content-Transfer-Encoding: 8bit",
            body=b"yEnc:\r\n" + yenc(bytes(range(256)), b"all.bin"),
        ),
        mail(
            'Content-Type: multipart/mixed; boundary="mix-2"',
            body=multipart(
                "mix-2",
                part("Content-Type: text/plain", body=TEXT),
                _attachment("winmail.dat", "application/ms-tnef", tnef()),
            ),
        ),
        mail(
            'Content-Type: multipart/mixed; boundary="mix-3"',
            "Subject: Fwd: two mails",
            body=multipart(
                "mix-3",
                part("Content-Type: text/plain", body=b"See the attached mails.\r\n"),
                part("Content-Type: message/rfc822", body=forwarded),
                part(
                    "Content-Type: message/rfc822",
                    "Content-Disposition: attachment; filename=deep.eml",
                    body=mail("Content-Type: message/rfc822", body=forwarded),
                ),
            ),
        ),
        mail(
            'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="sig-1"',
            body=multipart(
                "sig-1",
                part("Content-Type: text/plain", body=TEXT),
                _attachment(
                    "smime.p7s", "application/pkcs7-signature", b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
                ),
            ),
        ),
        mail(
            'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="pgp-1"',
            body=multipart(
                "pgp-1",
                part("Content-Type: application/pgp-encrypted", body=b"Version: 1\r\n"),
                part(
                    "Content-Type: application/octet-stream; name=encrypted.asc",
                    body=b"-----BEGIN PGP MESSAGE-----\r\n\r\nabcd\r\n-----END PGP MESSAGE-----\r\n",
                ),
            ),
        ),
        mail(
            'Content-Type: multipart/alternative; boundary="cal-1"',
            body=multipart(
                "cal-1",
                part("Content-Type: text/plain", body=b"Jane has accepted.\r\n"),
                part('Content-Type: text/calendar; method=REPLY; charset="utf-8"', body=CALENDAR),
            ),
        ),
        mail(
            "From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@m\u00fcller.example>",
            'To: Team: a@example.org, "B, C" <b@example.org>;, <c@example.org>',
            "Cc: undisclosed-recipients:;",
            body=TEXT,
        ),
        mail("From: nobody", "Subject:", "Date: yesterday", body=b""),
        ODD,
    ]


def plain_mail(size: int = 2048) -> bytes:
    """Return a plain mail of about `size` octets, as a person writes it."""
    line = b"The printer in room 2.14 prints only every second page, and the scanner does not answer at all.\r\n"
    body = b"Hello,\r\n\r\n" + line * max(1, (size - 900) // len(line)) + b"\r\nKind regards\r\nJane\r\n"
    return mail("Subject: Printer broken", "Content-Type: text/plain; charset=utf-8", body=body)


def mail_with_attachment(size: int) -> bytes:
    """Return a mail of about `size` octets, most of it one base64 attachment."""
    content = bytes(range(256)) * (size * 54 // 74 // 256 + 1)
    body = multipart(
        "mix-9",
        part("Content-Type: text/plain", body=TEXT),
        _attachment("scan.bin", "application/octet-stream", content),
    )
    return mail('Content-Type: multipart/mixed; boundary="mix-9"', "Subject: scan", body=body)
