"""At which moments two trainings are looked at."""

import pytest

from whydiff.core.findings import Divergence
from whydiff.diagnosis.moments import MOST_BYTES, MOST_MOMENTS, START, plan, spread
from whydiff.testing.sides import a_fit, steps


def trained(*counts, first=0, **notes):
    """A fit with that many steps in each epoch; ``parameters`` in its notes."""
    digests, epochs = steps(counts)
    return a_fit(steps=digests, step_epochs=epochs + first, notes=notes)


def at(epoch, step, phase="update"):
    return Divergence(epoch, step, phase, "the weights")


def test_a_short_training_is_looked_at_before_and_after_every_step():
    found = plan(trained(2, 1), trained(2, 1), None)
    assert (found.unit, found.x) == ("steps", (0.0, 1.0, 2.0, 3.0))
    assert found.a == found.b == (START, (0, 0), (0, 1), (1, 0))
    assert found.weighed == {0, 1, 2, 3} and found.divergence is None
    assert found.of("a") == [[-1, -1, 1], [0, 0, 1], [0, 1, 1], [1, 0, 1]]


def test_a_side_that_stopped_earlier_has_no_later_moments():
    found = plan(trained(2, 2), trained(2, 1), None)
    assert found.unit == "steps" and found.x[-1] == 4.0
    assert found.a[-1] == (1, 1) and found.b[-1] is None
    assert len(found.of("a")) == 5 and len(found.of("b")) == 4
    assert plan(trained(2, 2), trained(2), None).b[-2:] == (None, None)
    assert plan(trained(2), trained(3), None).unit == "epochs"  # nothing says that one stopped


@pytest.mark.parametrize(
    ("point", "x"),
    [(at(1, 0), 3.0), (at(0, 0), 1.0), (at(0, 0, "before training"), 0.0),
     (at(1, 1, "end"), None), (at(7, 0), None), (None, None)],
)  # fmt: skip
def test_the_first_divergence_is_marked_where_its_step_is_over(point, x):
    assert plan(trained(2, 2), trained(2, 2), point).divergence == x


def test_a_long_training_is_looked_at_densely_at_its_start_and_where_it_diverges():
    total = 1000
    found = plan(trained(total), trained(total), at(0, 499))
    assert 0.9 * MOST_MOMENTS < len(found.x) <= MOST_MOMENTS
    assert found.x[:20] == tuple(map(float, range(20))) and found.x[-1] == total
    assert {497.0, 498.0, 499.0, 500.0, 501.0, 502.0, 503.0} <= set(found.x)
    assert found.weighed == set(range(len(found.x)))
    gaps = {y - x for x, y in zip(found.x, found.x[1:], strict=False)}
    assert max(gaps) <= 6


def test_of_large_weights_few_are_kept_and_those_of_the_first_divergence_in_any_case():
    large = MOST_BYTES // 4 // 5  # room for five
    a, b = (trained(100, parameters=n) for n in (1, large))
    found = plan(a, b, at(0, 49))
    weighed = [found.x[i] for i in sorted(found.weighed)]
    assert len(weighed) == 5 and {0.0, 50.0, 100.0} <= set(weighed)
    assert found.of("a")[50] == [0, 49, 1] and found.of("a")[51] == [0, 50, 0]
    huge = trained(100, parameters=10 * MOST_BYTES)
    assert [plan(huge, huge, None).x[i] for i in sorted(plan(huge, huge, None).weighed)] == [0, 100]


def test_trainings_cut_into_other_steps_are_looked_at_after_equal_parts_of_an_epoch():
    found = plan(trained(4, 4, first=1), trained(2, 2, first=1), at(2, 1))
    assert (found.unit, found.x) == ("epochs", (0.0, 0.5, 1.0, 1.5, 2.0))
    assert found.a == (START, (1, 1), (1, 3), (2, 1), (2, 3))
    assert found.b == (START, (1, 0), (1, 1), (2, 0), (2, 1))
    assert found.divergence == 1.5  # two of four steps into the second epoch
    assert found.weighed == {0, 1, 2, 3, 4}


def test_other_steps_in_epochs_of_odd_length_end_with_the_epoch():
    found = plan(trained(3), trained(2), at(0, 0, "before training"))
    assert found.x == (0.0, 0.5, 1.0) and found.divergence == 0.0
    assert found.a == (START, (0, 1), (0, 2)) and found.b == (START, (0, 0), (0, 1))
    assert plan(trained(3), trained(2), at(0, 2, "end")).divergence is None
    assert plan(trained(3), trained(2), at(5, 0)).divergence is None
    assert plan(trained(3), trained(2), None).divergence is None


def test_many_epochs_of_other_steps_stay_within_the_moments_that_are_kept():
    found = plan(trained(*[50] * 10), trained(*[40] * 10), None)
    assert len(found.x) == MOST_MOMENTS + 1 and found.x[24] == 1.0 and found.x[-1] == 10.0
    found = plan(trained(*[2] * 300), trained(*[1] * 300), None)
    assert found.x == tuple(map(float, range(301)))
    large = trained(4, 4, parameters=MOST_BYTES // 4 // 3)
    assert sorted(plan(large, trained(2, 2), None).weighed) == [0, 2, 4]


def test_trainings_without_a_common_epoch_are_looked_at_before_they_begin():
    found = plan(trained(2), trained(2, first=5), None)
    assert (found.unit, found.x, found.a, found.b) == ("epochs", (0.0,), (START,), (START,))


def test_numbers_are_spread_with_both_ends_and_never_too_many():
    assert spread(5, 5, None) == [0, 1, 2, 3, 4]
    assert spread(6, 5, None) == [0, 1, 2, 3, 5]
    assert spread(100, 2, 50) == [0, 99]
    assert spread(100, 4, None) == [0, 33, 66, 99]
    # the first quarter of what may be kept lies at the beginning
    assert spread(101, 8, None) == [0, 1, 16, 33, 50, 66, 83, 100]
    # around the first divergence only where that leaves room for the rest
    assert 47 not in spread(101, 12, 50)
    assert set(range(47, 54)) <= set(spread(101, 13, 50))
    assert set(spread(101, 13, 1)) >= {0, 1, 2, 3, 4, 100}
    assert set(spread(101, 13, 99)) >= {0, 96, 97, 98, 99, 100}
    for most in range(2, 40):
        assert len(spread(1000, most, 500)) <= most
