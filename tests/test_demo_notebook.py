"""The demo as a notebook runs from its top to its end and shows what its text promises."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from whydiff.testing import HANGS

DEMO = Path(__file__).parents[1] / "examples" / "demo.ipynb"
INSTALLS = "%pip install"


def test_it_is_kept_without_outputs():
    cells = nbformat.read(DEMO, as_version=4).cells
    assert not any(cell.get("outputs") for cell in cells)
    assert sum(cell.source.startswith(INSTALLS) for cell in cells) == 1


@pytest.mark.thorough
def test_the_demo_runs_and_answers(tmp_path):
    notebook = nbformat.read(DEMO, as_version=4)
    # what it would install is what is tested
    notebook.cells = [c for c in notebook.cells if not c.source.startswith(INSTALLS)]
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=HANGS, resources=place).execute()
    outputs = {c.source: c.outputs for c in notebook.cells if c.cell_type == "code"}
    (answer,) = outputs["%whydiff explain 1 2"]
    assert "because of the initial weights" in " ".join(answer.data["text/plain"].split())
    assert "text/html" in answer.data
    printed = next(v for k, v in outputs.items() if "remedy.patch" in k)
    patch = "".join(o["text"] for o in printed if o.output_type == "stream" and o.name == "stdout")
    assert "+keras.utils.set_random_seed(SEED)" in patch
    (whole,) = outputs["answer"]
    assert "<iframe" in whole.data["text/html"]
