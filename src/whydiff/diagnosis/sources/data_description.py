"""Data described by what they are: which arrays differ and how, what is repeated or missing.

All is read off digests of rows; what would need the values themselves is not said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whydiff.core.recipe import Recipe
from whydiff.diagnosis.sources.samples import fed_twice

#: Share of validation samples among the training samples from which they are worth a word. Data of
#: few distinct rows share some by nature.
LEAK = 0.05
#: Labels that a fixed mapping may exchange.
MOST_LABELS = 1000
#: Mechanism: rows of the arrays stand beside others than they belong to.
MISMATCHED = "rows-mismatched"
#: What follows from rows that have other rows beside them.
_MIXED_UP = "the inputs of one side at least have lost their targets"
#: Mechanism: beside equal inputs stand the targets of some places further on.
MOVED = "targets-moved"
#: A series is off by one, or by the horizon of its forecast; it changes often enough to tell.
_MOST_PLACES, _FEWEST_CHANGES = 100, 10
#: Fewer inputs than this have other targets by chance.
_FEWEST = 20


@dataclass(frozen=True)
class Relation:
    """How the samples of two fits relate, in words; ``mechanism`` may be "".

    ``inputs_only``: the targets are equal, row by row, and the inputs are not.
    """

    text: str
    mechanism: str = ""
    inputs_only: bool = False


def relation(a: Recipe, b: Recipe) -> Relation | None:
    """What makes the samples of A and B differ, array by array; None where nothing is known."""
    one, two = a.data_content, b.data_content
    if "batch" in (one.unit, two.unit) or not one.leaves or len(one.leaves) != len(two.leaves):
        return None
    names = names_of(one.signature)
    # One number for equal rows of whichever array and side.
    ids = _numbered([*one.leaves, *two.leaves])
    left, right = ids[: len(one.leaves)], ids[len(one.leaves) :]
    if len(names) != len(left):
        return None
    exchanged = _exchanged(left, right, names)
    if exchanged:
        return Relation(f"{exchanged}: the same arrays in another place", "inputs-exchanged")
    pairs = [_same_rows(x, y) for x, y in zip(left, right, strict=True)]
    apart = _paired_otherwise((a, b), (left, right), names)
    if apart:
        return Relation(apart, MISMATCHED)
    if all(pairs):
        return _same_values(one.signature, two.signature, names)
    if not any(pairs):
        return None
    if not all(_tells(left[i], right[i]) for i, same in enumerate(pairs) if same):
        return None
    equal = [name for name, same in zip(names, pairs, strict=True) if same]
    other = [name for name, same in zip(names, pairs, strict=True) if not same]
    text = f"{_listed(equal)} equal, {_listed(other)} {'differs' if len(other) == 1 else 'differ'}"
    mapped = _mapped(left, right, pairs)
    if mapped:
        return Relation(f"{text}: {mapped}", "labels-permuted")
    steps = {_places(x, y) for x, y, same in zip(left, right, pairs, strict=True) if not same}
    places = min(steps) if len(steps) == 1 else 0
    if places and all(map(np.array_equal, *_only(pairs, left, right))):
        whose = f"row i of B is row i {'+' if places > 0 else '-'} {abs(places)} of A"
        return Relation(f"{text}: {whose}", MOVED)
    roles = [entry.partition(":")[0] for entry in one.signature if not entry.endswith(": none")]
    return Relation(
        text, inputs_only=all(s == (r != "x") for r, s in zip(roles, pairs, strict=True))
    )


def names_of(signature: Sequence[str]) -> list[str]:
    """``x`` and ``y``; numbered where there are several: ``input 1``, ``input 2``, ``target``."""
    roles = [entry.partition(":")[0] for entry in signature if not entry.endswith(": none")]
    words = {"x": "input", "y": "target"}
    names = []
    for position, role in enumerate(roles):
        same = [i for i, other in enumerate(roles) if other == role]
        word = words.get(role, role)
        names.append(f"{word} {same.index(position) + 1}" if len(same) > 1 else role)
    return names


def _numbered(leaves: Sequence[np.ndarray]) -> list[np.ndarray]:
    rows = [np.ascontiguousarray(leaf, np.uint64).reshape(-1, 2) for leaf in leaves]
    keys = np.concatenate(rows).view("u8,u8").reshape(-1)
    _, ids = np.unique(keys, return_inverse=True)
    return np.split(ids, np.cumsum([len(r) for r in rows])[:-1])


def _same_rows(x: np.ndarray, y: np.ndarray) -> bool:
    return len(x) == len(y) and np.array_equal(np.sort(x), np.sort(y))


def _tells(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether equal rows say something: labels in another order may be as many by chance."""
    return np.array_equal(x, y) or len(np.unique(x)) > len(x) / 2


def _exchanged(left: Sequence[np.ndarray], right: Sequence[np.ndarray], names: list[str]) -> str:
    """Which arrays of A stand at another place in B, where that is all there is."""
    if all(_same_rows(x, y) for x, y in zip(left, right, strict=True)):
        return ""
    taken: list[int] = []
    for x in left:
        fits = [j for j, y in enumerate(right) if j not in taken and _same_rows(x, y)]
        if not fits:
            return ""
        taken.append(fits[0])
    moved = [names[i] for i, j in enumerate(taken) if i != j]
    return f"{_listed(moved)} are exchanged" if moved else ""


def _paired_otherwise(
    recipes: tuple[Recipe, Recipe],
    ids: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    names: Sequence[str],
) -> str:
    """Says so where the arrays hold the same rows, and other rows stand beside each other."""
    left, right = (_as_fed(recipe, leaves) for recipe, leaves in zip(recipes, ids, strict=True))
    if len({len(rows) for rows in (*left, *right)}) > 1 or not all(
        map(_same_rows, left, right)
    ):  # other parts of the same arrays, it may be
        return _beside_others(recipes[0], ids)
    together = [np.unique(np.stack(side, axis=1), axis=0, return_counts=True)
                for side in (left, right)]  # fmt: skip
    if all(map(np.array_equal, *together)):
        return ""
    still = [
        name
        for i, name in enumerate(names)
        if any(map(np.array_equal, (left[i], ids[0][i]), (right[i], ids[1][i])))
    ]
    moved = [name for name in names if name not in still]
    if not still or not moved:
        text = f"{_listed(names)} hold the same rows in A and B"
    else:
        text = f"{_listed(moved)} in another order, {_listed(still)} not"
    return f"{text}, so that other rows belong together: {_MIXED_UP}"


def _as_fed(recipe: Recipe, leaves: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The rows of each array in the order in which the first epoch was fed them: equal samples of
    arrays are recorded once, and are as many rows as come."""
    order = np.asarray(recipe.data_order.epochs[0] if recipe.data_order.epochs else (), np.int64)
    shortest = min(map(len, leaves))
    if not len(order) or order.min() < 0 or order.max() >= shortest:
        return list(leaves)
    return [leaf[order] for leaf in leaves]


def _beside_others(a: Recipe, ids: tuple[Sequence[np.ndarray], Sequence[np.ndarray]]) -> str:
    """Says so where inputs that A and B both hold have other targets in B, no fewer than chance
    gives them, and these are no other targets: other parts of arrays that were paired otherwise.

    Targets that were renamed, or drawn anew for inputs that kept their places, are none such.
    """
    roles = [entry.partition(":")[0] for entry in a.data_content.signature
             if not entry.endswith(": none")]  # fmt: skip
    parts = [[i for i, role in enumerate(roles) if role == wanted] for wanted in ("x", "y")]
    if not all(parts):
        return ""
    (x, other_x), (y, other_y) = (_joined(ids, part) for part in parts)
    if np.array_equal(x, other_x):
        return ""
    (one, labels), (other, others) = _with_one_target(x, y), _with_one_target(other_x, other_y)
    shared, at, there = np.intersect1d(one, other, assume_unique=True, return_indices=True)
    p, q = labels[at], others[there]
    n = len(shared)
    if n < max(_FEWEST, min(len(one), len(other)) / 2):
        return ""
    if min(np.isin(p, other_y).mean(), np.isin(q, y).mean()) < 0.5:
        return ""
    kinds = len(np.unique(p)), len(np.unique(q)), len(np.unique(np.stack([p, q]), axis=1)[0])
    if kinds[0] == kinds[1] == kinds[2] < n / 2:
        return ""
    _, codes = np.unique(np.concatenate([p, q]), return_inverse=True)
    shares = [np.bincount(side, minlength=codes.max() + 1) / n for side in np.split(codes, 2)]
    chance = float(shares[0] @ shares[1])
    equal = float((p == q).mean())
    if equal > min(0.9, chance + 3 * (chance * (1 - chance) / n) ** 0.5):
        return ""
    return (
        f"{int((p != q).sum())} of {n} inputs that A and B both hold have another target in B, no "
        f"fewer than by chance: {_MIXED_UP}"
    )


def _joined(
    ids: tuple[Sequence[np.ndarray], Sequence[np.ndarray]], part: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """A number for what several arrays hold at one place, the same where all of them do."""
    sides = [np.stack([leaves[i] for i in part], axis=1) for leaves in ids]
    _, found = np.unique(np.concatenate(sides), axis=0, return_inverse=True)
    found = found.reshape(-1)
    return found[: len(sides[0])], found[len(sides[0]) :]


def _with_one_target(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inputs that have one target wherever they come, with it."""
    pairs = np.unique(np.stack([x, y], axis=1), axis=0)
    inputs, first, counts = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    return inputs[counts == 1], pairs[first[counts == 1], 1]


def _same_values(one: Sequence[str], two: Sequence[str], names: Sequence[str]) -> Relation | None:
    """All values are equal as float32: a cast, or another shape."""
    kinds = [[e for e in s if not e.endswith(": none")] for s in (one, two)]
    changed = [
        f"{name} {p.partition(': ')[2]} vs. {q.partition(': ')[2]}"
        for name, p, q in zip(names, *kinds, strict=True)
        if p != q
    ]
    if changed:
        return Relation(f"equal values after a cast: {', '.join(changed)}", "other-dtype")
    if any("float64" in entry or "int64" in entry for entry in kinds[0]):
        return Relation("equal as float32; they differ by less than float32 can hold")
    return None


def _mapped(left: Sequence[np.ndarray], right: Sequence[np.ndarray], pairs: Sequence[bool]) -> str:
    """Whether the differing array of B is that of A with its values renamed one to one."""
    differing, *more = [i for i, same in enumerate(pairs) if not same]
    if more or len(left[differing]) != len(right[differing]):
        return ""
    equal = [i for i, same in enumerate(pairs) if same]
    if any(not np.array_equal(left[i], right[i]) for i in equal):
        return ""  # the rows come in another order: which belongs to which is not known here
    x, y = left[differing], right[differing]
    pairs_seen = {(int(p), int(q)) for p, q in zip(x, y, strict=True)}
    values = len({p for p, _ in pairs_seen}), len({q for _, q in pairs_seen})
    labels = values[0] <= min(MOST_LABELS, len(x) / 2)  # rows that hardly repeat are no labels
    if not values[0] == values[1] == len(pairs_seen) or not labels:
        return ""
    moved = sum(p != q for p, q in pairs_seen)
    return f"{moved} of {values[0]} labels are renamed, always in the same way"


def _only(pairs: Sequence[bool], *sides: Sequence[np.ndarray]) -> tuple[list[np.ndarray], ...]:
    """The arrays of each side that hold the same rows in both."""
    return tuple([rows for rows, same in zip(side, pairs, strict=True) if same] for side in sides)


def _places(x: np.ndarray, y: np.ndarray) -> int:
    """How many places further on in A the rows of B stand, all of them; 0 where they do not.

    In long runs of equal rows a few other values would look like a move.
    """
    if len(x) != len(y) or np.count_nonzero(x[1:] != x[:-1]) < _FEWEST_CHANGES:
        return 0
    for places in range(1, min(_MOST_PLACES, len(x) // 2) + 1):
        if np.array_equal(x[places:], y[:-places]):
            return places
        if np.array_equal(y[places:], x[:-places]):
            return -places
    return 0


def repeats(recipe: Recipe) -> str:
    """What a stream repeats within an epoch: ``32 distinct samples for 640``; "" if little.

    Equal samples of one batch are not fed again: whoever drew it drew them together.
    """
    if not recipe.data_order.relative or recipe.data_content.unit == "batch":
        return ""
    if any(len(sizes) == 1 for sizes in recipe.batch_size.epochs[:1]):
        return ""
    epochs = [np.asarray(e) for e in recipe.data_order.epochs if len(e)]
    if not epochs:
        return ""
    distinct, fed = len(np.unique(epochs[0])), len(epochs[0])
    if distinct > fed / 2:
        return ""
    return (
        f"the same {distinct} samples again and again: an epoch feeds {fed} samples, of which "
        f"{distinct} are distinct"
    )


def misses(recipe: Recipe, other: Recipe) -> str:
    """What a stream repeats within an epoch in place of samples that the other side feeds once in
    an epoch of the same length; "" if it does not."""
    if not recipe.data_order.relative or "batch" in (_unit(recipe), _unit(other)):
        return ""
    orders = [r.data_order.epochs[:1] for r in (recipe, other)]
    if not all(orders) or len(orders[0][0]) != len(orders[1][0]):
        return ""
    fed, distinct = len(orders[0][0]), len(np.unique(orders[0][0]))
    known = {row.tobytes() for row in np.ascontiguousarray(other.data_content.samples, np.uint64)}
    own = {row.tobytes() for row in np.ascontiguousarray(recipe.data_content.samples, np.uint64)}
    if distinct == fed or len(np.unique(orders[1][0])) != fed or not own < known:
        return ""
    return (
        f"an epoch of {fed} samples of which {distinct} are distinct: {fed - distinct} come again, "
        f"and {len(known - own)} that the other is fed never come"
    )


def _unit(recipe: Recipe) -> str:
    return recipe.data_content.unit


def never_fed(recipe: Recipe) -> str:
    """Rows of the arrays given to ``fit`` that no epoch feeds; "" if there are none."""
    epochs = [np.asarray(e) for e in recipe.data_order.epochs if len(e)]
    total = len(recipe.data_content.samples)
    if recipe.data_order.relative or recipe.data_content.unit == "batch" or not epochs or not total:
        return ""
    fed = np.zeros(total, bool)
    for epoch in epochs:
        fed[epoch[(epoch >= 0) & (epoch < total)]] = True
    missing = int((~fed).sum())
    rows = "distinct rows" if fed_twice(epochs) else "rows"
    return f"{missing} of {total} {rows} are never fed" if missing else ""


def leak(recipe: Recipe) -> str:
    """How many of the validation samples are training samples too; "" where that is nothing out of
    the ordinary."""
    content = recipe.data_content
    validation = content.validation_samples
    if validation is None or content.unit == "batch":
        return ""
    known = {row.tobytes() for row in np.ascontiguousarray(content.samples, np.uint64)}
    rows = np.ascontiguousarray(validation, np.uint64)
    shared = sum(row.tobytes() in known for row in rows)
    if shared < 2 or shared < LEAK * len(rows):
        return ""
    return f"{shared} of {len(rows)} validation samples are also in the training data"


def batches_shuffled(a: Recipe, b: Recipe) -> bool:
    """Whether two orders hold the same batches, each with the same samples, in another order."""
    one, two = (_batches(recipe) for recipe in (a, b))
    return bool(one) and one != two and sorted(one) == sorted(two)


def moves_batches(recipe: Recipe) -> bool:
    """Whether every epoch of several holds the same batches, in another order each time."""
    epochs = [
        [frozenset(part.tolist()) for part in np.split(np.asarray(order), np.cumsum(sizes)[:-1])]
        for order, sizes in zip(recipe.data_order.epochs, recipe.batch_size.epochs, strict=False)
        if len(order) and int(np.sum(sizes)) == len(order)
    ]
    if len(epochs) < 2 or len(epochs[0]) < 2 or max(map(len, epochs[0])) < 2:
        return False
    alike = all(set(epoch) == set(epochs[0]) for epoch in epochs[1:])
    return alike and any(epoch != epochs[0] for epoch in epochs[1:])


def _batches(recipe: Recipe) -> list[bytes]:
    if not recipe.data_order.epochs or not recipe.batch_size.epochs:
        return []
    order = np.asarray(recipe.data_order.epochs[0], np.int64)
    sizes = np.asarray(recipe.batch_size.epochs[0], np.int64)
    samples = np.ascontiguousarray(recipe.data_content.samples, np.uint64)
    if int(sizes.sum()) != len(order) or len(sizes) < 2 or order.max(initial=-1) >= len(samples):
        return []
    ends = np.cumsum(sizes)
    return [samples[order[e - s : e]].tobytes() for s, e in zip(sizes, ends, strict=True)]


def notes(a: Recipe, b: Recipe) -> list[str]:
    """What is worth knowing of the data of each side whether or not it is a cause."""
    found = []
    for said in (leak, never_fed):
        one, other = said(a), said(b)
        both = [("A and B", one)] if one == other else [("A", one), ("B", other)]
        found += [f"{name}: {text}." for name, text in both if text]
    return found


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
