"""When the two runs that try a fix share the machine, and what becomes of one nobody waits for."""

from dataclasses import replace

import pytest

from whydiff.core import memory
from whydiff.experiments.explain import fix_trials
from whydiff.runner import running
from whydiff.runner.client import Run
from whydiff.runner.running import Runs
from whydiff.runner.scratch import Place
from whydiff.testing.sides import a_side


def execution(*devices, files=()):
    side = a_side()
    recipe = replace(side.fit.recipe, hardware={"devices": list(devices)})
    facts = {**side.execution.environment, **{f"file {path}": use for path, use in files}}
    fits = (replace(side.fit, recipe=recipe),)
    return replace(side.execution, fits=fits, environment=facts)


@pytest.fixture
def roomy(monkeypatch):
    monkeypatch.setattr(running, "available_memory", lambda: 8 << 30)
    monkeypatch.setattr(running, "peak_of_children", lambda: 1 << 30)
    return monkeypatch


@pytest.mark.parametrize("devices", [("cpu cpu",), ("CPU",), (), ("cpu cpu", "cpu cpu")])
def test_two_runs_share_the_processor_where_neither_sees_what_the_other_writes(
    tmp_path, roomy, devices
):
    assert Runs(Place((tmp_path,))).may_run_two_at_once(execution(*devices))
    assert not Runs(Place(())).may_run_two_at_once(execution(*devices))


@pytest.mark.parametrize("devices", [("gpu NVIDIA H200",), ("CPU", "GPU"), ("NVIDIA H200",)])
def test_an_accelerator_is_not_shared(tmp_path, roomy, devices):
    assert not Runs(Place((tmp_path,))).may_run_two_at_once(execution(*devices))


def test_a_file_that_both_would_write_keeps_them_apart(tmp_path, roomy):
    runs = Runs(Place((tmp_path / "work",)))
    inside, outside = str(tmp_path / "work" / "best.keras"), str(tmp_path / "best.keras")
    assert runs.may_run_two_at_once(execution("CPU", files=[(inside, "written")]))
    assert runs.may_run_two_at_once(execution("CPU", files=[(outside, "read 3f2a")]))
    assert not runs.may_run_two_at_once(execution("CPU", files=[(outside, "written")]))


@pytest.mark.parametrize("left", [None, 2 << 30])
def test_without_memory_for_both_they_run_one_after_the_other(tmp_path, roomy, left):
    roomy.setattr(running, "available_memory", lambda: left)
    assert not Runs(Place((tmp_path,))).may_run_two_at_once(execution("CPU"))


def test_memory_is_read_from_the_system_where_it_says(tmp_path, monkeypatch):
    assert memory.peak_of_children() >= 0
    said = tmp_path / "meminfo"
    said.write_text("MemTotal: 9 kB\nMemAvailable:    2048 kB\nSwapFree: 7 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", said)
    assert memory.available_memory() == 2 << 20
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "none")
    assert memory.available_memory() is None


WAITS = """
import json, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / f"{sys.argv[2]}.began").touch()
while sys.argv[2] == "a" and not (folder / "b.began").exists():
    time.sleep(0.01)  # for ever, where B waits for A to end
if sys.argv[2] == "b":
    time.sleep(3600)
sys.exit(3)
"""


def test_at_once_the_first_that_fails_ends_the_other(tmp_path, roomy):
    script = tmp_path / "waits.py"
    script.write_text(WAITS)
    work = tmp_path / "recordings"
    work.mkdir()
    runs = Runs()
    roomy.setattr(Runs, "may_run_two_at_once", lambda self, execution: True)
    both = [Run(script, (str(tmp_path), name)) for name in "ab"]
    executions = fix_trials.executions_of(runs, both, work, execution("CPU"))
    assert next(executions) is None
    executions.close()  # ends B, which would sleep for an hour
    assert runs.count == 2
