"""Splits a mail into its MIME tree in one pass: linear in its size, however deep it nests and whatever it holds.

Every line that starts with two hyphens is looked at once, in a table of the boundaries that are open at that place;
no level reads the lines of another one again.
"""

from __future__ import annotations

from typing import Final

from gateway.mail import caps
from gateway.mail.headers import Block, read_block
from gateway.mail.part import MULTIPART, Part

_CRLF: Final = b"\r\n"
_BLANK: Final = b"\r\n\r\n"
_DASHES: Final = b"\r\n--"


def split(octets: bytes, *, depth: int = 0, block: Block | None = None, start: int = 0) -> Part:
    """Return the tree of a mail. Total; defects stand at the nodes.

    `block` and `start` name the header if it was read already.
    """
    if block is None:
        head, start = header_end(octets)
        block = read_block(octets[:head])
    root = Part(octets, block.fields, start, depth=depth)
    root.defects.extend(block.defects)
    if not root.content_type.startswith(MULTIPART):
        root.path = "1"
        return root
    _Splitter(root).run()
    if not root.children and root.encoding in _ENCODED:
        # Deviation: RFC 2045 §6.4 forbids encoding a multipart as a whole; what was encoded all the same is opened
        inner = Part(root.content(), block.fields, 0, depth=depth)
        _Splitter(inner).run()
        if inner.children:
            inner.defects[:0] = [*root.defects, "multipart.encoded"]
            return inner
    if not root.children:
        root.path = "1"
        root.defects.append("multipart.without-parts")
    return root


_ENCODED: Final = frozenset({"base64", "quoted-printable"})


def header_end(octets: bytes, start: int = 0) -> tuple[int, int]:
    """Return where the header block that begins at `start` ends, and where the body begins."""
    if octets.startswith(_CRLF, start):
        return start, start + 2
    end = octets.find(_BLANK, start)
    if end < 0:
        return len(octets), len(octets)
    return end, end + 4


class _Level:
    """A multipart whose end was not seen yet."""

    __slots__ = ("boundary", "closed", "part")

    def __init__(self, part: Part, boundary: bytes) -> None:
        self.part = part
        self.boundary = boundary
        self.closed = False


class _Splitter:
    """The state of the one pass: open multiparts, their delimiters, and the leaf that is being read."""

    def __init__(self, root: Part) -> None:
        self._octets = root.octets
        self._end = root.end
        self._levels: list[_Level] = []
        self._delimiters: dict[bytes, tuple[int, bool]] = {}
        self._needle = _DASHES  # what all open delimiters begin with
        self._leaf: Part | None = None  # its end is not known yet
        self._count = 0
        self._blank = -1  # the next empty line at or behind where it was last looked for
        self._root = root

    def run(self) -> None:
        if not self._open(self._root):
            return
        # A delimiter may stand on the very first line; the line end before it belongs to the header
        at = max(self._root.start - 2, 0)
        at = 0 if self._root.start == 0 and self._octets.startswith(b"--") else at
        found = self._next(at)
        while found is not None:
            before, after, level, closing = found
            self._finish(before)
            self._close_below(level, before)
            here = self._levels[level]
            if closing:
                here.closed = True
                found = self._next(after - 2)  # the line end may begin the next delimiter
            elif self._count >= caps.PARTS:
                self._root.defects.append("parts.too-many")
                return
            else:
                found = self._part(here, after)
        self._finish(self._end)
        for open_level in self._levels:
            open_level.part.end = self._end
            if not open_level.closed:
                open_level.part.defects.append("multipart.unclosed")

    def _part(self, parent: _Level, start: int) -> tuple[int, int, int, bool] | None:
        """Begin the part whose header begins at `start`; return the delimiter behind its header."""
        octets, end = self._octets, self._end
        if parent.closed:
            parent.closed = False
            parent.part.defects.append("multipart.part-behind-end")
        following = None
        if octets.startswith(_CRLF, start):
            head, body = start, start + 2
        else:
            if self._blank < start:
                self._blank = octets.find(_BLANK, start, end)
                self._blank = end + 1 if self._blank < 0 else self._blank
            head, body = min(self._blank, end), min(self._blank + 4, end)
            following = self._next(start - 2, head)
            if following is not None:  # the next delimiter stands before any empty line
                head = body = max(following[0], start)
        self._count += 1
        path = f"{parent.part.path}.{len(parent.part.children) + 1}".lstrip(".")
        block = read_block(octets[start:head])
        digest = parent.part.content_type == "multipart/digest"
        part = Part(
            octets,
            block.fields,
            body,
            body,
            path=path,
            depth=parent.part.depth + 1,
            # RFC 2046 §5.1.5
            default_type="message/rfc822" if digest else "text/plain",
        )
        part.defects.extend(block.defects)
        parent.part.children.append(part)
        self._leaf = part
        if following is not None:
            return following
        if part.content_type.startswith(MULTIPART) and self._open(part):
            self._leaf = None
        return self._next(body - 2)

    def _open(self, part: Part) -> bool:
        boundary = part.params.get("boundary", "").rstrip().encode("utf-8", "surrogateescape")
        if not boundary or len(boundary) > caps.BOUNDARY:
            part.defects.append("multipart.without-boundary")
            return False
        if part.depth - self._root.depth >= caps.DEPTH:
            self._root.defects.append("parts.too-deep")
            return False
        self._levels.append(_Level(part, boundary))
        self._learn(len(self._levels) - 1)
        return True

    def _learn(self, level: int) -> None:
        boundary = self._levels[level].boundary
        self._delimiters[b"--" + boundary] = (level, False)
        self._delimiters[b"--" + boundary + b"--"] = (level, True)
        self._needle = _DASHES + _common([open_level.boundary for open_level in self._levels])

    def _close_below(self, level: int, end: int) -> None:
        """Forget the multiparts inside `level`: a delimiter of an outer one ends them (RFC 2046 §5.1.2)."""
        if len(self._levels) == level + 1:
            return
        for inner in self._levels[level + 1 :]:
            inner.part.end = max(end, inner.part.start)
            if not inner.closed:
                inner.part.defects.append("multipart.unclosed")
        del self._levels[level + 1 :]
        self._delimiters.clear()
        for at in range(len(self._levels)):
            self._learn(at)

    def _finish(self, end: int) -> None:
        if self._leaf is not None:
            self._leaf.end = max(end, self._leaf.start)
            self._leaf = None

    def _next(self, at: int, limit: int | None = None) -> tuple[int, int, int, bool] | None:
        """Find the next delimiter line at or behind the line end at `at`: its start, its end, level, closing."""
        octets, end, delimiters, needle = self._octets, self._end, self._delimiters, self._needle
        stop = end if limit is None else min(limit + len(needle) - 1, end)  # none that begins at `limit` or behind
        first = at == 0 and octets.startswith(b"--")
        while True:
            if first:
                before, line = 0, 0
                first = False
            else:
                before = octets.find(needle, at, stop)
                if before < 0:
                    return None
                line = before + 2
            after = octets.find(_CRLF, line, end)
            if after < 0:
                after = end
            # RFC 2046 §5.1.1: blanks may follow a delimiter
            known = delimiters.get(octets[line : min(after, line + caps.BOUNDARY + 8)].rstrip(b" \t"))
            if known is not None:
                return before, min(after + 2, end), *known
            at = after


def _common(boundaries: list[bytes]) -> bytes:
    """Return what all boundaries begin with: the longer, the faster it is looked for."""
    low, high = min(boundaries), max(boundaries)
    for at, octet in enumerate(low):
        if at >= len(high) or octet != high[at]:
            return low[:at]
    return low
