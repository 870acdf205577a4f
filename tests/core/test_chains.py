"""Successive fits of one model held as one."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.chains import joined, picked
from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import COUNTED_ANEW, STARTED_ANEW
from whydiff.core.recording import RATES, SEEDS_ANEW, STEP_RATES, Execution
from whydiff.testing.sides import a_fit, a_recipe, content, tensor, weights


def fits(fresh_optimizer=False, **fields):
    """Two fits of an epoch each, of 3 samples, the second from what the first left."""
    slot = tensor("adam/m", 5, role="slot")
    one = a_recipe(state=(slot,), **fields)
    left = tuple(weights(1))
    carried = tuple(replace(t, trained_by=1) for t in left)
    slots = (replace(tensor("adam/m", 6, role="slot"), trained_by=None if fresh_optimizer else 1),)
    other = a_recipe(initialization=carried, state=slots, **fields)
    first = replace(a_fit(one, index=1), final=left)
    second = replace(a_fit(other, index=2), final=tuple(weights(2)))
    return first, second


def test_orders_steps_and_epochs_count_on():
    first, second = fits()
    whole = joined((first, second))
    assert whole.parts == (1, 2)
    assert (whole.number, whole.last, whole.pick) == ("1+2", 2, (1, 2))
    count = len(first.recipe.data_order.epochs)
    assert len(whole.recipe.data_order.epochs) == 2 * count
    assert whole.recipe.duration["epochs"] == 2 * count
    assert len(whole.steps) == len(first.steps) + len(second.steps)
    assert [e.index for e in whole.epochs] == list(range(len(whole.epochs)))
    assert (np.diff(whole.step_epochs) >= 0).all()
    assert whole.final == second.final


def test_equal_samples_come_once_and_others_are_put_behind():
    first, second = fits()
    more = replace(second, recipe=replace(second.recipe, data_content=content(range(5, 15))))
    whole = joined((first, more)).recipe
    mine = first.recipe.data_content.samples
    theirs = more.recipe.data_content.samples
    both = {row.tobytes() for row in (*mine, *theirs)}
    assert len(whole.data_content.samples) == max(len(both), len(mine))
    order = more.recipe.data_order.epochs[0]
    fed = whole.data_content.samples[whole.data_order.epochs[len(first.recipe.data_order.epochs)]]
    assert (fed == theirs[order]).all(), "the same samples at the same positions"


def test_a_fresh_optimizer_and_settings_that_differ_are_facts():
    assert STARTED_ANEW not in joined(fits()).recipe.optimizer
    first, second = fits(fresh_optimizer=True)
    slower = {**second.recipe.optimizer, "learning_rate": 0.25}
    second = replace(second, recipe=replace(second.recipe, optimizer=slower))
    facts = joined((first, second)).recipe.optimizer
    assert facts[STARTED_ANEW] == [len(first.recipe.data_order.epochs) + 1]
    assert facts["learning_rate"] == [first.recipe.optimizer["learning_rate"], 0.25]


def test_fits_that_do_not_go_on_from_one_another_are_no_training():
    first, second = fits()
    execution = Execution("t.py", (), "2026-01-01T00:00:00", 0, {}, (first, second), ())
    assert picked(execution, 2) is second
    with pytest.raises(WhydiffError, match="fit 1 does not go on from what fit 2 left"):
        picked(execution, (2, 1))
    loaded = replace(second, model="Sequential 'loaded'")
    assert joined((first, loaded)).parts == (1, 2), "another model that holds the same weights"
    shared = replace(second.recipe, initialization=second.recipe.initialization[:2])
    with pytest.raises(WhydiffError, match="not one training"):
        joined((first, replace(loaded, recipe=shared)))


def test_seed_states_that_no_fit_left_are_noted_with_their_epoch():
    carried = replace(tensor("dropout/seed_generator", 6, role="seed"), trained_by=1)
    anew = [
        replace(carried, trained_by=None),
        replace(carried, trained_by=None, role="frozen seed"),
    ]
    first, second = fits()
    for states, noted in (((carried,), None), (anew, [[3, ["dropout/seed_generator"]]])):
        later = replace(second, recipe=replace(second.recipe, noise=tuple(states)))
        assert joined((first, later)).notes.get(SEEDS_ANEW) == noted


def test_rates_noted_by_epoch_count_on():
    first, second = fits()
    noted = {RATES: [[0, [0.5]], [1, [0.25]]], STEP_RATES: [[0, 0, [0.5]], [1, 3, [0.25]]]}
    first = replace(first, notes=noted)
    whole = joined((first, replace(second, notes=noted)))
    assert whole.rates == {0: [0.5], 1: [0.25], 2: [0.5], 3: [0.25]}
    assert whole.step_rates == {(0, 0): [0.5], (1, 3): [0.25], (2, 0): [0.5], (3, 3): [0.25]}
    constant = replace(second.recipe, optimizer={"learning_rate": 0.125})
    whole = joined((first, replace(second, recipe=constant)))
    assert whole.rates == {0: [0.5], 1: [0.25], 2: [0.125]}
    assert whole.step_rates == {}, "those of the second are not known"


def test_a_rate_that_a_schedule_left_is_no_setting_but_counting_from_0_again_is():
    first, second = fits()
    left = replace(tensor("learning_rate", 0.5, role="hyperparameter"), trained_by=1)
    facts = {**second.recipe.optimizer, "learning_rate": 0.5, "callbacks": ["Schedule"]}
    recipe = replace(second.recipe, optimizer=facts, state=(*second.recipe.state, left))
    whole = joined((first, replace(second, recipe=recipe))).recipe.optimizer
    assert whole["learning_rate"] == first.recipe.optimizer["learning_rate"]
    assert whole[COUNTED_ANEW] == [len(first.recipe.data_order.epochs) + 1]
    goes_on = {**recipe.duration, "initial_epoch": len(first.recipe.data_order.epochs)}
    whole = joined((first, replace(second, recipe=replace(recipe, duration=goes_on))))
    assert COUNTED_ANEW not in whole.recipe.optimizer
