"""A fit that is saved on its way, or loaded and resumed, in the process of the script.

One run goes on and saves the model after some epochs; another, in a process of its own, runs the
script up to the same fit, loads that file and resumes it. Both write down the state in which the
next epoch begins.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from whydiff.core.hybrids import Enough
from whydiff.core.resumption import Resume
from whydiff.keras_backend.callbacks import as_given, listed
from whydiff.keras_backend.patches import Patches, owner_of

#: What a callback counts or remembers is of these types; other attributes are settings and objects.
_PLAIN = (bool, int, float, str, type(None), np.generic)


def watch_for(resume: Resume, patches: Patches) -> None:
    """Let the fit in question save, or load and resume; the script ends with it."""
    import keras

    seen = [0]

    def around(fit: Any) -> Any:
        signature = inspect.signature(fit)

        def fitted(self: Any, *args: Any, **kwargs: Any) -> Any:
            seen[0] += 1
            if seen[0] != resume.fit:
                return fit(self, *args, **kwargs)
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            arguments = dict(list(bound.arguments.items())[1:])
            first, last = arguments["initial_epoch"], arguments["epochs"]
            if not first < resume.epoch < last:
                _fail(resume, f"fit {resume.fit} trains epochs {first + 1} to {last}")
            model = _loaded(resume) if resume.load else self
            given = arguments["callbacks"]
            own = listed(given)
            arguments["callbacks"] = as_given(given, [*own, _witness(resume, own)])
            if resume.load:
                arguments["initial_epoch"] = resume.epoch
            fit(model, **arguments)
            raise Enough

        return fitted

    patches.wrap(owner_of(keras.Model, "fit"), "fit", around)


def _loaded(resume: Resume) -> Any:
    import keras

    try:
        model = keras.models.load_model(resume.model)
    except Exception as error:
        _fail(resume, f"the saved model cannot be loaded: {_in_a_line(error)}")
    if getattr(model, "optimizer", None) is None:
        _fail(resume, "the model was loaded without its optimizer, so it cannot be trained")
    return model


def _witness(resume: Resume, own: list[Any]) -> Any:
    import keras

    class Witness(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch + 1 == resume.epoch and not resume.load:
                try:
                    self.model.save(resume.model)
                except Exception as error:
                    _fail(resume, f"the model cannot be saved: {_in_a_line(error)}")

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == resume.epoch:
                _write(resume, self.model, own)

    return Witness()


def _write(resume: Resume, model: Any, callbacks: list[Any]) -> None:
    arrays, names = [], []
    for kind, name, value in _variables(model):
        array = np.asarray(value)
        # NumPy's files know no bfloat16
        arrays.append(array.astype("float32") if array.dtype.kind == "V" else array)
        names.append([kind, name])
    remembered: dict[str, Mapping[str, Any]] = {}
    for number, callback in enumerate(callbacks, 1):
        plain = {k: _plain(v) for k, v in vars(callback).items() if _counts(k, v)}
        name = type(callback).__name__
        remembered[name if name not in remembered else f"{name} ({number})"] = plain
    facts = json.dumps({"names": names, "callbacks": remembered})
    numbered: dict[str, Any] = {f"v{i}": array for i, array in enumerate(arrays)}
    np.savez(resume.state, facts=np.array(facts), **numbered)


def _variables(model: Any) -> Iterator[tuple[str, str, Any]]:
    """What it is for, name and value of every variable of the model and its optimizer."""
    import keras

    trainable = {id(v) for v in model.trainable_variables}
    for variable in model.variables:
        seed = "seed_generator" in variable.path
        kind = "seed states" if seed else "weights that are not trained"
        kind = "weights" if id(variable) in trainable else kind
        yield kind, variable.path, keras.ops.convert_to_numpy(variable.value)
    for variable in model.optimizer.variables:
        name = variable.path.rpartition("/")[2]
        kind = {"iteration": "step count", "learning_rate": "learning rate"}.get(
            name, "optimizer slots"
        )
        yield kind, variable.path, keras.ops.convert_to_numpy(variable.value)


def _counts(name: str, value: Any) -> bool:
    return not name.startswith("_") and isinstance(value, _PLAIN)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _in_a_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:400] or type(error).__name__


def _fail(resume: Resume, why: str) -> NoReturn:
    Path(resume.state).write_text(json.dumps({"failure": why}))
    raise Enough
