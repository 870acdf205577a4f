"""The age of compiled functions, and digests of rows, decided on plain data."""

import numpy as np
import pytest

from whydiff.recorder.measuring.held import Held
from whydiff.recorder.measuring.inputs import Fed, Sources
from whydiff.recorder.measuring.rows import rows_of_structure
from whydiff.recorder.measuring.traces import Seen, Traces, as_held_values


class Model:
    pass


def scale(digest):
    return [Held("lambda: global SCALE", "global", "lambda", digest, None, None)]


def function():
    return lambda: None


@pytest.fixture
def traced():
    """``traced(held, ran, shapes, function)``: whether the value is stale after that call."""
    traces, model = Traces(), Model()

    def call(held, ran, shapes, made):
        _, used = traces.ran(model, "predict", made, Seen(ran, {}, shapes, held, {}))
        (value,) = as_held_values(held, used)
        return value.stale

    return call


def test_a_function_that_is_not_traced_again_goes_on_with_the_older_value(traced):
    made = function()
    assert not traced(scale("aa"), True, {"float32[32, 4]"}, made)
    assert traced(scale("bb"), False, {"float32[32, 4]"}, made)
    assert not traced(scale("aa"), False, {"float32[32, 4]"}, made)


def test_a_new_shape_is_traced_with_the_new_value_and_the_known_one_stays_old(traced):
    made = function()
    traced(scale("aa"), True, {"float32[32, 4]"}, made)
    assert not traced(scale("bb"), True, {"float32[8, 4]"}, made)
    assert traced(scale("bb"), False, {"float32[32, 4]"}, made)
    assert not traced(scale("bb"), False, {"float32[8, 4]"}, made)


def test_a_function_made_anew_forgets_what_the_older_one_knew(traced):
    first, second = function(), function()
    traced(scale("aa"), True, {"float32[32, 4]"}, first)
    assert not traced(scale("bb"), True, {"float32[32, 4]"}, second)


def told(**values):
    """Settings of a layer by name."""
    names = {f"dense/{key}": value for key, value in values.items()}
    return {name: Held(name, "attribute", "dense", v, v, v, True) for name, v in names.items()}


def test_a_setting_counts_from_when_it_is_another_than_was_traced():
    traces, model, made = Traces(), Model(), function()
    known, smaller = {"float32[32, 4]"}, {"float32[8, 4]"}
    soft, hard = told(activation="softmax", units="3"), told(activation="linear", units="3")

    def ran(traced, shapes, settings):
        return {*traces.ran(model, "predict", made, Seen(traced, {}, shapes, [], settings))[1]}

    assert not ran(True, known, soft) and not traces.set_since(model, soft)
    assert ran(False, known, hard) == {"dense/activation"}
    assert [held.value for held in traces.set_since(model, hard)] == ["linear"]
    assert not ran(True, smaller, hard), "traced anew for another shape"
    assert ran(False, known, hard) == {"dense/activation"}
    anew = function()
    traces.ran(model, "predict", anew, Seen(True, {}, known, [], hard))
    assert not traces.set_since(model, hard), "compiled anew"


def test_nothing_was_set_since_a_function_that_is_gone():
    traces, model, made = Traces(), Model(), function()
    seen = Seen(True, {}, {"float32[32, 4]"}, [], told(rate="0.1"))
    traces.ran(model, "predict", made, seen)
    assert traces.set_since(model, told(rate="0.5"))
    del made
    assert not traces.set_since(model, told(rate="0.5"))


def test_texts_digest_alike_whatever_the_longest_beside_them_is():
    short, long = (
        rows_of_structure(np.array(words, object), np.asarray)[0]
        for words in (["a cat", "sat"], ["a cat", "sat down there"])
    )
    assert np.array_equal(short.rows[0], long.rows[0])
    assert not np.array_equal(short.rows[1], long.rows[1])
    assert short.dtype == "string"


def test_what_was_read_ahead_and_not_used_is_no_input():
    fed = Fed(np.asarray, 1 << 20)
    x = np.arange(24.0).reshape(12, 2)
    for start in (0, 4, 8):
        fed.add((x[start : start + 4], x[start : start + 4, 0]))
    inputs = fed.inputs({}, rows=8)
    assert inputs.batches.tolist() == [4, 4]
    assert [len(leaf.rows) for leaf in inputs.leaves] == [8, 8]
    assert len(fed.fed) == 2


def test_inputs_are_copied_as_they_were_fed():
    fed, x = Fed(np.asarray, 1 << 20), np.ones((4, 2))
    fed.add(x)
    x *= 2  # the script preprocesses in place
    assert fed.fed[0][0].max() == 1


def test_inputs_beyond_the_limit_are_digested_and_not_kept():
    fed = Fed(np.asarray, 100)
    fed.add(np.ones((40, 2)))
    assert fed.fed is None
    assert len(fed.inputs({}).rows("x")) == 40


def test_a_pass_that_only_builds_the_model_is_no_input():
    fed = Fed(np.asarray, 0)
    fed.add(np.ones((4, 2)))
    fed.begin_pass()
    fed.add(np.zeros((3, 2)))
    assert fed.inputs({}).batches.tolist() == [3]


def test_a_part_of_an_array_has_a_number_of_its_own():
    sources, images = Sources(), np.zeros((4, 2, 3))
    whole, turned = sources.number_of(images), sources.number_of(images[..., ::-1])
    assert whole != turned
    assert sources.number_of(images) == whole
    assert sources.number_of(images[..., ::-1]) == turned  # another object, the same values
    assert sources.number_of(images[:2]) not in (whole, turned, sources.number_of(images[2:]))
    assert sources.number_of(np.zeros((4, 2, 3))[..., ::-1]) != turned
    assert sources.number_of(3) is None
