"""The process that holds two measuring calls, asked for hybrids of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from whydiff.core.call_hybrids import CallFields, LayerDifference, Measurement
from whydiff.core.hybrids import Coalition
from whydiff.diagnosis.calls.fields import Compared
from whydiff.runner.messages import FindLayer, MeasureAgain, MeasureHybrid, PairCalls, Requestable


class ProcessCallRunner:
    """Asks the process of A for hybrids of two of its calls, whose numbers ``prepare`` gives.

    It is called once, before the first hybrid, and may raise TransferError as a hybrid does.
    ``own_b`` is B's own process with the number of B there, where that is another: B is run again
    from its own fields where it ran.
    """

    def __init__(
        self,
        site: Requestable,
        prepare: Callable[[], tuple[int, int]],
        compared: Compared,
        own_b: tuple[Requestable, int] | None = None,
    ) -> None:
        self._own_site = site
        self._prepare, self._own_b, self._fields = prepare, own_b, compared.fields
        self._structure = frozenset(compared.structure)

    @cached_property
    def _site(self) -> Requestable:
        """A's process, once it has the pair."""
        self._own_site.request(PairCalls(*self._prepare(), self._fields))
        return self._own_site

    @cached_property
    def _site_of_b(self) -> Requestable:
        """Where B is run again from its own fields."""
        if self._own_b is None:
            return self._site
        process, number = self._own_b
        process.request(PairCalls(number, number, CallFields()))
        return process

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
