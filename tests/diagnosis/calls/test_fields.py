"""What two calls were given and how they ran, compared field by field on plain values."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import GeneratorState, Leaf, Origin
from whydiff.core.digests import row_digests
from whydiff.diagnosis.calls.fields import compare, with_programs
from whydiff.diagnosis.calls.fields.mode import IDLE
from whydiff.diagnosis.calls.pairs.choosing import disagreements
from whydiff.diagnosis.calls.pairs.disagreement import ROWS_CORRESPOND
from whydiff.testing.calls import KERNEL, X, call, execution

Y = np.arange(16, dtype="float32")[:, None]
NORMALIZED = {"model": "Sequential", "layers": ["dense: Dense", "norm: BatchNormalization"]}
DATA = ("data-content", "data-order", "batch-size")


def of(source, a, b):
    """The finding on one source, as (status, evidence)."""
    finding = compare(a, b).finding(source)
    return finding.status, finding.evidence


def detail(source, a, b):
    return compare(a, b).finding(source).detail


# --- samples and their order --------------------------------------------------------------------


def test_equal_samples_are_equal_and_in_order():
    a, b = call(1), call(2)
    assert of("data-content", a, b) == ("identical", "the same 16 samples")
    assert of("data-order", a, b) == ("identical", "in the same order")
    a, b = call(1, "evaluate", y=Y), call(2, "evaluate", y=Y)
    assert of("data-content", a, b) == ("identical", "the same 16 samples with their labels")


def test_rows_that_moved_are_counted():
    swapped = X.copy()
    swapped[[2, 5]] = X[[5, 2]]
    finding = compare(call(1), call(2, x=swapped)).finding("data-order")
    assert finding.evidence == "2 of 16 rows are at other positions"
    assert finding.detail.startswith("the same 16 rows in another order: 2 stand at")
    assert finding.mechanism == "rows-in-another-order"


def test_rows_of_a_few_kinds_that_stand_for_one_another():
    kinds, again = np.eye(3, dtype="float32"), np.array([0, 1, 2, 0, 2, 2, 1, 0])

    def found(places, others):
        rows = [call(n, x=kinds[list(p)]) for n, p in ((1, places), (2, others))]
        return compare(*rows).finding

    numbered = found(again, 2 - again)  # two vocabularies
    assert numbered("data-content").mechanism == "numbered-otherwise"
    assert numbered("data-order").status == "identical"
    for others in (again[[1, 0, *range(2, 8)]], again[::-1]):
        moved = found(again, others)
        assert moved("data-order").mechanism == "rows-in-another-order"
        assert moved("data-content").status == "identical"
    # In turns, and backwards: an order, or another vocabulary.
    for places, said in ((again, False), (np.tile([0, 1, 2], 3), True)):
        backwards = found(places, places[::-1])("data-order")
        assert ("each of 3 kinds of rows stands for another one" in backwards.detail) == said


CLASSES = np.array([0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 0, 1, 2, 1, 2, 0], "float32")[:, None]


@pytest.mark.parametrize(
    ("one", "other", "mechanism", "text"),
    [
        (Y, np.roll(Y, 1), "labels-in-another-order", "stand at other rows: 16 of 16"),
        (CLASSES, (CLASSES + 1) % 3, "classes-numbered-otherwise", "3 of 3 labels are renamed"),
        (CLASSES, np.array([1, 0, 2])[CLASSES.astype(int)].astype("float32"),
         "classes-numbered-otherwise", "2 of 3 labels are renamed"),
        (CLASSES, np.roll(CLASSES, 1), "labels-in-another-order", "stand at other rows: 12 of 16"),
        (CLASSES, CLASSES + (Y == 3), "other-labels", "1 of 16 labels are others"),
        (Y, Y * 2, "other-labels", "15 of 16 labels are others"),
        (np.eye(3, dtype="float32")[CLASSES.astype(int).ravel()],
         np.eye(3, dtype="float32")[:, [2, 1, 0]][CLASSES.astype(int).ravel()],
         "classes-numbered-otherwise", "2 of 3 labels are renamed"),
    ],
)  # fmt: skip
def test_how_the_labels_of_equal_samples_differ(one, other, mechanism, text):
    a, b = call(1, "evaluate", y=one), call(2, "evaluate", y=other)
    finding = compare(a, b).finding("data-content")
    assert (finding.status, finding.mechanism) == ("differs", mechanism)
    assert text in finding.evidence
    assert of("data-order", a, b) == ("identical", "the samples themselves are in the same order")
    moved = call(2, "evaluate", x=X[::-1].copy(), y=other[::-1].copy())
    assert compare(a, moved).finding("data-content").mechanism == mechanism
    assert of("data-order", a, moved)[0] == "unknown"


def test_labels_of_rows_that_occur_twice_are_not_told_apart_in_another_order():
    twice = np.vstack([X[:8], X[:8]])
    a = call(1, "evaluate", x=twice, y=CLASSES)
    b = call(2, "evaluate", x=twice[::-1].copy(), y=CLASSES)
    assert compare(a, b).finding("data-content").mechanism == ""


def test_labels_that_only_one_has_do_not_count():
    a, b = call(1), call(2, "evaluate", y=Y)
    assert of("data-content", a, b) == ("identical", "the same 16 samples")


def test_other_samples_are_counted_with_their_form():
    status, evidence = of("data-content", call(1), call(2, x=np.vstack([X[:9], X[:1] + 1])))
    assert (status, evidence) == (
        "differs", "9 of 16 rows are also in B's 10; both float32[3]",
    )  # fmt: skip
    _, evidence = of("data-content", call(1), call(2, x=X.astype("float64")))
    assert evidence.endswith("; float32[3] vs. float64[3]")


def two_inputs(number, left, right):
    """A call that was fed two arrays, in this order."""
    fed = call(number, x=left)
    leaves = tuple(
        Leaf("x", str(i), str(x.dtype), x.shape[1:], row_digests([x]))
        for i, x in enumerate((left, right))
    )
    return replace(
        fed, recipe=replace(fed.recipe, inputs=replace(fed.recipe.inputs, leaves=leaves))
    )


@pytest.mark.parametrize(
    ("left", "right", "mechanism"),
    [
        (X + 1, X, "inputs-exchanged"),
        (X + 1, X + 2, ""),  # one of them holds other rows
        (X + 1, X[::-1], ""),
        (X + 1, X + 1, ""),  # one array at both places
    ],
)
def test_inputs_that_hold_the_arrays_of_each_other(left, right, mechanism):
    a, b = two_inputs(1, X, X + 1), two_inputs(2, left, right)
    found = compare(a, b).finding("data-content")
    assert (found.status, found.mechanism) == ("differs", mechanism)
    if mechanism:
        assert "input 2 of B is input 1 of A and input 1 of B is input 2 of A" in found.detail
        assert of("data-order", a, b)[0] == "identical"
    pairs = disagreements(execution(a, b))
    assert [d.check for d in pairs] == ["" if mechanism else ROWS_CORRESPOND]


def test_what_was_not_seen_is_unknown():
    a, nothing = call(1), call(2)
    unseen = replace(nothing, recipe=replace(nothing.recipe, inputs=replace(
        nothing.recipe.inputs, leaves=()
    )))  # fmt: skip
    for source in DATA:
        assert of(source, a, unseen) == ("unknown", "what was fed was not seen")
        assert of(source, unseen, a) == ("unknown", "what was fed was not seen")


def test_models_that_were_only_built_are_given_one_probe():
    for source in DATA:
        status, evidence = of(source, call(1, "built"), call(2, "built", x=X + 1))
        assert (status, evidence) == ("identical", "both are given one fixed probe")


# --- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "status", "evidence"),
    [
        ([16], [16], "identical", "both in one batch of 16"),
        ([8, 8], [8, 8], "identical", "both in 2 batches of 8"),
        ([10, 6], [10, 6], "identical", "both in 2 batches of 10, the last of 6"),
        ([16], [8, 8], "differs", "one batch of 16 vs. 2 batches of 8"),
        ([4, 4, 4, 4], [16], "differs", "4 batches of 4 vs. one batch of 16"),
    ],
)
def test_batches_in_words(one, other, status, evidence):
    assert of("batch-size", call(1, batches=one), call(2, batches=other)) == (status, evidence)


def test_batches_of_other_numbers_of_rows_cannot_be_compared():
    a, b = call(1, batches=[16]), call(2, x=X[:10], batches=[10])
    assert of("batch-size", a, b) == ("unknown", "other numbers of rows (16 and 10)")


def batched(layers, mode):
    return [
        call(1, batches=[8, 8], architecture=layers, mode=mode),
        call(2, batches=[16], architecture=layers, mode=mode),
    ]


@pytest.mark.parametrize("mode", [{"training": True}, {"training:norm": True}])
def test_batches_matter_where_their_statistics_are_used(mode):
    a, b = (replace(c, kind="call") for c in batched(NORMALIZED, mode))
    finding = compare(a, b).finding("batch-size")
    assert finding.mechanism == "batch-statistics"
    assert finding.detail == (
        "2 batches of 8 vs. one batch of 16; norm uses the statistics of each batch"
    )


@pytest.mark.parametrize(
    ("layers", "mode"),
    [
        (NORMALIZED, {"training": False}),
        (NORMALIZED, {"training:norm": False, "training:dense": True}),
        ({**NORMALIZED, "layers": ["dense: Dense"]}, {"training": True}),
    ],
)
def test_batches_do_not_matter_to_other_layers_or_in_inference(layers, mode):
    a, b = (replace(c, kind="call") for c in batched(layers, mode))
    assert compare(a, b).finding("batch-size").mechanism != "batch-statistics"


# --- generators and flags -----------------------------------------------------------------------


def moved(number, before, name="numpy", drew=True):
    """A call with a global generator that stood at ``before``."""
    one = call(number)
    state = GeneratorState(name, before, f"{before}+" if drew else before)
    return replace(one, recipe=replace(one.recipe, generators=(state,)))


def test_generators_that_nobody_draws_from_are_no_noise():
    nothing = "no seed generator in the model, and no global generator moved"
    assert of("noise", call(1), call(2)) == ("identical", nothing)
    assert of("noise", moved(1, "a", drew=False), moved(2, "b", drew=False))[0] == "identical"
    assert of("noise", moved(1, "a"), moved(2, "a"))[0] == "identical"
    equal = call(1, noise="s"), call(2, noise="s")
    assert of("noise", *equal) == ("identical", "the seed generator in the same state")


def test_a_global_generator_that_moved_on_is_noise_and_named():
    finding = compare(moved(1, "a"), moved(2, "b")).finding("noise")
    assert (finding.status, finding.mechanism) == ("differs", "unseeded-noise")
    assert "global generator of numpy" in finding.evidence


@pytest.mark.parametrize(
    ("facts", "mode", "idle"),
    [
        ({"layers": ["dropout: Dropout"]}, {"training:dropout": False}, True),
        ({"layers": ["dropout: Dropout"]}, {"training:dropout": [False, True]}, False),
        ({"layers": ["dropout: Dropout"]}, {}, False),  # not seen
        ({"layers": ["dropout: Dropout"], "code:dropout": "d"}, {"training:dropout": False}, False),
        ({"layers": ["dropout: Sampling"]}, {"training:dropout": False}, False),
        ({"layers": ["other: Dropout"]}, {"training:dropout": False}, False),
    ],
)
def test_layers_that_draw_in_training_alone_draw_nothing_in_inference(facts, mode, idle):
    a, b = (call(n, noise=str(n) * 32, architecture=facts, mode=mode) for n in (1, 2))
    found = compare(a, b).finding("noise")
    assert (found.status, found.detail == IDLE) == ("differs", idle)
    assert found.mechanism == ("" if idle else "noise-at-inference")


def test_seed_generators_that_moved_on_are_noise():
    finding = compare(call(1, noise="s"), call(2, noise="t")).finding("noise")
    assert (finding.status, finding.mechanism) == ("differs", "noise-at-inference")


def run(training, number=1, **layers):
    architecture = {"layers": ["drop: Dropout", "dense: Dense"]}
    flags = {f"training:{name}": flag for name, flag in layers.items()}
    return call(number, "call", mode={"training": training, **flags}, architecture=architecture)


def test_layers_in_training_are_named_where_both_run_alike():
    a = run(True, drop=True, dense=False)
    assert of("mode", a, replace(a, number=2)) == (
        "identical",
        "training behaviour in drop in both",
    )
    a = run(False, drop=False)
    assert of("mode", a, replace(a, number=2)) == ("identical", "every layer in inference in both")


def test_another_flag_is_told_with_how_each_was_called():
    a, b = run(True, drop=True, dense=True), run(None, 2, drop=False, dense=False)
    assert detail("mode", a, b) == (
        "model(x, training=True) (line 1): drop in training vs. model(x) (line 2): inference"
    )
    assert compare(a, b).finding("mode").mechanism == "training-flag"
    default = compare(run(None, drop=True), run(False, 2, drop=False)).finding("mode")
    assert default.mechanism == "training-by-default"


def test_of_two_runs_models_and_libraries_are_swapped_together():
    a, version = call(1, version={"keras": "2.21.0"}), {"keras": "3.15.1"}
    b = call(1, kernel=KERNEL * 2, version=version)
    found = with_programs(compare(a, b))
    assert (found.structure, found.movable) == (("version",), ("initialization", "version"))
    other = {"model": "Sequential", "layers": ["dense: Dense"], "layer:dense:units": 2}
    found = with_programs(compare(a, call(1, architecture=other, version=version)))
    assert found.structure[:2] == ("architecture", "version")
    assert found.movable == ("architecture",)


@pytest.mark.parametrize(("metric", "first"), [("accuracy", "measurement"), ("loss", "objective")])
def test_another_loss_of_two_runs_moves_no_metric(metric, first):
    measured = {"values": {"loss": 0.5, "accuracy": 0.9}, "objective": {"loss": "mse"}}
    a = call(1, "evaluate", **measured, measurement={"metrics": ["accuracy"]})
    other = {**measured, "objective": {"loss": "mae"}}
    b = call(1, "evaluate", **other, measurement={"metrics": ["BinaryAccuracy"]})
    found = with_programs(compare(a, b), metric)
    assert found.movable == (first,) and set(found.structure) == {"measurement", "objective"}


@pytest.mark.parametrize(
    ("kind", "facts", "movable"),
    [
        ("evaluate", {"precision": {"policy:dense": "mixed_float16"}}, ["precision"]),
        ("evaluate", {"measurement": {"metrics": ["auc"]}}, ["measurement"]),
        ("evaluate", {"objective": {"loss": "mae"}}, []),
        ("evaluate", {"hardware": {"device": "gpu"}}, []),
        ("call", {"precision": {"policy:dense": "mixed_float16"}}, ["precision"]),
        ("call", {"measurement": {"metrics": ["auc"]}}, []),  # nothing is measured with it
        ("call", {"arithmetic": {"jit_compile": True}}, ["arithmetic"]),
    ],
)
def test_what_one_model_can_be_given_of_another_call(kind, facts, movable):
    plain = {
        "precision": {"policy:dense": "float32"},
        "measurement": {"metrics": ["acc"]},
        "objective": {"loss": "mse"},
        "hardware": {"device": "cpu"},
    }
    a, b = call(1, kind, **plain), call(2, kind, **{**plain, **facts})
    assert list(compare(a, b).movable) == movable
    both = {**plain, **facts, "hardware": {"device": "gpu"}}  # that stays where it is
    assert list(compare(a, call(2, kind, **both)).movable) == movable


@pytest.mark.parametrize(
    ("one", "other", "mechanism"),
    [
        ("float32", "mixed_float16", "other-dtype-policy"),
        ("float32", "int8_from_float32", "quantized"),
        ("float8_from_float32", "float32", "quantized"),
        ("int4_from_float32", "int8_from_float32", "quantized"),
        ("float32", "float32", ""),
    ],
)
def test_few_bits_are_a_quantized_model(one, other, mechanism):
    a, b = (call(n, precision={"policy:dense": p}) for n, p in enumerate((one, other)))
    assert compare(a, b).finding("precision").mechanism == mechanism


@pytest.mark.parametrize(
    ("kernel", "together"), [(KERNEL, ()), (KERNEL + 1, ("weights", "precision"))]
)
def test_a_model_quantized_from_other_weights_brings_them_along(kernel, together):
    """What has no counterpart may differ as what has one does: no share is one's alone."""

    def with_lone(number, name, kernel, policy):
        made = call(number, model=number, kernel=kernel, origin=Origin(f"file {number}", "file"),
                    precision={"policy:dense": policy})  # fmt: skip
        (weight,), (origin,) = made.recipe.weights, made.recipe.origins
        lone = replace(weight, path=name, shape=(3, number), digest=name)
        recipe = replace(made.recipe, weights=(weight, lone), origins=(origin, origin))
        return replace(made, recipe=recipe)

    a = with_lone(1, "dense_1/kernel", KERNEL, "float32")
    b = with_lone(2, "dense_1/quantized", kernel, "int8_from_float32")
    found = compare(a, b)
    assert found.structure == (together or ("precision",))
    assert ("precision" in found.movable) is not bool(together)


def test_weights_of_another_dtype_are_not_called_equal():
    """A quantized copy: its kernel is int8, and its scale has no counterpart."""
    a, b = call(1), call(2, model=2)
    (kernel,), (origin,) = a.recipe.weights, a.recipe.origins
    bias = replace(kernel, path="dense/bias", shape=(1,), digest="bias")
    scale = replace(kernel, path="dense/kernel_scale", shape=(1, 1), digest="scale")
    few = replace(kernel, dtype="int8", digest="few")
    a, b = (
        replace(c, recipe=replace(c.recipe, weights=weights, origins=(origin,) * len(weights)))
        for c, weights in ((a, (kernel, bias)), (b, (few, bias, scale)))
    )
    assert of("initialization", a, b) == ("identical", (
        "1 weight tensor of one dtype equal; 1 weight tensor of another dtype (float32 vs. "
        "int8) goes with the precision"
    ))  # fmt: skip
    status, evidence = of("weights", a, b)
    assert status == "unknown" and evidence.endswith(
        "(dense/kernel_scale); they go with the precision"
    )


@pytest.mark.parametrize(
    ("policies", "facts", "status"),
    [
        (True, "floatx", "identical"),
        (False, "floatx", "differs"),
        (False, "loss_scale", "identical"),
    ],
)
def test_settings_that_no_layer_of_a_call_uses_are_no_difference(policies, facts, status):
    own = {"policy:dense": "float32"} if policies else {}
    a, b = (call(n, precision={**own, facts: n, "other": 1}) for n in (1, 2))
    assert compare(a, b).finding("precision").status == status


def changed(dtype="float32", shape=(3, 1), model=2, **layer):
    """A call of a model whose kernel has another dtype or shape, or that has other layers."""
    made = call(2, model=model, architecture={"layers": ["dense: Dense"], **layer},
                precision={"policy:dense": dtype})  # fmt: skip
    kernel = replace(made.recipe.weights[0], dtype=dtype, shape=shape, digest="other")
    return replace(made, recipe=replace(made.recipe, weights=(kernel,)))


@pytest.mark.parametrize(
    ("other", "structure"),
    [
        (changed(), ()),
        (changed("float16"), ("precision",)),
        (changed("float16", model=1), ("precision",)),
        (changed("float16", shape=(3, 2)), ("precision",)),
        (changed("float16", **{"layer:dense:units": 2}), ("architecture", "precision")),
        (changed(shape=(3, 2), **{"layer:dense:units": 2}), ("architecture",)),
        (changed(model=1, **{"layer:dense:units": 2}), ()),  # both forms are at hand
    ],
    ids=["equal", "recast", "recast in place", "of another shape", "both", "layers", "in place"],
)
def test_what_only_another_model_as_a_whole_brings(other, structure):
    plain = call(
        1, architecture={"layers": ["dense: Dense"]}, precision={"policy:dense": "float32"}
    )
    assert compare(plain, other).structure == structure


def test_renamed_labels_of_rows_that_occur_twice_are_found_in_another_order():
    """Equal samples have equal labels: which of them is which does not matter."""
    twice, labels = np.vstack([X[:8], X[:8]]), np.vstack([CLASSES[:8], CLASSES[:8]])
    a = call(1, "evaluate", x=twice, y=labels)
    b = call(2, "evaluate", x=twice[::-1].copy(), y=(labels[::-1] + 1) % 3)
    assert compare(a, b).finding("data-content").mechanism == "classes-numbered-otherwise"


@pytest.mark.parametrize(
    ("one_run", "other", "mechanism"),
    [
        (False, "base.keras", "loaded-file-rewritten"),
        (True, "base.keras", "another-file"),
        (False, "other.keras", "another-file"),
    ],
)
def test_one_file_that_holds_other_weights_in_each_run(one_run, other, mechanism):
    a = call(1, origin=Origin("file base.keras", "file"))
    b = call(1, kernel=KERNEL + 1, origin=Origin(f"file {other}", "file"))
    finding = compare(a, b, (), None if one_run else ()).finding("weights")
    assert finding.mechanism == mechanism
    assert ("which held other weights in each run" in finding.detail) == (
        mechanism == "loaded-file-rewritten"
    )
