"""The document of the path and the code of the path name the same steps in the same order."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def functions(module: str) -> list[str]:
    tree = ast.parse((ROOT / "gateway" / module).read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_the_document_has_the_steps_of_the_pipeline_in_its_order():
    text = (ROOT / "docs" / "flow.md").read_text()
    documented = [step for step in re.findall(r"^### `(\w+)`$", text, re.MULTILINE) if step != "decide"]

    assert documented == functions("pipeline.py")


def test_the_document_names_the_branches_of_the_decision():
    text = (ROOT / "docs" / "flow.md").read_text()

    for branch in ("decide", "file_report", "continue_ticket", "open_ticket"):
        assert branch in functions("decision.py")
        assert f"`{branch}`" in text


def test_the_document_lists_every_disposition():
    from gateway.model import Disposition

    listed = (ROOT / "docs" / "flow.md").read_text().partition("## Dispositions")[2]

    assert re.findall(r"`(\w+)`", listed.partition("\n\n")[2].partition(".\n")[0]) == [d.value for d in Disposition]


def test_the_path_fits_in_a_head():
    assert len((ROOT / "gateway" / "pipeline.py").read_text().splitlines()) < 200
