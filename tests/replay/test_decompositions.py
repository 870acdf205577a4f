"""Replicas whose training decomposes matrices end; the fused engine leaves some of them alone.

LAPACK called for several replicas at a time used to wait for ever where a machine has few cores.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.testing import HANGS

SCRIPT = Path(__file__).parent.parent / "scripts" / "decomposing.py"

pytestmark = pytest.mark.long


def study(folder, fit, blocks):
    arguments = ["study", SCRIPT, "--fit", fit, "--blocks", blocks, "--vary", "initialization"]
    subprocess.run(
        [sys.executable, "-c", "from whydiff.cli import main; main()"]
        + [str(a) for a in (*arguments, "--output", "s.whydiff", "--json", "s.json")],
        cwd=folder,
        env=os.environ | {"KERAS_BACKEND": "jax"},
        check=True,
        timeout=HANGS,
        capture_output=True,
    )
    return json.loads((folder / "s.json").read_text())


def test_orthogonal_initial_values_of_many_chunks_are_drawn(tmp_path):
    found = study(tmp_path, 1, 64)
    assert found["engine"] == "fused" and found["notes"] == []
    assert found["trained"] == found["planned"] >= 128
    assert found["agreement"]["agrees"] and found["agreement"]["rounding"]


def test_steps_that_decompose_are_trained_one_by_one(tmp_path):
    found = study(tmp_path, 2, 2)
    assert found["engine"] == "solo"
    (note,) = found["notes"]
    assert "a training step decomposes matrices" in note
    assert found["trained"] == found["planned"]
