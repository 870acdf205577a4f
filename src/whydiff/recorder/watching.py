"""``whydiff.watch``: the one thing a script with a training loop of its own has to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

#: Whoever holds the session of this process; set when a script runs under whydiff.
holder: Any = None


class watch:  # noqa: N801 - a context manager named like a function
    """Watch a hand-written training loop.

    ``models`` are the Keras models that the loop trains, ``optimizer`` what trains them: a Keras
    or torch optimizer, or a mapping from names to optimizers where there are several. Every step
    of the loop goes through :meth:`step`::

        with whydiff.watch(model, optimizer=optimizer) as loop:
            for x, y in batches:
                loss = loop.step(train_step, x, y)

    A step in JAX passes its state along, as Keras's guide writes it, and gives it back::

                loss, state = loop.step(train_step, state, x, y)

    ``step`` calls the function with these very arguments and hands back its very result, so the
    numbers stay what they are; when the script does not run under ``whydiff`` it does nothing
    else. Arguments are told apart by what they are: values of the watched variables are state,
    other arrays are the batch, plain numbers are settings; numbers in the result are logged,
    by their key where it is a mapping.
    """

    def __init__(self, *models: Any, optimizer: Any = None) -> None:
        if not models or any(isinstance(model, list | tuple | dict) for model in models):
            raise TypeError(
                "whydiff.watch needs the models that the loop trains, one after another: "
                f"watch(generator, discriminator, optimizer=...); got {models!r:.80}"
            )
        self._models: Sequence[Any] = models
        self._optimizer = optimizer
        self._loop: Any = None

    def __enter__(self) -> watch:
        if holder is not None:
            self._loop = holder.session.open_loop(self._models, self._optimizer)
        return self

    def step(self, function: Callable[..., T], /, *arguments: Any, **keywords: Any) -> T:
        """``function(*arguments, **keywords)``, watched."""
        loop = self._loop
        if loop is None:
            return function(*arguments, **keywords)
        with holder.session.stepping_with(loop) as watched:
            if not watched:
                return function(*arguments, **keywords)
            loop.takes(function)
            other = loop.before_call(arguments, keywords)
            arguments, keywords = (arguments, keywords) if other is None else other
            result = function(*arguments, **keywords)
            loop.after_call(result)
        return result

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if self._loop is not None:
            holder.session.close_loop(self._loop, completed=kind is None)
            self._loop = None
