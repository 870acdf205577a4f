"""Planted differences between uses of a model: named, confirmed, and nothing else accused.

All cases of a backend run in one process, see ``whydiff.testing.call_suite``. Each runs on one
backend, in turns; ``make thorough`` tries it on the others.
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

pytestmark = pytest.mark.long


def turns():
    """(case, backend, whether it is the backend's turn), for every backend of every case."""
    for position, (name, wanted) in enumerate(ANSWERS.items()):
        possible = [b for b in BACKENDS if b in wanted.get("backends", BACKENDS)]
        turn = possible[position % len(possible)]
        yield from ((name, backend, backend == turn) for backend in possible)


@cache
def answers(backend, turn, folder):
    """What explain says of the cases whose turn it is on a backend, or of the others."""
    names = [name for name, *where in turns() if where == [backend, turn]]
    out = Path(folder) / f"{backend}-{turn}.json"
    done = subprocess.run(
        [sys.executable, "-m", "whydiff.testing.call_suite", str(CASES), str(out), *names],
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
    ("name", "backend", "turn"),
    [
        pytest.param(
            name, backend, turn, id=f"{name}-{backend}",
            marks=[
                pytest.mark.xdist_group(f"planted-calls-{backend}-{turn}"),
                *([] if turn else [pytest.mark.thorough]),
            ],
        )
        for name, backend, turn in turns()
    ],
)  # fmt: skip
def test_planted(name, backend, turn, shared):
    assert wrong_with(answers(backend, turn, shared)[name], ANSWERS[name]) == []


def test_every_case_has_an_answer():
    assert {path.stem for path in CASES.glob("*.py")} == set(ANSWERS)
