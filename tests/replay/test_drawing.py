"""A redrawn replica is the training that the seed gives; what cannot be redrawn says why.

Scripts run in processes of their own, watched with one seed and with another: the replica of the
first with the second's seed must be the second, bit for bit.
"""

from pathlib import Path

import numpy as np
import pytest

from whydiff.core.digests import tensor_digest
from whydiff.core.replicas import Replica
from whydiff.runner.client import Child, Run
from whydiff.runner.messages import AskRedrawable, Replicate
from whydiff.stats.ulp import max_ulp
from whydiff.storage import load

SCRIPT = Path(__file__).parent.parent / "scripts" / "seeded_fits.py"
SEEDED = ("initialization", "data-order", "noise")

# One worker runs them all, after the two trainings that they look at.
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("drawing")]


def run(folder, seed, backend="jax", **more):
    environment = {"KERAS_BACKEND": backend, "SEED": str(seed), "TF_CPP_MIN_LOG_LEVEL": "3", **more}
    name = f"{backend}{seed}"
    return Child(
        Run(SCRIPT, (), environment), folder / f"{name}.whydiff", folder / f"{name}.log", serve=True
    )


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A served child whose script ran with seed 5, and what it recorded with seed 9."""
    folder = tmp_path_factory.mktemp("drawing")
    with run(folder, 9, DIVIDE="77") as other:
        assert other.wait_for_script() == 0, other.log.read_text()
    with run(folder, 5) as child:
        assert child.wait_for_script() == 0, child.log.read_text()
        yield child, load(other.recording).fits, folder


def replicate(watched, fit, replicas, engine="solo"):
    numbered = tuple(Replica(n, **replica) for n, replica in enumerate(replicas))
    answer = watched[0].request(Replicate(fit, numbered, engine, keep_weights=True))
    return answer.results, [result.weights for result in answer.results]


@pytest.mark.parametrize("fit", [1, 2])
def test_a_seed_gives_the_plain_training_with_it(watched, fit):
    child, seeded_9, _ = watched
    able = child.request(AskRedrawable(fit))
    assert set(able.sources) == {*SEEDED, "data-content", "arithmetic"}
    own = load(child.recording).fits[fit - 1]
    results, weights = replicate(watched, fit, [{}, {"seeds": dict.fromkeys(SEEDED, 9)}])
    for recorded, result, values in zip((own, seeded_9[fit - 1]), results, weights, strict=True):
        assert result.failure == ""
        wanted = {tensor.path: tensor.digest for tensor in recorded.final}
        assert {path: tensor_digest(value) for path, value in values.items()} == wanted
        assert result.logs == tuple(dict(epoch.logs) for epoch in recorded.epochs)


def test_each_source_moves_the_outcome_alone(watched):
    seeds = [{}, *({"seeds": {s: 4}} for s in (*SEEDED, "data-content", "arithmetic"))]
    results, _ = replicate(watched, 1, seeds)
    assert len({result.digest for result in results}) == len(seeds)


@pytest.mark.parametrize(("fit", "way"), [(7, "split"), (8, "kfold=4")])
def test_rows_divided_anew_give_the_plain_training_on_them(watched, fit, way):
    seeds = {"initialization": 9, "data-order": 9, "data-content": 77}
    divided = {"seeds": seeds, "ways": {"data-content": way}}
    own = watched[1][fit - 1]
    (result,), (weights,) = replicate(watched, fit, [divided])
    assert result.failure == "" and result.logs == tuple(dict(e.logs) for e in own.epochs)
    wanted = {tensor.path: tensor.digest for tensor in own.final}
    assert {path: tensor_digest(value) for path, value in weights.items()} == wanted
    other = {**divided, "seeds": {**seeds, "data-content": 78}}
    fused, together = replicate(watched, fit, [divided, other], engine="fused")
    assert [r.engine for r in fused] == ["fused"] * 2 and fused[0].digest != fused[1].digest
    for shown, plain in zip(fused[0].logs, result.logs, strict=True):
        assert shown == pytest.approx(plain, abs=1e-5)
    assert all(np.abs(together[0][path] - value).max() < 1e-5 for path, value in weights.items())


@pytest.mark.parametrize(
    ("fit", "source", "why"),
    [
        (3, "initialization", "constants"),
        (3, "data-order", "shuffle=False"),
        (3, "noise", "no training step draws"),
        (4, "initialization", "what fit 3 had trained"),
        (5, "initialization", "loaded or set"),
    ],
)
def test_what_cannot_be_redrawn_says_why(watched, fit, source, why):
    able = watched[0].request(AskRedrawable(fit))
    assert source not in able.sources
    assert why in able.refused[source]
    (result,), _ = replicate(watched, fit, [{"seeds": {source: 1}}])
    assert why in result.failure


def test_equal_seeds_of_the_script_stay_equal(watched):
    # One step of a rate of zero leaves the initial values where they are.
    wanted = [
        {"seeds": {"initialization": seed}, "settings": {"learning-rate": 0.0}} for seed in (8, 9)
    ]
    for engine in ("solo", "fused"):
        _, weights = replicate(watched, 6, wanted, engine)
        one, other = ([w[f"{name}/kernel"] for name in ("dense", "dense_1")] for w in weights)
        assert np.array_equal(*one) and np.array_equal(*other), engine
        assert not np.allclose(one[0], other[0])


def test_settings(watched):
    wanted = [
        {"settings": {"optimizer": "sgd"}},
        {"settings": {"learning-rate": 0.05, "batch-size": 50}},
        {"settings": {"precision": "mixed_bfloat16"}},
        {"settings": {"shuffle": "off"}},
        {},
        {"settings": {"optimizer": "no such thing"}},
        {"settings": {"colour": "red"}},
    ]
    results, _ = replicate(watched, 1, wanted)
    digests = {result.digest for result in results[:5]}
    assert len(digests) == 5 and all(result.failure == "" for result in results[:5])
    own = load(watched[0].recording).fits[0]
    assert results[4].logs == tuple(dict(epoch.logs) for epoch in own.epochs)
    assert "no such thing" in results[5].failure
    assert "colour is no factor" in results[6].failure


def test_fused_answers_the_same_settings(watched):
    wanted = [
        {"settings": {"learning-rate": 0.05, "batch-size": 50}},
        {"settings": {"learning-rate": 0.1, "batch-size": 50}},
        {"settings": {"shuffle": "off"}},
        {"seeds": {"data-content": 3}},
        {"settings": {"colour": "red"}},
    ]
    solo, expected = replicate(watched, 1, wanted)
    fused, weights = replicate(watched, 1, wanted, engine="fused")
    assert [result.engine for result in fused] == ["fused"] * 5
    assert fused[4].failure == solo[4].failure != ""
    for ours, theirs in zip(weights[:4], expected[:4], strict=True):
        for path, value in theirs.items():
            assert np.abs(ours[path] - value).max() < 1e-5


def test_one_weight_is_one_ulp_away_on_either_engine(watched):
    # Steps of a rate of zero leave the initial values where they are.
    still = {"settings": {"learning-rate": 0.0}}
    wanted = [still, {**still, "seeds": {"arithmetic": 5}}, {**still, "seeds": {"arithmetic": 6}}]
    moved = []
    for engine in ("solo", "fused"):
        _, (plain, *others) = replicate(watched, 1, wanted, engine=engine)
        for other in others:
            different = {p: other[p] != plain[p] for p in plain if (other[p] != plain[p]).any()}
            ((path, places),) = different.items()
            assert places.sum() == 1 and max_ulp(plain[path], other[path]) == 1
            moved.append((path, int(np.flatnonzero(places)[0])))
    assert moved[:2] == moved[2:] and moved[0] != moved[1]
