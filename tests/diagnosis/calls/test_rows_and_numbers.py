"""Rows that two calls answer otherwise, inputs that were exchanged, numbers made of batches."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.calls import Inputs, Leaf, Output, Score
from whydiff.core.digests import row_digests
from whydiff.core.scoring import ALIGNED, BY_POSITION
from whydiff.core.stack import Frame
from whydiff.diagnosis.calls.inputs import exchanged, form_of, made_anew, masks
from whydiff.diagnosis.calls.numbers import judge_mean, judge_position
from whydiff.diagnosis.calls.results import (
    described,
    kind_of,
    lines_of,
    number_of,
    said,
    said_both,
    same_result,
    values_of,
)
from whydiff.diagnosis.calls.rows import differing_rows
from whydiff.testing.calls import X, call
from whydiff.testing.sides import a_fit

# --- the rows on which two calls answer most differently ----------------------------------------


def answering(values, fed=None, kept=True):
    """A prediction of these rows on samples of these numbers."""
    values = np.asarray(values, np.float32)
    fed = np.arange(len(values)) if fed is None else np.asarray(fed)
    x = fed.reshape(-1, 1).astype("float32")
    made = call(1, x=x, outputs=values)
    output = replace(made.outputs[0], values=values if kept else None)
    return replace(made, outputs=(output,))


def rows(a, b):
    return [(r["row"], r["distance"]) for r in differing_rows(a, b)]


def test_the_rows_furthest_apart_come_first_and_equal_ones_not_at_all():
    a = answering([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    b = answering([[0.5, 0.25], [1.0, 1.0], [2.0, 4.0]])
    assert differing_rows(a, b) == [
        {"row": 2, "a": [2.0, 2.0], "b": [2.0, 4.0], "distance": 2.0},
        {"row": 0, "a": [0.0, 0.0], "b": [0.5, 0.25], "distance": 0.5},
    ]


def test_at_most_eight_rows_and_four_values_of_each_are_shown():
    a, b = answering(np.zeros((9, 6))), answering(np.ones((9, 6)))
    found = differing_rows(a, b)
    assert [r["row"] for r in found] == list(range(8))
    assert found[0]["a"] == [0.0] * 4 and found[0]["b"] == [1.0] * 4


def test_rows_correspond_by_the_samples_that_were_fed():
    a = answering([[0.0], [1.0], [2.0]], [7, 8, 8])
    b = answering([[1.0], [2.5], [0.0]], [8, 8, 7])
    assert rows(a, b) == [(2, 0.5)]
    others = answering([[1.0], [1.0], [2.0]], [7, 8, 9])
    assert rows(a, others) == [(0, 1.0)], "other samples are compared row by row"
    assert rows(a, answering([[1.0], [1.0], [2.0]], [7, 8])) == [(0, 1.0)]
    assert rows(answering([[0.0], [1.0]], [7, 8, 9]), answering([[1.0], [1.0]], [8, 7])) == [
        (0, 1.0)
    ]


def test_rows_without_values_or_of_other_shapes_are_not_compared():
    a = answering([[0.0], [1.0]])
    assert rows(a, answering([[5.0], [1.0]], kept=False)) == []
    assert rows(answering([[5.0], [1.0]], kept=False), a) == []
    assert rows(a, answering([[5.0, 1.0], [1.0, 1.0]])) == []
    assert rows(answering(np.zeros((0, 1))), answering(np.zeros((0, 1)))) == []
    bare = replace(a, outputs=())
    assert rows(a, bare) == rows(bare, a) == []
    scalar = Output("", "float32", (), row_digests([np.zeros(1)]), np.float32(1.0))
    assert rows(replace(a, outputs=(scalar,)), replace(a, outputs=(scalar,))) == []


# --- inputs --------------------------------------------------------------------------------------


def inputs(**paths):
    """Inputs by path, each a column of that number."""
    leaves = [
        Leaf("x", name.removeprefix("_"), "float32", (1,), row_digests([np.full((3, 1), n, "f4")]))
        for name, n in paths.items()
    ]
    return Inputs(tuple(leaves), np.array([3]))


def test_inputs_that_were_given_each_others_arrays():
    a, b = inputs(_0=1, _1=2), inputs(_0=2, _1=1)
    assert exchanged(a, b) == "input 2 of B is input 1 of A and input 1 of B is input 2 of A"
    assert exchanged(a, a) == ""
    many = inputs(_0=0, _1=1, _2=2, _3=3, _4=4), inputs(_0=1, _1=2, _2=3, _3=4, _4=0)
    assert exchanged(*many).count(" of B is ") == 4
    named = inputs(left=1, right=2, mask=3), inputs(left=2, right=1, mask=3)
    assert exchanged(*named) == (
        "input right of B is input left of A and input left of B is input right of A"
    )


def test_inputs_of_other_rows_were_not_exchanged():
    a = inputs(_0=1, _1=2)
    for other in (inputs(_0=2, _1=3), inputs(_0=2, _2=1), inputs(_0=2), inputs(_0=2, _1=2)):
        assert exchanged(a, other) == ""
    assert exchanged(inputs(_0=1, _1=1), inputs(_0=2, _1=1)) == ""


@pytest.mark.parametrize(
    ("kinds", "mechanism"),
    [([], ""), (["equal"], ""), (["equal", ""], ""), (["equal", "encoded"], "numbered-otherwise"),
     (["encoded"], "numbered-otherwise"), (["encoded", "scaled"], "input-in-another-form"),
     (["rearranged", "equal"], "values-at-other-places"), (["near"], "input-in-another-form"),
     (["padded"], "padding-without-a-mask")],
)  # fmt: skip
def test_the_form_in_which_inputs_differ(kinds, mechanism):
    assert form_of(kinds, call(1)) == mechanism


def test_padding_matters_by_what_the_model_does_with_a_mask():
    def padded(**architecture):
        return form_of(["padded"], call(1, architecture=architecture))

    assert padded(layers=["a: Masking"]) == "input-in-another-form"
    assert padded(**{"layer:a:mask_zero": True}) == "input-in-another-form"
    assert padded(**{"layer:a:mask_zero": False}) == "padding-without-a-mask"
    assert padded(**{"masks end at": ["b"], "layers": ["a: Masking"]}) == "mask-ends"
    assert not masks(call(1, architecture={"layers": ["Masking: Dense"]}))


def test_samples_that_a_source_made_anew_at_every_pass():
    labels = np.arange(16.0)

    def given(y=labels, source="tf.data", number="ds"):
        one = call(1, y=y)
        facts = {"source": source, "object": number}
        return replace(
            one, recipe=replace(one.recipe, inputs=replace(one.recipe.inputs, facts=facts))
        )

    assert made_anew([""], given(), given())
    assert not made_anew(["equal"], given(), given())
    assert not made_anew([""], given(source="arrays"), given(source="arrays"))
    assert not made_anew([""], given(), given(number="other"))
    assert not made_anew([""], given(number=None), given(number=None))
    assert not made_anew([""], given(), given(labels[::-1].copy()))
    assert not made_anew([""], given(None), given(None))


# --- numbers made of several calls ---------------------------------------------------------------


def batches(sizes, given, name="loss"):
    ends = np.cumsum(sizes)
    return [
        call(n, "evaluate", x=X[end - size : end], values={name: value})
        for n, (size, end, value) in enumerate(zip(sizes, ends, given, strict=True), 2)
    ]


def mean_of(evaluated, told, sizes, given, name="loss"):
    one, mean = (call(n, "evaluate", values={name: v}) for n, v in ((1, evaluated), (9, told)))
    return judge_mean(one, mean, batches(sizes, given, name), name)


def test_a_mean_over_batches_that_are_unequal_and_lack_samples():
    found = mean_of(0.6, 0.45, [4, 8], [0.3, 0.6])
    assert [c.mechanism for c in found.causes] == [
        "samples-in-no-batch", "mean-of-unequal-batches"
    ]  # fmt: skip
    assert [c.share for c in found.causes] == pytest.approx([2 / 3, 1 / 3])
    assert found.reproduced and found.unexplained == 0 and found.notes == ()
    assert {e.source for e in found.excluded} == {"weights", "architecture", "data-order"}


def test_what_a_mean_over_batches_leaves_open():
    found = mean_of(0.3, 0.4, [8, 8], [0.3, 0.5])
    assert found.causes == () and found.unexplained == 1.0 and found.reproduced
    assert found.notes[0].startswith("100 % of the gap") or "100%" in found.notes[0]
    half = mean_of(0.3, 0.5, [12, 4], [0.3, 0.7])
    assert [c.share for c in half.causes] == pytest.approx([0.5])
    assert half.unexplained == pytest.approx(0.5)
    # a few per cent of a gap are the rounding of numbers that were averaged
    assert mean_of(0.299, 0.32, [12, 4], [0.28, 0.36]).unexplained == 0
    # a tenth of a gap of a few last digits is the rounding of single precision
    assert mean_of(1.0, 1.0001, [12, 4], [0.950008, 1.150008]).unexplained == 0
    beyond = mean_of(0.3, 0.4, [4, 12], [0.3, 0.5])  # the weighted mean is farther off
    assert [c.share for c in beyond.causes] == pytest.approx([-0.5]) and beyond.unexplained == 1.0
    assert mean_of(0.4, 0.4, [8, 8], [0.3, 0.5]).causes == ()


def test_the_mean_of_a_metric_that_is_none_says_nothing_where_samples_are_left_out():
    found = mean_of(0.8, 0.7, [8, 6], [0.5, 0.9], "auc")
    assert found.causes == () and found.unexplained == 1.0
    (cause,) = mean_of(0.8, 0.7, [8, 8], [0.5, 0.9], "auc").causes
    assert "in 2 batches" in cause.detail and cause.source == "measurement"
    assert cause.remedy == "Call evaluate once for all samples."
    told = Score("sklearn.metrics.roc_auc_score", 1, "", "", row_digests([X])[:0])
    parts = [replace(part, score=told) for part in batches([8, 8], [0.5, 0.9], "auc")]
    one, mean = (call(n, "evaluate", values={"auc": v}, score=s)
                 for n, v, s in ((1, 0.8, None), (9, 0.7, told)))  # fmt: skip
    (cause,) = judge_mean(one, mean, parts, "auc").causes
    assert (
        cause.remedy == "Collect the labels and predictions of all batches, and compute auc once."
    )


@pytest.mark.parametrize(
    ("aligned", "apart", "confirmed"),
    [(0.95, 0.3, True), (0.95005, 0.3, True), (0.9502, 0.3, False), (0.95, 0.95, False),
     (None, 0.3, False), (0.95, None, False)],
)  # fmt: skip
def test_labels_of_another_pass_are_confirmed_where_those_of_the_own_rows_give_the_number(
    aligned, apart, confirmed
):
    values = {ALIGNED: aligned, BY_POSITION: apart}
    found = judge_position({k: v for k, v in values.items() if v is not None}, "accuracy", 0.95)
    assert bool(found.causes) == found.reproduced == confirmed
    assert found.unexplained == (0.0 if confirmed else 1.0)
    if confirmed:
        (cause,) = found.causes
        assert (cause.source, cause.share) == ("data-order", 1.0)
    else:
        assert ("nothing" in found.notes[0]) == (aligned is None)


# --- calls in words ------------------------------------------------------------------------------


def test_calls_have_names_lines_and_numbers():
    assert said(call(7, "predict")) == "predict at line 7"
    assert said(call(7, "call"), 3) == "the model called at line 3"
    assert said(call(7, "built")) == "the model built at line 7"
    assert said(call(7, "score")) == "the score at line 7"
    nowhere = replace(call(7, "predict"), stack=())
    assert said(nowhere) == "predict" and described(nowhere)["text"] == ""
    joined = replace(call(7, "evaluate"), notes={"joined": [1, 2, 3]})
    assert said(joined) == "the 3 calls of evaluate at line 7"
    assert said(replace(joined, notes={"part": [1]})) == "1 row of evaluate at line 7"
    fit = a_fit()
    assert said(fit) == "fit at line 20"
    assert (kind_of(fit), number_of(fit), values_of(fit)["loss"]) == ("fit", 1, 0.8)
    assert number_of(replace(fit, call=5)) == 5
    for data in ("loop", "train_on_batch"):
        assert kind_of(replace(fit, notes={"data": data})) == "loop"
    assert values_of(replace(fit, epochs=())) == {}


def test_calls_of_one_line_are_told_apart_by_where_its_function_was_called():
    def through(line):
        stack = (Frame("train.py", line, "<module>", "f()"), Frame("train.py", 3, "f", "p()"))
        return replace(call(1), stack=stack)

    assert lines_of(through(8), through(9)) == (8, 9)
    assert said_both(through(8), through(9)) == ("predict at line 8", "predict at line 9")
    assert lines_of(through(8), through(8)) == (3, 3)
    assert lines_of(call(1), call(2)) == (1, 2)
    assert lines_of(call(1), replace(call(2), stack=())) == (1, None)


def test_a_side_of_the_answer():
    told = described(call(7, "evaluate", values={"loss": 0.5}), 4)
    assert (told["call"], told["line"], told["number"], told["values"]) == (
        "evaluate", 4, 7, {"loss": 0.5}
    )  # fmt: skip
    assert "fit" not in told and "name" not in told
    assert described(a_fit())["fit"] == 1 and described(a_fit())["line"] == 20


def test_results_are_the_same_bit_for_bit():
    assert same_result(call(1), call(2)) and not same_result(call(1), call(2, x=X + 1))
    one, other = (call(n, "evaluate", values={"loss": v}) for n, v in ((1, 0.0), (2, -0.0)))
    assert same_result(one, one) and not same_result(one, other)
    assert not same_result(one, call(2, "evaluate", values={"loss": 0.0, "auc": 1.0}))
    assert not same_result(call(1), replace(call(2), outputs=()))
    built = call(1, "built"), call(2, "built", kernel=np.ones((3, 1), "f4"))
    assert same_result(built[0], built[0]) and not same_result(*built)
    assert same_result(a_fit(), a_fit()) and not same_result(a_fit(), call(1))
    assert not same_result(call(1), a_fit())
