"""What callbacks that change a training are set to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whydiff.keras_backend.code import class_digest, is_users
from whydiff.recorder.describe.values import PLAIN

_STATE = {
    "model", "params", "validation_data", "verbose", "best", "wait", "stopped_epoch",
    "best_epoch", "best_weights", "cooldown_counter", "monitor_op", "history", "epoch",
}  # fmt: skip


def shown(callback: Any) -> str:
    """Class and settings of a callback: ``EarlyStopping(monitor='val_loss', patience=3)``."""
    settings = {
        k: v
        for k, v in vars(callback).items()
        if not k.startswith("_") and k not in _STATE and isinstance(v, PLAIN)
    }
    text = ", ".join(f"{k}={v!r}" for k, v in sorted(settings.items()))
    functions = [v for v in vars(callback).values() if callable(v) and hasattr(v, "__code__")]
    if functions:
        from whydiff.keras_backend.code import code_digest

        text += "".join(f", {f.__name__}:{code_digest(f)}" for f in functions)
    if is_users(type(callback)):
        text += f", code:{class_digest(type(callback))}"
    return f"{type(callback).__name__}({text.strip(', ')})"


def duration_facts(fit: dict[str, Any], stopping: Sequence[Any], keras: Any) -> dict[str, Any]:
    """How long a fit of this ``keras`` may train."""
    epochs = fit.get("epochs", 1)
    limit = getattr(getattr(keras, "config", None), "max_epochs", lambda: None)()
    return {
        "epochs": min(epochs, limit) if limit else epochs,
        "initial_epoch": fit.get("initial_epoch", 0),
        "callbacks": [shown(c) for c in stopping],
    }
