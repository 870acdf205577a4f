"""What happens around the imports of a script's libraries, in its own process."""

from __future__ import annotations

import gc
import importlib.abc
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

#: Python's own.
_RECURSION_LIMIT = 1000
_IMPORTING = "<frozen importlib._bootstrap_external>"


def collector_goes_on(collected: bool) -> None:
    """Let Python's collector of cycles work again, if it did before it was disabled to import.

    What is there by now counts as old, as it would if the collector had worked all the time: else
    it would look through all of it twice more.
    """
    if not collected:
        return
    if not gc.get_freeze_count():  # nothing that the script put aside
        gc.freeze()
        gc.unfreeze()
    gc.enable()


def spec_behind(finder: Any, name: str, path: Any, target: Any) -> Any:
    """What the finders behind ``finder`` find: those before it, the script's own perhaps, were
    asked already."""
    behind = sys.meta_path[sys.meta_path.index(finder) + 1 :] if finder in sys.meta_path else ()
    specs = (_found(other, name, path, target) for other in behind)
    return next((spec for spec in specs if spec is not None), None)


def _found(finder: Any, name: str, path: Any, target: Any) -> Any:
    """What one finder finds; of one of an older kind, as that of ``six`` was, what Python before
    3.12 makes of it."""
    if hasattr(finder, "find_spec"):
        return finder.find_spec(name, path, target)
    if sys.version_info >= (3, 12) or not hasattr(finder, "find_module"):
        return None
    loader = finder.find_module(name, path)
    return None if loader is None else importlib.util.spec_from_loader(name, loader)


class AroundImport(importlib.abc.MetaPathFinder):
    """Calls ``before`` and ``then`` once, around the first import of ``package``.

    Where the import fails ``failed`` is called in the place of ``then``. Meanwhile Python's
    collector of cycles rests: hardly anything that a library defines is garbage, and looking
    through all of it again and again takes a fifth of an import's time.
    """

    def __init__(
        self,
        package: str,
        then: Callable[[], None],
        before: Callable[[], None] = lambda: None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        self._package, self._then, self._before, self._failed = package, then, before, failed

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._package:
            return None
        spec = spec_behind(self, name, path, target)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            self._before()
            collects = gc.isenabled()
            gc.disable()
            try:
                run(module)
            except BaseException:
                if self._failed is not None:
                    self._failed()
                raise
            finally:
                collector_goes_on(collects)
            if self in sys.meta_path:  # a spec may be asked for more than once before an import
                sys.meta_path.remove(self)
                self._then()

        # Python leaves its own importing out of an error's traceback, and this is part of it.
        own = exec_module.__code__.replace(co_filename=_IMPORTING)
        exec_module.__code__ = own
        spec.loader.exec_module = exec_module
        return spec


class _NotYet:
    """In place of a library that Keras would import only to ask whether a value is of its types,
    which none can be before."""

    available = False

    def __init__(self, library: Any) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:  # whatever else is asked of it imports it
        return getattr(self._library, name)


def defer_tensorflow() -> None:
    """Leave TensorFlow out of scripts for other backends that never use it: two seconds.

    Where it is installed, ``keras.utils.set_random_seed`` imports it only to set its seed, and
    serializing any layer to compare values with its types. From now on the seed is kept, and set
    as soon as anything else imports TensorFlow, before that can draw. Called after Keras was
    imported.
    """
    from whydiff.keras_backend.internals import users_of_tensorflow
    from whydiff.keras_backend.patches import Patches, install

    if sys.getrecursionlimit() < _RECURSION_LIMIT:
        return  # a script that lowers it may be made to fail by that very import
    package, users = "tensorflow", users_of_tensorflow()
    if package in sys.modules or not all(hasattr(user, "tf") for user in users):
        return
    if importlib.util.find_spec(package) is None:
        return
    seeding, serializing = users
    library = seeding.tf
    kept: list[int] = []

    def imported() -> None:
        patches.undo()
        for seed in kept[-1:]:
            sys.modules[package].random.set_seed(seed)

    def put_off(patches: Patches) -> None:
        keeping = types.SimpleNamespace(set_seed=kept.append)
        patches.replace(seeding, "tf", types.SimpleNamespace(available=True, random=keeping))
        patches.replace(serializing, "tf", _NotYet(library))

    patches = install(put_off)
    sys.meta_path.insert(0, AroundImport(package, imported))
