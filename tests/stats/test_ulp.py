"""Distances in units in the last place, and relative ones."""

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from whydiff.core.errors import WhydiffError
from whydiff.stats.ulp import (
    APART,
    ROUNDING,
    is_rounding,
    max_ulp,
    relative_distance,
    ulp_distance,
)

NUMPY = [np.float16, np.float32, np.float64]
WITH_INFINITY = [*NUMPY, ml_dtypes.bfloat16]
ALL = [*WITH_INFINITY, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]

bits = st.integers(0, 2**64 - 1)


def from_bits(pattern, dtype):
    size = np.dtype(dtype).itemsize
    return np.array([pattern % 2 ** (8 * size)], f"u{size}").view(dtype)


def place(value):
    """Position of one value on the number line, in exact integers."""
    size = value.dtype.itemsize
    pattern = int(value.view(f"u{size}")[0])
    sign = 1 << (8 * size - 1)
    return -(pattern - sign) if pattern & sign else pattern


@given(st.sampled_from(ALL), bits, bits)
def test_distance_is_that_of_positions_on_the_number_line(dtype, first, second):
    a, b = from_bits(first, dtype), from_bits(second, dtype)
    (distance,) = ulp_distance(a, b).tolist()
    if np.isnan(a[0]) or np.isnan(b[0]):
        assert distance == (0 if a.tobytes() == b.tobytes() else APART)
    else:
        assert distance == abs(place(a) - place(b))
    assert distance == ulp_distance(b, a)[0] == max_ulp(a, b)


@given(st.sampled_from(NUMPY), st.data())
def test_the_next_value_is_one_away(dtype, data):
    width = 8 * np.dtype(dtype).itemsize
    largest = float(np.finfo(dtype).max) / 2
    value = dtype(data.draw(st.floats(-largest, largest, width=width)))
    assert max_ulp(np.array(value), np.nextafter(value, dtype(np.inf))) == 1
    assert max_ulp(np.array(value), np.nextafter(value, dtype(-np.inf))) == 1


@pytest.mark.parametrize("dtype", WITH_INFINITY)
def test_landmarks(dtype):
    zero, one, inf = np.zeros(1, dtype), np.ones(1, dtype), np.array([np.inf], dtype)
    nan = np.array([np.nan], dtype)
    smallest = from_bits(1, dtype)
    assert max_ulp(zero, -zero) == 0
    assert max_ulp(smallest, -smallest) == 2
    assert max_ulp(np.array([ml_dtypes.finfo(dtype).max], dtype), inf) == 1
    assert max_ulp(nan, nan) == 0
    assert max_ulp(nan, one) == APART
    assert max_ulp(inf, -inf) == 2 * place(inf)


def test_the_largest_distance_does_not_overflow():
    assert max_ulp(np.array([np.inf]), np.array([-np.inf])) == 2 * 0x7FF0000000000000


def test_distances_are_exact_above_two_to_the_53():
    a, b = np.array([1.0]), np.array([-np.nextafter(1.0, 2.0)])
    assert ulp_distance(a, b).tolist() == [2 * 0x3FF0000000000000 + 1]


def test_shape_dtype_and_layout():
    a = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    distance = ulp_distance(a.transpose(2, 0, 1), a.transpose(2, 0, 1))
    assert distance.shape == (4, 2, 3)
    assert distance.dtype == np.uint64
    assert ulp_distance(np.array(1.0), np.array(1.0)).shape == ()
    assert max_ulp(a.astype(">f4"), a) == 0
    assert max_ulp(np.empty((0, 3)), np.empty((0, 3))) == 0


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.zeros(2, np.int32), np.zeros(2, np.int32)),
        (np.zeros(2, np.float32), np.zeros(2, np.float64)),
        (np.zeros(2), np.zeros(3)),
        (np.ones(2, ml_dtypes.float8_e8m0fnu), np.ones(2, ml_dtypes.float8_e8m0fnu)),
    ],
)
def test_what_has_no_distance(a, b):
    assert max_ulp(a, b) is None
    with pytest.raises(WhydiffError, match="distance between"):
        ulp_distance(a, b)


#: Below the normal numbers ``hypot`` itself, which says what is expected, is a coarse grid.
NORMAL = st.floats(-1e3, 1e3, allow_subnormal=False)


@given(hnp.arrays(np.float64, 5, elements=NORMAL), hnp.arrays(np.float64, 5, elements=NORMAL))
def test_relative_distance_is_the_ratio_of_norms(a, b):
    length = math.hypot(*a)
    expected = math.hypot(*(a - b)) / length if length else (math.inf if b.any() else 0.0)
    assert relative_distance(a, b) == pytest.approx(expected, rel=1e-9)


@given(hnp.arrays(st.sampled_from(NUMPY), 4), hnp.arrays(st.sampled_from(NUMPY), 4))
def test_relative_distance_is_never_nan_or_negative(a, b):
    assert relative_distance(a, b) >= 0
    assert relative_distance(a, a) == 0


def test_relative_distance_at_the_edges():
    nan, inf = np.nan, np.inf
    assert relative_distance(np.array([3.0, nan, inf]), np.array([6.0, nan, inf])) == 1.0
    assert relative_distance(np.array([3.0, nan]), np.array([3.0, 1.0])) == inf
    assert relative_distance(np.array([inf]), np.array([-inf])) == inf
    assert relative_distance(np.zeros(2), np.zeros(2)) == 0
    assert relative_distance(np.zeros(2), np.ones(2)) == inf
    assert relative_distance(np.empty(0), np.empty(0)) == 0
    assert relative_distance(np.array([1e300]), np.array([-1e300])) == 2
    assert relative_distance(np.array([5e-324]), np.array([1e-323])) == 1
    assert relative_distance(np.array([1e-200]), np.array([1.0])) == pytest.approx(1e200)
    assert relative_distance(np.ones(2, ml_dtypes.bfloat16), np.zeros(2, np.int8)) == 1
    assert relative_distance(np.array([1j]), np.array([-1j])) == 2
    with pytest.raises(WhydiffError, match="shapes"):
        relative_distance(np.zeros(2), np.zeros((2, 1)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
def test_rounding_is_some_epsilons_of_the_dtype(dtype):
    eps = float(np.finfo(dtype).eps)
    assert is_rounding(ROUNDING * eps, np.dtype(dtype))
    assert not is_rounding(ROUNDING * eps * 1.01, np.dtype(dtype))


def test_eight_bits_round_coarsely_and_integers_never():
    assert is_rounding(1.0, np.dtype(ml_dtypes.bfloat16))
    assert not is_rounding(1.01, np.dtype(ml_dtypes.bfloat16))
    assert not is_rounding(1e-9, np.dtype(np.int32)) and not is_rounding(0.0, np.dtype(bool))
