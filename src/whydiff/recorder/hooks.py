"""The few places where Keras is watched. Installed once, when the script imports Keras."""

from __future__ import annotations

import contextlib
import functools
import inspect
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from whydiff.core.interrupting import HANDLERS, pass_on, quietly
from whydiff.core.weakly import Weakly
from whydiff.keras_backend import adapter, patches
from whydiff.keras_backend.base import Backend
from whydiff.keras_backend.callbacks import as_given, listed
from whydiff.keras_backend.internals import (
    DEFERRED,
    RESTORED,
    held_value,
    initializer_of,
    left_out_of_tracebacks,
    package_of,
    random_initializers,
    seed_generator,
    validates_with,
    variable_base,
    variable_class,
)
from whydiff.keras_backend.patches import Patches, owner_of, see_passes
from whydiff.recorder import call_hooks, event_hooks, watching
from whydiff.recorder.guard import begun, unharmed
from whydiff.recorder.measuring.call import Measuring
from whydiff.recorder.native_files import watch_native_files
from whydiff.recorder.session import Holder, Step
from whydiff.recorder.unseen import UNSEEN
from whydiff.recorder.watch import Watch

_OURS = str(Path(__file__).resolve().parent.parent)


def install(holder: Holder) -> Patches:
    """Wrap Keras's classes so that the session sees compiles, fits, batches, steps and seeds.

    Called once per process; what it gives takes everything back. ``holder.session`` may change
    afterwards. Where Keras cannot be watched, nothing of it is changed: raises WhydiffError.
    """
    steps: tuple[Step, ...] = (
        _stay_out_of_tracebacks,
        functools.partial(watch_fit, keras=keras),
        functools.partial(watch_compile, keras=keras),
        functools.partial(watch_train_on_batch, keras=keras),
        _watch_data,
        functools.partial(watch_steps, keras=keras, backend=adapter()),
        _watch_seeds,
        _watch_variables,
        _watch_restored_variables,
        *call_hooks.steps(keras),
        *event_hooks.steps(keras),
        watch_native_files,
    )
    made = patches.install(*(functools.partial(step, holder) for step in steps))
    watching.holder = holder
    return made


def _stay_out_of_tracebacks(holder: Holder, patches: Patches) -> None:
    """Keras leaves its own frames out of an exception's traceback; ours are to go with them."""
    filtering, name, excluded = left_out_of_tracebacks()
    if filtering is not None:
        patches.replace(filtering, name, (*excluded, _OURS))


def watch_fit(holder: Holder, patches: Patches, keras: Any) -> None:
    """See every ``fit`` of models of this ``keras``."""

    def around(fit: Any) -> Any:
        signature = inspect.signature(fit)

        def passing(model: Any) -> Any:
            return holder.session.passing(model)

        @functools.wraps(fit)
        def watched_fit(self: Any, *args: Any, **kwargs: Any) -> Any:
            with UNSEEN:
                begins = functools.partial(_begin_fit, holder, signature, self, args, kwargs)
                beginning, waits = begun(begins, otherwise=None)
                if beginning is None:
                    HANDLERS.go_on(waits)
                    unwatched = unharmed(passing, self, otherwise=contextlib.nullcontext())
                    with unwatched:
                        return fit(self, *args, **kwargs)
                watch, arguments, put_back = beginning
                completed = False
                try:
                    HANDLERS.go_on(waits)
                    result = fit(self, **arguments)
                    completed = True
                    return result
                finally:
                    ends = functools.partial(holder.session.end_fit, watch, completed)
                    unharmed(_both, put_back, ends, otherwise=None)

        return watched_fit

    patches.wrap(owner_of(keras.Model, "fit"), "fit", around)


def _both(first: Callable[[], None], second: Callable[[], None]) -> None:
    unharmed(first, otherwise=None)
    second()


def _begin_fit(
    holder: Holder, signature: inspect.Signature, model: Any, args: Any, kwargs: Any
) -> tuple[Watch, dict[str, Any], Callable[[], None]] | None:
    """The watch of a fit that begins, the arguments to call it with and what to do afterwards.

    None: leave it alone.
    """
    try:
        bound = signature.bind(model, *args, **kwargs)
    except TypeError:  # Keras says it itself
        return None
    bound.apply_defaults()
    arguments = dict(list(bound.arguments.items())[1:])
    watch = holder.session.begin_fit(model, arguments)
    if watch is None:
        return None
    try:
        callbacks, put_back = _with_ours(arguments["callbacks"], watch)
        return watch, {**arguments, "callbacks": callbacks}, put_back
    except BaseException:
        holder.session.drop_fit(watch)
        raise


def watch_compile(holder: Holder, patches: Patches, keras: Any) -> None:
    """See what models of this ``keras`` are compiled with."""

    def around(compile_: Any) -> Any:
        signature = inspect.signature(compile_)

        def known(model: Any, args: Any, kwargs: Any) -> None:
            bound = signature.bind(model, *args, **kwargs)
            holder.session.compiled(model, dict(list(bound.arguments.items())[1:]))

        @functools.wraps(compile_)
        def watched_compile(self: Any, *args: Any, **kwargs: Any) -> Any:
            with UNSEEN:
                result = compile_(self, *args, **kwargs)
                unharmed(known, self, args, kwargs, otherwise=None)
                return result

        return watched_compile

    patches.wrap(owner_of(keras.Model, "compile"), "compile", around)


def watch_train_on_batch(holder: Holder, patches: Patches, keras: Any) -> None:
    """See every ``train_on_batch`` of models of this ``keras``."""
    names = ("x", "y", "sample_weight")

    def around(train: Any) -> Any:
        signature = inspect.signature(train)

        def begun(model: Any, args: Any, kwargs: Any) -> Any:
            try:
                arguments = signature.bind(model, *args, **kwargs).arguments
            except TypeError:
                return None
            loop = holder.session.loop_of(model, arguments)
            return None if loop is None else (loop, dict(arguments))

        @functools.wraps(train)
        def watched_train_on_batch(self: Any, *args: Any, **kwargs: Any) -> Any:
            with UNSEEN:
                step = unharmed(begun, self, args, kwargs, otherwise=None)
                if step is None:
                    return train(self, *args, **kwargs)
                loop, arguments = step
                with holder.session.stepping_with(loop) as watched:
                    if not watched:
                        return train(self, *args, **kwargs)
                    batch = tuple(arguments.get(name) for name in names)
                    fed = loop.show(batch)
                    if fed is not batch and fed is not None:
                        arguments |= dict(zip(names, fed, strict=True))
                    return train(**arguments)

        return watched_train_on_batch

    patches.wrap(owner_of(keras.Model, "train_on_batch"), "train_on_batch", around)


@functools.cache
def _epoch_watch(base: Any) -> Any:
    """One class for all fits: a class holds itself, and so whatever its methods hold."""

    class EpochWatch(base):  # type: ignore[misc]  # Keras has no types
        def __init__(self, watch: Watch) -> None:
            super().__init__()
            self._watch = watch

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._watch.begin_epoch(epoch)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._watch.end_epoch(epoch, logs)

    return EpochWatch


def _with_ours(callbacks: Any, watch: Watch) -> tuple[Any, Callable[[], None]]:
    """The user's callbacks with ours behind them, so that it sees logs as they end up.

    A CallbackList of the user's stays the object that it is, so it holds ours during the fit; what
    comes second takes them out again.
    """
    callback_lists = package_of(watch.model).callbacks
    theirs = listed(callbacks)
    with_ours = [
        *watch.interference.surrounded(theirs),
        _epoch_watch(callback_lists.Callback)(watch),
    ]
    if not isinstance(callbacks, callback_lists.CallbackList):
        return as_given(callbacks, with_ours), lambda: None
    added = [callback for callback in with_ours if all(callback is not one for one in theirs)]
    for callback in added:
        callback.set_model(watch.model)
    callbacks.callbacks[:] = with_ours

    def put_back() -> None:
        held = callbacks.callbacks
        held[:] = [callback for callback in held if all(callback is not one for one in added)]

    return callbacks, put_back


def _watch_data(holder: Holder, patches: Patches) -> None:
    backend = adapter()
    iterator_class: Any = backend.epoch_iterator_class()
    init = iterator_class.__init__
    # A watch knows the iterator, so the iterator's entry must not keep the watch alive.
    roles: Weakly[tuple[weakref.ref[Watch], str]] = Weakly()

    @functools.wraps(init)
    def watched_init(self: Any, *args: Any, **kwargs: Any) -> None:
        with UNSEEN:
            watch, running = holder.session.current, holder.session.calls.running
            if watch is None or isinstance(running, Measuring):
                init(self, *args, **kwargs)
                if running is not None:
                    running.claim(self)
                return
            with backend.told_order() as order:
                init(self, *args, **kwargs)
            unharmed(claim, self, watch, order, otherwise=None)

    def claim(iterator: Any, watch: Watch, order: Any) -> None:
        known = order is not None and order.known
        roles[iterator] = (weakref.ref(watch), watch.feed.claim(iterator, order if known else None))

    def seen(iterator: Any, iterable: Any) -> Any:
        return unharmed(shown, iterator, iterable, otherwise=iterable)

    def shown(iterator: Any, iterable: Any) -> Any:
        """The data of one pass, with our eyes on them where they are those of the fit."""
        running = holder.session.calls.running
        if running is not None and running.sees(iterator):
            return running.tee(iterable)
        known = roles.get(iterator)
        watch = known[0]() if known else None
        if watch is None or holder.session.current is not watch:
            return iterable
        # Callbacks of the script may evaluate and predict, too: that is no validation of fit's.
        role = known[1] if known else ""
        if role == "validation" and validates_with(watch.model) is not iterator:
            return iterable
        varies = type(iterator.data_adapter).__name__ != "ArrayDataAdapter"
        return watch.feed.tee(iterable, role, varies)

    patches.replace(iterator_class, "__init__", watched_init)
    see_passes(patches, iterator_class, seen)


def watch_steps(holder: Holder, patches: Patches, keras: Any, backend: Backend) -> None:
    """See every step of models of this ``keras``, whose backend is ``backend``."""
    trainer = owner_of(keras.Model, "make_train_function")
    make = trainer.make_train_function

    @functools.wraps(make)
    def watched_make(self: Any, force: bool = False) -> Any:
        before = self.train_function
        made = make(self, force)
        if self.train_function is not None and (self.train_function is not before or force):
            me = weakref.ref(self)

            def watcher() -> Watch | None:
                watch = holder.session.active
                return watch if watch is not None and watch.model is me() else None

            theirs = self.train_function
            self.train_function = backend.wrap_train_function(theirs, watcher)
            for said in ("__name__", "__qualname__", "__module__"):
                with contextlib.suppress(AttributeError):
                    setattr(self.train_function, said, getattr(theirs, said))
        return made if made is None else self.train_function  # Keras 2 runs what it is given

    patches.replace(trainer, "make_train_function", watched_make)


def _watch_seeds(holder: Holder, patches: Patches) -> None:
    def watch(cls: type, kind: str, held: Callable[[Any, Any], Any]) -> None:
        init = cls.__init__  # type: ignore[misc]
        signature = inspect.signature(init)

        @functools.wraps(init)
        def watched_init(self: Any, *args: Any, **kwargs: Any) -> None:
            with UNSEEN:
                init(self, *args, **kwargs)
                unharmed(drew, self, args, kwargs, otherwise=None)

        def drew(maker: Any, args: Any, kwargs: Any) -> None:
            if not holder.session.closed:
                seed = signature.bind(maker, *args, **kwargs).arguments.get("seed")
                holder.session.ledger.drew(maker, kind, seed, held(maker, seed))

        patches.replace(cls, "__init__", watched_init)

    for cls in random_initializers():
        watch(cls, "initializer", lambda self, seed: self.seed)
    watch(seed_generator(), "seed generator", _first_of_state)


def _first_of_state(generator: Any, seed: Any) -> int | None:
    """The seed that a generator starts from. Read from its state, since it may have drawn it."""
    if isinstance(seed, int):
        return seed
    try:
        return int(adapter().to_numpy(generator.state)[0])
    except Exception as error:  # made while tracing: its state has no value yet
        pass_on(error)
        return None


def _watch_variables(holder: Holder, patches: Patches) -> None:
    """Initializers of all variables; first values of those that a fit makes."""
    base: Any = variable_base()
    init = base.__init__
    owner = owner_of(variable_class(), DEFERRED)
    deferred = getattr(owner, DEFERRED)

    def tell(variable: Any, initializer: Any) -> None:
        if held_value(variable) is None:
            return
        watch = holder.session.active
        if watch is not None:
            watch.created(variable, initializer)
        elif not holder.session.closed:
            # A value that only a traced program knows is not read.
            with quietly():
                holder.session.calls.provenance.created(variable, initializer)

    @functools.wraps(init)
    def watched_init(self: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
        with UNSEEN:
            if isinstance(initializer, str):
                with quietly():  # as Keras would, so that we hold what it asks
                    initializer = keras.initializers.get(initializer)
            init(self, initializer, *args, **kwargs)
            unharmed(made, self, initializer, otherwise=None)

    def made(variable: Any, initializer: Any) -> None:
        if not holder.session.closed:
            holder.session.ledger.made(variable, initializer)
        tell(variable, initializer)

    @functools.wraps(deferred)
    def watched_deferred(self: Any) -> None:
        with UNSEEN:
            initializer = initializer_of(self)
            deferred(self)
            unharmed(tell, self, initializer, otherwise=None)

    patches.replace(base, "__init__", watched_init)
    patches.replace(owner, DEFERRED, watched_deferred)


def _watch_restored_variables(holder: Holder, patches: Patches) -> None:
    """Values that a checkpoint puts into variables as a fit makes them.

    ``tf.train.Checkpoint.restore`` waits for variables that are not there yet and fills them as
    soon as they are tracked: after they were made, before the first step.
    """
    if not hasattr(variable_class(), RESTORED):
        return

    def around(restore: Any) -> Any:
        @functools.wraps(restore)
        def watched_restore(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = restore(self, *args, **kwargs)
            watch = holder.session.active
            if watch is not None:
                watch.restored(self)
            return result

        return watched_restore

    patches.wrap(owner_of(variable_class(), RESTORED), RESTORED, around)
