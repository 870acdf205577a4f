"""Where TensorFlow is watched for what a model was exported to: a function of a SavedModel that was
loaded counts as a call of the model that it was exported from, with the weights of that moment."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from whydiff.core.interrupting import HANDLERS, quietly
from whydiff.core.weakly import Weakly
from whydiff.keras_backend import adapter
from whydiff.keras_backend.internals import in_stateless_scope, leaves_of
from whydiff.keras_backend.patches import Patches, owner_of
from whydiff.keras_backend.tensorflow.exported import (
    LOADS,
    SAVES,
    as_tensor,
    fitting,
    function_classes,
    functions_of,
    loading_module,
    saving_module,
)
from whydiff.keras_backend.tracing import compiling, symbolic
from whydiff.keras_backend.variables import is_seed_state
from whydiff.recorder.event_hooks import keep_homes
from whydiff.recorder.guard import begun, unharmed
from whydiff.recorder.ledger import user_line
from whydiff.recorder.measuring.call import Measuring
from whydiff.recorder.measuring.provenance import SavedFile
from whydiff.recorder.session import Holder
from whydiff.recorder.unseen import UNSEEN

#: Outputs that differ by no more than this, relative to their size, are one computation's.
_ROUNDING = 1e-4


@dataclass(frozen=True, eq=False)
class _Exported:
    """What was loaded: from where, and the values that it has for the variables of the model."""

    path: str
    endpoint: str
    loaded: Any
    model: Callable[[], Any]


def watch_exports(holder: Holder, patches: Patches) -> None:
    """``model.export`` and ``tf.saved_model.save``, and what TensorFlow loads of it: on its own
    backend from the beginning, on others once a model was exported."""
    functions: Weakly[_Exported] = Weakly()
    watched_by: list[Patches] = []
    models: dict[str, weakref.ref[Any]] = {}  # by the resolved path that they were exported to

    def tensorflow() -> None:
        if "tensorflow" not in sys.modules or watched_by:
            return
        watched_by.append(patches)
        module = loading_module()
        # What tf.saved_model.load, a TFSMLayer and whoever else loads one come to.
        load = _loading(getattr(module, LOADS), holder, models, functions)
        patches.replace(module, LOADS, load)
        saves = saving_module()
        patches.replace(saves, SAVES, saving(getattr(saves, SAVES)))
        for cls in function_classes():
            patches.replace(cls, "__call__", _running(cls.__call__, holder, functions))

    def saving(save: Callable[..., Any]) -> Any:
        """``tf.saved_model.save`` of a model; where Keras saves something itself, it is no export,
        or is seen as one there."""

        @functools.wraps(save)
        def watched(obj: Any, export_dir: Any, *args: Any, **kwargs: Any) -> Any:
            result = save(obj, export_dir, *args, **kwargs)
            seen = holder.session.closed or holder.session.calls.events.inside
            if isinstance(obj, keras.Model) and not seen:
                unharmed(exported, obj, str(export_dir), otherwise=None)
            return result

        return watched

    def exporting(export: Callable[..., Any]) -> Any:
        @functools.wraps(export)
        def watched(self: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
            with UNSEEN:
                calls = holder.session.calls
                with calls.events.nested():
                    result = export(self, filepath, *args, **kwargs)
                if not holder.session.closed and not calls.events.inside:
                    unharmed(exported, self, str(filepath), otherwise=None)
                return result

        return watched

    def exported(model: Any, path: str) -> None:
        calls = holder.session.calls
        number = calls.events.enter("export", model, {"path": path})
        line = user_line()
        calls.provenance.files[str(Path(path).resolve())] = SavedFile(path, number, line=line)
        models[str(Path(path).resolve())] = weakref.ref(model)
        keep_homes(holder, model)
        tensorflow()

    if keras.backend.backend() == "tensorflow":
        tensorflow()
    patches.wrap(owner_of(keras.Model, "export"), "export", exporting)


def _loading(
    load: Callable[..., Any],
    holder: Holder,
    exported: Mapping[str, weakref.ref[Any]],
    functions: Weakly[_Exported],
) -> Any:
    @functools.wraps(load)
    def watched(export_dir: Any, *args: Any, **kwargs: Any) -> Any:
        parts = load(export_dir, *args, **kwargs)
        if isinstance(parts, dict) and "root" in parts:
            unharmed(known, parts["root"], str(export_dir), otherwise=None)
        return parts

    def known(loaded: Any, path: str) -> None:
        """Whose functions these are: of the model that was exported there, or of the only one
        that has variables of their names."""
        own = exported.get(str(Path(path).resolve()), lambda: None)()
        alive = [m for m in holder.session.calls.models.alive() if m.built and m.variables]
        models = [m for m in (alive if own is None else [own]) if _values(m, loaded)]
        for endpoint, function in functions_of(loaded) if len(models) == 1 else ():
            functions[function] = _Exported(path, endpoint, loaded, weakref.ref(models[0]))

    return watched


def _running(call: Callable[..., Any], holder: Holder, functions: Weakly[_Exported]) -> Any:
    flags: dict[tuple[int, str], bool | None] = {}

    @functools.wraps(call)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            one = functions.get(self)
            if one is None or not _concrete(holder, args, kwargs):
                return call(self, *args, **kwargs)
            measuring, waits = begun(begins, one, self, args, kwargs, otherwise=None)
            HANDLERS.go_on(waits)
            if measuring is None:
                return call(self, *args, **kwargs)
            completed = False
            try:
                result = call(self, *args, **kwargs)
                completed = True
                measuring.gave(result)
                unharmed(baked, one, measuring, _inputs(args, kwargs), result, otherwise=None)
                return result
            finally:
                unharmed(holder.session.end_call, measuring, completed, otherwise=None)

    def begins(one: _Exported, function: Any, args: Any, kwargs: Any) -> Measuring | None:
        model = one.model()
        if model is None:
            return None
        with _reading(one, model):
            running = holder.session.begin_call("call", "exported", model, {})
        if not isinstance(running, Measuring):
            return None
        names = tuple(sorted(kwargs)) if not args else ()
        again = functools.partial(_again, call, function, names, one)  # keeps what was loaded
        running.exported_to(one.path, one.endpoint, again)
        running.given(_inputs(args, kwargs))
        running.model_runs(model)
        return running

    def baked(one: _Exported, measuring: Measuring, inputs: Any, result: Any) -> None:
        """Whether the function was exported with training=True is seen from what it gives."""
        key = (id(one.loaded), one.endpoint)
        if key not in flags:
            flags[key] = _flag(one, inputs, result)
        measuring.runs_with(flags[key])

    return watched


def _again(
    call: Callable[..., Any], function: Any, names: Sequence[str], one: _Exported, inputs: Any
) -> Any:
    """What an exported function gives of these inputs, which it is given by ``names``, if any."""
    del one
    parts = inputs if isinstance(inputs, tuple) else (inputs,)
    tensors = [keras.tree.map_structure(as_tensor, part) for part in parts]
    if names:
        return call(function, **dict(zip(names, tensors, strict=True)))
    return call(function, *tensors)


def _concrete(holder: Holder, args: Any, kwargs: Any) -> bool:
    """Whether the script runs a function on values, and nothing else that is watched does."""
    given = leaves_of((args, kwargs))
    idle = holder.session.idle and bool(given) and not compiling()
    return idle and not symbolic((args, kwargs)) and not in_stateless_scope()


def _inputs(args: Any, kwargs: Mapping[str, Any]) -> Any:
    given = args or tuple(kwargs[name] for name in sorted(kwargs))
    return given[0] if len(given) == 1 else tuple(given)


def _values(model: Any, loaded: Any) -> list[tuple[Any, Any]]:
    """The variables of a model but for those that seed, each with the value loaded for it; [] where
    one has none."""
    variables = [v for v in model.variables if not is_seed_state(v)]
    values = fitting([v.path for v in variables], [tuple(v.shape) for v in variables], loaded)
    return list(zip(variables, values, strict=True)) if values else []


@contextmanager
def _reading(one: _Exported, model: Any) -> Iterator[None]:
    """The variables of a model read as what was loaded has them."""
    convert = keras.ops.convert_to_tensor
    pairs = [(v, convert(np.asarray(x), dtype=v.dtype)) for v, x in _values(model, one.loaded)]
    with keras.StatelessScope(state_mapping=pairs):
        yield


def _flag(one: _Exported, inputs: Any, result: Any) -> bool | None:
    """The training flag with which the model, with the loaded values, gives what the function gave;
    None where neither does, as where the function computes something else."""
    model, to_numpy = one.model(), adapter().to_numpy
    wanted = [np.asarray(to_numpy(leaf)) for leaf in leaves_of(result)]
    for training in (False, True):
        with quietly(), _reading(one, model):
            outputs = leaves_of(model(keras.ops.convert_to_tensor(inputs), training=training))
            given = [np.asarray(to_numpy(leaf)) for leaf in outputs]
            if len(given) == len(wanted) and all(map(_alike, given, wanted)):
                return training
    return None


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape:
        return False
    scale = float(np.max(np.abs(other), initial=0.0)) or 1.0
    return bool(np.max(np.abs(one - other), initial=0.0) <= _ROUNDING * scale)
