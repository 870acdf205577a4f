"""A lock against a fit, without training: every planted change is found, at its place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from whydiff.core.findings import Finding
from whydiff.core.lock import PARTS
from whydiff.core.recipe import SOURCE_IDS
from whydiff.core.recording import SEEDING, STEP_GROUPS, Draw
from whydiff.core.verification import FAILS, HOLDS, UNKNOWN, Amplification
from whydiff.experiments.lock.differences import (
    ROUNDING,
    changed_facts,
    compare_locked,
    differing_parts,
    digest_findings,
    in_terms_of_a_lock,
)
from whydiff.experiments.lock.reference import FIRST_STEPS, reduced_fit, reduced_lock
from whydiff.experiments.lock.rounding import judge_rounding, may_be_rounding
from whydiff.storage.lockfile import fit_digests
from whydiff.testing.sides import a_side, changed, draw, ledger, weights
from whydiff.testing.source_suite import PLANTED, odd_sides


def against(before, now):
    lock = reduced_lock(before.execution, Path("train.py"), {}, before.execution.fits)
    reduced = [reduced_fit(f, None) for f in now.execution.fits]
    return compare_locked(lock, now.execution, reduced, now.fit.index)


@pytest.mark.parametrize("source", SOURCE_IDS)
def test_exactly_the_planted_source_differs(source):
    side = a_side()
    found = against(side, PLANTED[source](side))
    assert found.differing == [source]
    assert [f.source for f in found.findings] == list(SOURCE_IDS)
    assert bool(changed_facts(found.findings)) == (source in ROUNDING)


@pytest.mark.parametrize("source", SOURCE_IDS)
def test_without_details_the_planted_source_is_seen_by_digest_or_setting(source):
    side = a_side()
    now = PLANTED[source](side).fit
    locked, new = (fit_digests(reduced_fit(fit, None)) for fit in (side.fit, now))
    findings = digest_findings(locked, new, "train.lock.details is missing")
    assert [f.source for f in findings] == list(SOURCE_IDS)
    # The digest of state is also that of hyperparameters: it accuses nobody.
    expected = "unknown" if source == "state" else "differs"
    assert {f.source: f.status for f in findings if f.status != "identical"} == {source: expected}
    assert bool(differing_parts(locked, new)) == (source in PARTS)


def test_a_lock_is_not_said_to_be_of_an_unseeded_script():
    """It keeps the seeds of initializers, but not what the script seeded."""
    seeds = [ledger(draw("dense/kernel_initializer", n)) for n in (1, 3)]
    before = a_side(execution={"ledger": seeds[0], "started": "today"})
    seeding = Draw(0, SEEDING, "keras.utils.set_random_seed", 7, True)
    now = changed(
        before,
        execution={"ledger": (seeding, *seeds[1]), "started": "later"},
        initialization=weights(1),
    )
    (finding,) = (f for f in against(before, now).findings if f.source == "initialization")
    assert finding.status == "differs" and "nothing had seeded" not in finding.detail


def test_without_details_equal_fits_have_equal_digests():
    locked, new = (fit_digests(reduced_fit(a_side().fit, None)) for _ in range(2))
    assert not differing_parts(locked, new)
    assert {f.status for f in digest_findings(locked, new, "")} == {"identical"}


def test_an_unchanged_training_has_no_finding():
    found = against(a_side(), a_side())
    assert found.point is None and not found.differing and found.reached_equally


def test_odd_sides_are_compared_without_a_crash():
    everything = [a_side(), *odd_sides()]
    for a in everything:
        for b in everything:
            if b.fit.epochs and a.fit.epochs:
                found = against(a, b)
                assert [f.source for f in found.findings] == list(SOURCE_IDS)
                assert set(found.differing) <= set(SOURCE_IDS)
                assert a is not b or not found.differing


def long_side(steps, spoiled=None, group="weights"):
    """A fit of two epochs with ``steps`` steps each; one digest of one step is another."""
    rows = np.arange(1, 2 * steps * len(STEP_GROUPS) + 1, dtype=np.uint64).reshape(
        -1, len(STEP_GROUPS)
    ) << np.uint64(32)
    ends = [weights(100), weights(101)]
    if spoiled is not None:
        rows[spoiled:, STEP_GROUPS.index(group)] += np.uint64(7 << 32)
        ends = [ends[0] if spoiled >= steps else weights(102), weights(103)]
    side = a_side()
    epochs = tuple(
        replace(e, steps=steps, tensors=t) for e, t in zip(side.fit.epochs, ends, strict=True)
    )
    return changed(
        side,
        fit={
            "steps": rows,
            "step_epochs": np.repeat(np.arange(2), steps),
            "epochs": epochs,
            "final": ends[1],
        },
    )


@pytest.mark.parametrize("group", ["batch", "noise", "loss", "weights"])
@pytest.mark.parametrize("spoiled", [0, 3, FIRST_STEPS - 1])
def test_among_the_first_steps_the_very_step_is_named(spoiled, group):
    point = against(long_side(300), long_side(300, spoiled, group)).point
    assert (point.epoch, point.step) == (0, spoiled)
    assert point.phase == {"loss": "forward", "weights": "update"}.get(group, group)


@pytest.mark.parametrize("group", ["batch", "loss", "weights"])
@pytest.mark.parametrize("spoiled", [FIRST_STEPS, 299, 300, 450, 599])
def test_behind_them_the_epoch_and_what_differs_in_it(spoiled, group):
    point = against(long_side(300), long_side(300, spoiled, group)).point
    assert point.epoch == spoiled // 300
    assert point.phase == {"loss": "forward", "weights": "update"}.get(group, group)
    assert "in one of its steps" in point.where


def test_a_short_second_epoch_is_still_named_to_the_step():
    point = against(long_side(10), long_side(10, 14)).point
    assert (point.epoch, point.step, point.phase) == (1, 4, "update")


# --- rounding ---------------------------------------------------------------------------------


def far(weights, predictions=0.0, **settings):
    found = against(a_side(), PLANTED["arithmetic"](a_side()))
    return replace(found, weights=weights, predictions=predictions, **settings)


MEASURED = Amplification(n=5, weights=1e-8, predictions=1e-8, smallest=1.0, largest=9.0)


def test_only_what_rounds_may_be_rounding():
    for source in SOURCE_IDS:
        side = a_side()
        found = replace(against(side, PLANTED[source](side)), weights=1e-9)
        assert (may_be_rounding(found) == "") == (source in ROUNDING), source


def test_other_batches_or_seed_states_are_not_rounding():
    assert may_be_rounding(far(1e-9, reached_equally=False))
    assert may_be_rounding(far(None))


@pytest.mark.parametrize(
    ("weights", "predictions", "state"),
    [(5e-8, 5e-8, HOLDS), (5e-7, 0.0, FAILS), (5e-8, 5e-7, FAILS), (0.0, 0.0, HOLDS)],
)
def test_the_measured_amplification_decides(weights, predictions, state):
    assert judge_rounding(far(weights, predictions), MEASURED)[0] == state


def test_without_a_measurement_rounding_is_never_claimed():
    assert judge_rounding(far(1e-12), Amplification(why="no reason"))[0] == UNKNOWN
    chaotic = replace(MEASURED, weights=0.5)
    assert judge_rounding(far(0.3), chaotic)[0] == UNKNOWN


def test_a_difference_in_no_field_at_all_is_arithmetic():
    side = a_side()
    rows = side.fit.steps.copy()
    rows[2:, STEP_GROUPS.index("weights")] += np.uint64(1 << 40)
    found = against(side, changed(side, fit={"steps": rows}))
    assert found.differing == ["arithmetic"]
    assert may_be_rounding(replace(found, weights=1e-9)) == ""


@pytest.mark.parametrize(
    ("said", "now_said"),
    [
        ("seed 1 in A (t.py:3) and 2 in B", "seed 1 in the lock (t.py:3) and 2 now"),
        ("only in A 3, only in B 4", "only in the lock 3, only now 4"),
        ("inputs that A and B both hold", "inputs that the lock and this run both hold"),
        ("in A/kernel and in 'B'", "in A/kernel and in 'B'"),
        ("in Adam", "in Adam"),
    ],
)
def test_beside_a_lock_there_is_no_a_and_no_b(said, now_said):
    finding = Finding("noise", "differs", said, said)
    assert in_terms_of_a_lock(finding) == replace(finding, evidence=now_said, detail=now_said)


def test_seeds_that_a_lock_and_a_run_were_given_are_told_as_those():
    found = [
        changed(a_side(), execution={"ledger": ledger(draw("dense/kernel_initializer", n))})
        for n in (1, 3)
    ]
    (finding,) = (f for f in against(*found).findings if f.source == "initialization")
    assert " in A" not in finding.detail and " in B" not in finding.detail
