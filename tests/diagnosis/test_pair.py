"""What is said where there is nothing to compare."""

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.recording import Execution
from whydiff.diagnosis.pair import check_trained


def test_a_script_without_a_watched_step_is_told_how_loops_are_watched():
    nothing = Execution("train.py", ("--fast",), "2026-01-01T00:00:00", 0, {}, (), ())
    with pytest.raises(WhydiffError, match=r"train\.py --fast trained nothing") as error:
        check_trained(nothing, ["--fast"])
    assert "whydiff.watch(model, optimizer=optimizer)" in error.value.way_out
    assert "loop.step(train_step, x, y)" in error.value.way_out
