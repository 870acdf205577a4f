"""The process of a script that trains hybrids afterwards, or that runs with a changed text.

Started by the parent's ``client`` with a JSON job as its argument. Until the script
itself imports Keras nothing but the standard library is imported here, so that a script may still
set thread counts, backends and flags in ``os.environ`` before NumPy or Keras read them.

A script that is only recorded runs as Python runs it, see ``startup/sitecustomize.py``.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import shutil
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whydiff.core.stack import FROM_ELSEWHERE, in_library
from whydiff.runner.child.afresh import Start
from whydiff.runner.child.imports import collector_goes_on, spec_behind
from whydiff.runner.child.renaming import let_folders_be_renamed
from whydiff.runner.child.replacing import follow_replacements
from whydiff.runner.child.watching import Watching
from whydiff.runner.job import Job

if TYPE_CHECKING:
    from whydiff.core.progress import EachEpoch
    from whydiff.runner.child.answering import Server

#: Files of Python that hold back what is written.
_BUFFERED = (io.BufferedRandom, io.BufferedWriter, io.TextIOWrapper)


def run_script(job: Job) -> int:
    """Execute the script as ``__main__``; its exit code. Its own traceback goes to stderr."""
    path = Path(job.script).absolute()
    module = types.ModuleType("__main__")
    if sys.version_info < (3, 14):  # Python gives it to the program, if no variable has any
        module.__annotations__ = {}
    sys.modules["__main__"] = module
    try:
        source = Path(job.source).read_bytes() if job.source else None
        if job.changed:
            changed = {path: Path(text).read_bytes() for path, text in job.changed.items()}
            sys.meta_path.insert(0, _Changed(changed))
        if job.prelude:
            exec(_compiled(job.prelude, "<prelude>"), module.__dict__)
        if job.function:
            _call(job, module, path, source)
        elif job.module:
            _as_module(job, module, path, source)
        elif path.suffix == ".ipynb":
            _as_notebook(job, module, path, source)
        else:
            _as_script(job, module, path, source)
    except SystemExit as stop:
        return _exit_code(stop)
    except KeyboardInterrupt:
        return 130
    except BaseException as error:
        if type(error).__name__ == "Enough":  # core.pins: what was asked for has been trained
            return 0
        _print_as_python_does(error)
        return 1
    return 0


def _as_script(job: Job, module: types.ModuleType, path: Path, source: bytes | None) -> None:
    loader = importlib.machinery.SourceFileLoader("__main__", str(path))
    module.__dict__.update(__file__=str(path), __loader__=loader, __cached__=None, __package__=None)
    sys.argv = [job.script, *job.arguments]
    sys.path.insert(0, str(path.parent))  # as Python has it for a script
    exec(_compiled(path.read_bytes() if source is None else source, str(path)), module.__dict__)


def _as_module(job: Job, module: types.ModuleType, path: Path, source: bytes | None) -> None:
    """As ``python -m package.module``: the package is imported, the module is ``__main__``."""
    sys.argv = [str(path), *job.arguments]
    sys.path.insert(0, str(Path.cwd()))
    spec = importlib.util.find_spec(job.module)
    assert spec is not None and spec.origin is not None
    module.__dict__.update(
        __file__=str(path), __loader__=spec.loader, __spec__=spec, __cached__=spec.cached,
        __package__=job.module.rpartition(".")[0],
    )  # fmt: skip
    exec(_compiled(path.read_bytes() if source is None else source, str(path)), module.__dict__)


def _call(job: Job, module: types.ModuleType, path: Path, source: bytes | None) -> None:
    """As an installed command: import the module, call its function, exit with what it gives."""
    command = shutil.which(job.command) or job.command
    sys.argv = [command, *job.arguments]
    sys.path.insert(0, str(Path(command).absolute().parent))
    module.__dict__.update(__file__=command)
    if source is not None:
        sys.meta_path.insert(0, _Changed({str(path): source}))
    found = importlib.import_module(job.module)
    for name in job.function.split("."):
        found = getattr(found, name)
    sys.exit(found())  # type: ignore[operator]


def _as_notebook(job: Job, module: types.ModuleType, path: Path, source: bytes | None) -> None:
    """As Jupyter: cell after cell in one namespace, in the notebook's folder.

    A changed notebook comes as the text of all cells.
    """
    import linecache

    from whydiff.runner.child.ipython import ipython_begins
    from whydiff.script_text.notebooks import cells, for_ipython, from_script

    if source is None:
        found = cells(path.read_text(encoding="utf-8"))
    else:
        found = from_script(source.decode("utf-8"))
    sys.argv = [job.script, *job.arguments]
    os.chdir(path.parent)
    sys.path.insert(0, str(path.parent))
    texts = [for_ipython(cell.text) for cell in found]
    needed = texts != [cell.text for cell in found]
    if not needed or not ipython_begins(module):
        texts = [cell.text for cell in found]
    for cell, text in zip(found, texts, strict=True):
        name = cell.file(str(path))
        # Lines of a cell are in no file: tracebacks and recordings find them here.
        linecache.cache[name] = (len(cell.text), None, cell.text.splitlines(True), name)
        exec(_compiled(text, name), module.__dict__)


class _Changed(importlib.abc.MetaPathFinder):
    """Some files of the project with another text than on disk, whoever imports them."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._sources = {os.path.realpath(path): source for path, source in sources.items()}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        spec = spec_behind(self, name, path, target)
        origin = os.path.realpath(spec.origin) if spec and spec.origin else ""
        if spec is None or spec.origin is None or origin not in self._sources:
            return None
        source = self._sources[origin]

        class Loader(importlib.machinery.SourceFileLoader):
            def get_data(self, path: Any) -> bytes:
                return source if str(path).endswith(".py") else super().get_data(path)

            def get_code(self, fullname: str) -> Any:
                return _compiled(source, self.path)

        loader = Loader(name, spec.origin)
        return importlib.util.spec_from_file_location(
            name, spec.origin, loader=loader,
            submodule_search_locations=spec.submodule_search_locations,
        )  # fmt: skip


def _compiled(source: str | bytes, name: str) -> types.CodeType:
    """The script's code, without the ``from __future__`` of this file."""
    return compile(source, name, "exec", dont_inherit=True)


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code
    print(stop.code, file=sys.stderr)
    return 1


def _print_as_python_does(error: BaseException) -> None:
    """The script's traceback without our frames, as a plain run prints it."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    sys.excepthook(type(error), error.with_traceback(frames), frames)


def main(job: Job) -> int:
    """Run the script of the job, serve if that is asked, and give the script's exit code."""
    start = Start()
    if job.overlays:
        let_folders_be_renamed(lambda: job.overlays)
    watching = Watching(job)
    if job.serve:
        start.arrange()
    else:  # before any handler of the script's, so after all of them
        atexit.register(watching.close)
    watching.arrange()
    follow_replacements(watching)
    code = run_script(job)
    _say_what_came_from_elsewhere(job.checkout)
    if job.serve:
        _wait_for_threads()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # the script may have closed it
                stream.flush()
        if watching.session is not None:
            watching.session.close(code)
        _serve(watching, start, job.serve, code)
    return code


def _say_what_came_from_elsewhere(checkout: Mapping[str, str]) -> None:
    """Say on stderr which module a script of ``checkout`` took from the person's own files.

    ``checkout`` holds the paths ``root`` (of the repository) and ``folder`` (of the revision); it
    is empty for a script that is run as it is.
    """
    for name, file in _modules() if checkout else ():
        inside = os.path.relpath(file, checkout["root"])
        if inside.startswith(os.pardir) or in_library(file):
            continue
        then = os.path.join(checkout["folder"], inside)  # noqa: PTH118
        if not file.startswith(checkout["folder"]) and os.path.realpath(then) != file:
            sys.stderr.write(f"whydiff: imported {name} {FROM_ELSEWHERE}: {file}\n")


def _modules() -> list[tuple[str, str]]:
    """Imported modules with the files they came from."""
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and isinstance(file, str) and file.endswith(".py"):
            found.append((name, os.path.realpath(file)))
    return found


def _wait_for_threads() -> None:
    """A script is over when its threads are, those of pools without work and daemons aside."""
    while True:
        waited_for = [
            thread
            for thread in threading.enumerate()
            if thread is not threading.current_thread()
            and not thread.daemon
            and not _without_work(thread)
        ]
        if not waited_for:
            return
        waited_for[0].join(0.05)


def _without_work(thread: threading.Thread) -> bool:
    """Whether a thread is a pool's that has nothing to do: Python ends it when it ends itself."""
    pools = sys.modules.get("concurrent.futures.thread")
    workers = getattr(pools, "_threads_queues", {})
    if thread in workers:
        return bool(workers[thread].empty())
    # the one that hands out the work of a pool of processes, of Python's own or of joblib's
    return getattr(thread, "pending_work_items", None) == {}


def _serve(watching: Watching, start: Start, descriptors: Sequence[int], code: int) -> None:
    """Say that the script is over; then answer requests until nobody asks any more.

    Where it never imported Keras there is nothing to ask, and the process just ends.
    """
    from whydiff.core.machine import return_freed_memory

    watching.serves = True
    if watching.session is None:
        watching.say_what_was_started()
        return
    from whydiff.runner import codec
    from whydiff.runner.child.answering import serve
    from whydiff.runner.messages import EpochOver, ScriptEnded
    from whydiff.storage.blobs import ArrayFolder

    return_freed_memory()  # it may wait long before it is asked anything

    with os.fdopen(descriptors[0], "rb") as requests, os.fdopen(descriptors[1], "wb") as answers:
        codec.write(ScriptEnded(code), answers)

        def each_epoch(done: int, total: int, unit: str = "epoch") -> None:
            codec.write(EpochOver(done, total, unit), answers)

        collects = gc.isenabled()
        gc.disable()
        server = _server(watching, start, each_epoch)
        collector_goes_on(collects)
        arrays = watching.job.arrays
        serve(server, requests, answers, ArrayFolder(Path(arrays), adds=False) if arrays else None)


def _server(watching: Watching, start: Start, each_epoch: EachEpoch) -> Server:
    """Who answers: about models of Keras 2, where these are what was watched, or of Keras 3."""
    from whydiff.keras_backend.internals import is_keras_2, version

    session = watching.session
    lives = (*session.lives, *session.calls.lives)
    if version() < (3, 0) or any(is_keras_2(live.model) for live in lives):
        from whydiff.runner.child.keras2 import Keras2Server

        return Keras2Server(session.lives, session.calls.lives, each_epoch)
    from whydiff.runner.child.again import ScriptRunner
    from whydiff.runner.child.serving import Server

    job = watching.job
    again = replace(job, output=f"{job.output}.again", keep_bytes=1 << 24)
    run = ScriptRunner(watching, start, run_script, each_epoch)
    output = Path(job.output)
    return Server(session.lives, run, again, output, session.calls.lives, each_epoch)


def start() -> None:
    """Run the job, then let Python end as it does after any script: threads are joined, handlers
    run, files flushed."""
    job = Job.read(sys.argv[1])
    code = main(job)
    if job.covered:
        _end_at_once(code)
    sys.exit(code)


def _end_at_once(code: int) -> None:
    """End a run on a scratch copy, of which nothing is left but what it recorded and printed.

    Threads are joined, handlers run, files flushed. Taking apart what was imported is left out: it
    costs two seconds of processor time where TensorFlow was.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for file in [one for one in gc.get_objects() if type(one) in _BUFFERED]:
        with contextlib.suppress(Exception):  # closed, or its other end is
            file.flush()
    os._exit(code & 0xFF)
