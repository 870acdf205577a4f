"""Which two fits are compared, and what is said where there is nothing to compare."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import Event
from whydiff.core.errors import WhydiffError
from whydiff.core.recording import FAILED_FITS, PROCESSES, Epoch, Execution
from whydiff.diagnosis.pair import (
    check_comparable,
    check_fit,
    check_trained,
    check_watched,
    fit_between_runs,
    fits_alike,
    fits_listed,
    in_workers,
    numbered,
    pair_of_fits,
    successive_fits,
    trainings_of,
    with_names_of,
)
from whydiff.report.documents.fits_table import fits_of_script
from whydiff.testing.calls import call
from whydiff.testing.sides import a_fit, a_recipe, content, tensor, weights


def test_a_script_without_a_watched_step_is_told_how_loops_are_watched():
    nothing = Execution("train.py", ("--fast",), "2026-01-01T00:00:00", 0, {}, (), ())
    with pytest.raises(
        WhydiffError, match=r"no training was observed in train\.py --fast"
    ) as error:
        check_trained(nothing, ["--fast"])
    assert "whydiff.watch(model, optimizer=optimizer)" in error.value.way_out
    assert "loop.step(train_step, x, y)" in error.value.way_out


def test_a_script_whose_only_fit_failed_at_once_is_told_so():
    facts = {FAILED_FITS: ["train.py:9"]}
    nothing = Execution("train.py", (), "2026-01-01T00:00:00", 0, facts, (), ())
    with pytest.raises(WhydiffError, match=r"train\.py: the fit at train\.py:9 failed before the"):
        check_trained(nothing, [])


def of(*fits):
    return Execution("train.py", (), "2026-01-01T00:00:00", 0, {}, tuple(fits), ())


def fit(index, seed=0, left_by=None, model="Sequential 'net'", **fields):
    """A fit from the weights of ``seed``; ``left_by``, an earlier fit left them."""
    initial = tuple(replace(t, trained_by=left_by) for t in weights(seed))
    return a_fit(a_recipe(initialization=initial, **fields), index=index, model=model)


def test_the_first_independent_pair_that_differs_is_compared():
    assert pair_of_fits(of(fit(1), fit(2), fit(3, seed=1)), None) == (1, 3)


def test_a_pair_that_ends_differently_comes_before_one_that_differs_on_the_way():
    last = replace(fit(3, seed=2), epochs=(Epoch(0, 1, {"loss": 0.1}),))
    assert pair_of_fits(of(fit(1), fit(2, seed=1), last), None) == (1, 3)
    assert pair_of_fits(of(fit(1), fit(2, seed=1), fit(3, seed=2)), None) == (1, 2)


def test_independent_fits_that_agree_are_compared_too():
    assert pair_of_fits(of(fit(1), fit(2)), None) == (1, 2)


def test_successive_fits_of_one_model_are_one_training():
    execution = of(fit(1), fit(2, 1, left_by=1), fit(3, 2, left_by=2))
    assert trainings_of(execution.fits) == {1: 1, 2: 1, 3: 1}
    assert pair_of_fits(execution, None) is None
    assert successive_fits(execution) == (1, 2)


def test_weights_that_a_model_got_in_between_do_not_end_its_training():
    added = replace(weights(5)[0], path="dense/lora_kernel_a")
    second = fit(2, 1, left_by=1)
    recipe = replace(second.recipe, initialization=(*second.recipe.initialization, added))
    second = replace(second, recipe=recipe, models=(1,))
    first = replace(fit(1), models=(1,))
    assert trainings_of((first, second)) == {1: 1, 2: 1}
    assert successive_fits(of(first, second)) is None, "another stage"
    assert trainings_of((first, replace(second, models=(2,)))) == {1: 1, 2: 2}, "another model"
    reset = replace(weights(5)[0], trained_by=None)
    left = (reset, *second.recipe.initialization[1:-1])
    second = replace(second, recipe=replace(recipe, initialization=left))
    assert trainings_of((first, second)) == {1: 1, 2: 2}, "a weight was set back"


def test_two_trainings_of_several_fits_each_are_held_against_each_other():
    execution = of(fit(1), fit(2, 1, left_by=1), fit(3, 5), fit(4, 6, left_by=3))
    assert trainings_of(execution.fits) == {1: 1, 2: 1, 3: 3, 4: 3}
    assert pair_of_fits(execution, None) == (1, 3)
    assert pair_of_fits(execution, (1, 2)) == (1, 2), "whoever names two fits gets them"


def test_layers_that_another_model_shares_are_no_continuation():
    execution = of(fit(1), fit(2, 1, left_by=1, model="Sequential 'net_1'"))
    assert trainings_of(execution.fits) == {1: 1, 2: 2}
    assert pair_of_fits(execution, None) == (1, 2)


def test_a_training_in_several_fits_is_held_against_one_of_as_many_epochs():
    def epochs(number, fit):
        return replace(fit, epochs=tuple(Epoch(i, 1, {"loss": 1.0}) for i in range(number)))

    halves = [epochs(1, fit(2)), epochs(1, fit(3, 1, left_by=2))]
    assert pair_of_fits(of(epochs(2, fit(1)), *halves), None) == (1, (2, 3))
    assert pair_of_fits(of(epochs(3, fit(1)), *halves), None) == (1, 2), "another number of epochs"
    other = replace(halves[1], models=(7,))
    assert pair_of_fits(of(epochs(2, fit(1)), halves[0], other), None) == (1, 2)


def resumed(whole_first, **facts):
    """Fits of 2 epochs and of 1 and 1, where another model loads what the first of these saved."""
    one, two, three = (1, 2, 3) if whole_first else (3, 1, 2)
    whole = replace(fit(one), models=(one,))
    begun = replace(fit(two), models=(two,))
    rest = replace(fit(three, 1, left_by=two, model="Sequential 'net_1'"), models=(three,))
    by_index = sorted((whole, begun, rest), key=lambda f: f.index)
    fits_ = [
        replace(f, call=f.index, epochs=tuple(Epoch(i, 1, {"loss": f.index}) for i in range(n)))
        for f in by_index
        for n in [2 if f is whole else 1]
    ]
    path = {"path": "half.weights.h5"}
    saved = Event(1, two, "save_weights", "Sequential 'net'", two, facts=path)
    loaded = Event(2, two, "load_weights", "Sequential 'net_1'", three, facts={**path, **facts})
    return replace(of(*fits_), events=(saved, loaded))


@pytest.mark.parametrize(("whole_first", "wanted"), [(True, (1, (2, 3))), (False, ((1, 2), 3))])
def test_a_training_that_was_saved_and_resumed_is_held_against_one_that_went_on(
    whole_first, wanted
):
    execution = resumed(whole_first)
    assert pair_of_fits(execution, None) == wanted
    assert pair_of_fits(replace(execution, events=execution.events[1:]), None) != wanted, (
        "not saved"
    )
    elsewhere = resumed(whole_first, path="pretrained.weights.h5")
    assert pair_of_fits(elsewhere, None) != wanted, "a file of another training"


def test_a_fold_that_loads_what_another_one_saved_is_no_resumed_training():
    execution = resumed(False)
    folds = execution.fits[:2]
    assert pair_of_fits(replace(execution, fits=folds), None) == (1, 2)


def test_a_script_that_resumes_is_held_in_whole_against_one_that_goes_on():
    execution = resumed(True)
    whole = replace(execution, fits=execution.fits[:1], events=())
    parts = replace(execution, fits=execution.fits[1:], script="resumed.py")
    assert fit_between_runs(whole, parts, None) == (1, (2, 3))
    shorter = replace(whole.fits[0], epochs=whole.fits[0].epochs[:1])
    assert fit_between_runs(replace(whole, fits=(shorter,)), parts, None) == (1, 2)


@pytest.mark.parametrize("tuned", ["Sequential 'net'", "Sequential 'net_1'"])
def test_fine_tunings_that_start_from_one_pretraining_are_compared(tuned):
    starts = [fit(i, 1, left_by=1, model=tuned) for i in (2, 3)]
    starts[1] = replace(starts[1], steps=starts[1].steps + 1)
    execution = of(fit(1), *starts, fit(4, 2, left_by=3, model=tuned))
    assert pair_of_fits(execution, None) == (2, 3)
    assert fits_alike(execution, *execution.fits[1:3]) == [3], "not the pretraining"


def test_a_copy_that_goes_on_with_other_samples_is_fine_tuned():
    tuned = fit(2, 1, left_by=1, model="Sequential 'copy'", data_content=content(range(50, 60)))
    assert pair_of_fits(of(fit(1), tuned), None) is None
    again = fit(3, 2, left_by=2, model="Sequential 'third'", data_content=content(range(70, 80)))
    assert pair_of_fits(of(fit(1), tuned, again), None) is None


def test_a_copy_that_goes_on_at_another_rate_is_fine_tuned():
    slow = {"learning_rate": 1e-4}
    tuned = fit(2, 1, left_by=1, model="Sequential 'copy'", optimizer=slow)
    sides = replace(fit(1), call=1), replace(tuned, call=2, models=(2,))
    copied = Event(1, 1, "set_weights", "Sequential 'copy'", 2)
    execution = of(*sides)
    assert pair_of_fits(replace(execution, events=(copied,)), None) is None
    for events in ((), (replace(copied, model_number=1),), (replace(copied, after_call=2),)):
        assert pair_of_fits(replace(execution, events=events), None) == (1, 2), events
    equal = replace(fit(2, 1, left_by=1, model="Sequential 'copy'"), call=2, models=(2,))
    execution = replace(of(sides[0], equal), events=(copied,))
    assert pair_of_fits(execution, None) == (1, 2), "trained alike again"


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


def test_two_fits_that_are_named_must_be_there():
    execution = of(fit(1), fit(2))
    assert pair_of_fits(execution, (2, 1)) == (2, 1)
    for wanted in ((0, 1), (1, 3)):
        with pytest.raises(WhydiffError, match=r"--fits names fit [03], but train\.py has 2 fits"):
            pair_of_fits(execution, wanted)
    with pytest.raises(WhydiffError, match=r"(?m)train\.py has 1 fit$"):
        check_fit(of(fit(1)), 2)


def other_model(index, inputs=("(4,)",), **fields):
    """A fit of a model whose weights have other shapes."""
    kernel = (tensor("dense/kernel", np.zeros((4, 7))),)
    architecture = {"inputs": list(inputs), "outputs": ["(2,)"]}
    return a_fit(a_recipe(initialization=kernel, architecture=architecture), index=index, **fields)


def test_models_of_equal_weights_come_before_those_of_equal_ends():
    assert pair_of_fits(of(fit(1), other_model(2), fit(3, seed=1)), None) == (1, 3)
    assert pair_of_fits(of(fit(1), other_model(2)), None) == (1, 2)


def test_models_of_other_ends_or_of_unknown_ones_are_no_pair():
    assert pair_of_fits(of(fit(1), other_model(2, inputs=("(5,)",))), None) is None
    unknown = fit(1, architecture={}), replace(other_model(2), recipe=a_recipe(
        initialization=(tensor("k", np.zeros(3)),), architecture={}
    ))  # fmt: skip
    assert pair_of_fits(of(*unknown), None) is None
    half = [
        replace(f, recipe=replace(f.recipe, architecture={"outputs": ["(2,)"]})) for f in unknown
    ]
    assert pair_of_fits(of(*half), None) is None


def test_the_earliest_pair_comes_first():
    execution = of(fit(1), other_model(2), fit(3, 3), other_model(4, steps=fit(4).steps + 1))
    assert pair_of_fits(execution, None) == (1, 3)
    assert pair_of_fits(of(fit(1), fit(2, 2), fit(3, 3)), None) == (1, 2)
    assert pair_of_fits(of(fit(1), fit(2), fit(3)), None) == (1, 2), "all three agree"
    assert pair_of_fits(of(fit(1)), None) is None


def test_weights_of_two_fits_or_of_none_are_no_continuation():
    initial = weights(1)
    mixed = (replace(initial[0], trained_by=1), *initial[1:])
    second = a_fit(a_recipe(initialization=mixed), index=2, model="Sequential 'net'")
    assert trainings_of((fit(1), second)) == {1: 1, 2: 2}
    both = (replace(initial[0], trained_by=1), replace(initial[1], trained_by=2), *initial[2:])
    third = a_fit(a_recipe(initialization=both), index=3, model="Sequential 'net'")
    assert trainings_of((fit(1), fit(2), third)) == {1: 1, 2: 2, 3: 3}


def test_weights_that_are_not_trained_say_nothing_of_a_continuation():
    frozen = [replace(t, trained_by=None, role="non-trainable") for t in weights(9)[:1]]
    initial = (*frozen, *(replace(t, trained_by=1) for t in weights(1)[1:]))
    second = a_fit(a_recipe(initialization=initial), index=2, model="Sequential 'net'")
    assert trainings_of((fit(1), second)) == {1: 1, 2: 1}


def test_a_frozen_base_that_an_earlier_fit_trained_makes_its_fit_a_stage_before():
    def head_on_frozen_base(index, seed):
        base = tuple(
            replace(t, trained_by=1, role="non-trainable", path=f"base/{t.path}")
            for t in weights(1)[:1]
        )
        recipe = a_recipe(initialization=(*base, *weights(seed)[1:]))
        return a_fit(recipe, index=index, model="Sequential 'net'")

    execution = of(fit(1), head_on_frozen_base(2, 5), head_on_frozen_base(3, 6))
    assert pair_of_fits(execution, None) == (2, 3)
    assert trainings_of(execution.fits) == {1: 1, 2: 2, 3: 3}


def test_the_fit_that_left_the_weights_may_be_missing():
    assert trainings_of((fit(2, left_by=1),)) == {2: 2}


def test_fits_of_two_runs_that_are_named_must_be_there():
    a, b = of(fit(1), fit(2, 1)), of(fit(1))
    assert fit_between_runs(a, b, (2, 1)) == (2, 1)
    with pytest.raises(WhydiffError, match=r"fit 2, but train\.py has 1 fit"):
        fit_between_runs(a, b, (1, 2))
    with pytest.raises(WhydiffError, match=r"fit 2, but train\.py has 1 fit"):
        fit_between_runs(b, a, (2, 1))


def test_runs_that_agree_are_compared_in_their_last_common_fit():
    assert fit_between_runs(of(fit(1), fit(2, 1)), of(fit(1), fit(2, 1)), None) == (2, 2)
    assert fit_between_runs(of(fit(1), fit(2, 1)), of(fit(1)), None) == (1, 1)
    scripts = of(fit(1), fit(2, 1)), replace(of(fit(1), fit(2, 1)), script="other.py")
    assert fit_between_runs(*scripts, None) == (2, 2)


def test_trainings_with_nothing_in_common_are_refused():
    other = a_fit(
        a_recipe(
            initialization=(tensor("conv/kernel", np.zeros((3, 3, 1, 8))),),
            data_content=replace(content(), signature=("x: float32 (8, 8, 1)", "y: int32 ()")),
        ),
        model="Functional 'images'",
    )
    with pytest.raises(WhydiffError, match="nothing in common") as error:
        check_comparable(fit(1), other)
    assert "Sequential 'net' is fed x: float32 (4,) and Functional 'images' is fed x: float32 " \
        "(8, 8, 1); y: int32 ()" in str(error.value)  # fmt: skip
    check_comparable(fit(1), replace(other, recipe=replace(other.recipe, data_content=content())))
    check_comparable(fit(1), replace(other, recipe=replace(other.recipe, initialization=weights())))
    unfed = replace(
        other, recipe=replace(other.recipe, data_content=replace(content(), signature=()))
    )
    with pytest.raises(WhydiffError, match="'images' is fed nothing"):
        check_comparable(fit(1), unfed)


def test_a_script_without_any_use_of_a_model_says_so():
    nothing = of()
    with pytest.raises(WhydiffError, match=r"^train\.py --fast used no Keras model") as error:
        check_watched(nothing, ["--fast"])
    assert "loop.step(train_step, x, y)" in error.value.way_out
    check_watched(of(fit(1)), [])
    check_watched(replace(nothing, calls=(call(1),)), [])
    check_trained(of(fit(1)), [])


def ended(index, model="Sequential 'net'", **logs):
    return replace(fit(index, model=model), epochs=(Epoch(0, 1, logs),) if logs else ())


FOLDS = of(
    ended(1, loss=0.1, val_accuracy=0.8),
    ended(2, loss=0.2, val_accuracy=0.95, model="Functional 'big'"),
    ended(3, loss=0.3, val_accuracy=0.6),
)


def test_fits_are_named_by_number_by_model_or_by_how_they_ended():
    assert numbered(FOLDS, FOLDS, None, None) is None
    assert numbered(FOLDS, FOLDS, ("best", "worst"), None) == (2, 3)
    assert numbered(FOLDS, FOLDS, ("best", "worst"), "loss") == (1, 3)
    assert numbered(FOLDS, FOLDS, (3, "big"), None) == (3, 2)
    assert numbered(FOLDS, FOLDS, ("net", "Functional"), None) == (1, 2)
    other = of(ended(1, loss=0.1, val_accuracy=0.1), ended(2, loss=0.1, val_accuracy=0.2))
    assert numbered(FOLDS, other, ("best", "best"), None) == (2, 2)


@pytest.mark.parametrize(
    ("execution", "wanted", "said"),
    [
        (FOLDS, ("best", "small"), "trains no model of that name"),
        (FOLDS, ("best", "big"), "names fit 2 twice"),
        (FOLDS, ("best", 2), "--fits best,2 names fit 2 twice"),
        (FOLDS, (2, "best"), "--fits 2,best names fit 2 twice"),
        (of(ended(1, score=0.1), ended(2, score=0.2)), ("best", "worst"), "of score nobody knows"),
        (of(ended(1), ended(2)), ("best", "worst"), "so no fit is the best"),
    ],
)
def test_names_of_no_fit_are_refused(execution, wanted, said):
    with pytest.raises(WhydiffError, match=said):
        numbered(execution, execution, wanted, None)


def test_every_fit_is_a_row_and_those_compared_are_marked():
    rows = fits_listed(FOLDS, None, (FOLDS.fits[1], FOLDS.fits[2]))
    assert [(r["side"], r["fit"], r["value"]) for r in rows] == [
        ("", 1, 0.8), ("A", 2, 0.95), ("B", 3, 0.6),
    ]  # fmt: skip
    assert {r["metric"] for r in rows} == {"val_accuracy"}
    (section,) = fits_of_script(rows)
    assert section.lead.startswith("3 fits end with val_accuracy from 0.6 to 0.95")
    assert list(fits_of_script([])) == []


def test_folds_are_the_fits_that_stand_to_the_first_as_the_second_does():
    other = fit(4, 7, model="Functional 'small'")
    shapes = (tensor("small/kernel", np.zeros((2, 2), "float32")),)
    other = replace(other, recipe=replace(other.recipe, initialization=shapes))
    folds = of(fit(1), fit(2, 5), fit(3, 6), other)
    assert fits_alike(folds, *folds.fits[:2]) == [2, 3]
    # Each pretrained and fine-tuned: pretraining stands beside pretraining.
    tuned = of(fit(1), fit(2, 1, left_by=1), fit(3, 5), fit(4, 6, left_by=3), fit(5, 8))
    assert fits_alike(tuned, tuned.fits[0], tuned.fits[2]) == [3, 5]
    # All of one model: each goes on where the one before stopped.
    going_on = of(fit(1), fit(2, 1, left_by=1), fit(3, 2, left_by=2))
    assert fits_alike(going_on, *going_on.fits[:2]) == [2, 3]


def test_what_differs_over_all_folds_is_said_in_one_go():
    rows = fits_listed(FOLDS, None, (FOLDS.fits[0], FOLDS.fits[1]))
    measured = ((0.95, 0.81, True), (0.6, 0.79, False))
    for row, (data, weights_, whole) in zip(rows[1:], measured, strict=True):
        row |= {
            "differs": ["data-content", "initialization"], "agrees": ["data-order"],
            "alone": {"initialization": weights_, "data-content": data}, "whole": whole,
        }  # fmt: skip
    rows[2]["differs"].append("batch-size")
    (section,) = fits_of_script(rows)
    text, table = section.blocks
    assert text.text == (
        "Both others differ from fit 1 in data-content and initialization. Fit 3 differs in "
        "batch-size, too. In all of them data-order agrees with it. Taken alone from each of the "
        "other two into fit 1, a source moves val_accuracy over: data-content from 0.6 to 0.95 and "
        "initialization from 0.79 to 0.81. All of them together do not give fit 3 again."
    )
    assert table.columns[-3:] == ("val_accuracy", "data-content", "initialization")
    assert [row[-2:] for row in table.rows] == [("-", "-"), ("0.95", "0.81"), ("0.6", "0.79")]
    for row in rows[1:]:
        del row["alone"], row["whole"]
    rows[0]["unmeasured"] = 600.0
    (section,) = fits_of_script(rows)
    text, table = section.blocks
    assert text.text.endswith(
        "moves alone takes about 10 min more to measure: --budget gives the time."
    )
    assert table.columns[-1] == "val_accuracy"


def test_worker_processes_are_said_to_be_there_unless_they_load_data():
    assert in_workers(of(fit(1))) == ""
    two = replace(of(fit(1)), environment={PROCESSES: 2})
    assert "started 2 worker processes, in which nothing is watched" in in_workers(two)
    one = in_workers(replace(two, environment={PROCESSES: 1}))
    assert "started 1 worker process, in" in one
    assert in_workers(replace(two, environment={PROCESSES: "2"})) == ""
    loading = replace(fit(1), notes={"data": "PyDataset"})
    assert in_workers(replace(two, fits=(loading,))) == ""
    with pytest.raises(WhydiffError) as error:
        check_trained(replace(two, fits=()), [])
    assert "n_jobs=1" in error.value.way_out


def test_stages_of_one_training_are_not_held_against_each_other():
    first, second = fit(1), fit(2, 1, left_by=1)
    assert successive_fits(of(first, second)) == (1, 2)
    frozen = {**second.recipe.architecture, "trainable:dense": False}
    thawed = replace(second, recipe=replace(second.recipe, architecture=frozen))
    assert successive_fits(of(first, thawed)) is None, "frozen in between"
    slower = {**second.recipe.optimizer, "learning_rate": 1e-5}
    tuned = replace(second.recipe, data_content=content(range(50, 60)), optimizer=slower)
    assert successive_fits(of(first, replace(second, recipe=tuned))) is None, "other data, slower"
    folds = replace(second.recipe, data_content=content(range(50, 60)))
    assert successive_fits(of(first, replace(second, recipe=folds))) == (1, 2), "a fold"


def test_metrics_that_keras_numbered_otherwise_are_no_difference():
    """The second model's AUC() is ``auc_1`` in the same process."""

    def measured(index, name, value, seed=0):
        made = fit(index, seed)
        facts = {"metrics": ["accuracy", {"class": "AUC", "name": name}]}
        recipe = replace(made.recipe, measurement={**made.recipe.measurement, **facts})
        epoch = Epoch(0, 3, {"loss": 1.0, f"val_{name}": value})
        return replace(made, recipe=recipe, epochs=(epoch,))

    alike, other = measured(2, "auc_1", 0.7), measured(3, "auc_2", 0.8, 1)
    first = measured(1, "auc", 0.7)
    assert pair_of_fits(of(first, alike, other), None) == (1, 3)
    renamed, names = with_names_of(first, alike)
    assert names == {"auc_1": "auc"} and dict(renamed.epochs[0].logs) == first.epochs[0].logs
    assert renamed.recipe.measurement == first.recipe.measurement
