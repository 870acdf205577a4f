"""What two calls were given: samples, their order, their batches, the numbers of their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from whydiff.core.calls import HeldValue, Inputs, Leaf, MeasuringCall, combined_rows
from whydiff.core.digests import unordered_digest
from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Finding
from whydiff.core.words import count, listed
from whydiff.diagnosis.calls.fields.findings import differs
from whydiff.diagnosis.calls.fields.held import values_in_words
from whydiff.diagnosis.calls.fields.mode import training_flags
from whydiff.diagnosis.calls.inputs import exchanged


def compare_data(found: dict[str, Finding], a: Inputs, b: Inputs, built: bool) -> None:
    """Findings on samples, order and batches into ``found``."""
    if built:
        probe = "both are given one fixed probe"
        for source in ("data-content", "data-order", "batch-size"):
            found[source] = Finding(source, IDENTICAL, probe)
        return
    rows = [(i.rows("x"), i.rows("y"), i.rows("weight")) for i in (a, b)]
    labelled = len(rows[0][1]) == len(rows[0][0]) and len(rows[1][1]) == len(rows[1][0])
    whole = [combined_rows(list(r[:2] if labelled else r[:1])) for r in rows]
    if not len(whole[0]) or not len(whole[1]):
        for source in ("data-content", "data-order", "batch-size"):
            found[source] = Finding(source, UNKNOWN, "what was fed was not seen")
        return
    _content(found, a, b, whole, labelled)
    n = len(whole[0])
    sizes = [[int(s) for s in i.batches] for i in (a, b)]
    if any(-1 in leaf.shape for i in (a, b) for leaf in i.leaves):
        together = f"{_batches(sizes[0])} vs. {_batches(sizes[1])}; samples of several lengths"
        found["batch-size"] = Finding(
            "batch-size", UNKNOWN, f"{together} come in batches of their own, and go with them"
        )
        return
    found["batch-size"] = (
        Finding("batch-size", IDENTICAL, f"both in {_batches(sizes[0])}")
        if sizes[0] == sizes[1]
        else differs("batch-size", f"{_batches(sizes[0])} vs. {_batches(sizes[1])}")
        if len(whole[0]) == len(whole[1])
        else Finding("batch-size", UNKNOWN, f"other numbers of rows ({n} and {len(whole[1])})")
    )


def _content(
    found: dict[str, Finding],
    a: Inputs,
    b: Inputs,
    whole: Sequence[np.ndarray],
    labelled: bool,
) -> None:
    n, m = len(whole[0]), len(whole[1])
    few = _one_for_another(*whole)
    if few:
        text = f"each of {few} kinds of rows stands for another one, wherever it occurs"
        found["data-content"] = differs("data-content", text, text, "numbered-otherwise")
        found["data-order"] = Finding("data-order", IDENTICAL, "equal rows stand at equal places")
        return
    if n == m and unordered_digest(whole[0]) == unordered_digest(whole[1]):
        what = f"the same {count(n, 'sample')}" + " with their labels" * labelled
        found["data-content"] = Finding("data-content", IDENTICAL, what)
        if np.array_equal(whole[0], whole[1]):
            found["data-order"] = Finding("data-order", IDENTICAL, "in the same order")
        else:
            moved = int(np.any(whole[0] != whole[1], axis=1).sum())
            text = f"the same {n} rows in another order: {moved} stand at other positions"
            kinds = _renamed(*whole)
            if kinds:  # reversed
                text += (
                    f"; or each of {kinds} kinds of rows stands for another one, numbered by "
                    "another vocabulary: the rows do not tell which of the two it is"
                )
            found["data-order"] = differs(
                "data-order",
                f"{moved} of {n} rows are at other positions",
                text,
                "rows-in-another-order",
            )
        return
    apart = _labels_apart(a, b) if labelled else None
    if apart is not None:
        found["data-content"] = apart
        found["data-order"] = (
            Finding("data-order", IDENTICAL, "the samples themselves are in the same order")
            if np.array_equal(a.rows("x"), b.rows("x"))
            else Finding("data-order", UNKNOWN, "the samples come in another order, too")
        )
        return
    places = exchanged(a, b)
    if places:
        found["data-order"] = Finding("data-order", IDENTICAL, "the rows of each are in one order")
        text = f"the same arrays in another place: {places}"
        found["data-content"] = differs("data-content", text, text, "inputs-exchanged")
        return
    found["data-order"] = Finding(
        "data-order", UNKNOWN, "the samples are others, so their order cannot be compared"
    )
    shared = _shared(whole[0], whole[1])
    part = ""
    if n < m and shared == n:
        part = f"A was given {n} of B's {m} samples"
    elif m < n and _shared(whole[1], whole[0]) == m:
        part = f"B was given {m} of A's {n} samples"
    if part:
        found["data-content"] = differs("data-content", part, part, "evaluated-in-part")
        return
    one, other = (", ".join(_form(x) for x in i.of("x")) for i in (a, b))
    text = f"{shared} of {n} rows are also in B's {m}" if shared else "no row is equal"
    text += f"; {one} vs. {other}" if one != other else f"; both {one}"
    found["data-content"] = differs("data-content", text)


def _labels_apart(a: Inputs, b: Inputs) -> Finding | None:
    """How the labels of equal samples differ; None where the samples do, or it is not known which
    label belongs to which."""
    places = _places(a.rows("x"), b.rows("x"))
    one, other = a.rows("y"), b.rows("y")
    if places is None or not len(one) or a.rows("weight").shape != b.rows("weight").shape:
        return None
    other = other[places]
    if np.array_equal(one, other):
        return None  # what differs are their weights
    kinds = _renamed(one, other)
    if kinds:
        moved = len(np.unique(one[np.any(one != other, axis=1)], axis=0))
        text = (
            f"the samples are the same; {moved} of {kinds} labels are renamed, always in the same "
            "way"
        )
        return differs("data-content", text, text, "classes-numbered-otherwise")
    if len({*map(bytes, a.rows("x"))}) < len(one) and not np.array_equal(a.rows("x"), b.rows("x")):
        return None  # which of several equal samples is which is not known
    moved, n = int(np.any(one != other, axis=1).sum()), len(one)
    if unordered_digest(one) == unordered_digest(other):
        text = f"the samples are the same; their labels stand at other rows: {moved} of {n}"
        return differs("data-content", text, text, "labels-in-another-order")
    text = f"the samples are the same; {moved} of {n} labels are others"
    return differs("data-content", text, text, "other-labels")


def _places(a: np.ndarray, b: np.ndarray) -> np.ndarray | None:
    """For each row of A its position in B, of equal ones in their order; None where B does not hold
    the same rows."""
    if len(a) != len(b):
        return None
    places: dict[bytes, list[int]] = {}
    for i in reversed(range(len(b))):
        places.setdefault(b[i].tobytes(), []).append(i)
    found = []
    for row in map(bytes, a):
        if not places.get(row):
            return None
        found.append(places[row].pop())
    return np.asarray(found)


def _renamed(a: np.ndarray, b: np.ndarray) -> int:
    """How many kinds of labels there are, where each of A's is one and the same of B's throughout,
    both have the same kinds, and these occur more often than once; 0 where not."""
    pairs = {*zip(map(bytes, a), map(bytes, b), strict=True)}
    ours, theirs = ({pair[side] for pair in pairs} for side in (0, 1))
    alike = ours == theirs and len(pairs) == len(ours)
    return len(pairs) if alike and 2 * len(pairs) <= len(a) else 0


def _one_for_another(a: np.ndarray, b: np.ndarray) -> int:
    """How many kinds of rows there are, where each of A's stands for one and the same of B's
    wherever it occurs, and most occur more often; 0 where not. Rows in another order would not,
    but for those that are reversed."""
    if len(a) != len(b) or np.array_equal(a, b) or np.array_equal(a, b[::-1]):
        return 0
    return _renamed(a, b)


def _form(leaf: Leaf) -> str:
    return f"{leaf.dtype}[{', '.join('any' if n < 0 else str(n) for n in leaf.shape)}]"


def compare_vocabulary(
    found: dict[str, Finding], held: Mapping[str, Sequence[HeldValue]], b: MeasuringCall
) -> None:
    """Lookup layers that give the same samples other numbers."""
    values = held.get("data-content", ())
    if not values:
        return
    inputs, text = found["data-content"], values_in_words(values, b)
    if inputs.status == DIFFERS:
        text = f"{text}; {inputs.evidence}"
    found["data-content"] = differs("data-content", text, text, "other-vocabulary")


def _shared(a: np.ndarray, b: np.ndarray) -> int:
    theirs = {row.tobytes() for row in b}
    return sum(row.tobytes() in theirs for row in a)


def batches_that_matter(found: dict[str, Finding], a: MeasuringCall, b: MeasuringCall) -> None:
    """Where BatchNormalization runs as in training, rows depend on the others of their batch."""
    size = found["batch-size"]
    normalizing = [
        str(layer).rpartition(": ")[0]
        for layer in a.recipe.architecture.get("layers") or ()
        if str(layer).endswith("BatchNormalization")
    ]
    flags = {**training_flags(a), **training_flags(b)}
    active = [p for p in normalizing if flags.get(f"training:{p}") or flags.get("training")]
    if size.status == DIFFERS and active:
        text = f"{size.evidence}; {listed(active[:3])} uses the statistics of each batch"
        found["batch-size"] = differs("batch-size", size.evidence, text, "batch-statistics")


def _batches(sizes: Sequence[int]) -> str:
    if not sizes:
        return "batches that were not seen"
    if len(sizes) == 1:
        return f"one batch of {sizes[0]}"
    last = f", the last of {sizes[-1]}" if sizes[-1] != sizes[0] else ""
    return f"{len(sizes)} batches of {sizes[0]}{last}"
