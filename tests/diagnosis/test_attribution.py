from itertools import combinations

import pytest
from hypothesis import given, strategies as st

from whydiff.diagnosis.attribution import alone, coalitions, is_complete, remaining, shapley

NAMES = ["a", "b", "c", "d"]


def subsets(names):
    return [frozenset(c) for k in range(len(names) + 1) for c in combinations(names, k)]


@st.composite
def games(draw, sizes=(1, 2, 3, 4)):
    names = NAMES[: draw(st.sampled_from(sizes))]
    number = st.floats(-10, 10, allow_nan=False)
    return names, {s: draw(number) if s else 0.0 for s in subsets(names)}


def partly(names, values):
    return {s: values[s] for s in coalitions(names, 0)}


def test_coalitions_come_in_the_order_of_their_worth():
    assert coalitions(["x", "y", "z"], 0) == [
        frozenset(), frozenset("xyz"), frozenset("x"), frozenset("y"), frozenset("z"),
        frozenset("yz"), frozenset("xz"), frozenset("xy"),
    ]  # fmt: skip
    assert coalitions(["x", "y"], 4) == [
        frozenset(), frozenset("xy"), frozenset("x"), frozenset("y")
    ]  # fmt: skip
    assert coalitions([], 8) == [frozenset()]
    assert len(coalitions(NAMES, 15)) == 10
    assert len(coalitions(NAMES, 16)) == len(set(coalitions(NAMES, 16))) == 16
    assert len(coalitions(["x", "x"], 16)) == 2


@given(games())
def test_shares_sum_to_the_whole(game):
    names, values = game
    for table in (values, partly(names, values)):
        assert sum(shapley(table, names).values()) == pytest.approx(
            values[frozenset(names)], abs=1e-9
        )


@given(games(sizes=(2, 3, 4)))
def test_sources_that_do_the_same_share_alike(game):
    names, values = game
    swap = {"a": "b", "b": "a"}
    both = {s: values[s] + values[frozenset(swap.get(n, n) for n in s)] for s in values}
    for table in (both, partly(names, both)):
        shares = shapley(table, names)
        assert shares["a"] == pytest.approx(shares["b"], abs=1e-9)


@given(games(sizes=(2, 3, 4)))
def test_a_source_that_never_changes_anything_gets_nothing(game):
    names, values = game
    dummy = {s: values[s - {"a"}] for s in values}
    assert shapley(dummy, names)["a"] == pytest.approx(0, abs=1e-9)


@given(games(), games())
def test_shapley_is_additive(one, other):
    names = min(one[0], other[0], key=len)
    tables = [{s: t[s] for s in subsets(names)} for _, t in (one, other)]
    total = {s: tables[0][s] + tables[1][s] for s in subsets(names)}
    parts = [shapley(t, names) for t in tables]
    whole = shapley(total, names)
    for name in names:
        assert whole[name] == pytest.approx(parts[0][name] + parts[1][name], abs=1e-9)


@given(st.lists(st.floats(0, 5), min_size=10, max_size=10))
def test_first_and_last_are_exact_where_only_pairs_interact(numbers):
    single = dict(zip(NAMES, numbers, strict=False))
    pairs = dict(zip(combinations(NAMES, 2), numbers[4:], strict=True))
    values = {
        s: sum(single[n] for n in s) + sum(w for p, w in pairs.items() if set(p) <= s)
        for s in subsets(NAMES)
    }
    exact, partial = shapley(values, NAMES), shapley(partly(NAMES, values), NAMES)
    for name in NAMES:
        assert partial[name] == pytest.approx(exact[name], abs=1e-9)


def test_known_game():
    # The glove game: one left glove (a), two right ones (b, c); a pair is worth 1.
    values = {s: float("a" in s and len(s) > 1) for s in subsets(["a", "b", "c"])}
    assert shapley(values, ["a", "b", "c"]) == pytest.approx({"a": 2 / 3, "b": 1 / 6, "c": 1 / 6})


def test_chaotic_training_shares_evenly():
    values = {s: float(bool(s)) for s in coalitions(NAMES, 0)}
    assert shapley(values, NAMES) == pytest.approx(dict.fromkeys(NAMES, 0.25))
    assert alone(values, NAMES, "a") == 1.0
    assert remaining(values, NAMES, "a") == 1.0


def test_estimates_that_cancel_stay_finite():
    names = ["a", "b", "c"]
    values = dict.fromkeys(coalitions(names, 0), 0.0) | {
        frozenset("a"): 1.0, frozenset("b"): -1.0, frozenset("abc"): 1e-9
    }  # fmt: skip
    shares = shapley(partly(names, values) | {}, names)
    assert all(abs(share) < 2 for share in shares.values())


@pytest.mark.parametrize(
    ("moves", "whole", "shares"),
    [
        ((3.0, -0.5, 0.0, 0.0), 5.0, (6.0, -1.0, 0.0, 0.0)),  # together twice as much
        ((3.0, -1.2, 0.0, 0.0), 3.0, (3.3, -0.9, 0.3, 0.3)),  # too little is left of them
    ],
)
def test_estimates_are_scaled_unless_most_of_them_cancels(moves, whole, shares):
    values = {frozenset(): 0.0, frozenset(NAMES): whole}
    for name, by in zip(NAMES, moves, strict=True):
        values[frozenset([name])] = by
        values[frozenset(NAMES) - {name}] = whole - by
    assert tuple(shapley(values, NAMES).values()) == pytest.approx(shares)


def test_parts_of_nothing_are_zero():
    values = dict.fromkeys(subsets(["a"]), 0.0)
    assert alone(values, ["a"], "a") == remaining(values, ["a"], "a") == 0.0
    assert shapley({frozenset(): 0.0}, []) == {}


def test_missing_values_raise():
    with pytest.raises(KeyError):
        shapley({frozenset(): 0.0, frozenset("abc"): 1.0}, ["a", "b", "c"])
    assert not is_complete({frozenset(): 0.0}, ["a"])


def test_parts_are_those_of_the_whole_distance():
    values = {frozenset("a"): 3.0, frozenset("b"): -1.0, frozenset("ab"): 4.0}
    assert (alone(values, ["a", "b"], "a"), remaining(values, ["a", "b"], "a")) == (0.75, -0.25)
