"""Rules about random numbers: who is seeded, with what, and when."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from whydiff.lint.rule import Hit, Rule
from whydiff.lint.script import Source, calls_in, keyword, method
from whydiff.script_text.call_order import Text, mapped_in
from whydiff.script_text.generators import changes
from whydiff.script_text.samplers import drawn_from_python
from whydiff.script_text.splits import drawn_from_numpy

_OTHER_SEEDS = ("numpy.random.seed", "tensorflow.random.set_seed", "torch.manual_seed")
_DRAWS = {
    "numpy.random": ("numpy.random.seed", "NumPy's global generator"),
    "random": ("random.seed", "Python's random"),
}
_DRAWN_BY_LIBRARIES = {"numpy.random": drawn_from_numpy, "random": drawn_from_python}
_NO_DRAWS = ("seed", "default_rng", "RandomState", "Generator", "get_state", "set_state", "Random",
             "SeedSequence", "getstate", "setstate", "SystemRandom", "PCG64", "Philox", "MT19937",
             "SFC64", "PCG64DXSM")  # fmt: skip

#: modules that Keras 3 has no more
_GONE = ("keras.engine.", "keras.layers.advanced_activations.", "keras.layers.convolutional.",
         "keras.layers.core.", "keras.layers.embeddings.", "keras.layers.merge.",
         "keras.layers.normalization.", "keras.layers.pooling.", "keras.layers.recurrent.",
         "keras.callbacks.callbacks.", "keras.backend.tensorflow_backend.", "keras.utils.np_utils.",
         "keras.wrappers.scikit_learn.", "tensorflow.python.keras.")  # fmt: skip
#: what makes a generator of the script's own
_OWN = ("numpy.random.default_rng", "numpy.random.RandomState", "random.Random",
        "tensorflow.random.Generator.from_seed")  # fmt: skip


def _first_model(s: Source) -> ast.expr | ast.stmt:
    return next((c for c in s.builders), None) or next(iter(s.fits), None) or s.subclasses[0]


def _no_seed(s: Source) -> Iterator[Hit]:
    if (s.trains or s.trains_by_hand) and not s.seeded and not s.seeds(*_OTHER_SEEDS):
        yield Hit.at(_first_model(s), "a model is built and trained, and no seed is set")


def _misses_keras(s: Source) -> Iterator[Hit]:
    others = s.seeds(*_OTHER_SEEDS)
    reached = _of_keras_2(s) and s.seeds("tensorflow.random.set_seed")
    if s.trains and others and not s.seeded and not reached:
        yield Hit.at(others[0], f"{s.called(others[0])} does not reach Keras's initializers")


def _of_keras_2(s: Source) -> bool:
    """Whether a script imports what Keras 3 has not: initializers of older ones drew from
    TensorFlow's seed."""
    return any(f"{b.target}.".startswith(_GONE) for b in s.names.bindings)


def _too_late(s: Source) -> Iterator[Hit]:
    at_module = [c for c in s.seeded if s.scope(c) is s.script.tree]
    if not at_module or len(at_module) < len(s.seeded):
        return
    seed = at_module[0]
    for model in s.builders:
        early = s.scope(model) is s.script.tree and model.lineno < seed.lineno
        if early and _used_below(s, s.target(model), seed.lineno):
            yield Hit.at(seed, f"the seed is set below line {model.lineno}, where a model is built")
            return


def _used_below(s: Source, name: str, line: int) -> bool:
    """Whether a name is read below a line and is not given to something else there."""
    below = [n for n in s.nodes if isinstance(n, ast.Name) and n.id == name and n.lineno > line]
    return bool(below) and all(isinstance(n.ctx, ast.Load) for n in below)


def _seeded_once(s: Source) -> Iterator[Hit]:
    """Models that one function builds again and again after a seed that was set before."""
    if not s.seeded or not s.trains:
        return
    for name, function in s.functions.items():
        inside = list(calls_in(function))
        if not any(c in s.builders for c in inside) or any(c in s.seeded for c in inside):
            continue
        uses = [c for c in s.calls if s.called(c) == name and s.scope(c) is not function]
        yield from _again(s, uses, f"{name}() builds another model")
    for loop in (n for n in s.nodes if isinstance(n, ast.For | ast.While)):
        own = [c for c in calls_in(loop) if c in s.builders and s.loops(c)[:1] == [loop]]
        trained = any(c in s.fits for c in calls_in(loop))
        if _folds(loop):  # folds differ in their rows: nobody expects them to agree
            continue
        if own and trained and not any(c in s.seeded or _sets(c) for c in calls_in(loop)):
            yield Hit.at(own[0], "every turn of the loop builds a model from later random numbers")


def _folds(loop: ast.For | ast.While) -> bool:
    return isinstance(loop, ast.For) and any(
        word in ast.unparse(loop.iter).lower() for word in ("fold", ".split(")
    )


def _again(s: Source, uses: list[ast.Call], what: str) -> Iterator[Hit]:
    for one in uses:
        loops = s.loops(one)
        if loops and not any(c in s.seeded or _sets(c) for c in calls_in(loops[0])):
            yield Hit.at(one, f"{what} in every turn of the loop")
            return
    plain = [c for c in uses if not s.loops(c)]
    for before, after in itertools.pairwise(plain):
        same = s.scope(before) is s.scope(after)
        between = [c for c in s.seeded if before.lineno < c.lineno <= after.lineno]
        name = s.target(after)
        copied = any(_sets(c) and ast.unparse(c.func).startswith(f"{name}.") for c in s.calls)
        if same and not between and not (name and copied) and not _exclusive(s, before, after):
            yield Hit.at(after, f"{what} from later random numbers than line {before.lineno}")
            return


def _sets(call: ast.Call) -> bool:
    """Whether a call gives a model the weights it is to start with."""
    return method(call) in ("set_weights", "load_weights")


def _exclusive(s: Source, one: ast.AST, other: ast.AST) -> bool:
    """Whether two nodes stand in two branches of one ``if``."""
    above = set(s.script.ancestors(other))
    branch = next((a for a in s.script.ancestors(one) if a in above), None)
    return isinstance(branch, ast.If | ast.IfExp | ast.Try)


def _found(change: str) -> str:
    """What a change repairs: ``default_rng() has no seed``."""
    call, becomes, _ = change.partition(" becomes ")
    if becomes:
        return f"{call} takes its numbers from the operating system"
    call, _, once = change.partition(" gets a seed")
    again = " and is made again and again: make it once" if once else ""
    return f"{call} has no seed{again}"


def _fresh(s: Source) -> Iterator[Hit]:
    for change in changes(s.script, s.names):
        if change.kind == "generator" and "clock" not in change.what:
            yield Hit(change.line, 0, _found(change.what))


def _clock(s: Source) -> Iterator[Hit]:
    for change in changes(s.script, s.names):
        if change.kind == "generator" and "clock" in change.what:
            yield Hit(change.line, 0, "a seed is taken from the clock or the system")


def _global_draws(s: Source) -> Iterator[Hit]:
    """Draws from a global generator that nothing seeds; one hit for each generator.

    Not where a training lacks its seed altogether: WD101 and WD102 say so, and their remedy
    seeds these generators, too.
    """
    if s.trains and not s.seeded:
        return
    for module in (m for m, (seed, _) in _DRAWS.items() if not s.seeds(seed)):
        for call, what in itertools.islice(_draws_from(module, s), 1):
            yield Hit.at(call, f"{what}, which is not seeded")


#: By which lines a program reaches a call, None where its text does not show that.
Reached = Callable[[ast.Call], tuple[int, ...] | None]


def unseeded_draws(
    s: Source, seeded: Mapping[str, Sequence[int]], reached: Reached, helper: bool = False
) -> list[Hit]:
    """Every draw from a generator without a seed that may make the data, in the text's order.

    ``seeded`` names the modules ("numpy.random", "random") that a run has seeded, with the lines
    by which it came there: what is ``reached`` earlier drew without a seed. Of a ``helper`` only
    what is known to be reached counts.
    """
    found = []
    for module in _DRAWS:
        first = seeded.get(module)
        if first is None and s.seeds(_DRAWS[module][0]):
            continue
        for call, what in _draws_from(module, s, helper):
            lines = reached(call)
            traced = mapped_in(Text(s.script, s.names), call)
            if traced:
                what = f"{what} once, when map traces {traced}: all elements get the same numbers"
            if helper and lines is None:
                continue
            if first is None:
                found.append(Hit.at(call, f"{what}, which nothing had seeded"))
            elif lines is not None and lines < tuple(first):
                found.append(Hit.at(call, f"{what}, which nothing had seeded by then"))
    fresh = [] if helper else [*_fresh(s), *_clock(s)]  # the ledger knows whether a helper's ran
    return sorted({*found, *fresh}, key=lambda hit: (hit.line, hit.column))


def draws_anew(s: Source) -> list[tuple[ast.Call, str]]:
    """Calls that draw from a global generator, seeded or not, or from one that was made elsewhere
    in the text, with what they do."""
    found = [found for module in _DRAWS for found in _draws_from(module, s)]
    return found + list(_draws_of_own(s))


def _draws_of_own(s: Source) -> Iterator[tuple[ast.Call, str]]:
    """Calls of the methods of a generator that the script made; not where the same function makes
    it, as each call begins anew then."""
    made = {
        ast.unparse(target): (node.lineno, s.scope(node))
        for node in s.nodes
        if isinstance(node, ast.Assign) and s.names.called(node.value).endswith(_OWN)
        for target in node.targets
        if isinstance(target, ast.Name | ast.Attribute)
    }
    for call in s.calls:
        owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        line, scope = made.get(owner, (0, None))
        here = s.scope(call) is scope and scope is not s.script.tree
        if line and not here and method(call) not in _NO_DRAWS:
            yield call, f"{method(call)} draws from {owner} (made in line {line})"


def _draws_from(module: str, s: Source, helper: bool = False) -> Iterator[tuple[ast.Call, str]]:
    """Calls that draw from a module's global generator."""
    _, name = _DRAWS[module]
    for call in s.calls:
        owner, _, function = s.called(call).rpartition(".")
        split = _DRAWN_BY_LIBRARIES[module](call, s.names)
        drawn = owner == module and function not in _NO_DRAWS
        if (drawn or split) and not s.only_shown(call, helper):
            yield call, f"{function or method(call)} draws from {name}"


_WRAPPERS = ("KerasClassifier", "KerasRegressor")
_VALIDATING = ("cross_val_score", "cross_validate", "cross_val_predict", "GridSearchCV",
               "RandomizedSearchCV", "learning_curve")  # fmt: skip


def _folds_of_one_stream(s: Source) -> Iterator[Hit]:
    """scikit-learn builds a model per fold; the global seed is set only once."""
    for call in s.calls:
        called = s.called(call)
        if not called.startswith("sklearn.") or called.rpartition(".")[2] not in _VALIDATING:
            continue
        estimator = call.args[0] if call.args else keyword(call, "estimator")
        if isinstance(estimator, ast.Name):
            estimator = s.last_assigned(estimator.id, call)
        wrapped = isinstance(estimator, ast.Call) and s.called(estimator).endswith(_WRAPPERS)
        if not wrapped or not isinstance(estimator, ast.Call) or not s.seeded:
            continue
        build = estimator.args[0] if estimator.args else keyword(estimator, "model", "build_fn")
        function = s.functions.get(build.id) if isinstance(build, ast.Name) else None
        inside = function is not None and any(c in s.seeded for c in calls_in(function))
        if keyword(estimator, "random_state") is None and not inside:
            yield Hit.at(call, "every fold's model draws from where the fold before has stopped")


_IMPORTS = "import keras\nimport numpy as np\n\n"
_MODEL = "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])\n"
_TRAIN = 'model.compile("adam", "mse")\nmodel.fit(x, y)\n'
_MAKE = "def make():\n    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])\n\n\n"
_PAIR = 'for model in (a, b):\n    model.compile("adam", "mse")\n    model.fit(x, y)\n'

RULES = (
    Rule(
        "WD101",
        "no-seed",
        "trains without any seed",
        "Initial weights, dropout and shuffling differ in every run.",
        "Call keras.utils.set_random_seed(n) before the first layer is built.",
        _no_seed,
        _IMPORTS + _MODEL + _TRAIN,
        _IMPORTS + "keras.utils.set_random_seed(1)\n" + _MODEL + _TRAIN,
        "python-random-unseeded",
    ),
    Rule(
        "WD102",
        "seed-misses-keras",
        "the seeds that are set do not reach Keras",
        "Keras 3 draws the seeds of initializers and Dropout from Python's random; np.random.seed, "
        "tf.random.set_seed and torch.manual_seed leave it alone.",
        "Call keras.utils.set_random_seed(n), which sets all of them.",
        _misses_keras,
        _IMPORTS + "np.random.seed(1)\n" + _MODEL + _TRAIN,
        _IMPORTS + "np.random.seed(1)\nkeras.utils.set_random_seed(1)\n" + _MODEL + _TRAIN,
        "python-random-unseeded",
    ),
    Rule(
        "WD103",
        "seed-too-late",
        "the seed is set after the model was built",
        "Layers draw their seeds when they are made, so a later seed does not reach the weights.",
        "Move keras.utils.set_random_seed(n) above the model.",
        _too_late,
        _IMPORTS + _MODEL + "keras.utils.set_random_seed(1)\n" + _TRAIN,
        _IMPORTS + "keras.utils.set_random_seed(1)\n" + _MODEL + _TRAIN,
        "python-random-unseeded",
    ),
    Rule(
        "WD104",
        "seeded-once",
        "one seed for several models of one kind",
        "The second model takes later draws of the same stream, so models that should start alike "
        "do not.",
        "Call keras.utils.set_random_seed(n) before each build and each fit, if they are to agree.",
        _seeded_once,
        _IMPORTS + _MAKE + "keras.utils.set_random_seed(1)\na = make()\nb = make()\n" + _PAIR,
        _IMPORTS
        + _MAKE
        + "keras.utils.set_random_seed(1)\na = make()\nkeras.utils.set_random_seed(1)\nb = make()\n"
        + _PAIR,
        "seeded-once",
    ),
    Rule(
        "WD105",
        "generator-without-seed",
        "a generator is made without a seed",
        "It takes its seed from the operating system; no global seed reaches it.",
        "Pass a seed: np.random.default_rng(n), random.Random(n).",
        _fresh,
        "import numpy as np\n\nrng = np.random.default_rng()\n",
        "import numpy as np\n\nrng = np.random.default_rng(1)\n",
        "unseeded-generator",
    ),
    Rule(
        "WD106",
        "seed-from-clock",
        "a seed that is another one each time",
        "Time, process id, the system's entropy and hash() of a text differ between runs.",
        "Use a constant, or print the seed and accept it as an argument.",
        _clock,
        "import time\nimport keras\n\nkeras.utils.set_random_seed(int(time.time()))\n",
        "import keras\n\nkeras.utils.set_random_seed(20151)\n",
        "clock-seed",
    ),
    Rule(
        "WD107",
        "global-draw-without-seed",
        "draws from a global generator that is not seeded",
        "Data, splits and orders made by it differ in every run.",
        "Seed it, or draw from np.random.default_rng(n); pass random_state=n to scikit-learn.",
        _global_draws,
        "import numpy as np\n\nx = np.random.rand(10, 4)\n",
        "import numpy as np\n\nnp.random.seed(1)\nx = np.random.rand(10, 4)\n",
        "unseeded-generator",
    ),
    Rule(
        "WD110",
        "folds-of-one-stream",
        "cross-validation by scikit-learn with a global seed only",
        "The seed is set once; each fold's model draws further numbers, so a fold depends on those "
        "before it, and with n_jobs on which process it runs in.",
        "Pass random_state= to the wrapper, or set the seed in the function that builds the model.",
        _folds_of_one_stream,
        "import keras\nfrom scikeras.wrappers import KerasClassifier\n"
        "from sklearn.model_selection import cross_val_score\n\nkeras.utils.set_random_seed(1)\n"
        "scores = cross_val_score(KerasClassifier(build), x, y)\n",
        "import keras\nfrom scikeras.wrappers import KerasClassifier\n"
        "from sklearn.model_selection import cross_val_score\n\nkeras.utils.set_random_seed(1)\n"
        "scores = cross_val_score(KerasClassifier(build, random_state=1), x, y)\n",
        "seeded-once",
    ),
)
