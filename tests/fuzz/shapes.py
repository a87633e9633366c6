"""What the fuzzers begin with: the seeds, mails that carry tokens of ours, and the samples of reports."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gateway.mail import to_crlf
from gateway.mail.token import TokenKeys, body_marker, bounce_address, loop_token, message_id, reply_address
from tests.fuzz.seeds import DELIVERY_STATUS, REPLY, TEXT, mail, multipart, part, seeds

KEYS = TokenKeys(b"the key that the mails of the fuzzers are made with")
_SAMPLES = Path(__file__).parents[1] / "unit" / "mail" / "samples_report"


@cache
def shapes() -> tuple[bytes, ...]:
    """Return every mail that is mutated."""
    samples = (to_crlf(path.read_bytes()) for path in sorted(_SAMPLES.glob("*.eml")))
    return (*seeds(), *token_mails(), *samples)


def token_mails() -> list[bytes]:
    """Return mails that carry tokens of ours in every place where they are looked for."""
    ours = message_id(KEYS, "mail.example.org", 7, 9)
    answer = reply_address(KEYS, "support@example.org", 7)
    bounce = bounce_address(KEYS, "support@example.org", 11, automatic=True)
    returned = mail(f"Message-ID: <{ours}>", "Subject: Your case", body=TEXT, received=0)
    return [
        mail(f"In-Reply-To: <{ours}>", f"References: <a@example.org>\r\n <{ours}>", "Subject: Re: Case", body=REPLY),
        mail(
            f"To: Support <{answer}>",
            f"Delivered-To: {answer}",
            "Subject: Re: Case",
            body=TEXT + f"\r\n{body_marker(KEYS, 7)}\r\n".encode(),
        ),
        mail(f"X-Poterne-Loop: {loop_token(KEYS, 7, 9)}", f"X-Poterne-Ref: {ours}", "Subject: Loop", body=TEXT),
        mail(
            "From: MAILER-DAEMON@example.net",
            f"To: {bounce}",
            'Content-Type: multipart/report; report-type=delivery-status; boundary="rep-t"',
            body=multipart(
                "rep-t",
                part("Content-Type: message/delivery-status", body=DELIVERY_STATUS),
                part("Content-Type: message/rfc822", body=returned),
            ),
        ),
    ]
