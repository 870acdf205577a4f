"""When the two runs that try a fix share the machine, and what becomes of one nobody waits for."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from whydiff.core import machine
from whydiff.core.progress import Silent
from whydiff.core.question import Question
from whydiff.diagnosis.trials import run_trials
from whydiff.experiments.explain import fix_trials
from whydiff.fixes import Proposal
from whydiff.runner import running
from whydiff.runner.client import Run
from whydiff.runner.running import Runs
from whydiff.runner.scratch import Place
from whydiff.testing.hybrids import SimulatedTrainer, additive, compared
from whydiff.testing.sides import a_side, changed, facts, weights


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
    assert machine.peak_of_children() >= 0
    said = tmp_path / "meminfo"
    said.write_text("MemTotal: 9 kB\nMemAvailable:    2048 kB\nSwapFree: 7 kB\n")
    monkeypatch.setattr(machine, "_MEMINFO", said)
    assert machine.available_memory() == 2 << 20
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "none")
    assert machine.available_memory() is None


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


class CountedRuns(Runs):
    """Runs that are over at once: each takes what it recorded from a list.

    ``again`` is what A's process records when its script runs in it again, or what A's and B's do.
    """

    def __init__(self, again, *new):
        super().__init__()
        self.processes, self._new = 0, list(new)
        self.under_way = self.most_at_once = 0
        self._again = list(again) if isinstance(again, tuple) else [again]

    def may_run_two_at_once(self, earlier, peak=0):
        return True

    def begin(self, run, folder, name, *, serve=True):
        assert not serve and run.keep == "none" and run.purpose == "trial"
        self.processes += 1
        return SimpleNamespace(kill=lambda: None, close=lambda: None)

    def wait(self, child, time_limit=None):
        made = self._new.pop(0)
        return SimpleNamespace(execution=made, succeeded=made is not None, close=lambda: None,
                               trained_before_it_failed=False)  # fmt: skip

    def run_again(self, child, run, recording):
        assert run.keep == "none" and run.purpose == "trial"
        made = self._again.pop(0)
        self.under_way += 1

        def wait():
            self.most_at_once, self.under_way = max(self.most_at_once, self.under_way), 0
            return made

        return wait


A = a_side()
B = changed(A, {"steps": A.fit.steps + 1, "final": weights(7)}, initialization=weights(1))


SCRIPT = "import os\nimport keras\nmodel = build()\n"
FIXED = SCRIPT.replace("model", "keras.utils.set_random_seed(0)\nmodel")


def tried(tmp_path, monkeypatch, runs, between="runs", used=1, **proposal):
    """Whether a fix of the initial weights works, as ``runs`` have it, with ``used`` processes."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    both = [Run(script)] * 2
    monkeypatch.setattr(fix_trials, "_runs", lambda *_: both)
    child = SimpleNamespace(run=both[0])
    sides = SimpleNamespace(compared=compared(A, B, between), child_a=child, child_b=child)
    fix = Proposal(**{"source": FIXED, "patch": "", "prelude": "", "environment": {},
                      "targets": ("initialization",), "how": ""} | proposal)  # fmt: skip
    return fix_trials._try(sides, runs, fix, tmp_path / "fix", [object()] * used)[0]


def test_a_fix_that_works_takes_one_new_process(tmp_path, monkeypatch):
    runs = CountedRuns(A.execution, A.execution)
    assert tried(tmp_path, monkeypatch, runs)
    assert runs.processes == 1


@pytest.mark.parametrize("again", [B.execution, None])
def test_what_fails_in_a_used_process_is_tried_in_two_new_ones(tmp_path, monkeypatch, again):
    """State that an earlier run left there speaks for no fix, and against none."""
    runs = CountedRuns(again, A.execution, A.execution)
    assert tried(tmp_path, monkeypatch, runs)
    assert runs.processes == 2


def test_a_used_process_proves_nothing_by_itself(tmp_path, monkeypatch):
    runs = CountedRuns(A.execution, B.execution, A.execution)
    assert not tried(tmp_path, monkeypatch, runs)
    assert runs.processes == 2
    (tmp_path / "fix").rmdir()
    runs = CountedRuns(A.execution, None)
    assert not tried(tmp_path, monkeypatch, runs), "the changed script failed in a new process"
    assert runs.processes == 1


def test_where_both_ran_their_two_processes_are_enough(tmp_path, monkeypatch):
    runs = CountedRuns((A.execution, A.execution))
    assert tried(tmp_path, monkeypatch, runs, used=2)
    assert runs.processes == 0 and runs.most_at_once == 2


@pytest.mark.parametrize(
    "again", [(None, A.execution), (A.execution, None), (A.execution, B.execution)]
)
@pytest.mark.parametrize("new", [A.execution, B.execution])
def test_what_fails_where_both_ran_says_nothing(tmp_path, monkeypatch, again, new):
    runs = CountedRuns(again, A.execution, new)
    assert tried(tmp_path, monkeypatch, runs, used=2) is (new is A.execution)
    assert runs.processes == 2


BEFORE = "import random\nrandom.seed(0)\n" + SCRIPT


@pytest.mark.parametrize("change", [
    {"source": BEFORE}, {"prelude": "import random\nrandom.seed(0)"},
    {"source": FIXED, "source_b": BEFORE},
    {"source": SCRIPT.replace("os", "os, random").replace("model", "random.seed(0)\nmodel")},
])  # fmt: skip
def test_what_acts_before_keras_is_imported_needs_a_process_without_it(
    tmp_path, monkeypatch, change
):
    runs = CountedRuns(A.execution, A.execution)
    assert tried(tmp_path, monkeypatch, runs, used=2, **change)
    assert runs.processes == 1


def test_an_argument_of_the_scripts_own_acts_where_the_script_reads_it(tmp_path, monkeypatch):
    runs = CountedRuns((A.execution, A.execution))
    assert tried(tmp_path, monkeypatch, runs, used=2, source=SCRIPT, arguments=("--seed", "0"))
    assert runs.processes == 0


@pytest.mark.parametrize("change", [{"environment": {"TF_DETERMINISTIC_OPS": "1"}},
                                    {"packages": ("keras==3.3.0",)}])  # fmt: skip
def test_what_is_set_before_python_starts_needs_new_processes(tmp_path, monkeypatch, change):
    runs = CountedRuns(None, A.execution, A.execution)
    assert tried(tmp_path, monkeypatch, runs, **change)
    assert runs.processes == 2


def test_fits_of_one_run_are_judged_run_by_run(tmp_path, monkeypatch):
    """Here both fits are one, which agrees with itself; a run of fewer fits does not count."""
    runs = CountedRuns(A.execution, A.execution)
    assert tried(tmp_path, monkeypatch, runs, "fits") and runs.processes == 1
    (tmp_path / "fix").rmdir()
    runs = CountedRuns(A.execution, replace(A.execution, fits=()))
    assert not tried(tmp_path, monkeypatch, runs, "fits") and runs.processes == 1


@pytest.mark.parametrize(
    ("change", "may"),
    [
        ({}, True),
        ({"exit_code": 1}, False),
        ({"seconds": 61.0}, False),
        ({"process_id": -1}, False),
    ],
)
def test_when_a_fix_may_be_tried_in_a_used_process(monkeypatch, change, may):
    child = SimpleNamespace(**{"exit_code": 0, "seconds": 9.0, "process_id": os.getpid(),
                               "run": Run(None)} | change)  # fmt: skip
    assert fix_trials.may_run_again(child, A.execution, CountedRuns(None)) is may


def test_a_change_after_which_both_agree_repaired_all_that_differed(monkeypatch, tmp_path):
    """The script's own option for a seed comes first; what it was not made for agrees, too."""
    a = a_side()
    b = changed(a, optimizer=facts(a, "optimizer", learning_rate=0.01), initialization=weights(3),
                measurement=facts(a, "measurement", metrics=["mae"]),  # changes no weight
                fit={"final": weights(7)})  # fmt: skip
    sides = compared(a, b, "runs")
    own = Proposal("", "", "", {}, ("initialization",), "Gives it its seed.", arguments=("-s", "0"))
    more = replace(own, targets=("initialization", "optimizer"), arguments=(), prelude="seed()")
    monkeypatch.setattr(fix_trials, "proposals", lambda *given, **options: [own, more])
    monkeypatch.setattr(fix_trials, "pins", lambda *given: [])
    tried = []

    def agree(sides, runs, proposal, folder, used):
        tried.append(proposal)
        return True, fix_trials.AGREE

    monkeypatch.setattr(fix_trials, "_try", agree)
    effects = {"optimizer": (1.0, 0.0), "initialization": (0.0, 1.0)}
    trainer = SimulatedTrainer(sides.movable(), additive(effects))
    trials = run_trials(trainer, sides.movable(), None, Silent())
    script = tmp_path / "train.py"
    script.write_text("import keras\n")
    run = Run(script)
    running = SimpleNamespace(compared=sides, child_a=SimpleNamespace(run=run), child_b=None)
    asked = SimpleNamespace(question=Question(("train.py",)), folder=tmp_path, progress=Silent(),
                            runs=SimpleNamespace(no_time_for=lambda what: False))  # fmt: skip
    remedy = fix_trials.try_fixes(asked, running, trials)
    assert tried == [own]
    assert set(remedy.confirms) == {"optimizer", "initialization"}
    assert "-s 0" in remedy.patch
    wanted = []
    monkeypatch.setattr(
        fix_trials, "proposals", lambda *given, **_: wanted.append(given[2].causes) or []
    )
    for ignored in (("optimizer",), ("optimizer", "initialization")):
        asked.question = Question(("train.py",), ignore_sources=ignored)
        fix_trials.try_fixes(asked, running, trials)
    assert wanted == [["initialization"]]  # and where all is ignored nothing is proposed
