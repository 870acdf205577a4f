"""The processes that hold two measuring calls, asked for hybrids of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from whydiff.core.call_hybrids import LayerDifference, Measurement
from whydiff.core.hybrids import Coalition
from whydiff.diagnosis.calls.fields import Compared
from whydiff.runner.messages import (
    FindLayer,
    KeepLayers,
    MeasureAgain,
    MeasureHybrid,
    PairCalls,
    Requestable,
)


class ProcessCallRunner:
    """Asks the process of A for hybrids of two of its calls, whose numbers ``prepare`` gives.

    It is called once, before the first hybrid, and may raise TransferError as a hybrid does.
    ``own_b`` is B's own process with the numbers of both there, where that is another. Then B's
    model is in it, with its libraries: hybrids that take the structure from B are run there.
    """

    def __init__(
        self,
        site: Requestable,
        prepare: Callable[[], tuple[int, int]],
        compared: Compared,
        own_b: tuple[Requestable, int, int] | None = None,
    ) -> None:
        self._own_site = site
        self._prepare, self._own_b = prepare, own_b
        self._structure = frozenset(compared.structure)
        self._fields = compared.fields if own_b is None else replace(compared.fields, structure=())

    @cached_property
    def _site(self) -> Requestable:
        """A's process, once it has the pair."""
        self._own_site.request(PairCalls(*self._prepare(), self._fields))
        return self._own_site

    @cached_property
    def _site_of_b(self) -> Requestable:
        """Where B's model is, once it has the pair."""
        site = self._site
        if self._own_b is None:
            return site
        process, a, b = self._own_b
        process.request(PairCalls(a, b, self._fields))
        return process

    def measure(self, coalition: Coalition) -> Measurement:
        """A's call with the fields of these sources from B."""
        site = self._site
        if coalition & self._structure:
            site, apart = self._site_of_b, self._own_b is not None
            coalition = coalition - self._structure if apart else coalition | self._structure
        return site.request(MeasureHybrid(dict.fromkeys(sorted(coalition), "b")))

    def again(self, side: str) -> Measurement:
        """One side from its own fields."""
        site = self._site_of_b if side == "b" else self._site
        return site.request(MeasureAgain(side))

    def mixing(self) -> LayerDifference:
        """The first layer whose answer for a row depends on the other rows of its batch."""
        return self._site.request(FindLayer(mixing=True))

    def otherwise(self, file: str = "") -> LayerDifference:
        """The first layer that answers otherwise on equal input. ``file`` is where to put what the
        layers of A's model answer, where B's is in another process."""
        if self._own_b is None:
            return self._site.request(FindLayer())
        self._site.request(KeepLayers(file))
        return self._site_of_b.request(FindLayer(file))
