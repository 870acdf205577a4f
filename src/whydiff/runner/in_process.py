"""Watching Keras in the running interpreter: a notebook, or a script that says so itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from whydiff.core.errors import WhydiffError
from whydiff.keras_backend.callbacks import listed
from whydiff.keras_backend.internals import compile_settings
from whydiff.recorder.environment import surroundings
from whydiff.recorder.hooks import install
from whydiff.recorder.session import Session
from whydiff.recorder.watch import Watch
from whydiff.storage import Writer

#: Samples kept for training again, over all fits of one recording.
KEEP_BYTES = 1 << 30


class LateSession(Session):
    """A session that also understands models built, compiled and trained before it began."""

    def __init__(self, path: Path, keep_bytes: int, name: str = "this session") -> None:
        writer = Writer(path, name, ())
        writer.environment(surroundings())
        super().__init__(writer, keep_bytes)

    def begin_fit(self, model: Any, arguments: Mapping[str, Any]) -> Watch | None:
        """Like any session; a train function that was made unwatched is made anew."""
        if model not in self._compiled:
            known = compile_settings(model)
            if known is not None:
                self._compiled[model] = dict(known)
            model.train_function = None
        return super().begin_fit(model, arguments)


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


def begin(path: Path, keep_bytes: int = KEEP_BYTES, name: str = "this session") -> LateSession:
    """Begin to record into ``path``, as a run of ``name``.

    WhydiffError if a recording is under way already.
    """
    if _HOLDER.busy:
        raise WhydiffError(
            "this session is being recorded already", "End that recording before the next begins."
        )
    session = LateSession(path, keep_bytes, name)
    _HOLDER.session = session
    if not _HOLDER.installed:
        install(_HOLDER)
        _HOLDER.installed = True
    return session


class Recorder(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Records the one ``fit`` it is passed to: ``callbacks=[Recorder("a.whydiff")]``.

    Watching has to begin before ``fit`` is called, so Keras is hooked when this class is
    imported; nothing is recorded, and no bit changes, without a Recorder among the callbacks.
    """

    def __init__(self, path: str | Path = "recording.whydiff") -> None:
        super().__init__()
        self.path = Path(path)


class _Waiting(Session):
    """Between recordings: looks whether a fit brings a Recorder."""

    def __init__(self) -> None:
        super().__init__(None, 0)
        self.closed = True

    def begin_fit(self, model: Any, arguments: Mapping[str, Any]) -> Watch | None:
        """Record this fit alone, if its callbacks ask for it."""
        wanted = _recorders(arguments.get("callbacks"))
        if not wanted:
            return None
        session = _OneFit(wanted[0].path)
        _HOLDER.session = session
        return session.begin_fit(model, arguments)


class _OneFit(LateSession):
    def __init__(self, path: Path) -> None:
        super().__init__(path, 0)

    def end_fit(self, watch: Watch, completed: bool) -> None:
        """The one fit is over, and with it the recording."""
        super().end_fit(watch, completed)
        self.close(0)
        _HOLDER.session = _Waiting()


def _recorders(callbacks: Any) -> Sequence[Recorder]:
    return [c for c in listed(callbacks) if isinstance(c, Recorder)]


def wait() -> None:
    """Hook Keras and wait for a fit with a :class:`Recorder`."""
    if not _HOLDER.busy:
        _HOLDER.session = _Waiting()
    if not _HOLDER.installed:
        install(_HOLDER)
        _HOLDER.installed = True


wait()
