"""What one training trains: a model with its optimizers, or several models as one.

``fit`` trains a Keras model, and that model stands for itself. A loop of the script's own may
train several models with several optimizers; :class:`Subject` makes them look like one. The
other rooms ask the functions here and never mind which of the two they hold.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from whydiff.core.weakly import Weakly
from whydiff.keras_backend.internals import companion, layer_tree, package_of


class Subject:
    """Models trained together by a loop, and the optimizers it uses by name ("" for the only one).

    ``generators`` are seed generators outside the models that the loop may draw from.
    """

    stop_training = False
    steps_per_execution = 1
    jit_compile = run_eagerly = False
    train_function = None

    def __init__(
        self, models: Sequence[Any], optimizers: Mapping[str, Any], generators: Mapping[str, Any]
    ) -> None:
        self.models = tuple(models)
        self.optimizers = dict(optimizers)
        self.generators = dict(generators)
        self.name = " and ".join(str(model.name) for model in models)

    @property
    def optimizer(self) -> Any:
        """The only optimizer; None where there are none or several."""
        return next(iter(self.optimizers.values())) if len(self.optimizers) == 1 else None

    @property
    def trainable_variables(self) -> list[Any]:
        return _unique(v for model in self.models for v in model.trainable_variables)

    @property
    def non_trainable_variables(self) -> list[Any]:
        return _unique(v for model in self.models for v in model.non_trainable_variables)


def _unique(variables: Any) -> list[Any]:
    return list({id(v): v for v in variables}.values())


def models_of(subject: Any) -> tuple[Any, ...]:
    """The models of a subject; a model is its own."""
    return subject.models if isinstance(subject, Subject) else (subject,)


def layers_of(subject: Any) -> list[Any]:
    """The models of a subject and all their layers, whatever holds others before what it holds."""
    return [layer for model in models_of(subject) for layer in layer_tree(model)]


def title_of(subject: Any) -> str:
    """``Sequential 'sequential_1'``, for people."""
    return " and ".join(f"{type(m).__name__} {m.name!r}" for m in models_of(subject))


def optimizers_of(subject: Any) -> dict[str, Any]:
    """Optimizers by name: "" for the one given to ``compile``, else the attribute that holds it.

    A model with a train step of its own may hold more (a generator's and a discriminator's).
    """
    if isinstance(subject, Subject):
        return subject.optimizers
    own = getattr(subject, "optimizer", None)  # none before the model is compiled
    found = {} if own is None else {"": own}
    kind = package_of(subject).optimizers.Optimizer
    for name, value in vars(subject).items():
        if isinstance(value, kind) and value is not own:
            found[name] = value
    return {name: o for name, o in found.items() if not name or o is not found.get("")}


def generators_of(subject: Any) -> dict[str, Any]:
    """Seed generators that the subject names besides those inside its models."""
    return subject.generators if isinstance(subject, Subject) else {}


Value = TypeVar("Value")
_numbers = itertools.count()


class BesideModels(Generic[Value]):
    """A value per model, which may refer to the model.

    In a ``WeakKeyDictionary`` such a value would keep its own key alive, and a script that trains
    many models would run out of memory. So the model holds it, where no attribute of it shows that.
    """

    def __init__(self) -> None:
        self._name = f"whydiff {next(_numbers)}"
        self._others: Weakly[Value] = Weakly()

    def __setitem__(self, model: Any, value: Value) -> None:
        held = companion(model)
        if held is None:
            self._others[model] = value
        else:  # a shallow copy of the model shares it
            held[self._name] = id(model), value

    def get(self, model: Any) -> Value | None:
        """The value of a model, None where there is none."""
        held = companion(model)
        if held is None:
            return self._others.get(model)
        owner, value = held.get(self._name, (None, None))
        return value if owner == id(model) else None
