"""Joins the lines of format=flowed text (RFC 3676) into the paragraphs that were typed."""

from __future__ import annotations


def unflow(text: str, *, delsp: bool = False) -> str:
    """Return the text with soft line breaks undone. Total; linear. Quote marks stay, one space behind them."""
    out: list[str] = []
    paragraph: list[str] = []  # lines of the paragraph that goes on
    depth = 0
    for line in text.split("\n"):
        bare = line.lstrip(">")
        level = len(line) - len(bare)
        bare = bare.removeprefix(" ")  # RFC 3676 §4.4: stuffing
        # RFC 3676 §4.3: the signature mark is never flowed, and ends what was
        fixed = bare == "-- " or not bare.endswith(" ")
        if paragraph and (level != depth or bare == "-- "):
            out.append(_quoted(depth, "".join(paragraph).rstrip(" ")))
            paragraph = []
        depth = level
        # RFC 3676 §4.1: DelSp says that the space before the break was put there for it
        paragraph.append(bare if fixed else bare[:-1] if delsp else bare)
        if fixed:
            out.append(_quoted(depth, "".join(paragraph)))
            paragraph = []
    if paragraph:
        out.append(_quoted(depth, "".join(paragraph).rstrip(" ")))
    return "\n".join(out)


def _quoted(depth: int, text: str) -> str:
    if not depth:
        return text
    return f"{'>' * depth} {text}" if text else ">" * depth
