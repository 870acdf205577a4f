"""What is confirmed, suspected, ruled out and left unknown, decided on plain data."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.feeding import NO_TIME, OutOfTime
from whydiff.core.findings import CONFIRMED, DIFFERS, SUSPECTED, Cause, Finding, Remedy
from whydiff.core.progress import Silent
from whydiff.core.recording import Epoch
from whydiff.diagnosis import trials as trials_module
from whydiff.diagnosis.answer import answer
from whydiff.diagnosis.trials import run_trials
from whydiff.diagnosis.verdict import _as_data, judge, untried
from whydiff.report.documents.explanation import verdict as sentence
from whydiff.testing.hybrids import SimulatedTrainer, additive, compared
from whydiff.testing.sides import (
    a_fit,
    a_recipe,
    a_side,
    batches,
    changed,
    content,
    facts,
    order,
    shuffled,
    steps,
    tensor,
    weights,
)

FINAL = {"final": weights(7)}  # other weights at the end than `a_side` has


@pytest.mark.parametrize(
    ("between", "other", "question"),
    [
        ("fits", "train.py", "fits 1 and 2 of train.py end differently?"),
        ("fits", "b.py", "fit 1 of train.py and fit 2 of b.py end differently?"),
        ("scripts", "b.py", "train.py and b.py end differently?"),
        ("runs", "train.py", "two runs of train.py end differently?"),
    ],
)
def test_the_question_names_what_is_compared(between, other, question):
    a = a_side()
    b = changed(a, fit={"index": 2}, execution={"script": other})
    made = answer(compared(a, b, between=between))
    assert made.question == f"Why do {question}"
    assert (made.a["number"], made.b["number"], made.b["fit"]) == (1, 2, 2)
    loop = changed(b, fit={"call": 5, "stack": (), "epochs": (), "notes": {"data": "loop"}})
    told = answer(compared(a, loop, between=between)).b
    assert (told["call"], told["number"], told["line"], told["logs"]) == ("loop", 5, None, {})


@pytest.mark.parametrize(
    ("mechanism", "structural"),
    [("stale-trace", ["optimizer", "state"]), ("attribute-kept", ["optimizer", "state"]),
     ("continued-fit", ["optimizer"])],
)  # fmt: skip
def test_state_that_a_layer_or_the_compiled_step_holds_changes_the_program(mechanism, structural):
    sides = rate_and_batch()
    state = Finding("state", DIFFERS, "", mechanism=mechanism)
    findings = [state if f.source == "state" else f for f in sides.findings]
    diff = replace(sides.diff, findings=tuple(findings))
    assert sorted(replace(sides, diff=diff).structural) == structural
    other = [replace(f, mechanism=mechanism) if f.source == "optimizer" else f for f in findings]
    other = [replace(f, mechanism="") if f.source == "state" else f for f in other]
    diff = replace(sides.diff, findings=tuple(other))
    assert replace(sides, diff=diff).structural == ["optimizer"]


def rate_and_batch(fit=FINAL):
    """Two sides that differ in learning rate and batch size."""
    a = a_side()
    optimizer = facts(a, "optimizer", learning_rate=0.01)
    return compared(a, changed(a, fit=fit, optimizer=optimizer,
                               batch_size=batches([5, 5], [5, 5], batch_size=5)))  # fmt: skip


def tried(sides, outcome, budget=None, **trainer):
    made = SimulatedTrainer(sides.movable(), outcome, **trainer)
    return run_trials(made, sides.movable(), budget, Silent()), made


def judged(sides, outcome, remedy=None, **trainer):
    trials, _ = tried(sides, outcome, **trainer)
    return judge(sides, trials, remedy)


def by_source(verdict):
    return {c.source: c for c in verdict.causes}


def evidence(items):
    return {e.source: e.evidence for e in items}


# --- which sources matter ---------------------------------------------------------------------


def test_sources_that_change_a_bit_are_confirmed_with_their_sizes():
    sides = rate_and_batch()
    verdict = judged(sides, additive({"optimizer": (3.0, 0.0), "batch-size": (1.0, 0.0)}))
    causes = by_source(verdict)
    assert [c.source for c in verdict.causes] == ["optimizer", "batch-size"]  # largest share first
    assert {c.status for c in verdict.causes} == {CONFIRMED}
    rate = causes["optimizer"]
    assert (rate.share, rate.alone, rate.remaining) == pytest.approx((0.75, 0.75, 0.25))
    assert causes["batch-size"].share == pytest.approx(0.25)
    assert (verdict.unexplained, verdict.reproduced) == (0.0, True)
    assert verdict.notes == ()


def test_what_data_gave_to_adapted_layers_counts_as_data():
    cause = Cause("initialization", "", CONFIRMED, "", "", mechanism="adapted-otherwise")
    told, excluded = _as_data([cause])
    assert [c.source for c in told] == ["data-content"]
    assert [e.source for e in excluded] == ["initialization"]
    samples = replace(cause, source="data-content", mechanism="")
    assert _as_data([cause, samples]) == ([cause, samples], [])
    drawn = replace(cause, mechanism="")
    assert _as_data([drawn]) == ([drawn], [])


def test_a_source_without_consequences_is_ruled_out_and_says_why():
    sides = rate_and_batch()
    verdict = judged(sides, additive({"optimizer": (3.0, 0.0), "batch-size": (0.0, 0.0)}))
    assert [c.source for c in verdict.causes] == ["optimizer"]
    assert verdict.causes[0].share == pytest.approx(1.0)
    assert "changes no bit of the result" in evidence(verdict.excluded)["batch-size"]
    verdict = judged(
        sides,
        additive({"optimizer": (3.0, 0.0), "batch-size": (0.0, 0.0)}),
        logs=lambda coalition: [{"val_loss": 1.0 + ("batch-size" in coalition)}],
    )
    said = evidence(verdict.excluded)["batch-size"]
    assert said.endswith("taken from B it changes logged numbers, but no bit of the weights")


def test_a_source_that_matters_only_beside_another_is_confirmed():
    """Alone it changes nothing, but without it B is not reached."""
    sides = rate_and_batch()
    both = frozenset({"optimizer", "batch-size"})
    verdict = judged(sides, lambda c: (float("optimizer" in c) + float(c == both), 0.0))
    assert by_source(verdict)["batch-size"].status == CONFIRMED
    assert by_source(verdict)["batch-size"].alone == 0.0


def test_what_is_equal_is_ruled_out_and_what_cannot_be_compared_stays_unknown():
    a = a_side()
    sides = compared(a, changed(a, fit=FINAL, optimizer=facts(a, "optimizer", learning_rate=0.01),
                                noise=(), state=(), initialization=()))  # fmt: skip
    verdict = judged(sides, additive({"optimizer": (1.0, 0.0)}))
    assert "architecture" in evidence(verdict.excluded)
    assert "initialization" in evidence(verdict.unknown)
    named = {c.source for c in verdict.causes}
    ruled_out, unknown = set(evidence(verdict.excluded)), set(evidence(verdict.unknown))
    assert not named & ruled_out and not named & unknown and not ruled_out & unknown


def test_what_fields_leave_open_is_told_in_parts_of_the_distance():
    sides = rate_and_batch()
    outcome = additive({"optimizer": (3.0, 0.0), "batch-size": (1.0, 0.0)})
    verdict = judged(sides, outcome, b=(6.0, 1.0))  # all of B's fields end at (5, 1)
    assert verdict.unexplained == pytest.approx(1 / 5)
    assert verdict.reproduced


def test_a_refused_source_stays_suspected_with_the_reason():
    sides = rate_and_batch()
    outcome = additive({"optimizer": (3.0, 0.0), "batch-size": (1.0, 0.0)})
    refused = {frozenset({"batch-size"}): "the data were too large to keep"}
    verdict = judged(sides, outcome, refused=refused)
    cause = by_source(verdict)["batch-size"]
    assert (cause.status, cause.share) == (SUSPECTED, None)
    assert "too large to keep" in cause.evidence
    assert by_source(verdict)["optimizer"].status == CONFIRMED


def test_sources_that_fit_only_together_share_alike():
    a = a_side()
    sides = compared(a, changed(a, fit=FINAL, data_content=content(range(20, 30)),
                                architecture=facts(a, "architecture", **{"layer:dense:units": 4}),
                                optimizer=facts(a, "optimizer", learning_rate=0.01)))  # fmt: skip
    alone = {frozenset({s}): "they do not fit" for s in ("data-content", "architecture")}
    effects = {"optimizer": (1.0, 0.0), "data-content": (1.0, 0.0), "architecture": (1.0, 0.0)}
    trials, _ = tried(sides, additive(effects), refused=alone)
    verdict = judge(sides, trials)
    data, layers = by_source(verdict)["data-content"], by_source(verdict)["architecture"]
    assert data.status == layers.status == CONFIRMED
    assert data.share == layers.share == pytest.approx(1 / 3)
    assert data.alone is None and "confirmed together with architecture" in data.evidence
    assert any("fit only together" in note for note in verdict.notes)


def test_versions_that_change_together_are_counted_once():
    a = a_side()
    sides = compared(a, changed(a, fit=FINAL, backend={"backend": "torch"},
                                version={**a.recipe.version, "keras": "3.14.0"}))  # fmt: skip
    verdict = judged(sides, additive({"backend": (1.0, 0.0)}))
    assert by_source(verdict)["backend"].status == CONFIRMED
    assert "changes together with backend" in by_source(verdict)["version"].evidence


def test_where_nothing_that_differs_matters_all_of_it_is_suspected():
    sides = rate_and_batch()
    verdict = judged(sides, lambda c: (1.0, 1.0), b=(2.0, 2.0))
    assert {c.status for c in verdict.causes} == {SUSPECTED}
    assert {c.source for c in verdict.causes} == {"optimizer", "batch-size"}
    assert verdict.unexplained == 1.0


# --- the control ------------------------------------------------------------------------------


def unsteady(sides, **more):
    """A trained again is not A."""
    effects = {"optimizer": (3.0, 0.0), "batch-size": (1.0, 0.0)}
    return judged(sides, additive(effects), a=(9.0, 9.0), **more)


def test_where_the_control_fails_nothing_is_confirmed_and_no_share_is_given():
    verdict = unsteady(rate_and_batch())
    assert {c.source for c in verdict.causes} == {"optimizer", "batch-size"}
    for cause in verdict.causes:
        assert cause.status == SUSPECTED
        assert (cause.share, cause.alone, cause.remaining) == (None, None, None)
        assert "A trained again" in cause.evidence
    assert (verdict.reproduced, verdict.unexplained) == (False, 1.0)
    note = verdict.notes[0]
    assert "cannot be reproduced from what was recorded" in note
    assert "batch-size and optimizer" in note or "optimizer and batch-size" in note
    assert "whydiff record" in note and "pip freeze" in note


def test_where_the_control_fails_no_generator_is_said_to_be_absent():
    sides = rate_and_batch()
    without = [replace(side, fit=replace(side.fit, recipe=replace(side.recipe, noise=())))
               for side in (sides.a, sides.b)]  # fmt: skip
    quiet = compared(*without)
    assert "draws no random" in evidence(judged(quiet, additive(
        {"optimizer": (3.0, 0.0), "batch-size": (1.0, 0.0)})).excluded)["noise"]  # fmt: skip
    verdict = unsteady(quiet)
    assert "noise" not in evidence(verdict.excluded)
    assert "may draw" in evidence(verdict.unknown)["noise"]


def test_the_note_says_where_a_trained_again_differs_from_a():
    sides = rate_and_batch()
    again = [{"accuracy": 0.5, "loss": 1.0}, {"accuracy": 0.6, "loss": 0.75}]
    verdict = unsteady(sides, logs=lambda c: again)
    assert "logs loss 0.75 vs. 0.8 in epoch 2" in verdict.notes[0]


def test_a_training_that_cannot_run_again_says_so():
    sides = rate_and_batch()
    why = "run again, the loop ended after 3 steps and not after 6"
    outcome = additive({"optimizer": (3.0, 0.0), "batch-size": (1.0, 0.0)})
    verdict = judged(sides, outcome, refused={frozenset(): why})
    assert {c.status for c in verdict.causes} == {SUSPECTED}
    assert not verdict.reproduced and why in verdict.notes[0]


def test_the_answer_says_that_it_was_not_reproduced():
    sides = rate_and_batch()
    trials, _ = tried(sides, additive({"optimizer": (3.0, 0.0), "batch-size": (1.0, 0.0)}),
                      a=(9.0, 9.0))  # fmt: skip
    told = answer(sides, trials).to_dict()
    assert told["reproduced"] is False
    assert not any("share" in cause for cause in told["causes"])
    assert "suspected, not confirmed" in sentence(answer(sides, trials))


# --- a fix as proof ---------------------------------------------------------------------------


def test_a_fix_that_makes_two_executions_agree_confirms_what_it_repairs():
    sides = rate_and_batch()
    remedy = Remedy("patch", True, "seeded", ("optimizer",))
    verdict = unsteady(sides, remedy=remedy)
    assert [(c.source, c.status) for c in verdict.causes] == [("optimizer", CONFIRMED)]
    assert "agree bit for bit" in verdict.causes[0].evidence
    assert "consequence of optimizer" in evidence(verdict.excluded)["batch-size"]
    assert verdict.unexplained == 0.0
    assert not verdict.reproduced


def test_a_fix_confirms_draws_that_no_step_was_seen_to_make():
    """Nothing that is recorded differs, and A trained again is not A: a callback draws."""
    sides = compared(a_side(), a_side())
    without = [replace(side, fit=replace(side.fit, recipe=replace(side.recipe, noise=())))
               for side in (sides.a, sides.b)]  # fmt: skip
    ended = replace(without[1], fit=replace(without[1].fit, final=weights(9)))
    sides = compared(without[0], ended)
    assert not sides.differing
    remedy = Remedy("patch", True, "seeded", ("noise",))
    verdict = judged(sides, additive({}), a=(9.0, 9.0), remedy=remedy)
    (cause,) = verdict.causes
    assert (cause.source, cause.mechanism, cause.status) == ("noise", "drawn-unseen", CONFIRMED)
    assert "agree bit for bit" in cause.evidence and "noise" not in evidence(verdict.unknown)
    assert judged(sides, additive({}), a=(9.0, 9.0)).causes == ()
    pinned = Remedy("patch", True, "pinned", ("version",))  # says nothing about random numbers
    assert judged(sides, additive({}), a=(9.0, 9.0), remedy=pinned).causes == ()


@pytest.mark.parametrize("role", ["seed", "operation seed"])
def test_equal_seeds_rule_no_noise_out_where_a_trained_again_is_not_a(role):
    """An operation keeps a generator of its own, and something may draw where nobody looked."""
    noise = tuple(replace(t, role=role) for t in a_side().recipe.noise)
    a = a_side(noise=noise)
    ended = replace(a, fit=replace(a.fit, final=weights(9)))
    sides = compared(a, ended)
    failed = judged(sides, additive({}), a=(9.0, 9.0))
    assert "noise" in evidence(failed.unknown) and "noise" not in evidence(failed.excluded)
    assert ("draws by" in evidence(failed.unknown)["noise"]) is (role == "operation seed")


@pytest.mark.parametrize(
    "remedy", [Remedy("patch", False, "failed", ("optimizer",)), Remedy("patch", True, "in part")]
)
def test_a_fix_that_did_not_make_them_agree_proves_nothing(remedy):
    verdict = unsteady(rate_and_batch(), remedy=remedy)
    assert {c.status for c in verdict.causes} == {SUSPECTED}
    assert verdict.unexplained == 1.0


# --- offsets and amplification ----------------------------------------------------------------

OPPOSITE = {"optimizer": (0.3, 0.0), "batch-size": (-0.3 + 1e-7, 0.0)}


def test_settings_that_cancel_are_said_to_offset_each_other():
    sides = rate_and_batch()
    verdict = judged(sides, additive(OPPOSITE), grown=1e-7)
    assert {c.source for c in verdict.causes} == {"optimizer", "batch-size"}
    for cause in verdict.causes:
        assert (cause.share, cause.alone, cause.remaining) == (None, None, None)
        assert len(cause.offsets) == 1
        assert "0.2121" in cause.evidence  # root mean square over two numbers
    assert any("offset each other" in note for note in verdict.notes)
    assert not any("amplif" in note for note in verdict.notes)
    trials, _ = tried(sides, additive(OPPOSITE))
    said = sentence(answer(sides, trials))
    assert "offset each other" in said and "because" not in said
    advised = answer(sides, trials, Remedy("", False, "Use the same optimizer."))
    assert advised.remedy.how.startswith("Nothing has to be repaired")
    patched = Remedy("patch", True, "moved")
    assert answer(sides, trials, patched).remedy is patched


def test_settings_that_cancel_bit_for_bit_are_no_causes():
    """One undoes the other: the two end in the same bits."""
    a = a_side()
    sides = compared(a, changed(a, optimizer=facts(a, "optimizer", learning_rate=0.01),
                                batch_size=batches([5, 5], [5, 5], batch_size=5)))  # fmt: skip
    verdict = judged(sides, additive({"optimizer": (0.25, 0.0), "batch-size": (-0.25, 0.0)}))
    assert verdict.causes == ()
    assert "offset each other" in evidence(verdict.excluded)["optimizer"]
    assert verdict.unexplained == 0.0


def test_partial_offsets_keep_their_numbers_and_a_word():
    sides = rate_and_batch()
    verdict = judged(sides, additive({"optimizer": (3.0, 0.0), "batch-size": (-1.5, 0.0)}))
    assert by_source(verdict)["optimizer"].alone == pytest.approx(2.0)
    assert by_source(verdict)["optimizer"].offsets == ("batch-size",)
    assert any("partly offset" in note for note in verdict.notes)


def test_amplification_is_told_only_where_a_nudge_grew():
    sides = rate_and_batch()

    def chaotic(coalition):
        """Whatever changes moves the result about as far."""
        seed = sum(2**i for i, s in enumerate(("optimizer", "batch-size")) if s in coalition)
        return np.random.default_rng(seed).normal(size=200)

    grown = judged(sides, chaotic, grown=0.9)
    assert [n for n in grown.notes if "amplifies" in n and "unit in the last place" in n]
    assert sum("amplif" in n for n in grown.notes) == 1
    assert not any(c.offsets for c in grown.causes)
    steady = judged(sides, chaotic, grown=1e-9)
    assert not any("amplif" in n for n in steady.notes)


def test_a_nudge_is_trained_only_where_sizes_ask_for_it():
    sides = rate_and_batch()
    _, additive_trainer = tried(sides, additive({"optimizer": (3.0, 0), "batch-size": (1.0, 0)}))
    assert not [nudge for _, nudge in additive_trainer.asked if nudge is not None]
    _, cancelling = tried(sides, additive(OPPOSITE))
    assert [c for c, nudge in cancelling.asked if nudge is not None] == [frozenset()]


# --- equal weights ----------------------------------------------------------------------------


def logged(*losses):
    return {"epochs": tuple(Epoch(i, 3, {"loss": x}) for i, x in enumerate(losses))}


def test_settings_that_differ_and_end_in_the_same_bits_are_no_causes():
    sides = rate_and_batch(fit={"steps": steps([3, 3], 5)[0]})
    verdict = judged(sides, lambda c: (1.0, 1.0))
    assert verdict.causes == ()
    assert {"optimizer", "batch-size"} <= set(evidence(verdict.excluded))
    trials, _ = tried(sides, lambda c: (1.0, 1.0))
    assert "changes nothing" in sentence(answer(sides, trials))
    assert any("batch-size and optimizer differ without effect" in n for n in verdict.notes)


def test_settings_that_offset_each_other_in_the_weights_may_log_other_numbers():
    sides = rate_and_batch(fit=logged(2.0))
    worth = additive({"optimizer": (1.0, 0.0), "batch-size": (-1.0, 0.0)})
    trials, _ = tried(sides, worth, logs=lambda c: [{"loss": 1.0 + ("optimizer" in c)}])
    verdict = judge(sides, trials)
    assert {c.source: c.offsets for c in verdict.causes}["optimizer"] in ((), ("batch-size",))
    both, _ = tried(sides, worth, logs=lambda c: [{"loss": 1.0 + len(c)}])
    verdict = judge(sides, both)
    assert {c.source: c.offsets for c in verdict.causes} == {
        "optimizer": ("batch-size",), "batch-size": ("optimizer",),
    }  # fmt: skip
    said = sentence(answer(sides, both))
    assert "offset each other" in said and "the logged numbers differ" in said


def test_another_way_of_measuring_explains_other_logs_of_equal_weights():
    a = a_side(fit=logged(1.0))
    b = changed(a, fit=logged(2.0), measurement={"metrics": ["mae"]})
    verdict = judged(compared(a, b), lambda c: (1.0, 1.0))
    (cause,) = verdict.causes
    assert (cause.source, cause.status) == ("measurement", CONFIRMED)
    assert (cause.share, cause.alone, cause.remaining) == (1.0, 1.0, 0.0)


def test_another_way_of_measuring_explains_no_weight():
    a = a_side(fit=logged(1.0))
    b = changed(a, fit=logged(2.0) | FINAL, measurement={"metrics": ["mae"]},
                optimizer=facts(a, "optimizer", learning_rate=0.01))  # fmt: skip
    verdict = judged(compared(a, b), additive({"optimizer": (1.0, 0.0)}))
    assert [c.source for c in verdict.causes] == ["optimizer"]
    assert "changes no weight" in evidence(verdict.excluded)["measurement"]


def test_another_rule_that_logs_the_same_numbers_is_no_cause():
    a = a_side()
    b = changed(a, measurement={"metrics": ["accuracy"], "validation_freq": 2})
    verdict = judged(compared(a, b), lambda c: (1.0, 1.0))
    assert verdict.causes == () and "same" in evidence(verdict.excluded)["measurement"]


def test_validated_on_other_data_is_said_only_of_other_validation_data():
    a = a_side(fit=logged(1.0), data_content=content(validation="aa"))
    b = changed(a, fit=logged(2.0), data_content=content(range(1, 11), validation="bb"))
    verdict = judged(compared(a, b), lambda c: (1.0, 1.0))
    assert [c.source for c in verdict.causes] == ["measurement"]
    assert "validated on other data" in verdict.causes[0].detail

    same = changed(a, fit=logged(2.0), data_content=content(range(1, 11), validation="aa"))
    taken = {"data-content": 2.0}
    verdict = judged(compared(a, same), lambda c: (1.0, 1.0),
                     logs=lambda c: [{"loss": max([1.0, *(taken[s] for s in c)])}])  # fmt: skip
    assert [(c.source, c.status) for c in verdict.causes] == [("data-content", CONFIRMED)]
    assert "validated" not in verdict.causes[0].evidence


def test_a_leak_into_the_validation_data_is_a_cause_beside_those_of_the_weights():
    """It moves no weight, only the number that is looked at."""
    a = a_side(fit=FINAL)
    known = a.recipe.data_content
    clean = replace(known, validation="aa", validation_samples=known.samples + 1)
    leaky = replace(known, validation="bb", validation_samples=known.samples)
    a = changed(a, data_content=clean)
    b = changed(a, data_content=leaky, data_order=shuffled(5), fit={"final": weights(8)})
    moved = {"data-order": 2.0}

    def logs(coalition):
        return [{"loss": 1.0, "val_accuracy": 0.9 if "data-content" in coalition else 0.5}]

    def outcome(coalition):
        return (1.0, max([1.0, *(moved.get(s, 1.0) for s in coalition)]))

    verdict = judged(compared(a, b), outcome, logs=logs)
    assert {(c.source, c.status) for c in verdict.causes} == {
        ("data-order", CONFIRMED), ("data-content", CONFIRMED)
    }  # fmt: skip
    quiet = judged(compared(a, b), outcome, logs=lambda c: [{"loss": 1.0}])
    assert [c.source for c in quiet.causes] == ["data-order"]


# --- what an earlier call left ----------------------------------------------------------------


def two_scripts(optimizer_b, first_rate):
    """Fit 2 of two scripts, whose fit 1 left other weights."""
    sides = []
    for seed, rate, optimizer in ((1, 0.001, {}), (2, first_rate, optimizer_b)):
        recipe = a_recipe()
        first = a_fit(replace(recipe, optimizer={**recipe.optimizer, "learning_rate": rate}),
                      final=weights(seed), steps=steps([3, 3], seed)[0])  # fmt: skip
        side = a_side(fit={"index": 2, "final": weights(10 + seed)},
                      initialization=weights(seed, trained_by=1))  # fmt: skip
        side = changed(side, optimizer={**side.recipe.optimizer, **optimizer})
        sides.append(replace(side, execution=replace(side.execution, fits=(first, side.fit))))
    return compared(*sides, between="scripts")


def test_what_an_earlier_fit_left_is_a_consequence_of_the_cause_of_both():
    sides = two_scripts({"learning_rate": 0.01}, first_rate=0.01)
    verdict = judged(sides, additive({"optimizer": (1.0, 0.0), "state": (2.0, 0.0)}))
    assert [c.source for c in verdict.causes] == ["optimizer"]
    assert any("consequence" in note and "--fits 1,1" in note for note in verdict.notes)


def test_what_an_earlier_fit_left_stays_the_cause_where_nothing_else_differs():
    sides = two_scripts({}, first_rate=0.01)
    verdict = judged(sides, additive({"state": (2.0, 0.0)}))
    assert [c.source for c in verdict.causes] == ["state"]
    assert any("itself differs in optimizer: --fits 1,1" in note for note in verdict.notes)


# --- trials -----------------------------------------------------------------------------------


def test_identical_sides_need_no_trial():
    a = a_side()
    verdict = untried(compared(a, changed(a)))
    assert verdict.causes == () and verdict.reproduced and verdict.unexplained == 0.0
    assert "changes no bit" not in " ".join(evidence(verdict.excluded).values())


def test_of_identical_trainings_it_is_only_said_that_they_agree():
    """Nothing was taken from B, so nothing is said of what that would do."""
    said = evidence(untried(rate_and_batch(fit=None)).excluded)
    for source in ("optimizer", "batch-size"):
        assert said[source].endswith("; but the two trainings agree bit for bit")


def test_when_patience_ends_the_necessary_hybrids_are_trained_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(trials_module, "PATIENCE", -1.0)
    a = a_side()
    sides = compared(a, changed(a, fit=FINAL, data_order=order(range(10), range(10)),
                                optimizer=facts(a, "optimizer", learning_rate=0.01),
                                initialization=weights(3), data_content=content(range(1, 11)),
                                objective=facts(a, "objective", loss="mse")))  # fmt: skip
    names = sides.movable()
    assert len(names) == 5
    trials, made = tried(sides, additive({n: (float(i + 1), 0.0) for i, n in enumerate(names)}))
    trained = {c for c, _ in made.asked}
    everything = frozenset(names)
    assert {frozenset(), everything} <= trained
    assert {frozenset({n}) for n in names} | {everything - {n} for n in names} <= trained
    verdict = judge(sides, trials)
    assert sum(c.share for c in verdict.causes) == pytest.approx(1.0)


def test_beyond_the_budget_only_the_control_is_trained_and_nothing_is_confirmed():
    sides = rate_and_batch()
    trials, made = tried(sides, additive(dict.fromkeys(sides.movable(), (1.0, 0.0))), budget=-1.0)
    assert [c for c, _ in made.asked] == [frozenset()]
    assert trials.left_out == len(sides.movable())
    verdict = judge(sides, trials)
    assert {c.status for c in verdict.causes} == {SUSPECTED}
    assert all(NO_TIME in c.evidence for c in verdict.causes)
    assert any("--budget" in note for note in verdict.notes)


def test_what_the_end_of_the_budget_interrupts_is_left_out_and_the_rest_stands():
    class Interrupted(SimulatedTrainer):
        """Its process is ended while it trains what is asked ``last``."""

        def train(self, *words, **options):
            if len(self.asked) == last:
                raise OutOfTime
            return super().train(*words, **options)

        def measure(self, side):
            return self.train(frozenset()) and None

    sides = rate_and_batch()
    outcome = additive(dict.fromkeys(sides.movable(), (1.0, 0.0)))
    for last, sources, left in ((0, 0, 0), (1, 0, 2), (2, 1, 1), (3, 2, 1)):
        made = Interrupted(sides.movable(), outcome)
        trials = run_trials(made, sides.movable(), 600.0, Silent())
        assert (len(trials.sources), trials.left_out) == (sources, left), last
        verdict = judge(sides, trials)
        assert len(verdict.causes) == 2 and (
            last == 3 or SUSPECTED in {c.status for c in verdict.causes}
        )
        assert not trials.together


def test_all_coalitions_of_few_sources_are_trained_once():
    a = a_side()
    sides = compared(a, changed(a, fit=FINAL, data_order=shuffled(9), initialization=weights(3),
                                optimizer=facts(a, "optimizer", learning_rate=0.01)))  # fmt: skip
    _, made = tried(sides, additive(dict.fromkeys(sides.movable(), (1.0, 0.0))))
    asked = [c for c, nudge in made.asked if nudge is None]
    assert len(asked) == len(set(asked)) == 2**3


# --- sources that act through another ---------------------------------------------------------


def test_compiled_or_eager_acts_through_draws_that_were_frozen():
    a = a_side(noise=(tensor("NumPy's global generator", np.ones(3), "frozen seed"),))
    b = changed(a, fit=FINAL, arithmetic=facts(a, "arithmetic", run_eagerly=True),
                noise=(tensor("NumPy's global generator", np.ones(3), "seed"),))  # fmt: skip
    sides = compared(a, b)
    assert sides.movable() == ["noise"]
    assert sides.follows == {"noise": ("arithmetic",)}
    verdict = judged(sides, additive({"noise": (1.0, 0.0)}))
    assert [(c.source, c.status) for c in verdict.causes] == [("noise", CONFIRMED)]
    assert "acts through the noise" in evidence(verdict.excluded)["arithmetic"]


# --- what is not recorded ---------------------------------------------------------------------


def test_what_is_not_recorded_is_not_called_arithmetic():
    a = a_side(fit={"notes": {"losses": (1.0, 0.9)}})
    rows = a.fit.steps.copy()
    rows[1:, 4] += 1
    b = changed(a, fit=FINAL | {"steps": rows, "notes": {"losses": (1.0, 0.7)}})
    sides = compared(a, b)
    verdict = judged(sides, lambda c: (1.0, 1.0), b=(2.0, 2.0))
    assert verdict.causes == () and verdict.unexplained == 1.0
    note = verdict.notes[0]
    assert "not recorded" in note and "epoch 1, step 2" in note and "Looked for" in note
    assert "arithmetic" in evidence(verdict.unknown)


# --- a training with Keras 2 beside one with Keras 3 --------------------------------------------


def second_and_third():
    """Other initial weights, another epsilon and other ways of drawing, under two Kerases."""
    a = a_side(version=facts(a_side(), "version", keras="2.15.0"))
    drawn = (tensor("TensorFlow's operation RandomUniform", [1, 2], "operation seed"),)
    b = changed(
        a,
        fit=FINAL,
        initialization=weights(9),
        optimizer=facts(a, "optimizer", epsilon=1e-3),
        version=facts(a, "version", keras="3.15.1"),
    )
    return compared(replace(a, fit=replace(a.fit, recipe=replace(a.recipe, noise=drawn))), b)


def test_between_two_generations_of_keras_only_arrays_are_transferred():
    sides = second_and_third()
    assert sides.only_arrays and sides.structural == []
    assert sides.movable() == ["initialization", "version"]
    verdict = judged(sides, additive({"initialization": 3.0, "version": 1.0}))
    causes = by_source(verdict)
    assert {s: c.status for s, c in causes.items()} == {
        "initialization": CONFIRMED,
        "version": CONFIRMED,
        "optimizer": SUSPECTED,
        "noise": SUSPECTED,
    }
    assert "it is counted with the version" in causes["optimizer"].evidence
    assert "its random numbers cannot be transferred" in causes["noise"].evidence
    assert "compare averages" in causes["noise"].remedy


def test_the_default_of_a_layers_training_is_no_other_mode_between_the_two():
    a = a_side(version=facts(a_side(), "version", keras="2.15.0"))
    mode = facts(a, "mode", **{"training:dropout": False})
    b = changed(a, mode=mode, version=facts(a, "version", keras="3.15.1"))
    assert "mode" not in compared(a, b).differing
    assert "mode" in compared(a, changed(a, mode=mode)).differing
