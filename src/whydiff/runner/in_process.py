"""Watching Keras in the running interpreter: a notebook, or a script that says so itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from whydiff.core.digests import tensor_digest
from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import BEFORE
from whydiff.keras_backend import adapter
from whydiff.keras_backend.callbacks import listed
from whydiff.keras_backend.internals import compile_settings
from whydiff.keras_backend.variables import existing_variables
from whydiff.recorder.environment import surroundings
from whydiff.recorder.hooks import install
from whydiff.recorder.measuring.call import Measuring, Validation
from whydiff.recorder.session import Session
from whydiff.recorder.watch import Watch
from whydiff.runner.session_start import watch_seeds
from whydiff.storage import Writer

#: Digests of what the fits of this process left, those that were not recorded among them.
_EARLIER: dict[str, int] = {}
#: Samples kept for training again, over all fits of one recording.
KEEP_BYTES = 1 << 30


class LateSession(Session):
    """A session that also understands models built, compiled and trained before it began."""

    def __init__(self, path: Path, keep_bytes: int, name: str = "this session") -> None:
        writer = Writer(path, name, ())
        writer.environment(surroundings())
        super().__init__(writer, keep_bytes)
        self._trained_by = self.calls.trained_by = dict(_EARLIER)

    def begin_fit(self, model: Any, arguments: Mapping[str, Any]) -> Watch | None:
        """Like any session; a train function that was made unwatched is made anew."""
        if self._learn_settings(model):
            model.train_function = None
        return super().begin_fit(model, arguments)

    def begin_call(
        self,
        kind: str,
        method: str,
        model: Any,
        arguments: Mapping[str, Any],
        hook: str = "",
    ) -> Measuring | Validation | None:
        """Like any session."""
        self._learn_settings(model)
        return super().begin_call(kind, method, model, arguments, hook)

    def _learn_settings(self, model: Any) -> bool:
        """Whether the model was compiled unwatched; then what it was compiled with is known now."""
        if self._compiled.get(model) is not None:
            return False
        known = compile_settings(model)
        if known is not None:
            arguments = dict(known)
            self._compiled[model] = arguments
            self.calls.compiled_with(model, arguments)
        return True

    def close(self, exit_code: int | None, completed: bool | None = None) -> None:
        """Like any session; what its fits left is known to later ones."""
        super().close(exit_code, completed)
        _EARLIER.update(dict.fromkeys(self._trained_by, BEFORE))


class _Holder:
    """Whom Keras reports to. Between recordings a closed session, which ignores everything."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self.installed = False

    @property
    def session(self) -> Session:
        """The session of the recording under way."""
        assert self._session is not None
        return self._session

    @session.setter
    def session(self, session: Session) -> None:
        self._session = session

    @property
    def busy(self) -> bool:
        """Whether a recording is under way."""
        return self._session is not None and not self._session.closed


_HOLDER = _Holder()


def begin(
    path: Path,
    keep_bytes: int = KEEP_BYTES,
    name: str = "this session",
    kind: type[LateSession] = LateSession,
) -> LateSession:
    """Begin to record into ``path``, as a run of ``name``, by a session of that kind.

    WhydiffError if a recording is under way already.
    """
    if _HOLDER.busy:
        raise WhydiffError(
            "this session is being recorded already", "End that recording before the next begins."
        )
    session = kind(path, keep_bytes, name)
    _HOLDER.session = session
    if not _HOLDER.installed:
        install(_HOLDER)
        _HOLDER.installed = True
    return session


class Recorder(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Records the one ``fit``, ``evaluate`` or ``predict`` that it is passed to.

    ``callbacks=[Recorder("a.whydiff")]``. Watching has to begin before the call, so Keras is hooked
    when this class is imported; nothing is recorded, and no bit changes, without a Recorder among
    the callbacks.
    """

    def __init__(self, path: str | Path = "recording.whydiff") -> None:
        super().__init__()
        self.path = Path(path)


class _Waiting(Session):
    """Between recordings: looks whether a call brings a Recorder."""

    def __init__(self) -> None:
        super().__init__(None, 0)
        self.closed = True

    def begin_fit(self, model: Any, arguments: Mapping[str, Any]) -> Watch | None:
        """Record this fit alone, if its callbacks ask for it."""
        wanted = _recorders(arguments.get("callbacks"))
        if not wanted:
            return None
        session = _HOLDER.session = _OneCall(wanted[0].path)
        watch = session.begin_fit(model, arguments)
        if watch is None:
            session.over(False)
        return watch

    def begin_call(
        self,
        kind: str,
        method: str,
        model: Any,
        arguments: Mapping[str, Any],
        hook: str = "",
    ) -> Measuring | Validation | None:
        """Record this call alone, if its callbacks ask for it."""
        del hook  # a call of its own
        wanted = _recorders(arguments.get("callbacks"))
        if not wanted:
            return None
        session = _HOLDER.session = _OneCall(wanted[0].path)
        running = session.begin_call(kind, method, model, arguments)
        if running is None:
            session.over(False)
        return running

    @contextlib.contextmanager
    def passing(self, model: Any) -> Iterator[None]:
        """Remember what the fit leaves: a recorded one may go on from there."""
        before = _digests(model)
        try:
            yield
        finally:
            _EARLIER.update(dict.fromkeys(_digests(model) - before, BEFORE))


class _OneCall(LateSession):
    """Records one call; with it the recording is over."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 0)

    def end_fit(self, watch: Watch, completed: bool) -> None:
        """The one fit is over."""
        super().end_fit(watch, completed)
        self.over(completed)

    def end_call(self, running: Measuring | Validation, completed: bool) -> None:
        """The one call is over, unless it is the validation within the one fit."""
        super().end_call(running, completed)
        if isinstance(running, Measuring):
            self.over(completed)

    def over(self, completed: bool) -> None:
        """Close the recording and wait for the next call."""
        self.close(0 if completed else 1)
        _HOLDER.session = _Waiting()


def _digests(model: Any) -> set[str]:
    """Digests of the variables of a model that hold more than one value: of constants one cannot
    tell who left them."""
    found = set()
    with contextlib.suppress(Exception):  # what we see of a fit must never stop it
        for variable in existing_variables(model):
            value = adapter().to_numpy(variable)
            if value.size and (value != value.flat[0]).any():
                found.add(tensor_digest(value))
    return found


def _recorders(callbacks: Any) -> Sequence[Recorder]:
    return [c for c in listed(callbacks) if isinstance(c, Recorder)]


def wait() -> None:
    """Hook Keras and wait for a fit with a :class:`Recorder`."""
    if not _HOLDER.busy:
        _HOLDER.session = _Waiting()
    if not _HOLDER.installed:
        install(_HOLDER)
        _HOLDER.installed = True


watch_seeds()
wait()
