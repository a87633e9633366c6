"""One node of the MIME tree: where it lies in the raw mail, what its header says, and its decoded content.

A part is a window on the raw octets; nothing is decoded before it is asked for, and everything is total.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.mail import caps, charset, encodings, parameters
from gateway.model import Field

DEFAULT_TYPE: Final = "text/plain"  # RFC 2045 §5.2
MULTIPART: Final = "multipart/"


class Part:
    """A node of the MIME tree. Leaves have content, multiparts have children.

    `path` counts like IMAP sections: "1" is the body of a mail without multiparts, "2.1" the first child of the second
    part, "" the root of a mail that is a multipart. `octets[start:end]` is the encoded body.
    """

    __slots__ = (
        "_content",
        "_disposition",
        "_text",
        "children",
        "content_type",
        "defects",
        "depth",
        "end",
        "fields",
        "octets",
        "params",
        "path",
        "start",
    )

    def __init__(
        self,
        octets: bytes,
        fields: tuple[Field, ...] = (),
        start: int = 0,
        end: int | None = None,
        *,
        path: str = "",
        depth: int = 0,
        default_type: str = DEFAULT_TYPE,
    ) -> None:
        self.octets = octets
        self.fields = fields
        self.start = start
        self.end = len(octets) if end is None else end
        self.path = path
        self.depth = depth
        self.children: list[Part] = []
        self.defects: list[str] = []
        self.content_type, self.params = _media_type(fields, default_type)
        self._content: bytes | None = None
        self._text: str | None = None
        self._disposition: tuple[str, dict[str, str]] | None = None

    def __repr__(self) -> str:
        return f"<Part {self.path or '-'} {self.content_type} {self.start}:{self.end}>"

    # --- header ----------------------------------------------------------------------------------------------

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of every field called `name` (lower case), topmost first."""
        return tuple(item.value for item in self.fields if item.name == name)

    def first(self, name: str) -> str:
        """Return the topmost value of `name` (lower case), or the empty string."""
        for item in self.fields:
            if item.name == name:
                return item.value
        return ""

    @property
    def charset(self) -> str:
        """Return the declared charset in lower case, or the empty string."""
        return self.params.get("charset", "").strip().lower()

    @property
    def disposition(self) -> str:
        """Return "inline", "attachment", another word in lower case, or the empty string."""
        return self._content_disposition()[0]

    @property
    def filename(self) -> str:
        """Return the name as the sender wrote it (decoded, NOT safe to show), or the empty string."""
        # RFC 2183 §2.3 before the older `name`, which many mailers still send alone
        return self._content_disposition()[1].get("filename", "") or self.params.get("name", "")

    @property
    def content_id(self) -> str:
        """Return the Content-ID without angle brackets, or the empty string."""
        return self.first("content-id").strip().strip("<>").strip()

    def _content_disposition(self) -> tuple[str, dict[str, str]]:
        if self._disposition is None:
            value = self.first("content-disposition")
            self._disposition = parameters.parse(value) if value else ("", {})
        return self._disposition

    # --- content ---------------------------------------------------------------------------------------------

    @property
    def body(self) -> bytes:
        """Return the body as it stands in the mail, still encoded."""
        return self.octets[self.start : self.end]

    @property
    def encoding(self) -> str:
        """Return the Content-Transfer-Encoding in lower case, without comments; "" if none is stated."""
        return parameters.token(self.first("content-transfer-encoding"))

    def content(self) -> bytes:
        """Return the body with its transfer encoding undone; damaged encodings give what can be read."""
        if self._content is None:
            self._content, defects = encodings.decode(self.body, self.encoding)
            self.defects.extend(defects)
        return self._content

    def text(self) -> str:
        """Return the content as text with LF line ends, by the charset ladder; capped, free of NUL."""
        if self._text is None:
            self._text, defects = charset.decode_body(self.content(), self.charset)
            self.defects.extend(defects)
        return self._text

    # --- tree ------------------------------------------------------------------------------------------------

    def walk(self) -> Iterator[Part]:
        """Yield this node and all below it in the order of the mail. Keeps its own stack: depth costs nothing."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.children))

    def leaves(self) -> Iterator[Part]:
        """Yield the nodes that have content of their own, in the order of the mail."""
        return (part for part in self.walk() if not part.children)

    def embedded(self) -> Part | None:
        """Return the tree of the mail that a message/rfc822 part (or alike) holds, or None.

        `text/rfc822-headers` and `message/rfc822-headers` give a tree with a header and an empty body.
        """
        from gateway.mail import tree

        if self.content_type not in EMBEDDING or self.depth >= caps.DEPTH:
            return None
        content = self.content()
        # Many mailers put an empty line in front of the embedded header
        stripped = content.lstrip(b"\r\n")
        return tree.split(stripped, depth=self.depth + caps.DEPTH // caps.EMBEDDED_DEPTH)


EMBEDDING: Final = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/news",
        "text/rfc822-headers",
        "message/rfc822-headers",
        "message/global-headers",
    }
)


def _media_type(fields: tuple[Field, ...], default: str) -> tuple[str, dict[str, str]]:
    for item in fields:
        if item.name == "content-type":
            kind, params = parameters.parse(item.value)
            if kind.count("/") == 1 and not kind.startswith("/") and not kind.endswith("/"):
                return kind, params
            # RFC 2045 §5.2: what cannot be read is text/plain; a bare "text" is common and means the same
            return default, params
    return default, {}
