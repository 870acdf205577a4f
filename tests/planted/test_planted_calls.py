"""Planted differences between uses of a model: named, confirmed, and nothing else accused.

All cases of a backend run in one process, see ``whydiff.testing.call_suite``.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from whydiff.testing import HANGS
from whydiff.testing.call_suite import wrong_with

CASES = Path(__file__).parent / "calls"
ANSWERS = json.loads((CASES / "answers.json").read_text())
BACKENDS = ("jax", "tensorflow", "torch")

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("planted-calls")]


@cache
def answers(backend, folder):
    """What explain says of every case on a backend."""
    out = Path(folder) / f"{backend}.json"
    done = subprocess.run(
        [sys.executable, "-m", "whydiff.testing.call_suite", str(CASES), str(out)],
        env=os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stderr=subprocess.PIPE,
        text=True,
        timeout=HANGS,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text())


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder for the answers of all backends."""
    return str(tmp_path_factory.mktemp("calls"))


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        (n, b)
        for n, wanted in ANSWERS.items()
        for b in BACKENDS
        if b in wanted.get("backends", BACKENDS)
    ],
)
def test_planted(name, backend, shared):
    assert wrong_with(answers(backend, shared)[name], ANSWERS[name]) == []


def test_every_case_has_an_answer():
    assert {path.stem for path in CASES.glob("*.py")} == set(ANSWERS)
