"""The plan of a study: which replicas are trained, with which seeds and settings.

Blocked re-draw (Jansen 1999): a block has a base, each attributed source redrawn alone, all the
others redrawn, and all redrawn, with two seeds per source and block. With two sources that is
every combination, so nothing is trained twice. Factors are crossed one at a time with the seeds
of the base: replicas of one block differ in that factor only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from whydiff.core.dividing import in_fold, partition_of
from whydiff.core.errors import WhydiffError
from whydiff.core.replicas import RANDOM_SOURCES, Replica, Result

OWN, DRAW, REPLICATE, SETTING = "own", "draw", "replicate", "setting"
#: blocks that explore; a claim wants 50
BLOCKS = 20


@dataclass(frozen=True)
class Member:
    """A replica and its place in the plan.

    ``kind``: "own" is the watched training itself (block -1), "draw" the base of a block
    (``redrawn`` empty) or the base with those sources redrawn, "replicate" the base over again,
    "setting" the base with one factor set.
    """

    replica: Replica
    block: int
    kind: str
    redrawn: frozenset[str] = frozenset()

    @property
    def number(self) -> int:
        return self.replica.number

    @property
    def base(self) -> bool:
        """Whether it is the base of its block."""
        return self.kind == DRAW and not self.redrawn


@dataclass(frozen=True)
class Plan:
    """All members, block by block. A plan of more blocks begins with the members of this one."""

    sources: tuple[str, ...]  # redrawn from block to block
    attributed: tuple[str, ...]  # redrawn alone as well
    factors: Mapping[str, tuple[Any, ...]]
    blocks: int
    seed: int
    ways: Mapping[str, str] = field(default_factory=dict)  # of sources that no plain run redraws
    members: tuple[Member, ...] = field(repr=False, default=())

    def block(self, number: int) -> tuple[Member, ...]:
        """The members of one block."""
        return tuple(m for m in self.members if m.block == number)

    def longer(self, blocks: int) -> Plan:
        """The same plan with another number of blocks."""
        return draw_plan(self.sources, self.attributed, self.factors, blocks, self.seed, self.ways)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values from which :func:`draw_plan` draws the same plan."""
        return {
            "sources": list(self.sources),
            "attributed": list(self.attributed),
            "factors": {name: list(values) for name, values in self.factors.items()},
            "blocks": self.blocks,
            "seed": self.seed,
            **({"ways": dict(self.ways)} if self.ways else {}),
        }


def draw_plan(
    sources: tuple[str, ...],
    attributed: tuple[str, ...],
    factors: Mapping[str, tuple[Any, ...]],
    blocks: int = BLOCKS,
    seed: int = 0,
    ways: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """The plan for ``blocks`` blocks; equal arguments give equal seeds, on any machine.

    Raises WhydiffError if nothing is varied, or for a number of blocks below 0.
    """
    if blocks < 0:
        raise WhydiffError(f"{blocks} blocks cannot be trained", "Give --blocks 1 or more.")
    if not attributed and not factors:
        raise WhydiffError(
            "nothing varies: this training has no random source that could be redrawn",
            "Name a factor: --vary optimizer=adam,sgd or batch-size=32,128, "
            "or redraw the data: --vary split, --vary data-content=bootstrap.",
        )
    members = [Member(Replica(0), -1, OWN)]
    for number in range(blocks):
        for kind, redrawn, settings in _block(attributed, factors):
            seeds = {s: _seed(seed, number, s, s in redrawn, ways.get(s, "")) for s in sources}
            replica = Replica(len(members), seeds, settings, ways)
            members.append(Member(replica, number, kind, redrawn))
    return Plan(sources, attributed, dict(factors), blocks, seed, dict(ways), tuple(members))


def _block(
    attributed: tuple[str, ...], factors: Mapping[str, tuple[Any, ...]]
) -> Iterator[tuple[str, frozenset[str], dict[str, Any]]]:
    everything = frozenset(attributed)
    subsets = [
        frozenset(),
        *(frozenset([s]) for s in attributed),
        *(everything - {s} for s in attributed),
        everything,
    ]
    for redrawn in dict.fromkeys(subsets):
        yield DRAW, redrawn, {}
    yield REPLICATE, frozenset(), {}
    for name, values in factors.items():
        for value in values:
            yield SETTING, frozenset(), {name: value}


def drawn_seed(study: int, block: int, source: str, again: bool = False) -> int:
    """The seed of a source in a block, from 0 to 2**31 - 1; ``again`` gives the second one.

    It depends on nothing else, so other sources or more blocks leave it as it is.
    """
    key = [abs(study), int(study < 0), block, RANDOM_SOURCES.index(source), int(again)]
    return int(np.random.SeedSequence(key).generate_state(1)[0] >> 1)


def _seed(study: int, block: int, source: str, again: bool, way: str) -> int:
    """The seed of a source in a block; blocks share a partition whose folds they take in turns."""
    return in_fold(way, drawn_seed(study, partition_of(way, block), source, again), block)


@dataclass(frozen=True, eq=False)
class StoredReplica:
    """A member with what became of it; a study keeps no weights."""

    member: Member
    result: Result
