"""A recipe: what one ``fit`` did, with one field per source of difference.

Capturing a fit fills the fields; ``diff`` compares them, ``explain`` trains hybrids with some
fields of one recipe and the rest of another. A field is either *facts* (a flat mapping from a
fact's name to a plain JSON value) or a small frozen dataclass where the field is tensors,
samples or an order. A recipe holds digests, never data.

Keys of the facts (capture writes them, sources read them; ``*`` stands for a canonical path):

optimizer     ``class``, every hyperparameter of its config flattened with dots
              (``learning_rate``, ``learning_rate.class``, ``learning_rate.decay_steps``,
              ``clipnorm``, ``use_ema``), ``callbacks`` (list: callbacks that change it)
objective     ``loss`` (class or function name), ``loss.*`` (its config), ``loss_weights``,
              ``class_weight``, ``sample_weight`` (bool), ``regularizer:*``,
              ``activity_regularizer:*``, ``code:*`` (digest of a function of the user's)
architecture  ``model`` (class), ``inputs``, ``outputs`` (shapes), ``layers`` (list of
              ``path: Class``), ``layer:*:KEY`` (a layer's settings), ``connections``
              (of a nested model ``connections:*``),
              ``trainable:*``, ``initializer:*`` is not here, ``code:*``
mode          ``training:*`` (a ``training=`` baked into a layer's call), ``code:train_step``,
              ``train_step:gradients`` (where it never sets them to zero)
duration      ``epochs``, ``initial_epoch``, ``callbacks`` (list: callbacks that may stop it)
precision     ``floatx``, ``policy:*`` (per layer), ``loss_scale``
measurement   ``metrics``, ``weighted_metrics`` (lists with their configs),
              ``validation`` (digest or ""), ``validation_freq``, ``code:*``
backend       ``backend``
version       ``python``, ``keras``, ``numpy`` and the backend's packages
hardware      ``cpu``, ``machine``, ``devices``, ``threads.*``, ``flags.*`` (environment
              variables that select kernels or threads)
arithmetic    ``jit_compile``, ``run_eagerly``, ``steps_per_execution``, ``deterministic``
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import numpy as np

#: Fact name -> plain JSON value (None, bool, int, float, str, list of those).
Facts = Mapping[str, Any]


#: in the place of the index of a fit: one of the same process, before the recording began
BEFORE = 0


def named_fit(index: int) -> str:
    """``fit 2``, or that it is none of the recording's."""
    return f"fit {index}" if index != BEFORE else "a fit before this recording"


@dataclass(frozen=True)
class Tensor:
    """One variable at one moment.

    ``path`` is canonical: names that Keras numbered by itself are numbered anew within the
    model, so ``sequential_3/dense_7/kernel`` of one model and ``sequential/dense/kernel`` of
    another are both ``dense/kernel``.
    """

    path: str
    #: "trainable" | "non-trainable" | "seed" | "slot" | "hyperparameter" | "hidden" (held by a
    #: layer, untracked: the state of a stateful recurrent layer) | "frozen seed" (a generator
    #: that is drawn from only while a step is traced) | "operation seed" (of operations that draw
    #: by themselves)
    role: str
    shape: tuple[int, ...]
    dtype: str
    digest: str  # 32 hex digits, see whydiff.core.digests
    #: index of the earlier fit of the same execution that left this very value, BEFORE where it
    #: ran before the recording; None where none did
    trained_by: int | None = None


@dataclass(frozen=True, eq=False)
class Order:
    """Which sample was fed at which position: one array of sample indices per epoch.

    An index points into :class:`Content`. ``relative`` says that the canonical order of the
    samples is unknown (a stream), so indices count samples by first appearance.
    """

    epochs: tuple[np.ndarray, ...] = ()  # int64, shape (samples fed in that epoch,)
    relative: bool = False


@dataclass(frozen=True, eq=False)
class Content:
    """The samples themselves, as digests of (x, y) row by row.

    ``samples`` has shape (n, 2), dtype uint64: the 128-bit digest of sample i. For arrays i is
    the row in the array given to ``fit``; for a stream samples count by first appearance.
    ``unit`` is "sample", or "batch" where a batch cannot be cut into samples. ``weights`` is
    the digest of sample weights sample by sample (shape (n, 2)), or None if there were none.

    ``leaves`` tells the arrays of a sample apart: for each entry of ``signature`` the digests of
    the first samples' values (shape (m, 2), m <= n) as float32 and without regard to their shape,
    so that a cast or ``(n,)`` against ``(n, 1)`` shows as equal. ``validation_samples`` are the
    validation samples as ``samples`` has the others, in their order.
    """

    samples: np.ndarray
    unit: str = "sample"
    signature: tuple[str, ...] = ()  # per leaf "x: float32 (64,)"
    weights: np.ndarray | None = None
    validation: str = ""  # digest of the validation samples in order, "" if there were none
    leaves: tuple[np.ndarray, ...] = ()
    validation_samples: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Batching:
    """How the order was cut: number of samples of each batch, one int64 array per epoch."""

    epochs: tuple[np.ndarray, ...] = ()
    facts: Facts = field(default_factory=dict)  # batch_size, steps_per_epoch as asked for


#: The fact of a measurement that names metrics which no epoch sets back to where the first began.
NOT_RESET = "not reset between epochs"


#: The fact of an optimizer of successive fits that names the epochs, counting from 1, in which
#: another one with fresh moments and step count took over.
STARTED_ANEW = "started anew in epoch"
#: The fact of an optimizer of successive fits that names the epochs, counting from 1, in which
#: callbacks that set it by the number of the epoch were given 0 again.
COUNTED_ANEW = "callbacks count from 0 again in epoch"


@dataclass(frozen=True, eq=False)
class Recipe:
    """One field per source; field ``data_order`` belongs to source id ``data-order``."""

    initialization: tuple[Tensor, ...]  # every weight before the first step
    data_order: Order
    noise: tuple[Tensor, ...]  # state of every seed generator before the first step
    data_content: Content
    batch_size: Batching
    optimizer: Facts
    objective: Facts
    architecture: Facts
    mode: Facts
    state: tuple[Tensor, ...]  # optimizer slots and iteration count before the first step
    duration: Facts
    precision: Facts
    measurement: Facts
    backend: Facts
    version: Facts
    hardware: Facts
    arithmetic: Facts


#: Public source ids in the order of the design's table.
SOURCE_IDS: tuple[str, ...] = (
    "initialization",
    "data-order",
    "noise",
    "data-content",
    "batch-size",
    "optimizer",
    "objective",
    "architecture",
    "mode",
    "state",
    "duration",
    "precision",
    "measurement",
    "backend",
    "version",
    "hardware",
    "arithmetic",
)


def compiled_metrics(recipe: Recipe) -> list[Any]:
    """The metrics in the order in which the script compiled them: names or configurations."""
    compiled: list[Any] = []
    for key in ("metrics", "weighted_metrics"):
        value = recipe.measurement.get(key)
        compiled += value if isinstance(value, list) else [] if value is None else [value]
    return compiled


def align(a: Sequence[Tensor], b: Sequence[Tensor]) -> list[tuple[int, int]]:
    """Pairs (index in ``a``, index in ``b``) of corresponding tensors of equal shape.

    Lists of equal shapes pair by position (two builds of one model), unless they hold the same
    paths in another order: then layers have names of the script's. Otherwise equal canonical paths
    with equal shapes pair first, and what is left pairs by position between them where role and
    shape agree, so that a layer put in between does not shift every later pair. Sorted by index in
    ``a``; no index comes twice.
    """
    if [t.shape for t in a] == [t.shape for t in b]:
        return by_name([(t.path, t.shape) for t in a], [(t.path, t.shape) for t in b])
    keys_a = [(t.path, t.shape) for t in a]
    keys_b = [(t.path, t.shape) for t in b]
    blocks = SequenceMatcher(None, keys_a, keys_b, autojunk=False).get_matching_blocks()
    anchors = [(m.a + k, m.b + k) for m in blocks for k in range(m.size)]
    moved = _moved(keys_a, keys_b, anchors)
    taken_a, taken_b = {i for i, _ in moved}, {j for _, j in moved}
    pairs = anchors + moved
    last_a = last_b = 0
    for i, j in [*anchors, (len(a), len(b))]:
        rows = [k for k in range(last_a, i) if k not in taken_a]
        columns = [k for k in range(last_b, j) if k not in taken_b]
        pairs += _same_shapes(a, b, rows, columns)
        last_a, last_b = i + 1, j + 1
    return sorted(pairs)


def by_name(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Pairs of positions by position, or by equal keys where ``b`` has those of ``a`` otherwise
    ordered."""
    where = {key: j for j, key in enumerate(b)}
    if len(where) == len(a) == len(b) and set(a) == set(where):
        return [(i, where[key]) for i, key in enumerate(a)]
    return [(i, i) for i in range(min(len(a), len(b)))]


def _moved(
    keys_a: Sequence[object], keys_b: Sequence[object], anchors: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Equal keys that the anchors leave out because they stand in another order."""
    used_a, used_b = {i for i, _ in anchors}, {j for _, j in anchors}
    free: dict[object, list[int]] = {}
    for j, key in enumerate(keys_b):
        if j not in used_b:
            free.setdefault(key, []).append(j)
    return [
        (i, free[key].pop(0)) for i, key in enumerate(keys_a) if i not in used_a and free.get(key)
    ]


def _same_shapes(
    a: Sequence[Tensor], b: Sequence[Tensor], rows: Sequence[int], columns: Sequence[int]
) -> list[tuple[int, int]]:
    shapes_a = [(a[i].role, a[i].shape) for i in rows]
    shapes_b = [(b[j].role, b[j].shape) for j in columns]
    blocks = SequenceMatcher(None, shapes_a, shapes_b, autojunk=False).get_matching_blocks()
    return [(rows[m.a + k], columns[m.b + k]) for m in blocks for k in range(m.size)]
