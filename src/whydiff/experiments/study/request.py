"""What was asked of ``study``, and the plan that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whydiff.core.errors import WhydiffError
from whydiff.core.plan import BLOCKS, Plan, draw_plan
from whydiff.core.replicas import ASKED_FOR
from whydiff.core.vary import Varied
from whydiff.experiments.study.answer import plan_of
from whydiff.storage import StoredStudy


class Request:
    """What was asked for."""

    def __init__(
        self,
        varied: Varied,
        blocks: int | None,
        seed: int | None,
        metric: str | None,
        engine: str,
        arguments: tuple[str, ...],
        fit: int | None,
    ) -> None:
        self.varied, self.blocks, self.seed = varied, blocks, seed
        self.metric, self.engine, self.arguments, self.fit = metric, engine, arguments, fit
        self.text: str | None = None  # a digest of the script's, if there is one

    def go_on(self, stored: StoredStudy) -> None:
        """Take from a study that goes on what was not asked for anew."""
        if stored.meta.get("engine") == "process":
            self.engine = "process"
        self.fit = self.fit or stored.meta["fit"].get("index") or None
        self.arguments = self.arguments or tuple(map(str, stored.meta.get("arguments", ())))

    def plan(
        self, sources: Sequence[str], refused: Mapping[str, str], stored: StoredStudy | None
    ) -> Plan:
        """The plan; that of ``stored``, with more blocks if asked for, where a study goes on."""
        if stored is not None:
            return self._longer(plan_of(stored))
        blocks = BLOCKS if self.blocks is None else self.blocks
        free = tuple(s for s in sources if s not in ASKED_FOR)
        wanted = self.varied.sources
        for name in wanted or ():
            if name not in sources:
                raise WhydiffError(
                    f"{name} cannot be redrawn: {refused.get(name, 'this training has none')}",
                    f"What can be: {', '.join(sources) or 'nothing'}.",
                )
        factors = self.varied.factors
        attributed = wanted if wanted is not None else (() if factors else free)
        redrawn = wanted if wanted is not None else free
        if not redrawn and factors:
            blocks = min(blocks, 1)  # nothing is random: once is enough
        try:
            return draw_plan(redrawn, attributed, factors, blocks, self.seed or 0)
        except WhydiffError as error:
            why = "; ".join(f"{s}: {reason}" for s, reason in refused.items())
            raise WhydiffError(f"{error}" + (f" ({why})" if why else ""), error.way_out) from None

    def _longer(self, plan: Plan) -> Plan:
        varied = self.varied
        if varied != Varied() and (
            (varied.sources or plan.attributed) != plan.attributed
            or dict(varied.factors) != dict(plan.factors)
        ):
            raise WhydiffError(
                "a study goes on with what it was begun with, not with another --vary",
                "Leave --vary away, or name another --output.",
            )
        if self.seed is not None and self.seed != plan.seed:
            raise WhydiffError(
                f"the study was begun with --seed {plan.seed}, not {self.seed}",
                "Leave --seed away, or name another --output.",
            )
        blocks = max(plan.blocks, self.blocks or 0)
        return draw_plan(plan.sources, plan.attributed, plan.factors, blocks, plan.seed)
