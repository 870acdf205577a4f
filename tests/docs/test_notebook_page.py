"""The code of docs/notebooks.md runs as it stands and says what the page says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from whydiff.testing import HANGS

pytestmark = pytest.mark.long

PAGE = (Path(__file__).parents[2] / "docs" / "notebooks.md").read_text()


def test_the_code_runs_and_names_the_causes(tmp_path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "page.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "page.py"],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    causes = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    of_fits, of_predictions = ("initialization", "data-order", "optimizer"), ("data-content",)
    assert causes == dict.fromkeys((*of_fits, *of_predictions), "confirmed")
    assert (tmp_path / "one.whydiff").exists()


BEFORE = """import os
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np
keras.utils.set_random_seed(7)
x = np.random.default_rng(0).normal(size=(96, 4)).astype("float32")
y = x[:, :1]
model = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, y, epochs=1, verbose=0);"""
AFTER = """import whydiff
execution = whydiff.load("cell.whydiff")
print([(d.owner, d.seed) for d in execution.ledger if d.kind == "seeding"])
print({t.trained_by for t in execution.fits[0].recipe.initialization})"""


def test_the_magics_name_a_cell_that_was_run_again_and_keep_little(tmp_path):
    load, record, explain = re.findall(r"```ipython\n(.*?)```", PAGE, re.DOTALL)
    kept = record.replace("record", "record cell.whydiff", 1)
    sources = [load, BEFORE, record, record, explain, kept, AFTER, "%whydiff explain 1 9"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    NotebookClient(
        notebook, timeout=HANGS, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [cell.outputs for cell in notebook.cells]
    said = ["".join(o.get("text", "") for o in cell) for cell in outputs]
    assert "whydiff 1: fit of Sequential 'sequential' in cell [3], line 1, loss " in said[2]
    assert "whydiff 2: fit of Sequential 'sequential' in cell [4]" in said[3]
    ((answer,), stored) = outputs[4], len(json.dumps(outputs[4]))
    assert stored < 150_000
    page, text = answer.data["text/html"], answer.data["text/plain"]
    assert page.startswith("<iframe") and "<svg" in page and "<script" not in page
    told = " ".join(text.split())
    assert "fit 1 of cell [3] and fit 1 of cell [4]" in told
    assert "the cell was run again on a model that was fitted before" in told
    assert "('keras.utils.set_random_seed', 7)" in said[6] and "{0}" in said[6]
    assert "there is no call 9; 3 were recorded" in json.dumps(outputs[7])
