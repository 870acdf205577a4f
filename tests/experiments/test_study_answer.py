"""A planted study is answered as it was planted, also where hardly anything came of it."""

import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import DRAW, StoredReplica
from whydiff.core.study import METRIC, PREDICTIONS, WEIGHTS
from whydiff.core.visible import plain
from whydiff.experiments.study.answer import answer
from whydiff.testing.studies import EXAMPLES, made

TWO = {"initialization": 1.0, "noise": 0.2}


def total(study, measure, source):
    return next(w for w in study.worth[measure] if w.source == source)


def test_planted_shares_are_found():
    study = answer(made({"initialization": 2.0, "data-order": 1.0, "noise": 0.5}, blocks=60))
    whole = 4 + 1 + 0.25  # the effects are independent and add up: T = S = their part
    for measure in (METRIC, WEIGHTS):
        for source, part in (("initialization", 4), ("data-order", 1), ("noise", 0.25)):
            worth = total(study, measure, source)
            assert worth.total.low < part / whole < worth.total.high
            assert worth.main.low < part / whole < worth.main.high
            assert worth.total.n == 60 and not worth.dead
    order = [total(study, PREDICTIONS, s).total.value for s in ("initialization", "noise")]
    assert order[0] > order[1] > 0
    assert study.dead == () and all(gate.passed for gate in study.gates)


def test_outcome_has_its_n_and_interval():
    stored = made(TWO)
    study = answer(stored)
    draws = [
        k for k in stored.kept.values() if k.member.kind == DRAW and len(k.member.redrawn) != 1
    ]
    values = [k.result.logs[-1]["accuracy"] for k in draws]
    outcome = study.outcome
    assert outcome.mean.n == len(values) == 40
    assert outcome.mean.value == pytest.approx(np.mean(values))
    assert outcome.sd.value == pytest.approx(np.std(values, ddof=1))
    assert (outcome.low, outcome.high) == (min(values), max(values))
    assert sum(outcome.histogram.counts) == 40
    assert 0 < outcome.churn.low <= outcome.churn.value <= outcome.churn.high < 1
    assert study.flips.examples == EXAMPLES and 0 < study.flips.ever <= EXAMPLES
    assert study.own.value in {k.result.logs[-1]["accuracy"] for k in stored.kept.values()}
    assert study.noise.examples == EXAMPLES and study.noise.observed > 0


def test_dead_seed():
    study = answer(made({**TWO, "data-order": 1.0}, dead=("data-order",)))
    assert study.dead == ("data-order",)
    assert total(study, PREDICTIONS, "data-order").total.value == 0
    gate = next(g for g in study.gates if g.name.startswith("every source"))
    assert gate.passed is False and "data-order" in gate.evidence
    assert not any("data-order" in o.question for o in study.open)


def test_arithmetic_that_varies_fails_its_gate_and_becomes_a_source():
    study = answer(made(TWO, arithmetic=1e-3))
    worth = total(study, METRIC, "arithmetic")
    assert 0 < worth.total.value < 1e-3 and worth.total.n == 20 and not worth.main.known
    assert [w.source for w in answer(made(TWO)).worth[METRIC]] == list(TWO)
    gate = next(g for g in study.gates if "same replica again" in g.name)
    assert gate.passed is False and "0 of 20 replicates" in gate.evidence


def test_diverged_and_failed_replicas_are_told_apart_and_not_dropped_silently():
    chance = random.Random(1)
    fates = {}

    def fate(member):
        roll = chance.random()
        fates[member.number] = "nan" if roll < 0.2 else "failed" if roll < 0.3 else "fine"
        return fates[member.number] if member.block >= 0 else "fine"

    stored = made(TWO, fate=fate)
    study = answer(stored)
    mine = {n: fates[n] for n in stored.kept if n}
    failed = sum(f == "failed" for f in mine.values())
    assert study.failures == {"out of memory": failed}
    assert study.failed.value == pytest.approx(failed / len(mine))
    diverged = sum(f == "nan" for f in mine.values())
    assert study.diverged.value == pytest.approx(diverged / (len(mine) - failed))
    assert study.diverged.low < study.diverged.value < study.diverged.high
    assert len(study.table) == len(stored.kept)
    assert math.isfinite(study.outcome.churn.value)
    assert study.outcome.low > 0.1, "the accuracy of a model of NaNs is no accuracy"
    draws = [n for n, k in stored.kept.items() if k.member.kind == DRAW]
    whole = [n for n in draws if len(stored.kept[n].member.redrawn) != 1]
    assert study.outcome.mean.n == sum(fates[n] == "fine" for n in whole)
    assert study.outcome.mean.left_out == len(whole) - study.outcome.mean.n


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_every_training_diverged(metric):
    stored = made(TWO, fate=lambda m: "nan")
    study = answer(stored, metric)
    assert study.diverged.value == 1 and study.outcome.mean.n == 0
    assert any("no draw ended with a finite number" in o.question for o in study.open)
    json.dumps(plain(study.to_dict()), allow_nan=False)


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_hardly_any_block(blocks):
    study = answer(made(TWO, blocks=blocks))
    assert study.outcome.mean.n == 2 * blocks
    assert study.open, "so few blocks leave nearly everything unknown"
    assert not study.outcome.sd.known  # it takes five runs
    assert math.isfinite(study.outcome.sd.value) == (blocks > 0)
    assert (study.own.percentile.n, study.own.ordinary) == (2 * blocks, None)
    json.dumps(plain(study.to_dict()), allow_nan=False)


def test_study_that_was_cut_short():
    study = answer(made(TWO, fate=lambda m: "missing" if m.number > 21 else "fine"))
    assert study.trained == 18 and study.planned == 81
    assert total(study, METRIC, "noise").total.n == 4


def test_metric_that_was_not_logged():
    with pytest.raises(WhydiffError, match="auc") as caught:
        answer(made(TWO), "auc")
    assert "loss, accuracy" in caught.value.way_out


def test_other_metric_than_the_study_was_begun_with():
    assert answer(made(TWO), "loss").outcome.metric == "loss"


def test_factors_are_compared_by_pairs_and_get_no_share():
    stored = made(TWO, factors={"optimizer": ("adam", "sgd")}, shift={"sgd": 0.5})
    study = answer(stored)
    assert study.worth == {}
    (level,) = study.levels
    assert (level.factor, level.value, level.against) == ("optimizer", "sgd", "adam")
    assert level.shift.n == 20 and level.shift.low <= 0.05 + 1e-9
    assert level.shift.value == pytest.approx(0.05)
    assert level.ratio.value == pytest.approx(1)
    assert level.p < 0.001 and level.excess is not None


def test_single_value_is_compared_with_the_script_as_written():
    (level,) = answer(made(TWO, factors={"batch-size": (64,)}, shift={64: -0.3})).levels
    assert (level.value, level.against) == ("64", "as written")
    assert level.shift.value == pytest.approx(-0.03)


def calibrated(move):
    stored = made(TWO)
    fused = {
        n: StoredReplica(k.member, replace(k.result, engine="fused"))
        for n, k in stored.kept.items()
    }
    plainly = {}
    for number, kept in list(stored.kept.items())[1:11]:
        outputs = tuple(p + move(number) for p in kept.result.predictions)
        logs = ({k: v + move(number) for k, v in kept.result.logs[-1].items()},)
        plainly[number] = StoredReplica(
            kept.member, replace(kept.result, predictions=outputs, logs=logs)
        )
    return answer(replace(stored, kept=fused, calibration=plainly)).agreement


def test_engine_that_agrees_to_rounding():
    agreement = calibrated(lambda number: 1e-7)
    assert agreement.agrees and agreement.rounding
    assert agreement.engine == "fused" and agreement.n == 10


def test_engine_that_agrees_in_distribution_only():
    agreement = calibrated(lambda number: 0.02 * (-1) ** number)
    assert not agreement.rounding and agreement.agrees


def test_engine_that_trains_something_else():
    agreement = calibrated(lambda number: 0.2 + 0.001 * number)
    assert not agreement.rounding and not agreement.agrees


def test_answer_is_json_and_data_frame():
    study = answer(made(TWO))
    found = plain(study.to_dict())
    json.dumps(found, allow_nan=False)
    assert found["schema"] == 1
    assert {"gates", "outcome", "worth", "noise", "own", "flips", "open", "replicas"} <= set(found)
    assert found["worth"]["predictions"][0]["total"]["n"] == 20
    pandas = pytest.importorskip("pandas")
    frame = study.to_pandas()
    assert isinstance(frame, pandas.DataFrame) and len(frame) == len(study.table)
    assert {"number", "block", "seed.noise", "accuracy", "digest"} <= set(frame.columns)


def test_answers_are_repeatable_and_leave_global_generators_alone():
    before = random.getstate(), np.random.get_state()[1].copy()
    stored = made(TWO, factors={"optimizer": ("adam", "sgd")}, shift={"sgd": 0.01})
    assert answer(stored).levels == answer(stored).levels
    assert before[0] == random.getstate() and (before[1] == np.random.get_state()[1]).all()


@pytest.mark.parametrize(
    "noted",
    [
        {"plan": None},
        {"plan": {"sources": 7}},
        {"plan": {**made(TWO, blocks=1).meta["plan"], "blocks": "many"}},
        {"fit": 7},
        {"gates": {"own": "fine"}},
        {"notes": "a note"},
    ],
)
def test_notes_of_a_hostile_file_are_refused(noted):
    with pytest.raises(WhydiffError, match="damaged"):
        answer(made(TWO, blocks=1, **noted))


DIVIDED = {"initialization": 1.0, "data-content": 0.5}


def divided(way, blocks=20, **meta):
    division = {"way": way, "training": 80, "held": 20}
    study = made(DIVIDED, blocks, ways={"data-content": way}, **{"division": division, **meta})
    return answer(study)


def test_folds_of_a_partition_count_as_one_block():
    folds, splits = divided("kfold=4"), divided("split")
    assert total(folds, METRIC, "data-content").total.n == 5
    assert total(splits, METRIC, "data-content").total.n == 20
    assert folds.outcome.mean.n == splits.outcome.mean.n == 40


def test_a_mean_over_divisions_of_the_same_rows_is_known_less_well():
    plain = answer(made(DIVIDED, 20, ways={"data-content": "split"}))
    corrected = divided("split")
    wider = (corrected.outcome.mean.high - corrected.outcome.mean.low) / (
        plain.outcome.mean.high - plain.outcome.mean.low
    )
    assert wider == pytest.approx(math.sqrt((1 / 40 + 20 / 80) / (1 / 40)))
    assert any("overlap" in note for note in corrected.notes)


def test_other_validation_data_in_every_run_give_no_part_of_the_test_set():
    assert answer(made(DIVIDED, 20)).noise is not None and divided("split").noise is None


@pytest.mark.parametrize(
    "wrong", [{"training": -1}, {"held": "20"}, {"way": "kfold=x"}, {"way": 3}]
)
def test_a_damaged_division_is_refused(wrong):
    with pytest.raises(WhydiffError, match="damaged"):
        divided("split", division={"way": "split", "training": 80, "held": 20} | wrong)
