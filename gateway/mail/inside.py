"""Files that stand inside a text: uuencoded (`begin 644 name`) and yEnc-coded (`=ybegin`), as old mailers send them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.mail import caps, charset, encodings

_BEGIN: Final = re.compile(
    rb"^(?:begin(-base64)? [0-7]{3,4} ([^\r\n]{1,300})|=ybegin [^\r\n]{0,200}?name=([^\r\n]{1,300}))\r?\n", re.MULTILINE
)
_UU_LINE: Final = re.compile(rb"[ -`]{1,100}")
_B64_LINE: Final = re.compile(rb"[A-Za-z0-9+/=]{1,120}")
_YPART: Final = re.compile(rb"=ypart [^\r\n]*\r?\n")
_YEND: Final = re.compile(rb"^=yend[^\r\n]*\r?\n?", re.MULTILINE)
_YESCAPED: Final = re.compile(rb"=(.)", re.DOTALL)
_YENC_SHIFT: Final = bytes((code - 42) % 256 for code in range(256))


@dataclass(frozen=True, slots=True)
class InnerFile:
    """One file found inside something: its name as written, its octets, and what is claimed of it."""

    name: str
    content: bytes
    content_type: str = ""
    content_id: str = ""


def extract(content: bytes) -> tuple[bytes, list[InnerFile]]:
    """Return the text without the files in it, and the files. What does not decode to something stays text."""
    files: list[InnerFile] = []
    if b"begin" not in content:
        return content, files
    kept: list[bytes] = []
    at = 0
    last_end = content.rfind(b"=yend")  # behind it no yEnc code can end, and none is looked for
    while len(files) < caps.EMBEDDED_FILES:
        match = _BEGIN.search(content, at)
        if match is None:
            break
        read = _uu if match[3] is None else _yenc if match.end() <= last_end else _nothing
        found = read(content, match)
        kept.append(content[at : match.start()])
        if found is None:
            kept.append(match[0])
            at = match.end()
            continue
        octets, at = found
        files.append(InnerFile(charset.decode_raw((match[2] or match[3]).strip())[0], octets))
    if not files:
        return content, files
    kept.append(content[at:])
    return b"".join(kept), files


def _uu(content: bytes, match: re.Match[bytes]) -> tuple[bytes, int] | None:
    """Decode the lines behind `begin`, up to `end` or to the first line that cannot be code."""
    based = match[1] is not None
    lines: list[bytes] = []
    at = match.end()
    while at < len(content):
        stop = content.find(b"\n", at)
        stop = len(content) if stop < 0 else stop
        line = content[at:stop].rstrip(b"\r")
        ended = line.rstrip() == (b"====" if based else b"end")
        if not ended and not (_B64_LINE if based else _UU_LINE).fullmatch(line):
            break
        at = stop + 1
        if ended:
            break
        lines.append(line)
    octets, _ = encodings.decode(b"\n".join(lines), "base64") if based else encodings.uu_lines(lines)
    return (octets, min(at, len(content))) if lines and octets else None


def _nothing(_content: bytes, _match: re.Match[bytes]) -> None:
    """Find no file."""


def _yenc(content: bytes, match: re.Match[bytes]) -> tuple[bytes, int] | None:
    """Decode what stands between `=ybegin` and `=yend` (yEnc 1.3): 42 was added to every octet."""
    start = match.end()
    part = _YPART.match(content, start)
    if part is not None:
        start = part.end()
    end = _YEND.search(content, start)
    if end is None:
        return None
    coded = content[start : end.start()].replace(b"\r", b"").replace(b"\n", b"")
    if b"=" in coded:
        coded = _YESCAPED.sub(lambda escape: bytes(((escape[1][0] - 64) % 256,)), coded)
    return coded.translate(_YENC_SHIFT), end.end()
