"""Why do similar Keras models produce different results?

``record``, ``load``, ``diff``, ``explain``, ``study`` and ``compare`` are imported when first used,
so that importing whydiff costs nothing and never imports Keras.
"""

from __future__ import annotations

import importlib
from typing import Any

from whydiff.core.notebook import Shown

__version__ = "0.1.0"

_PUBLIC = {
    "record": "whydiff.api.record",
    "calls": "whydiff.api.calls",
    "diff": "whydiff.api.diff",
    "explain": "whydiff.api.explain",
    "lock": "whydiff.api.lock",
    "verify": "whydiff.api.verify",
    "explain_runs": "whydiff.api.runs",
    "autolog": "whydiff.api.runs",
    "check": "whydiff.api.check",
    "recording": "whydiff.api.notebook",
    "Recorder": "whydiff.runner.in_process",
    "load": "whydiff.storage",
    "study": "whydiff.api.study",
    "compare": "whydiff.api.compare",
    "merge": "whydiff.api.merge",
    "bisect": "whydiff.api.bisect",
    "matrix": "whydiff.api.matrix",
    "watch": "whydiff.recorder.watching",
    "WhydiffError": "whydiff.core.errors",
}
__all__ = [
    "Recorder",
    "WhydiffError",
    "__version__",
    "autolog",
    "bisect",
    "calls",
    "check",
    "compare",
    "diff",
    "explain",
    "explain_runs",
    "load",
    "lock",
    "matrix",
    "merge",
    "record",
    "recording",
    "study",
    "verify",
    "watch",
]


def _rendered(answer: Any, form: str) -> str:
    text: str = importlib.import_module("whydiff.report.forms").rendered(answer, form)
    return text


# The package of answers knows no reports; here both are known.
Shown.renderer = _rendered


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'whydiff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext whydiff``: the magics ``%whydiff`` and ``%%whydiff``."""
    importlib.import_module("whydiff.cli.magics").load(shell)
