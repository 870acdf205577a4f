"""Which part of a plan one machine trains: a pure function of the plan and the shard's name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import DRAW, REPLICATE, SETTING, Member, Plan

#: Replicas that the fused engine trains as one program on a CPU: with 8 to 128 each replica costs
#: the same (``benchmarks/chunks.py``), and the fewer there are, the more shards have work.
WIDTH = 16


@dataclass(frozen=True)
class Shard:
    """Shard ``number`` (from 1) of ``count``, written ``2/8``."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def takes(self, block: int, together: int) -> bool:
        """Whether it trains ``block``. Blocks that are trained ``together`` stay together.

        It depends on nothing else, so that a study that gets more blocks leaves the others
        where they are. No shard draws the script's own training (block -1): each trains it.
        """
        return block >= 0 and (block // together) % self.count == self.number - 1


def parse_shard(text: str) -> Shard:
    """``2/8`` as a shard. Raises WhydiffError for anything else."""
    found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count:
        raise WhydiffError(
            f"{text!r} is not a shard", "Write 2/8 for the second of eight; they count from 1."
        )
    return Shard(number, count)


def blocks_together(plan: Plan, width: int, shard: Shard | None = None) -> int:
    """How many blocks the fused engine trains as one program of about ``width`` replicas.

    Where that is many, on an accelerator, no more than a shard has.
    """
    draws = sum(m.kind == DRAW for m in _first_block(plan))
    together = max(1, width // max(draws, 1))
    if width > WIDTH:
        together = min(together, max(1, -(-plan.blocks // (shard.count if shard else 1))))
    return together


def _first_block(plan: Plan) -> tuple[Member, ...]:
    return plan.longer(1).members[1:]


@dataclass(frozen=True)
class Packs:
    """The packs of a plan: blocks ``together`` in one program, always the same ones.

    How a replica is rounded may depend on how many train in its program and at which place it
    stands. So a pack is trained as a whole, in the same order, whoever trains it and whatever of
    it is kept; the last one is filled up with the blocks that a longer plan would have.
    """

    plan: Plan
    together: int

    def number_of(self, member: Member) -> int:
        """The pack that ``member`` belongs to, from 0."""
        return member.block // self.together

    def members(self, number: int) -> tuple[Member, ...]:
        """What is trained as one program: draws and settings, no replicate."""
        return tuple(self._by_number[number])

    @cached_property
    def _by_number(self) -> Mapping[int, list[Member]]:
        plan = self.plan
        full = -(-plan.blocks // self.together) * self.together
        if full != plan.blocks:
            plan = plan.longer(full)
        found: dict[int, list[Member]] = {}
        for member in plan.members:
            if member.kind in (DRAW, SETTING):
                found.setdefault(self.number_of(member), []).append(member)
        return found

    def wanted(self, members: Sequence[Member]) -> list[tuple[list[Member], list[Member]]]:
        """(whole pack, those of it in ``members``), so that all members come once.

        A replicate is its block's base trained over again: the pack once more, with it in the
        base's place.
        """
        found: list[tuple[list[Member], list[Member]]] = []
        for repeats in (False, True):
            chosen = [m for m in members if (m.kind == REPLICATE) is repeats]
            for number in sorted({self.number_of(m) for m in chosen}):
                mine = [m for m in chosen if self.number_of(m) == number]
                bases = {m.block: m for m in mine} if repeats else {}
                pack = [bases.get(m.block, m) if m.base else m for m in self.members(number)]
                found.append((pack, mine))
        return found
