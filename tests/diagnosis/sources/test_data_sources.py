"""Order, content, batches and duration."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.findings import DIFFERS, IDENTICAL, UNKNOWN
from whydiff.core.recipe import Content
from whydiff.core.recording import RANDOM_MAP, SEEDING, Draw, Frame
from whydiff.core.words import source as source_in_words
from whydiff.diagnosis.sources import source
from whydiff.diagnosis.sources.samples import common, in_sequence
from whydiff.testing import sides
from whydiff.testing.hybrids import compared
from whydiff.testing.sides import a_side, batches, changed, content, facts, order

ORDER, CONTENT, BATCH, DURATION = (
    source(i).compare for i in ("data-order", "data-content", "batch-size", "duration")
)


def another_run(**fields):
    return a_side(execution={"started": "later"}, **fields)


def another_fit(a, **fields):
    return changed(a, fit={"index": 2}, **fields)


def test_order_evidence():
    assert ORDER(a_side(), a_side()).evidence == "2 epochs x 10 samples in the same order"
    a = a_side(data_order=order(range(10), [1, 0, *range(2, 10)]))
    b = a_side(data_order=order(range(10), [1, 2, 0, *range(3, 10)]))
    finding = ORDER(a, b)
    assert finding.evidence == (
        "epoch 1: first other sample at position 1; 2 of 10 positions differ"
    )
    assert not finding.intended


def test_shuffle_against_no_shuffle_is_intended():
    a = a_side(data_order=order(range(10), range(10)))
    finding = ORDER(a, a_side())
    assert finding.intended and finding.mechanism == "shuffle-on-off"
    assert "A feeds the rows in their order" in finding.detail


def test_rows_put_in_another_order_before_fit():
    straight = order(range(10), range(10))
    a = a_side(data_order=straight)
    b = a_side(data_order=straight, data_content=content(range(9, -1, -1)))
    assert CONTENT(a, b).status == IDENTICAL
    finding = ORDER(a, b)
    assert finding.status == DIFFERS
    assert finding.mechanism == "rows-reordered" and not finding.intended


def test_rows_in_another_order_but_fed_alike_agree():
    a = a_side(data_order=order(range(10)))
    b = a_side(data_order=order(range(9, -1, -1)), data_content=content(range(9, -1, -1)))
    assert ORDER(a, b).status == IDENTICAL


def test_equal_samples_count_as_equal():
    pool = content([7, 7, 8])
    a = a_side(data_content=pool, data_order=order([0, 1, 2]))
    assert ORDER(a, a_side(data_content=pool, data_order=order([1, 0, 2]))).status == IDENTICAL


def test_shorter_epochs_compare_as_far_as_both_go():
    a = a_side(data_order=order(range(10), range(10)))
    b = a_side(data_order=order(range(8)))
    assert ORDER(a, b).evidence == "1 epoch x 8 samples in the same order"


@pytest.mark.parametrize(
    ("backends", "mechanism"),
    [(("tensorflow", "tensorflow"), "other-shuffle"), (("jax", "jax"), "jax-numpy-order"),
     (("tensorflow", "jax"), "tf-one-permutation")],
)  # fmt: skip
def test_shuffles_with_other_draws(backends, mechanism):
    a = a_side(backend={"backend": backends[0]})
    b = a_side(backend={"backend": backends[1]}, data_order=sides.shuffled(2))
    if mechanism == "tf-one-permutation":
        once = sides.shuffled(1).epochs[0].tolist()
        a = changed(a, data_order=order(once, once))
        assert "A repeats one order in every epoch" in ORDER(a, b).detail
    assert ORDER(a, b).mechanism == mechanism
    assert not ORDER(a, b).intended


def test_a_stream_is_never_intended():
    a = a_side(data_order=order(range(10), relative=True))
    reshuffled = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    b = a_side(data_order=order(range(10), relative=True), data_content=content(reshuffled))
    finding = ORDER(a, b)
    assert finding.status == DIFFERS
    assert finding.mechanism == "pipeline-shuffle" and not finding.intended


def test_a_loop_that_gives_batches_is_no_pipeline():
    mixed = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    for kind, mechanism in (("train_on_batch", "loop-order"), ("tf.data", "pipeline-shuffle")):
        a, b = (
            a_side(
                data_order=order(range(10), relative=True),
                data_content=content(rows),
                fit={"notes": {"data": kind}},
            )
            for rows in (range(10), mixed)
        )
        assert ORDER(a, b).mechanism == mechanism


def test_batches_that_come_twice_from_several_workers():
    plain, mixed = [*range(10)], [2, 3, 4, 5, *range(6)]
    fed = {"data_order": order(plain, mixed, relative=True)}
    a = a_side(**fed)
    b = a_side(data_order=order(plain, [4, 5, *range(8)], relative=True))

    def loaded_by(workers, side):
        return replace(side, fit=replace(side.fit, notes={"workers": workers}))

    finding = ORDER(loaded_by(4, a), loaded_by(4, b))
    assert (finding.mechanism, finding.intended) == ("pydataset-workers", False)
    assert ORDER(a, loaded_by(4, b)).mechanism == "pydataset-workers", "of one are enough"
    assert "batches come twice in an epoch or not at all" in finding.detail
    for workers in (1, "4", None):
        assert ORDER(loaded_by(workers, a), loaded_by(workers, b)).mechanism == "pipeline-shuffle"
    whole = a_side(data_order=order(plain, plain[::-1], relative=True))
    once = a_side(data_order=order(plain, plain, relative=True))
    assert ORDER(loaded_by(4, whole), loaded_by(4, once)).mechanism == "pipeline-shuffle"


def test_folds_of_other_sizes():
    a = a_side(data_order=order(range(10)))
    b = another_fit(a, data_content=content(range(5, 16)), data_order=order(range(11)))
    assert ORDER(a, b).status == IDENTICAL
    assert BATCH(a, changed(b, batch_size=batches([4, 4, 3]))).status == IDENTICAL
    shuffled = changed(b, data_order=sides.shuffled(1, samples=11))
    assert ORDER(a_side(), shuffled).status == UNKNOWN
    assert ORDER(a, shuffled).status == DIFFERS  # one shuffled, the other not


def test_other_samples_of_one_size_compare_by_position():
    b = a_side(data_content=content(range(50, 60)))
    assert ORDER(a_side(), b).evidence == "2 epochs x 10 rows in the same order"
    assert ORDER(a_side(), changed(b, data_order=sides.shuffled(2))).status == DIFFERS


def test_a_batch_that_keras_takes_to_build_the_model_is_not_counted():
    a = a_side(data_order=order(range(4, 10), relative=True))  # its first 4 came to no step
    b = changed(a, data_content=content([70, 71, 72, 73, *range(4, 10)]))
    assert CONTENT(a, b).status == IDENTICAL
    assert common(a.recipe, b.recipe).size_a == 6


def test_order_of_streams_of_other_samples_is_unknown():
    a = a_side(data_order=order(range(10), relative=True))
    assert ORDER(a, changed(a, data_content=content(range(50, 60)))).status == UNKNOWN


def test_samples_that_share_half_a_digest_stay_apart():
    a = Content(np.array([[1, 1], [1, 2], [2, 0], [1, 1]], np.uint64))
    b = Content(np.array([[1, 2], [1, 3]], np.uint64))
    relation = common(a_side(data_content=a).recipe, a_side(data_content=b).recipe)
    assert relation.ids_a[0] == relation.ids_a[3] != relation.ids_a[1] == relation.ids_b[0]
    assert (relation.shared, relation.size_a, relation.size_b) == (1, 3, 2)


def test_row_after_row_with_repeated_rows():
    assert in_sequence(np.array([0, 1, 0, 2, 1, 3]))
    assert not in_sequence(np.array([1, 0, 2]))
    assert not in_sequence(np.array([0, 2, 1]))


def test_folds_share_a_part_and_are_intended():
    a = a_side()
    finding = CONTENT(a, another_fit(a, data_content=content(range(5, 15))))
    assert finding.evidence == "5 of 10 samples are the same"
    assert finding.intended and finding.mechanism == "other-subset"


def test_runs_of_one_script_are_not_intended():
    finding = CONTENT(a_side(), another_run(data_content=content(range(5, 15))))
    assert not finding.intended and finding.mechanism == "unseeded-split"
    finding = CONTENT(a_side(), another_run(data_content=content(range(50, 60))))
    assert finding.evidence == "0 of 10 samples are the same"
    assert finding.mechanism == "unseeded-generator"
    assert "default_rng" in finding.remedy


def test_other_dtype_is_told():
    finding = CONTENT(a_side(), a_side(data_content=content(dtype="float64")))
    assert finding.evidence.startswith("x: float32 (4,) vs. x: float64 (4,)")


def test_only_the_validation_data_differ():
    one, two = (a_side(data_content=content(validation=v * 32)) for v in "ab")
    assert CONTENT(one, one).evidence == "all 10 samples equal, validation data equal"
    assert "only the validation data differ" in CONTENT(one, two).detail
    assert "default_rng" in CONTENT(one, two).remedy, "one script, run twice"
    held_out = another_fit(one, data_content=content(validation="b" * 32))
    assert "on the same samples" in CONTENT(one, held_out).remedy
    assert CONTENT(one, a_side()).status == IDENTICAL  # validated in one only: measurement
    assert source("measurement").compare(one, a_side()).evidence == "validated in A only"


def test_equal_rows_are_counted_each_and_once():
    side = a_side(data_content=content(range(9)), data_order=order([*range(9), 3]))
    assert CONTENT(side, side).evidence == "all 10 samples (9 distinct) equal"
    other = a_side(data_content=content(range(3, 12)), data_order=order([*range(9), 3]))
    assert CONTENT(side, another_fit(other)).evidence.startswith("6 of 9 distinct samples are")


def test_repeated_samples_are_other_data():
    a = a_side(data_order=order([0, 1, 2, 2]), data_content=content(range(3)))
    b = a_side(data_order=order([0, 1, 1, 2]), data_content=content(range(3)))
    assert CONTENT(a, b).mechanism == "resampled"
    assert BATCH(a, b).status == IDENTICAL


def test_a_longer_stream_is_not_other_data():
    a = a_side(data_order=order(range(10), range(10, 20), relative=True),
               data_content=content(range(20)), batch_size=batches([5, 5], [5, 5]))  # fmt: skip
    b = a_side(data_order=order(range(10), relative=True), batch_size=batches([5, 5]))
    assert CONTENT(a, b).status == ORDER(a, b).status == BATCH(a, b).status == IDENTICAL
    c = a_side(data_order=order(range(8), relative=True), data_content=content(range(8)),
               batch_size=batches([4, 4]))  # fmt: skip
    assert CONTENT(b, c).status == ORDER(b, c).status == IDENTICAL
    assert BATCH(b, c).status == DIFFERS


def test_frozen_augmentation():
    a = a_side(data_order=order(range(10), range(10, 20), relative=True),
               data_content=content(range(20)))  # fmt: skip
    b = a_side({"notes": {RANDOM_MAP: True}},
               data_order=order(range(10), range(10), relative=True),
               data_content=content(range(30, 40)))  # fmt: skip
    finding = CONTENT(a, b)
    assert finding.mechanism == "frozen-augmentation"
    assert finding.detail.startswith("B feeds the same samples in every epoch")


@pytest.mark.parametrize("notes", [{}, {RANDOM_MAP: False}])
def test_samples_that_nothing_changes_at_random_are_no_frozen_augmentation(notes):
    """A generator without augmentation beside one with it: the script asks for that."""
    plain = {"data_order": order(range(10), range(10), relative=True)}
    a = a_side({"notes": notes}, **plain)
    fed = order(range(10), range(10, 20), relative=True)
    b = a_side({"index": 2}, data_order=fed, data_content=content(range(30, 50)))
    b = replace(b, execution=a.execution)
    finding = CONTENT(a, b)
    assert (finding.mechanism, finding.intended) == ("", True)
    assert finding.detail == "A feeds the same samples in every epoch, the other new ones"
    assert "cache" not in finding.remedy


def test_batches_that_cannot_be_cut_into_samples():
    a = a_side(data_content=content(range(3), unit="batch"), data_order=order([0, 1, 2]))
    b = a_side(data_content=content(range(10, 12), unit="batch"), data_order=order([0, 1]),
               batch_size=batches([5, 5]))  # fmt: skip
    assert CONTENT(a, b).status == ORDER(a, b).status == UNKNOWN


def test_batch_size():
    finding = BATCH(a_side(), a_side(batch_size=batches([8, 2], [8, 2], batch_size=8)))
    assert finding.evidence == "batches of 4 vs. 8" and finding.intended
    assert BATCH(a_side(), a_side()).evidence == "2 epochs of 2 batches of 4 and one of 2"


def test_small_data_and_the_default_batch_size():
    a = a_side(batch_size=batches([10], batch_size=None), data_order=order(range(10)))
    b = a_side(batch_size=batches([12], batch_size=None), data_order=order(range(12)),
               data_content=content(range(5, 17)))  # fmt: skip
    assert BATCH(a, b).status == IDENTICAL


def test_dropped_last_batch_differs():
    a = a_side(data_order=order(range(10), relative=True), batch_size=batches([4, 4, 2]))
    b = a_side(data_order=order(range(8), relative=True), data_content=content(range(8)),
               batch_size=batches([4, 4]))  # fmt: skip
    assert BATCH(a, b).mechanism == "last-batch"
    assert CONTENT(a, b).status == ORDER(a, b).status == IDENTICAL


def test_steps_per_epoch_differ():
    b = a_side(batch_size=batches([4], [4], steps_per_epoch=1))
    assert "steps_per_epoch None vs. 1" in BATCH(a_side(), b).evidence
    whole = a_side(batch_size=batches([4, 4, 2], [4, 4, 2], steps_per_epoch=3))
    assert BATCH(a_side(), whole).status == IDENTICAL, "as many equal batches as without it"


def test_training_stopped_within_an_epoch_is_no_other_batching():
    b = a_side(batch_size=batches([4, 4, 2], [4]))
    finding = BATCH(a_side(), b)
    assert finding.status == IDENTICAL and "stopped early" in finding.evidence


def test_duration():
    a = a_side()
    finding = DURATION(a, a_side(duration=facts(a, "duration", epochs=6)))
    assert finding.evidence == "epochs: 2 vs. 6" and finding.intended
    stopped = a_side(fit={"epochs": a.fit.epochs[:1]})
    finding = DURATION(a, stopped)
    assert finding.status == IDENTICAL
    assert finding.evidence == (
        "both may run 2 epochs; A stopped after 2 and B after 1, a consequence"
    )
    assert DURATION(a, a_side(fit={"finished": False})).status == UNKNOWN


def test_callbacks_that_differ_in_the_weights_they_leave_only():
    def stopping(patience, restores):
        text = f"EarlyStopping(patience={patience}, restore_best_weights={restores})"
        return a_side(duration=facts(a_side(), "duration", callbacks=[text]))

    finding = DURATION(stopping(3, False), stopping(3, True))
    assert finding.mechanism == "best-weights-kept"
    assert source_in_words("duration", mechanism=finding.mechanism).startswith("which epoch's")
    assert DURATION(stopping(3, False), stopping(4, True)).mechanism == "early-stopping"


def test_duration_limited_by_the_environment():
    b = a_side(execution={"environment": {"KERAS_MAX_EPOCHS": "1"}})
    finding = DURATION(a_side(), b)
    assert finding.evidence == "KERAS_MAX_EPOCHS: not set vs. 1" and not finding.intended


def drawn(seed, pool, size=120, epochs=2):
    """A stream that shows ``size`` samples of ``pool`` in every epoch, numbered as they come."""
    generator = np.random.default_rng(seed)
    fed = [generator.permutation(pool)[:size] for _ in range(epochs)]
    seen = list(dict.fromkeys(np.concatenate(fed).tolist()))
    places = {sample: place for place, sample in enumerate(seen)}
    return {
        "data_content": content(seen),
        "data_order": order(*([places[s] for s in e.tolist()] for e in fed), relative=True),
    }


def test_parts_of_one_pool_are_a_matter_of_order():
    a, b = a_side(**drawn(1, np.arange(200))), another_run(**drawn(2, np.arange(200)))
    assert CONTENT(a, b).status == UNKNOWN
    assert (ORDER(a, b).status, ORDER(a, b).mechanism) == (DIFFERS, "pipeline-shuffle")


def test_parts_of_pools_that_share_some_samples_are_other_data():
    a, b = a_side(**drawn(1, np.arange(200))), another_run(**drawn(2, np.arange(100, 300)))
    assert CONTENT(a, b).status == DIFFERS


def test_epochs_that_agree_in_part_hold_changed_samples_and_are_no_parts_of_a_pool():
    """As where threads race for the random numbers of an augmentation: half of them are drawn
    alike, and two epochs of one run have little in common."""

    def stream(*epochs):
        seen = list(dict.fromkeys(n for epoch in epochs for n in epoch))
        return {
            "data_content": content(seen),
            "data_order": order(*([seen.index(n) for n in e] for e in epochs), relative=True),
        }

    again = range(10)
    a = a_side(**stream(range(64), [*again, *range(64, 118)]))
    b = another_run(
        **stream([*range(32), *range(200, 232)], [*again, *range(64, 91), *range(300, 327)])
    )
    assert CONTENT(a, b).status == DIFFERS


def test_samples_that_a_coin_changes_in_their_places_come_in_one_order():
    """As where an augmentation flips every row with a chance of one half: a pool of two variants
    of each row, of which two epochs share as many as two runs do."""

    def run(seed):
        coin = np.random.default_rng(seed)
        epochs = [2 * np.arange(96) + coin.integers(0, 2, 96) for _ in range(3)]
        seen = list(dict.fromkeys(np.concatenate(epochs).tolist()))
        return {
            "data_content": content(seen),
            "data_order": order(*([seen.index(n) for n in e] for e in epochs), relative=True),
        }

    a, b = a_side(**run(1)), another_run(**run(2))
    assert (CONTENT(a, b).status, CONTENT(a, b).mechanism) == (DIFFERS, "prepared-otherwise")
    assert ORDER(a, b).status == IDENTICAL


def test_samples_drawn_once_and_drawn_anew_are_no_parts_of_a_pool():
    """A begins with the samples that B's first epoch has, and repeats them; B goes on drawing."""
    first, then = list(range(120)), list(range(120, 240))
    frozen = {"data_content": content(first), "data_order": order(first, first, relative=True)}
    fresh = {
        "data_content": content(first + then),
        "data_order": order(first, then, relative=True),
    }
    cached = {"notes": {RANDOM_MAP: True}}
    finding = CONTENT(a_side(cached, **frozen), another_run(**fresh))
    assert (finding.status, finding.mechanism) == (DIFFERS, "frozen-augmentation")
    assert ORDER(a_side(**frozen), another_run(**fresh)).status == UNKNOWN


def test_augmentation_frozen_in_one_stream_and_partly_repeated_in_the_other():
    once = order(range(10), range(10), relative=True)
    anew = order(range(10), [3, *range(10, 19)], relative=True)
    a = a_side({"notes": {RANDOM_MAP: True}}, data_order=once)
    b = a_side(data_order=anew, data_content=content([0, 1, *range(20, 37)]))
    finding = CONTENT(a, b)
    assert (finding.mechanism, finding.intended) == ("frozen-augmentation", False)
    assert finding.detail.startswith("A feeds the same samples in every epoch")
    assert CONTENT(b, a).detail.startswith("B feeds")
    assert ORDER(a, b).status == ORDER(b, a).status == UNKNOWN


def test_one_stream_cut_into_other_epochs_is_a_matter_of_its_epochs():
    flow = [3, 1, 4, 0, 2] * 4
    whole = order(*(flow[i : i + 5] for i in range(0, 20, 5)), relative=True)
    short = order(*(flow[i : i + 4] for i in range(0, 16, 4)), relative=True)
    samples = {"data_content": content(range(5))}
    a = a_side(data_order=whole, batch_size=batches(*([[2, 2, 1]] * 4)), **samples)
    b = another_fit(a, data_order=short, batch_size=batches(*([[2, 2]] * 4)))
    finding = ORDER(a, b)
    assert (finding.status, finding.mechanism) == (DIFFERS, "stream-cut-otherwise")
    assert finding.evidence == (
        "the same 16 samples in the same order over all epochs, of which an epoch takes 5 vs. 4"
    )
    assert compared(a, b).counted_with["data-order"] == "batch-size"
    mixed = order([3, 4, 1, 0], [2, 3, 1, 4], [0, 2, 3, 1], [4, 0, 2, 3], relative=True)
    other = another_fit(a, data_order=mixed, batch_size=batches(*([[2, 2]] * 4)))
    assert ORDER(a, other).mechanism == "pipeline-shuffle"


def test_few_samples_again_and_again_are_a_matter_of_what_feeds_them():
    a = a_side(data_order=order(range(10), relative=True))
    b = a_side(data_order=order([0, 1] * 5, relative=True), data_content=content([0, 1]))
    for kind, mechanism in (
        ("generator", "generator-repeats"),
        ("PyDataset", "stream-repeats"),
        ("tf.data", "stream-repeats"),
    ):
        fed = changed(b, fit={"notes": {"data": kind}})
        finding = CONTENT(a, fed)
        assert finding.mechanism == mechanism
        assert finding.detail.startswith("B is fed the same 2 samples again and again")


def test_a_leak_is_named_where_the_training_samples_differ_as_well():
    pool = content(range(10)).samples
    a = a_side(data_content=content(range(10), validation="v", validation_samples=pool[:4]))
    other = content(range(5, 15), validation="w", validation_samples=pool[:4])
    finding = CONTENT(a, another_fit(a, data_content=other))
    assert (finding.mechanism, finding.intended) == ("validation-leak", False)
    assert "in A 4 of 4 validation samples are also in the training data" in finding.detail


TORCH = {"backend": {"backend": "torch"}}


def seeded(seed, **fields):
    stack = (Frame("/home/user/train.py", 7, "<module>", "set_random_seed(11)"),)
    call = Draw(1, SEEDING, "keras.utils.set_random_seed", seed, True, stack)
    return a_side(execution={"ledger": (call,), "script": f"{fields}"}, **TORCH, **fields)


def test_an_order_that_follows_the_model_since_torch_has_one_generator():
    draws = sides.tensor("torch's global generator", np.arange(3), "seed")
    a = seeded(11, noise=())
    b = seeded(11, noise=(draws,), data_order=sides.shuffled(2))
    finding = ORDER(a, b)
    assert finding.mechanism == "torch-one-generator" and "(11) (train.py:7)" in finding.detail
    quiet = seeded(11, noise=(), data_order=sides.shuffled(2))
    assert ORDER(a, quiet).mechanism == "other-shuffle", "no layer draws from it"
    otherwise = seeded(12, noise=(draws,), data_order=sides.shuffled(2))
    assert ORDER(a, otherwise).mechanism == "explicit-seeds"


def test_data_drawn_from_generators_that_the_script_seeds_otherwise_are_intended():
    def run(rows, seed, *more):
        stack = (Frame("/home/user/train.py", 7, "<module>", "set_random_seed(seed)"),)
        calls = [("keras.utils.set_random_seed", seed), *more]
        entries = [
            Draw(i, SEEDING, f, s, s is not None, stack) for i, (f, s) in enumerate(calls, 1)
        ]
        execution = {"ledger": tuple(entries), "arguments": (str(calls),)}
        return a_side(execution=execution, data_content=content(rows))

    unseeded = ("numpy.random.default_rng", None)
    finding = CONTENT(run(range(10), 1), run(range(20, 30), 2))
    assert (finding.mechanism, finding.intended) == ("explicit-seeds", True)
    assert "set_random_seed(1) (train.py:7) in A" in finding.detail
    assert not CONTENT(run(range(10), 1, unseeded), run(range(20, 30), 2, unseeded)).intended
    made = [("numpy.random.default_rng", n) for n in (3, 4)]
    finding = CONTENT(run(range(10), 1, made[0]), run(range(20, 30), 1, made[1]))
    assert finding.intended and "default_rng(4) (train.py:7) in B" in finding.detail
    both = CONTENT(run(range(10), 1, made[0]), run(range(20, 30), 2, made[1]))
    assert "default_rng(3) (train.py:7) in A" in both.detail, "made for the data, behind the other"
    assert "set_random_seed" not in both.detail
    in_threads = CONTENT(run(range(10), 1, *made), run(range(20, 30), 1, *reversed(made)))
    assert in_threads.mechanism != "explicit-seeds" and "default_rng" not in in_threads.detail


def test_rows_that_a_rounded_number_of_steps_leaves_out():
    straight = list(range(10))
    a = a_side(data_order=order(straight, straight), batch_size=batches([4, 4, 2], [4, 4, 2]))
    rounded = batches([4, 4], [4, 4], batch_size=None, steps_per_epoch=2)
    b = a_side(
        data_order=order(range(8), range(8), relative=True),
        data_content=content(range(8)),
        batch_size=rounded,
    )
    finding = BATCH(a, b)
    assert (finding.mechanism, finding.intended) == ("rows-left-out", False)
    assert "2 of 10 samples never come in B" in finding.evidence
    assert "never come in A" in BATCH(b, a).evidence


def test_whole_batches_that_change_places():
    mixed = order([4, 1, 0, 3, 2, 5], [0, 5, 2, 1, 3, 4], relative=True)
    moved = order([0, 1, 2, 3, 4, 5], [4, 5, 0, 1, 2, 3], relative=True)
    cut = batches([2, 2, 2], [2, 2, 2])
    pool = content(range(6))
    a, b = (a_side(data_order=o, batch_size=cut, data_content=pool) for o in (mixed, moved))
    finding = ORDER(a, b)
    assert finding.mechanism == "batches-shuffled"
    assert finding.detail.startswith("B shuffles whole batches")


def test_other_samples_of_which_some_are_equal_have_no_positions_to_compare():
    """Rows 2 and 0 of A are equal and share an index, so those behind them move up."""
    one = a_side(data_content=content(range(9)), data_order=order([3, 1, 0, 2, 0, *range(4, 9)]))
    other = another_run(data_content=content(range(50, 60)), data_order=sides.shuffled(1, epochs=1))
    assert ORDER(one, other).status == UNKNOWN
    distinct = a_side(data_content=content(range(10)), data_order=sides.shuffled(2, epochs=1))
    assert ORDER(distinct, other).status == DIFFERS
    fewer = another_run(data_content=content(range(50, 59)), data_order=order([*range(9), 4]))
    assert "some of them twice" in ORDER(one, fewer).evidence, "both feed 10 rows"
