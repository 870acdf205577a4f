"""What the script seeded decides whether other random values are intentional."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.recording import FEED_DRAWS, SEEDING, UNKEPT_SEEDINGS, Draw, Frame
from whydiff.diagnosis.sources import source
from whydiff.diagnosis.sources.seeds import seeded_apart
from whydiff.testing import sides
from whydiff.testing.sides import a_side, changed, draw, ledger

INITIAL, ORDER = (source(i).compare for i in ("initialization", "data-order"))
KERAS = "keras.utils.set_random_seed"
PATH = "dense/kernel_initializer"


def seeding(seed, function=KERAS, line=8, text="keras.utils.set_random_seed(seed)"):
    stack = (Frame("/home/user/train.py", line, "build", text),)
    return Draw(0, SEEDING, function, seed, seed is not None, stack)


def two_fits(*entries):
    """Two fits of one run; the kernels of the second hold other values."""
    a = a_side(execution={"ledger": ledger(*entries)})
    return a, changed(a, fit={"index": 2}, initialization=sides.weights(1))


def test_two_seeds_that_the_script_sets_are_intentional():
    a, b = two_fits(seeding(42), draw(PATH, 1), seeding(43), draw(PATH, 3, fit=2))
    finding = INITIAL(a, b)
    assert finding.intended and finding.mechanism == "explicit-seeds"
    assert f"{KERAS}(42) (train.py:8) in A and {KERAS}(43) (train.py:8) in B" in finding.detail


def test_one_seeding_before_both_models_is_a_trap_and_not_intentional():
    a, b = two_fits(seeding(42), draw(PATH, 1), draw(PATH, 3, fit=2))
    finding = INITIAL(a, b)
    assert not finding.intended and finding.mechanism == "seeded-once"


def drawn_in_two_runs(*seedings):
    """The finding of two runs with these seedings before the first draw; None: nothing seeded."""
    runs = [
        ledger(*([seeding(seed)] if seed else []), draw(PATH, value), draw(PATH, value))
        for seed, value in zip(seedings, (1, 3), strict=True)
    ]
    a = a_side(execution={"ledger": runs[0], "started": "today"})
    return a, changed(
        a, execution={"ledger": runs[1], "started": "later"}, initialization=sides.weights(1)
    )


def test_what_nothing_had_seeded_is_said_of_the_side_where_that_is_known():
    assert INITIAL(*drawn_in_two_runs(None, None)).detail.endswith("which nothing had seeded")
    assert INITIAL(*drawn_in_two_runs(None, 7)).detail.endswith("which nothing had seeded in A")
    a, b = drawn_in_two_runs(None, 7)
    locked = changed(a, fit={"notes": {UNKEPT_SEEDINGS: True}})  # it may have been seeded
    finding = INITIAL(locked, b)
    assert "seeded" not in finding.detail and not finding.mechanism


@pytest.mark.parametrize("function", ["numpy.random.seed", "tensorflow.random.set_seed"])
def test_seeds_of_generators_that_initializers_do_not_draw_from_explain_nothing(function):
    a, b = two_fits(
        seeding(42, function), draw(PATH, 1), seeding(43, function), draw(PATH, 3, fit=2)
    )
    finding = INITIAL(a, b)
    assert not finding.intended and finding.mechanism == "seeded-once"


def test_a_seed_from_the_clock_is_not_intentional():
    clock = "keras.utils.set_random_seed(int(time.time()))"
    a, b = two_fits(
        seeding(42, text=clock), draw(PATH, 1), seeding(43, text=clock), draw(PATH, 3, fit=2)
    )
    finding = INITIAL(a, b)
    assert not finding.intended and finding.mechanism == "clock-seed"


def test_other_seeds_in_two_runs_of_one_script_are_not_intentional():
    a = a_side(execution={"ledger": ledger(seeding(42), draw(PATH, 1)), "started": "today"})
    b = changed(
        a_side(initialization=sides.weights(1)),
        execution={"ledger": ledger(seeding(43), draw(PATH, 3)), "started": "tomorrow"},
    )
    finding = INITIAL(a, b)
    assert not finding.intended and finding.mechanism == "clock-seed"
    assert "although script and arguments are the same" in finding.detail
    other = changed(b, execution={"script": "other.py"})
    assert INITIAL(a, other).intended, "two scripts that set two seeds mean it"


def test_the_order_is_intentional_where_its_generator_was_seeded_otherwise():
    order = sides.a_recipe().data_order
    shuffled = type(order)(tuple(np.random.default_rng(1).permutation(e) for e in order.epochs))
    again = type(order)(tuple(np.random.default_rng(2).permutation(e) for e in order.epochs))
    entries = ledger(seeding(1), seeding(2))
    notes = [{"seed ledger": 1}, {"seed ledger": 2}]
    a = a_side(data_order=shuffled, execution={"ledger": entries}, fit={"notes": notes[0]})
    b = changed(a, data_order=again, fit={"index": 2, "notes": notes[1]})
    finding = ORDER(a, b)
    assert finding.intended and f"{KERAS}(2)" in finding.detail
    alike = changed(b, fit={"notes": notes[0]})
    assert not ORDER(a, alike).intended, "nothing was seeded in between"


@pytest.mark.parametrize(("kind", "intended"), [("generator", True), ("tf.data", False)])
def test_a_generator_of_data_draws_from_what_it_makes_at_its_first_batch(kind, intended):
    """The second fit's generator makes its own after the fit was called. What tf.data shuffles
    with is no generator of NumPy's."""
    order = sides.a_recipe().data_order
    own = "numpy.random.default_rng"
    entries = ledger(seeding(0), seeding(1, own), seeding(0), seeding(2, own))
    marks = [{"seed ledger": n, "seed ledger at the first step": n + 1} for n in (1, 3)]
    shuffled = [
        tuple(np.random.default_rng(n).permutation(e) for e in order.epochs) for n in (1, 2)
    ]
    streams = [replace(order, epochs=epochs, relative=True) for epochs in shuffled]
    a = a_side(
        data_order=streams[0],
        execution={"ledger": entries},
        fit={"notes": {"data": kind, FEED_DRAWS: [1], **marks[0]}},
    )
    drew = {"data": kind, FEED_DRAWS: [2], **marks[1]}
    b = changed(a, data_order=streams[1], fit={"index": 2, "notes": drew})
    finding = ORDER(a, b)
    assert finding.intended is intended
    assert (f"{own}(1) (train.py:8) in A and {own}(2)" in finding.detail) is intended
    shuffled_alike = changed(b, fit={"notes": {**drew, FEED_DRAWS: [2, "random"]}})
    assert ORDER(a, shuffled_alike).intended is intended, "seeded alike before both"
    for others in ([2, None], []):  # drawn from something whose seed nobody sees, or from nothing
        assert not ORDER(a, changed(b, fit={"notes": {**drew, FEED_DRAWS: others}})).intended
    unseeded = {"ledger": ledger(seeding(1, own), seeding(2, own))}
    one, other = (changed(side, execution=unseeded) for side in (a, shuffled_alike))
    assert not ORDER(one, other).intended, "nothing had seeded Python's random"


def test_two_runs_are_seeded_apart_by_a_clock_or_by_nothing():
    def run(*seeds, line=7):
        stack = (Frame("/home/user/train.py", line, "<module>", "default_rng(int(time.time()))"),)
        made = [Draw(i, SEEDING, "numpy.random.default_rng", seed, seed is not None, stack)
                for i, seed in enumerate(seeds, 1)]  # fmt: skip
        return a_side(execution={"ledger": tuple(made)}).execution

    assert seeded_apart(run(1, 5), run(1, 5)) == []
    said = "numpy.random.default_rng(5) (train.py:7) vs. numpy.random.default_rng(6)"
    assert seeded_apart(run(1, 5), run(1, 6)) == [f"{said}, made from the clock or process"]
    nothing = ["numpy.random.default_rng() (train.py:7) without a seed"]
    assert seeded_apart(run(None, None), run(None, None)) == nothing
    assert seeded_apart(run(5), run(6, line=9)) == [], "another way through the script"
