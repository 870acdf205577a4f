"""What was seen of the uses of a model that measure: ``evaluate``, ``predict``, the model called.

Calls are numbered from 1 over all calls of an execution, fits and loops included
(``Fit.call``), in the order in which they began. A measuring call ends in numbers and outputs,
not in weights; its recipe has one field per source of difference, with values as they were used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from whydiff.core.recipe import Facts, Tensor
from whydiff.core.scoring import TABLES
from whydiff.core.stack import Frame

#: Kinds of measuring calls. ``call`` is the model called directly by the user's code, ``built``
#: a model that was built and neither trained nor called, ``score`` a metric function
#: (scikit-learn's, or a Keras metric or loss called on arrays) that read a watched prediction.
KINDS: tuple[str, ...] = ("evaluate", "predict", "call", "built", "score")

#: Where a function of the script's own stands in ``Score.function``.
BY_HAND = "by hand"
#: Where a number stands there that was taken out of the list that evaluate returned.
FROM_LIST = "from the list"

#: Where a metric stands there that one evaluate gave beside another one.
BESIDE = "beside"
#: The note of an evaluate whose numbers the script prints one by one: by metric, "root" where its
#: square root is printed.
PRINTED_OF = "printed"
#: What stands between the metrics of a sum there.
SUMMED = " + "

#: Where a mean stands there that the script took over the numbers of several calls of evaluate, or
#: of the function that follows.
OVER_BATCHES = "mean over batches"

#: The note of a call that a callback made where an epoch of a fit ended: the fit's number.
WITHIN = "within fit"
#: note of such a call: how many steps the fit had done
AFTER_STEPS = "after steps"
#: The note of an evaluate made while a loop of ``train_on_batch`` is open: what its latest steps
#: returned, each with its place in the loop: {"fit": 1, "steps": [[8, {"loss": 0.5}], ...]}.
BEHIND_STEPS = "behind steps"

#: The note of a call of a function that a model was exported to: the path and the function's name.
EXPORTED = "exported"

#: The fact of an "adapt" event: what the layer learned, as ``stats.adapted`` reads it.
LEARNED = "learned"

#: The fact of inputs from a PyDataset of the script's own: its "class", whether its constructor has
#: an argument "shuffle", and of "methods" that draw random numbers the file and line, by name.
REORDERS = "reorders"

_NO_ROWS = np.empty((0, 2), np.uint64)


@dataclass(frozen=True, eq=False)
class Leaf:
    """One array that was fed, over all batches in the order as fed.

    ``rows`` has shape (n, 2), uint64: a 128-bit digest per row (per batch where ``Inputs.unit``
    is "batch"). ``shape`` is a row's shape; -1 where it differs between batches.
    """

    role: str  # "x" | "y" | "weight"; of a score: "y" the labels, "x" the predictions
    path: str  # place in the nested structure, parts joined by "/": "", "image", "0"
    dtype: str
    shape: tuple[int, ...]
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that was fed. ``batches`` (int64) holds the number of rows of each batch."""

    leaves: tuple[Leaf, ...] = ()
    batches: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    unit: str = "sample"  # | "batch", where a batch cannot be cut into samples
    #: how the data were given: ``source`` ("arrays", "tf.data", "PyDataset", "torch DataLoader",
    #: "generator"), ``batch_size``, ``steps`` as passed, ``seen`` False where not all of it could
    #: be digested; REORDERS
    facts: Facts = field(default_factory=dict)

    def rows(self, role: str) -> np.ndarray:
        """Digest per row over all leaves of a role, (n, 2) uint64; (0, 2) where it has none."""
        return combined_rows([leaf.rows for leaf in self.leaves if leaf.role == role])

    def of(self, role: str) -> tuple[Leaf, ...]:
        return tuple(leaf for leaf in self.leaves if leaf.role == role)


def combined_rows(parts: list[np.ndarray]) -> np.ndarray:
    """One digest per row from the digests of several arrays with equally many rows."""
    if not parts:
        return _NO_ROWS
    total = parts[0].astype(np.uint64)
    for part in parts[1:]:  # position counts: (a, b) differs from (b, a)
        total = _mixed(total * np.uint64(0x9E3779B97F4A7C15) + part)
    return total


def _mixed(values: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64: sums of these tell which parts belonged to one row.

    Sums of sums would not: labels in another order than their samples would give the same one.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed


@dataclass(frozen=True, eq=False)
class Output:
    """One output. ``rows`` as in :class:`Leaf`; ``values`` are kept while small, else None."""

    name: str  # "" for a model's only output, else the key or position: "0", "logits"
    dtype: str
    shape: tuple[int, ...]  # with the rows
    rows: np.ndarray
    values: np.ndarray | None = None


@dataclass(frozen=True)
class GeneratorState:
    """A global random generator around a call; digests differ where the call drew from it."""

    name: str  # "python" | "numpy" | "torch" | "tensorflow"
    before: str
    after: str
    by_loader: bool = False  # all that was drawn are seeds that torch's loader draws for itself

    @property
    def drew(self) -> bool:
        """Whether the model, or what it calls, drew from it."""
        return self.before != self.after and not self.by_loader


@dataclass(frozen=True)
class HeldValue:
    """Something that decides an output and is no variable of the model.

    ``traced`` is the digest at the time when the compiled function that ran was traced: where
    it is set and differs from ``digest``, the function still computes with the older value.
    """

    name: str  # "normalization/mean", "lambda: global SCALE"
    #: "attribute" | "setting" (one that the architecture's facts tell, too) | "vocabulary" |
    #: "recurrent state" | "global" | "closure"
    kind: str
    layer: str  # canonical path
    digest: str
    value: Any = None  # plain JSON while small: a number, a string, a short list
    traced: str = ""
    traced_value: Any = None

    @property
    def stale(self) -> bool:
        return bool(self.traced) and self.traced != self.digest


@dataclass(frozen=True)
class Origin:
    """Where the value of one weight came from, as far as it was watched.

    ``kind``: "drawn" (by an initializer), "trained" (by ``fit``), "file" (``path``; with
    ``epoch`` and ``fit`` where the file was seen being written), "copied" (from ``model``, with
    ``set_weights`` or ``assign``), "left as drawn" (a load skipped it), "restored" (best weights,
    ``epoch`` of ``fit``), "average" (an optimizer's EMA), "adapted", "assigned", "quantized",
    "unwatched" (changed by a loop outside anything watched), "given" (to ``stateless_call``, while
    the model held other values) or "unknown".
    """

    text: str  # for a reader: "drawn with seed 42 at line 8"
    kind: str
    event: int | None = None  # number of the event that put it there
    draw: int | None = None  # number in the seed ledger
    seed: int | None = None
    fit: int | None = None
    epoch: int | None = None  # counts from 1, as Keras prints it
    model: int | None = None
    path: str = ""
    line: int | None = None


@dataclass(frozen=True, eq=False)
class CallRecipe:
    """One field per source of difference of a measuring call.

    Facts use the keys that :mod:`whydiff.core.recipe` lists. ``mode`` adds ``training`` (the
    argument: None, True or False), ``training:*`` (the resolved flag at each layer, as seen when
    the layer ran or was traced), ``baked:*`` (a ``training=`` that the graph of a functional model
    was built with), ``eager`` (bool) and ``through`` ("evaluate", "predict",
    "call").
    """

    weights: tuple[Tensor, ...] = ()
    origins: tuple[Origin, ...] = ()  # aligned with weights
    #: state of every seed generator before the call; of role "operation seed" what an operation of
    #: the compiled function had drawn by then
    noise: tuple[Tensor, ...] = ()
    generators: tuple[GeneratorState, ...] = ()
    inputs: Inputs = field(default_factory=Inputs)
    state: tuple[HeldValue, ...] = ()
    architecture: Facts = field(default_factory=dict)
    precision: Facts = field(default_factory=dict)
    objective: Facts = field(default_factory=dict)
    measurement: Facts = field(default_factory=dict)
    mode: Facts = field(default_factory=dict)
    backend: Facts = field(default_factory=dict)
    version: Facts = field(default_factory=dict)
    hardware: Facts = field(default_factory=dict)
    arithmetic: Facts = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Score:
    """What a metric function read. ``rows`` are the labels, a digest per row, (n, 2) uint64.

    ``transformation`` leads from the output of call ``reads`` to what the function was given:
    "", "argmax", "round", "threshold 0.5", "ravel" or two joined by " then "; "position 1" or
    "name auc" for a number that was taken out of what an evaluate returned. ``exchanged``: the
    function was given the output as its labels.
    """

    #: "sklearn.metrics.accuracy_score", "keras.metrics.AUC"; "by hand.accuracy" where the script
    #: computed it with NumPy, by the formula in ``settings``
    function: str
    reads: int  # number of the call whose output it was given
    output: str  # name of that output
    transformation: str
    rows: np.ndarray
    settings: Facts = field(default_factory=dict)
    exchanged: bool = False

    @property
    def name(self) -> str:
        """What a reader calls it: ``accuracy_score``, ``accuracy by hand``."""
        module, _, name = self.function.rpartition(".")
        if self.beside:
            one = "fit" if self.settings.get("logged") else "evaluate"
            return f"{self.beside} of the same {one}"
        if module == FROM_LIST:
            return f"what is printed as {name}" if name[:1] != "[" else f"{name} of evaluate"
        if self.is_mean:
            return f"the mean of {name} over batches"
        if self.function in TABLES:
            return f"the accuracy in {name}"
        return f"{name} by hand" if module == BY_HAND else name

    @property
    def of(self) -> str:
        """The function; of a mean over batches, that which was called for each."""
        return self.function.removeprefix(f"{OVER_BATCHES}.")

    @property
    def is_mean(self) -> bool:
        """Whether it is a mean over several calls of evaluate, or over several scores."""
        return self.function.startswith(f"{OVER_BATCHES}.")

    @property
    def beside(self) -> str:
        """The metric that it is of the very evaluate that it is held against, "" for others."""
        prefix, _, metric = self.function.partition(".")
        return metric if prefix == BESIDE else ""

    @property
    def key(self) -> int | str | None:
        """Where in what evaluate returned the number stands, if it was taken from there."""
        if not self.function.startswith(f"{FROM_LIST}."):
            return None
        how, _, key = self.transformation.partition(" ")
        return int(key) if how == "position" else key


@dataclass(frozen=True, eq=False)
class MeasuringCall:
    """One use of a model that measures."""

    number: int
    kind: str  # see KINDS
    model: str  # class and name, e.g. "Sequential 'sequential_1'"
    model_number: int  # models count from 1 in the order in which they were first seen
    stack: tuple[Frame, ...]  # outermost first; the last frame is the line that called
    recipe: CallRecipe
    outputs: tuple[Output, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)  # metrics by name
    finished: bool = True
    seconds: float = 0.0
    score: Score | None = None
    #: "method" where it was ``predict_on_batch`` or ``test_on_batch``; "unknown: ..." for what
    #: could not be seen; "thrown away" where the script does nothing with what it gave; "beside",
    #: "there" and "here": number of another evaluate, the metric that it has where a number was
    #: taken from, and the metric that was taken; "means": numbers of the scores of which it is the
    #: mean; "joined": numbers of the calls of a loop that this one stands for; "part": rows of the
    #: call to which this one is restricted; "validation of": index of the fit whose validation this
    #: one stands for; WITHIN; PRINTED_OF; EXPORTED
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> int | None:
        return self.stack[-1].line if self.stack else None

    @property
    def returned(self) -> list[str]:
        """The metrics that an evaluate returned, in their order."""
        return [str(name) for name in self.notes.get("listed") or self.values]


#: Events by which a script gives a model weights of another one, of a file, or of its own.
PUT_WEIGHTS = frozenset({"set_weights", "load_weights", "load_model", "assign"})


@dataclass(frozen=True)
class Event:
    """Something that put values into a model, or took them out, outside of a call.

    ``kind``: "load_model", "load_weights", "save", "save_weights", "checkpoint", "set_weights",
    "get_weights", "assign", "clone_model", "quantize", "enable_lora", "adapt",
    "export", "restore_best_weights", "swap_ema", "compile", "trainable", "reset_states", "loop" (an
    optimizer begins to train the model in a loop outside anything watched).
    ``facts`` are plain JSON: ``path``, ``skipped`` (list of canonical paths), ``skip_mismatch``,
    ``by_name``, ``epoch`` and ``fit`` (of a checkpoint), ``from`` (number of the model copied
    from), ``variables`` (list), ``before`` and ``after`` (of a setting), ``optimizer`` (class and
    settings, as a recipe has them).
    """

    number: int  # counts from 1 within the execution
    after_call: int  # number of the last call that had begun; 0 before the first
    kind: str
    model: str
    model_number: int
    stack: tuple[Frame, ...] = ()
    facts: Facts = field(default_factory=dict)


def joined_call(calls: Sequence[MeasuringCall]) -> MeasuringCall:
    """Calls that a loop made one after the other as one call that fed all of their batches.

    They have equally many outputs and inputs; the number is that of the first.
    """
    first = calls[0]
    inputs = [call.recipe.inputs for call in calls]
    leaves = tuple(
        replace(
            leaf,
            shape=leaf.shape if len({i.leaves[k].shape for i in inputs}) == 1 else (-1,),
            rows=np.concatenate([i.leaves[k].rows for i in inputs]),
        )
        for k, leaf in enumerate(first.recipe.inputs.leaves)
    )
    batches = np.concatenate([i.batches for i in inputs])
    joined = replace(first.recipe.inputs, leaves=leaves, batches=batches)
    return replace(
        first,
        recipe=replace(first.recipe, inputs=joined),
        outputs=tuple(_joined_output([c.outputs[k] for c in calls])
                      for k in range(len(first.outputs))),
        notes={**first.notes, "joined": [call.number for call in calls]},
    )  # fmt: skip


def part_of(call: MeasuringCall, rows: Sequence[int]) -> MeasuringCall:
    """A call as far as it answered these rows of its inputs; ``batches`` are those of all of it."""
    places = np.asarray(rows)
    inputs = call.recipe.inputs
    leaves = tuple(replace(leaf, rows=leaf.rows[places]) for leaf in inputs.leaves)
    outputs = tuple(
        replace(
            output,
            shape=(len(places), *output.shape[1:]),
            rows=output.rows[places],
            values=None if output.values is None else output.values[places],
        )
        for output in call.outputs
    )
    return replace(
        call,
        recipe=replace(call.recipe, inputs=replace(inputs, leaves=leaves)),
        outputs=outputs,
        notes={**call.notes, "part": [int(row) for row in rows]},
    )


def _joined_output(parts: Sequence[Output]) -> Output:
    rows = np.concatenate([part.rows for part in parts])
    values = [part.values for part in parts if part.values is not None]
    whole = len(values) == len(parts) and len({v.shape[1:] for v in values}) == 1
    return replace(
        parts[0],
        shape=(len(rows), *parts[0].shape[1:]),
        rows=rows,
        values=np.concatenate(values) if whole else None,
    )


@dataclass(frozen=True, eq=False)
class SavedModel:
    """What a ``.keras`` or ``.weights.h5`` file holds, or one of the older format, ``.h5``.

    ``config`` is the model's own configuration and ``compiled`` that of ``compile``, both {} in a
    file of weights. ``tensors`` are all arrays by their path in the file, ``layers/dense/vars/0``,
    those of the optimizer below ``optimizer/``. ``refused`` says why the model is not loaded, ""
    if it may be.
    """

    path: str
    config: Mapping[str, Any] = field(default_factory=dict)
    compiled: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict)
    keras: str = ""  # the version that saved it
    refused: str = ""
