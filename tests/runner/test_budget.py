"""With a budget everything that is run ends, and what was left out is said."""

import pytest

from whydiff import explain
from whydiff.core.errors import WhydiffError
from whydiff.runner.client import Run
from whydiff.runner.running import OUT_OF_TIME, Runs


@pytest.fixture
def endless(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("while True: pass\n")
    return script


def test_a_script_is_stopped_and_what_there_is_no_time_for_is_said(endless, tmp_path):
    runs = Runs(seconds=0.0)
    with runs.run(Run(endless), tmp_path, "a", serve=False) as ran:
        assert ran.late and OUT_OF_TIME in ran.notes[0]
    assert runs.no_time_for("trying a fix") and runs.no_time_for("trying a fix")
    assert f"{OUT_OF_TIME}: trying a fix." in runs.notes()[-1]
    unlimited = Runs()
    assert unlimited.time_left() is None and not unlimited.no_time_for("trying a fix")
    assert len(unlimited.notes()) == 1


def test_where_not_even_one_run_ends_in_time_that_is_the_answer(endless):
    with pytest.raises(WhydiffError, match=r"train\.py \(a\) was stopped, as the time of --budget"):
        explain(endless, budget=0.1)
