"""The few places where Keras is watched. Installed once, when the script imports Keras."""

from __future__ import annotations

import functools
import inspect
import weakref
from typing import Any, Protocol

from whydiff.keras_backend import adapter
from whydiff.keras_backend.callbacks import listed
from whydiff.recorder import watching
from whydiff.recorder.session import Session


class Holder(Protocol):
    """Whoever holds the session that Keras reports to at the moment."""

    session: Session


def install(holder: Holder) -> None:
    """Wrap Keras's classes so that the session sees compiles, fits, batches, steps and seeds.

    Called once per process; ``holder.session`` may change afterwards.
    """
    import keras

    watching.holder = holder
    backend = adapter()
    _watch_fit(keras.Model, holder)
    _watch_train_on_batch(keras.Model, holder)
    _watch_data(backend, holder)
    _watch_steps(keras.Model, holder, backend)
    _watch_seeds(holder)
    _watch_variables(holder)


def _owner(cls: type, name: str) -> type:
    """The class in the MRO that defines ``name``: the backend's trainer, mostly."""
    return next(base for base in cls.__mro__ if name in vars(base))


def _watch_fit(model_class: type, holder: Holder) -> None:
    trainer = _owner(model_class, "fit")
    fit = trainer.fit  # type: ignore[attr-defined]
    signature = inspect.signature(fit)

    @functools.wraps(fit)
    def watched_fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(list(bound.arguments.items())[1:])
        watch = holder.session.begin_fit(self, arguments)
        if watch is None:
            return fit(self, *args, **kwargs)
        arguments["callbacks"] = _with_ours(arguments["callbacks"], watch)
        completed = False
        try:
            result = fit(self, **arguments)
            completed = True
            return result
        finally:
            holder.session.end_fit(watch, completed)

    trainer.fit = watched_fit  # type: ignore[attr-defined]

    base = _owner(model_class, "compile")
    compile_ = base.compile  # type: ignore[attr-defined]
    compile_signature = inspect.signature(compile_)

    @functools.wraps(compile_)
    def watched_compile(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = compile_(self, *args, **kwargs)
        bound = compile_signature.bind(self, *args, **kwargs)
        holder.session.compiled(self, dict(list(bound.arguments.items())[1:]))
        return result

    base.compile = watched_compile  # type: ignore[attr-defined]


def _watch_train_on_batch(model_class: type, holder: Holder) -> None:
    trainer = _owner(model_class, "train_on_batch")
    train = trainer.train_on_batch  # type: ignore[attr-defined]
    signature = inspect.signature(train)

    @functools.wraps(train)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        arguments = signature.bind(self, *args, **kwargs).arguments
        loop = holder.session.loop_of(self, arguments)
        if loop is None:
            return train(self, *args, **kwargs)
        names = ("x", "y", "sample_weight")
        with holder.session.stepping_with(loop):
            batch = tuple(arguments.get(name) for name in names)
            fed = loop.show(batch)
            if fed is not batch and fed is not None:
                arguments |= dict(zip(names, fed, strict=True))
            return train(**arguments)

    trainer.train_on_batch = watched  # type: ignore[attr-defined]


def _with_ours(callbacks: Any, watch: Any) -> Any:
    """The user's callbacks with ours behind them, so that it sees logs as they end up."""
    import keras

    class EpochWatch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            watch.begin_epoch(epoch)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            watch.end_epoch(epoch, logs)

    ours = EpochWatch()
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks.append(ours)
        ours.set_model(watch.model)
        return callbacks
    return [*watch.interference.surrounded(listed(callbacks)), ours]


def _watch_data(backend: Any, holder: Holder) -> None:
    iterator_class = backend.epoch_iterator_class()
    init = iterator_class.__init__
    get_iterator = _owner(iterator_class, "_get_iterator")._get_iterator  # type: ignore[attr-defined]
    roles: weakref.WeakKeyDictionary[Any, tuple[Any, str]] = weakref.WeakKeyDictionary()

    @functools.wraps(init)
    def watched_init(self: Any, *args: Any, **kwargs: Any) -> None:
        watch = holder.session.current
        if watch is None:
            init(self, *args, **kwargs)
            return
        with backend.told_order() as order:
            init(self, *args, **kwargs)
        known = order is not None and order.known
        roles[self] = (watch, watch.feed.claim(self, order if known else None))

    @functools.wraps(get_iterator)
    def watched_get_iterator(self: Any) -> Any:
        iterable = get_iterator(self)
        watch, role = roles.get(self, (None, ""))
        if watch is None or holder.session.current is not watch:
            return iterable
        # Callbacks of the script may evaluate and predict, too: that is no validation of fit's.
        if role == "validation" and getattr(watch.model, "_eval_epoch_iterator", None) is not self:
            return iterable
        varies = type(self.data_adapter).__name__ != "ArrayDataAdapter"
        return watch.feed.tee(iterable, role, varies)

    iterator_class.__init__ = watched_init
    iterator_class._get_iterator = watched_get_iterator


def _watch_steps(model_class: type, holder: Holder, backend: Any) -> None:
    trainer = _owner(model_class, "make_train_function")
    make = trainer.make_train_function  # type: ignore[attr-defined]

    @functools.wraps(make)
    def watched_make(self: Any, force: bool = False) -> Any:
        before = self.train_function
        made = make(self, force)
        if self.train_function is not None and (self.train_function is not before or force):
            me = weakref.ref(self)

            def watcher() -> Any:
                watch = holder.session.active
                return watch if watch is not None and watch.model is me() else None

            self.train_function = backend.wrap_train_function(self.train_function, watcher)
        return made

    trainer.make_train_function = watched_make  # type: ignore[attr-defined]


def _watch_seeds(holder: Holder) -> None:
    from keras.src.initializers.random_initializers import RandomInitializer
    from keras.src.random.seed_generator import SeedGenerator

    def watch(cls: type, kind: str, held: Any) -> None:
        init = cls.__init__  # type: ignore[misc]

        @functools.wraps(init)
        def watched_init(self: Any, seed: Any = None, *args: Any, **kwargs: Any) -> None:
            init(self, seed, *args, **kwargs)
            if not holder.session.closed:
                holder.session.ledger.drew(self, kind, seed, held(self, seed))

        cls.__init__ = watched_init  # type: ignore[misc]

    watch(RandomInitializer, "initializer", lambda self, seed: self.seed)
    watch(SeedGenerator, "seed generator", _first_of_state)


def _first_of_state(generator: Any, seed: Any) -> int | None:
    """The seed that a generator starts from. Read from its state, since it may have drawn it."""
    if isinstance(seed, int):
        return seed
    try:
        return int(adapter().to_numpy(generator.state)[0])
    except Exception:  # made while tracing: its state has no value yet
        return None


def _watch_variables(holder: Holder) -> None:
    """Initializers of all variables; first values of those that a fit makes."""
    import keras
    from keras.src.backend import Variable
    from keras.src.backend.common.variables import Variable as Base

    init = Base.__init__
    owner = _owner(Variable, "_deferred_initialize")
    deferred = owner._deferred_initialize  # type: ignore[attr-defined]

    def tell(variable: Any, initializer: Any) -> None:
        watch = holder.session.active
        if watch is not None and getattr(variable, "_value", None) is not None:
            watch.created(variable, initializer)

    @functools.wraps(init)
    def watched_init(self: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(initializer, str):  # as Keras would, so that we hold what it asks
            initializer = keras.initializers.get(initializer)
        init(self, initializer, *args, **kwargs)
        if not holder.session.closed:
            holder.session.ledger.made(self, initializer)
        tell(self, initializer)

    @functools.wraps(deferred)
    def watched_deferred(self: Any) -> None:
        initializer = self._initializer
        deferred(self)
        tell(self, initializer)

    Base.__init__ = watched_init  # type: ignore[method-assign]
    owner._deferred_initialize = watched_deferred  # type: ignore[attr-defined]
