"""Convolutions and poolings written for loops are Keras's own to rounding, gradients included."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "lowerings.py"

pytestmark = pytest.mark.long


def test_every_lowering_agrees_with_keras():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 48
    assert {name: worst for name, worst in found.items() if not worst < 2e-6} == {}
