"""Tasks on workers that may be lost: each is done once, whoever does it and in whatever order."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.runner.executors import Opened, Workers

#: How often a task is begun whose worker is lost.
ATTEMPTS = 3
#: Tasks handed to an executor for each that it runs at a time: more would only wait there.
AHEAD = 2
#: How libraries that need not be installed name a worker that was lost.
_LOST = frozenset(
    ("KilledWorker", "CommClosedError", "FutureCancelledError", "WorkerCrashedError",
     "NodeDiedError", "ExecutorlibSocketError", "TaskCancelledError", "OutOfMemoryError")
)  # fmt: skip


class WorkerLost(Exception):
    """What a task raises whose process was killed under it: it is done again."""


@dataclass(frozen=True)
class Outcome:
    """What became of task ``number``: a value, or why there is none."""

    number: int
    value: Any = None
    failure: str = ""


def run_tasks(
    workers: Workers, function: Callable[[Any], Any], tasks: Sequence[Any]
) -> Iterator[Outcome]:
    """The outcome of ``function(task)`` for every task, as they come; each number comes once.

    An exception in a task is its failure. A task whose worker is lost is done again, alone, so
    that one which kills its workers takes no other with it; after ``ATTEMPTS`` it fails. Whoever
    stops taking outcomes (Ctrl-C) stops the tasks that run.
    """
    run = _Run(function, tasks)
    while run.open:
        alone = bool(run.suspects)
        with workers.open() as opened:
            yield from run.on(opened, alone)
        if run.broken and not workers.renewed and run.open:
            yield from run.given_up(f"the executor {workers.name} lost its workers")


class _Run:
    """What is still to be done, and how often it was begun."""

    def __init__(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> None:
        self._function, self._tasks = function, tasks
        self._waiting = deque(range(len(tasks)))
        self.suspects: deque[int] = deque()
        self._tries: Counter[int] = Counter()
        self._running: dict[Future[Any], int] = {}
        self.broken = False

    @property
    def open(self) -> bool:
        """Whether a task has no outcome."""
        return bool(self._waiting or self.suspects)

    def on(self, opened: Opened, alone: bool) -> Iterator[Outcome]:
        """Outcomes until nothing is left (with ``alone``: no suspect) or the executor breaks."""
        self.broken = False
        queue = self.suspects if alone else self._waiting
        most = 1 if alone else AHEAD * opened.count
        try:
            while queue or self._running:
                self._submit(opened, queue, most)
                for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                    yield from self._outcome(future, self._running.pop(future))
                if self.broken:
                    self._lose_all()
                    return
        finally:
            for future in self._running:
                future.cancel()

    def _lose_all(self) -> None:
        """Whatever else ran on an executor that broke is lost with it."""
        for future, number in self._running.items():
            future.cancel()
            self._lost(number)
        self._running.clear()

    def _submit(self, opened: Opened, queue: deque[int], most: int) -> None:
        while queue and len(self._running) < most:
            number = queue.popleft()
            self._tries[number] += 1
            try:
                future = opened.executor.submit(self._function, self._tasks[number])
            except (BrokenExecutor, RuntimeError) as error:  # it broke since we looked
                future = Future()
                future.set_exception(
                    error if isinstance(error, BrokenExecutor) else BrokenExecutor(str(error))
                )
            self._running[future] = number

    def _outcome(self, future: Future[Any], number: int) -> Iterator[Outcome]:
        try:
            value = future.result()
        except (Exception, CancelledError) as error:
            self.broken = self.broken or isinstance(error, BrokenExecutor)
            if not _is_lost(error):
                yield Outcome(number, failure=_told(error))
            elif self._tries[number] < ATTEMPTS:
                self._lost(number)
            else:
                lost = f"its worker was lost {ATTEMPTS} times: {_told(error)}"
                yield Outcome(number, failure=lost)
        else:
            yield Outcome(number, value)

    def _lost(self, number: int) -> None:
        self.suspects.append(number)

    def given_up(self, why: str) -> Iterator[Outcome]:
        """Everything that is left fails."""
        for queue in (self.suspects, self._waiting):
            while queue:
                yield Outcome(queue.popleft(), failure=why)


def _is_lost(error: BaseException) -> bool:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, BrokenExecutor | CancelledError | WorkerLost) or bool(kinds & _LOST)


def _told(error: BaseException) -> str:
    error = getattr(error, "cause", None) or error  # Ray's errors hold the task's own
    if isinstance(error, WhydiffError):
        return str(error)
    said = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
