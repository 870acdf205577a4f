"""A command on a worker: in a folder of its own, with the files that it was sent.

A worker's process may have imported anything, with any number of threads. What trains is a process
of its own, whose thread variables are set before it begins.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from whydiff.core.errors import WhydiffError
from whydiff.core.machine import THREAD_VARIABLES
from whydiff.core.temporary import temporary_folder
from whydiff.runner.executors.tasks import WorkerLost

#: As the first word of a command: the worker's own Python.
PYTHON = "{python}"
#: Characters of a command's output that come back.
_TAIL = 4000


@dataclass(frozen=True)
class Command:
    """What a worker runs. ``files`` are laid out below the folder in which it runs, by path;
    those of ``wanted`` that it leaves there come back. ``environment`` is added to the worker's,
    without the thread variables that the executor has set. ``time_limit`` is in seconds.
    """

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    time_limit: float | None = None


@dataclass(frozen=True)
class Ended:
    """How a command ended: ``said`` is the end of its output, ``late`` that it was stopped."""

    exit_code: int
    said: str
    files: Mapping[str, bytes]
    late: bool = False


def run_command(command: Command) -> Ended:
    """Run it to its end, here. Raises WorkerLost if its process was killed under it."""
    with temporary_folder() as name:
        folder = Path(name) / "work"
        folder.mkdir()
        for path, content in command.files.items():
            target = folder / _inside(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        log = Path(name) / "log"
        code, late = _run(command, folder, log)
        said = log.read_text(errors="replace")[-_TAIL:].strip()
        if code == -signal.SIGKILL and not late:
            raise WorkerLost(f"its process was killed; the end of its output: {said[-200:]}")
        kept = {p: folder / _inside(p) for p in command.wanted}
        files = {p: file.read_bytes() for p, file in kept.items() if file.is_file()}
        return Ended(code, said, files, late)


def _inside(path: str) -> PurePosixPath:
    named = PurePosixPath(path)
    if named.is_absolute() or ".." in named.parts:
        raise WhydiffError(f"{path} lies outside of the folder that was sent")
    return named


def _run(command: Command, folder: Path, log: Path) -> tuple[int, bool]:
    inherited = {k: v for k, v in os.environ.items() if k not in THREAD_VARIABLES}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable if word == PYTHON else word for word in command.words[:1]]
            + list(command.words[1:]),
            cwd=folder,
            env={**inherited, **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that it can be ended with all that it has started
        )
        with _ended_with_its_worker(process):
            try:
                return process.wait(command.time_limit), False
            except subprocess.TimeoutExpired:
                _end(process)
                return process.wait(), True
            except BaseException:
                _end(process)
                raise


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def _ended_with_its_worker(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """While it runs, a small process waits for our end, whatever ends us, and then ends it."""
    reading, writing = os.pipe()
    # `read` returns when the last writer, which is this process, is gone; "done" means all is well.
    script = f'read -r word; [ "$word" = done ] || kill -9 -{process.pid} 2>/dev/null'
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", script], stdin=reading, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(reading)
    try:
        yield
    finally:
        with contextlib.suppress(BrokenPipeError):
            os.write(writing, b"done\n")
        os.close(writing)
        threading.Thread(target=watcher.wait, daemon=True).start()
