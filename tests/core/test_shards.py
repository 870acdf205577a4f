"""Which replicas a shard trains, and with which others as one program."""

import pytest
from hypothesis import given, strategies as st

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import DRAW, OWN, REPLICATE, SETTING, draw_plan
from whydiff.core.shards import Packs, Shard, blocks_together, parse_shard

TWO = ("initialization", "noise")


def plan(blocks, factors=None):
    return draw_plan(TWO, () if factors else TWO, factors or {}, blocks)


def test_a_shard_is_written_as_two_numbers():
    assert parse_shard("2/8") == Shard(2, 8) and str(Shard(2, 8)) == "2/8"
    for text in ("0/8", "9/8", "2", "2/0", "-1/3", "a/b", "1/2/3", ""):
        with pytest.raises(WhydiffError, match="is not a shard"):
            parse_shard(text)


@given(st.integers(1, 12), st.integers(1, 30), st.integers(1, 5))
def test_shards_take_every_block_once_and_none_takes_the_own_training(count, blocks, together):
    shards = [Shard(number, count) for number in range(1, count + 1)]
    for member in plan(blocks).members:
        takers = [s for s in shards if s.takes(member.block, together)]
        assert len(takers) == (0 if member.kind == OWN else 1)
    for first in range(0, blocks, together):  # blocks of one pack have one shard
        assert len({s for s in shards for b in range(first, first + together)
                    if s.takes(b, together)}) == 1  # fmt: skip


def test_as_many_blocks_as_give_a_program_its_width():
    assert blocks_together(plan(20), 16) == 4  # four draws a block
    assert blocks_together(plan(20), 3) == blocks_together(plan(0), 1) == 1
    assert blocks_together(plan(20, {"shuffle": (True, False)}), 16) == 16
    assert blocks_together(plan(20), 512) == 20  # an accelerator: all in one
    assert blocks_together(plan(20), 512, Shard(2, 8)) == 3
    assert blocks_together(plan(500), 512) == 128


@given(st.integers(1, 9), st.integers(1, 5), st.data())
def test_a_replica_trains_beside_the_same_others_whatever_is_wanted_of_its_pack(
    blocks, together, data
):
    packs = Packs(plan(blocks, {"shuffle": (True,)}), together)
    members = [m for m in packs.plan.members if m.kind != OWN]
    places = st.integers(0, len(members) - 1)
    some = [members[i] for i in data.draw(st.lists(places, min_size=1, unique=True))]
    beside = {m.number: pack for pack, wanted in packs.wanted(members) for m in wanted}
    assert len(beside) == len(members)
    for pack, wanted in packs.wanted(some):
        for member in wanted:
            if member.kind != REPLICATE:
                assert pack == beside[member.number]
    assert sorted(m.number for _, wanted in packs.wanted(some) for m in wanted) == sorted(
        m.number for m in some
    )


def test_packs_are_equally_long_and_a_longer_plan_keeps_them():
    short, long = Packs(plan(5), 4), Packs(plan(9), 4)
    assert {len(short.members(n)) for n in (0, 1)} == {16}
    assert [m.replica for m in short.members(1)] == [m.replica for m in long.members(1)]
    assert all(m.kind in (DRAW, SETTING) for m in long.members(2))


def test_a_replicate_stands_in_the_place_of_its_base():
    packs = Packs(plan(4), 2)
    repeated = [m for m in packs.plan.members if m.kind == REPLICATE and m.block == 2]
    ((pack, wanted),) = packs.wanted(repeated)
    whole = packs.members(1)
    assert wanted == repeated
    assert [m for m, other in zip(pack, whole, strict=True) if m != other] == repeated
    place = pack.index(repeated[0])
    assert whole[place].base and whole[place].replica.seeds == repeated[0].replica.seeds
