"""Whole scripts on workers: equal seeds give what the pool of this machine gives."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import whydiff
from whydiff.core.errors import WhydiffError
from whydiff.core.replicas import Replica
from whydiff.experiments.study.process_pool import Limits, Pool, RemotePool, result_of
from whydiff.runner.client import Run
from whydiff.runner.executors import workers_of
from whydiff.runner.executors.archive import archived
from whydiff.runner.executors.commands import Ended
from whydiff.runner.executors.tasks import Outcome
from whydiff.testing import HANGS

SCRIPT = """
import sys
import numpy as np
from shift import SHIFT
draw = np.random.random()
if draw > 0.9: sys.exit("out of luck")
print(f"accuracy: {0.5 + SHIFT * float(sys.argv[1]) + draw / 100}")
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shift.py").write_text("SHIFT = 1.0\n")
    (tmp_path / "train.py").write_text(SCRIPT)
    return Path("train.py")


def replicas(count):
    return [
        Replica(n, {"initialization": 1, "data-order": n, "noise": 1}) for n in range(1, count + 1)
    ]


@pytest.mark.long
def test_workers_give_what_the_pool_of_this_machine_gives(script, tmp_path):
    run, limits = Run(script, ("0.25",)), Limits(None, HANGS, 2)
    (tmp_path / "runs").mkdir()
    pool = Pool(run, tmp_path / "runs", limits)
    remote = RemotePool(pool, run, limits, workers_of("loky:2"), archived(script))
    here, there = pool.train(replicas(3)), remote.train(replicas(3))
    assert [(r.replica, r.logs, r.digest, r.failure) for r in here] == [
        (r.replica, r.logs, r.digest, r.failure) for r in there
    ]
    assert len({r.digest for r in there}) == 3 and remote.at_once() == 2
    assert remote.machine["hardware"]["cpu"] == pool.machine["hardware"]["cpu"]


@pytest.mark.long
def test_a_comparison_over_workers(script):
    script.write_text("".join(line for line in SCRIPT.splitlines(True) if "luck" not in line))
    with ThreadPoolExecutor(2) as executor:
        found = whydiff.compare(
            script, arguments=["0"], b_arguments=["0.25"], executor=executor, workers=2,
            max_pairs=2,
        )  # fmt: skip
    assert found.a.engine == found.b.engine == "process" and len(found.pairs) == 2
    assert found.effect.value == pytest.approx(0.25)  # equal seeds: nothing else differs


def test_what_does_not_come_back_is_the_replicas_failure():
    replica = Replica(3)
    lost = result_of(Outcome(0, failure="its worker was lost 3 times"), replica)
    assert (lost.replica, lost.failure) == (replica, "its worker was lost 3 times")
    other = Ended(1, "whydiff: this worker has keras 3.1, not 3.2", {})
    assert result_of(Outcome(0, other), replica).failure == "this worker has keras 3.1, not 3.2"
    assert result_of(Outcome(0, Ended(3, "", {})), replica).failure == "exited with 3"
    torn = result_of(Outcome(0, Ended(0, "", {"replica.whydiff": b"torn"})), replica)
    assert torn.failure.startswith("what its worker sent cannot be read: ")


def test_an_executor_compares_whole_scripts_only(script):
    for options in ({"engine": "fused"}, {"engine": "solo"}):
        with pytest.raises(WhydiffError, match="runs whole scripts"):
            whydiff.compare(script, b_arguments=["1"], executor="processes:2", **options)
    with pytest.raises(WhydiffError, match="runs whole scripts"):
        whydiff.compare(lambda: None, lambda: 1, (1, 2), executor="processes:2")
