"""The few places where Keras 2 is watched: `tf_keras`, and `keras` up to 2.15.

What its objects call things otherwise is told in ``keras_backend/internals.py``; here is what it
does otherwise. A fit reads its data through a handler, not through an epoch iterator, and
variables are made by ``add_weight``. Its generators have no state that could be read.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from whydiff.keras_backend import patches
from whydiff.keras_backend.internals import Keras2, keras_2
from whydiff.keras_backend.keras2 import backend
from whydiff.keras_backend.patches import Patches
from whydiff.recorder import hooks
from whydiff.recorder.feed import kind_of
from whydiff.recorder.guard import unharmed
from whydiff.recorder.holder import Holder
from whydiff.recorder.unseen import UNSEEN
from whydiff.recorder.watch import Watch

#: Rows of arrays that are looked at together.
_ROWS = 1024


def install(holder: Holder, package: ModuleType) -> Patches:
    """Wrap the classes of a Keras 2, as ``hooks.install`` does those of Keras 3."""
    inside = keras_2(package)
    watched_fit = functools.partial(hooks.watch_fit, holder, keras=package)
    watched_compile = functools.partial(hooks.watch_compile, holder, keras=package)
    watched_steps = functools.partial(hooks.watch_steps, holder, keras=package, backend=backend)
    return patches.changed(
        watched_fit,
        watched_compile,
        watched_steps,
        functools.partial(_watch_data, holder, inside),
        functools.partial(_watch_variables, holder, inside),
    )


def _watch_data(holder: Holder, inside: Keras2, patches: Patches) -> None:
    roles: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
    arrays: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
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
        """The data of a fit, with our eyes on them."""
        watch = holder.session.current
        if watch is None:
            return data
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


def _watch_variables(holder: Holder, inside: Keras2, patches: Patches) -> None:
    """First values of the variables that a fit makes, of its layers and of its optimizer."""

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
            running = holder.session.active
            if running is not None:
                given = signature.bind(maker, *args, **kwargs).arguments
                running.created(variable, given.get("initializer"))

        patches.replace(owner, name, watched)

    for owner, name in inside.makers:
        watch(owner, name)
