"""The plan of a study: who shares which seed with whom."""

import random

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import DRAW, OWN, REPLICATE, SETTING, draw_plan, drawn_seed
from whydiff.core.replicas import RANDOM_SOURCES

THREE = ("initialization", "data-order", "noise")


def test_block_has_base_alone_others_all_and_a_replicate():
    plan = draw_plan(RANDOM_SOURCES, RANDOM_SOURCES, {}, blocks=2, seed=7)
    assert plan.members[0].kind == OWN and not plan.members[0].replica.seeds
    for number in range(2):
        block = plan.block(number)
        draws = {m.redrawn: m.replica.seeds for m in block if m.kind == DRAW}
        everything = frozenset(RANDOM_SOURCES)
        wanted = [frozenset(), everything]
        wanted += [frozenset([s]) for s in RANDOM_SOURCES]
        wanted += [everything - {s} for s in RANDOM_SOURCES]
        assert set(draws) == set(wanted) and len(block) == len(wanted) + 1
        base = draws[frozenset()]
        for redrawn, seeds in draws.items():
            assert {s for s in RANDOM_SOURCES if seeds[s] != base[s]} == redrawn
        (replicate,) = [m for m in block if m.kind == REPLICATE]
        assert replicate.replica.seeds == base


@pytest.mark.parametrize(("sources", "trainings"), [(THREE[:1], 2), (THREE[:2], 4), (THREE, 8)])
def test_nothing_is_trained_twice(sources, trainings):
    block = draw_plan(sources, sources, {}, blocks=1).block(0)
    seeds = {tuple(sorted(m.replica.seeds.items())) for m in block}
    assert len(seeds) == trainings == len(block) - 1


def test_factors_are_crossed_with_the_seeds_of_the_base():
    factors = {"optimizer": ("adam", "sgd"), "batch-size": (32, 64)}
    plan = draw_plan(THREE, (), factors, blocks=3)
    for number in range(3):
        base, _, *settings = plan.block(number)
        assert [m.kind for m in settings] == [SETTING] * 4
        assert all(m.replica.seeds == base.replica.seeds for m in settings)
        assert [dict(m.replica.settings) for m in settings] == [
            {"optimizer": "adam"}, {"optimizer": "sgd"}, {"batch-size": 32}, {"batch-size": 64},
        ]  # fmt: skip


def test_more_blocks_and_other_sources_leave_the_seeds_as_they_are():
    short, long = (draw_plan(THREE, THREE, {}, blocks=n, seed=3) for n in (2, 5))
    assert long.members[: len(short.members)] == short.members
    alone = draw_plan(("noise",), ("noise",), {}, blocks=2, seed=3)
    assert alone.block(1)[0].replica.seeds["noise"] == short.block(1)[0].replica.seeds["noise"]
    assert len({m.number for m in long.members}) == len(long.members)


def test_seeds_differ_and_global_generators_are_left_alone():
    before = random.getstate(), np.random.get_state()[1].copy()
    seeds = [
        drawn_seed(s, b, source, again)
        for s in (0, 1, -1)
        for b in range(50)
        for source in RANDOM_SOURCES
        for again in (False, True)
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert before[0] == random.getstate() and (before[1] == np.random.get_state()[1]).all()


def test_plan_is_drawn_again_from_its_json():
    plan = draw_plan(THREE, THREE[:1], {"shuffle": (True, False)}, blocks=2, seed=9)
    described = plan.to_dict()
    again = draw_plan(
        tuple(described["sources"]),
        tuple(described["attributed"]),
        {k: tuple(v) for k, v in described["factors"].items()},
        described["blocks"],
        described["seed"],
    )
    assert again == plan


def test_nothing_to_vary_is_refused():
    with pytest.raises(WhydiffError, match="nothing varies"):
        draw_plan((), (), {}, blocks=3)
    with pytest.raises(WhydiffError, match="-1 blocks"):
        draw_plan(THREE, THREE, {}, blocks=-1)
    assert len(draw_plan(THREE, THREE, {}, blocks=0).members) == 1
