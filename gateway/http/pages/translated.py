"""Templates of one language: what they say in fixed words is translated once, when they are compiled.

A page asks for some seventy translations, and each call on the way through Jinja costs more than what it looks up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup


class Translated(Environment):
    """A Jinja environment that knows its language: `_("Reply")` in a template is a constant of it."""

    def __init__(self, gettext: Callable[[str], str], **options: Any) -> None:
        super().__init__(**options)
        self._fixed = _FixedWords(gettext)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = self._fixed.visit(super()._parse(source, name, filename))
        return tree


class _FixedWords(NodeTransformer):
    """Replaces `_("…")` without variables by what Jinja's own call would return: text that is safe as it stands."""

    def __init__(self, gettext: Callable[[str], str]) -> None:
        self._gettext = gettext

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - Jinja finds it by this name
        """Translate, or leave what is another call or has something to fill in."""
        self.generic_visit(node)
        match node:
            case nodes.Call(node=nodes.Name(name="_"), args=[nodes.Const(value=str(text))], kwargs=[]):
                return nodes.Const(Markup(self._gettext(text)) % {}, lineno=node.lineno)  # noqa: S704 - of a catalogue
            case _:
                return node
