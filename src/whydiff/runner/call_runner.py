"""The process that holds two measuring calls, asked for hybrids of them."""

from __future__ import annotations

from whydiff.core.call_hybrids import CallFields, LayerDifference, Measurement
from whydiff.core.hybrids import Coalition
from whydiff.diagnosis.calls.fields import Compared
from whydiff.runner.messages import FindLayer, MeasureAgain, MeasureHybrid, PairCalls, Requestable


class ProcessCallRunner:
    """Asks the process of A for hybrids of its calls of the numbers ``a`` and ``b``.

    ``own_b`` is B's own process with the number of B there, where that is another: B is run again
    from its own fields where it ran.
    """

    def __init__(
        self,
        site: Requestable,
        a: int,
        b: int,
        compared: Compared,
        own_b: tuple[Requestable, int] | None = None,
    ) -> None:
        self._site = site
        self._site_of_b = site
        if own_b is not None:
            self._site_of_b, number = own_b
            self._site_of_b.request(PairCalls(number, number, CallFields()))
        self._structure = frozenset(compared.structure)
        site.request(PairCalls(a, b, compared.fields))

    def measure(self, coalition: Coalition) -> Measurement:
        """A's call with the fields of these sources from B."""
        if coalition & self._structure:
            coalition |= self._structure
        return self._site.request(MeasureHybrid(dict.fromkeys(sorted(coalition), "b")))

    def again(self, side: str) -> Measurement:
        """One side from its own fields."""
        site = self._site_of_b if side == "b" else self._site
        return site.request(MeasureAgain(side))

    def otherwise(self) -> LayerDifference:
        """The first layer that answers otherwise on equal input."""
        return self._site.request(FindLayer())
