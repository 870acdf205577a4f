"""Watching the running interpreter from before Keras is imported: for notebooks."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

from whydiff.recorder import seedings
from whydiff.runner.child.imports import AroundImport


def watch_seeds() -> None:
    """Note from now on where generators are seeded; what is noted already is left as it is."""
    seedings.watch(lambda package, then: sys.meta_path.insert(0, AroundImport(package, then)))


def watch_session() -> None:
    """Note seeds from now on, and be ready to record as soon as Keras is imported.

    Keras is not imported here: its backend may still be chosen.
    """
    watch_seeds()
    when_keras_is_here(_hook)


def _hook() -> None:
    importlib.import_module("whydiff.runner.in_process")


def when_keras_is_here(then: Callable[[], None]) -> None:
    """Call ``then`` now, or as soon as Keras is imported."""
    if "keras" in sys.modules:
        then()
    else:
        sys.meta_path.insert(0, AroundImport("keras", then))
