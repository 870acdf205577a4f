"""Rules about the data: orders nobody fixed, workers that race, rows that come sorted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.checks.rule import Hit, Rule
from whydiff.checks.source import Source, calls_in, constant, keyword, method
from whydiff.remedy.orders import order_changes

_PIPELINE = ("map", "batch", "cache", "prefetch", "repeat", "shuffle", "take", "skip", "filter",
             "interleave", "unbatch", "padded_batch")  # fmt: skip
_SORTED_SETS = ("load_iris", "load_wine")
_SHUFFLES = ("permutation", "shuffle", "train_test_split", "permuted")
_DATASETS = ("keras.utils.PyDataset", "keras.utils.Sequence")


def _hit(node: ast.expr | ast.stmt, what: str) -> Hit:
    return Hit(node.lineno, node.col_offset, what)


def _is_pipeline(s: Source, node: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
    """Whether an expression is a tf.data pipeline, as far as names say."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute | ast.Name):
            dotted = s.names.dotted(inner)
            if dotted.startswith(("tensorflow.data.", "tensorflow_datasets.")):
                return True
            if dotted.endswith("_dataset_from_directory"):
                return True
        if isinstance(inner, ast.Name) and inner.id not in seen:
            values = s.assigned(inner.id)
            if any(_is_pipeline(s, v, seen | {inner.id}) for v in values if v is not node):
                return True
    return False


def _shuffles(s: Source) -> list[ast.Call]:
    return [
        c
        for c in s.calls
        if method(c) == "shuffle"
        and isinstance(c.func, ast.Attribute)
        and _is_pipeline(s, c.func.value)
    ]


def _shuffle(s: Source) -> Iterator[Hit]:
    if s.seeds("tensorflow.random.set_seed"):
        return
    for call in _shuffles(s):
        seed = call.args[1] if len(call.args) > 1 else keyword(call, "seed")
        if seed is None or constant(seed) is None:
            yield _hit(call, "shuffle of a pipeline without a seed")


def _not_deterministic(s: Source) -> Iterator[Hit]:
    for call in s.calls:
        if method(call) in ("map", "interleave") and constant(keyword(call, "deterministic")) is (
            False
        ):
            yield _hit(call, "elements are handed out in the order in which threads finish")
    for node in s.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            name = node.targets[0].attr
            if constant(node.value) is False and name in (
                "deterministic",
                "experimental_deterministic",
            ):
                yield _hit(node, f"{name} = False lets threads decide the order")


def _random_map(s: Source) -> Iterator[Hit]:
    for call in s.calls:
        if method(call) != "map" or not call.args or keyword(call, "num_parallel_calls") is None:
            continue
        mapped = call.args[0]
        body: ast.AST | None = mapped
        if isinstance(mapped, ast.Name):
            body = s.functions.get(mapped.id)
        if body is None:
            continue
        for inner in calls_in(body):
            called = s.called(inner)
            if called.startswith(("tensorflow.random.", "tensorflow.image.random_")) and (
                "stateless" not in called and "Generator" not in called
            ):
                yield _hit(call, f"{called} in a parallel map: threads race for its numbers")
                break


def _files(s: Source) -> Iterator[Hit]:
    for edit, line, what in order_changes(s.script, s.names):
        if "files" in what and edit.new == "sorted(":
            yield Hit(line, 0, "files are taken in the order of the file system")


def _sets(s: Source) -> Iterator[Hit]:
    lines = set()
    for edit, line, what in order_changes(s.script, s.names):
        if "set" in what and edit.new != ")" and line not in lines and not _numbers(s, line):
            lines.add(line)
            yield Hit(line, 0, "a set is iterated in hash order")


def _numbers(s: Source, line: int) -> bool:
    """A set of whole numbers on that line: their hashes are the same in every execution."""
    for node in s.nodes:
        if isinstance(node, ast.Set) and node.lineno == line:
            return all(isinstance(constant(e), int) for e in node.elts)
        if s.names.called(node) == "set" and isinstance(node, ast.Call) and node.lineno == line:
            return bool(node.args) and s.names.called(node.args[0]) == "range"
    return False


def _workers(s: Source) -> Iterator[Hit]:
    for cls in (n for n in s.nodes if isinstance(n, ast.ClassDef)):
        if not any(s.names.dotted(base) in _DATASETS for base in cls.bases):
            continue
        item = next(
            (f for f in cls.body if isinstance(f, ast.FunctionDef) and f.name == "__getitem__"),
            None,
        )
        draws = [c for c in calls_in(item) if _draws(s, c)] if item else []
        several = [
            c
            for c in s.calls
            if constant(keyword(c, "workers")) not in (..., None, 0, 1)
            and (s.called(c) == cls.name or s.scope(c) in cls.body)
        ]
        if draws and several:
            yield _hit(draws[0], "several workers draw from one global generator, in a race")


def _draws(s: Source, call: ast.Call) -> bool:
    owner, _, function = s.called(call).rpartition(".")
    made = ("default_rng", "RandomState", "Random", "Generator")
    return owner in ("numpy.random", "random") and function not in made


def _sorted_rows(s: Source) -> Iterator[Hit]:
    loaded = [c for c in s.calls if s.called(c).rpartition(".")[2] in _SORTED_SETS]
    shuffled = any(
        method(c) in _SHUFFLES or s.called(c).rpartition(".")[2] in _SHUFFLES for c in s.calls
    )
    for call in s.fits:
        if loaded and not shuffled and keyword(call, "validation_split") is not None:
            name = s.called(loaded[0]).rpartition(".")[2]
            yield _hit(call, f"validation_split takes the last rows, and {name}'s are one class")


def _two_passes(s: Source) -> Iterator[Hit]:
    shuffled = {
        s.target(value)
        for call in _shuffles(s)
        if constant(keyword(call, "reshuffle_each_iteration")) is not False
        for value in (call, *(a for a in s.script.ancestors(call) if isinstance(a, ast.expr)))
        if s.target(value)
    }
    for call in s.calls:
        if method(call) != "predict" or not call.args or not isinstance(call.args[0], ast.Name):
            continue
        name = call.args[0].id
        again = any(
            isinstance(n, ast.comprehension | ast.For)
            and any(isinstance(i, ast.Name) and i.id == name for i in ast.walk(n.iter))
            for n in s.nodes
        )
        if name in shuffled and again:
            yield _hit(call, f"{name} is shuffled anew when its labels are read in another pass")


_TF = "import tensorflow as tf\n\n"
_SLICES = "ds = tf.data.Dataset.from_tensor_slices((x, y))"

RULES = (
    Rule(
        "WD201",
        "pipeline-shuffle-without-seed",
        "a tf.data pipeline shuffles without a seed",
        "Every execution sees the samples in another order.",
        "Pass seed=, or call keras.utils.set_random_seed(n) before the pipeline is made.",
        _shuffle,
        f"{_TF}{_SLICES}.shuffle(1000).batch(32)\n",
        f"{_TF}{_SLICES}.shuffle(1000, seed=1).batch(32)\n",
        "pipeline-shuffle",
    ),
    Rule(
        "WD202",
        "order-left-to-threads",
        "a pipeline that may reorder its elements",
        "With deterministic=False elements come in the order in which threads finish.",
        "Leave deterministic at True.",
        _not_deterministic,
        f"{_TF}{_SLICES}\nds = ds.map(load, num_parallel_calls=4, deterministic=False)\n",
        f"{_TF}{_SLICES}\nds = ds.map(load, num_parallel_calls=4)\n",
        "pipeline-shuffle",
    ),
    Rule(
        "WD203",
        "random-parallel-map",
        "random operations in a parallel map",
        "Threads take their numbers from one stateful generator in an order that timing decides.",
        "Use tf.random.stateless_* with a counter, or num_parallel_calls=1.",
        _random_map,
        f"{_TF}\n\ndef noisy(x):\n    return x + tf.random.normal([4])\n\n\n"
        "ds = tf.data.Dataset.range(9).map(noisy, num_parallel_calls=4)\n",
        f"{_TF}\n\ndef noisy(i):\n    return tf.random.stateless_normal([4], seed=[1, i])\n\n\n"
        "ds = tf.data.Dataset.range(9).map(noisy, num_parallel_calls=4)\n",
        "resampled",
    ),
    Rule(
        "WD204",
        "unsorted-files",
        "files in the order of the file system",
        "os.listdir, glob and iterdir promise no order; another machine has another one.",
        "Sort the names.",
        _files,
        'import os\n\nfiles = os.listdir("images")\n',
        'import os\n\nfiles = sorted(os.listdir("images"))\n',
        "rows-reordered",
    ),
    Rule(
        "WD205",
        "hash-order",
        "a set is walked through",
        "The order of texts in a set depends on PYTHONHASHSEED, another one in every execution.",
        "sorted(the_set); or dict.fromkeys(...) to keep the order of appearance.",
        _sets,
        "words = set(text.split())\nindex = {w: i for i, w in enumerate(words)}\n",
        "words = sorted(set(text.split()))\nindex = {w: i for i, w in enumerate(words)}\n",
        "rows-reordered",
    ),
    Rule(
        "WD206",
        "racing-workers",
        "several workers and one global generator",
        "Workers of a PyDataset draw in an order that timing decides.",
        "A generator per batch: np.random.default_rng([seed, index]).",
        _workers,
        "import keras\nimport numpy as np\n\nnp.random.seed(1)\n\n\n"
        "class Noisy(keras.utils.PyDataset):\n    def __getitem__(self, index):\n"
        "        return np.random.rand(8, 4), self.y[index]\n\n\ndata = Noisy(workers=4)\n",
        "import keras\nimport numpy as np\n\n\n"
        "class Noisy(keras.utils.PyDataset):\n    def __getitem__(self, index):\n"
        "        rng = np.random.default_rng([1, index])\n"
        "        return rng.random((8, 4)), self.y[index]\n\n\ndata = Noisy(workers=4)\n",
        "racing-workers",
    ),
    Rule(
        "WD207",
        "sorted-validation-rows",
        "validation_split of rows sorted by class",
        "validation_split cuts off the last rows before any shuffle: one class only.",
        "Shuffle the arrays with a seed first, or use a stratified split.",
        _sorted_rows,
        "import keras\nfrom sklearn.datasets import load_iris\n\nkeras.utils.set_random_seed(1)\n"
        "x, y = load_iris(return_X_y=True)\nmodel = keras.Sequential([keras.layers.Dense(3)])\n"
        'model.compile("adam", "mse")\nmodel.fit(x, y, validation_split=0.2)\n',
        "import keras\nimport numpy as np\nfrom sklearn.datasets import load_iris\n\n"
        "keras.utils.set_random_seed(1)\nx, y = load_iris(return_X_y=True)\n"
        "order = np.random.default_rng(1).permutation(len(x))\n"
        "model = keras.Sequential([keras.layers.Dense(3)])\n"
        'model.compile("adam", "mse")\nmodel.fit(x[order], y[order], validation_split=0.2)\n',
        "validation-split-tail",
    ),
    Rule(
        "WD208",
        "labels-in-another-pass",
        "labels and predictions from two passes over a shuffled pipeline",
        "The pipeline shuffles anew for each pass, so labels and predictions do not belong "
        "together.",
        "Take both from one pass, or shuffle only the training data.",
        _two_passes,
        f"{_TF}{_SLICES}.shuffle(99, seed=1).batch(32)\n"
        "labels = [y for _, y in ds]\nguesses = model.predict(ds)\n",
        f"{_TF}{_SLICES}.batch(32)\nlabels = [y for _, y in ds]\nguesses = model.predict(ds)\n",
    ),
)
