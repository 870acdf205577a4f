"""Two sides compared: what differs between them and what follows for hybrids."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from whydiff.core.findings import DIFFERS, UNKNOWN, Diff, Finding
from whydiff.core.recording import Side
from whydiff.diagnosis.outputs import activations
from whydiff.diagnosis.sources import CATALOGUE, source
from whydiff.diagnosis.sources.batch_size import MOVED
from whydiff.diagnosis.sources.data_order import CUT
from whydiff.diagnosis.sources.floatx import MECHANISM as FLOATX
from whydiff.diagnosis.sources.hardware import SPREAD
from whydiff.diagnosis.sources.objective import FOLLOWS as SAMPLES
from whydiff.diagnosis.sources.state import ADAPTED
from whydiff.diagnosis.sources.version import other_generations

#: Mechanisms of state that is in no variable.
HELD = (ADAPTED, "stale-trace", "not-finalized", "other-constant", "attribute-kept")
#: Sources that a change of environment moves together; the first that differs stands for them.
ENVIRONMENT = ("backend", "version", "hardware")
#: The relative distance of two logged numbers (float32) that the order of a sum may make.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class ComparedSides:
    """Two fits, how they were chosen and where their recipes differ.

    ``scripts`` are the names of the scripts of A and B as a person called them.
    """

    between: str  # "fits" | "runs" | "scripts"
    chosen: str
    a: Side
    b: Side
    diff: Diff
    scripts: tuple[str, str]
    #: metrics that B's model has under names of its own -> what A calls them
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def identical(self) -> bool:
        """Whether both sides agree bit for bit."""
        return self.diff.identical

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding per source."""
        return self.diff.findings

    @cached_property
    def differing(self) -> tuple[str, ...]:
        """Ids of the sources that differ."""
        return tuple(f.source for f in self.findings if f.status == DIFFERS)

    @cached_property
    def same_weights(self) -> bool:
        """Whether both ended in the same weights, bit for bit."""
        finals = [[t.digest for t in side.fit.final] for side in (self.a, self.b)]
        return finals[0] == finals[1]

    @cached_property
    def ends_alike(self) -> bool:
        """Whether both ended in the same weights and logged the same numbers, bit for bit."""
        logs = [[epoch.logs for epoch in side.fit.epochs] for side in (self.a, self.b)]
        return self.same_weights and repr(logs[0]) == repr(logs[1])  # NaN equals NaN here

    @cached_property
    def meets_by_chance(self) -> bool:
        """Whether their recipes differ and yet both end in the same numbers, as good as rounding.

        Of two runs of one script, another one may well end elsewhere: four samples drawn twice,
        in another order.
        """
        if not self.differing:
            return False
        if self.ends_alike:
            return True
        last = [side.fit.epochs[-1].logs if side.fit.epochs else {} for side in (self.a, self.b)]
        return (
            any(last[0].values())  # a step that logs nothing but 0 tells nothing
            and last[0].keys() == last[1].keys()
            and all(
                math.isclose(value, last[1][name], rel_tol=_ROUNDING)
                for name, value in last[0].items()
            )
        )

    @cached_property
    def only_arrays(self) -> bool:
        """Whether one side is of Keras 2 and the other of Keras 3: they share no objects, so a
        hybrid takes arrays from either, and all else from the side that trains it."""
        return other_generations(self.a, self.b)

    @property
    def activations(self) -> dict[str, str]:
        """By side the activation behind which outputs are compared, see :mod:`.outputs`."""
        return activations(self.a.recipe, self.b.recipe)

    @property
    def structural(self) -> list[str]:
        """Differing sources that change the compiled program: model, loss, optimizer.

        State among them where it is what was compiled into a step, or what a layer holds; the
        hardware where models of one process are spread over other devices.
        """
        if self.only_arrays:
            return []
        held = any(f.source == "state" and f.mechanism in HELD for f in self.findings)
        beside = {"state"} if held else set()
        if self._spread_otherwise:
            beside.add("hardware")
        return [s for s in self.differing if source(s).kind == "structure" or s in beside]

    @cached_property
    def _spread_otherwise(self) -> bool:
        """Whether two models of one process differ in the devices that they are spread over."""
        spread = any(f.mechanism == SPREAD for f in self.findings)
        return spread and self.a.execution is self.b.execution

    @cached_property
    def environment(self) -> tuple[str, ...]:
        """Differing sources that only another process can take over; they move as one."""
        here = {"hardware"} if self._spread_otherwise else set()
        return tuple(s for s in ENVIRONMENT if s in self.differing and s not in here)

    @property
    def follows(self) -> dict[str, tuple[str, ...]]:
        """What comes along with a source: an order that could not be compared, with its samples.

        Data of another size are shuffled by other permutations; whoever takes such data over
        has no order for them but their own.
        """
        unknown = any(f.source == "data-order" and f.status == UNKNOWN for f in self.findings)
        both = unknown and "data-content" in self.differing
        follows: dict[str, tuple[str, ...]] = {"data-content": ("data-order",)} if both else {}
        for name, through in self.counted_with.items():
            follows[through] = (*follows.get(through, ()), name)
        return follows

    @property
    def counted_with(self) -> dict[str, str]:
        """Sources that act through another one only, and are transferred and counted with it.

        Whether a step is compiled decides whether the draws in its code are frozen: noise. On
        torch the draws of a model's layers move the generator that shuffles: architecture.
        Another ``floatx`` holds weights, arrays and rates in that type: precision. Weights that
        balance classes follow from the samples: data-content. Where whole batches are shuffled,
        the smaller one comes at another place: data-order. Where epochs take other parts of one
        stream: batch-size. What a layer derives from weights that data gave it: initialization.
        """
        seen = {f.mechanism for f in self.findings}
        pairs = [
            ("draw-frozen-by-tracing", "arithmetic", "noise"),
            ("torch-one-generator", "data-order", "architecture"),
            (SAMPLES, "objective", "data-content"),
            (MOVED, "batch-size", "data-order"),
            (CUT, "data-order", "batch-size"),
            (ADAPTED, "state", "initialization"),
            *((FLOATX, f.source, "precision") for f in self.findings if f.mechanism == FLOATX),
        ]
        differing = self.differing
        return {
            name: through
            for mechanism, name, through in pairs
            if mechanism in seen and name in differing and through in differing
        }

    def movable(self) -> list[str]:
        """Sources to make hybrids of: those that differ and can change a training."""
        together = {*self.environment[1:], *self.counted_with, "measurement"}
        if self.only_arrays:
            together |= {s.id for s in CATALOGUE if s.kind == "structure"} | {"noise"}
        settings = [dict(side.recipe.arithmetic) for side in (self.a, self.b)]
        # Where no setting of the arithmetic differs, it differs only in what it did.
        set_otherwise = settings[0] != settings[1]
        return [
            s for s in self.differing if s not in together and (s != "arithmetic" or set_otherwise)
        ]
