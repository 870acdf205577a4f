import math
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from whydiff.stats.distances import (
    churn,
    prediction_distance,
    relative_weight_distance,
)
from whydiff.stats.ulp import max_ulp, relative_distance

arrays = hnp.arrays(np.float32, (4, 3), elements=st.floats(width=32))


@given(arrays, arrays)
def test_distance_is_finite_symmetric_and_zero_for_itself(a, b):
    assert prediction_distance(a, a.copy()) == 0.0
    assert prediction_distance(a, b) == prediction_distance(b, a)
    assert math.isfinite(prediction_distance(a, b))
    assert 0 <= churn(a, b) == churn(b, a) <= 1
    assert churn(a, a.copy()) == 0.0


def test_root_mean_square_over_all_outputs():
    a, b = np.zeros((2, 2)), np.array([[3.0, 4.0], [0.0, 0.0]])
    assert prediction_distance(a, b) == 2.5
    assert prediction_distance([a, a], [b, a]) == pytest.approx(math.sqrt(25 / 8))
    assert prediction_distance({"x": a, "y": a}, {"y": a, "x": b}) == pytest.approx(
        math.sqrt(25 / 8)
    )
    assert prediction_distance(a, [b]) == 2.5


def test_not_finite_on_one_side_counts_one():
    nan, inf = np.nan, np.inf
    assert prediction_distance(np.array([nan, 1.0]), np.array([nan, 1.0])) == 0.0
    assert prediction_distance(np.array([nan]), np.array([1e30])) == 1.0
    assert prediction_distance(np.array([inf, 0.0]), np.array([inf, 0.0])) == 0.0
    assert prediction_distance(np.array([inf]), np.array([-inf])) == 1.0


def test_outputs_of_other_shapes_have_no_distance():
    assert prediction_distance(np.zeros((2, 2)), np.zeros((2, 3))) == math.inf
    assert prediction_distance([np.zeros(2)], [np.zeros(2)] * 2) == math.inf
    assert churn(np.zeros((2, 2)), np.zeros((2, 3))) == 1.0
    assert prediction_distance(np.zeros((0, 3)), np.zeros((0, 3))) == 0.0
    assert churn(np.zeros((0, 3)), np.zeros((0, 3))) == 0.0


def test_low_precision_outputs():
    a = np.array([[0.5, 0.25]], ml_dtypes.bfloat16)
    assert prediction_distance(a, a.astype("float32")) == 0.0
    assert churn(a, a[:, ::-1]) == 1.0


def test_churn_of_classes():
    a = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    b = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.6, 0.4]])
    assert churn(a, b) == 0.25
    assert churn(np.array([[0.4], [0.6]]), np.array([[0.6], [0.9]])) == 0.5
    assert churn(np.array([0.4, 0.6]), np.array([0.6, 0.9])) == 0.5
    assert churn([a, a], [b, a]) == 0.125
    assert churn(np.array([[np.nan, 1.0]]), np.array([[0.0, 1.0]])) == 1.0
    pixels = np.zeros((1, 2, 2, 3))
    other = pixels.copy()
    other[0, 0, 0, 2] = 1.0
    assert churn(pixels, other) == 0.25


def test_distances_of_large_arrays_take_no_memory_of_their_size():
    one = np.linspace(-1, 1, 3_000_000, dtype=np.float32)
    other = np.where(np.arange(one.size) == one.size - 1, np.float32(2), one)
    length = float(np.sqrt(np.square(one, dtype=np.float64).sum()))
    tracemalloc.start()
    relative = relative_weight_distance({"k": one}, {"k": other})
    assert relative == pytest.approx(1 / np.hypot(length, np.sqrt(3)))  # 2 in place of 1
    assert relative_distance(one, other) == pytest.approx(1 / length)
    assert max_ulp(one, other) == 1 << 23
    assert tracemalloc.get_traced_memory()[1] < 1.5 * one.nbytes
    tracemalloc.stop()


def test_relative_weight_distance():
    a = {"k": np.array([3.0, 4.0]), "b": np.zeros(1)}
    assert relative_weight_distance(a, a) == 0.0
    assert relative_weight_distance(a, {"k": np.array([0.0, 0.0]), "b": np.zeros(1)}) == 1.0
    assert relative_weight_distance(a, {"k": np.array([-3.0, -4.0])}) == 2.0
    assert relative_weight_distance(a, {"x": a["k"], "y": a["b"]}) == 0.0  # by position
    assert relative_weight_distance(a, {"k": np.zeros(3)}) == math.inf
    assert relative_weight_distance({}, {}) == 0.0
    assert relative_weight_distance({}, a) == relative_weight_distance(a, {}) == math.inf
    assert relative_weight_distance({"k": np.zeros(2)}, {"k": np.zeros(2)}) == 0.0
    one = relative_weight_distance({"k": np.array([np.nan, 1.0])}, {"k": np.array([1.0, 1.0])})
    assert math.isfinite(one) and one > 0
