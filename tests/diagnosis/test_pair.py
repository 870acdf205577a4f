"""Which two fits are compared, and what is said where there is nothing to compare."""

from dataclasses import replace

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.recording import Execution
from whydiff.diagnosis.pair import (
    check_trained,
    fit_between_runs,
    pair_of_fits,
    successive_fits,
    trainings_of,
)
from whydiff.testing.sides import a_fit, a_recipe, weights


def test_a_script_without_a_watched_step_is_told_how_loops_are_watched():
    nothing = Execution("train.py", ("--fast",), "2026-01-01T00:00:00", 0, {}, (), ())
    with pytest.raises(
        WhydiffError, match=r"no training was observed in train\.py --fast"
    ) as error:
        check_trained(nothing, ["--fast"])
    assert "whydiff.watch(model, optimizer=optimizer)" in error.value.way_out
    assert "loop.step(train_step, x, y)" in error.value.way_out


def of(*fits):
    return Execution("train.py", (), "2026-01-01T00:00:00", 0, {}, tuple(fits), ())


def fit(index, seed=0, left_by=None, model="Sequential 'net'", **fields):
    """A fit from the weights of ``seed``; ``left_by``, an earlier fit left them."""
    initial = tuple(replace(t, trained_by=left_by) for t in weights(seed))
    return a_fit(a_recipe(initialization=initial, **fields), index=index, model=model)


def test_the_first_independent_pair_that_differs_is_compared():
    assert pair_of_fits(of(fit(1), fit(2), fit(3, seed=1)), None) == (1, 3)


def test_independent_fits_that_agree_are_compared_too():
    assert pair_of_fits(of(fit(1), fit(2)), None) == (1, 2)


def test_successive_fits_of_one_model_are_one_training():
    execution = of(fit(1), fit(2, 1, left_by=1), fit(3, 2, left_by=2))
    assert trainings_of(execution.fits) == {1: 1, 2: 1, 3: 1}
    assert pair_of_fits(execution, None) is None
    assert successive_fits(execution) == (1, 2)


def test_two_trainings_of_several_fits_each_are_held_against_each_other():
    execution = of(fit(1), fit(2, 1, left_by=1), fit(3, 5), fit(4, 6, left_by=3))
    assert trainings_of(execution.fits) == {1: 1, 2: 1, 3: 3, 4: 3}
    assert pair_of_fits(execution, None) == (1, 3)
    assert pair_of_fits(execution, (1, 2)) == (1, 2), "whoever names two fits gets them"


def test_layers_that_another_model_shares_are_no_continuation():
    execution = of(fit(1), fit(2, 1, left_by=1, model="Sequential 'net_1'"))
    assert trainings_of(execution.fits) == {1: 1, 2: 2}
    assert pair_of_fits(execution, None) == (1, 2)


def test_weights_that_were_set_back_begin_another_training():
    reset = fit(2, 0)
    execution = of(fit(1), reset)
    assert pair_of_fits(execution, None) == (1, 2)
    assert successive_fits(execution) is None


def test_the_second_fit_of_a_training_is_compared_with_the_second_of_another():
    """Equal pretraining, then fine-tuning that differs: the fine-tunings are what differs."""
    execution = of(
        fit(1),
        fit(2, 1, left_by=1, model="Functional 'a'"),
        fit(3),
        fit(4, 1, left_by=3, model="Functional 'a'"),
    )
    chained = [replace(f, model="Functional 'a'") for f in execution.fits]
    chained[3] = replace(chained[3], steps=chained[3].steps + 1)
    assert trainings_of(chained) == {1: 1, 2: 1, 3: 3, 4: 3}
    assert pair_of_fits(of(*chained), None) == (2, 4)


def test_of_two_scripts_the_first_fits_that_differ_or_the_last_of_each():
    a = of(fit(1), fit(2, 1), fit(3, 2))
    b = replace(of(fit(1), fit(2, 4), fit(3, 5)), script="other.py")
    assert fit_between_runs(a, b, None) == (2, 2)
    shorter = replace(of(fit(1), fit(2, 4)), script="other.py")
    assert fit_between_runs(a, shorter, None) == (3, 2)
    cut = of(fit(1), fit(2, 4))
    assert fit_between_runs(a, cut, None) == (2, 2), "one script, one of whose runs was cut short"
