"""Every bound on what is read from a mail. Reaching one is a defect with a name, never an error.

Each number is the largest at which the slowest reader behind it was still fast on hostile input; the raw mail is
always kept whole, so a cap hides nothing for good.
"""

from __future__ import annotations

from typing import Final

HEADER_BLOCK: Final = 256 << 10  # octets of one header block that are read; Postfix stops at 100 KiB
FIELDS: Final = 2_000  # fields of one header block
FIELD: Final = 16 << 10  # characters of one unfolded field, cut at the end of a token
ADDRESSES: Final = 500  # mailboxes of one field
ADDRESS: Final = 254  # octets of one address, RFC 5321 §4.5.3.1.3
NO_ADDRESS: Final = 1_000  # characters of what claims to be an address that are looked at
LOCAL_PART: Final = 64  # octets, RFC 5321 §4.5.3.1.1
REFERENCES: Final = 32  # message ids of References, the newest
MESSAGE_ID: Final = 998  # octets of one message id: a line, RFC 5322 §2.1.1
DEPTH: Final = 64  # nested multiparts
PARTS: Final = 1_000  # parts of one mail
BOUNDARY: Final = 500  # octets of a boundary; RFC 2046 §5.1.1 allows 70
PARAMETERS: Final = 200  # parameters of one field, sections counted
TEXT: Final = 1 << 20  # characters of one shown text body
HTML: Final = 1 << 20  # octets of HTML before the sanitiser
STYLE: Final = 16_384  # characters of one style attribute; a longer one is dropped
HTML_DEPTH: Final = 1_000  # nested elements before the sanitiser and the tree builder, both quadratic in it
GUESS: Final = 64 << 10  # octets that a charset is guessed from
FILENAME: Final = 150  # octets of a shown file name, UTF-8
TNEF: Final = 32 << 20  # octets of a TNEF stream that is opened
TNEF_ATTRIBUTES: Final = 20_000  # attributes and properties of one TNEF stream
EMBEDDED_FILES: Final = 200  # files found inside one TNEF stream, or uuencoded or yEnc-coded in one text
EMBEDDED_DEPTH: Final = 8  # mails within mails that report readers may open
DEFECTS: Final = 100  # distinct defects listed for one mail
