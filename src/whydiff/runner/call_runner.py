"""The process that holds two measuring calls, asked for hybrids of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.hybrids import Coalition
from whydiff.diagnosis.calls.fields import Compared
from whydiff.diagnosis.calls.trials import Measurement
from whydiff.runner.client import Requestable


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
        folder: Path,
        own_b: tuple[Requestable, int] | None = None,
    ) -> None:
        self._site, self._folder, self._count = site, folder, 0
        self._own_b = own_b[0] if own_b else None
        if own_b:
            nothing = Compared(()).fields
            own_b[0].request("call", what="pair", a=own_b[1], b=own_b[1], fields=nothing)
        self._structure = frozenset(compared.structure)
        site.request("call", what="pair", a=a, b=b, fields=compared.fields)

    def measure(self, coalition: Coalition) -> Measurement:
        """A's call with the fields of these sources from B."""
        if coalition & self._structure:
            coalition |= self._structure
        return self._run("measure", choice=dict.fromkeys(sorted(coalition), "b"))

    def again(self, side: str) -> Measurement:
        """One side from its own fields."""
        if side == "b" and self._own_b is not None:
            return self._run("again", self._own_b, side=side)
        return self._run("again", side=side)

    def otherwise(self) -> dict[str, Any]:
        """The first layer that answers otherwise on equal input."""
        return self._site.request("call", what="otherwise")

    def _run(self, what: str, site: Requestable | None = None, **arguments: Any) -> Measurement:
        self._count += 1
        output = self._folder / f"measured{self._count}.npz"
        answer = (site or self._site).request("call", what=what, output=str(output), **arguments)
        with np.load(output, allow_pickle=False) as stored:
            outputs = [stored[str(i)] for i in range(answer["outputs"])]
        output.unlink()
        typed = [_typed(o, name) for o, name in zip(outputs, answer["dtypes"], strict=True)]
        return Measurement(tuple(typed), answer["values"])


def _typed(array: np.ndarray, dtype: str) -> np.ndarray:
    """bfloat16 and its like travel as float32, number by number the same."""
    if array.dtype.name == dtype:
        return array
    import ml_dtypes

    return array.astype(getattr(ml_dtypes, dtype))
