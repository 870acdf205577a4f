"""Fields compared, hybrids judged: what is proven, ruled out, and left, on plain data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core import scoring
from whydiff.core.calls import Event, GeneratorState, HeldValue, Origin, Score, joined_call, part_of
from whydiff.core.digests import row_digests
from whydiff.core.findings import CONFIRMED, DIFFERS, IDENTICAL, SUSPECTED, UNKNOWN, Cause
from whydiff.core.recipe import Tensor
from whydiff.core.recording import VALIDATION_STEPS, Epoch
from whydiff.core.scoring import (
    AGAIN,
    ALIGNED,
    ALL_OUTPUTS,
    AMONG_LARGEST,
    BEGINS_AT,
    BY_CLASS,
    BY_POSITION,
    COLUMNS_MOVED,
    CUT_AT_HALF,
    CUT_AT_ZERO,
    EACH_OUTPUT,
    EQUAL,
    EXCHANGED,
    FROM_CLASSES,
    FROM_HALF,
    FROM_OUTPUTS,
    FROM_ZERO,
    IN_INFERENCE,
    IN_ITS_UNITS,
    IN_ONE_BATCH,
    IN_PART,
    LARGEST_OF_BOTH,
    LARGEST_ONLY,
    LEFT_OUT,
    NONZERO,
    ON_PREDICTED,
    OTHER_LABELS,
    OTHER_OUTPUT,
    OTHER_SAMPLES,
    OWN_INPUTS,
    RELABELLED,
    SAME_SHAPE,
    SHIFTED,
    TOGETHER,
    UNMASKED,
    UNREGULARIZED,
    UNWEIGHTED,
    WHATEVER,
    WITH_OTHER_WEIGHTS,
    WITHOUT,
)
from whydiff.core.stack import Frame
from whydiff.core.transformations import OF_ONE_COLUMN
from whydiff.diagnosis.calls.answer import positions
from whydiff.diagnosis.calls.fields import compare
from whydiff.diagnosis.calls.heads import LOGITS, SOFTMAX_OF_ONE
from whydiff.diagnosis.calls.inputs import changed_in_place, form_of, made_anew
from whydiff.diagnosis.calls.logged import judge_parts
from whydiff.diagnosis.calls.numbers import judge_mean, judge_position
from whydiff.diagnosis.calls.origins import Story, is_recurrent
from whydiff.diagnosis.calls.scored import Against, judge_score
from whydiff.diagnosis.calls.trials import run_trials
from whydiff.diagnosis.calls.validated import judge_validation
from whydiff.diagnosis.calls.verdict import (
    HELD_BY_NOTHING,
    Verdict,
    first_divergence,
    fits_behind,
    judge,
    offset_note,
)
from whydiff.diagnosis.mechanisms import mechanism as mechanism_of
from whydiff.testing.calls import KERNEL, Linear, X, call, drawn
from whydiff.testing.sides import a_fit

OUT = (X @ KERNEL).astype("float32")
EFFECT = np.linspace(0, 1, len(X), dtype="float32")[:, None]


def by_source(compared):
    return {f.source: f for f in compared.findings}


def test_equal_calls_have_equal_fields():
    found = by_source(compare(call(1), call(2)))
    assert not [s for s, f in found.items() if f.status == DIFFERS]


def test_two_seeds_are_named_with_their_lines():
    found = by_source(compare(call(1), call(2, model=2, kernel=KERNEL * 2, origin=drawn(43, 9))))
    initial = found["initialization"]
    assert initial.status == DIFFERS
    assert "seed 1 at line 8" in initial.detail and "seed 43 at line 9" in initial.detail
    assert initial.intended
    assert found["weights"].status == IDENTICAL


@pytest.mark.parametrize(
    ("a", "b", "source", "mechanism"),
    [
        (Origin("trained by fit 1", "trained", fit=1),
         Origin("file best.keras, epoch 7 of fit 1", "file", fit=1, epoch=7),
         "weights", "last-or-best"),
        (Origin("trained by fit 1", "trained", fit=1), drawn(), "weights", "weights-never-copied"),
        (drawn(), Origin("changed by a loop", "unwatched"), "weights",
         "trained-by-unwatched-loop"),
        (Origin("given to stateless_call", "given"), drawn(), "weights", "weights-not-assigned"),
        (Origin("trained by fit 1", "trained", fit=1), Origin("EMA", "average", fit=1),
         "weights", "averaged-weights"),
        (drawn(), Origin("adapted at line 4", "adapted"), "state", "adapted-again"),
        (Origin("trained by fit 1", "trained", fit=1),
         Origin("trained by fit 2", "trained", fit=2), "weights", "trained-apart"),
        (Origin("assigned at line 9", "assigned"), Origin("assigned at line 9", "assigned"),
         "weights", "values-assigned"),
        (Origin("trained by fit 1", "trained", fit=1), Origin("assigned at line 9", "assigned"),
         "weights", "weights-assigned"),
    ],
)  # fmt: skip
def test_where_weights_come_from(a, b, source, mechanism):
    compared = compare(call(1, origin=a), call(2, model=2, kernel=KERNEL * 2, origin=b))
    finding = by_source(compared)[source]
    assert (finding.status, finding.mechanism) == (DIFFERS, mechanism)
    assert compared.tensors == {source: ((0, 0),)}


def test_of_values_given_to_a_stateless_call_no_loop_is_claimed():
    given = Origin("given to stateless_call", "given")
    found = by_source(compare(call(1, origin=given), call(2, kernel=KERNEL * 2, origin=drawn())))
    assert found["initialization"].status == UNKNOWN
    assert found["initialization"].evidence.startswith("stateless_call was given values")


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("changed", "; a loop that was not watched (such as optimizer.apply) changed them"),
        ("changed by a loop outside anything watched", ""),
    ],
)
def test_a_loop_that_was_not_watched_is_said_once(origin, said):
    b = call(2, model=2, kernel=KERNEL * 2, origin=Origin(origin, "unwatched"))
    detail = by_source(compare(call(1), b))["weights"].detail
    assert detail == f"dense/kernel: {drawn().text} vs. {origin}{said}"


def test_what_computed_values_began_with_is_not_ruled_out():
    assigned = Origin("assigned at line 9", "assigned")
    both = compare(call(1, origin=assigned), call(2, kernel=KERNEL * 2, origin=assigned))
    assert by_source(both)["initialization"].status == UNKNOWN
    one = compare(call(1), call(2, model=2, kernel=KERNEL * 2, origin=assigned))
    assert by_source(one)["initialization"].status == IDENTICAL


def test_skipped_layers_are_weights_and_come_with_the_model():
    event = Event(1, 0, "load_weights", "Sequential", 2, (),
                  {"skipped": ["hidden"], "skip_mismatch": True})  # fmt: skip
    a = call(1)
    b = call(2, model=2, kernel=np.ones((3, 4), "float32"), outputs=OUT + 1,
             architecture={"model": "Sequential", "layers": ["dense: Dense"],
                           "layer:dense:units": 4})  # fmt: skip
    compared = compare(a, b, [event])
    assert compared.structure == ("weights", "architecture")
    assert compared.movable == ("weights",)
    assert "skip_mismatch" in by_source(compared)["weights"].detail


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"skipped": ["dense"]}, "load_weights at line 9 skipped dense: "),
        ({"skipped": ["dense"], "skip_mismatch": True},
         "load_weights(skip_mismatch=True) at line 9 skipped dense: "),
        ({"skipped": list("abcde"), "by_name": True},
         "load_weights(by_name=True) at line 9 skipped a, b, c and d: "),
        ({}, ""),
    ],
)  # fmt: skip
def test_weights_that_a_load_left_out_are_told_with_the_load(facts, said):
    left = Origin("drawn with seed 1", "left as drawn")
    a, b = call(1, origin=left), call(2, model=2, kernel=KERNEL * 2)
    event = Event(1, 0, "load_weights", "", 1, (Frame("train.py", 9, "<module>", ""),), facts)
    for events in ([event], [replace(event, model_number=3), event]):  # one of another model
        found = compare(a, b, events).finding("weights")
        assert found.mechanism == "weights-skipped"
        assert found.detail.endswith(f"; {said}not loaded, left as drawn")


def test_a_part_of_the_samples_is_told_as_that():
    found = by_source(compare(call(1, x=X[:12]), call(2)))["data-content"]
    assert (found.detail, found.mechanism) == (
        "A was given 12 of B's 16 samples",
        "evaluated-in-part",
    )
    found = by_source(compare(call(1), call(2, x=X[:12])))["data-content"]
    assert found.detail == "B was given 12 of A's 16 samples"
    mixed = np.concatenate([X[:8], X[:8] + 1, X[:2] + 2])
    assert by_source(compare(call(1), call(2, x=mixed)))["data-content"].mechanism == ""


def test_order_and_content_are_told_apart():
    found = by_source(compare(call(1), call(2, x=X[::-1])))
    assert found["data-content"].status == IDENTICAL
    assert found["data-order"].status == DIFFERS
    found = by_source(compare(call(1), call(2, x=X * 2)))
    assert found["data-content"].status == DIFFERS


def test_values_that_are_no_weights():
    one = HeldValue("norm/mean", "attribute", "norm", "aa", 0.0)
    other = HeldValue("norm/mean", "attribute", "norm", "bb", 2.5)
    found = by_source(compare(call(1, state=[one]), call(2, state=[other])))
    assert found["state"].mechanism == "not-finalized"
    scale = [HeldValue("f: global SCALE", "global", "f", d, v) for d, v in (("a", 1), ("b", 2))]
    found = by_source(compare(call(1, state=scale[:1]), call(2, state=scale[1:])))
    assert found["architecture"].mechanism == "global-read-by-a-layer"
    stale = HeldValue("f: global SCALE", "global", "f", "b", 2, "a", 1)
    found = by_source(compare(call(1, state=[stale]), call(2, "call", state=scale[1:])))
    assert found["state"].mechanism == "stale-trace"
    adapted = HeldValue("norm/mean", "attribute", "norm", "bb", 2.5, "aa", 0.0)
    found = by_source(compare(call(1, state=[adapted]), call(2, "call", state=[other])))
    assert found["state"].mechanism == "adapted-after-compiling"


@pytest.mark.parametrize(
    ("kind", "mechanism"),
    [("load_model", ""), ("clone_model", "setting-lost"), ("load_weights", "")],
)
def test_a_setting_is_lost_only_where_a_model_was_built_from_its_config(kind, mechanism):
    a = call(1, architecture={"layers": ["s: Scale"], "layer:s:by": 7.0})
    b = call(2, model=2, architecture={"layers": ["s: Scale"], "layer:s:by": 2.0})
    found = by_source(compare(a, b, [Event(1, 1, kind, "Sequential", 2)]))["architecture"]
    assert (found.status, found.mechanism) == (DIFFERS, mechanism)


def test_positions_in_the_list_that_evaluate_returns_are_told():
    several = replace(call(1, "evaluate"), notes={"listed": ["loss", "a_accuracy", "b_mae"]})
    assert positions(several, call(2, "evaluate")) == [
        "Evaluate at line 1 returns a list: [0] loss, [1] a_accuracy, [2] b_mae."
    ]


def test_an_operation_of_the_compiled_function_draws_on_from_call_to_call():
    def drawing(number, digest):
        made = call(number)
        operation = Tensor("TensorFlow's operation X", "operation seed", (2,), "int64", digest)
        return replace(made, recipe=replace(made.recipe, noise=(operation,)))

    found = by_source(compare(drawing(1, "a"), drawing(2, "b")))["noise"]
    assert (found.status, found.mechanism) == (DIFFERS, "unseeded-noise")
    assert by_source(compare(drawing(1, "a"), drawing(2, "a")))["noise"].status == IDENTICAL


def test_batches_go_with_noise_that_a_global_generator_makes():
    def drawing(number, before, **more):
        made = call(number, **more)
        numpy = GeneratorState("numpy", before, before + "!")
        return replace(made, recipe=replace(made.recipe, generators=(numpy,)))

    compared = compare(drawing(1, "a"), drawing(2, "b", batches=[8, 8]))
    assert compared.tied == ("noise", "batch-size") and compared.movable == ("noise",)
    assert compared.fields.separate == ("batch-size",)
    runner = Linear(OUT, {"noise": EFFECT})
    (full,) = runner.again("b").outputs
    calls = call(1, outputs=OUT), call(2, outputs=full)
    found = judge(compared, run_trials(runner, ["noise"], calls, "outputs"))
    assert [c.source for c in found.causes] == ["noise"]
    assert "batch-size" in {x.source for x in found.unknown}


def test_a_setting_that_the_script_changed_is_swapped_in_one_model():
    sides = [HeldValue("gate: attribute strength", "setting", "gate", d, v)
             for d, v in (("a", 1.0), ("b", 0.0))]  # fmt: skip
    facts = [{"layers": ["gate: Gate"], "layer:gate:strength": v.value} for v in sides]
    a, b = (call(n + 1, state=[v], architecture=f)
            for n, (v, f) in enumerate(zip(sides, facts, strict=True)))  # fmt: skip
    compared = compare(a, b)
    assert by_source(compared)["architecture"].mechanism == "setting-changed"
    assert compared.held == {"architecture": ("gate: attribute strength",)}
    in_another_run = replace(b, number=1)  # of the same number there
    for apart in (compare(a, replace(b, model_number=2)), compare(a, in_another_run, (), ())):
        assert apart.structure == ("architecture",) and not apart.held  # they come as wholes
        assert by_source(apart)["architecture"].mechanism != "setting-changed"


def test_get_config_lost_a_setting_only_where_the_file_is_one_of_the_other_model():
    facts = [{"layers": ["gate: Gate"], "layer:gate:strength": value} for value in (1.0, 0.0)]
    a, b = (call(n, model=n, architecture=f) for n, f in enumerate(facts, 1))

    def event(kind, model, path):
        return Event(1, 0, kind, "m", model, facts={"path": path})

    def mechanism(events, *events_b):
        return by_source(compare(a, b, events, *events_b))["architecture"].mechanism

    saved, loaded = event("save", 1, "/x/a.keras"), event("load_model", 2, "a.keras")
    assert mechanism([saved, loaded]) == "setting-lost"
    assert mechanism([saved], [loaded]) == "setting-lost"  # train.py and serve.py
    assert mechanism([event("save", 1, "b.keras"), loaded]) == ""
    assert mechanism([loaded]) == ""
    # models of two runs are two, whatever their numbers
    assert (
        mechanism(
            [saved],
            [saved, loaded],
        )
        == "setting-lost"
    )
    assert mechanism([saved, event("load_model", 1, "a.keras")], [loaded]) == ""


def test_a_file_that_was_loaded_with_another_function():
    one, other = (
        {
            "layers": ["d: Dense"],
            "layer:d:activation.of": name,
            "layer:d:f": f"{name}:{'0a' * 8}",
        }
        for name in ("swish", "relu")
    )
    events = [Event(n, 0, kind, "m", n, facts={"path": "a.keras"})
              for n, kind in ((1, "save"), (2, "load_model"))]  # fmt: skip

    def mechanism(a, b):
        calls = (call(n, model=n, architecture=facts) for n, facts in ((1, a), (2, b)))
        return by_source(compare(*calls, events))["architecture"].mechanism

    assert mechanism(one, other) == "other-code-at-load"
    assert mechanism(one | {"layer:d:units": 3}, other) == "setting-lost"
    assert mechanism({**one, "code:d": "a"}, {**one, "code:d": "b"}) == "other-code-at-load"


def test_random_numbers_that_evaluate_and_the_predictions_draw_otherwise():
    (cause,) = scored(
        {AGAIN: 0.25, ALIGNED: 0.25, scoring.OWN_NOISE: 0.95, FROM_CLASSES: 0.25}
    ).causes
    assert (cause.source, cause.mechanism) == ("noise", "noise-at-inference")
    assert cause.share == pytest.approx(1.0)


def test_outputs_that_both_cut_at_one_place_are_cut_at_no_other():
    told = Score("by hand.accuracy", 1, "", "", row_digests([X])[:0],
                 {"formula": "np.mean((p > 0.5) == y)"})  # fmt: skip
    score = call(3, "score", values={"accuracy": 0.25}, score=told)
    values = {AGAIN: 0.25, ALIGNED: 0.25, FROM_CLASSES: 0.25}
    (cause,) = judge_score(values, score, Against("accuracy", 0.95)).causes
    assert (cause.mechanism, cause.status) == ("measured-by-another-rule", SUSPECTED)


def test_an_auc_that_takes_logits_for_probabilities():
    told = Score("sklearn.metrics.roc_auc_score", 2, "", "ravel", np.zeros((0, 2), np.uint64))
    score = call(3, "score", values={"roc_auc_score": 0.76}, score=told)

    def mechanisms(**values):
        given = {AGAIN: 0.76, ALIGNED: 0.76, **values}
        return [c.mechanism for c in judge_score(given, score, Against("auc", 0.69)).causes]

    logits = {scoring.FINER_AUC: 0.7, scoring.AUC_OF_LOGITS: 0.76}
    assert mechanisms(**logits) == ["auc-of-logits"]
    assert mechanisms(**{scoring.FINER_AUC: 0.76}) == ["measured-by-another-rule"]


def test_a_metric_of_the_script_that_pairs_each_label_with_each_output():
    values = {scoring.OWN_SHAPE: 0.75, scoring.IN_ONE_BATCH: 0.25}
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, **values})
    parts = {c.mechanism: c.share for c in found.causes}
    assert parts == {
        "shapes-broadcast": pytest.approx((0.75 - 0.95) / (0.25 - 0.95)),
        "metric-averaged-over-batches": pytest.approx((0.25 - 0.75) / (0.25 - 0.95)),
    }
    assert not found.unexplained
    (same,) = scored({AGAIN: 0.25, ALIGNED: 0.25, **values, scoring.OWN_SHAPE: 0.95}).causes
    assert same.mechanism == "metric-averaged-over-batches"


def test_a_seed_that_two_runs_set_was_not_set_once_for_two_models():
    a, b = call(1), call(1, model=2, kernel=KERNEL * 2)
    assert "set once" in by_source(compare(a, b))["initialization"].detail
    assert "set once" not in by_source(compare(a, b, (), ()))["initialization"].detail


def test_hidden_states_and_other_values_that_layers_hold():
    def told(*values):
        a, b = (call(n, state=[replace(v, digest=str(n)) for v in values]) for n in (1, 2))
        found = by_source(compare(a, b))["state"]
        return found.mechanism, found.detail

    hidden = [HeldValue(f"lstm/{n}", "recurrent state", "lstm", "") for n in "hc"]
    counter = HeldValue("count/calls", "attribute", "count", "")
    assert told(*hidden) == (
        "recurrent-state", "lstm: the recurrent (hidden) state that an earlier call left"
    )  # fmt: skip
    assert told(counter) == ("other-constant", "count/calls differs")
    assert told(*hidden, counter)[0] == "other-constant"


def test_the_state_of_a_layer_with_one_state_is_a_recurrent_one():
    assert is_recurrent("gru/states") and is_recurrent("lstm/states_1")
    assert not is_recurrent("dense/kernel")


def test_statistics_that_were_adapted_again_are_not_called_unfinalized():
    sides = [HeldValue("norm/mean", "attribute", "norm", d, v) for d, v in (("a", 0.0), ("b", 1.0))]
    a, b = (
        call(n + 1, kernel=KERNEL * (n + 1), state=[v],
             origin=Origin(f"adapted at line {n + 4}", "adapted"))
        for n, v in enumerate(sides)
    )  # fmt: skip
    found = by_source(compare(a, b))["state"]
    assert found.mechanism == "adapted-again"
    assert "adapted at line 5" in found.detail and "norm/mean" in found.detail


def test_a_vocabulary_belongs_to_the_data():
    sides = [HeldValue("lookup: vocabulary", "vocabulary", "lookup", d, v)
             for d, v in (("a", ["x", "y"]), ("b", ["y", "x"]))]  # fmt: skip
    facts = [{"layers": ["lookup: StringLookup"], "layer:lookup:vocabulary": v.value}
             for v in sides]  # fmt: skip
    found = by_source(compare(*(
        call(n + 1, model=n + 1, state=[v], architecture=f)
        for n, (v, f) in enumerate(zip(sides, facts, strict=True))
    )))  # fmt: skip
    assert found["data-content"].mechanism == "other-vocabulary"
    a, b = (call(n + 1, model=n + 1, state=[v]) for n, v in enumerate(sides))
    # The words that were fed are equal: the first that differs is what the model makes of them.
    assert first_divergence(a, b, compare(a, b), None).phase == "output"
    assert found["architecture"].status == IDENTICAL


@pytest.mark.parametrize(
    ("facts", "mechanism"),
    [
        ({"masks end at": ["scale"]}, "mask-ends"),
        ({"layer:dense:lora_rank": 2}, "low-rank-adapted"),
    ],
)
def test_architectures_that_are_told_by_what_they_do(facts, mechanism):
    plain = {"layers": ["dense: Dense"], "layer:dense:units": 1}
    found = by_source(compare(
        call(1, architecture=plain), call(2, model=2, architecture={**plain, **facts})
    ))["architecture"]  # fmt: skip
    assert (found.status, found.mechanism) == (DIFFERS, mechanism)


@pytest.mark.parametrize(
    ("kinds", "facts", "mechanism"),
    [
        (["padded"], {}, "padding-without-a-mask"),
        (["padded"], {"layer:embedding:mask_zero": True}, "input-in-another-form"),
        (["padded"], {"masks end at": ["scale"]}, "mask-ends"),
        (["equal", "scaled"], {}, "input-in-another-form"),
        (["equal", ""], {}, ""),
        ([], {}, ""),
    ],
)
def test_how_inputs_of_the_same_samples_differ(kinds, facts, mechanism):
    assert form_of(kinds, call(1, architecture=facts)) == mechanism


def test_values_at_other_places():
    assert form_of(["rearranged"], call(1)) == "values-at-other-places"


def test_one_source_that_makes_its_samples_anew():
    def fed(number, data, y=None):
        made = call(number, "evaluate", x=X + number, y=np.arange(len(X)) if y is None else y)
        inputs = replace(made.recipe.inputs, facts={"source": "tf.data", "object": data})
        return replace(made, recipe=replace(made.recipe, inputs=inputs))

    assert made_anew(("",), fed(1, 1), fed(2, 1))
    assert not made_anew(("",), fed(1, 1), fed(2, 2))  # another pipeline
    assert not made_anew(("",), fed(1, None), fed(2, None))
    assert not made_anew(("scaled",), fed(1, 1), fed(2, 1))
    assert not made_anew(("",), fed(1, 1), fed(2, 1, np.arange(len(X))[::-1].copy()))


@pytest.mark.parametrize(
    ("objects", "source", "changed"),
    [((1, 1), "arrays", True), ((1, 2), "arrays", False), ((1, 1), "tf.data", False),
     ((None, None), "arrays", False)],
)  # fmt: skip
def test_one_array_that_was_changed_in_place(objects, source, changed):
    def fed(number, data):
        made = call(number, x=X + number)
        inputs = replace(made.recipe.inputs, facts={"source": source, "object": data})
        return replace(made, recipe=replace(made.recipe, inputs=inputs))

    a, b = fed(1, objects[0]), fed(2, objects[1])
    assert changed_in_place(a, b) is changed
    assert not (changed and made_anew(("",), a, b))


def test_words_that_are_numbered_otherwise():
    assert form_of(["encoded", "equal"], call(1)) == "numbered-otherwise"
    assert form_of(["encoded", "scaled"], call(1)) == "input-in-another-form"


def test_samples_of_several_lengths_keep_their_batches():
    ragged = joined_call([call(n, x=X[:, :n], outputs=OUT) for n in (1, 2, 3)])
    found = compare(call(9, x=np.concatenate([X] * 3)), ragged)
    assert by_source(found)["batch-size"].status == UNKNOWN
    assert "batch-size" not in found.movable


def test_flags_of_layers_decide_the_mode():
    quiet, active = {"training:dropout": False}, {"training:dropout": True, "training": True}
    found = by_source(compare(call(1, mode=quiet), call(2, "call", mode=active)))
    assert found["mode"].mechanism == "training-flag"
    acting = {"training:dropout": True}
    baked = {**acting, "baked:dropout": True}
    for mode, mechanism in ((baked, "training-baked-in"), (acting, "training-by-default")):
        found = by_source(compare(call(1, mode=quiet), call(2, "call", mode=mode)))
        assert found["mode"].mechanism == mechanism
    twice = {"training:dropout": [None, False]}  # built by one run, called by another
    assert by_source(compare(call(1, mode=quiet), call(2, mode=twice)))["mode"].status == IDENTICAL
    found = by_source(compare(call(1, mode=quiet), call(2, "call", mode=quiet)))
    assert found["mode"].status == IDENTICAL


def verdict(runner, movable=("mode", "noise"), **more):
    own = {"backend": {"backend": "jax"}} if "backend" in more else {}
    a = call(1, outputs=OUT, mode={"training:d": False}, noise="s1", **own)
    (full,) = runner.again("b").outputs
    b = call(2, "call", outputs=full, mode={"training:d": True}, noise="s2", **more)
    compared = compare(a, b)
    trials = run_trials(runner, list(movable), (a, b), "outputs")
    return judge(compared, trials)


def test_a_single_cause_has_the_whole_gap():
    found = verdict(Linear(OUT, {"mode": EFFECT}))
    (cause,) = [c for c in found.causes if c.status == CONFIRMED]
    assert (cause.source, round(cause.share, 6)) == ("mode", 1.0)
    assert cause.evidence.endswith("with only this from B, A's call gives B's outputs bit for bit")
    assert found.unexplained == 0.0 and found.notes == () and found.reproduced
    assert "noise" in {x.source for x in found.excluded}  # swapped, it changes not one bit


def test_shares_add_up_to_the_gap():
    found = verdict(Linear(OUT, {"mode": EFFECT, "noise": EFFECT[::-1] / 2}))
    shares = [c.share for c in found.causes if c.share is not None]
    assert len(shares) == 2 and sum(shares) == pytest.approx(1.0)
    assert found.causes[0].source == "mode"
    assert all("A's outputs move by" in c.evidence for c in found.causes)


@pytest.mark.parametrize(
    ("shares", "said"),
    [((1.02, -0.02), False), ((1.021, -0.01), True), ((0.5, -0.021), True), ((None, 1.0), False)],
)
def test_shares_beyond_the_gap_are_explained(shares, said):
    causes = [Cause("mode", "", CONFIRMED, "", "", share=share) for share in shares]
    assert bool(offset_note(causes)) is said


@pytest.mark.parametrize(
    ("size", "kept"), [(0.0, False), (0.004, False), (0.006, True), (-0.006, True)]
)
def test_a_tiny_share_beside_a_larger_one_is_noise(size, kept):
    found = verdict(Linear(OUT, {"mode": EFFECT, "noise": EFFECT * np.float32(size)}))
    assert ("noise" in {c.source for c in found.causes}) is kept
    said = [x.evidence for x in found.excluded if x.source == "noise"]
    assert any("less than 0.5 % of the gap" in text for text in said) is (size == 0.004)


def test_what_only_another_model_brings_is_swapped_together_with_the_layers():
    runner = Linear(OUT, {"architecture": np.ones_like(OUT)})
    a, b = (
        call(n, model=n, kernel=np.ones((3, n), "float32"), outputs=runner.again(side).outputs[0],
             architecture={"layers": ["dense: Dense"], "layer:dense:units": n},
             precision={"policy:dense": f"float{16 * n}"})
        for n, side in ((1, "a"), (2, "b"))
    )  # fmt: skip
    compared = compare(a, b)
    assert compared.structure == ("architecture", "precision")
    found = judge(compared, run_trials(runner, ["architecture"], (a, b), "outputs"))
    assert [c.source for c in found.causes if c.status == CONFIRMED] == ["architecture"]
    (why,) = [x.evidence for x in found.unknown if x.source == "precision"]
    assert why.endswith("; swapped together with architecture")


def test_a_control_that_fails_confirms_nothing():
    found = verdict(Linear(OUT, {"mode": EFFECT}, shaky=True))
    assert not found.reproduced
    assert {c.status for c in found.causes} == {SUSPECTED}
    assert all(c.share is None for c in found.causes)
    assert any("own fields" in note for note in found.notes)


def test_what_may_hold_more_than_is_recorded_is_not_ruled_out_by_a_failed_control():
    runner = Linear(OUT, {}, shaky=True)
    a, b = call(1, outputs=OUT), call(2, outputs=OUT + EFFECT)
    compared = compare(a, b)
    found = judge(compared, run_trials(runner, [], (a, b), "outputs"))
    assert not found.causes and not found.reproduced
    assert any(HELD_BY_NOTHING in note for note in found.notes)
    assert {"noise", "state", "architecture"} <= {x.source for x in found.unknown}
    assert {"weights", "data-content"} <= {x.source for x in found.excluded}


def test_rows_that_depend_on_their_batch_are_called_that():
    few = call(2, x=X[:2], outputs=OUT[:2] + 1)
    part = part_of(call(1, outputs=OUT), (0, 1))
    compared = compare(part, few)
    sources = {f.source: f.status for f in compared.findings}
    assert sources["data-content"] == sources["data-order"] == IDENTICAL
    assert compared.movable == ("batch-size",)
    runner = Linear(OUT[:2], {"batch-size": np.ones_like(OUT[:2])})
    (cause,) = judge(compared, run_trials(runner, ["batch-size"], (part, few), "outputs")).causes
    assert (cause.mechanism, cause.status) == ("rows-depend-on-their-batch", CONFIRMED)


def test_batches_that_only_round_otherwise_are_called_that():
    tiny = (OUT * np.float32(1e-7)).astype("float32")
    runner = Linear(OUT, {"batch-size": tiny})
    (full,) = runner.again("b").outputs
    a, b = call(1, outputs=OUT), call(2, outputs=full, batches=[1] * len(X))
    found = judge(compare(a, b), run_trials(runner, ["batch-size"], (a, b), "outputs"))
    assert [c.mechanism for c in found.causes] == ["batch-size-rounding"]
    assert any("no more than rounding" in note for note in found.notes)


def test_what_no_field_holds_is_never_called_arithmetic():
    found = verdict(Linear(OUT, {"mode": EFFECT * 0.01}, lost=1.0))
    assert found.unexplained > 0.5
    assert any(HELD_BY_NOTHING in note for note in found.notes)
    assert "arithmetic" not in {c.source for c in found.causes}


def test_rounding_that_no_field_holds_is_told_and_counts_as_nothing():
    found = verdict(Linear(OUT, {"mode": EFFECT}, lost=1e-7))
    assert [c.source for c in found.causes] == ["mode"] and found.unexplained == 0.0
    (note,) = found.notes
    assert note.endswith("of the gap is left, no more than rounding.")


def test_rounding_beside_a_real_cause_is_ruled_out_with_its_size():
    tiny = np.full_like(OUT, 1e-7)
    found = verdict(Linear(OUT, {"mode": EFFECT, "noise": tiny}))
    assert [c.source for c in found.causes if c.status == CONFIRMED] == ["mode"]
    assert any("last digits" in x.evidence for x in found.excluded if x.source == "noise")


def test_a_field_that_cannot_be_swapped_stays_suspected():
    found = verdict(Linear(OUT, {"noise": EFFECT}, refused={"mode": "it is baked in"}))
    suspected = [c for c in found.causes if c.status == SUSPECTED]
    assert "it is baked in" in next(c.evidence for c in suspected if c.source == "mode")


@pytest.mark.parametrize(("lost", "left"), [(0.0, "nothing"), (1e-7, "only rounding")])
def test_what_cannot_be_swapped_is_ruled_out_where_nothing_is_left(lost, left):
    found = verdict(Linear(OUT, {"mode": EFFECT}, lost=lost), backend={"backend": "torch"})
    assert [c.source for c in found.causes] == ["mode"]
    evidence = next(x.evidence for x in found.excluded if x.source == "backend")
    assert evidence.endswith(f"with all else swapped {left} is left")


def test_what_cannot_be_swapped_stays_suspected_where_something_is_left():
    found = verdict(Linear(OUT, {"mode": EFFECT}, lost=1.0), backend={"backend": "torch"})
    assert "backend" in {c.source for c in found.causes if c.status == SUSPECTED}


def test_a_global_generator_is_noise():
    moved = (GeneratorState("numpy", "a", "b"),)
    still = (GeneratorState("numpy", "b", "c"),)
    one, other = call(1, generators=moved), call(2, generators=still)
    assert by_source(compare(one, other))["noise"].mechanism == "unseeded-noise"


# --- fit's log against evaluate, a score against evaluate -----------------------------------------

PARTS = {
    "logged": 0.5, "evaluated": 0.9, "moving weights": 0.02, "random layers": 0.0,
    "batch normalization": -0.42, "weights": 0.0, "random": [], "normalizing": ["bn"],
    "same weights": True, "answers": 0.0, "batches": 4, "of batches": 4,
}  # fmt: skip


def test_parts_of_the_gap_add_up():
    found = judge_parts(PARTS, "loss")
    assert [c.source for c in found.causes] == ["mode", "measurement"]
    assert sum(c.share for c in found.causes) == pytest.approx(1.0)
    assert found.causes[0].mechanism == "batch-statistics-in-fit"
    assert {"data-content", "weights"} <= {x.source for x in found.excluded}


def test_evaluate_that_cannot_be_reproduced_confirms_nothing():
    found = judge_parts({**PARTS, "weights": 0.3}, "loss")
    assert not found.reproduced
    assert {c.status for c in found.causes} == {SUSPECTED}


def test_other_weights_in_evaluate_are_weights():
    parts = {**PARTS, "batch normalization": 0.0, "weights": -0.42, "same weights": False}
    parts["evaluated again"] = 0.9
    averaged = [Origin("moving average of fit 1", "average", fit=1)]
    cause = judge_parts(parts, "loss", averaged).causes[0]
    assert (cause.source, cause.mechanism) == ("weights", "averaged-weights")
    assert "moving average of fit 1" in cause.detail
    other = judge_parts({**parts, "evaluated again": 0.7}, "loss", averaged)
    assert not other.reproduced
    assert {c.status for c in other.causes} == {SUSPECTED}


def scored(values, **against):
    score = call(3, "score", values={"score": 0.25})
    return judge_score(values, score, Against("accuracy", 0.95, **against))


def test_labels_of_another_pass():
    found = scored({AGAIN: 0.25, ALIGNED: 0.95})
    (cause,) = found.causes
    assert (cause.source, cause.status, cause.share) == ("data-order", CONFIRMED, 1.0)


BEST = Story("dense/kernel: trained by fit 1 vs. file best.keras", "last-or-best")


@pytest.mark.parametrize(
    ("with_others", "aligned", "shares"),
    [
        (0.25, 0.25, {"weights": 1.0}),
        (0.6, 0.6, {"weights": 0.5, "data-order": 0.5}),
        (0.95, 0.95, {"data-order": 1.0}),
    ],
)
def test_weights_of_another_epoch_are_a_part_of_a_scores_gap(with_others, aligned, shares):
    values = {AGAIN: 0.25, ALIGNED: aligned, WITH_OTHER_WEIGHTS: with_others}
    score = call(3, "score", values={"score": 0.25})
    found = judge_score(values, score, Against("accuracy", 0.95, weights=BEST))
    assert {c.source: pytest.approx(c.share) for c in found.causes} == shares
    assert found.unexplained == pytest.approx(0.0)
    assert ("weights" in {e.source for e in found.excluded}) == ("weights" not in shares)
    same = judge_score({AGAIN: 0.25, ALIGNED: 0.95}, score, Against("accuracy", 0.95))
    assert "weights" in {e.source for e in same.excluded}


@pytest.mark.parametrize(
    ("more", "source", "mechanism"),
    [
        ({}, "tf.data", "labels-of-another-pass"),
        ({}, "arrays", "labels-in-another-order"),
        ({BEGINS_AT: 32.0}, "generator", "generator-goes-on"),
        ({RELABELLED: 3.0}, "arrays", "classes-numbered-otherwise"),
        ({OTHER_OUTPUT: 1.0}, "arrays", "labels-of-another-output"),
        ({COLUMNS_MOVED: 2.0}, "arrays", "columns-of-the-labels"),
        ({OTHER_LABELS: 9.0}, "arrays", "other-labels"),
        ({OTHER_LABELS: 9.0}, "tf.data", "labels-of-another-pass"),
    ],
)
def test_how_labels_and_predictions_came_into_different_orders(more, source, mechanism):
    values = {AGAIN: 0.25, ALIGNED: 0.95, **more}
    score = call(3, "score", values={"accuracy_score": 0.25})
    (cause,) = judge_score(values, score, Against("accuracy", 0.95, source=source)).causes
    assert (cause.mechanism, cause.status, cause.share) == (mechanism, CONFIRMED, 1.0)
    assert cause.source == mechanism_of(mechanism).sources[0]
    assert ("another order at every pass" in cause.detail) == (
        mechanism == "labels-of-another-pass"
    )


@pytest.mark.parametrize(
    ("reshuffled", "mechanism"),
    [
        (True, "labels-of-another-pass"),
        (None, "labels-of-another-pass"),
        (False, "labels-in-another-order"),
    ],
)
def test_that_a_source_reshuffles_is_said_where_it_was_seen(reshuffled, mechanism):
    score = call(3, "score", values={"accuracy_score": 0.25})
    found = judge_score(
        {AGAIN: 0.25, ALIGNED: 0.95},
        score,
        Against("accuracy", 0.95, source="PyDataset", reshuffled=reshuffled),
    )
    (cause,) = found.causes
    assert cause.mechanism == mechanism
    assert ("the source gives its rows in another order" in cause.detail) == bool(reshuffled)


@pytest.mark.parametrize(
    ("against", "mechanism"),
    [
        ({"training": True}, "training-flag"),
        ({"without_flag": "training-baked-in"}, "training-baked-in"),
        ({}, "training-by-default"),
    ],
)
def test_a_score_of_a_model_called_as_in_training(against, mechanism):
    score = call(3, "score", values={"accuracy_score": 0.75})
    values = {AGAIN: 0.75, ALIGNED: 0.75, IN_INFERENCE: 0.95}
    (cause,) = judge_score(values, score, Against("accuracy", 0.95, **against)).causes
    assert (cause.source, cause.mechanism, cause.share) == ("mode", mechanism, pytest.approx(1.0))
    both = judge_score({**values, IN_INFERENCE: 0.85}, score, Against("accuracy", 0.95, **against))
    assert [c.share for c in both.causes if c.source == "mode"] == [pytest.approx(0.5)]


@pytest.mark.parametrize(
    ("told", "words"), [(0.9, "were not predicted"), (0.72, "count as wrong")]
)  # 0.72: 0.9 of 16 samples, divided by 20
def test_samples_that_a_loop_leaves_out(told, words):
    score = call(3, "score", values={"accuracy": told})
    values = {AGAIN: told, ON_PREDICTED: 0.9, LEFT_OUT: 4.0}
    found = judge_score(values, score, Against("accuracy", 0.95))
    (cause,) = found.causes
    assert (cause.source, cause.mechanism) == ("data-content", "samples-in-no-batch")
    assert (cause.status, cause.share, found.unexplained) == (CONFIRMED, 1.0, 0.0)
    assert cause.detail.startswith("4 samples of 20 were not predicted") and words in cause.detail
    other = judge_score(
        {**values, AGAIN: 0.5}, replace(score, values={"s": 0.5}), Against("accuracy", 0.95)
    )
    assert not [c for c in other.causes if c.status == CONFIRMED]


def test_steps_that_a_mask_covers():
    score = call(3, "score", values={"accuracy": 0.36})
    values = {AGAIN: 0.36, ALIGNED: 0.36, UNMASKED: 0.36}
    (cause,) = judge_score(values, score, Against("accuracy", 0.55)).causes
    assert (cause.mechanism, cause.share) == ("steps-under-a-mask", pytest.approx(1.0))


def batches(sizes, given, name="loss"):
    ends = np.cumsum(sizes)
    return [
        call(n, "evaluate", x=X[end - size : end], values={name: value})
        for n, (size, end, value) in enumerate(zip(sizes, ends, given, strict=True), 2)
    ]


def test_a_mean_over_batches_of_unequal_sizes():
    parts = batches([7, 7, 2], [0.1, 0.2, 0.9])
    evaluated = call(1, "evaluate", values={"loss": (0.7 + 1.4 + 1.8) / 16})
    (cause,) = judge_mean(evaluated, call(9, values={"loss": 0.4}), parts, "loss").causes
    assert (cause.mechanism, cause.share) == ("mean-of-unequal-batches", pytest.approx(1.0))
    assert "the batches hold 7 and 2 samples" in cause.detail
    # two samples in no batch: the batches weigh alike
    parts, whole = batches([7, 7], [0.1, 0.2]), call(1, "evaluate", values={"loss": 0.24})
    (cause,) = judge_mean(whole, call(9, values={"loss": 0.15}), parts, "loss").causes
    assert (cause.source, cause.mechanism) == ("data-content", "samples-in-no-batch")
    assert "2 samples of 16 in no batch" in cause.detail


def test_a_mean_over_batches_that_is_no_mean_over_samples():
    parts = batches([8, 8], [0.5, 0.9], "auc")
    evaluated = call(1, "evaluate", values={"auc": 0.8})
    (cause,) = judge_mean(evaluated, call(9, values={"auc": 0.7}), parts, "auc").causes
    assert (cause.mechanism, cause.share) == ("metric-averaged-over-batches", 1.0)
    # a loss of batches of one size that is not their mean: nothing explains it
    found = judge_mean(*(call(n, values={"loss": v}) for n, v in ((1, 0.8), (9, 0.7))),
                       batches([8, 8], [0.5, 0.9]), "loss")  # fmt: skip
    assert found.causes == () and found.unexplained == 1.0


@pytest.mark.parametrize(
    ("head", "threshold", "values", "advice"),
    [
        ("", 0.5, {FROM_HALF: 0.95, FROM_ZERO: 0.25}, "> 0.5"),
        (SOFTMAX_OF_ONE, 0.5, {FROM_HALF: 0.95}, "activation='sigmoid'"),
        (LOGITS, 0.5, {FROM_HALF: 0.95, FROM_ZERO: 0.9}, "BinaryAccuracy(threshold=0.0)"),
        (LOGITS, 0.0, {FROM_HALF: 0.9, FROM_ZERO: 0.95}, "> 0).astype(int)"),
    ],
)
@pytest.mark.parametrize("by_hand", [False, True])
def test_argmax_of_a_single_column(head, threshold, values, advice, by_hand):
    """By hand the formula takes the largest of the raw column: whatever that holds, it is 0."""
    of, done = ("by hand.accuracy", "") if by_hand else ("sklearn.metrics.f1_score", OF_ONE_COLUMN)
    told = Score(of, 2, "", done, row_digests([X]))
    score = call(3, "score", values={"score": 0.25}, score=told)
    values = {AGAIN: 0.25, ALIGNED: 0.25, **values, **({WHATEVER: 0.25} if by_hand else {})}
    against = Against("accuracy", 0.95, threshold=threshold, head=head)
    (cause,) = judge_score(values, score, against).causes
    assert (cause.mechanism, cause.status) == ("argmax-of-one-column", CONFIRMED)
    assert (" takes argmax" if by_hand else " was given argmax") in cause.detail
    assert advice in cause.remedy
    assert ("BinaryAccuracy" in cause.remedy) == (head == LOGITS and threshold == 0.5)


def test_a_score_that_depends_on_the_outputs_is_no_argmax_of_a_column():
    told = Score("by hand.accuracy", 2, "", "", row_digests([X]), {"formula": "(p > 0.9) == y"})
    score = call(3, "score", values={"score": 0.25}, score=told)
    values = {AGAIN: 0.25, ALIGNED: 0.25, FROM_HALF: 0.95, FROM_ZERO: 0.25}
    (cause,) = judge_score(values, score, Against("accuracy", 0.95)).causes
    assert cause.mechanism == "another-threshold" and "cut at 0.9," in cause.detail


def test_logits_that_were_rounded_were_not_cut():
    told = Score("by hand.accuracy", 2, "", "round to whole numbers", row_digests([X]))
    score = call(3, "score", values={"score": 0.25}, score=told)
    values = {AGAIN: 0.25, ALIGNED: 0.25, FROM_HALF: 0.9, FROM_ZERO: 0.95}
    (cause,) = judge_score(values, score, Against("accuracy", 0.95, threshold=0.0)).causes
    assert cause.mechanism == "another-threshold"
    assert "was given outputs rounded to whole numbers, " in cause.detail
    # an error of rounded numbers is no matter of a threshold
    values = {AGAIN: 0.25, ALIGNED: 0.25, FROM_OUTPUTS: 0.95, FROM_CLASSES: 0.25}
    (cause,) = judge_score(values, score, Against("mse", 0.95)).causes
    assert cause.mechanism == "classes-instead-of-outputs"


def test_outputs_that_are_compared_as_they_are():
    """Alone, and where labels (n,) meet outputs (n, 1) as well."""
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, FROM_HALF: 0.95, EQUAL: 0.25})
    (cause,) = found.causes
    assert (cause.mechanism, cause.share) == ("outputs-equal-to-the-label", 1.0)
    assert "model.predict(x) > 0.5" in cause.remedy
    both = f"{SAME_SHAPE}{TOGETHER}{FROM_HALF}"
    values = {SAME_SHAPE: 0.25, FROM_HALF: 0.6, both: 0.95, EQUAL: 0.25}
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, **values})
    assert {c.mechanism: c.share for c in found.causes} == pytest.approx(
        {"outputs-equal-to-the-label": 0.75, "shapes-broadcast": 0.25}
    )
    assert found.unexplained == pytest.approx(0.0)
    # a metric that cuts elsewhere is not led to by a cut at 0.5
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, FROM_HALF: 0.95, EQUAL: 0.25}, threshold=0.3)
    assert found.causes[0].status == SUSPECTED


@pytest.mark.parametrize(("shift", "said"), [(1.0, "plus 1:"), (-1.0, "minus 1:")])
def test_classes_that_count_from_another_start(shift, said):
    values = {AGAIN: 0.25, ALIGNED: 0.95, RELABELLED: 4.0, SHIFTED: shift}
    (cause,) = scored(values, source="arrays").causes
    assert cause.mechanism == "classes-numbered-otherwise" and said in cause.detail
    assert ("subtract 1 from" if shift > 0 else "add 1 to") in cause.remedy


def test_a_threshold_on_logits():
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, CUT_AT_HALF: 0.95, CUT_AT_ZERO: 0.25})
    (cause,) = found.causes
    assert (cause.source, cause.mechanism) == ("measurement", "threshold-on-logits")


@pytest.mark.parametrize(
    ("values", "mechanism"),
    [
        ({IN_ONE_BATCH: 0.25}, "metric-averaged-over-batches"),
        ({UNWEIGHTED: 0.25}, "sample-weights-in-one"),
        ({UNREGULARIZED: 0.25}, "regularization-in-the-loss"),
        ({NONZERO: 0.25}, "labels-of-zero"),
        ({SAME_SHAPE: 0.95}, "shapes-broadcast"),
        ({FROM_OUTPUTS: 0.95}, "classes-instead-of-outputs"),
        ({EACH_OUTPUT: 0.95, BY_CLASS: 0.25}, "each-output-on-its-own"),
        ({EACH_OUTPUT: 0.95, ALL_OUTPUTS: 0.25}, "all-outputs-at-once"),
        ({LARGEST_OF_BOTH: 0.95, ALL_OUTPUTS: 0.25}, "largest-of-several-labels"),
        ({LARGEST_OF_BOTH: 0.95, EACH_OUTPUT: 0.25}, "largest-of-several-labels"),
        ({EQUAL: 0.95, BY_CLASS: 0.25, CUT_AT_HALF: 0.9}, "outputs-equal-to-the-label"),
        ({"macro average": 0.95}, "measured-by-another-rule"),
        ({EXCHANGED: 0.95}, "labels-and-predictions-exchanged"),
        ({IN_ITS_UNITS: 0.95, FROM_OUTPUTS: 0.95}, "other-units"),
        ({FROM_CLASSES: 0.25}, "another-threshold"),
        ({FROM_HALF: 0.95}, "another-threshold"),
        ({WITHOUT + "label_smoothing=0.1": 0.25}, "setting-of-the-loss"),
        ({AMONG_LARGEST: 0.95, BY_CLASS: 0.25}, "among-the-largest"),
    ],
)
def test_the_rule_that_leads_from_one_number_to_the_other_is_the_cause(values, mechanism):
    (cause,) = scored({AGAIN: 0.25, ALIGNED: 0.25, **values}).causes
    assert (cause.source, cause.mechanism) == ("measurement", mechanism)
    assert (cause.status, cause.share) == (CONFIRMED, 1.0)


@pytest.mark.parametrize(("told", "parts"), [(0.35, [0.25, 0.75]), (0.5, [1.0])])
def test_a_metric_that_cuts_and_averages_otherwise(told, parts):
    """evaluate 0.95 cuts each output; of the largest output it is 0.5, as the micro average is."""
    values = {AGAIN: told, ALIGNED: told, LARGEST_ONLY: 0.5, "micro average": 0.5}
    score = call(2, "score", values={"precision_score": told})
    found = judge_score(values, score, Against("precision", 0.95))
    assert sorted(c.share for c in found.causes) == pytest.approx(parts)
    assert found.unexplained == 0.0
    by = {c.mechanism: c for c in found.causes}
    assert "largest output" in by["another-threshold"].detail
    if told != 0.5:
        assert "micro average" in by["measured-by-another-rule"].detail


@pytest.mark.parametrize(
    ("done", "formula", "cut"),
    [
        ("round", "", "0.5"),
        ("threshold 0.3 of 0.29 to 0.31", "", "0.3 (any threshold from 0.29 to 0.31"),
        ("", "np.mean((p > 0.35) == y)", "0.35,"),
        ("", "np.mean((p > t) == y)", "another threshold,"),
        ("", "np.mean((p - 0.2 > 0.3) == y)", "another threshold,"),
        ("", "np.mean((0.1 < p < 0.3) == y)", "another threshold,"),
        ("", "not Python (", "another threshold,"),
        ("", "np.mean((p > 0.3) == (y > 0.5))", "another threshold,"),
    ],
)
def test_the_thresholds_of_both_sides_are_named(done, formula, cut):
    told = Score("by hand.accuracy", 1, "", done, row_digests([X])[:0], {"formula": formula})
    score = call(3, "score", values={"accuracy": 0.25}, score=told)
    values = {AGAIN: 0.25, ALIGNED: 0.25, FROM_CLASSES: 0.25}
    (cause,) = judge_score(values, score, Against("accuracy", 0.95, threshold=0.2)).causes
    assert f"was given outputs cut at {cut}" in cause.detail
    assert cause.detail.endswith("evaluate's accuracy cuts them at 0.2")


@pytest.mark.parametrize(
    ("rule", "value", "mechanism"),
    [
        (UNWEIGHTED, 0.35, "sample-weights-in-one"),
        (WITHOUT + "label_smoothing=0.1", 0.35, "setting-of-the-loss"),
        (SAME_SHAPE, 0.85, "shapes-broadcast"),
        (UNWEIGHTED, 0.7, ""),  # both together do not lead to the score
    ],
)
def test_a_rule_beside_the_regularization_in_the_loss(rule, value, mechanism):
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, UNREGULARIZED: 0.85, rule: value})
    if not mechanism:
        assert [c.status for c in found.causes] == [SUSPECTED]
        return
    shares = {c.mechanism: c.share for c in found.causes}
    assert shares == pytest.approx({mechanism: 6 / 7, "regularization-in-the-loss": 1 / 7})
    assert {c.status for c in found.causes} == {CONFIRMED} and found.unexplained == 0.0


def test_a_rule_that_leaves_a_small_part_has_the_share_that_it_was_seen_to_have():
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, FROM_OUTPUTS: 0.936})
    (cause,) = found.causes
    assert (cause.mechanism, cause.status) == ("classes-instead-of-outputs", CONFIRMED)
    assert cause.share == pytest.approx(0.98) and found.unexplained == pytest.approx(0.02)


@pytest.mark.parametrize("penalty", [0.02, 0.68])
def test_two_rules_that_lead_all_the_way_come_before_one_that_nearly_does(penalty):
    """Either the penalty or the setting alone leaves less than 5 % of the gap."""
    setting = WITHOUT + "label_smoothing=0.1"
    values = {UNREGULARIZED: 0.95 - penalty, setting: 0.25 + penalty}
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, **values}, plain_loss="'mse'")
    shares = {c.mechanism: c.share for c in found.causes}
    part = penalty / 0.7
    assert shares == pytest.approx(
        {"setting-of-the-loss": 1 - part, "regularization-in-the-loss": part}
    )
    assert found.unexplained == 0.0
    assert {c.remedy for c in found.causes} == {
        "Compile the plain loss as a metric as well (metrics=['mse']), and compare that."
    }


def test_two_rules_that_act_on_each_other_share_what_they_do_together():
    setting = WITHOUT + "label_smoothing=0.1"
    values = {UNWEIGHTED: 0.55, setting: 0.85, UNWEIGHTED + scoring.TOGETHER + setting: 0.25}
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, **values})
    # alone 0.4 and 0.1 of the way of 0.7; the other 0.2 both together
    assert {c.mechanism: c.share for c in found.causes} == pytest.approx(
        {"sample-weights-in-one": 0.5 / 0.7, "setting-of-the-loss": 0.2 / 0.7}
    )
    three = scored({AGAIN: 0.25, ALIGNED: 0.25, UNREGULARIZED: 0.93,
                    **{rule: value + 0.02 for rule, value in values.items()}})  # fmt: skip
    assert len(three.causes) == 3 and sum(c.share for c in three.causes) == pytest.approx(1.0)


def test_a_rule_that_leads_nowhere_confirms_nothing():
    found = scored({AGAIN: 0.25, ALIGNED: 0.25, IN_ONE_BATCH: 0.9, FROM_OUTPUTS: 0.4})
    assert [c.status for c in found.causes] == [SUSPECTED]


def test_predictions_of_other_samples_than_evaluated():
    found = scored({AGAIN: 0.25, ALIGNED: 0.88, OTHER_SAMPLES: 0.95})
    shares = {c.source: c.share for c in found.causes}
    assert shares == pytest.approx({"data-order": 0.9, "data-content": 0.1})
    assert found.unexplained == 0.0
    equal = scored({AGAIN: 0.25, ALIGNED: 0.95, OTHER_SAMPLES: 0.95})
    assert [c.source for c in equal.causes] == ["data-order"] and equal.unexplained == 0.0
    unknown = scored({AGAIN: 0.25, OTHER_SAMPLES: 0.95})  # nobody knows their labels
    assert [(c.source, c.status) for c in unknown.causes] == [("data-content", SUSPECTED)]
    assert unknown.unexplained == 1.0


@pytest.mark.parametrize(
    ("rule", "mechanism"),
    [(IN_PART, "evaluated-in-part"), (OWN_INPUTS, "input-in-another-form")],
)
def test_evaluate_of_a_part_or_of_other_inputs(rule, mechanism):
    (cause,) = scored({AGAIN: 0.25, rule: 0.95, OTHER_SAMPLES: 0.95}).causes
    assert (cause.source, cause.status) == ("data-content", CONFIRMED)
    assert (cause.mechanism, cause.share) == (mechanism, 1.0)


def test_inputs_in_another_form_and_another_rule_share_the_gap():
    values = {AGAIN: 0.25, OWN_INPUTS: 0.75, CUT_AT_HALF: 0.95, CUT_AT_ZERO: 0.75}
    found = scored(values)
    assert {c.mechanism: c.share for c in found.causes} == pytest.approx({
        "input-in-another-form": 0.5 / 0.7, "threshold-on-logits": 0.2 / 0.7
    })  # fmt: skip
    assert found.unexplained == 0.0
    lost = scored({AGAIN: 0.25, OWN_INPUTS: 0.75})
    assert [c.status for c in lost.causes] == [CONFIRMED, SUSPECTED]
    assert lost.unexplained == pytest.approx(0.2 / 0.7)


def test_class_weights_of_fit():
    parts = {**PARTS, "batch normalization": 0.0, "sample weights": -0.42}
    (cause, *_) = judge_parts(parts, "loss").causes
    assert (cause.source, cause.mechanism) == ("measurement", "sample-weights-in-one")


def test_labels_that_stand_elsewhere_in_another_pass():
    found = judge_position({ALIGNED: 0.95, BY_POSITION: 0.3}, "accuracy", 0.95)
    assert [(c.source, c.mechanism) for c in found.causes] == [
        ("data-order", "labels-of-another-pass")
    ]
    assert not judge_position({ALIGNED: 0.5, BY_POSITION: 0.3}, "accuracy", 0.95).reproduced
    assert not judge_position({}, "accuracy", 0.95).reproduced
    assert not judge_position({ALIGNED: 0.5, BY_POSITION: 0.5}, "accuracy", 0.5).reproduced


def validated(parts, logs, origin=None):
    fit = a_fit(epochs=tuple(
        Epoch(e, 3, {"val_loss": value}, ()) for e, value in enumerate(logs)
    ))  # fmt: skip
    evaluated = call(2, "evaluate", values={"loss": 0.5}, origin=origin)
    return judge_validation(parts, fit, evaluated, "loss")


def test_a_validation_that_ended_before_all_samples_were_seen():
    content = replace(a_fit().recipe.data_content, validation_samples=row_digests([X[:5]]))
    recipe = replace(a_fit().recipe, data_content=content)
    logs = (Epoch(0, 3, {"val_loss": 0.9}, ()),)
    fit = a_fit(recipe, epochs=logs, notes={VALIDATION_STEPS: 1})
    evaluated = call(2, "evaluate", x=X, values={"loss": 0.5})
    found = judge_validation({"evaluated": 0.9, "trained": 0.9}, fit, evaluated, "loss")
    (cause,) = found.causes
    assert (cause.mechanism, cause.share) == ("evaluated-in-part", pytest.approx(1.0))
    assert f"5 of the {len(X)} samples" in cause.detail and "steps=1" in cause.detail
    assert {e.source for e in found.excluded} == {"architecture", "weights"}


def test_a_validation_against_evaluate_with_restored_weights():
    restored = Origin("best weights, epoch 2 of fit 1", "restored", fit=1, epoch=2)
    found = validated({"evaluated": 0.5, "trained": 0.5}, [0.9, 0.5, 0.8], restored)
    (cause,) = found.causes
    assert (cause.source, cause.mechanism) == ("weights", "best-weights-restored")
    assert cause.status == CONFIRMED and "the log of the best epoch" in cause.remedy
    assert "epoch 2 logged" in cause.evidence and found.unexplained == 0.0
    (of_epoch,) = validated({"evaluated": 0.5, "trained": 0.5}, [0.9, 0.5, 0.8]).causes
    assert of_epoch.detail.endswith("the last epoch ended with: those of epoch 2")
    (of_last,) = validated({"evaluated": 0.5, "trained": 0.8}, [0.9, 0.6, 0.8]).causes
    assert (of_last.status, of_last.share) == (CONFIRMED, 1.0)
    (both, _) = validated(
        {"evaluated": 0.6, "trained": 0.8, "answers": 0.0}, [0.9, 0.6, 0.8]
    ).causes
    assert (both.source, both.share) == ("weights", pytest.approx(2 / 3))
    lost = validated({"evaluated": 0.5, "trained": 0.5}, [0.9, 0.6, 0.8])
    assert [c.status for c in lost.causes] == [SUSPECTED] and lost.unexplained == 1.0


def test_a_validation_against_evaluate_in_other_batches():
    found = validated({"evaluated": 0.8, "trained": 0.8, "answers": 0.0}, [0.9, 0.8])
    (cause,) = found.causes
    assert (cause.source, cause.share) == ("measurement", 1.0)
    assert "weights" in {x.source for x in found.excluded}


def test_a_metric_that_is_a_mean_over_batches_moves_with_the_batches():
    parts = {**PARTS, "batch normalization": 0.0, "moving weights": 0.0, "other batches": 0.4}
    parts["logged"] = parts["evaluated"] + parts["random layers"] + 0.4
    found = judge_parts({**parts, "weights": 0.0}, "f1")
    (cause,) = [c for c in found.causes if c.source == "measurement"]
    assert cause.mechanism == "metric-averaged-over-batches"
    assert sum(c.share for c in found.causes) == pytest.approx(1.0)


def test_a_score_that_cannot_be_computed_again_confirms_nothing():
    found = scored({AGAIN: 0.5, ALIGNED: 0.95})
    assert not found.reproduced and not found.causes


def test_the_fits_behind_weights_that_were_trained_apart():
    trained = [Origin(f"trained by fit {n}", "trained", fit=n) for n in (1, 2)]
    one = call(2, "evaluate", origin=trained[0])
    other = call(4, "evaluate", origin=trained[1], kernel=KERNEL * 2)
    cause = Cause("weights", "", CONFIRMED, "", "", mechanism="trained-apart")
    assert fits_behind(one, other, Verdict((cause,))) == [1, 2]
    assert fits_behind(one, other, Verdict((replace(cause, mechanism="another-file"),))) == []
    assert fits_behind(one, one, Verdict((cause,))) == []
    unknown = replace(other, recipe=replace(other.recipe, origins=()))
    assert fits_behind(one, unknown, Verdict((cause,))) == []
    loaded = replace(one, recipe=replace(one.recipe, origins=(trained[1], Origin("x", "file"))))
    assert fits_behind(one, loaded, Verdict((cause,))) == [1, 2]


def test_models_without_weights_have_none_that_are_equal():
    def without(made):
        return replace(made, recipe=replace(made.recipe, weights=(), origins=()))

    one, other = without(call(1)), without(call(2, model=2))
    for source in ("initialization", "weights"):
        assert compare(one, other).finding(source).evidence == "there are no weights"
    found = compare(call(1), other)
    assert found.finding("initialization").evidence == "no weight of one model has a counterpart"


def test_a_model_that_a_fit_trained_between_two_calls_was_never_meant_to_be_copied():
    trained = Origin("trained by fit 1", "trained", fit=1)
    before, after = call(1), call(3, kernel=KERNEL * 2, origin=trained)
    assert compare(before, after).finding("weights").mechanism == "trained-between"
    again = replace(trained, text="trained by fit 2", fit=2)
    later = call(5, kernel=KERNEL * 3, origin=again)
    assert compare(after, later).finding("weights").mechanism == "trained-between"
    in_another_run = compare(before, after, (), ())
    assert in_another_run.finding("weights").mechanism == "weights-never-copied"


def test_what_a_fit_left_as_it_was_is_said_where_it_was_frozen():
    def with_frozen(made):
        first = made.recipe.weights[0]
        frozen = replace(first, path="conv/kernel", role="non-trainable", digest="same")
        origins = (*made.recipe.origins, drawn())
        return replace(made, recipe=replace(
            made.recipe, weights=(*made.recipe.weights, frozen), origins=origins
        ))  # fmt: skip

    trained = Origin("trained by fit 1", "trained", fit=1)
    before, after = with_frozen(call(1)), with_frozen(call(3, kernel=KERNEL * 2, origin=trained))
    detail = compare(before, after).finding("weights").detail
    assert detail.endswith("; conv/kernel, which is frozen, stayed the same")


def test_averages_that_a_copy_of_the_trained_weights_leaves_out():
    def told(role, name="moving_mean"):
        a, b = (
            call(1, origin=Origin("trained by fit 1", "trained", fit=1)),
            call(2, model=2, kernel=KERNEL + 1),
        )
        a, b = (
            replace(c, recipe=replace(c.recipe, weights=(
                replace(c.recipe.weights[0], role=role, path=f"norm/{name}"),
            )))
            for c in (a, b)
        )  # fmt: skip
        return compare(a, b).finding("weights").mechanism

    assert told("non-trainable") == "averages-not-copied"
    assert told("trainable") == "weights-never-copied"
    assert told("non-trainable", "kernel") == "weights-never-copied", "of a frozen layer"


@pytest.mark.parametrize(
    ("clone", "mechanism"), [(2, "cloned-without-weights"), (1, "weights-never-copied")]
)
def test_a_clone_beside_a_trained_model_never_got_its_weights(clone, mechanism):
    trained = call(1, origin=Origin("trained by fit 1", "trained", fit=1))
    fresh = call(2, model=2, kernel=KERNEL * 2)
    event = Event(1, 0, "clone_model", "", clone, (), {"from": 3 - clone})
    (found,) = [f for f in compare(trained, fresh, [event]).findings if f.source == "weights"]
    assert found.mechanism == mechanism
