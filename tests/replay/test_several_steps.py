"""Hybrids make several steps in one call, where that gives A bit for bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "several_steps.py"
#: Of two epochs of 54 steps: up to each moment that is looked at; one step is made alone.
WHOLE = [4, 50, 53]


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def made(request):
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": request.param},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("dropout", [*WHOLE * 3, 54, 8]),
        ("normalized", [*WHOLE * 3, 54, 8]),
        # Only the control is made so; it does not end in A's bits, and is made step by step.
        ("wrong", WHOLE),
        # A program for batches of another size is compiled anew, and nothing is proven of that.
        ("other batches", [*WHOLE, *WHOLE, 54, 8]),
        ("acted between", []),
    ],
)
def test_hybrids_are_those_made_step_by_step(made, name, calls):
    assert made[name] == {"calls": calls, "a and b": [True, True], "equal": True}


@pytest.mark.long
def test_operations_with_a_generator_of_their_own_are_left_in_their_graph(made):
    assert made.get("own generator", {"calls": []})["calls"] == []
