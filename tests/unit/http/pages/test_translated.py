"""Fixed words are translated once; the rest as Jinja does, and both alike."""

from __future__ import annotations

from jinja2 import Environment

from gateway.http.pages.translated import Translated

WORDS = {"Reply": "R\xe9pondre", "100 %%": "100 %%", "<b>Now</b>": "<b>Maintenant</b>", "%(n)s left": "reste %(n)s"}
TEMPLATE = (
    "{{ _('Reply') }}|{{ _('100 %%') }}|{{ _('<b>Now</b>') }}|{{ _('%(n)s left', n='<3>') }}|{{ _(word) }}|"
    "{% macro say(words) %}[{{ words }}]{% endmacro %}{{ say(_('Reply')) }}{% if _('Reply') == 'x' %}never{% endif %}"
)


class Asked:
    """A catalogue that counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, text: str) -> str:
        self.times += 1
        return WORDS.get(text, text)


def rendered(environment: Environment, asked: Asked) -> list[str]:
    environment.install_gettext_callables(asked, asked, newstyle=True)  # type: ignore[attr-defined]
    template = environment.from_string(TEMPLATE)
    return [template.render(word="Reply") for _ in range(5)]


def test_it_says_what_jinja_says_and_asks_less() -> None:
    plain, once = Asked(), Asked()
    options = {"autoescape": True, "extensions": ["jinja2.ext.i18n"]}
    theirs = rendered(Environment(**options), plain)  # type: ignore[arg-type]
    ours = rendered(Translated(once, **options), once)

    assert ours == theirs
    assert ours[0] == "R\xe9pondre|100 %|<b>Maintenant</b>|reste &lt;3&gt;|R\xe9pondre|[R\xe9pondre]"
    assert plain.times == 5 * 7
    assert once.times == 5 + 5 * 2  # five fixed ones when it was compiled, the two others each time
