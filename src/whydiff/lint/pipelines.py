"""Rules about tf.data pipelines: shuffles without a seed, orders left to threads."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.lint.rule import Hit, Rule
from whydiff.lint.script import Source, calls_in, constant, keyword, method


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
    if s.seeds("tensorflow.random.set_seed") or (s.trains and not s.seeded):
        return  # the latter is WD101's or WD102's, whose remedy seeds this, too
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
