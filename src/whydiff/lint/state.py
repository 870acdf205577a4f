"""Rules about what one training leaves to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.lint.rule import Hit, Rule
from whydiff.lint.script import Source, calls_in, constant, keyword, method

_FOLD_WORDS = ("fold", "train_index", "train_idx", "test_idx", "test_index", "val_idx")


def _layer_names(s: Source) -> dict[str, ast.expr]:
    """Names that hold a layer object or a list of them, with what was assigned."""
    found = {}
    for node in s.nodes:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        parts = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
        made = [s.layer(p) for p in parts]
        if made and all(made) and not all(kind in ("Input", "InputLayer") for kind in made):
            found[node.targets[0].id] = node.value
    return found


def _shared_layers(s: Source) -> Iterator[Hit]:
    """Layers made outside a loop and put into a model in each of its turns."""
    layers = _layer_names(s)
    for model in s.builders:
        loops = s.loops(model)
        used = [
            n for a in (*model.args, *(k.value for k in model.keywords)) for n in ast.walk(a)
            if isinstance(n, ast.Name) and n.id in layers
        ]  # fmt: skip
        for name in used:
            outside = set(loops) - set(s.loops(layers[name.id]))
            same = s.scope(layers[name.id]) is s.scope(model)
            trained = any(c in s.fits for loop in outside for c in calls_in(loop))
            if outside and same and trained:
                yield Hit.at(model, f"{name.id} holds the layers that the turn before has trained")
                break


def _optimizer_names(s: Source) -> dict[str, ast.expr]:
    return {
        s.target(c): c
        for c in s.calls
        if s.target(c) and s.called(c).startswith("keras.optimizers.")
        and s.called(c).count(".") == 2 and s.called(c).rpartition(".")[2][:1].isupper()
    }  # fmt: skip


def _shared_optimizer(s: Source) -> Iterator[Hit]:
    optimizers = _optimizer_names(s)
    compiles = [c for c in s.calls if method(c) == "compile"]
    for name, made in optimizers.items():
        uses = [
            c for c in compiles
            if any(
                isinstance(v, ast.Name) and v.id == name
                for v in (*c.args[:1], keyword(c, "optimizer"))
            )
            and (s.scope(c) is s.scope(made))
        ]  # fmt: skip
        repeated = [c for c in uses if set(s.loops(c)) - set(s.loops(made))]
        apart = {ast.unparse(c.func.value) for c in uses if isinstance(c.func, ast.Attribute)}
        if repeated:
            yield Hit.at(repeated[0], f"{name} goes on with its moments in every turn of the loop")
        elif len(apart) > 1 and len(s.assigned(name)) == 1:
            yield Hit.at(uses[1], f"{name} optimizes two models, one after the other")


def _is_fold_loop(s: Source, loop: ast.stmt) -> bool:
    if not isinstance(loop, ast.For):
        return False
    splits = any(method(c) == "split" and not _text_split(c) for c in calls_in(loop.iter))
    names = {n.id.lower() for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
    return splits or any(word in name for name in names for word in _FOLD_WORDS)


def _text_split(call: ast.Call) -> bool:
    return not call.args or isinstance(constant(call.args[0]), str)


def _fold_without_rebuild(s: Source) -> Iterator[Hit]:
    for call in s.fits:
        loop = next((lp for lp in s.loops(call) if _is_fold_loop(s, lp)), None)
        if loop is None or not isinstance(call.func, ast.Attribute):
            continue
        model = ast.unparse(call.func.value)
        inside = list(ast.walk(loop))
        rebuilt = any(
            isinstance(n, ast.Assign | ast.For | ast.comprehension)
            and model.partition(".")[0].partition("[")[0] in _targets(n)
            for n in inside
        )
        reset = any(
            isinstance(n, ast.Call) and method(n) in ("set_weights", "load_weights") for n in inside
        )
        known = any(c in s.builders for value in s.assigned(model) for c in calls_in(value))
        made = any(
            s.called(c) in s.functions for value in s.assigned(model) for c in calls_in(value)
        )
        if not rebuilt and not reset and (known or made):
            yield Hit.at(call, f"{model} goes on from the fold before")


def _targets(node: ast.AST) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]  # type: ignore[attr-defined]
    return {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}


def _weights_only(s: Source) -> Iterator[Hit]:
    """Weights put back in a loop or between two fits, the optimizer left as it is."""
    for reset in s.calls:
        if method(reset) != "set_weights" or not isinstance(reset.func, ast.Attribute):
            continue
        model = ast.unparse(reset.func.value)
        kept = any(
            ".get_weights()" in ast.unparse(v) and ast.unparse(v).startswith(f"{model}.")
            for a in reset.args
            for v in (a, *(s.assigned(a.id) if isinstance(a, ast.Name) else ()))
        )
        loops = s.loops(reset)
        block = loops[0] if loops else s.scope(reset)
        fits = [
            c for c in calls_in(block)
            if c in s.fits and isinstance(c.func, ast.Attribute)
            and ast.unparse(c.func.value) == model
        ]  # fmt: skip
        compiled = any(
            method(c) == "compile" and (loops or c.lineno > reset.lineno) for c in calls_in(block)
        )
        before = [c for c in fits if loops or c.lineno < reset.lineno]
        after = [c for c in fits if loops or c.lineno > reset.lineno]
        if kept and before and after and not compiled:
            yield Hit.at(reset, f"the weights of {model} go back, the optimizer's moments do not")


def _slots_lost(s: Source) -> Iterator[Hit]:
    for call in s.calls:
        name = s.target(call)
        if not name or s.called(call) != "keras.models.load_model":
            continue
        later = [c for c in s.calls if c.lineno > call.lineno]
        compiled = [c for c in later if _on(c, name, "compile")]
        resumed = [
            c for c in later if _on(c, name, "fit") and keyword(c, "initial_epoch") is not None
        ]
        if compiled and resumed and compiled[0].lineno < resumed[0].lineno:
            yield Hit.at(compiled[0], f"compile() resets the optimizer that {name} was loaded with")


def _on(call: ast.Call, name: str, wanted: str) -> bool:
    func = call.func
    return (
        isinstance(func, ast.Attribute)
        and func.attr == wanted
        and isinstance(func.value, ast.Name)
        and func.value.id == name
    )


def _frozen_late(s: Source) -> Iterator[Hit]:
    """``trainable`` is changed between compile and fit of one model in one block of lines."""
    for call in s.fits:
        if not isinstance(call.func, ast.Attribute):
            continue
        model, scope = ast.unparse(call.func.value), s.scope(call)
        compiled = [
            c for c in s.calls
            if method(c) == "compile" and s.scope(c) is scope and c.lineno < call.lineno
            and ast.unparse(c.func.value) == model  # type: ignore[attr-defined]
        ]  # fmt: skip
        changed = [
            n for n in s.nodes
            if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Attribute)
            and n.targets[0].attr == "trainable" and s.scope(n) is scope
            and n.lineno < call.lineno and _reaches(s, n.targets[0].value, model, n)
        ]  # fmt: skip
        if not compiled or not changed or changed[-1].lineno <= compiled[-1].lineno:
            continue
        last, before = changed[-1], compiled[-1]
        built = s.last_assigned(model, call)
        if built is not None and built.lineno > before.lineno:
            continue
        if _toggles(s, last, call):
            continue
        if set(s.loops(call)) <= set(s.loops(last)) and not _branches(s, last, call):
            yield Hit.at(last, f"{model} is trained without a compile() behind this change")


def _toggles(s: Source, changed: ast.Assign, fit: ast.Call) -> bool:
    """Whether a loop thaws and freezes in turn what it trains, as GANs do: none is meant."""
    owner = ast.unparse(changed.targets[0])
    return any(
        len({ast.unparse(n.value) for n in ast.walk(loop)
             if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == owner}) > 1
        for loop in {*s.loops(changed)} & {*s.loops(fit)}
    )  # fmt: skip


def _reaches(s: Source, owner: ast.expr, model: str, at: ast.stmt) -> bool:
    """Whether what is frozen is the model, or a layer or model that it was built from."""
    name = ast.unparse(owner)
    if name == model or name.startswith(f"{model}."):
        return True
    if isinstance(owner, ast.Name):
        for loop in (one for one in s.loops(at) if isinstance(one, ast.For)):
            if isinstance(loop.target, ast.Name) and loop.target.id == name:
                name = _owner_of_parts(loop.iter)
        if name == model:
            return True
    built = s.last_assigned(model, at)
    parts = (n for n in (ast.walk(built) if built is not None else ()))
    return any(isinstance(n, ast.Name) and n.id == name for n in parts)


def _owner_of_parts(node: ast.expr) -> str:
    """``model`` of ``model.layers[:-2]``, over which a loop goes to freeze each."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return ast.unparse(node)


def _branches(s: Source, one: ast.AST, other: ast.AST) -> bool:
    """Whether a node stands in an ``if`` that the other does not stand in."""
    above = [set(s.script.ancestors(n)) for n in (one, other)]
    return any(isinstance(n, ast.If | ast.Try) for n in above[0] ^ above[1])


_HEAD = "import keras\n\n"
_FOLDS = "for train, test in folds.split(x):\n"
_COMPILE = '    model.compile("adam", "mse")\n    model.fit(x[train], y[train])\n'

RULES = (
    Rule(
        "WD301",
        "layers-shared-by-models",
        "every turn of a loop reuses trained layers",
        "A layer keeps its weights: the next model starts where the last one stopped.",
        "Make the layers in the loop, or in a function that it calls.",
        _shared_layers,
        "import keras\n\nlayers = [keras.layers.Dense(8), keras.layers.Dense(3)]\n"
        + _FOLDS
        + "    keras.utils.set_random_seed(1)\n    model = keras.Sequential(layers)\n"
        + _COMPILE,
        _HEAD
        + _FOLDS
        + "    keras.utils.set_random_seed(1)\n"
        + "    model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(3)])\n"
        + _COMPILE,
        "shared-layers",
    ),
    Rule(
        "WD302",
        "optimizer-shared-by-models",
        "one optimizer object for several models",
        "It keeps step count, moments and a learning rate that a callback lowered.",
        "Make an optimizer for each compile.",
        _shared_optimizer,
        _HEAD + "adam = keras.optimizers.Adam(0.01)\n"
        'a.compile(adam, "mse")\na.fit(x, y)\nb.compile(adam, "mse")\nb.fit(x, y)\n',
        _HEAD + 'a.compile(keras.optimizers.Adam(0.01), "mse")\na.fit(x, y)\n'
        'b.compile(keras.optimizers.Adam(0.01), "mse")\nb.fit(x, y)\n',
        "optimizer-not-reset",
    ),
    Rule(
        "WD303",
        "folds-share-a-model",
        "cross-validation that goes on with one model",
        "fit does not reset a model: each fold starts from the weights of the fold before, which "
        "has seen this fold's test rows.",
        "Build the model anew in every fold.",
        _fold_without_rebuild,
        _HEAD
        + "keras.utils.set_random_seed(1)\nmodel = keras.Sequential([keras.layers.Dense(3)])\n"
        + 'model.compile("adam", "mse")\n'
        + _FOLDS
        + "    model.fit(x[train], y[train])\n",
        _HEAD
        + _FOLDS
        + "    keras.utils.set_random_seed(1)\n"
        + "    model = keras.Sequential([keras.layers.Dense(3)])\n"
        + _COMPILE,
        "continued-fit",
    ),
    Rule(
        "WD304",
        "weights-reset-optimizer-kept",
        "the weights are put back, the optimizer is not",
        "Moments, step count and learning rate go on from the training before.",
        "Compile anew with a new optimizer after set_weights.",
        _weights_only,
        _HEAD + "start = model.get_weights()\nfor rate in rates:\n"
        "    model.set_weights(start)\n    model.fit(x, y)\n",
        _HEAD + "start = model.get_weights()\nfor rate in rates:\n    model.set_weights(start)\n"
        '    model.compile(keras.optimizers.Adam(rate), "mse")\n    model.fit(x, y)\n',
        "optimizer-not-reset",
    ),
    Rule(
        "WD305",
        "compile-before-resuming",
        "a loaded model is compiled before its training goes on",
        "compile() makes a new optimizer: the moments that load_model restored are lost.",
        "Leave out compile(); load_model restores it.",
        _slots_lost,
        _HEAD + 'model = keras.models.load_model("a.keras")\nmodel.compile("adam", "mse")\n'
        "model.fit(x, y, epochs=9, initial_epoch=5)\n",
        _HEAD + 'model = keras.models.load_model("a.keras")\n'
        "model.fit(x, y, epochs=9, initial_epoch=5)\n",
        "slots-lost",
    ),
    Rule(
        "WD306",
        "trainable-without-compile",
        "trainable is changed after compile",
        "A compiled model goes on training what it was compiled with.",
        "Call compile() again after trainable was changed.",
        _frozen_late,
        _HEAD + 'model.compile("adam", "mse")\nmodel.trainable = False\nmodel.fit(x, y)\n',
        _HEAD + 'model.trainable = False\nmodel.compile("adam", "mse")\nmodel.fit(x, y)\n',
    ),
)
