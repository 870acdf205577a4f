"""Python imports this by its name, before it runs a script that is recorded as it stands.

The script's process is then an ordinary ``python script.py``: the same ``__main__``, stack, flags,
traceback, exit code and order of ending. All that happens here is that Keras will be watched once
the script imports it. Nothing but ``os`` and ``sys``, which Python has imported itself by now, is
imported before that, so that a module beside the script may have any name; and nothing is left in
``os.environ``, ``sys.path`` and ``sys.modules`` for the script to trip over.
"""

import atexit
import os
import sys

MYPY = False
if MYPY:  # for those who check types: `typing` is not imported
    from types import ModuleType
    from typing import Any

    from whydiff.recorder.session import Session
    from whydiff.runner.child.watching import Watching

JOB = "WHYDIFF_JOB"
#: What PYTHONPATH was, where it was set.
PYTHONPATH = "WHYDIFF_PYTHONPATH"

#: Libraries whose functions that seed are watched, see ``whydiff.recorder.seedings``.
SEEDED = ("random", "numpy", "tensorflow", "torch", "jax")
#: Its functions that score predictions are watched, see ``whydiff.recorder.score_hooks``.
SCORING = "sklearn.metrics"
_IMPORTING = "<frozen importlib._bootstrap_external>"


class _AfterImports:
    """Stands among the finders of modules until Keras is imported, and then watches it."""

    def __init__(self, job: str) -> None:
        self.job = job
        self.watching: Watching | None = None
        self.waited_for = {"keras", SCORING, *SEEDED}

    @property
    def session(self) -> "Session | None":
        """The session that Keras reports to, None before it was imported."""
        return None if self.watching is None else self.watching.session

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        """The spec of a library, such that we know when it is imported; no other module's."""
        if name not in self.waited_for:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec: Any = next((spec for spec in specs if spec is not None), None)
        run = getattr(getattr(spec, "loader", None), "exec_module", None)
        if run is None:
            return spec

        def exec_module(module: "ModuleType") -> None:
            try:
                run(module)
            except BaseException:
                self.imported(name, False)
                raise
            self.imported(name, True)

        # Python leaves its own importing out of an error's traceback, and this is part of it.
        exec_module.__code__ = exec_module.__code__.replace(co_filename=_IMPORTING)
        spec.loader.exec_module = exec_module
        return spec

    def imported(self, name: str, succeeded: bool) -> None:
        """A library is here, or could not be imported."""
        if name not in self.waited_for:  # a spec may be asked for more often than it is imported
            return
        try:
            if succeeded:
                self.waited_for.discard(name)
            if name == "keras":
                self.keras(succeeded)
            elif succeeded and name == SCORING:
                from whydiff.recorder import score_hooks

                score_hooks.watch_sklearn(self)
            elif succeeded:
                from whydiff.recorder import seedings

                seedings.imported(name)
        except Exception as error:
            _say_that_nothing_is_recorded(error)

    def keras(self, succeeded: bool) -> None:
        """Record what is done with Keras."""
        from whydiff.runner.child.watching import Job, Watching

        if self.watching is None:
            self.watching = Watching(Job(self.job))
        if succeeded:
            self.watching.keras_is_here()
        else:
            self.watching.keras_is_not_here()

    def close(self) -> None:
        """Finish the recording: called after all that the script leaves to its exit."""
        if self.watching is not None:
            self.watching.close()

    def replaced(self, program: "Any") -> dict[str, str]:
        """The process becomes ``program``: what to set in its environment to have it watched."""
        same = os.path.realpath(os.fsdecode(program)) == os.path.realpath(sys.executable)
        if self.watching is not None and self.watching.leaves(os.fsdecode(program)):
            return {}
        return {JOB: self.job} if same else {}


def _say_that_nothing_is_recorded(error: Exception) -> None:
    try:
        sys.stderr.write(f"whydiff: nothing is recorded: {error!r}; the script goes on\n")
    except Exception:  # closed, or replaced by something that cannot be written to
        return


def _follow_replacements(finder: _AfterImports) -> None:
    """A script that starts Python anew in its own process, with other settings, is still it."""
    execv, execve = os.execv, os.execve
    folder = os.path.dirname(os.path.abspath(__file__))

    def environment(program: "Any", given: "Any") -> "Any":
        try:
            added = finder.replaced(program)
        except Exception:
            return given
        if not added or any(isinstance(name, bytes) for name in given):
            return given
        old = given.get("PYTHONPATH")
        if old is not None:
            added[PYTHONPATH] = old
        added["PYTHONPATH"] = os.pathsep.join([folder, old] if old else [folder])
        return {**given, **added}

    def watched_execv(path: "Any", argv: "Any", /) -> "Any":
        return execve(path, argv, environment(path, os.environ))

    def watched_execve(path: "Any", argv: "Any", env: "Any") -> "Any":
        return execve(path, argv, environment(path, env))

    for ours, theirs in ((watched_execv, execv), (watched_execve, execve)):
        ours.__name__, ours.__qualname__ = theirs.__name__, theirs.__qualname__
        ours.__doc__ = theirs.__doc__
        setattr(os, theirs.__name__, ours)


def _begin() -> None:
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [name for name in sys.path if name != folder]
    sys.path_importer_cache.pop(folder, None)
    sys.modules.pop("sitecustomize", None)
    job = os.environ.pop(JOB, None)
    os.environ.pop("PYTHONPATH", None)
    path = os.environ.pop(PYTHONPATH, None)
    if path is not None:
        os.environ["PYTHONPATH"] = path
    if job is None:
        return
    finder = _AfterImports(job)
    for name in sorted(finder.waited_for.intersection(sys.modules)):
        finder.imported(name, True)
    sys.meta_path.insert(0, finder)
    atexit.register(finder.close)
    _follow_replacements(finder)


try:
    _begin()
except Exception as trouble:
    _say_that_nothing_is_recorded(trouble)
# Whoever has a file of that name gets it run, and whoever has none the error that Python expects.
import sitecustomize  # noqa: E402, F401
