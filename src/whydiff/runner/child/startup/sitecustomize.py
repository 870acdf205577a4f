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
    from typing import Any

    from whydiff.recorder.session import Session
    from whydiff.runner.child.watching import Watching

JOB = "WHYDIFF_JOB"
#: Packages that this Python lacks, as lines ``name=folder``; see ``lending.py``.
LENT = "WHYDIFF_LENT"
#: What PYTHONPATH was, where it was set.
PYTHONPATH = "WHYDIFF_PYTHONPATH"

#: Libraries whose functions that seed are watched, see ``whydiff.recorder.seed_calls``.
SEEDED = ("random", "numpy", "tensorflow", "torch", "jax")
#: Keras 2 beside Keras 3.
KERAS_2 = "tf_keras"
#: Its functions that score predictions are watched, see ``whydiff.recorder.score_hooks``.
SCORING = "sklearn.metrics"
SEED_CALLS = "whydiff.recorder.seed_calls"
#: Tells what of an error is the script's own.
INTERRUPTING = "whydiff.core.interrupting"
_PACKAGE = ("..", "..", "..")


def _loaded(name: str, *parts: str) -> "Any":
    """The module in a file that lies at ``parts`` from here."""
    path = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), *parts))
    module = type(sys)(name)
    kind: Any = type(__spec__.loader)
    module.__file__, module.__loader__ = path, kind(name, path)
    kind(name, path).exec_module(module)
    return module


_interrupting = _loaded(INTERRUPTING, *_PACKAGE, "core", "interrupting.py")


class _AfterImports:
    """Stands among the finders of modules until Keras is imported, and then watches it."""

    def __init__(self, job: str, lent: "str | None" = None) -> None:
        self.job, self.lent, self.process = job, lent, os.getpid()
        self.watching: Watching | None = None
        self.waited_for = {"keras", KERAS_2, SCORING, *SEEDED}
        self.missed: set[str] = set()  # could not be imported
        self.seed_calls = _seed_calls()

    @property
    def session(self) -> "Session | None":
        """The session that Keras reports to, None before it was imported."""
        return None if self.watching is None else self.watching.session

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        """The spec of a library, such that we know when it is imported; no other module's."""
        if name not in self.waited_for or self not in sys.meta_path:
            return None
        # Those before us, the script's own perhaps, were asked already.
        behind = sys.meta_path[sys.meta_path.index(self) + 1 :]
        finders = (finder for finder in behind if hasattr(finder, "find_spec"))
        specs = (finder.find_spec(name, path, target) for finder in finders)
        spec: Any = next((spec for spec in specs if spec is not None), None)
        if spec is not None:
            _tell_when_it_is_imported(spec, self.imported)
        return spec

    def imported(self, name: str, succeeded: bool) -> None:
        """A library is here, or could not be imported."""
        if name not in self.waited_for:  # a spec may be asked for more often than it is imported
            return
        handlers = _interrupting.HANDLERS
        handlers.look()
        before = handlers.put_off()
        try:
            if not succeeded:
                self.missed.add(name)
                return
            self.waited_for.discard(name)
            if name == "keras":
                self.keras().keras_is_here()
            elif name == KERAS_2:
                self.keras().tf_keras_is_here()
            elif name == SCORING:
                self.by_name()
                from whydiff.recorder import score_hooks

                score_hooks.watch_sklearn(self)
            else:
                self.seed_calls.watch(name)
        except Exception as error:
            _interrupting.pass_on(error)
            _say_that_nothing_is_recorded(error)
        finally:
            handlers.go_on(before)

    def by_name(self) -> None:
        """Whoever imports our modules from now on finds those in which things were noted."""
        sys.modules.setdefault(INTERRUPTING, _interrupting)
        sys.modules.setdefault(SEED_CALLS, self.seed_calls)

    def keras(self) -> "Any":
        """Who records what is done with Keras."""
        self.by_name()
        from whydiff.runner.child.watching import Watching
        from whydiff.runner.job import Job

        if self.watching is None:
            self.watching = Watching(Job.read(self.job))
        return self.watching

    def close(self) -> None:
        """Finish the recording: called after all that the script leaves to its exit."""
        # The script has ended, and without us nothing would be left for a signal to strike.
        _interrupting.HANDLERS.look()
        _interrupting.HANDLERS.put_off()
        with _interrupting.quietly():  # its exit code stays
            if self.watching is None and "keras" in self.missed:
                self.keras().keras_is_not_here()
            if self.watching is not None:
                self.watching.close()

    def replaced(self, program: "Any") -> dict[str, str]:
        """The process becomes ``program``: what to set in its environment to have it watched.

        Nothing in a process that the script forked: that is another one, which is not watched.
        """
        if os.getpid() != self.process or not os.path.exists(program):
            return {}
        same = os.path.realpath(os.fsdecode(program)) == os.path.realpath(sys.executable)
        if self.watching is not None and self.watching.leaves(os.fsdecode(program)):
            return {}
        if not same:
            return {}
        return {JOB: self.job, **({LENT: self.lent} if self.lent else {})}


def _seed_calls() -> "Any":
    """The module that notes seeds. Not imported by name: that would import packages of ours."""
    sys.modules[INTERRUPTING] = _interrupting  # what it imports
    try:
        return _loaded(SEED_CALLS, *_PACKAGE, "recorder", "seed_calls.py")
    finally:
        del sys.modules[INTERRUPTING]


def _lend(lines: str) -> None:
    folders = dict(line.split("=", 1) for line in lines.split("\n"))
    _loaded("whydiff_lending", "lending.py").lend(folders)


def _tell_when_it_is_imported(spec: "Any", imported: "Any") -> None:
    """Call ``imported(name, succeeded)`` when Python is through with importing a spec.

    Python notes in the spec that it begins and ends. Nothing of ours is on the stack between:
    a script that is short of recursion fails where it would fail without us.
    """
    kind = type(spec)

    class Spec(kind):  # type: ignore[misc, valid-type]
        __slots__ = ()

        @property
        def _initializing(self) -> bool:
            return bool(self.__dict__.get("_initializing", False))

        @_initializing.setter
        def _initializing(self, now: bool) -> None:
            self.__dict__["_initializing"] = now
            if not now:
                self.__class__ = kind
                imported(self.name, self.name in sys.modules)

    Spec.__name__, Spec.__qualname__, Spec.__module__ = "ModuleSpec", "ModuleSpec", kind.__module__
    spec.__class__ = Spec


def _say_that_nothing_is_recorded(error: Exception) -> None:
    with _interrupting.quietly():  # closed, or replaced by something that cannot be written to
        sys.stderr.write(f"whydiff: nothing is recorded: {error!r}; the script goes on\n")


def _follow_replacements(finder: _AfterImports) -> None:
    """A script that starts Python anew in its own process, with other settings, is still it."""
    execv, execve = os.execv, os.execve
    folder = os.path.dirname(os.path.abspath(__file__))

    def environment(program: "Any", given: "Any") -> "Any":
        try:
            added = finder.replaced(program)
        except Exception as error:
            _interrupting.pass_on(error)
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


def _rename_on_overlays(job: str) -> None:
    if '"covered": []' in job:  # without reading the rest, for which `json` would be imported
        return

    def overlays() -> "Any":
        from whydiff.runner.job import Job

        return Job.read(job).overlays

    _loaded("whydiff_renaming", "..", "renaming.py").let_folders_be_renamed(overlays)


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
    lent = os.environ.pop(LENT, None)
    if job is None:
        return
    if lent:
        _lend(lent)
    _rename_on_overlays(job)
    finder = _AfterImports(job, lent)
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
