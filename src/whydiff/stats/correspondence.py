"""Whether two arrays hold the same samples in other values: scaled, shifted, encoded anew, cut."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from whydiff.stats.standardized import standardized

#: Rows and features that are looked at; an even selection stands for the others.
MOST_ROWS, MOST_FEATURES = 512, 256
#: A column follows from another by a line where it is off by no more than this part of its spread,
#: beside what single precision rounds: so many of its steps.
LINEAR, SINGLE = 1e-5, 8 * float(np.finfo(np.float32).eps)
#: Part of the rows that must be nearest to theirs.
MOST = 0.8
#: Fewer rows than this lie on a line by chance.
FEWEST_ROWS = 4


class Correspondence(NamedTuple):
    """How B's rows follow from A's: ``kind`` is "equal", "padded", "rearranged", "rounded",
    "shifted", "scaled", "encoded", "near" or "" where rows do not correspond. ``text`` says it,
    with both ranges. ``factor`` is that of the one line which leads from every value of A to that
    of B, 0 where there is none."""

    kind: str
    text: str
    factor: float = 0.0

    @property
    def found(self) -> bool:
        return bool(self.kind)


def correspondence(
    a: np.ndarray | Sequence[np.ndarray], b: np.ndarray | Sequence[np.ndarray]
) -> Correspondence:
    """How row i of ``b`` follows from row i of ``a``; both have shape (n, ...), or are lists of n
    rows of different lengths.

    Looks for rows that are equal but for zeros at their ends, for columns of B that are columns of
    A at another place or straight lines in a column of A (in any order of columns), for whole
    numbers that stand for each other one by one, and for rows that are nearer to their counterpart
    than to any other. Says "" where none of this holds, and how much was looked at where that is
    not all.
    """
    if len(a) != len(b) or len(a) == 0 or not _numeric(a[0]) or not _numeric(b[0]):
        return Correspondence("", "")
    text = padded(list(a), list(b))
    if text:
        return Correspondence("padded", text)
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return Correspondence("", "")
    text = _rearranged(a, b)
    if text:
        return Correspondence("rearranged", text)
    rows = np.unique(np.linspace(0, len(a) - 1, min(len(a), MOST_ROWS)).astype(int))
    x, y = (np.asarray(v[rows], np.float64).reshape(len(rows), -1) for v in (a, b))
    ours, theirs = _span(a), _span(b)
    ranges = f"values from {ours} in A, from {theirs} in B"
    ranges = f"values from {ours} in both" if ours == theirs else ranges
    if np.array_equal(a, b):
        return Correspondence("equal", ranges)
    looked_at = [
        f"{most:,} of {total:,} {what}"
        for most, total, what in (
            (len(rows), len(a), "rows"),
            (MOST_FEATURES, x.shape[1], "columns"),
        )
        if most < total
    ]
    if looked_at:
        ranges += f"; compared in {' and '.join(looked_at)}"
    if np.array_equal(x, y):
        return Correspondence("near", f"most rows equal; {ranges}")
    if x.shape == y.shape and _is_whole(x) and _is_whole(y) and _one_by_one(x, y):
        plus = np.unique(y - x)
        text = "each whole number stands for another"
        if len(plus) == 1:
            text += f": B is A {'+' if plus[0] > 0 else '-'} {abs(plus[0]):.4g}"
        return Correspondence("encoded", f"{text}; {ranges}")
    rounded = _rounded(x, y)
    if rounded:
        return Correspondence("rounded", f"the same values, {rounded}; {ranges}")
    if _distinct(x) >= FEWEST_ROWS:  # a row that comes again shows nothing new
        if _columns_moved(x, y):
            what = "columns" if a.ndim == 2 else "values of each sample"
            return Correspondence(
                "rearranged", f"the same values: the {what} are in another order; {ranges}"
            )
        text = _linear(x, y)
        if text:
            rule = _line_of_all(x, y)
            return Correspondence(
                "scaled" if "scaled" in text else "shifted",
                f"{text}{_in_words(rule, y)}{_by_themselves(a, b)}; {ranges}",
                rule[0] if rule else 0.0,
            )
        if _nearest(x, y):
            return Correspondence("near", f"row by row much alike; {ranges}")
    return Correspondence("", ranges)


def _rearranged(a: np.ndarray, b: np.ndarray) -> str:
    """How the values of B's rows are A's at other places, "" where they are not."""
    if a.ndim < 3 or b.ndim != a.ndim:
        return ""
    found = [
        ("the last axis is reversed, as RGB and BGR are", a[..., ::-1]),
        ("the last axis comes first", np.moveaxis(a, -1, 1)),
        ("the first axis of a sample comes last", np.moveaxis(a, 1, -1)),
        ("rows and columns are exchanged", np.swapaxes(a, 1, 2)),
        ("the first axis of a sample is reversed", a[:, ::-1]),
        ("the second axis of a sample is reversed", a[:, :, ::-1]),
    ]
    fits = (text for text, other in found if other.shape == b.shape and np.array_equal(other, b))
    alike = a.shape == b.shape and np.array_equal(a, b)
    return "" if alike else next((f"the same values: {text}" for text in fits), "")


def _columns_moved(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether the columns of ``y`` are those of ``x`` in another order, in every row alike."""
    if x.shape != y.shape or not np.array_equal(np.sort(x[0]), np.sort(y[0])):
        return False
    one, other = (sorted(column.tobytes() for column in v.T) for v in (x, y))
    return one == other


def padded(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> str:
    """How the rows are padded, where they are the same but for zeros at the start or the end of
    their first axis; "" where they are not, or nothing is padded.

    A single mark at another place (one-hot states, flags) is another sample, not padding.
    """
    lengths, moved = [], []
    for x, y in zip(a, b, strict=True):
        x, y = np.asarray(x), np.asarray(y)
        if not x.ndim or x.ndim != y.ndim or not np.array_equal(_stripped(x), _stripped(y)):
            return ""
        lengths.append((len(x), len(y)))
        if not np.array_equal(x, y):
            moved.append(_stripped(x))
    if not moved:
        return ""
    one, two = ([n[side] for n in lengths] for side in (0, 1))
    if one == two:
        if not any(len(row) > 1 for row in moved) or len(np.unique(np.concatenate(moved))) < 2:
            return ""
        return "the same rows, padded with zeros at the other end"
    return f"the same rows, padded with zeros to length {_lengths(one)} vs. {_lengths(two)}"


def _lengths(lengths: list[int]) -> str:
    least, most = min(lengths), max(lengths)
    return str(least) if least == most else f"{least} to {most} (row by row)"


def _stripped(row: np.ndarray) -> np.ndarray:
    filled = np.flatnonzero(row.reshape(len(row), -1).any(axis=1))
    stripped: np.ndarray = row[filled[0] : filled[-1] + 1] if len(filled) else row[:0]
    return stripped


def _distinct(rows: np.ndarray) -> int:
    return len({row.tobytes() for row in rows})


def _numeric(values: np.ndarray) -> bool:
    return np.asarray(values).dtype.kind in "fiub"


def _span(values: np.ndarray) -> str:
    known = np.isfinite(values)
    finite = values if known.all() else values[known]
    if not finite.size:
        return "no finite number"
    return f"{float(finite.min()):.4g} to {float(finite.max()):.4g}"


def _is_whole(values: np.ndarray) -> bool:
    return bool(np.array_equal(values, np.round(values)))


def _one_by_one(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether equal numbers of A are equal numbers of B, and the other way round."""
    pairs = np.unique(np.stack([x.ravel(), y.ravel()], 1), axis=0)
    left, right = (len(np.unique(pairs[:, k])) for k in (0, 1))
    return len(pairs) == left == right > 1 and left < x.size


def _columns(values: np.ndarray) -> np.ndarray:
    width = values.shape[1]
    return np.unique(np.linspace(0, width - 1, min(width, MOST_FEATURES)).astype(int))


def _rounded(x: np.ndarray, y: np.ndarray) -> str:
    """How the values of one are rounded in the other, "" where they are not."""
    if x.shape != y.shape:
        return ""
    one, other = np.asarray(x, np.float32), np.asarray(y, np.float32)
    if np.array_equal(one, other):
        return "rounded to float32"
    to = rounded_weights([one], [other])
    if to:
        return f"rounded to {to}"
    return "other in the last digits" if np.allclose(x, y, rtol=SINGLE, atol=0) else ""


def _linear(x: np.ndarray, y: np.ndarray) -> str:
    """What leads from columns of A to columns of B by straight lines, "" if one is left over."""
    if x.shape[1] != y.shape[1]:
        return ""
    columns = _columns(x)
    moved = [c for c in columns if not np.array_equal(x[:, c], y[:, c])]
    if moved and all(_on_a_line(x[:, c], y[:, c]) for c in moved):
        part = f"{len(moved)} of {len(columns)} columns are"
        every = "every value is" if x.shape[1] == 1 else "each column is"
        text = every if len(moved) == len(columns) else part
    elif _anywhere(x, y, columns):
        text = "each column, in another order of the columns, is"
    else:
        return ""
    spread_x, spread_y = x.std(axis=0), y.std(axis=0)
    same = np.allclose(np.sort(spread_x), np.sort(spread_y), rtol=10 * LINEAR)
    return f"{text} {'shifted' if same else 'scaled'}"


def _by_themselves(a: np.ndarray, b: np.ndarray) -> str:
    """Says so where the columns of one side alone are standardized over the rows compared."""
    sides = [standardized(value) for value in (a, b)]
    if sides[0] == sides[1]:
        return ""
    return f"; {'B' if sides[1] else 'A'} is standardized by the mean and spread of its own rows"


def _on_a_line(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a column follows from another by a straight line, but for what whole numbers round.

    Small noise is no line: it would be off by more, however high the correlation.
    """
    if x.std() == 0 or y.std() == 0:
        return bool(x.std() == y.std())
    slope = ((x - x.mean()) * (y - y.mean())).mean() / x.var()
    off = np.abs(y - y.mean() - slope * (x - x.mean())).max()
    whole = 0.5 * _is_whole(y) + 0.5 * abs(slope) * _is_whole(x)
    single = SINGLE * (np.abs(y).max() + abs(slope) * np.abs(x).max())
    # The line's own place is estimated from rounded values: twice what they are off by.
    return bool(off <= LINEAR * y.std() + single + 2 * whole and off < 0.1 * y.std())


def _anywhere(x: np.ndarray, y: np.ndarray, columns: np.ndarray) -> bool:
    """Whether each of these columns of ``y`` is a line in some column of ``x``, and constant ones
    are as many in both."""
    varies = y.std(axis=0) > 0
    looked_at = columns[varies[columns]]
    if len(x) <= FEWEST_ROWS + 1 or not len(looked_at) or varies.sum() != (x.std(axis=0) > 0).sum():
        return False
    nearest = np.abs(_standardized(x).T @ _standardized(y[:, looked_at])).argmax(axis=0)
    return all(_on_a_line(x[:, n], y[:, c]) for n, c in zip(nearest, looked_at, strict=True))


def _line_of_all(x: np.ndarray, y: np.ndarray) -> tuple[float, float] | None:
    """The factor and the shift that lead from every value of A to that of B, if one line does."""
    spread = x.std()
    if not spread or not np.isfinite(spread):
        return None
    slope = float(((x - x.mean()) * (y - y.mean())).mean() / spread**2)
    start = float(y.mean() - slope * x.mean())
    near = np.allclose(slope * x + start, y, rtol=1e-3, atol=1e-3 * float(y.std()))
    return (slope, start) if near else None


def _in_words(rule: tuple[float, float] | None, y: np.ndarray) -> str:
    if rule is None:
        return ""
    slope, start = rule
    shift = f" {'+' if start > 0 else '-'} {abs(start):.4g}" if abs(start) > 1e-6 * y.std() else ""
    return f" alike: B is {factor_in_words(slope)} times A{shift}"


def factor_in_words(factor: float) -> str:
    """``2``, or ``1/255`` of a small one."""
    return f"{factor:.4g}" if abs(factor) >= 0.1 or not factor else f"1/{1 / factor:.4g}"


def _standardized(values: np.ndarray) -> np.ndarray:
    spread = values.std(axis=0)
    centred = values - values.mean(axis=0)
    scaled: np.ndarray = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    return scaled


def _nearest(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether nearly every row of B is nearer to its counterpart than to any other row of A."""
    if x.shape[1] != y.shape[1]:
        x, y = np.sort(x, axis=1), np.sort(y, axis=1)
        width = min(x.shape[1], y.shape[1])
        x, y = x[:, -width:], y[:, -width:]
    if len(np.unique(x, axis=0)) < len(x) / 2:
        return False
    x, y = _standardized(x), _standardized(y)
    squared = (x**2).sum(1)[:, None] + (y**2).sum(1)[None, :] - 2 * x @ y.T
    return bool(np.mean(squared.argmin(axis=0) == np.arange(len(y))) >= MOST)


#: Bits of a float32 that bfloat16 drops.
_DROPPED = 16


def rounded_weights(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> str:
    """To what the arrays of one list are rounded in the other: "float16", "bfloat16" or
    "3 decimals"; "" where they are not."""
    if len(one) != len(other) or any(a.shape != b.shape for a, b in zip(one, other, strict=True)):
        return ""
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if not np.array_equal(a, b)]
    if not pairs or not all(a.dtype == b.dtype == np.float32 for a, b in pairs):
        return ""
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "float16": lambda a: a.astype(np.float16),
        "bfloat16": _as_bfloat16,
        **{f"{n} decimals": functools.partial(_to_decimals, n) for n in range(2, 7)},
    }
    both_ways = (pairs, [(b, a) for a, b in pairs])
    with np.errstate(all="ignore"):
        found = (
            name
            for name, rounded in ways.items()
            for way in both_ways
            if all(np.array_equal(rounded(a).astype(np.float32), b) for a, b in way)
        )
        return next(found, "")


def _to_decimals(n: int, array: np.ndarray) -> np.ndarray:
    return np.asarray(np.round(array, n))


def _as_bfloat16(array: np.ndarray) -> np.ndarray:
    """The nearest values of bfloat16, as float32; ties to even."""
    bits = np.ascontiguousarray(array).view(np.uint32)
    half = np.uint32((1 << (_DROPPED - 1)) - 1) + ((bits >> np.uint32(_DROPPED)) & np.uint32(1))
    kept = (bits + half) & np.uint32(0xFFFF0000)
    return kept.view(np.float32)
