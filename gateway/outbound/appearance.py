"""Loads what mails are made from: templates, shipped or an operator's, and logos. Bad ones stop the start.

Templates run in jinja2's sandbox. What a mail brings along is a value to them and never a template, so that
`{{ 7*7 }}` from a customer stays `{{ 7*7 }}`.
"""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

import gateway.mail
from gateway.config.settings import Appearance
from gateway.errors import ConfigError, ConfigProblem
from gateway.mail.letters import Look
from gateway.model import OutgoingFile
from gateway.telemetry.log import get_logger

SHIPPED = Path(gateway.mail.__file__).parent / "templates"
LOCALES = ("en", "fr")
LETTERS = ("acknowledgement", "reply", "solved", "alert", "digest", "history")
NAMES = ("layout.txt", "layout.html", *(f"{locale}/{letter}.txt" for locale in LOCALES for letter in LETTERS))
MAX_TEMPLATE = 64 << 10
MAX_RENDERED = 4 << 20
MAX_LOGO = 256 << 10
_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png", "png"), (b"\xff\xd8\xff", "image/jpeg", "jpg"))
_LINK = re.compile(r"https?://[^\s<>\"'`{}|\\^]{1,500}[^\s<>\"'`{}|\\^.,;:!?)\]]")

LIKENESS = 0.8  # of a file's name to that of a template, from where on it is taken for a slip
NEEDLE = "Hello,"  # what stands in the sample's texts
NEEDED = {"reply.txt": "text", "alert.txt": "text", "layout.txt": "paragraphs", "layout.html": "paragraphs"}

# Every variable that a template may use, with a value to try it on at the start.
SAMPLE: Mapping[str, object] = MappingProxyType(
    {
        "number": 1042,
        "mails": 3,
        "tickets": [(1042, "The printer", 3)],
        "more": 0,
        "queue": "Support",
        "subject": "The printer",
        "text": "Hello,\n\nit is mended.",
        "event": "New mail",
        "author": "Ada Example <ada@example.com>",
        "url": "",
        "date": datetime(2026, 3, 1, tzinfo=UTC).strftime("%Y-%m-%d"),
        "look": Look(signature="The team", header="Header", footer="Footer"),
        "locale": "en",
        "paragraphs": ["Hello,"],
        "marker": "ref:x",
        "history": [{"heading": "Then", "text": "x", "lines": ["x"]}],
    }
)


def lines(text: str) -> Markup:
    """Return text as HTML: escaped, line ends kept, addresses of web pages made links that say nothing about us."""
    out, at = Markup(), 0
    for match in _LINK.finditer(text):
        link = escape(match[0])
        out += escape(text[at : match.start()]) + Markup('<a href="%s" rel="noreferrer">%s</a>') % (link, link)
        at = match.end()
    return (out + escape(text[at:])).replace("\n", Markup("<br>\n"))


def quoted(text: str) -> Markup:
    """Return somebody else's words as HTML: escaped, line ends kept, and no links that would be ours to answer for."""
    return escape(text).replace("\n", Markup("<br>\n"))


class MailTemplates:
    """The templates by name; implements letters.Templates. An operator's template stands before the shipped one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._shipped = _environment(SHIPPED)
        self._own = _environment(folder) if folder else None
        self._overridden = frozenset(name for name in NAMES if folder and (folder / name).is_file())
        if folder:
            _check(folder, self._overridden, self._own)

    @property
    def overridden(self) -> frozenset[str]:
        """Return the names of the operator's own templates."""
        return self._overridden

    def render(self, name: str, **values: object) -> str:
        """Return the text. An operator's template that fails is replaced by ours: mail must not wait for its author."""
        if self._own is not None and name in self._overridden:
            try:
                return _render(self._own, name, values)
            except Exception as error:  # whatever a foreign template does, the shipped one still answers
                get_logger().warning("template.failed", template=name, because=str(error))
        return _render(self._shipped, name, values)


def _environment(folder: Path) -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["lines"] = lines
    environment.filters["quoted"] = quoted
    return environment


def _render(environment: jinja2.Environment, name: str, values: Mapping[str, object]) -> str:
    pieces, size = [], 0
    for piece in environment.get_template(name).generate(**values):
        size += len(piece)
        if size > MAX_RENDERED:
            raise jinja2.TemplateRuntimeError(f"{name} makes more than {MAX_RENDERED} characters")
        pieces.append(piece)
    return "".join(pieces)


def _check(folder: Path, names: frozenset[str], environment: jinja2.Environment | None) -> None:
    """Try each of the operator's templates once. Raises ConfigError with file, line and cure."""
    problems = [*_misnamed(folder)]
    for name in sorted(names):
        path, line = folder / name, 1
        cure = f"compare with the shipped template {SHIPPED / name}"
        try:
            if path.stat().st_size > MAX_TEMPLATE:
                problem = f"has more than {MAX_TEMPLATE} octets"
            else:
                assert environment is not None
                missing = _unsaid(name, _render(environment, name, SAMPLE))
                if not missing:
                    continue
                problem, cure = f"leaves out {missing}", f"put {{{{ {missing} }}}} into it; {cure}"
        except jinja2.TemplateSyntaxError as error:
            problem, line = str(error.message), error.lineno
        except (jinja2.TemplateError, OSError, UnicodeError, ArithmeticError, LookupError, TypeError) as error:
            problem, line = str(error) or type(error).__name__, _line_in(path, error)
            if isinstance(error, jinja2.UndefinedError):
                cure = f"use what there is: {', '.join(sorted(SAMPLE))}; {cure}"
        problems.append(ConfigProblem(str(path), line, 1, "templates", problem, cure))
    if problems:
        raise ConfigError(tuple(problems))


def _line_in(path: Path, error: Exception) -> int:
    """Return the line of a template that an error came from; jinja2 puts it into the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == str(path)), 1)


def _unsaid(name: str, rendered: str) -> str:
    """Return the variable without which a letter is useless, if the template leaves it out: what somebody wrote."""
    variable = NEEDED.get(name.rpartition("/")[2], "")
    return "" if not variable or NEEDLE in rendered else variable


def _misnamed(folder: Path) -> Iterator[ConfigProblem]:
    """Notice files whose name is almost that of a template: nobody would ever use them, and nobody would say so."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in NAMES and (near := difflib.get_close_matches(name, NAMES, 1, LIKENESS)):
            cure = f"call it {near[0]}, or move it out of the folder"
            yield ConfigProblem(str(path), 1, 1, "templates", "is the name of no template", cure)


def load_look(appearance: Appearance, hostname: str) -> Look:
    """Return a queue's look as plain values. Raises ConfigError for a logo that is none."""
    return Look(
        background=appearance.background,
        accent=appearance.accent,
        signature=appearance.signature.strip(),
        header=appearance.header.strip(),
        footer=appearance.footer.strip(),
        history=appearance.history,
        locale=appearance.locale,
        logo=load_logo(appearance.logo, hostname) if appearance.logo else None,
    )


def load_logo(path: Path, hostname: str) -> OutgoingFile:
    """Return the logo, ready to be shown inline. Raises ConfigError."""

    def refused(problem: str) -> ConfigError:
        cure = f"name a PNG or JPEG file of at most {MAX_LOGO >> 10} KiB"
        return ConfigError((ConfigProblem(str(path), 1, 1, "appearance.logo", problem, cure),))

    try:
        with path.open("rb") as file:
            content = file.read(MAX_LOGO + 1)
    except OSError as error:
        raise refused(f"cannot read it: {error.strerror}") from None
    if len(content) > MAX_LOGO:
        raise refused("is too large")
    for signature, content_type, extension in _SIGNATURES:
        if content.startswith(signature):
            return OutgoingFile(f"logo.{extension}", content_type, content, f"logo@{hostname}")
    raise refused("is neither PNG nor JPEG")
