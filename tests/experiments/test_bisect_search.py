"""Halving on plain data: the first point that differs, in as few questions as there can be."""

import math

import pytest
from hypothesis import given, strategies as st

from whydiff.experiments.bisect.search import DIFFERS, SAME, SKIPPED, Place, next_point, place


def search(count, truth):
    """Ask until nothing is left to ask; the place and the points asked about."""
    answers = {0: SAME}
    while (point := next_point(count, answers)) is not None:
        assert point not in answers and 0 < point < count
        answers[point] = truth(point)
    return place(count, answers), len(answers) - 1


@pytest.mark.parametrize("count", [2, 3, 4, 15, 16, 17, 100])
def test_every_change_is_found_with_the_fewest_questions(count):
    for first in [*range(1, count), None]:
        found, asked = search(count, lambda p, f=first: SAME if f is None or p < f else DIFFERS)
        last = count - 1 if first is None else first - 1
        assert found == Place(last, first)
        assert asked <= math.ceil(math.log2(count))


@given(st.integers(2, 60), st.data())
def test_what_cannot_be_compared_is_walked_around(count, data):
    first = data.draw(st.integers(1, count))  # count: none differs
    skipped = data.draw(st.sets(st.integers(1, count - 1)))

    def truth(point):
        return SKIPPED if point in skipped else DIFFERS if point >= first else SAME

    found, asked = search(count, truth)
    usable = [p for p in range(count) if p == 0 or p not in skipped]
    differing = [p for p in usable if p >= first]
    assert found.before == max(p for p in usable if p < first)
    assert found.first == (min(differing) if differing else None)
    end = found.first if differing else count
    assert found.between == tuple(p for p in range(found.before + 1, end) if p in skipped)
    assert found.open == (not differing and bool(found.between))
    assert asked <= math.ceil(math.log2(count)) + len(skipped)


def test_a_skipped_point_costs_one_question():
    found, asked = search(7, lambda point: {3: SKIPPED, 6: DIFFERS}.get(point, SAME))
    assert found == Place(5, 6) and asked == 4


def test_a_result_that_changes_back_is_told():
    answers = {0: SAME, 4: DIFFERS, 3: SAME, 7: SAME}
    assert next_point(8, answers) is None
    assert place(8, answers) == Place(3, 4, again=(7,))


def test_what_is_known_already_is_not_asked_again():
    assert next_point(16, {0: SAME, 8: DIFFERS, 4: SAME}) == 6
    assert next_point(16, {0: SAME, 8: SKIPPED}) == 7
