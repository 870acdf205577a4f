"""The session that Keras reports to in a script's process."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whydiff.core.interrupting import HANDLERS, pass_on, quietly
from whydiff.core.programs import unwatched_programs
from whydiff.recorder import score_hooks, seedings
from whydiff.recorder.opened import OPENED
from whydiff.recorder.outside import EVENTS, Outside, tells, wait_for_any
from whydiff.runner.child.imports import AroundImport, defer_tensorflow
from whydiff.runner.job import OVER, UNWATCHED, Job

if TYPE_CHECKING:
    from whydiff.core.hybrids import Pins
    from whydiff.storage import Writer


class Watching:
    """The session that Keras reports to. One at a time; a served child may begin another."""

    def __init__(self, job: Job) -> None:
        self.session: Any = None
        self.job = job
        self.serves = False  # the script is over, and the process answers requests
        self._writer: Writer | None = None  # of a recording whose session has not begun

    def arrange(self) -> None:
        """Watch Keras as soon as the script imports it, and what the script seeds."""
        OPENED.watch(*self.job.ours)
        self._arrange_for_others()
        finder = AroundImport(
            "keras", self.keras_is_here, self._keras_comes, self.keras_is_not_here
        )
        sys.meta_path.insert(0, finder)
        sys.meta_path.insert(0, AroundImport("tf_keras", self.tf_keras_is_here))
        scored = functools.partial(score_hooks.watch_sklearn, self)
        sys.meta_path.insert(0, AroundImport(score_hooks.PACKAGE, scored))
        seedings.watch(lambda package, then: sys.meta_path.insert(0, AroundImport(package, then)))

    def _arrange_for_others(self) -> None:
        """What another run could see of this one, which goes on at the same time, is told or put
        off until that is over. Where it cannot be seen all of it is."""
        job = self.job
        if not job.tells and not job.behind:
            return
        if not OPENED.watching:
            if job.behind:
                wait_for_any(Path(job.behind + OVER))
            return
        reached = (
            tells(Path(job.tells))
            if job.tells
            else functools.partial(wait_for_any, Path(job.behind + OVER))
        )
        ours = str(Path(job.output).parent)
        outside = Outside([ours, *(one["folder"] for one in job.covered)], reached)
        OPENED.outside = dict.fromkeys(EVENTS, outside.heard)

    def _keras_comes(self) -> None:
        if self.job.backend:  # last word, after whatever the script put into os.environ
            os.environ["KERAS_BACKEND"] = self.job.backend

    def keras_is_not_here(self) -> None:
        """The script failed to import Keras: a recording without trainings, and its exit code."""
        with quietly():
            self._writer = self._writer or self._opened(self.job)

    def keras_is_here(self) -> None:
        """Watch the Keras that was just imported, or leave it as it is and say why.

        An unknown version, a disk that filled up: no reason to stop the script.
        """
        version = str(getattr(sys.modules["keras"], "__version__", ""))
        self._change(self._keras_2("keras") if version.startswith("2.") else self._change_keras)

    def tf_keras_is_here(self) -> None:
        """Watch the Keras 2 that was just imported; often Keras 3 was before it, by TensorFlow."""
        self._change(self._keras_2("tf_keras"))

    def _change(self, change: Callable[[contextlib.ExitStack], None]) -> None:
        before = self.session  # of the other Keras, if that was imported
        HANDLERS.look()
        waits = HANDLERS.put_off()
        try:
            with contextlib.ExitStack() as undo:
                change(undo)
                self._begin_session()
                undo.pop_all()
        except Exception as error:
            self.session = before
            pass_on(error)
            nothing = "nothing is recorded" if before is None else "nothing of it is recorded"
            if before is None:
                with contextlib.suppress(OSError):
                    Path(self.job.output + UNWATCHED).touch()
            _say(f"{nothing}: {error}; the script goes on")
        finally:
            HANDLERS.go_on(waits)

    def _change_keras(self, undo: contextlib.ExitStack) -> None:
        from whydiff.keras_backend.internals import check_version, newer_than_tested

        check_version()
        from whydiff.recorder.hooks import install

        undo.callback(install(self).undo)
        if self.job.reseed is not None:
            from whydiff.recorder.reseeding import reseed

            undo.callback(reseed(self.job.reseed).undo)
        if self.job.resume is not None:
            from whydiff.core.resumption import Resume
            from whydiff.keras_backend import patches
            from whydiff.runner.child.resuming import watch_for

            resume = Resume(**self.job.resume)
            undo.callback(patches.install(functools.partial(watch_for, resume)).undo)
        with quietly():  # saves time, and no more
            defer_tensorflow()
        if newer_than_tested():
            _say(newer_than_tested())

    def _keras_2(self, package: str) -> Callable[[contextlib.ExitStack], None]:
        def change(undo: contextlib.ExitStack) -> None:
            from whydiff.recorder.keras2 import install

            undo.callback(install(self, sys.modules[package]).undo)

        return change

    def _begin_session(self) -> None:
        """One session for all that is watched in this process."""
        from whydiff.recorder.session import Session

        if self.session is None:
            OPENED.watch(*self.job.ours)
            # Now, while the process may still open files as it likes.
            self._writer = self._writer or self._opened(self.job)
            self.session = Session(self._writer, self.job.keep_bytes, arrays=self.job.arrays)

    def begin(
        self, job: Job, pins: Mapping[int, Pins] | None = None, last: int | None = None
    ) -> None:
        """Record another run in this process. WhydiffError where it cannot be written."""
        from whydiff.recorder.session import Session

        OPENED.forget()
        OPENED.watch(*job.ours)
        self.session = Session(self._opened(job), job.keep_bytes, pins, last)

    def _opened(self, job: Job) -> Writer:
        from whydiff.recorder.environment import script_facts, surroundings
        from whydiff.storage import Extent, Writer
        from whydiff.storage.blobs import ArrayFolder

        if job.behind:  # of two recordings the earlier one is that of the earlier run
            wait_for_any(Path(job.behind), Path(job.behind + OVER))
        output = Path(job.output)
        beside = ArrayFolder(Path(job.arrays)) if job.arrays else None
        extent = Extent(job.keep, job.every, beside)
        writer = Writer(output, job.script, job.arguments, job.force, extent)
        writer.environment({**surroundings(), **script_facts(job.script), **job.facts})
        return writer

    def leaves(self, program: str) -> bool:
        """The process becomes another program: write what is known, and whether any fit is."""
        session = self.session
        if session is None or session.closed:
            return False
        seen = session.trained_anything
        if seen:
            from whydiff.storage.sealing import REPLACED

            session.writer.environment({REPLACED: program})
        return bool(seen)

    def say_what_was_started(self) -> None:
        """Where the script itself used no Keras, what may have: processes that it started."""
        from whydiff.core.machine import started_processes, unwatched_workers

        workers = unwatched_workers(started_processes())
        for text in filter(None, (workers, unwatched_programs(list(OPENED.programs)))):
            _say(text)

    def close(self) -> None:
        """The script is over, after all that it left to its exit. Its exit code is not known yet.

        A loop that is still open ended with it, unless an exception ended it.
        """
        with quietly():
            failed = hasattr(sys, "last_type") or hasattr(sys, "last_exc")
            if self.session is None and self._writer is not None:
                self._writer.close(None)
            elif self.session is None:
                self.say_what_was_started()
            elif not self.session.closed:
                self.session.close(None, completed=not failed)


def _say(text: str) -> None:
    with quietly():
        sys.stderr.write(f"whydiff: {text}\n")
