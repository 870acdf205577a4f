"""How far apart two arrays are: in units in the last place, and relative to their length.

And how small a difference must be to be rounding, and how large to show in a result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from whydiff.core.errors import WhydiffError

#: Elements of a piece: what is computed of it stays in the processor's cache.
_SIZE = 1 << 18


def pieces(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Flat parts of two arrays of one shape, in order; one of each where they are small."""
    flat_a, flat_b = a.reshape(-1), b.reshape(-1)
    for start in range(0, max(flat_a.size, 1), _SIZE):
        part = slice(start, start + _SIZE)
        yield flat_a[part], flat_b[part]


#: Distance where one side is NaN and the other is not the same NaN.
APART = 2**64 - 1


def ulp_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Number of representable values between ``a`` and ``b``, element by element, uint64.

    Floats of one dtype (float16/32/64, bfloat16, float8) and one shape. Values are counted along
    the number line: -0.0 and 0.0 are one value (distance 0), the neighbours of zero on both
    sides are 2 apart, infinity follows the largest finite value. Two NaNs with the same bits are
    0 apart, any other pair with a NaN :data:`APART`. ``WhydiffError`` for other dtypes or
    shapes.
    """
    a, b = np.asarray(a), np.asarray(b)
    if not _is_float(a.dtype) or not _is_float(b.dtype) or a.dtype.name != b.dtype.name:
        raise WhydiffError(
            f"no ULP distance between {a.dtype} and {b.dtype}",
            "compare floats of one dtype, or use the relative distance",
        )
    _same_shape(a, b)
    bits_a, bits_b = _bits(a), _bits(b)
    width = 8 * bits_a.dtype.itemsize
    sign = np.uint64(1 << (width - 1))
    wide_a, wide_b = bits_a.astype(np.uint64), bits_b.astype(np.uint64)
    size_a, size_b = wide_a & (sign - np.uint64(1)), wide_b & (sign - np.uint64(1))
    # Uint64 throughout: across zero the distance of two float64 exceeds int64.
    apart = np.maximum(size_a, size_b) - np.minimum(size_a, size_b)
    distance = np.asarray(
        np.where((wide_a & sign) == (wide_b & sign), apart, size_a + size_b), np.uint64
    )
    nan = np.isnan(a) | np.isnan(b)
    distance[nan] = np.where(bits_a == bits_b, np.uint64(0), np.uint64(APART))[nan]
    return distance


def max_ulp(a: np.ndarray, b: np.ndarray) -> int | None:
    """Largest :func:`ulp_distance`; 0 for empty arrays, None where it is not defined."""
    a, b = np.asarray(a), np.asarray(b)
    if not _is_float(a.dtype) or a.dtype.name != b.dtype.name or a.shape != b.shape:
        return None
    return max(int(ulp_distance(x, y).max(initial=0)) for x, y in pieces(a, b))


def relative_distance(a: np.ndarray, b: np.ndarray) -> float:
    """L2 norm of ``a - b`` over the L2 norm of ``a``; 0 / 0 counts as 0.

    Elements that are NaN on both sides, or the same infinity, count as equal and add nothing.
    One that is not finite on one side only makes the distance infinite, as does an ``a`` of
    zeros against anything else; never NaN. ``WhydiffError`` if the shapes differ.
    """
    a, b = np.asarray(a), np.asarray(b)
    _same_shape(a, b)
    wide = np.complex128 if "c" in a.dtype.kind + b.dtype.kind else np.float64

    def counted() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for one, other in pieces(a, b):
            x, y = one.astype(wide), other.astype(wide)
            finite = np.isfinite(x)
            if not (finite.all() and np.isfinite(y).all()):
                alike = (x == y) | (np.isnan(x) & np.isnan(y))
                x, y = x[finite | ~alike], y[finite | ~alike]
            yield x, y

    scale = 0.0
    for x, y in counted():
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return math.inf
        scale = max(scale, np.abs(x).max(initial=0.0), np.abs(y).max(initial=0.0))
    scale = scale or 1.0  # scaled, so that the difference of two large values does not overflow
    norms = [(_norm(x / scale - y / scale), _norm(x / scale)) for x, y in counted()]
    difference, length = (math.hypot(*column) for column in zip(*norms, strict=True))
    if difference == 0.0:
        return 0.0
    return difference / length if length else math.inf


def _norm(values: np.ndarray) -> float:
    # Scaled once more: squares of values below 1e-162 would vanish.
    sizes = np.abs(values)
    scale = float(sizes.max(initial=0.0))
    return scale * math.sqrt(float(np.square(sizes / scale).sum())) if scale else 0.0


def _is_float(dtype: np.dtype) -> bool:
    if dtype.kind == "f":
        return dtype.itemsize <= 8  # longdouble has padding bits
    # float8_e8m0fnu is a bare exponent, without a sign bit.
    return dtype.name.startswith(("bfloat16", "float8")) and "e8m0" not in dtype.name


def _bits(array: np.ndarray) -> np.ndarray:
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return np.ascontiguousarray(array).reshape(array.shape).view(f"u{array.dtype.itemsize}")


def _same_shape(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise WhydiffError(
            f"no distance between arrays of shapes {a.shape} and {b.shape}",
            "align the tensors first",
        )


# --- how small a difference must be to be rounding, and how large to show in a result ---------


#: A difference of one step beyond this many epsilons of its dtype is not rounding: summing n
#: numbers in another order moves the sum by about sqrt(n) epsilons, times the condition of the sum.
ROUNDING = 256.0
#: Two sides that round apart at every step end up further apart than one that was nudged once, by
#: one unit in the last place of one weight. benchmarks/rounding.py measures by how much.
ALLOWED = 10.0
#: From this on a difference that began as rounding is one that shows in the results.
SHOWS = 1e-3


def is_rounding(relative: float, dtype: np.dtype) -> bool:
    """Whether one step's relative difference between values of ``dtype`` can be rounding."""
    if np.dtype(dtype).kind not in "fc":
        return "float" in np.dtype(dtype).name and relative <= ROUNDING * 2.0**-8
    return bool(relative <= ROUNDING * float(np.finfo(dtype).eps))
