"""With a budget everything that is run ends, and what was left out is said."""

import pytest

from whydiff import explain
from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import OutOfTime
from whydiff.runner.client import Run
from whydiff.runner.messages import Recall
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


#: Is over at once, but answers nothing that it is asked.
DEAF = """
import os, sys, time
from whydiff.runner import codec
from whydiff.runner.job import Job
from whydiff.runner.messages import ScriptEnded
answers = os.fdopen(Job.read(sys.argv[1]).serve[1], "wb")
codec.write(ScriptEnded(0), answers)
time.sleep(600)
"""


def test_a_hybrid_under_way_is_ended_with_its_process(tmp_path, monkeypatch):
    monkeypatch.setattr("whydiff.runner.client.START", DEAF)
    script = tmp_path / "train.py"
    script.write_text("")
    runs = Runs(seconds=600.0)
    with runs.run(Run(script), tmp_path, "a") as ran:
        assert ran.exit_code == 0 and ran.child.deadline is not None
        ran.child.deadline = 0.0  # long ago: nothing here waits for a clock
        with pytest.raises(OutOfTime, match="--budget"):
            ran.child.request(Recall("a"))
        with pytest.raises(OutOfTime):  # and it is not asked again
            ran.child.request(Recall("a"))
