"""How the samples of an epoch were cut into batches."""

import pytest

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN, Diff
from whydiff.diagnosis.compared import ComparedSides
from whydiff.diagnosis.sources import compare_all, source
from whydiff.testing.sides import a_side, batches, content, order

COMPARE = source("batch-size").compare


def side(*epochs, rows=10, relative=False, finished=True, batch_size=4, **more):
    """A side whose epochs have batches of these sizes."""
    positions = [range(min(sum(e), rows)) for e in epochs]
    return a_side(
        fit={"finished": finished},
        batch_size=batches(*epochs, batch_size=batch_size, **more),
        data_content=content(range(rows)),
        data_order=order(*positions, relative=relative),
    )


def said(a, b):
    finding = COMPARE(a, b)
    return finding.status, finding.evidence


FULL = side([4, 4, 2], [4, 4, 2])


def test_equal_batches_are_counted():
    assert said(FULL, FULL) == (IDENTICAL, "2 epochs of 2 batches of 4 and one of 2")
    for sizes, text in [
        ([10], "one batch of 10"),
        ([4, 6], "one batch of 4 and one of 6"),
        ([5, 5], "2 batches of 5"),
        ([1, 4, 5], "3 batches of 1 to 5"),
        ([2, 4, 4], "2 batches of 4 and one of 2"),
    ]:
        assert said(side(sizes), side(sizes)) == (IDENTICAL, f"1 epoch of {text}")


def test_another_size_is_intentional():
    finding = COMPARE(FULL, side([5, 5], [5, 5], batch_size=5))
    assert finding.evidence == "batches of 4 vs. 5" and finding.intended
    assert finding.detail == "batches of 4 vs. 5: 3 and 2 steps an epoch"


def test_the_size_is_what_was_asked_for_or_the_largest_seen():
    def sizes(a, b):
        return COMPARE(a, b).evidence

    assert sizes(side([10], batch_size=None), side([4, 6], batch_size=6)) == "batches of 32 vs. 6"
    stream = side([10], batch_size=None, relative=True)
    assert sizes(stream, side([4, 6], batch_size=6)) == "batches of 10 vs. 6"
    assert sizes(side([4, 6], batch_size=5), side([10], batch_size=10)) == "batches of 6 vs. 10"
    assert sizes(side([5, 5], batch_size=True), side([10], batch_size=10)) == "batches of 5 vs. 10"


def test_a_training_that_stopped_early_was_cut_alike():
    for other in (side([4, 4, 2], [4, 4]), side([4, 4, 2], [4])):
        assert (
            said(FULL, other)
            == said(other, FULL)
            == (
                IDENTICAL,
                "1 epoch of 2 batches of 4 and one of 2 in both; then one training stopped early",
            )
        )
    killed = side([4, 4], finished=False)
    assert said(FULL, killed)[0] == said(killed, FULL)[0] == IDENTICAL
    assert said(FULL, side([4, 4], relative=True))[0] == DIFFERS, (
        "it ended by itself: it was cut otherwise"
    )
    for epochs in ([[4, 4, 2], [4, 3]], [[4, 4, 2], [4, 4], [4, 4, 2]]):
        assert said(side(*[[4, 4, 2]] * 3), side(*epochs, relative=True))[0] == DIFFERS


def test_other_data_are_no_other_batches():
    one, other = side([10], batch_size=32), side([8], rows=8, batch_size=32)
    assert said(one, other) == (
        IDENTICAL, "one batch with all samples in both; the data have 10 and 8"
    )  # fmt: skip
    assert said(FULL, side([4, 4], [4, 4], rows=8)) == (
        IDENTICAL,
        "batches of 4 in both; an epoch has 3 and 2 of them because the data have 10 rather than "
        "8 samples",
    )


def test_the_same_data_cut_otherwise():
    last = COMPARE(FULL, side([4, 4], [4, 4], relative=True))
    assert (last.status, last.mechanism, last.intended) == (DIFFERS, "last-batch", True)
    assert last.evidence == (
        "epoch 1: 2 batches of 4 and one of 2 vs. 2 batches of 4 of the same data; "
        "2 of 10 samples never come in B"
    )
    second = COMPARE(FULL, side([4, 4, 2], [4, 4, 1, 1]))
    assert second.evidence.startswith("epoch 2: 2 batches of 4 and one of 2 vs.")


def test_whole_batches_that_are_shuffled_are_counted_with_their_order():
    moved = COMPARE(FULL, side([4, 4, 2], [4, 2, 4]))
    assert (moved.status, moved.mechanism, moved.intended) == (DIFFERS, "batches-moved", False)
    assert moved.evidence == (
        "epoch 2: 2 batches of 4 and one of 2 in both, in another order: "
        "batch 2 has 4 in A and 2 in B"
    )
    one, other = ([*range(4), 4, 5], [4, 5, *range(4)])
    a, b = (
        a_side(batch_size=batches(sizes), data_order=order(rows, relative=True))
        for sizes, rows in (([4, 2], one), ([2, 4], other))
    )
    diff = Diff("A", "B", False, None, compare_all(a, b))
    both = ComparedSides("runs", "", a, b, diff, ("a", "b"))
    assert both.counted_with == {"batch-size": "data-order"}


def test_a_limit_on_the_steps_of_an_epoch():
    finding = COMPARE(FULL, side([4], [4], steps_per_epoch=1))
    assert finding.intended and finding.evidence == (
        "epoch 1: 3 vs. 1 steps (steps_per_epoch None vs. 1)"
    )


@pytest.mark.parametrize(
    ("rows", "text"),
    [(10, ""), (9, "; 1 of 10 samples never come in B"), (8, "; 2 of 10 samples never come in B"),
     (7, "")],
)  # fmt: skip
def test_rows_that_a_limit_leaves_out_in_every_epoch(rows, text):
    other = side([4, 2], [4, 2], rows=rows, steps_per_epoch=2)
    finding = COMPARE(FULL, other)
    assert finding.evidence == f"epoch 1: 3 vs. 2 steps (steps_per_epoch None vs. 2){text}"
    assert finding.mechanism == ("rows-left-out" if text else "")
    assert (" in A" in COMPARE(other, FULL).evidence) is bool(text)


def test_without_batches_what_was_asked_for_is_compared():
    asked = a_side(batch_size=batches(batch_size=8, steps_per_epoch=3))
    assert said(asked, asked) == (
        IDENTICAL, "batch_size: 8, steps_per_epoch: 3 asked for in both"
    )  # fmt: skip
    nothing = a_side(batch_size=batches(batch_size=None))
    empty = a_side(batch_size=batches([], batch_size=8, steps_per_epoch=3))
    assert said(empty, asked)[0] == said(empty, FULL.__class__(asked.execution, asked.fit))[0]
    for pair in ((nothing, nothing), (asked, nothing), (asked, FULL)):
        assert said(*pair) == (UNKNOWN, "no batch was recorded in A or in B")
