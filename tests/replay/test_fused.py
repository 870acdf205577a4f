"""The fused engine gives every replica the training it would have had alone.

One process runs a script with a fit per family of layers; each fit's replicas are then trained
fused and one by one by the same process, through the requests that a study makes.
"""

from pathlib import Path

import numpy as np
import pytest

from whydiff.core.replicas import Replica
from whydiff.runner.client import Child, Run
from whydiff.runner.messages import AskRedrawable, Replicate

SCRIPT = Path(__file__).parent.parent / "scripts" / "layer_families.py"
SHORT = ("dense", "conv", "stopping")
LONGER = ("recurrent", "attention", "several_ends", "averaged", "subclassed", "mixed")
SEEDED = ("initialization", "data-order", "noise")

#: Both sum the same float32 numbers in another order: some ULPs after a few dozen steps. A
#: float16 net rounds at 1e-3 in every step.
TOLERANCE = {"mixed": 2e-2}

pytestmark = pytest.mark.long


def both_ways(tmp_path_factory, names):
    """By name of the fit: what can be redrawn, and the replicas of each engine."""
    folder = tmp_path_factory.mktemp("fused")
    run = Run(SCRIPT, tuple(names), {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"})
    found = {}
    with Child(run, folder / "a.whydiff", folder / "log", serve=True) as child:
        assert child.wait_for_script() == 0, (folder / "log").read_text()
        for fit, name in enumerate(names, 1):
            able = child.request(AskRedrawable(fit))
            seeds = {s: 77 for s in able.sources if s in SEEDED}
            replicas = (Replica(0), Replica(1, seeds), Replica(2, dict.fromkeys(seeds, 78)))
            found[name] = (
                able,
                *(
                    child.request(Replicate(fit, replicas, engine, keep_weights=True))
                    for engine in ("fused", "solo")
                ),
            )
    return found


@pytest.fixture(scope="module")
def unusual(tmp_path_factory):
    return both_ways(tmp_path_factory, ("halving", "diverging"))


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return both_ways(tmp_path_factory, SHORT)


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    return both_ways(tmp_path_factory, LONGER)


def values(answer):
    """Weights and predictions of all replicas, by (number, name)."""
    return {
        (result.replica.number, name): value
        for result in answer.results
        for name, value in (*result.weights.items(), *enumerate(result.predictions))
    }


def check(found, name):
    able, fused, solo = found[name]
    tolerance = TOLERANCE.get(name, 1e-5)
    assert able.fused == "" and able.capacity > 100
    assert fused.notes == solo.notes == ()
    for one, other in zip(fused.results, solo.results, strict=True):
        assert (one.engine, other.engine) == ("fused", "solo")
        assert one.failure == other.failure == ""
        assert len(one.logs) == len(other.logs)
        for shown, expected in zip(one.logs, other.logs, strict=True):
            assert shown == pytest.approx(expected, rel=10 * tolerance, abs=10 * tolerance)
    theirs, ours = values(fused), values(solo)
    assert theirs.keys() == ours.keys()
    for key, value in ours.items():
        # A bias that the softmax of an attention cancels has no gradient but rounding, and Adam
        # makes steps of that; it moves no prediction.
        if "key/bias" not in str(key[1]):
            scale = max(1.0, float(np.abs(value).max()))
            assert np.abs(theirs[key] - value).max() <= tolerance * scale, key
    _, first, second = solo.results
    assert any(np.abs(w - second.weights[p]).max() > 0.01 for p, w in first.weights.items())


# One group keeps its tests on one worker, which trains what they look at once.
SHORT_RUN, UNUSUAL_RUN = (pytest.mark.xdist_group(f"fused-{run}") for run in ("short", "unusual"))


@SHORT_RUN
@pytest.mark.parametrize("name", SHORT)
def test_fused_follows_solo(short, name):
    check(short, name)


@pytest.mark.thorough
@pytest.mark.xdist_group("fused-longer")
@pytest.mark.parametrize("name", LONGER)
def test_fused_follows_solo_everywhere(longer, name):
    check(longer, name)


@SHORT_RUN
def test_replicas_stop_on_their_own(short):
    _, fused, _ = short["stopping"]
    lengths = [len(result.logs) for result in fused.results]
    assert len(set(lengths)) > 1 and max(lengths) <= 12


@UNUSUAL_RUN
def test_what_cannot_be_fused_is_trained_one_by_one_and_says_why(unusual):
    able, fused, solo = unusual["halving"]
    assert "Halving acts within epochs" in able.fused
    assert len(fused.notes) == 1 and able.fused in fused.notes[0]
    assert [r.engine for r in fused.results] == ["solo"] * 3
    assert [r.digest for r in fused.results] == [r.digest for r in solo.results]
    assert values(fused).keys() == values(solo).keys()


@UNUSUAL_RUN
def test_a_replica_that_ends_within_an_epoch_ends_there(unusual):
    able, fused, solo = unusual["diverging"]
    assert able.fused == ""
    assert [r.digest for r in fused.results] == [r.digest for r in solo.results]
    assert [len(r.logs) for r in fused.results] == [1] * 3
    assert all(r.failure == "" for r in fused.results)
