"""The process in which a script runs, watched.

Started by the parent's ``client`` with a JSON job as its argument. Until the script
itself imports Keras nothing but the standard library is imported here, so that a script may still
set thread counts, backends and flags in ``os.environ`` before NumPy or Keras read them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.machinery
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

from whydiff.recorder import score_hooks, seedings
from whydiff.runner.child.afresh import Start
from whydiff.runner.child.imports import AroundImport, defer_tensorflow


class Job:
    """What to run: script, arguments, where to record, whether to serve replays afterwards."""

    def __init__(self, text: str) -> None:
        job = self.described = json.loads(text)
        self.script: str = job["script"]
        self.arguments: list[str] = job["arguments"]
        self.output: str = job["output"]
        self.source: str | None = job.get("source")  # patched text to run in place of the file
        self.prelude: str = job.get("prelude", "")
        self.keep_bytes: int = job.get("keep_bytes", 0)
        self.reseed: int | None = job.get("reseed")  # run with other random numbers: a replica
        self.backend: str = job.get("backend", "")  # Keras's, whatever the script chooses
        self.serve: list[int] | None = job.get("serve")  # file descriptors: commands, answers


class Watching:
    """The session that Keras reports to. One at a time; a served child may begin another."""

    def __init__(self, job: Job) -> None:
        self.session: Any = None
        self.job = job

    def arrange(self) -> None:
        """Watch Keras as soon as the script imports it."""
        sys.meta_path.insert(0, AroundImport("keras", self._watch_keras, self._keras_comes))
        sys.meta_path.insert(
            0, AroundImport(score_hooks.PACKAGE, functools.partial(score_hooks.watch_sklearn, self))
        )
        seedings.watch(lambda package, then: sys.meta_path.insert(0, AroundImport(package, then)))

    def _keras_comes(self) -> None:
        if self.job.backend:  # last word, after whatever the script put into os.environ
            os.environ["KERAS_BACKEND"] = self.job.backend

    def _watch_keras(self) -> None:
        """Watch the Keras that was just imported, or leave it as it is and say why.

        An unknown version, a disk that filled up: no reason to stop the script.
        """
        try:
            with contextlib.ExitStack() as undo:
                self._change_keras(undo)
                undo.pop_all()
        except Exception as error:
            self.session = None
            print(f"whydiff: nothing is recorded: {error}; the script goes on", file=sys.stderr)

    def _change_keras(self, undo: contextlib.ExitStack) -> None:
        from whydiff.keras_backend.internals import check_version, newer_than_tested

        check_version()
        from whydiff.recorder.hooks import install

        undo.callback(install(self).undo)
        if self.job.reseed is not None:
            from whydiff.recorder.reseeding import reseed

            undo.callback(reseed(self.job.reseed).undo)
        self.begin(self.job)
        with contextlib.suppress(Exception):  # saves time, and no more
            defer_tensorflow()
        if newer_than_tested():
            print(f"whydiff: {newer_than_tested()}", file=sys.stderr)

    def begin(self, job: Job, pins: Any = None, last: int | None = None) -> None:
        from whydiff.recorder.environment import surroundings
        from whydiff.recorder.session import Session
        from whydiff.storage import Writer

        writer = Writer(Path(job.output), job.script, job.arguments)
        writer.environment(surroundings())
        self.session = Session(writer, job.keep_bytes, pins, last)


def run_script(job: Job) -> int:
    """Execute the script as ``__main__``; its exit code. Its own traceback goes to stderr."""
    path = Path(job.script)
    module = types.ModuleType("__main__")
    loader = importlib.machinery.SourceFileLoader("__main__", str(path.absolute()))
    module.__dict__.update(
        __file__=str(path.absolute()), __loader__=loader, __cached__=None, __package__=None
    )
    sys.modules["__main__"] = module
    sys.argv = [job.script, *job.arguments]
    sys.path.insert(0, str(path.absolute().parent))  # as Python has it for a script
    source = Path(job.source).read_bytes() if job.source else path.read_bytes()
    try:
        if job.prelude:
            exec(compile(job.prelude, "<prelude>", "exec"), module.__dict__)
        exec(compile(source, str(path.absolute()), "exec"), module.__dict__)
    except SystemExit as stop:
        return _exit_code(stop)
    except KeyboardInterrupt:
        return 130
    except BaseException as error:
        if type(error).__name__ == "Enough":  # core.pins: what was asked for has been trained
            return 0
        _print_as_python_does(error)
        return 1
    return 0


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code
    print(stop.code, file=sys.stderr)
    return 1


def _print_as_python_does(error: BaseException) -> None:
    """The script's traceback without our frames, as a plain run prints it."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    sys.excepthook(type(error), error.with_traceback(frames), frames)


def main() -> int:
    job, start = Job(sys.argv[1]), Start()
    watching = Watching(job)
    if job.serve:
        start.arrange()
    watching.arrange()
    code = run_script(job)
    sys.stdout.flush()
    sys.stderr.flush()
    if watching.session is not None:
        watching.session.close(code)
    if job.serve:
        _serve(watching, start, job.serve, code)
    return code


def _serve(watching: Watching, start: Start, descriptors: list[int], code: int) -> None:
    """Say that the script is over; then train hybrids until nobody asks any more."""
    requests, answers = descriptors
    os.write(answers, (json.dumps({"exit_code": code}) + "\n").encode())
    if watching.session is None or code != 0:
        return
    from whydiff.runner.child.again import ScriptRunner
    from whydiff.runner.child.answering import serve
    from whydiff.runner.child.serving import Server

    described = {
        **watching.job.described,
        "output": watching.job.output + ".again",
        "keep_bytes": 1 << 24,
    }
    run = ScriptRunner(watching, start, Job, run_script)
    server = Server(watching.session.lives, run, described, Path(watching.job.output))
    serve(server, requests, answers)


def start() -> None:
    """Run the job, then end this process as Python would have ended it after the script."""
    code = main()
    # What the script and its libraries do at exit: files are flushed, worker processes ended.
    atexit._run_exitfuncs()
    # Threads that a script or a library left running must not keep a finished child alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
