"""What a handler of a signal raises while our code runs reaches the script, wherever it strikes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.storage import load

SCRIPT = Path(__file__).parent.parent / "scripts" / "struck.py"


@pytest.mark.long
@pytest.mark.parametrize("every", [160, pytest.param(8, marks=pytest.mark.thorough)])
def test_a_signal_strikes_every_statement_of_ours(tmp_path, tally, every):
    recording = tmp_path / "struck.whydiff"
    done = subprocess.run(
        [sys.executable, "-m", "whydiff", "record", SCRIPT, "-o", recording],
        env={**os.environ, "KERAS_BACKEND": "jax", "EVERY": str(every)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    struck, loss = done.stdout.splitlines()
    count, lost = struck.split(" struck, lost at:")
    assert (done.returncode, lost) == (0, "") and int(count) > 1000 // every
    for word in ("ignored", "Traceback", "no longer watched"):
        assert word not in done.stderr, done.stderr
    tally["signals that struck while our code ran", "raised in the script"] += int(count)

    execution = load(recording)  # which refuses what does not hold together
    # A fit that was struck before its first step was over has a number, and is not recorded.
    numbers = [fit.index for fit in execution.fits]
    assert numbers == sorted({*numbers})
    assert sum(fit.finished for fit in execution.fits) >= 2  # others were struck
    last = execution.fits[-1]
    assert last.finished and last.epochs[-1].logs["loss"] == float(loss)
