"""One watched execution of a script: its fits one after another, its ledger, its recording."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping
from typing import Any

from whydiff.capture.ledger import Ledger
from whydiff.capture.watch import Watch
from whydiff.core.live import Live


class Session:
    """Hands out a :class:`Watch` per fit and keeps what can be trained again.

    ``keep_bytes`` bounds the samples kept for replay over all fits (0: only digests).
    """

    def __init__(self, writer: Any, keep_bytes: int) -> None:
        self.writer = writer
        self.ledger = Ledger()
        self.lives: list[Live] = []
        self.current: Watch | None = None
        self.closed = False
        self._fits = 0
        self._left = keep_bytes
        self._trained_by: dict[str, int] = {}
        self._compiled: weakref.WeakKeyDictionary[Any, Mapping[str, Any]] = (
            weakref.WeakKeyDictionary()
        )

    def compiled(self, model: Any, arguments: Mapping[str, Any]) -> None:
        if not self.closed:
            self._compiled[model] = arguments

    def begin_fit(self, model: Any, arguments: Mapping[str, Any]) -> Watch | None:
        """A watch for a fit that begins now; None inside another fit or after closing."""
        if self.closed or self.current is not None:
            return None
        try:
            self.current = Watch(
                index=self._fits + 1,
                model=model,
                fit_arguments=arguments,
                compiled=self._compiled.get(model, {}),
                trained_by=self._trained_by,
                ledger=self.ledger,
                writer=self.writer,
                keep_bytes=self._left,
            )
        except Exception as error:
            print(f"whydiff: this fit is not recorded: {error!r}", file=sys.stderr)
            return None
        self._fits += 1
        return self.current

    def end_fit(self, watch: Watch, completed: bool) -> None:
        self.current = None
        live = watch.finish(completed)
        if live is None:
            self._fits -= 0 if watch.trouble else 1
            return
        self._trained_by = {**self._trained_by, **watch.left_behind()}
        if completed and self._left > 0:
            self.lives.append(live)
            leaves = live.material.samples.leaves or []
            self._left -= sum(getattr(leaf, "nbytes", 0) for leaf in leaves)

    def close(self, exit_code: int | None) -> None:
        """The script is over: finish the recording; later fits are nobody's business."""
        self.closed = True
        self.writer.ledger(self.ledger.draws)
        self.writer.close(exit_code)
