"""Which samples two fits have in common."""

import numpy as np
import pytest

from whydiff.core.recipe import Content
from whydiff.diagnosis.sources.samples import (
    BEGINNING,
    OTHER,
    PART,
    SAME,
    common,
    fed,
    in_sequence,
    same_every_epoch,
)
from whydiff.testing.sides import a_recipe, batches, content, order


def recipe(rows, *epochs, relative=False, **fields):
    fields.setdefault("batch_size", batches(*([len(e)] for e in epochs)))
    return a_recipe(
        data_content=content(rows), data_order=order(*epochs, relative=relative), **fields
    )


def kind(a, b):
    there, back = common(a, b), common(b, a)
    assert there.kind == back.kind
    return there.kind


def test_samples_are_numbered_alike_and_counted_once():
    found = common(recipe([7, 8, 7], [0, 1, 2]), recipe([9, 7], [0, 1]))
    assert (found.kind, found.shared, found.size_a, found.size_b) == (PART, 1, 2, 2)
    assert found.ids_a[0] == found.ids_a[2] == found.ids_b[1]
    assert len({*found.ids_a.tolist(), *found.ids_b.tolist()}) == 3
    assert common(recipe([1, 2], [0, 1]), recipe([3, 4], [0, 1])).kind == OTHER
    empty = common(recipe([], []), recipe([], []))
    assert (empty.kind, empty.shared) == (SAME, 0)


def test_digests_that_share_one_half_are_told_apart():
    rows = np.array([[1, 2], [1, 3], [1, 2], [0, 9]], np.uint64)
    a = a_recipe(data_content=Content(rows), data_order=order([0, 1, 2, 3]))
    ids = common(a, a).ids_a
    assert ids[0] == ids[2] and len(set(ids.tolist())) == 3


def test_the_same_samples_in_another_order_are_the_same():
    assert kind(recipe([1, 2, 3], [0, 1, 2]), recipe([3, 1, 2], [2, 1, 0])) == SAME


def test_arrays_that_repeat_a_sample_more_often_share_a_part():
    a, b = recipe([1, 2, 2], [0, 1, 2]), recipe([1, 1, 2], [0, 1, 2])
    assert kind(a, b) == PART
    assert kind(a, recipe([2, 1, 2], [0, 1, 2])) == SAME
    # where not a whole pass over the arrays was seen, nothing is known of how often
    assert kind(a, recipe([1, 1, 2], [0, 1])) == SAME
    assert kind(a, recipe([1, 1, 2])) == SAME
    assert kind(a, recipe([1, 1, 2], [0, 1, 5])) == SAME
    limited = batches([3], steps_per_epoch=1)
    assert kind(a, recipe([1, 1, 2], [0, 1, 2], batch_size=limited)) == SAME
    assert kind(a, recipe([1, 1, 2], [0, 1, 2], relative=True)) == SAME


def stream(rows, *epochs):
    return recipe(rows, *epochs, relative=True)


def test_a_stream_that_goes_on_begins_alike():
    assert kind(stream([1, 2], [0, 1]), stream([1, 2, 3], [0, 1, 2])) == BEGINNING
    assert kind(stream([1, 2], [0, 1]), stream([2, 1, 3], [0, 1, 2])) == PART
    # as arrays, the second has one sample more
    assert kind(recipe([1, 2], [0, 1]), recipe([1, 2, 3], [0, 1, 2])) == PART


def test_a_stream_that_takes_a_batch_to_build_the_model_is_the_same():
    assert kind(stream([1, 2, 3], [0, 1]), stream([1, 2, 4], [0, 1])) == SAME
    assert kind(stream([1, 2, 3], [0, 1]), stream([1, 2, 4], [0, 2])) == PART


def test_epochs_of_one_length_hold_the_same_samples_in_any_order():
    a = stream([1, 2, 3, 4], [0, 1], [2, 3])
    assert kind(a, stream([2, 1, 4, 3], [0, 1], [2, 3])) == SAME
    longer = stream([2, 1, 4, 3, 5, 6], [0, 1], [2, 3], [4, 5])
    assert kind(a, longer) == BEGINNING
    assert kind(a, stream([2, 1, 4, 7, 5, 6], [0, 1], [2, 3], [4, 5])) == PART
    # each epoch as far as both went, or all of them in a row
    assert kind(stream([1, 2, 3], [0, 1], [2]), stream([1, 2, 3, 9], [0], [2, 3])) == BEGINNING
    assert kind(stream([1, 2, 3], [0], [1, 2]), stream([1, 2, 9], [0, 1], [2])) == PART
    assert kind(stream([1, 2], [0], [1]), stream([1, 2, 9], [0, 1, 2])) == BEGINNING


def test_a_stream_that_fed_nothing_shares_no_beginning():
    assert kind(stream([1, 2], [0, 1]), stream([3], [])) == OTHER
    assert kind(stream([1, 2], [0, 1]), stream([3])) == OTHER


def test_an_index_that_points_nowhere_feeds_nothing():
    ids = np.array([5, 6, 7])
    assert [e.tolist() for e in fed(ids, [np.array([2, 0]), np.array([], int)])] == [[7, 5], []]
    assert fed(ids, [np.array([0, 3])]) is None and fed(ids, [np.array([-1])]) is None


@pytest.mark.parametrize(
    ("epoch", "straight"),
    [([], True), ([0, 1, 2], True), ([0, 1, 0, 2], True), ([1, 2], False), ([0, 2, 1], False),
     ([0], True), ([0, 0, 1], True)],
)  # fmt: skip
def test_rows_one_after_the_other(epoch, straight):
    assert in_sequence(np.array(epoch, int)) is straight


def test_epochs_of_the_same_samples_in_any_order():
    assert same_every_epoch(recipe([1, 2], [0, 1], [1, 0]))
    assert same_every_epoch(recipe([1, 2], [0, 1], [], [1, 0]))
    assert not same_every_epoch(recipe([1, 2], [0, 1]))
    assert not same_every_epoch(recipe([1, 2], [0, 1], []))
    assert not same_every_epoch(recipe([1, 2], [0, 1], [1, 1]))
    assert not same_every_epoch(recipe([1, 2, 3], [0, 1], [0, 1, 2]))
