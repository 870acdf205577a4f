"""The sentences that sources give as evidence, word for word."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import Event
from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN
from whydiff.core.recipe import COUNTED_ANEW, NOT_RESET, STARTED_ANEW
from whydiff.core.recording import RATES, SEEDS_ANEW, STEP_GROUPS, Frame, Side
from whydiff.diagnosis.divergence import first_divergence
from whydiff.diagnosis.sources import source, stale
from whydiff.diagnosis.sources.arithmetic import first_difference
from whydiff.diagnosis.sources.tensors import equal_tensors, of_them, pair, placed
from whydiff.testing import sides
from whydiff.testing.hybrids import compared
from whydiff.testing.sides import a_side, changed, draw, facts, ledger, order, tensor


def found(id, a, b):
    return source(id).compare(a, b)


def said(id, a, b):
    finding = found(id, a, b)
    return finding.status, finding.evidence


def with_facts(field, side=None, **more):
    side = side or a_side()
    return changed(side, **{field: facts(side, field, **more)})


def noted(side=None, **notes):
    return changed(side or a_side(), fit={"notes": notes})


# --- tensors -------------------------------------------------------------------------------------


def test_tensors_are_counted_and_placed():
    one, two = tensor("a", np.ones(1)), tensor("b", np.zeros(1))
    assert placed(one, one) == "a" and placed(one, two) == "a (B: b)"
    assert of_them([(one, two)], [(one, two)], "weight") == "the weight differs"
    assert of_them([(one, two)], [(one, two)] * 3, "weight") == "1 of 3 weights differ"
    digest = one.digest[:8]
    assert equal_tensors([(one, one)], "weight") == f"the weight equal ({digest}…)"
    assert equal_tensors([(one, one)] * 2, "weight") == f"all 2 weights equal ({digest}…)"
    assert equal_tensors([], "weight") == "the weight equal"


def test_tensors_are_sorted_by_whose_they_are():
    fresh, left = tensor("a", np.ones(1)), tensor("b", np.ones(2), trained_by=1)
    half, alone = tensor("c", np.ones(3, "float16")), tensor("d", np.ones(4))
    pairs = pair(
        [fresh, left, half, alone], [fresh, left, tensor("c", np.ones(3)), tensor("e", 1.0)]
    )
    assert [[p.path for p, _ in group] for group in (pairs.fresh, pairs.trained, pairs.recast)] == [
        ["a"], ["b"], ["c"]
    ]  # fmt: skip
    assert pairs.alone == ("d", "e") and not pairs.all_equal
    assert pair([fresh], [fresh]).all_equal and not pair([], []).all_equal
    assert pair([left], [tensor("b", np.ones(2))]).trained, "left by a fit on one side"
    assert not pair([fresh], [tensor("a", np.zeros(1))]).all_equal


# --- initial weights -----------------------------------------------------------------------------


def test_initial_weights_that_differ_are_counted():
    a, b = a_side(), a_side(initialization=sides.weights(1))
    one, two = (s.recipe.initialization[0].digest[:8] for s in (a, b))
    assert said("initialization", a, b) == (
        DIFFERS,
        f"2 of 4 weight tensors differ, first dense/kernel ({one}… against {two}…)",
    )
    more = tensor("dense_2/kernel", np.ones((2, 7)))
    wider = changed(b, initialization=(*sides.weights(1), more))
    assert said("initialization", a, wider)[1].endswith("; 1 tensor without a counterpart left out")


def test_weights_that_are_no_matter_of_initialization():
    a = a_side()
    trained = changed(a, initialization=sides.weights(trained_by=1))
    assert said("initialization", a, trained)[0] == IDENTICAL
    first = sides.weights()[0]
    part = changed(a, initialization=(*sides.weights()[:2], *sides.weights(3, trained_by=1)[2:]))
    assert said("initialization", a, part) == (
        IDENTICAL,
        f"all 2 fresh weight tensors equal ({first.digest[:8]}…); 2 tensors trained before or of "
        "another dtype",
    )
    none = changed(a, initialization=())
    assert said("initialization", none, a) == said("initialization", a, none) == (
        UNKNOWN, "the initial weights were not recorded"
    )  # fmt: skip
    other = changed(a, initialization=(tensor("x/kernel", np.ones((9, 9))),))
    assert said("initialization", a, other) == (
        UNKNOWN, "no weights of equal shape in both models: see the architecture"
    )  # fmt: skip
    moved = changed(a, initialization=sides.weights(1, trained_by=1))
    assert said("initialization", a, moved) == (
        UNKNOWN, "every weight was trained by an earlier fit: see the carried-over state"
    )  # fmt: skip


def test_other_seeds_of_weights_of_another_shape():
    name = "dense/kernel_initializer"

    def side(seed, width):
        kernel = tensor("dense/kernel", np.ones((4, width)))
        drew = {"ledger": ledger(draw(name, seed)), "started": str(seed)}
        return a_side(initialization=(kernel, *sides.weights()[1:]), execution=drew)

    assert said("initialization", side(1, 5), side(2, 6)) == (
        UNKNOWN,
        "dense/kernel has another shape in B and another seed (1 vs. 2), so its values are counted "
        "with the architecture",
    )
    assert said("initialization", side(1, 5), side(1, 6))[0] == IDENTICAL


def test_one_initializer_fills_matrices_and_no_vectors():
    def side(*values):
        arrays = [
            np.full(shape, v) for shape, v in zip([(3, 3), (3, 3), (4,), (4,)], values, strict=True)
        ]
        return a_side(initialization=tuple(tensor(f"l{i}/k", v) for i, v in enumerate(arrays)))

    a = side(1.0, 2.0, 0.0, 0.0)
    assert found("initialization", a, side(3.0, 3.0, 0.0, 0.0)).detail == (
        "in B l0/k and l1/k start with identical numbers"
    )
    assert found("initialization", side(3.0, 3.0, 0.0, 0.0), a).detail.startswith("in A l0/k")
    plain = found("initialization", a, side(1.0, 3.0, 5.0, 5.0))
    assert (plain.mechanism, plain.detail) == ("", plain.evidence)
    both = found("initialization", side(3.0, 3.0, 0.0, 0.0), side(4.0, 4.0, 0.0, 0.0))
    assert both.mechanism == "", "both models were filled so"


# --- noise ---------------------------------------------------------------------------------------


def noise(*tensors, **more):
    return a_side(noise=tensors, **more)


def state(path, value, role="seed", trained_by=None, dtype="uint32"):
    return tensor(path, np.array([value, 0], dtype), role, trained_by)


def test_seed_states_that_agree():
    one = a_side()
    digest = sides.seed_states()[0].digest[:8]
    assert said("noise", one, one) == (IDENTICAL, f"the seed state equal ({digest}…)")
    part = noise(*sides.seed_states(), state("b", 1, trained_by=1))
    other = noise(*sides.seed_states(), state("b", 2, trained_by=1))
    assert said("noise", part, other) == (IDENTICAL, f"the fresh seed state equal ({digest}…)")
    left = noise(state("b", 1, trained_by=1)), noise(state("b", 2, trained_by=1))
    assert said("noise", *left) == (
        UNKNOWN, "every seed state was left by an earlier fit: see the carried-over state"
    )  # fmt: skip


def test_seed_states_of_other_formats_are_judged_by_their_seeds():
    path = "dropout/seed_generator"

    def side(dtype, seed):
        entry = draw(path, seed, kind="seed generator")
        run = {"ledger": ledger(entry), "started": dtype}
        return noise(state(path, 1, dtype=dtype), execution=run)

    assert said("noise", side("uint32", 5), side("int64", 5)) == (
        IDENTICAL,
        "1 seed equal; the numbers drawn from equal seeds differ by the version and are counted "
        "with it",
    )  # fmt: skip
    formats = "the seed states have other formats and cannot be compared"
    for pair_of in (
        (side("uint32", 5), side("int64", 6)),
        (side("uint32", None), side("int64", None)),
    ):
        assert said("noise", *pair_of) == (UNKNOWN, formats)


def test_seed_states_in_one_side_only():
    quiet = a_side(noise=())
    assert said("noise", quiet, a_side()) == (
        UNKNOWN, "seed states were recorded in B only, although the layers are alike"
    )  # fmt: skip
    bare = with_facts("architecture", quiet, layers=["dense: Dense"])
    assert said("noise", a_side(), bare) == (
        IDENTICAL, "nothing to compare: only A has layers that draw random numbers"
    )  # fmt: skip


def test_draws_of_a_steps_own_code():
    numpy, own = "NumPy's global generator", "the script's own generator rng"
    one, two = (noise(*sides.seed_states(), state(numpy, n), state(own, n)) for n in (1, 2))
    finding = found("noise", one, two)
    assert finding.evidence == (
        f"code in a step (a layer, a loss) draws from {numpy} and {own}, which was at another point"
    )
    alone = noise(*sides.seed_states(), state(numpy, 1))
    assert said("noise", a_side(), alone) == (
        UNKNOWN, f"the code of a step draws from {numpy}, which cannot be compared"
    )  # fmt: skip
    keras_too = noise(*sides.seed_states(9), state(numpy, 1))
    assert found("noise", keras_too, noise(*sides.seed_states(), state(numpy, 2))).evidence == (
        "1 of 2 seed states differ, first dropout/seed_generator"
    )


def test_operations_that_draw_by_themselves():
    def side(name, *seeds):
        return noise(*(state(name, s, "operation seed") for s in seeds))

    finding = found("noise", side("op Uniform", 1), side("op Normal", 2))
    assert finding.evidence == (
        "the code of a layer, loss or step draws by op Uniform in A and by op Normal in B, which "
        "starts from other seeds"
    )
    start = "A draws from op Uniform, B from seed generators: other numbers"
    assert said("noise", side("op Uniform", 1), a_side())[1] == f"{start}, whatever the seeds"
    back = said("noise", a_side(), side("op Uniform", 1))[1]
    assert back.startswith("A draws from seed generators, B from op Uniform")
    mixed = noise(*sides.seed_states(), state("op Uniform", 1, "operation seed"))
    assert "whatever the seeds" not in said("noise", mixed, a_side())[1]


TORCH = "torch's global generator"


def on_torch(seed, value):
    execution = {"started": str(value), "ledger": ()}
    if seed is not None:
        one = draw("", seed, kind="seeding", owner="torch.manual_seed", explicit=True)
        execution["ledger"] = ledger(one)
    return noise(state(TORCH, value), execution=execution)


def test_torchs_generator_at_another_point():
    start = f"layers, or code of the script's own in a step, draw from {TORCH}"
    finding = found("noise", on_torch(None, 1), on_torch(None, 2))
    assert finding.detail == f"{start}, which nothing had seeded"
    finding = found("noise", on_torch(5, 1), on_torch(5, 2))
    assert finding.detail == f"{start}, from which other draws were made before"
    finding = found("noise", on_torch(5, 1), on_torch(6, 2))
    assert finding.detail.startswith(f"{start}: torch.manual_seed(5)")


# --- state ---------------------------------------------------------------------------------------


def test_what_an_earlier_fit_left():
    a = a_side()
    b = changed(a, fit={"index": 2}, initialization=sides.weights(9, trained_by=1),
                state=sides.adam_state(6, trained_by=1))  # fmt: skip
    finding = found("state", a, b)
    detail = "dense/kernel is fresh in A and starts in B from what fit 1 left"
    assert finding.detail == detail and finding.mechanism == "continued-fit"
    assert finding.evidence == (
        "2 weights, 2 optimizer variables differ by what was there before: " + detail
    )
    back = found("state", b, a)
    assert back.detail == "dense/kernel starts in A from what fit 1 left and is fresh in B"


def test_no_state():
    a = a_side()
    assert said("state", a, a) == (
        IDENTICAL, "no weight comes from an earlier fit, the optimizer starts at the same step"
    )  # fmt: skip
    bare = changed(a, state=())
    assert said("state", bare, bare) == (
        IDENTICAL, "no weight comes from an earlier fit, no optimizer state differs"
    )  # fmt: skip
    nothing = changed(bare, initialization=())
    assert said("state", nothing, nothing) == (
        UNKNOWN, "neither weights nor optimizer state were recorded"
    )  # fmt: skip
    assert said("state", nothing, bare)[0] == IDENTICAL
    left = changed(a, noise=sides.seed_states(5, trained_by=1))
    assert said("state", left, left)[1].startswith("the same state was transferred: all 3 tensors")


def test_attributes_that_training_sets():
    first, second = ({"norm: count": n, "norm: same": 2} for n in (1, 3))
    a, b = noted(stored=first), noted(stored=second)
    finding = found("state", a, b)
    assert (finding.status, finding.mechanism) == (DIFFERS, "attribute-kept")
    assert finding.detail.endswith("a value that training itself sets, and no variable")
    assert "begins with 1 in A and 3 in B" in finding.detail
    also = changed(b, state=sides.adam_state(30, trained_by=1))
    assert "; 2 optimizer variables differ" in found("state", a, also).evidence


def test_constants_of_layers():
    a, b = (noted(constants={"norm/mean": n, "x/y": "2"}) for n in ("1", "3"))
    finding = found("state", a, b)
    assert (finding.mechanism, finding.detail) == (
        "other-constant", "norm/mean, which is no variable of the model"
    )  # fmt: skip
    two = noted(constants={"norm/mean": "3", "x/y": "4"})
    assert found("state", a, two).detail == "norm/mean and x/y, which are no variable of the model"
    layers = {"layers": ["norm: Normalization"]}
    adapted = found("state", a, with_facts("architecture", b, **layers))
    assert adapted.mechanism == "not-finalized" and adapted.detail.endswith(
        "the layer derives it from its weights when it is adapted, built or loaded"
    )


def test_layers_that_were_adapted_to_other_data():
    def adapted(mean, constant, *more, events=("adapt",)):
        own = (*sides.weights(), tensor("norm/mean", np.full(3, mean), "non-trainable"), *more)
        side = noted(changed(a_side(), initialization=own), constants={"norm/mean": constant})
        told = tuple(Event(n, 0, kind, "", 0) for n, kind in enumerate(events, 1))
        side = replace(side, execution=replace(side.execution, events=told),
                       fit=replace(side.fit, call=1))  # fmt: skip
        return with_facts("architecture", side, layers=["norm: Normalization"])

    a, b = adapted(1.0, "x"), adapted(2.0, "y")
    drawn, held = found("initialization", a, b), found("state", a, b)
    assert drawn.mechanism == held.mechanism == "adapted-otherwise"
    assert drawn.detail.startswith("norm in B was adapted to other data than in A")
    assert "layer.adapt(x_train)" in drawn.remedy
    assert compared(a, b).counted_with == {"state": "initialization"}
    assert found("state", a, adapted(1.0, "y")).mechanism == "not-finalized"
    for events in ((), ("adapt", "set_weights")):  # who put them there was not seen to be data
        other = adapted(2.0, "y", events=events)
        assert found("initialization", a, other).mechanism != "adapted-otherwise"
        assert found("state", a, other).mechanism == "not-finalized"
    elsewhere = with_facts("version", b, keras="3.3.0")
    assert found("initialization", a, elsewhere).mechanism != "adapted-otherwise"
    one, two = adapted(1.0, "x", tensor("c", [1.0])), adapted(2.0, "y", tensor("c", [2.0]))
    assert found("initialization", one, two).mechanism == "", "and other weights were drawn"


def test_values_compiled_before_the_script_set_others():
    key = "layer:dropout:rate"
    a = noted(**{stale.STALE: {key: [0.1, 0.5]}})
    b = a_side()
    assert stale.compiled_apart(a, b) == {
        key: "rate of dropout is 0.5 in both, but the step of A was compiled when it was 0.1"
    }
    assert "the step of B was compiled" in stale.compiled_apart(b, a)[key]
    assert stale.compiled_apart(a, a) == stale.compiled_apart(b, b) == {}
    assert stale.set_in_vain(a) == [
        "rate of dropout was set to 0.5 after the step was compiled with 0.1, which it goes on "
        "computing with"
    ]
    odd = noted(**{stale.STALE: {key: [0.1]}}), noted(**{stale.STALE: "x"})
    assert stale.compiled_apart(*odd) == {}
    one, two = noted(**{stale.CONSTANTS: {"a": 1}}), noted(**{stale.CONSTANTS: {"b": 2}})
    assert stale.constants_apart(one, two) == [] and stale.stored_apart(one, two) == {}


def test_what_an_earlier_training_set_and_left_is_state_and_no_setting():
    key = "layer:gate:temperature.value (read from outside)"
    a = with_facts("architecture", a_side(), **{key: 4.0})
    b = with_facts("architecture", noted(**{stale.LEFT: {key: 1}}), **{key: 1.0})
    assert found("architecture", a, b).status == "identical"
    state = found("state", a, b)
    assert state.mechanism == "attribute-kept" and not state.intended
    assert state.detail.startswith(
        "temperature.value of gate begins with 4 in A and 1 in B, where fit 1 left it"
    )
    other = with_facts("architecture", a_side(), **{key: 1.0})
    assert found("architecture", a, other).intended, "the script set that one"


# --- structure -----------------------------------------------------------------------------------


def test_optimizers_of_two_classes_are_compared_in_what_both_have():
    sgd = a_side(optimizer={"class": "SGD", "beta_1": 0.5, "momentum": 0.1})
    finding = found("optimizer", a_side(), sgd)
    assert finding.evidence == "class: Adam vs. SGD; beta_1: 0.9 vs. 0.5"
    assert finding.detail == "Adam vs. SGD" and finding.intended


@pytest.mark.parametrize(
    ("first", "column", "named"), [(3, "weights", True), (0, "weights", False), (3, "loss", False)]
)
def test_a_rate_that_a_callback_moved_is_named_where_nothing_differed_before(first, column, named):
    def moved(rate, digest):
        side = with_facts("optimizer", callbacks=["Jitter(base=0.001)"])
        digests = side.fit.steps.copy()
        digests[first:, STEP_GROUPS.index(column)] += np.uint64(digest)
        return changed(side, fit={"steps": digests, "notes": {RATES: [[0, [0.5]], [1, [rate]]]}})

    finding = found("optimizer", moved(0.25, 0), moved(0.125, 1))
    assert (finding.status == "differs") is named and not finding.intended
    if named:
        assert finding.evidence == (
            "all settings equal, but the learning rate of epoch 2 is 0.25 in A and 0.125 in B "
            "(callbacks that act on the training: Jitter)"
        )
    assert found("optimizer", moved(0.25, 0), moved(0.25, 1)).status == "identical"


@pytest.mark.parametrize(
    ("key", "mechanism", "text"),
    [
        (STARTED_ANEW, "optimizer-started-anew",
         "goes on with a fresh Adam in epochs 3 and 5: its moments and step count begin at 0 "
         "again"),
        (COUNTED_ANEW, "schedule-restarted",
         "gives [Plateau()] the number 0 again in epochs 3 and 5, so that what is set by the epoch "
         "begins again"),
    ],
)  # fmt: skip
def test_successive_fits_held_as_one(key, mechanism, text):
    a = with_facts("optimizer", callbacks=["Plateau()"])
    b = with_facts("optimizer", a, **{key: [3, 5]})
    b = changed(b, fit={"parts": (2, 3)})
    finding = found("optimizer", a, b)
    assert (finding.mechanism, finding.detail) == (mechanism, f"B (fits 2+3) {text}")
    assert found("optimizer", b, a).detail.startswith("A (fits 2+3) ")
    once = with_facts("optimizer", a, **{key: [3]})
    assert " in epoch 3" in found("optimizer", a, once).detail
    assert found("optimizer", b, b).status == IDENTICAL


def resumed(**fit):
    """A side whose fits 2 and 3 are held as one; fit 3 loads in train.py:7 what fit 2 saved."""
    side = a_side()
    parts = tuple(replace(side.fit, index=i, call=i, models=(i,)) for i in (2, 3))
    where = {"facts": {"path": "half.keras"}, "stack": (Frame("train.py", 7, "f", "load"),)}
    events = (Event(1, 2, "save", "m", 2, **where), Event(2, 2, "load_model", "m", 3, **where))
    execution = replace(side.execution, script="train.py", fits=parts, events=events)
    return changed(replace(side, execution=execution), fit={"parts": (2, 3), **fit})


LOADED = "after half.keras, loaded at train.py:7"


def test_what_a_resumed_training_did_not_get_back_is_named_with_the_line_that_loaded():
    b = resumed(notes={SEEDS_ANEW: [[3, ["dropout/seed_generator", TORCH]]]})
    a = changed(b, fit={"parts": (), "notes": {}})
    noise = found("noise", a, b)
    assert noise.mechanism == "dropout-state-not-restored"
    assert noise.detail == (
        "B (fits 2+3) begins epoch 3 with seed states that no epoch before it left: "
        f"dropout/seed_generator, {LOADED}"
    )
    only_global = resumed(notes={SEEDS_ANEW: [[3, [TORCH]]]})
    assert found("noise", a, only_global).status == IDENTICAL
    optimizer = found("optimizer", a, with_facts("optimizer", b, **{STARTED_ANEW: [3]}))
    assert optimizer.mechanism == "slots-lost"
    assert optimizer.detail.endswith(f"begin at 0 again, {LOADED}")


def test_an_order_that_begins_anew_where_a_training_was_resumed():
    rows = list(range(10))
    mixed, other = rows[::-1], rows[5:] + rows[:5]
    b = resumed()
    parts = tuple(changed(Side(b.execution, f), data_order=order(mixed, rows)).fit
                  for f in b.execution.fits)  # fmt: skip
    b = replace(b, execution=replace(b.execution, fits=parts))
    b = changed(b, data_order=order(mixed, rows, mixed, rows))
    a = changed(b, data_order=order(mixed, rows, other, rows), fit={"parts": ()})
    finding = found("data-order", a, b)
    assert finding.mechanism == "order-begun-anew"
    assert finding.detail == (
        "B (fits 2+3) has another order from epoch 3 on, where fit 3 begins: the order of epoch 1 "
        f"comes again, {LOADED}"
    )
    earlier = changed(a, data_order=order(mixed, other, mixed, rows))
    assert found("data-order", earlier, b).mechanism != "order-begun-anew", "differs before fit 3"


def rate(value, trained_by=None):
    one = tensor("learning_rate", np.float32(value), "hyperparameter", trained_by)
    return with_facts("optimizer", a_side(state=(one,)), learning_rate=value)


def test_a_learning_rate_that_an_earlier_fit_left():
    assert found("optimizer", rate(0.5, trained_by=1), rate(0.1)).detail == (
        "A starts with the learning rate 0.5 that fit 1 left"
    )
    assert found("optimizer", rate(0.5), rate(0.1)).mechanism == ""
    bare = with_facts("optimizer", a_side(state=()), learning_rate=0.3)
    assert found("optimizer", rate(0.5, trained_by=1), bare).mechanism == ""


def test_metrics_that_begin_with_what_they_counted():
    a = with_facts("measurement", **{"metric:acc": 1.0, "metric:auc": 2.0, "metric:mae": 3.0})
    b = with_facts("measurement", **{"metric:acc": 5.0})
    finding = found("measurement", a, b)
    assert finding.evidence == (
        "a metric begins with what it counted before: acc is 1 in A and 5 in B, auc is 2 in A and "
        "0 in B"
    )
    other = with_facts("measurement", b, validation_freq=2)
    assert found("measurement", a, other).mechanism == ""


def test_metrics_that_no_epoch_sets_back():
    a, b = with_facts("measurement", **{NOT_RESET: ["acc", "auc"]}), a_side()
    counting = (
        "begins every epoch with what the epochs before have counted: reset_state() does not set "
        "it back"
    )
    assert found("measurement", a, b).detail == f"in A acc and auc {counting}"
    one = with_facts("measurement", **{NOT_RESET: ["acc"]})
    other = with_facts("measurement", **{NOT_RESET: ["mae"]})
    assert found("measurement", one, other).detail == f"in A acc {counting}; in B mae {counting}"
    assert found("measurement", a, one).detail == f"in A auc {counting}"
    also = found("measurement", a, with_facts("measurement", validation_freq=2))
    assert also.evidence.startswith(f"in A acc and auc {counting}; ")


def test_validation_in_one_side_only():
    a, b = a_side(), a_side(data_content=sides.content(validation="x"))
    assert said("measurement", b, a) == (DIFFERS, "validated in A only")
    assert said("measurement", a, b) == (DIFFERS, "validated in B only")
    told = with_facts("measurement", validation="digest")
    assert said("measurement", told, b)[0] == IDENTICAL


def test_how_long_a_training_runs():
    a = a_side()
    short = changed(a, fit={"epochs": a.fit.epochs[:1]})
    assert said("duration", a, short) == (
        IDENTICAL, "both may run 2 epochs; A stopped after 2 and B after 1, a consequence"
    )  # fmt: skip
    killed = changed(a, fit={"finished": False})
    assert said("duration", a, killed) == (
        UNKNOWN, "B did not finish; equal settings as far as seen"
    )  # fmt: skip
    assert said("duration", killed, killed)[1].startswith("A and B did not finish")
    stopping = with_facts("duration", callbacks=["EarlyStopping()"])
    assert found("duration", a, stopping).mechanism == "early-stopping"
    longer = with_facts("duration", stopping, epochs=9)
    assert found("duration", a, longer).mechanism == ""
    limited = changed(a, execution={"environment": {"env.KERAS_MAX_EPOCHS": "1"}})
    assert said("duration", a, limited) == (DIFFERS, "KERAS_MAX_EPOCHS: not set vs. 1")
    flagged = with_facts("hardware", **{"flags.KERAS_MAX_STEPS_PER_EPOCH": "7"})
    assert said("duration", flagged, a)[1] == "KERAS_MAX_STEPS_PER_EPOCH: 7 vs. not set"


# --- arithmetic ----------------------------------------------------------------------------------


def with_losses(side, *losses):
    return changed(side, fit={"notes": {"losses": list(losses)}})


def bump(side, row, group):
    digests = side.fit.steps.copy()
    digests[row, STEP_GROUPS.index(group)] += np.uint64(1)
    return changed(side, fit={"steps": digests})


def test_the_first_difference_is_measured_on_the_loss_of_its_step():
    a = a_side()

    def size(one, other, group="loss", row=1):
        b = bump(a, row, group)
        point = first_divergence(a, b)
        return first_difference(with_losses(a, *one), with_losses(b, *other), point)

    # the mean over two steps moved by 1 of 100: the second step by 2
    assert size([100.0, 100.0], [100.0, 99.0]) == pytest.approx(0.02)
    assert size([100.0], [99.0]) is None
    assert size([1.0, 1.0], [1.0, 1.0]) is None
    assert size([1.0, np.nan], [1.0, 1.0]) is None
    assert size([0.0, 0.0], [0.0, 0.0]) is None
    # what first differs in an update shows in the loss of the next step
    assert size([4.0, 4.0, 4.0], [4.0, 4.0, 3.0], "weights") == pytest.approx(0.75)
    # the first step of the second epoch begins a mean of its own
    assert size([8.0] * 4, [8.0, 8.0, 8.0, 6.0], "loss", 3) == pytest.approx(0.25)


def test_bits_that_differ_by_rounding():
    a = with_losses(a_side(), 1.0, 1.0)
    b = with_losses(bump(a_side(), 0, "loss"), 1.0 + 1e-7, 1.0)
    assert said("arithmetic", a, b) == (
        DIFFERS,
        "every recorded field is equal, and from epoch 1, step 1 (the loss) on the bits differ by "
        "rounding (1.0e-07 of the loss)",
    )
    assert found("arithmetic", a, b).mechanism == "threads-race"
    on_gpu = with_facts("hardware", b, devices=["gpu:0"])
    assert found("arithmetic", with_facts("hardware", a, devices=["gpu:0"]), on_gpu).mechanism == (
        "nondeterministic-ops"
    )
    large = with_losses(b, 1.1, 1.0)
    assert said("arithmetic", a, large) == (
        UNKNOWN,
        "every recorded field is equal, yet the training differs by 0.091 of the loss from epoch "
        "1, step 1 (the loss) on: too much for rounding, so it is something that is not recorded",
    )
    unmeasured = with_losses(b)
    assert said("arithmetic", a, unmeasured)[1].endswith(
        "differs from epoch 1, step 1 (the loss) on; how much was not measured"
    )


@pytest.mark.parametrize(
    ("policy", "rounds"), [("mixed_bfloat16", True), ("mixed_float16", False), ("float32", False)]
)
def test_coarse_types_round_coarsely(policy, rounds):
    def side(one):
        return with_facts("precision", one, **{"policy:dense": policy, "policy:dense_1": policy,
                                               "floatx": policy})  # fmt: skip

    a = with_losses(side(a_side()), 1.0, 1.0)
    b = with_losses(side(bump(a_side(), 0, "loss")), 1.9, 1.0)
    assert (found("arithmetic", a, b).status == DIFFERS) == rounds


def test_equal_bits_of_all_steps():
    a = a_side()
    assert said("arithmetic", a, a)[1].startswith("all 6 steps gave the same bits; all ")
    none = changed(a, fit={"steps": a.fit.steps[:0], "step_epochs": a.fit.step_epochs[:0]})
    assert "gave the same bits" not in said("arithmetic", none, none)[1]


# --- order ---------------------------------------------------------------------------------------


def test_orders_are_compared_as_far_as_both_went():
    a = a_side(data_order=order(range(10), range(8)))
    assert said("data-order", a, a) == (IDENTICAL, "2 epochs x 8 to 10 samples in the same order")
    none = a_side(data_order=order([], []))
    assert said("data-order", a, none) == (UNKNOWN, "no epoch was recorded in A or in B")
    assert said("data-order", none, a)[0] == UNKNOWN


def test_shuffles_that_repeat_one_order():
    one = [1, 0, *range(2, 10)]
    two = [2, 1, 0, *range(3, 10)]
    a, b = (a_side(data_order=order(o, o), execution={"started": str(o)}) for o in (one, two))
    finding = found("data-order", a, b)
    assert finding.detail.startswith(
        "both shuffle, with other draws; A and B repeat one order in every epoch"
    )
    stream = replace(b.recipe.data_order, relative=True)
    assert found("data-order", a, changed(b, data_order=stream)).detail.startswith(
        "the data are a stream (tf.data, a loader or a generator) that comes in another order; A "
        "and B repeat one order"
    )
