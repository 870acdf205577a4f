"""Rules about initial weights: objects that repeat numbers, copies that are none."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.lint.rule import Hit, Rule
from whydiff.lint.script import Source, method

_RANDOM_INITIALIZERS = ("Uniform", "Normal", "Orthogonal", "VarianceScaling")


def _hit(node: ast.expr | ast.stmt, what: str) -> Hit:
    return Hit(node.lineno, node.col_offset, what)


def _shared_initializer(s: Source) -> Iterator[Hit]:
    for call in s.calls:
        called = s.called(call)
        name = s.target(call)
        short = called.rpartition(".")[2]
        if not name or not called.startswith("keras.initializers."):
            continue
        if not short.endswith(_RANDOM_INITIALIZERS):
            continue
        uses = [
            k.value
            for c in s.calls
            for k in c.keywords
            if (k.arg or "").endswith("_initializer")
            and isinstance(k.value, ast.Name)
            and k.value.id == name
        ]
        repeated = bool(uses) and any(set(s.loops(u)) - set(s.loops(call)) for u in uses)
        if len(uses) > 1 or repeated:
            second = uses[1] if len(uses) > 1 else uses[0]
            yield _hit(second, f"{name} gives every layer that holds it the same numbers")


def _clone(s: Source) -> Iterator[Hit]:
    copies = any(method(c) in ("set_weights", "load_weights") for c in s.calls)
    for call in s.calls:
        if s.called(call) == "keras.models.clone_model" and not copies:
            yield _hit(call, "clone_model copies layers, not weights")


RULES = (
    Rule(
        "WD108",
        "shared-initializer",
        "one initializer object for several layers",
        "An initializer returns the same numbers at every call, so layers of one shape start with "
        "identical weights, without a warning.",
        'One initializer per layer, or its name as a string: kernel_initializer="glorot_uniform".',
        _shared_initializer,
        "import keras\n\ninit = keras.initializers.GlorotUniform(seed=1)\n"
        "a = keras.layers.Dense(8, kernel_initializer=init)\n"
        "b = keras.layers.Dense(8, kernel_initializer=init)\n",
        "import keras\n\n"
        "a = keras.layers.Dense(8, kernel_initializer=keras.initializers.GlorotUniform(seed=1))\n"
        "b = keras.layers.Dense(8, kernel_initializer=keras.initializers.GlorotUniform(seed=2))\n",
        "shared-initializer",
    ),
    Rule(
        "WD109",
        "clone-without-weights",
        "clone_model, and no weights copied",
        "keras.models.clone_model draws new initial weights.",
        "clone.set_weights(model.get_weights())",
        _clone,
        "import keras\n\n\ndef twin(model):\n    return keras.models.clone_model(model)\n",
        "import keras\n\n\ndef twin(model):\n    clone = keras.models.clone_model(model)\n"
        "    clone.set_weights(model.get_weights())\n    return clone\n",
        "clone-model",
    ),
)
