"""Training that is not ``fit``: ``train_on_batch`` and loops of the script's own.

All steps of one loop count as one epoch, since nothing says where a loop's epochs end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from whydiff.core.feeding import TransferError
from whydiff.core.live import Live
from whydiff.keras_backend.callbacks import numbers
from whydiff.keras_backend.internals import pack_leaves
from whydiff.keras_backend.leaves import flatten
from whydiff.recorder.calls import Call, like
from whydiff.recorder.guard import never_in_the_way
from whydiff.recorder.watch import Watch

Nested = Any


class Loop(Watch):
    """Watches a loop step by step; open until its model is compiled or fit, or the script ends."""

    copies = False  # the numbers that a step returns have been waited for anyway

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.feed.kind = kind
        self._call: Call | None = None
        self._after: Mapping[int, Any] = {}  # values that travel in the script's own variables
        self._last_logs: Mapping[str, Any] = {}
        self.companions: set[int] = set()

    # --- train_on_batch -----------------------------------------------------------------------

    @never_in_the_way
    def show(self, batch: Nested) -> Nested:
        """A batch on its way into the step; what to feed in its place where it is pinned."""
        fed = batch
        pinned = None if self._pins is None else self._pins.batch(self.steps)
        if pinned is not None:
            fed = replaced(batch, pinned)
        self.feed.show(fed)
        return fed

    # --- a loop's own step --------------------------------------------------------------------

    @never_in_the_way
    def before_call(
        self, arguments: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]] | None:
        """Look at what the step is called with; (arguments, keywords) to call it with instead."""
        call = self._call = Call(self.model, arguments, keywords, self._call)
        fed = self.show(call.data)
        if self.trouble:
            return None
        pinned = fed is not call.data
        self.feed.settings = call.settings
        state = self.before_step(call.travelling)
        if state is None and not pinned:
            return None
        return call.rebuilt(fed, state if state is not None else call.travelling)

    @never_in_the_way
    def after_call(self, result: Any) -> None:
        assert self._call is not None
        self._after, logs = self._call.outcome(result)
        self.after_step(logs, self._after)

    def _travelling(self, state: Any) -> Mapping[int, Any]:
        if isinstance(state, Mapping):
            return state
        return super()._travelling(state) if state is not None else self._after

    def _replaced(self, state: Any, put: Mapping[int, np.ndarray]) -> Any:
        if not isinstance(state, Mapping):
            return super()._replaced(state, put)
        return {key: like(value, put[key]) if key in put else value for key, value in state.items()}

    def after_step(self, logs: Any, state: Any) -> None:
        self._last_logs = logs
        super().after_step(logs, state)

    # --- end ----------------------------------------------------------------------------------

    def finish(self, completed: bool) -> Live | None:
        self.end_epoch(0, numbers(self._last_logs))
        live: Live | None = super().finish(completed)
        if live is not None:
            live.again, live.companions = "script", tuple(sorted(self.companions))
        return live


def replaced(batch: Nested, leaves: Sequence[Any]) -> Nested:
    """``batch`` with other leaves, each of the kind (NumPy, torch, ...) of the one it replaces."""
    own = flatten(batch)
    if len(own) != len(leaves):
        raise TransferError(
            f"the step takes {len(own)} arrays and the other training's {len(leaves)}"
        )
    made = [like(mine, theirs) for mine, theirs in zip(own, leaves, strict=True)]
    return pack_leaves(batch, made)
