import math

import numpy as np
import pytest

from whydiff.stats.sketch import sketch, sketch_distance


def test_the_distance_is_estimated_without_bias_and_within_its_error():
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(200):
        a = rng.normal(size=5000)
        b = a + 1e-6 * rng.normal(size=5000)
        ratios.append(sketch_distance(sketch([a]), sketch([b])) / np.linalg.norm(a - b))
    squares = np.square(ratios)
    assert abs(squares.mean() - 1) < 4 * squares.std() / math.sqrt(200)
    assert 0.05 < np.std(ratios) < 0.15  # 9 % for a difference spread over all entries


def test_one_changed_entry_is_measured_exactly_however_long_the_vector():
    a = np.random.default_rng(1).normal(size=(300, 700)).astype("float32")
    b = a.copy()
    b[17, 3] = np.nextafter(b[17, 3], np.float32(9))
    wanted = float(b[17, 3]) - float(a[17, 3])
    assert sketch_distance(sketch([a]), sketch([b])) == pytest.approx(abs(wanted), rel=1e-6)


def test_cutting_into_arrays_changes_nothing_and_order_matters():
    a = np.random.default_rng(2).normal(size=60)
    whole, cut = sketch([a]), sketch([a[:7], a[7:].reshape(53, 1)])
    assert sketch_distance(whole, cut) < 1e-14  # float64 sums in another order
    assert whole == sketch([a.reshape(6, 10)])
    assert sketch_distance(whole, sketch([a[::-1]])) > 1


def test_long_arrays_are_taken_in_pieces():
    a = np.ones((1 << 20) + 5, np.float32)
    assert sketch([a]).size == a.size
    assert sketch([a]).norm == pytest.approx(math.sqrt(a.size))


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_what_is_not_finite_is_counted_and_makes_two_incomparable(odd):
    a, b = np.ones(9), np.array([odd] + [1.0] * 8)
    assert sketch([b]).unfit == 1
    assert sketch_distance(sketch([a]), sketch([b])) == math.inf
    assert sketch_distance(sketch([b]), sketch([b])) == 0.0


def test_empty_and_unequal():
    assert sketch([]).norm == 0.0
    assert sketch_distance(sketch([]), sketch([])) == 0.0
    assert sketch_distance(sketch([np.ones(3)]), sketch([np.ones(4)])) == math.inf
