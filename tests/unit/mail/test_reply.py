"""What the author newly wrote: samples in the shapes of many mail programs and languages, and the bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.mail import reply

FOLDER = Path(__file__).parent / "samples_reply"


def read_samples(path):
    for block in path.read_text(encoding="utf-8").split("#### ")[1:]:
        name, _, rest = block.partition("\n")
        body, _, rest = rest.partition("#---- reply\n")
        wanted, _, signature = rest.partition("#---- signature\n")
        yield pytest.param(body, wanted.strip("\n"), signature.strip("\n") or None, id=f"{path.stem}: {name}")


SAMPLES = [sample for path in sorted(FOLDER.glob("*.txt")) for sample in read_samples(path)]


@pytest.mark.parametrize(("body", "wanted", "signature"), SAMPLES)
def test_the_new_part_is_found(body, wanted, signature):
    cut = reply.cut(body)

    assert cut.reply == wanted
    assert cut.signature == (signature.rstrip() if signature else None)


@pytest.mark.parametrize(("body", "wanted", "signature"), SAMPLES)
def test_line_ends_change_nothing(body, wanted, signature):
    assert reply.cut(body.replace("\n", "\r\n")) == reply.cut(body)
