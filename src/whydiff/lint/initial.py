"""Rules about initial weights: objects that repeat numbers, copies that are none."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.lint.rule import Hit, Rule
from whydiff.lint.script import Source, calls_in, keyword, method

_RANDOM_INITIALIZERS = ("Uniform", "Normal", "Orthogonal", "VarianceScaling")


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
            yield Hit.at(second, f"{name} gives every layer that holds it the same numbers")


def _clone(s: Source) -> Iterator[Hit]:
    for call in s.calls:
        plain = s.called(call) == "keras.models.clone_model"
        plain = plain and keyword(call, "clone_function") is None  # which may copy what it likes
        if plain and not _gets_weights(s, call) and not _only_a_pattern(s, call):
            yield Hit.at(call, "clone_model copies layers, not weights")


def _only_a_pattern(s: Source, clone: ast.Call) -> bool:
    """Whether the cloned model is built in the script, and is cloned and nothing else: it has no
    weights that anybody would miss."""
    cloned = clone.args[0] if clone.args else None
    made = s.assigned(cloned.id) if isinstance(cloned, ast.Name) else []
    plain = {"Sequential", "Model"}
    built = [isinstance(m, ast.Call) and s.called(m).rpartition(".")[2] in plain for m in made]
    uses = [
        s.script.parent[n]
        for n in s.nodes
        if isinstance(n, ast.Name)
        and isinstance(n.ctx, ast.Load)
        and isinstance(cloned, ast.Name)
        and n.id == cloned.id
    ]
    return bool(made) and all(built) and all(
        (isinstance(use, ast.Call) and s.called(use) == "keras.models.clone_model")
        or (isinstance(use, ast.Attribute) and use.attr in ("summary", "compile", "add"))
        for use in uses
    )  # fmt: skip


def _gets_weights(s: Source, clone: ast.Call) -> bool:
    """Whether the clone, or what holds it, is given weights; another model's do not count."""
    name = s.target(clone)
    holders = {name} if name else set()
    scope = s.scope(clone)
    returned = any(isinstance(a, ast.Return) for a in s.script.ancestors(clone)) or (
        name and any(
            isinstance(n, ast.Return) and n.value is not None
            and any(isinstance(i, ast.Name) and i.id == name for i in ast.walk(n.value))
            for n in ast.walk(scope)
        )
    )  # fmt: skip
    if returned and isinstance(scope, ast.FunctionDef):
        holders |= {s.target(c) for c in s.calls if s.called(c).endswith(scope.name)} - {""}
    if not name and not returned:
        return True  # put into a structure: nobody can say which one is given weights
    if any(_walks_weights(s, holder) for holder in holders):
        return True  # they are assigned one by one
    return any(
        method(c) in ("set_weights", "load_weights", "assign") and isinstance(c.func, ast.Attribute)
        and (ast.unparse(c.func.value) in holders
             or any(ast.unparse(c.func.value).startswith(f"{h}.") for h in holders))
        for c in s.calls
    )  # fmt: skip


def _walks_weights(s: Source, holder: str) -> bool:
    """Whether a loop goes over a model's weights and assigns something."""
    names = {f"{holder}.{n}" for n in ("weights", "variables", "trainable_weights",
                                       "trainable_variables")}  # fmt: skip
    return any(
        isinstance(loop, ast.For)
        and any(ast.unparse(n) in names for n in ast.walk(loop.iter))
        and any(method(c) == "assign" for c in calls_in(loop))
        for loop in s.nodes
    )


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
