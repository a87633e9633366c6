"""Every message that a page can show, found where it stands: in templates, in tables of sentences, in Python."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from babel.messages.extract import extract
from jinja2.ext import babel_extract

PAGES = Path(__file__).parents[4] / "gateway" / "http" / "pages"
KEYWORDS = {"N_": None, "_": None, "gettext": None, "ngettext": (1, 2)}


def messages() -> set[tuple[str, ...]]:
    """Return each message as its forms: one, or singular and plural."""
    found: set[tuple[str, ...]] = set()
    for path in sorted(PAGES.rglob("*")):
        if path.suffix not in {".py", ".html"}:
            continue
        method: Any = "python" if path.suffix == ".py" else babel_extract
        options = {"trimmed": "true"} if path.suffix == ".html" else {}
        for _line, text, _comments, _context in extract(
            method,
            io.BytesIO(path.read_bytes()),
            KEYWORDS,
            (),
            options,
        ):
            forms = (text,) if isinstance(text, str) else tuple(form for form in text if form)
            if forms[0]:
                found.add(forms)
    return found
