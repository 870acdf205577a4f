"""Every executor does what is demanded of one; on this machine, with tasks of milliseconds."""

import contextlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.runner.executors import Workers, slurm, workers_of
from whydiff.runner.executors.commands import Command, run_command
from whydiff.runner.executors.dask import local_cluster
from whydiff.runner.executors.tasks import run_tasks
from whydiff.testing import HANGS
from whydiff.testing.executors import DEMANDS, descendants, doubled, killed_once


@contextlib.contextmanager
def of_this_machine(named):
    yield workers_of(named)


@contextlib.contextmanager
def of_a_dask_cluster():
    """A scheduler and two workers, in processes of their own."""
    with local_cluster(2) as address:
        yield workers_of(f"dask://{address}")


@contextlib.contextmanager
def of_a_local_ray():
    """A Ray of its own, to which the adapter connects."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        yield workers_of("ray")
    finally:
        ray.shutdown()


@contextlib.contextmanager
def of_executorlib():
    """Its local mode: what Slurm's does, without Slurm."""
    yield Workers("executorlib", lambda: slurm.local(2))


EXECUTORS = [
    pytest.param(lambda: of_this_machine("processes:2"), id="processes"),
    pytest.param(lambda: of_this_machine("loky:2"), id="loky"),
    pytest.param(of_a_dask_cluster, id="dask"),
    pytest.param(of_a_local_ray, id="ray", marks=pytest.mark.thorough),
    pytest.param(of_executorlib, id="slurm", marks=pytest.mark.thorough),
]


@pytest.fixture(scope="module", params=EXECUTORS)
def workers(request):
    with request.param() as found:
        yield found


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand.__name__)
def test_an_executor_does_what_is_demanded(workers, demand, tmp_path):
    demand(workers, tmp_path)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_outcomes_do_not_depend_on_the_number_of_workers(count):
    found = sorted(run_tasks(workers_of(f"loky:{count}"), doubled, range(10)),
                   key=lambda outcome: outcome.number)  # fmt: skip
    assert [(o.number, o.value, o.failure) for o in found] == [(n, 2 * n, "") for n in range(10)]


def test_an_executor_of_the_callers_is_used_as_it_is_and_left_open():
    with ThreadPoolExecutor(2) as own:
        found = list(run_tasks(workers_of(own, 2), doubled, range(5)))
        assert sorted(o.value for o in found) == [0, 2, 4, 6, 8]
        assert own.submit(doubled, 4).result() == 8


def test_an_executor_of_the_callers_that_breaks_is_given_up(tmp_path):
    from loky import ProcessPoolExecutor

    own = ProcessPoolExecutor(1)
    tasks = [(str(tmp_path), number) for number in range(5)]
    found = {o.number: o for o in run_tasks(workers_of(own, 1), killed_once, tasks)}
    assert set(found) == set(range(5))
    assert found[2].failure == "the executor ProcessPoolExecutor lost its workers"
    assert all(o.value == o.number or o.failure for o in found.values())


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("thread", "there is no executor 'thread'"),
        ("processes:0", "'processes:0' is no executor"),
        ("processes:many", "Write processes:4"),
        ("dask:host", "dask://HOST:PORT"),
        ("", "there is no executor ''"),
    ],
)
def test_a_name_that_is_no_executor_is_refused(named, said):
    with pytest.raises(WhydiffError) as refused:
        workers_of(named)
    assert said in f"{refused.value} {refused.value.way_out}"


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WhydiffError, match="needs ray, which is not installed") as refused:
        workers_of("ray")
    assert refused.value.way_out == "pip install 'whydiff[ray]'"


def test_slurm_takes_as_many_tasks_as_its_allocation_has(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(WhydiffError, match="no Slurm allocation"), workers_of("slurm").open():
        pass
    assert slurm.tasks_of_allocation({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "12"}) == 12
    assert slurm.tasks_of_allocation({"SLURM_JOB_ID": "7"}) == 1


def test_files_stay_in_the_folder_of_the_command(tmp_path):
    for path in ("/etc/passwd", "../out", "a/../../b"):
        with pytest.raises(WhydiffError, match="outside of the folder"):
            run_command(Command((sys.executable, "-c", ""), files={path: b""}))


WORKER = """
import sys
from whydiff.runner.executors.commands import Command, run_command
code = "import sys, time\\nopen(sys.argv[1], 'w').close()\\ntime.sleep(3600)"
run_command(Command((sys.executable, "-c", code, sys.argv[1])))
"""


def test_a_command_ends_with_its_worker_however_that_ends(tmp_path):
    began = tmp_path / "began"
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(began)])
    wait_for(began.exists)
    started = [pid for pid in descendants(worker.pid) if "sleep(3600)" in command_of(pid)]
    assert len(started) == 1
    worker.kill()
    worker.wait()
    wait_for(lambda: not alive(started[0]))


PARENT = """
import sys
from whydiff.runner.executors import workers_of
from whydiff.runner.executors.commands import Command, run_command
from whydiff.runner.executors.tasks import run_tasks
code = "import sys, time\\nopen(sys.argv[1], 'w').close()\\ntime.sleep(3600)"
if __name__ == "__main__":
    command = Command((sys.executable, "-c", code, sys.argv[2]))
    list(run_tasks(workers_of(sys.argv[1]), run_command, [command]))
"""


@pytest.mark.parametrize("named", ["processes:2", "loky:2"])
def test_workers_of_this_machine_end_with_who_asks_them_even_killed(tmp_path, named):
    script, began = tmp_path / "parent.py", tmp_path / "began"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, script, named, began])
    wait_for(began.exists)
    started = descendants(parent.pid)
    assert any("sleep(3600)" in command_of(pid) for pid in started)
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(map(alive, started)))


def test_a_worker_whose_parent_was_gone_before_it_looked_ends_too():
    orphan = "from whydiff.runner.executors.local import end_with\nimport time\nend_with({})\n"
    mine = [sys.executable, "-c", orphan.format(0) + "time.sleep(3600)"]
    assert subprocess.run(mine, timeout=HANGS).returncode == 1


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition):
    for _ in range(int(HANGS)):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it never came")
