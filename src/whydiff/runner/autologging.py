"""A process that attaches a recording of itself to the trackers' runs in which it trains."""

from __future__ import annotations

import atexit
import contextlib
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whydiff.core.errors import WhydiffError
from whydiff.recorder.environment import script_facts
from whydiff.recorder.guard import say, unharmed
from whydiff.runner.session_start import watch_seeds, when_keras_is_here
from whydiff.trackers import active_runs, tracker_of

if TYPE_CHECKING:
    from whydiff.runner.in_process import LateSession

_BEGUN: list[Autolog] = []


class Autolog:
    """The recording of this process, and the run in which each of its fits was."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="whydiff-")
        self._path = Path(self._folder.name) / "recording.whydiff"
        self._session: LateSession | None = None
        self.runs: dict[tuple[str, str], int] = {}  # address and id -> the first fit in it

    def begin(self) -> None:
        """Keras was just imported."""
        from whydiff.runner.in_process import LateSession, begin

        log = self

        class Session(LateSession):
            def begin_fit(self, model: Any, arguments: Mapping[str, Any]) -> Any:
                watch = super().begin_fit(model, arguments)
                if watch is not None:
                    callbacks = arguments.get("callbacks")
                    unharmed(log.fit_begins, watch.index, callbacks, otherwise=None)
                return watch

        self._session = begin(self._path, 0, sys.argv[0], Session)
        if self._session.writer is not None:
            self._session.writer.environment(script_facts(sys.argv[0]))

    def fit_begins(self, index: int, callbacks: Any) -> None:
        """Note the runs that are active, if there are any."""
        given = getattr(callbacks, "callbacks", callbacks) or ()
        for run in active_runs(given if isinstance(given, Sequence) else [given]):
            if run not in self.runs:
                self.runs[run] = index
                # Before the tracker ends its own process, which may have begun later than we did.
                atexit.unregister(self.at_exit)
                atexit.register(self.at_exit)

    def at_exit(self) -> None:
        """The process ends."""
        unharmed(self.end, otherwise=None)

    def end(self) -> None:
        """Close the recording and attach it."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._folder.cleanup)
            if self._session is None:
                return
            failed = hasattr(sys, "last_type") or hasattr(sys, "last_exc")
            self._session.close(None, completed=not failed)
            content = self._path.read_bytes()
            facts = script_facts(sys.argv[0])
            tags = {
                "whydiff.script": sys.argv[0],
                "whydiff.arguments": json.dumps(sys.argv[1:]),
                "whydiff.revision": str(facts.get("git revision", "")),
            }
            for (address, run), fit in self.runs.items():
                with_fit = {**tags, "whydiff.fit": str(fit)}
                known = {name: value for name, value in with_fit.items() if value}
                try:
                    tracker_of(address).attach(run, known, {self._path.name: content})
                except WhydiffError as error:
                    say(f"no recording is attached to run {run}: {error}")


def begin_autolog() -> None:
    """Record from the import of Keras on; at the end of the process attach what was recorded."""
    if _BEGUN or "whydiff.runner.child.main" in sys.modules:
        return
    log = Autolog()
    _BEGUN.append(log)
    watch_seeds()
    when_keras_is_here(log.begin)
    atexit.register(log.at_exit)
