"""Data described by what they are: on digests of rows that are made here."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.digests import row_digests, value_digests
from whydiff.core.recipe import Batching, Content, Order
from whydiff.diagnosis.sources import source
from whydiff.diagnosis.sources.data_content import BY_RULE, REARRANGED, by_values
from whydiff.diagnosis.sources.data_description import (
    batches_shuffled,
    leak,
    misses,
    moves_batches,
    never_fed,
    notes,
    relation,
    repeats,
)
from whydiff.stats.correspondence import correspondence
from whydiff.testing.sides import a_recipe, a_side

CONTENT = source("data-content").compare
rng = np.random.default_rng(0)
X, Z = rng.normal(size=(60, 3)).astype("float32"), rng.normal(size=(60, 3)).astype("float32")
Y = rng.integers(0, 3, size=(60, 1)).astype("float32")


def content(*leaves, validation=None):
    """What is recorded of samples of these inputs and, as the last of them, the target."""
    roles = ["x"] * (len(leaves) - 1) + ["y"]
    return Content(
        row_digests(leaves),
        signature=tuple(
            f"{role}: {leaf.dtype.name} {leaf.shape[1:]}"
            for role, leaf in zip(roles, leaves, strict=True)
        ),
        leaves=tuple(map(value_digests, leaves)),
        validation="" if validation is None else "digest",
        validation_samples=None if validation is None else row_digests(validation),
    )


def recipe(*leaves, order=None, sizes=None, stream=False, validation=None):
    order = np.arange(len(leaves[0])) if order is None else np.asarray(order)
    return a_recipe(
        data_content=content(*leaves, validation=validation),
        data_order=Order((order,), stream),
        batch_size=Batching((np.asarray(sizes or [len(order)]),)),
    )


def test_exchanged_inputs_are_named_as_that():
    found = relation(recipe(X, Z, Y), recipe(Z, X, Y))
    assert found.mechanism == "inputs-exchanged"
    assert found.text == "input 1 and input 2 are exchanged: the same arrays in another place"


def test_as_many_labels_of_each_kind_are_no_equal_labels():
    """Another split holds other rows; that as many of them are of each class is chance."""
    moved = np.roll(Y, 1, axis=0)
    assert relation(recipe(X, Y), recipe(np.roll(X, 1, axis=0) + (Z > 2), moved)) is None
    other = relation(recipe(X, Y), recipe(Z, Y))
    assert other.text == "y equal, x differs" and other.inputs_only
    turned = [np.repeat(np.arange(n, dtype="float32"), 60 // n)[:, None] for n in (30, 60)]
    found = [relation(recipe(X, y), recipe(Z, np.roll(y, 1, axis=0))) for y in turned]
    assert found[0] is None, "half of them are distinct: still labels"
    assert found[1].text == "y equal, x differs"


def test_labels_renamed_by_one_mapping():
    renamed = (Y + 1) % 3
    found = relation(recipe(X, Y), recipe(X, renamed))
    assert found.mechanism == "labels-permuted"
    assert found.text.startswith("x equal, y differs: 3 of 3 labels are renamed")


@pytest.mark.parametrize(("places", "said"), [(1, "i + 1"), (-1, "i - 1"), (7, "i + 7")])
def test_targets_of_another_horizon(places, said):
    series = np.cumsum(np.random.default_rng(2).normal(size=len(X) + 20)).astype("float32")
    y, moved = (series[start : start + len(X), None] for start in (10, 10 + places))
    found = relation(recipe(X, y), recipe(X, moved))
    assert found.mechanism == "targets-moved"
    assert found.text == f"x equal, y differs: row i of B is row {said} of A"


def test_other_targets_are_not_moved_ones():
    y = np.random.default_rng(3).normal(size=(len(X), 1)).astype("float32")
    one_other = np.concatenate([y[1:], y[:1] + 1])
    one_other[5] += 1
    assert relation(recipe(X, y), recipe(X, one_other)).mechanism == ""
    few = np.repeat([[0.0], [1.0], [2.0]], len(X) // 3, axis=0).astype("float32")
    assert relation(recipe(X, few), recipe(X, np.concatenate([few[1:], few[-1:]]))).mechanism == ""


def test_inputs_that_were_shuffled_without_their_targets():
    order = np.random.default_rng(1).permutation(len(X))
    found = relation(recipe(X, Y), recipe(X[order], Y))
    assert found.mechanism == "rows-mismatched"
    assert found.text.startswith("x in another order, y not, so that other rows belong together")
    finding = CONTENT(*(a_side(**vars(recipe(x, Y))) for x in (X, X[order])))
    assert (finding.mechanism, finding.intended) == ("rows-mismatched", False)
    both = relation(recipe(X, Y), recipe(X[order], np.roll(Y, 1, axis=0)))
    assert both.text.startswith("x and y hold the same rows in A and B")
    assert relation(recipe(X, Y), recipe(X[order], Y[order])) is None  # data-order sees to that


def test_equal_rows_are_as_many_as_come():
    """Equal samples are recorded once: where inputs lose their targets, fewer of them are equal."""
    order = np.random.default_rng(1).permutation(len(X))
    repeated, labels = X.copy(), Y.copy()
    repeated[7], labels[7] = repeated[3], labels[3]
    one = recipe(np.delete(repeated, 7, 0), np.delete(labels, 7, 0),
                 order=[*range(7), 3, *range(7, 59)])  # fmt: skip
    found = relation(one, recipe(repeated[order], labels))
    assert found.mechanism == "rows-mismatched"
    moved = relation(one, recipe(repeated[order], labels[order]))
    assert moved is None or moved.mechanism == ""


def parts_with_other_targets(labels, moved=True):
    """Two parts of arrays, of which those of B come from inputs that were shuffled alone."""
    p = np.random.default_rng(1).permutation(len(X))
    pairs = (X[p], labels) if moved else (X[p], labels[p])
    return relation(recipe(X[:48], labels[:48]), recipe(pairs[0][:48], pairs[1][:48]))


def test_inputs_lost_their_targets_before_the_rows_were_split():
    found = parts_with_other_targets(Y)
    assert found.mechanism == "rows-mismatched"
    assert "inputs that A and B both hold have another target in B" in found.text
    assert parts_with_other_targets(np.arange(60, dtype="float32")[:, None]).mechanism
    together = parts_with_other_targets(Y, moved=False)
    assert together is None or not together.mechanism


def test_noise_in_the_labels_is_no_lost_target():
    """Some labels of another split are flipped: far fewer than chance would change."""
    flipped = Y.copy()
    flipped[::6] = (flipped[::6] + 1) % 3
    p = np.random.default_rng(1).permutation(len(X))
    found = relation(recipe(X[:48], Y[:48]), recipe(X[p][:48], flipped[p][:48]))
    assert found is None or not found.mechanism
    mapped = relation(recipe(X[:48], Y[:48]), recipe(X[p][:48], ((Y + 1) % 3)[p][:48]))
    assert mapped is None or not mapped.mechanism, "renamed by one rule"
    drawn = np.random.default_rng(5).permutation(Y)
    drawn[0] = (drawn[0] + 1) % 3
    assert not relation(recipe(X, Y), recipe(X, drawn)).mechanism, "targets drawn anew, in place"


def test_a_mapping_of_many_values_is_no_renaming_of_labels():
    for distinct, renamed in ((30, True), (31, False)):
        labels = (np.arange(60, dtype="float32") % distinct)[:, None]
        found = relation(recipe(X, labels), recipe(X, labels + 100))
        assert (found.mechanism == "labels-permuted") is renamed
    merged = relation(recipe(X, Y), recipe(X, np.minimum(Y, 1)))
    assert merged.mechanism == "", "two classes became one"


def test_batches_that_cannot_be_cut_say_nothing_of_their_samples():
    def side(rows, sizes):
        made = recipe(X[:3], Y[:3], order=range(3), stream=True)
        samples = row_digests([Z[rows]])
        made = replace(made, data_content=Content(samples, unit="batch"),
                       batch_size=Batching((np.asarray(sizes),)))  # fmt: skip
        return a_side(**vars_of(made))

    one, other = [0, 1, 2], [3, 4, 5]
    assert CONTENT(side(one, [4, 4, 4]), side(other, [4, 4, 4])).status == "differs"
    assert CONTENT(side(one, [4, 4, 4]), side(other, [4, 4, 2])).status == "unknown"


def test_labels_that_differ_without_a_mapping_are_just_other_labels():
    noisy = Y.copy()
    noisy[0] = (noisy[0] + 1) % 3
    found = relation(recipe(X, Y), recipe(X, noisy))
    assert (found.text, found.mechanism) == ("x equal, y differs", "")
    assert not found.inputs_only


@pytest.mark.parametrize("target", [Y.astype("float64"), Y.reshape(-1), Y.astype("int32")])
def test_a_cast_or_another_shape_of_equal_values(target):
    found = relation(recipe(X, Y), recipe(X, target))
    assert found.mechanism == "other-dtype" and found.text.startswith(
        "equal values after a cast: y"
    )


def test_other_samples_have_no_relation():
    assert relation(recipe(X, Y), recipe(Z, rng.normal(size=(60, 1)))) is None
    assert relation(recipe(X, Y), recipe(X, Z, Y)) is None


def test_a_stream_that_repeats_its_first_samples():
    fed = np.tile(np.arange(6), 10)
    stuck = recipe(X[:6], Y[:6], order=fed, sizes=[6] * 10, stream=True)
    assert repeats(recipe(X[:6], Y[:6], order=fed, stream=True)) == "", "in one batch"
    assert repeats(stuck).startswith("the same 6 samples again and again: an epoch feeds 60")
    assert repeats(recipe(X, Y, stream=True)) == ""
    for distinct, said in ((30, True), (31, False)):
        half = recipe(X, Y, order=np.arange(60) % distinct, sizes=[30] * 2, stream=True)
        assert bool(repeats(half)) is said
    assert repeats(recipe(X, Y, order=np.arange(60) % 6)) == "", "arrays are fed as they are"
    finding = CONTENT(*(a_side(**vars_of(r)) for r in (recipe(X, Y), stuck)))
    assert finding.mechanism == "generator-repeats" and "B is fed the same 6" in finding.detail


def vars_of(made):
    return {name: getattr(made, name) for name in ("data_content", "data_order", "batch_size")}


def test_rows_that_are_never_fed_are_counted():
    assert never_fed(recipe(X, Y, order=np.arange(50))) == "10 of 60 rows are never fed"
    assert never_fed(recipe(X, Y)) == ""
    again = recipe(X, Y, order=np.array([*range(50), 3]))
    assert never_fed(again) == "10 of 60 distinct rows are never fed"
    assert notes(again, again) == ["A and B: 10 of 60 distinct rows are never fed."]
    assert notes(recipe(X, Y), again) == ["B: 10 of 60 distinct rows are never fed."]


def test_validation_samples_among_the_training_samples_are_a_leak():
    shared = recipe(X, Y, validation=(np.concatenate([X[:4], Z[:6]]), Y[:10]))
    assert leak(shared) == "4 of 10 validation samples are also in the training data"
    assert leak(recipe(X, Y, validation=(Z, Y))) == ""
    assert leak(recipe(X, Y)) == ""
    one = recipe(X, Y, validation=(np.concatenate([X[:1], Z[1:]]), Y))
    assert leak(one) == "", "a single equal row is no leak"
    for shared, said in ((2, False), (3, True)):  # of 60: five in a hundred are worth a word
        some = recipe(X, Y, validation=(np.concatenate([X[:shared], Z[shared:]]), Y))
        assert bool(leak(some)) is said


def test_a_leak_in_one_of_two_fits_is_what_differs():
    clean, leaky = recipe(X, Y, validation=(Z, Y)), recipe(X, Y, validation=(X, Y))
    leaky = replace(leaky, data_content=replace(leaky.data_content, validation="other"))
    finding = CONTENT(*(a_side(**vars_of(r)) for r in (clean, leaky)))
    assert finding.mechanism == "validation-leak"
    assert "in B 60 of 60 validation samples are also in the training data" in finding.detail


def test_equal_targets_with_other_inputs_were_prepared_otherwise():
    one, other = (a_side(**vars_of(recipe(x, Y))) for x in (X, Z))
    again = replace(other, execution=replace(other.execution, started="later"))
    two_scripts = replace(again, execution=replace(again.execution, script="other.py"))
    assert CONTENT(one, two_scripts).mechanism == "prepared-otherwise"
    assert CONTENT(one, again).mechanism == "prepared-otherwise"


def test_validation_samples_cut_into_other_batches_are_the_same():
    one, two = (recipe(X, Y, validation=(v, t)) for v, t in ((Z, Y), (Z[::-1], Y[::-1])))
    two = replace(two, data_content=replace(two.data_content, validation="other"))
    assert CONTENT(*(a_side(**vars_of(r)) for r in (one, two))).status == "identical"


def test_batches_that_change_places_as_a_whole():
    order = np.arange(60)
    moved = np.concatenate([order[20:40], order[:20], order[40:]])
    sizes = [20, 20, 20]
    assert batches_shuffled(
        recipe(X, Y, order=order, sizes=sizes), recipe(X, Y, order=moved, sizes=sizes)
    )
    mixed = np.random.default_rng(1).permutation(60)
    assert not batches_shuffled(
        recipe(X, Y, order=order, sizes=sizes), recipe(X, Y, order=mixed, sizes=sizes)
    )


def test_batches_are_told_only_where_they_are_known():
    order = np.arange(60)
    moved = np.concatenate([order[20:40], order[:20], order[40:]])
    one, other = (recipe(X[:59], Y[:59], order=o, sizes=[20] * 3) for o in (order, moved))
    assert not batches_shuffled(one, other), "row 59 is none of those recorded"
    for sizes, moves in (([20, 20, 20], True), ([20, 20], False), ([20, 20, 19], False)):
        made = recipe(X, Y)
        made = replace(
            made, data_order=Order((order, moved)), batch_size=Batching((np.array(sizes),) * 2)
        )
        assert moves_batches(made) == moves


@pytest.mark.parametrize(
    ("sizes", "stream", "steps", "status"),
    [
        ([16, 16, 16], True, None, "unknown"),
        ([20, 20, 8], True, None, "differs"),
        ([20, 20, 8], True, 3, "unknown"),
        ([16, 16, 16], False, None, "differs"),  # arrays are fed to their end
    ],
)
def test_samples_that_shorter_epochs_left_out_are_not_known_to_be_other_data(
    sizes, stream, steps, status
):
    short = recipe(X[5:53], Y[5:53], sizes=sizes, stream=stream)
    facts = {} if steps is None else {"steps_per_epoch": steps}
    short = replace(short, batch_size=replace(short.batch_size, facts=facts))
    whole = recipe(X, Y, sizes=[20] * 3, stream=stream)
    for sides in ((short, whole), (whole, short)):
        assert CONTENT(*(a_side(**vars_of(r)) for r in sides)).status == status
    lost = recipe(np.concatenate([X[5:52], Z[:1]]), Y[5:53], sizes=[16] * 3, stream=stream)
    assert CONTENT(*(a_side(**vars_of(r)) for r in (lost, whole))).status == "differs"


def test_a_stream_that_repeats_samples_in_place_of_others_is_told():
    whole = recipe(X, Y)
    stuck = recipe(X[:50], Y[:50], order=[*range(10), *range(50)], stream=True)
    text = "an epoch of 60 samples of which 50 are distinct: 10 come again, and 10 that the other"
    assert misses(stuck, whole).startswith(text)
    assert misses(whole, stuck) == ""
    assert misses(recipe(X, Y, stream=True), whole) == "", "every sample once"
    assert misses(recipe(X[:50], Y[:50], stream=True), whole) == "", "a shorter epoch"


T = X[:, :1] + Z[:, :1]
FORM = "input-in-another-form"


@pytest.mark.parametrize(
    ("x", "y", "mechanism", "said"),
    [
        (X / 255, T, FORM, "; x: each column is scaled alike: B is 1/255 times A"),
        (X, T * 3 + 1, FORM, "; y: every value is scaled alike: B is 3 times A + 1"),
        (X[:, ::-1], T, REARRANGED, "the columns are in another order"),
        (X[:, ::-1] / 9, T, FORM, "in another order of the columns"),
        (np.round(X * 99), T, FORM, "x: each column is scaled"),
        (X + Z / 9, T, "prepared-otherwise", "; x: row by row much alike"),
        (Z, T, "prepared-otherwise", "y equal, x differs"),
        (Z, -T, "", "0 of 60 samples are the same"),
    ],
)
def test_values_say_how_the_data_of_one_side_follow_from_those_of_the_other(x, y, mechanism, said):
    one, other = recipe(X, T), recipe(x.astype("float32"), y.astype("float32"))
    a, b = (a_side(**vars_of(r)) for r in (one, other))
    found = CONTENT(a, replace(b, execution=replace(b.execution, script="other.py")))
    related = [correspondence(*pair) for pair in ((X, x), (T, y))]
    finding = by_values(found, one, [r.kind for r in related], [r.text for r in related])
    assert finding.mechanism == mechanism and said in finding.detail
    assert (mechanism in (FORM, REARRANGED)) == (mechanism in BY_RULE)


def test_bytes_that_are_scaled_are_no_matter_of_their_type():
    whole = np.arange(180, dtype="uint8").reshape(60, 3)
    one, other = recipe(whole, T), recipe((whole / 255).astype("float32"), T)
    found = CONTENT(*(a_side(**vars_of(r)) for r in (one, other)))
    assert found.mechanism == "other-dtype"
    finding = by_values(found, one, ["scaled", "equal"], ["B is 1/255 times A", ""])
    assert finding.mechanism == FORM and finding.detail.endswith("x: B is 1/255 times A")
    rounded = by_values(found, one, ["rounded", "equal"], ["fewer digits", ""])
    assert rounded.mechanism == "other-dtype" and rounded.detail.endswith("x: fewer digits")
