"""Whether anybody sees what a fit logs: it is printed, kept by the script, or sent elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whydiff.core.stack import Frame
from whydiff.recorder.measuring.formulas import parsed
from whydiff.script_text.printed import throws_away

#: Callbacks of Keras that hand no log on.
_SILENT = frozenset({
    "BackupAndRestore", "EarlyStopping", "LearningRateScheduler", "ModelCheckpoint",
    "ReduceLROnPlateau", "SwapEMAWeights", "TerminateOnNaN",
})  # fmt: skip


def log_unseen(
    arguments: Mapping[str, Any], callbacks: Sequence[Any], stack: Sequence[Frame]
) -> bool:
    """Whether a fit with these arguments, called from there, shows its log to nobody.

    False wherever that cannot be told.
    """
    if not stack or arguments.get("verbose", "auto") not in (0, "0"):
        return False
    if any(type(callback).__name__ not in _SILENT for callback in callbacks):
        return False
    module = parsed(stack[-1].file)
    return module is not None and throws_away(module, stack[-1].line, "fit", "history")
