"""What every executor must do, on tasks of milliseconds: one function per demand.

An adapter conforms if each function in ``DEMANDS`` returns without an AssertionError::

    for demand in DEMANDS:
        demand(workers, folder)

``folder`` is an empty folder that the workers see, too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from whydiff.runner.executors import Workers
from whydiff.runner.executors.commands import Command, run_command
from whydiff.runner.executors.tasks import AHEAD, ATTEMPTS, Outcome, run_tasks

Demand = Callable[[Workers, Path], None]


def doubled(task: int) -> int:
    """A task that cannot fail."""
    return 2 * task


def slow_first(task: int) -> int:
    """The first task takes longest, so that tasks end in another order than they began."""
    time.sleep(0.2 if task == 0 else 0.0)
    return task


def failing(task: int) -> int:
    """Every third task fails."""
    if task % 3 == 1:
        raise ValueError(f"no {task}")
    return task


def killed_once(task: tuple[str, int]) -> int:
    """The worker of task 2 is killed in the middle, the first time."""
    folder, number = task
    with (Path(folder) / f"begun-{number}").open("a") as file:
        file.write(f"{os.getpid()}\n")
    first = len((Path(folder) / f"begun-{number}").read_text().splitlines()) == 1
    if number == 2 and first:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def killed_always(task: int) -> int:
    """The worker of task 1 is killed every time."""
    if task == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def noted(task: tuple[str, int]) -> int:
    """A task that leaves a file when it begins, and takes a moment."""
    folder, number = task
    (Path(folder) / f"noted-{number}").touch()
    time.sleep(0.05)
    return number


def variables(task: int) -> dict[str, str]:
    """The thread variables that a worker was given by its executor."""
    del task
    return {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")}


def _collected(outcomes: Iterator[Outcome]) -> list[Outcome]:
    found = sorted(outcomes, key=lambda outcome: outcome.number)
    numbers = [outcome.number for outcome in found]
    assert numbers == list(range(len(found))), f"outcomes came twice or not at all: {numbers}"
    return found


def every_task_comes_once(workers: Workers, folder: Path) -> None:
    """Whatever the number of tasks, none included."""
    for count in (0, 1, 25):
        found = _collected(run_tasks(workers, doubled, range(count)))
        assert [outcome.value for outcome in found] == [2 * n for n in range(count)]


def order_does_not_matter(workers: Workers, folder: Path) -> None:
    """An outcome belongs to its task, whenever it comes."""
    found = _collected(run_tasks(workers, slow_first, range(8)))
    assert [outcome.value for outcome in found] == list(range(8))


def an_exception_is_the_failure_of_its_task(workers: Workers, folder: Path) -> None:
    """The others go on; the failure has the exception's name and text."""
    found = _collected(run_tasks(workers, failing, range(9)))
    for outcome in found:
        failed = outcome.number % 3 == 1
        assert outcome.failure == (f"ValueError: no {outcome.number}" if failed else "")
        assert outcome.value == (None if failed else outcome.number)


def a_killed_worker_is_replaced(workers: Workers, folder: Path) -> None:
    """Its task is begun again and counted once; every other task has its outcome."""
    tasks = [(str(folder), number) for number in range(6)]
    found = _collected(run_tasks(workers, killed_once, tasks))
    assert [outcome.value for outcome in found] == list(range(6)), found
    begun = (folder / "begun-2").read_text().splitlines()
    assert len(begun) >= 2, "the task was not begun again"


def a_task_that_kills_its_workers_fails_alone(workers: Workers, folder: Path) -> None:
    """It is given up after some attempts, and takes no other task with it."""
    found = _collected(run_tasks(workers, killed_always, range(4)))
    assert [outcome.value for outcome in found] == [0, None, 2, 3]
    assert f"lost {ATTEMPTS} times" in found[1].failure


def few_tasks_wait_at_a_time(workers: Workers, folder: Path) -> None:
    """Tasks are handed over as outcomes are taken, not all at once."""
    with workers.open() as opened:
        count = opened.count
    most = 4 * AHEAD * count
    outcomes = run_tasks(workers, noted, [(str(folder), number) for number in range(most)])
    first = next(outcomes)
    begun = len(list(folder.glob("noted-*")))
    assert begun <= AHEAD * count, f"{begun} tasks were begun before one outcome was taken"
    found = _collected(iter([first, *outcomes]))
    assert [outcome.value for outcome in found] == list(range(most))


def who_stops_taking_outcomes_stops_the_tasks(workers: Workers, folder: Path) -> None:
    """As Ctrl-C does: what was not begun is not begun any more."""
    outcomes = run_tasks(workers, noted, [(str(folder), number) for number in range(500)])
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    begun = len(list(folder.glob("noted-*")))
    time.sleep(0.5)
    after = len(list(folder.glob("noted-*")))
    with workers.open() as opened:
        assert after - begun <= AHEAD * opened.count and after < 500


def a_command_that_hangs_is_stopped(workers: Workers, folder: Path) -> None:
    """A time limit ends a command and what it has started; the others go on."""
    hangs = "import subprocess, sys, time\nprint('began', flush=True)\n" \
            "subprocess.run([sys.executable, '-c', 'import time; time.sleep(3600)'])"  # fmt: skip
    commands = [
        Command((sys.executable, "-c", code), time_limit=limit)
        for code, limit in ((hangs, 2.0), ("print('done')", 600.0))
    ]
    late, done = _collected(run_tasks(workers, run_command, commands))
    assert late.value.late and late.value.said == "began"
    assert not done.value.late and (done.value.exit_code, done.value.said) == (0, "done")


def a_command_gets_its_variables_before_it_begins(workers: Workers, folder: Path) -> None:
    """Whatever the executor has set: Dask and Ray set OMP_NUM_THREADS to 1 by themselves."""
    code = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ.get('MKL_NUM_THREADS'))"
    command = Command((sys.executable, "-c", code), {"OMP_NUM_THREADS": "3"})
    (outcome,) = _collected(run_tasks(workers, run_command, [command]))
    assert outcome.value.said == "3 None", outcome


def files_go_there_and_come_back(workers: Workers, folder: Path) -> None:
    """A command runs in a folder of its own with the files it was sent, and sends files back."""
    code = "import pathlib; p = pathlib.Path; p('out').write_bytes(p('sub/in').read_bytes() * 2)"
    sent = {"sub/in": bytes(range(256))}
    commands = [
        Command((sys.executable, "-c", code), files=sent, wanted=("out", "none")) for _ in "ab"
    ]
    for outcome in _collected(run_tasks(workers, run_command, commands)):
        assert outcome.value.files == {"out": bytes(range(256)) * 2}, outcome


def a_command_that_is_killed_is_run_again(workers: Workers, folder: Path) -> None:
    """A machine without memory kills the command, not the worker: that is a lost worker, too."""
    mark = folder / "killed"
    code = (
        "import os, pathlib, signal, sys\n"
        f"mark = pathlib.Path({str(mark)!r})\n"
        "if mark.exists(): print('again'); sys.exit(0)\n"
        "mark.touch(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (outcome,) = _collected(
        run_tasks(workers, run_command, [Command((sys.executable, "-c", code))])
    )
    assert outcome.value.said == "again", outcome


DEMANDS: tuple[Demand, ...] = (
    every_task_comes_once,
    order_does_not_matter,
    an_exception_is_the_failure_of_its_task,
    a_killed_worker_is_replaced,
    a_task_that_kills_its_workers_fails_alone,
    few_tasks_wait_at_a_time,
    who_stops_taking_outcomes_stops_the_tasks,
    a_command_that_hangs_is_stopped,
    a_command_gets_its_variables_before_it_begins,
    files_go_there_and_come_back,
    a_command_that_is_killed_is_run_again,
)


def descendants(process: int) -> list[int]:
    """Processes that ``process`` has started, and theirs."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()[1:]]
    found = [process]
    for parent in found:
        found += [pid for pid, ppid in pairs if ppid == parent]
    return found[1:]
