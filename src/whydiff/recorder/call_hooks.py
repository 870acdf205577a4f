"""Where Keras is watched while a model measures: ``evaluate``, ``predict``, the model called."""

from __future__ import annotations

import builtins
import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import keras
import numpy as np

from whydiff.core.interrupting import HANDLERS, quietly
from whydiff.core.stack import in_library
from whydiff.core.unwarned import unwarned
from whydiff.core.weakly import Weakly
from whydiff.keras_backend.internals import (
    LISTED_METRICS,
    RESOLVED_ARGUMENT,
    caller_of_wrapped,
    in_stateless_scope,
    trainer_base,
)
from whydiff.keras_backend.patches import Patches, bound_method, owner_of
from whydiff.keras_backend.tracing import compiling, symbolic
from whydiff.recorder.exported_hooks import watch_exports
from whydiff.recorder.guard import begun, unharmed
from whydiff.recorder.ledger import user_stack
from whydiff.recorder.measuring.call import Measuring, Validation
from whydiff.recorder.seed_calls import StandIn
from whydiff.recorder.session import Holder, Step
from whydiff.recorder.unseen import UNSEEN

#: Method of the trainer -> kind of call.
_METHODS = {
    "evaluate": "evaluate",
    "predict": "predict",
    "test_on_batch": "evaluate",
    "predict_on_batch": "predict",
}


def _watch_methods(holder: Holder, patches: Patches, keras: Any) -> None:
    for name, kind in _METHODS.items():
        owner = owner_of(keras.Model, name)
        patches.wrap(owner, name, functools.partial(_watched, holder, name, kind))


def _watched(holder: Holder, name: str, kind: str, method: Callable[..., Any]) -> Any:
    signature = inspect.signature(method)

    @functools.wraps(method)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            if compiling():
                return method(self, *args, **kwargs)
            running, waits = begun(begins, self, args, kwargs, sys._getframe(1), otherwise=None)
            if running is None:
                HANDLERS.go_on(waits)
                return method(self, *args, **kwargs)
            call = functools.partial(method, self, *args, **kwargs)
            return _measured(holder, running, waits, call)

    def begins(model: Any, args: Any, kwargs: Any, caller: FrameType) -> Any:
        try:
            given = dict(list(signature.bind(model, *args, **kwargs).arguments.items())[1:])
        except TypeError:  # Keras says it itself
            return None
        session, hook = holder.session, ""
        fit = session.current
        if fit is not None or session.calls.running is not None:
            caller = caller_of_wrapped(caller)
            by_script = not in_library(caller.f_code.co_filename)
            hook = session.hook_at(caller) if by_script and name == kind else ""
        running = session.begin_call(kind, name, model, given, hook)
        if fit is not None and by_script and not isinstance(running, Measuring):
            fit.measured_within(name, caller.f_lineno)
        if name.endswith("_on_batch") and isinstance(running, Measuring):
            running.given(*(given.get(part) for part in ("x", "y", "sample_weight")))
        return running

    return watched


def _measured(
    holder: Holder,
    running: Measuring | Validation,
    waits: int | None,
    call: Callable[[], Any],
    outputs: int | None = None,
) -> Any:
    """What ``call`` returns, its ``outputs`` at this position of it (None: all of it) recorded."""
    completed = False
    try:
        HANDLERS.go_on(waits)
        result = call()
        completed = True
        running.gave(result if outputs is None else result[outputs])
        return result
    finally:
        unharmed(holder.session.end_call, running, completed, otherwise=None)


def _watch_numbers(holder: Holder, patches: Patches) -> None:
    """The metrics that a call of ``evaluate`` returns as a list, by name."""
    owner = owner_of(keras.Model, LISTED_METRICS)
    listed = getattr(owner, LISTED_METRICS)

    @functools.wraps(listed)
    def watched(self: Any, logs: Any) -> Any:
        with UNSEEN:
            running = holder.session.calls.running
            result = listed(self, logs)
            if running is not None and running.model is self:
                unharmed(running.measured, logs, result, otherwise=None)
            return result

    patches.replace(owner, LISTED_METRICS, watched)


def _watch_model_called(holder: Holder, patches: Patches, keras: Any) -> None:
    bound = bound_method(keras.Model, "__call__")

    @functools.wraps(keras.Model.__call__)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            call = bound(self)
            if compiling():
                return call(*args, **kwargs)
            session = holder.session
            running = session.calls.running
            if running is not None:
                running.model_runs(self)
                return call(*args, **kwargs)
            if not (
                session.idle
                and args
                and not in_library(sys._getframe(1).f_code.co_filename)
                and not symbolic((args, kwargs))
                and not in_stateless_scope()
            ):
                return call(*args, **kwargs)
            running, waits = begun(begins, self, args, kwargs, otherwise=None)
            if running is None:
                HANDLERS.go_on(waits)
                return call(*args, **kwargs)
            return _measured(holder, running, waits, functools.partial(call, *args, **kwargs))

    def begins(model: Any, args: Any, kwargs: Any) -> Measuring | None:
        running = holder.session.begin_call("call", "call", model, dict(kwargs))
        if not isinstance(running, Measuring):
            return None
        running.given(args[0] if len(args) == 1 else tuple(args))
        running.model_runs(model)
        return running

    patches.replace(keras.Model, "__call__", watched)


def _watch_stateless(holder: Holder, patches: Patches) -> None:
    """JAX's trainer calls its model without ``__call__`` when it traces a step; a script calls it
    with weights that the model itself need not have."""
    bound = bound_method(keras.Model, "stateless_call")

    @functools.wraps(keras.Model.stateless_call)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            call, session = bound(self), holder.session
            running = session.calls.running
            if running is not None:
                running.model_runs(self)
            elif session.idle and symbolic((args, kwargs)):
                with quietly():
                    session.traced(sys._getframe(1))
            if (
                running is not None
                or not session.idle
                or len(args) < 3
                or in_library(sys._getframe(1).f_code.co_filename)
                or compiling()
                or symbolic((args, kwargs))
                or in_stateless_scope()
            ):
                return call(*args, **kwargs)
            running, waits = begun(begins, self, args, kwargs, otherwise=None)
            if running is None:
                HANDLERS.go_on(waits)
                return call(*args, **kwargs)
            call = functools.partial(call, *args, **kwargs)
            return _measured(holder, running, waits, call, outputs=0)

    def begins(model: Any, args: Any, kwargs: Any) -> Measuring | None:
        trainable, others, *given = args
        arguments = {key: value for key, value in kwargs.items() if key != "return_losses"}
        begin = functools.partial(
            holder.session.begin_call, "call", "stateless_call", model, arguments
        )
        if holder.session.calls.enough_of("call"):
            begin()  # it is counted
            return None
        values = (
            *zip(model.trainable_variables, trainable, strict=True),
            *zip(model.non_trainable_variables, others, strict=True),
        )
        with keras.StatelessScope(state_mapping=values):  # what is read now are the values given
            running = begin()
        if not isinstance(running, Measuring):
            return None
        running.given(given[0] if len(given) == 1 else tuple(given))
        running.model_runs(model)
        return running

    patches.replace(keras.Model, "stateless_call", watched)


def _watch_training_flags(holder: Holder, patches: Patches) -> None:
    """The training flag of every layer, as it is resolved when the layer runs or is traced.

    Keras before 3.11 resolves it within ``__call__``, where nobody can look on.
    """
    layer: Any = keras.Layer
    resolve = vars(layer).get(RESOLVED_ARGUMENT)
    if resolve is None:
        return

    @functools.wraps(resolve)
    def watched(self: Any, argument: str, spec: Any, context: Any, kwargs: Any) -> Any:
        with UNSEEN:
            result = resolve(self, argument, spec, context, kwargs)
            if argument == "training" and not compiling():
                running = holder.session.calls.running
                if running is not None:
                    running.resolved(self, kwargs.get("training"))
            return result

    patches.replace(layer, RESOLVED_ARGUMENT, watched)


def _watch_models_made(holder: Holder, patches: Patches, keras: Any) -> None:
    base: Any = trainer_base(keras)
    init = base.__init__

    @functools.wraps(init)
    def watched(self: Any, *args: Any, **kwargs: Any) -> None:
        with UNSEEN:
            init(self, *args, **kwargs)
            if not holder.session.closed:
                with quietly():
                    holder.session.calls.models.made(self, user_stack())

    patches.replace(base, "__init__", watched)


def _watch_scores(holder: Holder, patches: Patches) -> None:
    """Metrics and losses of Keras that the script itself calls on arrays."""
    for base, kind in ((keras.metrics.Metric, "metrics"), (keras.losses.Loss, "losses")):
        patches.replace(base, "__call__", _scored(holder, base.__call__, f"keras.{kind}"))


def _by_user(frame: FrameType) -> bool:
    return not in_library(frame.f_code.co_filename)


_SCORED_ARGUMENTS = ("y_true", "y_pred", "sample_weight")


def _scored(holder: Holder, call: Callable[..., Any], module: str) -> Any:
    @functools.wraps(call)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            result = call(self, *args, **kwargs)
            if compiling() or not holder.session.idle or not _by_user(sys._getframe(1)):
                return result
            with quietly():
                if not symbolic((args, kwargs)) and not in_stateless_scope():
                    arguments = {**dict(zip(_SCORED_ARGUMENTS, args, strict=False)), **kwargs}
                    _tell_score(holder, module, self, arguments, result)
            return result

    return watched


def _tell_score(
    holder: Holder, module: str, scorer: Any, arguments: Mapping[str, Any], result: Any
) -> None:
    name = f"{module}.{type(scorer).__name__}"
    with unwarned():
        make = functools.partial(type(scorer).from_config, scorer.get_config())
    holder.session.calls.scored(name, arguments, result, make)


def _watch_metrics_fed(holder: Holder, patches: Patches) -> None:
    """A metric that the script updates itself: what it was given counts when its result is read.

    Updates by anything but the script (the model's own metrics) are passed through.
    """
    given: Weakly[list[Mapping[str, Any]]] = Weakly()

    def by_script() -> bool:
        return not compiling() and holder.session.idle and _by_user(sys._getframe(2))

    def updating(update: Callable[..., Any]) -> Any:
        @functools.wraps(update)
        def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
            with UNSEEN:
                result = update(self, *args, **kwargs)
                if by_script() and not symbolic((args, kwargs)) and not in_stateless_scope():
                    arguments = {**dict(zip(_SCORED_ARGUMENTS, args, strict=False)), **kwargs}
                    given.setdefault(self, []).append(arguments)
                return result

        return watched

    def reading(result: Callable[..., Any]) -> Any:
        @functools.wraps(result)
        def watched(self: Any) -> Any:
            with UNSEEN:
                value = result(self)
                if by_script() and len(given.get(self, ())) == 1:
                    with quietly():
                        _tell_score(holder, "keras.metrics", self, given[self][0], value)
                return value

        return watched

    def resetting(reset: Callable[..., Any]) -> Any:
        @functools.wraps(reset)
        def watched(self: Any) -> Any:
            with UNSEEN:
                given.pop(self, None)
                return reset(self)

        return watched

    for method, wrap in (
        ("update_state", updating), ("result", reading), ("reset_state", resetting)
    ):  # fmt: skip
        for owner in _metric_classes(method):
            patches.replace(owner, method, wrap(vars(owner)[method]))


def _metric_classes(method: str) -> list[Any]:
    """Classes of Keras's metrics that define ``method`` themselves."""
    classes = [value for value in vars(keras.metrics).values() if isinstance(value, type)]
    owners = [base for value in classes for base in value.__mro__ if method in vars(base)]
    return list(dict.fromkeys(owner for owner in owners if issubclass(owner, keras.metrics.Metric)))


def _watch_prints(holder: Holder, patches: Patches) -> None:
    """What the script prints, after it was printed: a number by hand is a score, too."""
    given: list[Any] = []

    def prints(args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> None:
        del kwargs, frame
        given[:] = [one for one in args if isinstance(one, (str, float, np.floating))]

    def printed(frame: FrameType) -> None:
        session = holder.session
        by_script = session is not None and not in_library(frame.f_code.co_filename)
        if by_script and session.reads_scores(frame):
            session.calls.printed(frame, tuple(given))

    patches.replace(builtins, "print", StandIn(builtins.print, before=prints, after=printed))


def steps_of_both(keras: Any) -> tuple[Step, ...]:
    """What is watched in the same way in models of Keras 3 and of Keras 2."""
    shared = (_watch_methods, _watch_model_called, _watch_models_made)
    return tuple(functools.partial(step, keras=keras) for step in shared)


def steps(keras: Any) -> tuple[Step, ...]:
    """All that is watched in Keras 3."""
    return (
        _watch_prints,
        _watch_scores,
        _watch_metrics_fed,
        *steps_of_both(keras),
        _watch_numbers,
        _watch_stateless,
        watch_exports,
        _watch_training_flags,
    )
