"""Initial weights, seed states and state transferred."""

import numpy as np
import pytest

from whydiff.core.calls import Event
from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN
from whydiff.core.recipe import BEFORE
from whydiff.core.recording import Frame
from whydiff.diagnosis.sources import source
from whydiff.testing import sides
from whydiff.testing.sides import a_side, changed, draw, facts, ledger, tensor

INITIAL, NOISE, STATE = (source(i).compare for i in ("initialization", "noise", "state"))
PATHS = ("dense/kernel_initializer", "dense_1/kernel_initializer")


def drew(side, *seeds, **more):
    """The side in a run of its own, whose kernels drew these seeds."""
    draws = (draw(path, seed, **more) for path, seed in zip(PATHS, seeds, strict=True))
    return changed(side, execution={"ledger": ledger(*draws), "started": "later"})


def test_equal_weights_are_evidence():
    finding = INITIAL(a_side(), a_side())
    assert finding.status == IDENTICAL
    assert finding.evidence.startswith("all 4 weight tensors equal (")


def test_unseeded_draws_name_seed_layer_and_line():
    a = drew(a_side(), 123, 7)
    b = drew(a_side(initialization=sides.weights(1)), 456, 8)
    b = changed(b, execution={"started": "tomorrow"})
    finding = INITIAL(a, b)
    assert finding.mechanism == "python-random-unseeded"
    assert "2 of 4 weight tensors differ, first dense/kernel" in finding.evidence
    assert "seed 123 in A (train.py:12) and 456 in B (train.py:12)" in finding.detail
    assert "set_random_seed" in finding.remedy
    assert not finding.intended


def test_two_models_of_one_execution_take_later_draws():
    entries = ledger(
        draw(PATHS[0], 1), draw(PATHS[1], 2), draw(PATHS[0], 3, fit=2), draw(PATHS[1], 4, fit=2)
    )
    a = a_side(execution={"ledger": entries})
    b = changed(a, fit={"index": 2}, initialization=sides.weights(1))
    finding = INITIAL(a, b)
    assert finding.mechanism == "seeded-once"
    assert "drew seed 1 in A" in finding.detail and "3 in B" in finding.detail


def test_one_extra_draw_shifts_the_others():
    a = drew(a_side(), 11, 12)
    b = drew(a_side(initialization=sides.weights(1)), 12, 13)
    b = changed(b, execution={"started": "tomorrow"})
    finding = INITIAL(a, b)
    assert finding.mechanism == "shifted-draws"
    assert "dense_1/kernel_initializer" in finding.detail


def test_explicit_seeds_and_clock_seeds():
    a = drew(a_side(), 11, 7, explicit=True)
    other = a_side(initialization=sides.weights(1))
    finding = INITIAL(a, drew(other, 12, 8, explicit=True))
    assert finding.mechanism == "explicit-seeds"
    assert "the script writes seed 11" in finding.detail
    clock = (Frame("train.py", 3, "f", "GlorotUniform(seed=int(time.time()))"),)
    finding = INITIAL(a, drew(other, 12, 8, explicit=True, stack=clock))
    assert finding.mechanism == "clock-seed"


def test_another_initializer_is_intended():
    a = drew(a_side(), 5, 6, owner="HeNormal")
    finding = INITIAL(a, drew(a_side(initialization=sides.weights(1)), 5, 6))
    assert finding.intended
    assert finding.mechanism == "other-initializer"
    assert finding.detail == "dense/kernel: HeNormal vs. GlorotUniform"


def test_same_seed_other_values():
    a, b = drew(a_side(), 5, 6), drew(a_side(initialization=sides.weights(1)), 5, 6)
    assert INITIAL(a, b).mechanism == "weights-replaced"
    assert INITIAL(a, changed(b, backend={"backend": "torch"})).mechanism == "backend-draws"
    old = facts(b, "version", keras="3.14.0")
    assert INITIAL(a, changed(b, version=old)).mechanism == "other-version"


def test_tensors_in_other_layers_are_recognised():
    x, y = (np.random.default_rng(i).normal(size=(3, 3)).astype("float32") for i in (0, 1))
    a = a_side(initialization=(tensor("one/kernel", x), tensor("two/kernel", y)))
    b = a_side(initialization=(tensor("one/kernel", y), tensor("two/kernel", x)))
    finding = INITIAL(a, b)
    assert finding.mechanism == "positional-set-weights"
    assert "one/kernel in B holds what two/kernel holds in A" in finding.detail


def test_one_initializer_for_two_layers_is_recognised():
    x, y, z = (np.random.default_rng(i).normal(size=(3, 3)).astype("float32") for i in range(3))
    a = a_side(initialization=(tensor("one/kernel", x), tensor("two/kernel", y)))
    b = a_side(initialization=(tensor("one/kernel", z), tensor("two/kernel", z)))
    finding = INITIAL(a, b)
    assert finding.mechanism == "shared-initializer"
    assert "in B one/kernel and two/kernel start with identical numbers" in finding.detail


def test_trained_weights_belong_to_state():
    a = a_side()
    b = changed(a, fit={"index": 2}, initialization=sides.weights(9, trained_by=1))
    assert INITIAL(a, b).status == UNKNOWN
    finding = STATE(a, b)
    assert finding.status == DIFFERS
    assert finding.mechanism == "continued-fit"  # the very model of fit 1
    assert "dense/kernel is fresh in A and starts in B from what fit 1 left" in (finding.detail)
    assert "2 weights differ" in finding.evidence


def test_a_cell_that_was_run_again_is_named():
    a = a_side()
    again = sides.weights(9, trained_by=BEFORE)
    b = changed(a, initialization=again)
    finding = STATE(a, b)
    assert finding.mechanism == "cell-run-again"
    assert finding.detail.startswith("the cell was run again on a model that was fitted before")
    assert "what a fit before this recording left" in finding.detail
    elsewhere = (Frame("other.py", 3, "<module>", "model.fit(x, y)"),)
    assert STATE(a, changed(b, fit={"stack": elsewhere})).mechanism == ""  # whose, is unknown


def test_layers_of_another_model_are_shared_layers():
    a = a_side()
    b = changed(
        a,
        fit={"index": 2, "model": "Sequential 'sequential_1'"},
        execution={"fits": (a.fit,)},
        initialization=sides.weights(9, trained_by=1),
    )
    assert STATE(a, b).mechanism == "shared-layers"


def test_weights_that_came_by_a_file_of_an_earlier_fit_are_no_shared_layers():
    at = (Frame("/home/user/train.py", 13, "build", "m.load_weights('best.h5')"),)
    events = (
        Event(1, 1, "checkpoint", "Sequential", 1, at, {"path": "best.h5"}),
        Event(2, 1, "load_weights", "Sequential", 2, at, {"path": "best.h5"}),
    )
    a = a_side(fit={"call": 1, "models": (1,)})
    b = changed(
        a,
        fit={"index": 2, "call": 2, "models": (2,), "model": "Sequential 'sequential_1'"},
        execution={"fits": (a.fit,), "events": events},
        initialization=sides.weights(9, trained_by=1),
    )
    finding = STATE(a, b)
    assert finding.mechanism == "earlier-fit-loaded"
    assert finding.detail.endswith("what fit 1 left in best.h5, loaded at train.py:13")
    assert "Give each training a file of its own" in finding.remedy
    other = changed(b, execution={"fits": (a.fit,), "events": events[1:]})  # nobody saved it here
    assert STATE(a, other).mechanism == "shared-layers"


def test_weights_without_partner_belong_to_the_architecture():
    wide = tensor("dense/kernel", np.ones((4, 5), "float32"))
    assert INITIAL(a_side(initialization=(wide,)), a_side(initialization=())).status == UNKNOWN
    b = a_side(initialization=(*sides.weights(), wide))
    assert INITIAL(a_side(), b).status == IDENTICAL


def test_other_dtypes_cannot_be_compared():
    half = tuple(tensor(t.path, np.ones(t.shape, "float16")) for t in sides.weights())
    finding = INITIAL(a_side(), a_side(initialization=half))
    assert finding.status == UNKNOWN
    assert "float32 vs. float16" in finding.evidence
    two = (half[0], *(tensor(t.path, np.ones(t.shape, "float64")) for t in sides.weights()[1:]))
    assert "float32 vs. float16" in INITIAL(a_side(), a_side(initialization=two)).evidence


def test_fits_trained_by_the_same_earlier_fit_agree():
    a = a_side(initialization=sides.weights(9, trained_by=1), noise=sides.seed_states(5, 1))
    assert INITIAL(a, a).status == NOISE(a, a).status == STATE(a, a).status == IDENTICAL
    assert "transferred" in STATE(a, a).evidence


def test_noise_names_the_seeds():
    def side(seed, **more):
        entry = draw("dropout/seed_generator", seed, kind="seed generator", explicit=True, **more)
        return a_side(noise=sides.seed_states(seed), execution={"ledger": (entry,)})

    finding = NOISE(side(11, owner="SeedGenerator"), side(12, owner="SeedGenerator"))
    assert finding.mechanism == "explicit-seeds"
    assert "seed 11 in A (train.py:12) and 12 in B" in finding.detail


def test_model_without_noise():
    quiet = a_side(noise=())
    assert NOISE(quiet, quiet).evidence == "the model draws no random numbers while training"
    assert NOISE(quiet, a_side()).status == UNKNOWN
    no_dropout = facts(quiet, "architecture", layers=["dense: Dense", "dense_1: Dense"])
    finding = NOISE(changed(quiet, architecture=no_dropout), a_side())
    assert finding.status == IDENTICAL and "only B has layers" in finding.evidence


def test_seed_states_of_an_earlier_fit_belong_to_state():
    a = a_side()
    b = changed(a, fit={"index": 2}, noise=sides.seed_states(77, trained_by=1))
    assert NOISE(a, b).status == UNKNOWN
    assert STATE(a, b).status == DIFFERS


def test_state_of_other_optimizers_compares_the_step_count_only():
    a = a_side()
    sgd = {"class": "SGD", "learning_rate": 0.01}
    slots = (sides.adam_state()[0], tensor("dense/kernel:momentum", np.ones((4, 3), "float32")))
    assert STATE(a, a_side(optimizer=sgd, state=slots)).status == IDENTICAL
    late = (tensor("iteration", np.int64(7), "slot"),)
    assert STATE(a, a_side(optimizer=sgd, state=late)).status == DIFFERS


def test_slots_that_start_at_a_hyperparameter_are_fresh():
    def side(value):
        slot = tensor("dense/kernel:accumulator", np.full((4, 3), value, "float32"), "slot")
        optimizer = {"class": "Adagrad", "initial_accumulator_value": value}
        return a_side(optimizer=optimizer, state=(slot,))

    assert STATE(side(0.1), side(0.2)).status == IDENTICAL


def test_slots_left_from_elsewhere_are_state():
    loaded = tensor("dense/kernel:momentum", np.full((4, 3), 2.0, "float32"), "slot")
    b = a_side(state=(*sides.adam_state()[:2], loaded))
    assert STATE(a_side(), b).status == DIFFERS


def test_optimizer_alone_carried_over():
    b = changed(a_side(), fit={"index": 2}, state=sides.adam_state(6, trained_by=1))
    assert STATE(a_side(), b).mechanism == "optimizer-not-reset"


@pytest.mark.parametrize("compare", [INITIAL, NOISE, STATE])
def test_hyperparameters_are_never_accused(compare):
    rate = tensor("learning_rate", np.float32(0.003), "hyperparameter")
    b = a_side(state=(sides.adam_state()[0], rate, sides.adam_state()[2]))
    assert compare(a_side(), b).status == IDENTICAL


# --- state that a layer holds -------------------------------------------------------------------


def recurrent(value, trained_by=None):
    hidden = tensor("lstm/states_0", np.full(3, value, "float32"), "hidden", trained_by)
    return a_side(initialization=(*sides.weights(), hidden))


@pytest.mark.parametrize("trained_by", [None, 1])
def test_a_hidden_state_is_state_whoever_left_it(trained_by):
    a, b = recurrent(0.0), recurrent(0.3, trained_by)
    finding = source("state").compare(a, b)
    assert (finding.status, finding.mechanism) == (DIFFERS, "hidden-state-kept")
    assert "lstm/states_0" in finding.detail and "reset_state" in finding.remedy
    assert source("initialization").compare(a, b).status == IDENTICAL


def test_an_equal_hidden_state_is_no_difference():
    a = recurrent(0.3, trained_by=1)
    assert source("state").compare(a, a).status == IDENTICAL


# --- draws of the script's own code in a step ---------------------------------------------------


def drawing(state, role="seed"):
    words = np.full(4, state, "uint32")
    return a_side(noise=(*sides.seed_states(), tensor("NumPy's global generator", words, role)))


def test_a_draw_of_numpy_in_a_step_is_noise():
    finding = NOISE(drawing(1), drawing(2))
    assert (finding.status, finding.mechanism) == (DIFFERS, "host-draws")
    assert "NumPy" in finding.detail and "constants" not in finding.detail
    assert "constants of every step" in NOISE(
        drawing(1, "frozen seed"), drawing(2, "frozen seed")
    ).detail  # fmt: skip
    assert NOISE(drawing(1), drawing(1)).status == IDENTICAL


def test_a_generator_that_one_training_alone_draws_from_rules_nothing_out():
    finding = NOISE(a_side(noise=sides.seed_states()), drawing(1))
    assert finding.status == UNKNOWN
    assert "NumPy" in finding.evidence


@pytest.mark.parametrize("roles", [("frozen seed", "seed"), ("seed", "frozen seed")])
def test_a_draw_frozen_in_one_training_differs_from_equal_states_on(roles):
    finding = NOISE(*(drawing(1, role) for role in roles))
    assert finding.mechanism == "draw-frozen-by-tracing"
    frozen = "AB"[roles.index("frozen seed")]
    assert f"in {frozen} once, while the step was compiled" in finding.evidence


def operating(seeds, name="TensorFlow's operation tf.random.normal"):
    own = tensor(name, np.array(seeds), "operation seed")
    return a_side(noise=(*sides.seed_states(), own))


def test_operations_that_draw_by_themselves_are_noise():
    finding = NOISE(operating([1, 2]), operating([1, 3]))
    assert (finding.status, finding.mechanism) == (DIFFERS, "tf-random-ops")
    assert "tf.random.normal" in finding.detail and "set_random_seed" in finding.remedy
    assert NOISE(operating([1, 2]), operating([1, 2])).status == IDENTICAL
    assert "starts from other seeds" in finding.detail
    name = "TensorFlow's unseeded operation tf.random.normal"
    assert "elsewhere in every run" in NOISE(operating([1], name), operating([2], name)).detail


def test_loaded_weights_with_a_fresh_optimizer_have_lost_its_slots():
    weights = sides.weights(9, trained_by=1)
    on = changed(
        a_side(),
        fit={"index": 2},
        initialization=weights,
        state=sides.adam_state(6, trained_by=1),
    )
    resumed = changed(a_side(), fit={"index": 3}, initialization=weights)
    assert STATE(on, resumed).mechanism == STATE(resumed, on).mechanism == "slots-lost"
    copied = changed(resumed, initialization=sides.weights(9))  # equal, and of no fit
    assert STATE(on, copied).mechanism == STATE(copied, on).mechanism == "optimizer-not-reset"
    reset = changed(a_side(), fit={"index": 3})  # its weights are fresh, too
    assert STATE(changed(on, initialization=sides.weights()), reset).mechanism == (
        "optimizer-not-reset"
    )
