"""The places where Keras 2 is watched otherwise than Keras 3: `tf_keras`, and `keras` up to 2.15.

What its objects call things otherwise is told in ``keras_backend/internals.py``; here is what it
does otherwise. Data are read through a handler, not through an epoch iterator, and variables are
made by ``add_weight``. Its generators have no state that could be read.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from whydiff.core.interrupting import quietly
from whydiff.core.weakly import Weakly
from whydiff.keras_backend import patches
from whydiff.keras_backend.internals import Keras2, keras_2
from whydiff.keras_backend.keras2 import backend
from whydiff.keras_backend.patches import Patches, owner_of
from whydiff.recorder import call_hooks, event_hooks, hooks, watching
from whydiff.recorder.feed import kind_of
from whydiff.recorder.guard import unharmed
from whydiff.recorder.session import Holder, Step
from whydiff.recorder.unseen import UNSEEN
from whydiff.recorder.watch import Watch

#: Rows of arrays that are looked at together.
_ROWS = 1024


def install(holder: Holder, package: ModuleType) -> Patches:
    """Wrap the classes of a Keras 2, as ``hooks.install`` does those of Keras 3."""
    inside = keras_2(package)
    of_package = (hooks.watch_fit, hooks.watch_compile, hooks.watch_train_on_batch)
    steps: tuple[Step, ...] = (
        *(functools.partial(step, keras=package) for step in of_package),
        functools.partial(hooks.watch_steps, keras=package, backend=backend),
        *call_hooks.steps_of_both(package),
        *event_hooks.steps_of_both(package),
        functools.partial(_watch_data, inside=inside),
        functools.partial(_watch_numbers, inside=inside),
        functools.partial(_watch_variables, inside=inside),
        functools.partial(_watch_updates, keras=package),
    )
    made = patches.changed(*(functools.partial(step, holder) for step in steps))
    watching.holder = holder
    return made


def _watch_data(holder: Holder, patches: Patches, inside: Keras2) -> None:
    roles: Weakly[str] = Weakly()
    arrays: Weakly[Any] = Weakly()
    slice_inputs = inside.array_adapter.slice_inputs
    enumerate_epochs = inside.data_handler.enumerate_epochs

    @functools.wraps(slice_inputs)
    def watched_slices(self: Any, indices: Any, inputs: Any) -> Any:
        arrays[self] = inputs
        return slice_inputs(self, indices, inputs)

    @functools.wraps(enumerate_epochs)
    def watched_epochs(self: Any) -> Iterator[Any]:
        data = inside.handed_out(self)
        inside.hand_out(self, unharmed(shown, self, data, otherwise=data))
        try:
            yield from enumerate_epochs(self)
        finally:
            inside.hand_out(self, data)

    def shown(handler: Any, data: Any) -> Any:
        """The data of a fit or of a measuring call, with our eyes on them."""
        watch = holder.session.current
        if watch is None:
            running = holder.session.calls.running
            if running is None:
                return data
            _feed_call(running, handler, inside.adapter(handler), arrays, data)
            return running.tee(data) if running.sees(handler) else data
        if not watch.feed.kind:
            _begin(watch, inside.adapter(handler), arrays, data)
            roles[handler] = "training"
        elif inside.validates_with(watch.model) is handler:
            roles[handler] = "validation"
        role = roles.get(handler)
        # Callbacks of the script may evaluate and predict, too.
        varies = inside.adapter(handler) not in arrays
        return data if role is None else watch.feed.tee(data, role, varies)

    patches.replace(inside.array_adapter, "slice_inputs", watched_slices)
    patches.replace(inside.data_handler, "enumerate_epochs", watched_epochs)


def _begin(watch: Watch, adapter: Any, arrays: Any, data: Any) -> None:
    """The first data of a fit feed its training."""
    inputs = arrays.get(adapter)
    if inputs is not None and len(backend.flat(inputs)) != len(backend.flat(data.element_spec)):
        inputs = None  # weights of classes come with the batches
    rows = None if inputs is None else backend.in_row_order(inputs, _ROWS)
    watch.feed.begin(kind_of(adapter), adapter.batch_size(), rows)


def _feed_call(running: Any, handler: Any, adapter: Any, arrays: Any, data: Any) -> None:
    """The first data of a measuring call are what it is fed."""
    inputs = arrays.get(adapter)
    if inputs is not None and len(backend.flat(inputs)) != len(backend.flat(data.element_spec)):
        inputs = None
    rows = None if inputs is None else list(backend.in_row_order(inputs, 1 << 30))
    running.fed_by(handler, adapter, adapter.batch_size(), rows, handler.inferred_steps)


def _watch_numbers(holder: Holder, patches: Patches, inside: Keras2) -> None:
    """The metrics that ``evaluate`` returns as a list, by name."""
    listed = getattr(inside.training, inside.listed_metrics)

    @functools.wraps(listed)
    def watched(logs: Any, *args: Any) -> Any:
        result = listed(logs, *args)
        running = holder.session.calls.running
        if running is not None:
            unharmed(running.measured, logs, result, otherwise=None)
        return result

    patches.replace(inside.training, inside.listed_metrics, watched)


def _watch_updates(holder: Holder, patches: Patches, keras: Any) -> None:
    """Optimizers that change weights outside of anything watched."""
    owner: Any = owner_of(keras.optimizers.Optimizer, "apply_gradients")
    apply = owner.apply_gradients

    @functools.wraps(apply)
    def watched(self: Any, grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            pairs = list(grads_and_vars)
            result = apply(self, pairs, *args, **kwargs)
            if holder.session.idle:
                unharmed(updated, self, [variable for _, variable in pairs], otherwise=None)
            return result

    def updated(optimizer: Any, variables: list[Any]) -> None:
        provenance = holder.session.calls.provenance
        provenance.updated(id(optimizer), variables, "optimizer.apply_gradients")

    patches.replace(owner, "apply_gradients", watched)


def _watch_variables(holder: Holder, patches: Patches, inside: Keras2) -> None:
    """First values of the variables that layers and optimizers make."""

    def watch(owner: Any, name: str) -> None:
        make = vars(owner)[name]
        signature = inspect.signature(make)

        @functools.wraps(make)
        def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
            with UNSEEN:
                variable = make(self, *args, **kwargs)
                unharmed(made, self, variable, args, kwargs, otherwise=None)
                return variable

        def made(maker: Any, variable: Any, args: Any, kwargs: Any) -> None:
            session = holder.session
            initializer = signature.bind(maker, *args, **kwargs).arguments.get("initializer")
            if session.active is not None:
                session.active.created(variable, initializer)
            elif not session.closed:
                # A value that only a traced program knows is not read.
                with quietly():
                    session.calls.provenance.created(variable, initializer)

        patches.replace(owner, name, watched)

    for owner, name in inside.makers:
        watch(owner, name)
