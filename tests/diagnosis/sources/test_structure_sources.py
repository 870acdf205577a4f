"""Sources whose field is facts, and the arithmetic that they leave unexplained."""

import numpy as np
import pytest

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Diff
from whydiff.core.recipe import NOT_RESET
from whydiff.core.recording import CALLBACKS_LEFT, Side
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.sources import CATALOGUE, compare_all, source
from whydiff.diagnosis.sources.stale import set_in_vain
from whydiff.testing import sides
from whydiff.testing.sides import a_side, changed, content, facts, tensor


def compare(id, a, b):
    return source(id).compare(a, b)


def with_facts(field, **more):
    return a_side(**{field: facts(a_side(), field, **more)})


def status(a, b):
    return {f.source: f.status for f in compare_all(a, b)}


def test_optimizer_values_and_classes():
    finding = compare("optimizer", a_side(), with_facts("optimizer", learning_rate=0.003))
    assert finding.evidence == "learning_rate: 0.001 vs. 0.003"
    assert finding.intended
    sgd = a_side(optimizer={"class": "SGD", "learning_rate": 0.01, "momentum": 0.0, "name": "x"})
    finding = compare("optimizer", a_side(), sgd)
    assert finding.detail == "Adam vs. SGD, learning rate 0.001 vs. 0.01"
    assert "momentum" not in finding.evidence and "beta_1" not in finding.evidence


def test_optimizer_name_says_nothing():
    assert compare("optimizer", a_side(), with_facts("optimizer", name="b")).status == IDENTICAL


def test_what_an_earlier_fit_left_in_a_callback_is_not_intended():
    for name in ("optimizer", "duration"):
        one, two = (
            with_facts(name, callbacks=[f"Own(code:0123456789abcdef, factor={f}, seen={n})"])
            for f, n in ((0.5, 0), (0.5, 4))
        )
        kept = changed(two, fit={"notes": {CALLBACKS_LEFT: {"Own.seen": 1}}})
        finding = compare(name, one, kept)
        assert finding.mechanism == "callback-goes-on" and not finding.intended
        assert finding.detail == "B is given the Own object of fit 1, which left seen=4 in it"
        assert compare(name, one, two).intended
        other = with_facts(name, callbacks=["Own(code:0123456789abcdef, factor=0.1, seen=0)"])
        assert compare(name, other, kept).intended


def test_learning_rate_left_by_an_earlier_fit():
    rate = tensor("learning_rate", np.float32(0.0005), "hyperparameter", trained_by=1)
    b = changed(with_facts("optimizer", learning_rate=0.0005), state=(rate,))
    finding = compare("optimizer", a_side(), b)
    assert finding.mechanism == "learning-rate-left-changed" and not finding.intended
    assert finding.detail == "B starts with the learning rate 0.0005 that fit 1 left"


def test_objective_reads_sample_weights():
    one, two = np.ones((10, 2), np.uint64), np.ones((10, 2), np.uint64)
    two[:3] = 2
    a, b = (a_side(data_content=content(weights=w)) for w in (one, two))
    assert compare("objective", a, b).evidence == "sample weights differ for 3 of 10 samples"
    assert compare("data-content", a, b).status == IDENTICAL
    assert "in A only" in compare("objective", a, a_side()).evidence
    assert "in B only" in compare("objective", a_side(), a).evidence
    few = a_side(data_content=content(weights=two[:5]))  # not one for each sample
    assert compare("objective", a, few).status == compare("objective", few, a).status == IDENTICAL
    # the same weight for the same sample, rows in another order
    turned = a_side(data_content=content(range(9, -1, -1), weights=two[::-1]))
    assert compare("objective", b, turned).status == IDENTICAL


@pytest.mark.parametrize(("script", "follow"), [("train.py", True), ("other.py", False)])
def test_weights_of_a_run_that_has_other_samples_follow_from_these(script, follow):
    one, two = np.ones((10, 2), np.uint64), np.full((10, 2), 2, np.uint64)
    a = a_side(data_content=content(weights=one))
    b = a_side(data_content=content(range(3, 13), weights=two),
               execution={"script": script, "started": "later"})  # fmt: skip
    finding = compare("objective", a, b)
    assert finding.evidence == "sample weights differ for 7 of 7 samples that both sides have"
    assert finding.intended is not follow
    diff = Diff("A", "B", False, None, compare_all(a, b))
    both = ComparedSides("runs", "", a, b, diff, ("train.py", script))
    assert both.counted_with == ({"objective": "data-content"} if follow else {})


@pytest.mark.parametrize(
    ("layers", "activation", "doubly"),
    [
        (["dense: Dense"], "softmax", True),
        (["dense: Dense"], "sigmoid:ab", True),
        (["dense: Dense"], "relu", False),
        (["dense: Dense", "last: Softmax"], "relu", True),
        (["last: Softmax", "dense: Dense"], "relu", False),
        ([], "softmax", False),
    ],
)
def test_softmax_and_from_logits(layers, activation, doubly):
    architecture = {"layers": layers, "layer:dense:activation": activation}
    a = a_side(architecture=architecture)
    b = changed(a, objective=facts(a, "objective", **{"loss.from_logits": True}))
    expected = "softmax-and-from-logits" if doubly else ""
    assert compare("objective", a, b).mechanism == expected
    assert compare("objective", b, a).mechanism == expected
    linear = a_side(architecture={"layers": ["dense: Dense"]})
    assert compare("objective", linear, b).mechanism == expected
    right = changed(linear, objective=b.recipe.objective)
    assert compare("objective", a, right).mechanism == "", "logits where they are expected"
    smoothed = changed(a, objective=facts(a, "objective", **{"loss.label_smoothing": 0.1}))
    assert compare("objective", a, smoothed).mechanism == ""


def test_a_loss_of_the_scripts_own_is_told_by_what_it_reads():
    def side(code, **read):
        own = {
            "loss": "own",
            "code:loss": code,
            **{f"layer:the loss:{k}": v for k, v in read.items()},
        }
        return a_side(objective=own)

    told = compare("objective", side("a" * 16, SCALE=1), side("b" * 16, SCALE=2)).evidence
    assert "SCALE" in told and "code" not in told
    assert "code" in compare("objective", side("a" * 16), side("b" * 16)).evidence
    named = side("a" * 16), changed(side("a" * 16), objective={**side("a" * 16).recipe.objective,
                                                              "name": "x"})  # fmt: skip
    assert compare("objective", *named).status == IDENTICAL


def test_connections_count_where_both_sides_list_them():
    a = a_side()
    other = facts(a, "architecture", connections=["dense -> dense_1"])
    assert compare("architecture", a, changed(a, architecture=other)).status == DIFFERS
    for unknown in (None, []):
        lacking = facts(a, "architecture", connections=unknown)
        assert compare("architecture", a, changed(a, architecture=lacking)).status == IDENTICAL


def test_layers_added_and_their_facts():
    a = a_side()
    architecture = facts(
        a,
        "architecture",
        layers=["dense: Dense", "norm: BatchNormalization", "dropout: Dropout", "dense_1: Dense"],
        **{"layer:norm:momentum": 0.99, "trainable:norm": True, "code:norm": "ab"},
    )
    b = a_side(
        architecture=architecture,
        precision=facts(a, "precision", **{"policy:norm": "float32"}),
        objective=facts(a, "objective", **{"regularizer:norm/gamma": "L2"}),
    )
    found = status(a, b)
    assert {s for s, status in found.items() if status == DIFFERS} == {"architecture"}
    assert compare("architecture", a, b).evidence == "only in B: norm (BatchNormalization)"


def test_a_penalty_on_a_layer_of_both_is_the_objective():
    b = with_facts("objective", **{"regularizer:dense/kernel": {"class": "L2", "l2": 0.02}})
    finding = compare("objective", a_side(), b)
    assert finding.evidence == "regularizer of dense/kernel: not set vs. L2(l2=0.02)"


def test_names_of_layers_do_not_matter():
    a = a_side()
    new = {"dense": "hidden", "dropout": "drop", "dense_1": "relu"}

    def renamed(mapping):
        out = {}
        for key, value in mapping.items():
            parts = key.split(":")
            out[":".join([parts[0], *(new.get(p, p) for p in parts[1:])])] = value
        return out

    architecture = renamed(a.recipe.architecture) | {
        "layers": ["hidden: Dense", "drop: Dropout", "relu: Dense"],
        "connections": ["drop -> relu", "hidden -> drop", "input_layer -> hidden"],
    }
    b = a_side(architecture=architecture, precision=renamed(a.recipe.precision))
    found = compare("architecture", a, b)
    assert found.status == IDENTICAL and "only names differ" in found.evidence
    assert compare("precision", a, b).status == IDENTICAL
    half = a_side(
        architecture=architecture,
        precision=renamed(facts(a, "precision", **{"policy:dense": "mixed_float16"})),
    )
    assert compare("precision", a, half).evidence == ("policy of dense: float32 vs. mixed_float16")


def test_settings_of_other_sources_in_a_layers_config():
    b = with_facts("architecture", **{"layer:dropout:seed": 12, "layer:dense:name": "x"})
    assert compare("architecture", a_side(), b).status == IDENTICAL


def test_sequential_and_functional_of_the_same_layers():
    b = with_facts("architecture", model="Functional")
    assert compare("architecture", a_side(), b).status == IDENTICAL
    b = with_facts("architecture", model="MyModel")
    assert compare("architecture", a_side(), b).status == IDENTICAL
    b = with_facts("architecture", model="MyModel", **{"code:model": "0123456789abcdef"})
    assert compare("architecture", a_side(), b).evidence == ("code of model: only in B")


def test_a_layer_in_between_is_named_by_its_place():
    a = a_side()
    architecture = facts(
        a,
        "architecture",
        layers=["dense: Dense", "dropout: Dropout", "dense_1: Dense", "dense_2: Dense"],
        **{
            "layer:dense_1:units": 3,
            "layer:dense_1:activation": "relu",  # just like the first layer
            "layer:dense_2:units": 2,
            "layer:dense_2:activation": "softmax",
            "trainable:dense_2": True,
        },
    )
    precision = facts(a, "precision", **{"policy:dense_2": "float32", "policy:dense_1": "float16"})
    b = a_side(architecture=architecture, precision=precision)
    assert compare("architecture", a, b).evidence == "only in B: dense_1 (Dense)"
    assert compare("architecture", b, a).evidence == "only in A: dense_1 (Dense)"
    assert compare("precision", a, b).status == IDENTICAL  # the new layer's policy is its own


def test_precision_of_several_layers_is_told_once():
    policies = {"policy:dense": "mixed_bfloat16", "policy:dense_1": "mixed_bfloat16"}
    a = a_side()
    b = changed(a, fit={"index": 2}, precision=facts(a, "precision", **policies))
    finding = compare("precision", a, b)
    assert finding.evidence == "policy of dense, dense_1: float32 vs. mixed_bfloat16"
    assert finding.intended
    elsewhere = changed(b, execution={"started": "later"})
    assert compare("precision", a_side(), elsewhere).mechanism == "keras-json"


def test_own_train_step():
    finding = compare("mode", a_side(), a_side(mode={"code:train_step": "0" * 16}))
    assert finding.mechanism == "own-train-step" and finding.detail.startswith("B trains with")


def test_accuracy_that_resolves_otherwise():
    a = with_facts("measurement", metrics=["BinaryAccuracy"])
    b = with_facts("measurement", metrics=["SparseCategoricalAccuracy"])
    assert compare("measurement", a, b).mechanism == "accuracy-resolves"


def test_another_backend_excuses_its_own_packages_and_devices():
    a = a_side()
    b = a_side(
        backend={"backend": "torch"},
        version={"python": "3.11.7", "keras": "3.15.1", "numpy": "2.4.0", "torch": "2.13.0"},
        hardware={
            "cpu": "CPU",
            "machine": "x86_64",
            "cores": 2,
            "devices": [],
            "threads.x": 2,
            "flags.TF_FORCE_GPU_ALLOW_GROWTH": "true",
        },
        arithmetic={"jit_compile": False, "run_eagerly": False, "steps_per_execution": 1},
    )
    found = status(a, b)
    assert {s for s, status in found.items() if status == DIFFERS} == {"backend"}
    older = changed(b, version=facts(b, "version", keras="3.14.0"))
    assert compare("version", a, older).evidence == "keras: 3.15.1 vs. 3.14.0"


@pytest.mark.parametrize(
    ("change", "mechanism"),
    [({"devices": ["gpu H200"]}, "other-device"), ({"threads.intra": 1}, "thread-count"),
     ({"flags.OMP_NUM_THREADS": "1"}, "thread-count"), ({"flags.XLA_FLAGS": "x"}, "kernel-flags"),
     ({"flags.NVIDIA_TF32_OVERRIDE": "0"}, "tf32"),
     ({"distribution": "DataParallel over 2 devices", "devices": ["cpu"]}, "other-distribution")],
)  # fmt: skip
def test_hardware(change, mechanism):
    assert compare("hardware", a_side(), with_facts("hardware", **change)).mechanism == mechanism


def computed(side, row, column, *losses):
    """``side`` with other digests from ``row`` on, and the losses that it logged."""
    digests = side.fit.steps.copy()
    digests[row:, column] += 1
    return changed(side, fit={"steps": digests, "notes": {"losses": losses}})


LOSSES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)  # of 3 steps in each of 2 epochs
WEIGHTS, LOSS = 2, 4  # columns


def test_arithmetic_is_only_what_first_differs_by_rounding():
    a = computed(a_side(), 6, 0, *LOSSES)
    b = computed(a, 4, LOSS, *LOSSES[:4], 0.6 * (1 + 1e-6), 0.9)
    finding = compare("arithmetic", a, b)
    assert (finding.status, finding.mechanism) == (DIFFERS, "threads-race")
    assert "epoch 2, step 2 (the loss)" in finding.evidence
    assert "2.0e-06 of the loss" in finding.evidence  # the second step of a mean over two
    assert finding == compare_all(a, b)[-1]
    gpu = facts(a, "hardware", devices=["gpu H200"])
    assert compare("arithmetic", changed(a, hardware=gpu), changed(b, hardware=gpu)).mechanism == (
        "nondeterministic-ops"
    )


def test_a_larger_first_difference_is_something_that_is_not_recorded():
    a = computed(a_side(), 6, 0, *LOSSES)
    b = computed(a, 4, LOSS, *LOSSES[:4], 0.61, 0.9)
    finding = compare("arithmetic", a, b)
    assert finding.status == UNKNOWN
    assert "not recorded" in finding.evidence and "0.033 of the loss" in finding.evidence
    half = facts(a, "precision", **{"policy:dense": "mixed_float16"})
    assert compare("arithmetic", changed(a, precision=half), changed(b, precision=half)).status == (
        DIFFERS
    )


def test_an_update_is_measured_by_the_loss_of_the_next_step():
    a = computed(a_side(), 6, 0, *LOSSES)
    near = computed(a, 2, WEIGHTS, *LOSSES[:3], 0.7 * (1 + 1e-6), 0.6, 0.5)
    assert "1.0e-06 of the loss" in compare("arithmetic", a, near).evidence  # begins an epoch
    assert compare("arithmetic", a, computed(a, 2, WEIGHTS, *LOSSES[:3], 0.8)).status == UNKNOWN
    last = compare("arithmetic", a, computed(a, 5, WEIGHTS, *LOSSES))
    assert last.status == UNKNOWN and "not measured" in last.evidence


def test_arithmetic_is_judged_only_where_all_else_agrees():
    a = computed(a_side(), 6, 0, *LOSSES)
    b = computed(a, 4, LOSS, *LOSSES[:4], 0.6 * (1 + 1e-6), 0.9)
    c = changed(b, initialization=sides.weights(1))
    assert compare("arithmetic", a, c).status == IDENTICAL
    assert compare("arithmetic", a, computed(a, 4, 0, *LOSSES)).status == UNKNOWN  # the batch
    other = changed(b, execution={"environment": {"digest.algorithm": "another"}})
    assert compare("arithmetic", a, other).status == UNKNOWN


def test_steps_per_execution_changes_no_bit():
    b = with_facts("arithmetic", steps_per_execution=8)
    assert compare("arithmetic", a_side(), b).status == IDENTICAL


@pytest.mark.parametrize(
    ("settings", "mechanism"),
    [
        ({"jit_compile": False}, "jit-or-eager"),
        ({"run_eagerly": True, "deterministic": True}, "jit-or-eager"),
        ({"jax_threefry_partitionable": True, "jit_compile": False}, "jax-threefry-partitionable"),
        ({"deterministic": True, "jax_default_matmul_precision": "high"}, "op-determinism"),
        ({"jax_default_matmul_precision": "high"}, "tf32"),
        ({"tensor_float_32": False}, "tf32"),
        ({"another": 1}, ""),
    ],
)
def test_how_it_was_computed(settings, mechanism):
    finding = compare("arithmetic", a_side(), with_facts("arithmetic", **settings))
    assert (finding.status, finding.mechanism, finding.intended) == (DIFFERS, mechanism, True)


def test_xla_draws_other_noise_on_tensorflow():
    def pair(backend, **fields):
        a = a_side(backend={"backend": backend}, arithmetic={"jit_compile": False}, **fields)
        return a, changed(a, arithmetic={"jit_compile": True})

    finding = compare("arithmetic", *pair("tensorflow"))
    assert finding.mechanism == "tf-xla-noise" and finding.intended
    assert "other noise" in finding.detail and "other noise" not in finding.evidence
    for quiet in (pair("jax"), pair("tensorflow", noise=())):
        assert compare("arithmetic", *quiet).mechanism == "jit-or-eager"


def test_catalogue_texts_are_short():
    for one in CATALOGUE:
        assert len(one.title) < 80 and len(one.looks_like) < 120 and len(one.fix) < 200


# --- known traps in code of the script's own ----------------------------------------------------


def stepping(step="code", initial=(0.0,), final=(0.0,), **more):
    """A side with a train_step of its own and one weight that is not trained."""
    weight, after = (
        (tensor("batch_normalization/moving_mean", np.float32(v), "non-trainable"),)
        for v in (initial, final)
    )
    mode = {"code:train_step": step, **more} if step else {}
    return a_side(fit={"final": after}, initialization=weight, mode=mode)


def test_a_step_that_never_zeroes_gradients_is_a_trap_and_not_intentional():
    kept = stepping(**{"train_step:gradients": "added up, never set to zero"})
    for a, b, name in ((stepping(step=""), kept, "B"), (kept, stepping(step="other"), "A")):
        finding = compare("mode", a, b)
        assert (finding.mechanism, finding.intended) == ("gradients-kept", False)
        assert f"train_step of {name}" in finding.detail and "zero_grad" in finding.remedy
    assert compare("mode", kept, kept).status == IDENTICAL


def test_a_step_that_drops_the_moving_averages_is_a_trap():
    a, b = stepping(step="", final=(0.5,)), stepping(final=(0.0,))
    finding = compare("mode", a, b)
    assert (finding.mechanism, finding.intended) == ("step-drops-state", False)
    assert "batch_normalization/moving_mean" in finding.detail
    hands_on = compare("mode", a, stepping(final=(0.4,)))
    assert (hands_on.mechanism, hands_on.intended) == ("own-train-step", True)
    assert compare("mode", stepping(step="", final=(0.0,)), b).mechanism == "own-train-step"


def frozen(*moved, trainable=False):
    """A side whose layer `base` has this flag; ``moved`` are the layers whose weights changed."""
    before, after = (
        tuple(
            tensor(f"{layer}/kernel", np.float32(value if layer in moved else 0.0))
            for layer in ("base", "head")
        )
        for value in (0.0, 1.0)
    )
    flags = {"trainable:base": trainable, "trainable:head": True}
    return a_side(fit={"final": after}, initialization=before, architecture={"layers": [], **flags})


def test_weights_that_move_though_frozen_were_compiled_before():
    obeyed, stale = frozen("head"), frozen("base", "head")
    for a, b, name in ((obeyed, stale, "B"), (stale, obeyed, "A")):
        finding = compare("architecture", a, b)
        assert (finding.mechanism, finding.intended) == ("trainable-without-compile", False)
        assert f"base is frozen in both (trainable=False), yet its weights changed in {name}" in (
            finding.evidence
        )
        assert "compile" in finding.remedy
    assert compare("architecture", stale, stale).mechanism == ""


def test_weights_that_stay_though_trainable_were_compiled_before():
    obeyed, stale = (frozen(*m, trainable=True) for m in (("base", "head"), ("head",)))
    finding = compare("architecture", obeyed, stale)
    assert "trainable in both, yet its weights never changed in B" in finding.evidence
    nothing = frozen(trainable=True)  # a training that moves nothing at all says nothing of flags
    assert compare("architecture", obeyed, nothing).mechanism == ""


def test_flags_that_differ_are_settings():
    finding = compare("architecture", frozen("head"), frozen("base", "head", trainable=True))
    assert finding.mechanism == "" and "trainable" in finding.evidence and finding.intended


def test_a_metric_that_was_not_reset():
    a = a_side()
    b = changed(a, measurement=facts(a, "measurement", **{"metric:hits.seen": 640.0}))
    finding = source("measurement").compare(a, b)
    assert (finding.mechanism, finding.intended) == ("metric-not-reset", False)
    assert "hits.seen is 0 in A and 640 in B" in finding.evidence
    more = changed(b, measurement=facts(b, "measurement", metrics=["mae"]))
    assert source("measurement").compare(a, more).mechanism != "metric-not-reset"


def test_a_metric_that_no_epoch_sets_back():
    a = a_side()
    own = {"metrics": ["Hits(name=hits)"], NOT_RESET: ["hits"]}
    finding = source("measurement").compare(
        a, changed(a, measurement=facts(a, "measurement", **own))
    )
    assert (finding.mechanism, finding.intended) == ("metric-not-reset", False)
    assert finding.detail.startswith("in B hits begins every epoch with what the epochs before")
    assert "metrics" in finding.evidence
    both = changed(a, measurement=facts(a, "measurement", **{NOT_RESET: ["hits"]}))
    assert compare("measurement", both, both).status == IDENTICAL


def test_a_mask_that_ends_at_a_layer_is_no_intention():
    a = a_side()
    layers = [*a.recipe.architecture["layers"][:-1], "scale: Scale", "dense_1: Dense"]
    lost = facts(a, "architecture", **{"layers": layers, "masks end at": ["scale"]})
    finding = source("architecture").compare(a, changed(a, architecture=lost))
    assert (finding.mechanism, finding.intended) == ("mask-ends", False)
    assert "in B the mask ends at scale" in finding.detail
    both = facts(a, "architecture", **{"masks end at": ["scale"], "layer:dense:units": 4})
    one = changed(a, architecture=facts(a, "architecture", **{"masks end at": ["scale"]}))
    assert source("architecture").compare(one, changed(a, architecture=both)).intended


KEY = "layer:dense:units"


def with_stale(units, old, now):
    a = a_side()
    return changed(
        a,
        fit={"notes": {"stale": {KEY: [old, now]}}} if old != now else {},
        architecture=facts(a, "architecture", **{KEY: units}),
    )


def test_a_value_compiled_before_the_script_set_another_is_state():
    a, b = with_stale(1, 1, 3), with_stale(3, 3, 3)
    state, architecture = (source(i).compare(a, b) for i in ("state", "architecture"))
    assert (state.status, state.mechanism) == (DIFFERS, "stale-trace")
    assert "units of dense is 3 in both, but the step of A was compiled when it was 1" in (
        state.detail
    )
    assert architecture.status == IDENTICAL
    assert "step of B was compiled when it was 1" in source("state").compare(b, a).detail


def test_a_value_set_in_vain_changes_nothing_and_is_noted():
    a, b = with_stale(1, 1, 1), with_stale(1, 1, 3)
    assert all(source(i).compare(a, b).status == IDENTICAL for i in ("state", "architecture"))
    assert set_in_vain(a) == []
    assert set_in_vain(b)[0].startswith("units of dense was set to 3 after the step was compiled")


def test_tensors_of_a_layer_that_are_no_variables_are_state():
    a, b = (a_side(fit={"notes": {"constants": {"norm/mean": d}}}) for d in ("0a", "1b"))
    assert source("state").compare(a, b).mechanism == "other-constant"
    layers = [*a.recipe.architecture["layers"], "norm: Normalization"]
    a, b = (changed(s, architecture=facts(s, "architecture", layers=layers)) for s in (a, b))
    finding = source("state").compare(a, b)
    assert finding.mechanism == "not-finalized" and "norm/mean" in finding.detail
    assert source("state").compare(a, a).status == IDENTICAL


def test_the_name_of_a_model_class_with_the_same_code_says_nothing():
    one, two = (
        with_facts("architecture", model=name, connections=[], **{"code:model": code})
        for name, code in (("Plain", "0123456789abcdef"), ("Quick", "0123456789abcdef"))
    )
    assert compare("architecture", one, two).status == IDENTICAL
    other = with_facts(
        "architecture", model="Quick", connections=[], **{"code:model": "fedcba9876543210"}
    )
    assert compare("architecture", one, other).status == DIFFERS


def test_two_train_steps_with_other_code_are_told_as_such():
    a, b = (with_facts("mode", **{"code:train_step": c * 16}) for c in "ab")
    finding = compare("mode", a, b)
    assert finding.mechanism == "own-train-step" and finding.intended
    assert finding.detail == "the two models have train_steps of their own, with other code"


@pytest.mark.parametrize(("rates", "units", "counted"), [
    ((0.1, 0.3), (3, 3), True),
    ((0.1, 0.1), (3, 3), True),
    ((0.1, 0.3), (3, 4), False),
])  # fmt: skip
def test_a_class_that_counts_its_layers_is_not_meant_to(rates, units, counted):
    layers = ["dense: Dense", "blend: Blend", "dense_1: Dense"]
    one, two = (
        with_facts("architecture", layers=layers,
                   **{"layer:blend:Blend.made": made, "layer:blend:rate": rate,
                      "layer:dense:units": width})
        for made, rate, width in zip((1, 2), rates, units, strict=True)
    )  # fmt: skip
    two = Side(one.execution, two.fit)
    finding = compare("architecture", one, two)
    assert (finding.mechanism == "class-counts-on", finding.intended) == (counted, not counted)
    said = "the class goes on counting from the model before (Blend.made 1 vs. 2)"
    follows = ", and with it rate of blend: 0.1 vs. 0.3" if rates[0] != rates[1] else ""
    assert not counted or finding.detail == said + follows
    # two runs begin with the same class: there the values were set
    assert compare(
        "architecture", one, with_facts("architecture", **two.recipe.architecture)
    ).intended
