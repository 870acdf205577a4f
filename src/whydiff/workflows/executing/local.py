"""Studying a fit of the present process: a function that builds a model, and its data."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.feeding import Untransplantable
from whydiff.store import load
from whydiff.workflows.executing.children import KEEP_BYTES
from whydiff.workflows.studying.workbench import Workbench, prepared


class _Holder:
    """The session that Keras reports to; Keras is wrapped once per process."""

    session: Any = None


_HOLDER = _Holder()


@contextlib.contextmanager
def local_bench(
    build: Callable[[], Any], data: Any, fit_arguments: Mapping[str, Any], progress: Any
) -> Iterator[Workbench]:
    """Build a model, fit it once, watched, and keep it to train replicas.

    Raises WhydiffError if ``build`` gives no compiled model or ``fit`` takes no step.
    """
    import keras

    from whydiff.capture.environment import surroundings
    from whydiff.capture.hooks import install
    from whydiff.capture.session import Session
    from whydiff.store import Writer
    from whydiff.workflows.executing.serving import Server

    if data is None and "x" not in fit_arguments:
        raise WhydiffError(
            "there are no data to fit", "whydiff.study(build, (x, y), epochs=...) takes them."
        )
    name = getattr(build, "__qualname__", repr(build))
    with tempfile.TemporaryDirectory(prefix="whydiff-") as folder:
        recording = Path(folder) / "a.whydiff"
        writer = Writer(recording, name, ())
        writer.environment(surroundings())
        first = _HOLDER.session is None
        _HOLDER.session = session = Session(writer, KEEP_BYTES)
        if first:
            install(_HOLDER)
        progress.step(f"training {name}, watched")
        try:
            model = build()
            if not isinstance(model, keras.Model):
                raise WhydiffError(
                    f"{name}() gave {type(model).__name__}, not a Keras model",
                    "It has to build a model, compile it and return it.",
                )
            given = data if isinstance(data, tuple) else () if data is None else (data,)
            # The positions of fit are x, y, batch_size; sample weights have a name.
            named = {"sample_weight": given[2]} if len(given) > 2 else {}
            model.fit(*given[:2], **{"verbose": 0, **named, **fit_arguments})
        finally:
            session.close(0)
        execution = load(recording)
        if not execution.fits or not session.lives:
            raise WhydiffError(f"fitting {name}() took no step", "Give data and epochs to fit.")
        server = Server(session.lives, lambda *described: [], {})

        def request(do: str, **arguments: Any) -> dict[str, Any]:
            try:
                answer: dict[str, Any] = getattr(server, do)(**arguments)
                return answer
            except Untransplantable as why:
                raise WhydiffError(str(why)) from None

        yield prepared(Workbench(execution, execution.fits[-1], request, Path(folder)))
