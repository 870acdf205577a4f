"""Layers that a callback freezes while a model trains: hybrids begin as the training began."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "frozen_on_the_way.py"


@pytest.mark.long
@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_the_step_that_a_callback_compiled_is_no_start_of_a_hybrid(tmp_path, backend):
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "two.whydiff"],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["True"] * 5, done.stderr
