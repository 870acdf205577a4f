"""Studying a fit of the present process: a function that builds a model, and its data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Progress
from whydiff.core.temporary import temporary_folder
from whydiff.experiments.study.replica_trainer import ReplicaTrainer, prepared
from whydiff.runner.client import KEEP_BYTES
from whydiff.storage import load


@contextlib.contextmanager
def local_bench(
    build: Callable[[], Any], data: Any, fit_arguments: Mapping[str, Any], progress: Progress
) -> Iterator[ReplicaTrainer]:
    """Build a model, fit it once, watched, and keep it to train replicas.

    Raises WhydiffError if ``build`` gives no compiled model or ``fit`` takes no step.
    """
    import keras

    from whydiff.runner import in_process
    from whydiff.runner.in_process_client import InProcessClient

    if data is None and "x" not in fit_arguments:
        raise WhydiffError(
            "there are no data to fit", "whydiff.study(build, (x, y), epochs=...) takes them."
        )
    name = getattr(build, "__qualname__", repr(build))
    with temporary_folder() as folder:
        recording = Path(folder) / "a.whydiff"
        session = in_process.begin(recording, KEEP_BYTES, name)
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
            in_process.wait()
        execution = load(recording)
        if not execution.fits or not session.lives:
            raise WhydiffError(f"fitting {name}() took no step", "Give data and epochs to fit.")
        client = InProcessClient(session.lives, recording, each_epoch=progress.epochs)
        yield prepared(ReplicaTrainer(execution, execution.fits[-1], client))
