"""Whether anybody sees what a fit logs: it is printed, kept by the script, or sent elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whydiff.core.stack import Frame
from whydiff.recorder.measuring.formulas.frames import parsed
from whydiff.script_text.printed import keys_read, throws_away

#: Callbacks of Keras that hand no log on.
_SILENT = frozenset({
    "BackupAndRestore", "EarlyStopping", "LearningRateScheduler", "ModelCheckpoint",
    "ReduceLROnPlateau", "SwapEMAWeights", "TerminateOnNaN",
})  # fmt: skip


def names_seen(
    arguments: Mapping[str, Any], callbacks: Sequence[Any], stack: Sequence[Frame]
) -> list[str]:
    """The numbers of its log that the script reads from its history, where nobody sees others;
    [] where that cannot be told."""
    module = parsed(stack[-1].file) if stack and _silent(arguments, callbacks) else None
    return [] if module is None else keys_read(module, "history")


def log_unseen(
    arguments: Mapping[str, Any], callbacks: Sequence[Any], stack: Sequence[Frame]
) -> bool:
    """Whether a fit with these arguments, called from there, shows its log to nobody.

    False wherever that cannot be told.
    """
    module = parsed(stack[-1].file) if stack and _silent(arguments, callbacks) else None
    return module is not None and throws_away(module, stack[-1].line, "fit", "history")


def _silent(arguments: Mapping[str, Any], callbacks: Sequence[Any]) -> bool:
    """Whether Keras prints nothing and no callback hands the log on."""
    quiet = arguments.get("verbose", "auto") in (0, "0")
    return quiet and all(type(callback).__name__ in _SILENT for callback in callbacks)
