"""Rules about tf.data pipelines: shuffles without a seed, orders left to threads."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.lint.rule import Hit, Rule
from whydiff.lint.script import Source, calls_in, constant, keyword, method
from whydiff.script_text.orders import reset_in_loop

_DRAWING_SAMPLERS = ("RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler")


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
    yield from unseeded_shuffles(s)


def unseeded_shuffles(s: Source) -> Iterator[Hit]:
    """Shuffles of tf.data pipelines that only TensorFlow's global seed fixes."""
    for call in _shuffles(s):
        seed = call.args[1] if len(call.args) > 1 else keyword(call, "seed")
        if seed is None or constant(seed) is None:
            yield Hit.at(call, "shuffle of a pipeline without a seed")


def unseeded_loaders(s: Source) -> Iterator[Hit]:
    """Loaders and samplers of torch that draw an order from its global generator."""
    for call in s.calls:
        called = s.called(call)
        if not called.startswith("torch.utils.data.") or keyword(call, "generator") is not None:
            continue
        function = called.rpartition(".")[2]
        shuffles = keyword(call, "shuffle")
        on = shuffles is not None and constant(shuffles) is not False
        if (function == "DataLoader" and on) or function in _DRAWING_SAMPLERS:
            yield Hit.at(call, f"{function} draws from torch's global generator")


def _not_deterministic(s: Source) -> Iterator[Hit]:
    for call in s.calls:
        if method(call) in ("map", "interleave") and constant(keyword(call, "deterministic")) is (
            False
        ):
            yield Hit.at(call, "elements are handed out in the order in which threads finish")
    for node in s.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            name = node.targets[0].attr
            if constant(node.value) is False and name in (
                "deterministic",
                "experimental_deterministic",
            ):
                yield Hit.at(node, f"{name} = False lets threads decide the order")


def random_maps(s: Source) -> Iterator[Hit]:
    """Parallel maps of which the function draws from a generator of TensorFlow's operations."""
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
            drawn = called.removeprefix("tensorflow.random.")
            if drawn in _STATEFUL or called.startswith("tensorflow.image.random_"):
                yield Hit.at(call, f"{called} in a parallel map: threads race for its numbers")
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
        if isinstance(s.script.parent[call], ast.Expr):
            continue  # nobody keeps what it predicts
        name = call.args[0].id
        again = any(
            isinstance(n, ast.comprehension | ast.For)
            and any(isinstance(i, ast.Name) and i.id == name for i in ast.walk(n.iter))
            for n in s.nodes
        )
        if name in shuffled and again:
            yield Hit.at(call, f"{name} is shuffled anew when its labels are read in another pass")


def _chain(
    s: Source, node: ast.expr, seen: frozenset[ast.expr] = frozenset()
) -> list[tuple[str, ast.Call]]:
    """The methods that made a pipeline, first to last, followed through plain assignments."""
    if isinstance(node, ast.Name):
        value = s.last_assigned(node.id, node)
        return [] if value is None or value in seen else _chain(s, value, seen | {value})
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return [*_chain(s, node.func.value, seen), (node.func.attr, node)]
    return []


def _pipelines(s: Source, *methods: str) -> Iterator[tuple[ast.Call, list[tuple[str, ast.Call]]]]:
    """Calls of these methods on a pipeline, each with what made the pipeline before."""
    for call in s.calls:
        made = call.func.value if isinstance(call.func, ast.Attribute) else None
        if made is not None and method(call) in methods and _is_pipeline(s, made):
            yield call, _chain(s, made)


def _split_of_shuffled(s: Source) -> Iterator[Hit]:
    """``take`` and ``skip`` of one pipeline that shuffles anew for each of them."""
    parts: dict[ast.Call, set[str]] = {}
    for call, made in _pipelines(s, "take", "skip"):
        shuffles = [c for name, c in made if name == "shuffle"]
        if any(name in ("take", "skip") for name, _ in made):
            continue  # a look at one of the parts
        last = shuffles[-1] if shuffles else None
        if last is None or any(name == "cache" for name, c in made if c.lineno > last.lineno):
            continue
        given = [keyword(last, "reshuffle_each_iteration"), *last.args[2:3]]
        if any(constant(value) is False for value in given):
            continue
        parts.setdefault(last, set()).add(method(call))
        if parts[last] == {"take", "skip"}:
            yield Hit.at(call, "take and skip of a pipeline that shuffles anew for every pass")


def _frozen_map(s: Source) -> Iterator[Hit]:
    for call, made in _pipelines(s, "cache"):
        for name, mapped in made:
            if name == "map" and mapped.args and _draws_in(s, mapped.args[0]):
                yield Hit.at(call, f"the cache keeps what the map in line {mapped.lineno} drew")
                break


def _draws_in(s: Source, mapped: ast.expr) -> bool:
    """Whether a function that is mapped over a pipeline draws random numbers."""
    body: ast.AST | None = s.functions.get(mapped.id) if isinstance(mapped, ast.Name) else mapped
    if body is None:
        return False
    for call in calls_in(body):
        called = s.called(call)
        if called.startswith(("tensorflow.random.", "tensorflow.image.random_", "numpy.random.",
                              "keras.random.", "random.")):  # fmt: skip
            return True
        if isinstance(call.func, ast.Name) and constant(keyword(call, "training")) is True:
            values = s.assigned(call.func.id)
            if any(s.layer(n).startswith("Random") for v in values for n in ast.walk(v)):
                return True
    return False


def _batches_shuffled(s: Source) -> Iterator[Hit]:
    for call, made in _pipelines(s, "shuffle"):
        names = [name for name, _ in made]
        last = max((i for i, name in enumerate(names) if name in ("batch", "unbatch")), default=-1)
        whole = last >= 0 and names[last] == "batch" and "shuffle" not in names[:last]
        if whole and not _of_one(s, made[last][1]) and not _batched_again(s, call):
            yield Hit.at(call, "whole batches are shuffled: the same samples always come together")


def _of_one(s: Source, batch: ast.Call) -> bool:
    size = batch.args[0] if batch.args else keyword(batch, "batch_size")
    sizes = s.assigned(size.id) if isinstance(size, ast.Name) else [size]
    return [constant(value) for value in sizes] == [1]


def _batched_again(s: Source, shuffle: ast.Call) -> bool:
    """Whether what is shuffled are samples that were cut from a long sequence by ``batch``."""
    for _, made in _pipelines(s, "batch"):
        calls = [call for _, call in made]
        if shuffle in calls and "unbatch" not in [name for name, _ in made]:
            return True
    return False


_RETURNING = ("map", "batch", "shuffle", "prefetch", "cache", "repeat", "take", "skip", "filter",
              "unbatch", "padded_batch", "interleave", "with_options")  # fmt: skip


def _discarded(s: Source) -> Iterator[Hit]:
    for call, _ in _pipelines(s, *_RETURNING):
        if isinstance(s.script.parent[call], ast.Expr):
            yield Hit.at(call, f"the pipeline that {method(call)}() returns is not kept")


def _index_reset(s: Source) -> Iterator[Hit]:
    for loop in (n for n in s.nodes if isinstance(n, ast.While)):
        first = reset_in_loop(loop)
        if first is not None:
            name = ast.unparse(first.targets[0])
            yield Hit.at(first, f"{name} starts at the first rows again in every turn")


#: what draws from TensorFlow's global generator; the others of tf.random are given their state
_STATEFUL = ("normal", "uniform", "truncated_normal", "shuffle", "gamma", "poisson", "categorical")
_TF = "import tensorflow as tf\n\n"
_SLICES = "ds = tf.data.Dataset.from_tensor_slices((x, y))"

RULES = (
    Rule(
        "WD201",
        "pipeline-shuffle-without-seed",
        "a tf.data pipeline shuffles without a seed",
        "Every run sees the samples in another order.",
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
        random_maps,
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
    Rule(
        "WD209",
        "index-reset-in-loop",
        "an endless generator that yields its first rows for ever",
        "The index is set back at the top of the loop that counts it up, so every batch is the "
        "first one.",
        "Set the index before the loop.",
        _index_reset,
        "def rows(x, n):\n    while True:\n        i = 0\n        yield x[i : i + n]\n"
        "        i += n\n        if i >= len(x):\n            i = 0\n",
        "def rows(x, n):\n    i = 0\n    while True:\n        yield x[i : i + n]\n"
        "        i += n\n        if i >= len(x):\n            i = 0\n",
        "generator-repeats",
    ),
    Rule(
        "WD210",
        "split-of-shuffled",
        "take and skip of a pipeline that shuffles anew",
        "Every pass shuffles again, so rows move between the two parts: validation rows are "
        "trained on.",
        "Split first, or shuffle with reshuffle_each_iteration=False.",
        _split_of_shuffled,
        f"{_TF}{_SLICES}.shuffle(99, seed=1)\nheld = ds.take(20)\nrest = ds.skip(20)\n",
        f"{_TF}{_SLICES}.shuffle(99, seed=1, reshuffle_each_iteration=False)\n"
        "held = ds.take(20)\nrest = ds.skip(20)\n",
        "validation-leak",
    ),
    Rule(
        "WD211",
        "cache-after-random-map",
        "a cache behind a map that draws",
        "The first epoch's draws are kept and come again in every epoch: the augmentation is "
        "frozen.",
        "cache() before the random map().",
        _frozen_map,
        f"{_TF}{_SLICES}\nds = ds.map(lambda x, y: (tf.image.random_crop(x, [4, 4]), y)).cache()\n",
        f"{_TF}{_SLICES}\nds = ds.cache().map(lambda x, y: (tf.image.random_crop(x, [4, 4]), y))\n",
        "frozen-augmentation",
    ),
    Rule(
        "WD212",
        "batches-shuffled",
        "batch before shuffle",
        "Only the order of whole batches changes; which samples come together never does.",
        "shuffle() before batch().",
        _batches_shuffled,
        f"{_TF}{_SLICES}.batch(32).shuffle(99, seed=1)\n",
        f"{_TF}{_SLICES}.shuffle(99, seed=1).batch(32)\n",
        "batches-shuffled",
    ),
    Rule(
        "WD213",
        "pipeline-not-kept",
        "a pipeline is changed, and the change is dropped",
        "The methods of a tf.data pipeline return a new one and leave the old one as it was.",
        "ds = ds.map(...)",
        _discarded,
        f"{_TF}{_SLICES}\nds.map(normalize)\n",
        f"{_TF}{_SLICES}\nds = ds.map(normalize)\n",
    ),
)
