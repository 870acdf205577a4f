"""The fixtures ``whydiff_verify`` and ``whydiff_resume``: a training as a test.

    def test_training(whydiff_verify):
        whydiff_verify("train.py", require="bitwise")

    def test_resuming(whydiff_resume):
        whydiff_resume("train.py", at_epoch=2)

``pytest --whydiff-update`` writes the lock anew instead of comparing with it, and with
``--whydiff-explain`` a failure proves why. The marker
``@pytest.mark.whydiff(require="rounding")`` says for a test, a class or a module what its calls
demand where they do not say it themselves; ``[tool.whydiff]`` of the rootdir's pyproject.toml says
it for all, as on the command line. Nothing but pytest is imported until a test asks for a fixture.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from whydiff.report.document import Document

Verify = Callable[..., Any]
Resume = Callable[..., Any]
#: what the marker may set
SETTINGS = ("require", "metric", "margin", "replicas")
#: name of the property of a test report that carries the annotations of a failure
_ANNOTATIONS = "whydiff annotations"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--whydiff-update`` and ``--whydiff-explain``."""
    group = parser.getgroup("whydiff")
    group.addoption(
        "--whydiff-update",
        action="store_true",
        help="train and write the locks of whydiff_verify anew instead of comparing with them",
    )
    group.addoption(
        "--whydiff-explain",
        action="store_true",
        help="let a whydiff_verify that fails train hybrids to prove why, for up to ten minutes",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "whydiff(require='bitwise', metric=None, margin=None, replicas=0): what whydiff_verify "
        "demands in this test where the call does not say it",
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """In a job on GitHub: annotate the lines that failed verifications name."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    failed = terminalreporter.stats.get("failed", ())
    properties = (one for report in failed for one in getattr(report, "user_properties", ()))
    for lines in (json.loads(value) for name, value in properties if name == _ANNOTATIONS):
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def whydiff_verify(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Callable[[str, object], None],
) -> Iterator[Verify]:
    """A function that trains a script and fails the test unless it still is the locked training.

    ``whydiff_verify(script, *, require="bitwise", lock=None, arguments=None, metric=None,
    margin=None, replicas=0)`` returns the :class:`~whydiff.core.verification.Verification`, with
    ``--whydiff-update`` None. What neither the call nor a marker says, the project's settings for
    ``verify`` say, and those for ``lock`` where it is written. Paths are relative to pytest's
    rootdir; what is not there is looked for beside the test; ``"-m package.module"`` names a
    module. Scripts import from pytest's setting ``pythonpath``, as tests do. The lock is
    ``train.lock`` beside ``train.py`` unless ``lock`` names another file. ``replicas`` counts only
    where the lock is written.
    """
    folders = (request.config.rootpath, request.path.parent)
    written = _Written(_shared_folder(request.config, tmp_path_factory))
    update = bool(request.config.getoption("--whydiff-update"))
    explain = bool(request.config.getoption("--whydiff-explain"))

    def verify(
        script: str | Path,
        *,
        lock: str | Path | None = None,
        arguments: Sequence[str] | None = None,
        **settings: Any,
    ) -> Any:
        __tracebackhide__ = True
        from whydiff.core.errors import WhydiffError

        target, path = _target(script, folders)
        file = _found(lock, folders) if lock is not None else path.with_suffix(".lock")
        try:
            _check_script(path, script, folders)
            project = _of_project("lock" if update else "verify", folders[0])
            demanded = _demanded(request, settings, project)
            how = {name: project[name] for name in _HOW if name in project}
            if update:
                replicas = int(demanded["replicas"] or 0)
                return _update(target, file, arguments or (), replicas, written, how)
            return _verify(target, file, arguments, {**demanded, **how}, explain, record_property)
        except WhydiffError as error:
            raise _trouble(error, _way_out(error, path, file)) from None

    with _pythonpath(request.config):
        yield verify


@pytest.fixture
def whydiff_resume(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Iterator[Resume]:
    """A function that fails the test unless saving, loading and going on equals going on.

    ``whydiff_resume(script, *, at_epoch, fit=1, arguments=())`` returns the
    :class:`~whydiff.core.resumption.Resumption`. A failure names what was not restored. The path is
    looked for as ``whydiff_verify`` does.
    """
    folders = (request.config.rootpath, request.path.parent)

    def resume(
        script: str | Path, *, at_epoch: int, fit: int = 1, arguments: Sequence[str] = ()
    ) -> Any:
        __tracebackhide__ = True
        from whydiff.api.resume import resume
        from whydiff.core.errors import WhydiffError
        from whydiff.report.documents.resumption import document

        path = _found(script, folders)
        try:
            _check_script(path, script, folders)
            result = resume(path, arguments, at_epoch=at_epoch, fit=fit)
        except WhydiffError as error:
            raise _trouble(error, error.way_out) from None
        if not result.equal:
            _fail_with(document(result), "", record_property)
        return result

    with _pythonpath(request.config):
        yield resume


def _trouble(error: Exception, way_out: str) -> BaseException:
    return pytest.fail.Exception(f"whydiff: {error}\n  {way_out}", pytrace=False)


def _check_script(path: Path, script: str | Path, folders: Sequence[Path]) -> None:
    from whydiff.core.errors import WhydiffError

    if not path.is_file():
        raise WhydiffError(
            f"there is no script {script}",
            f"Looked in the rootdir {folders[0]} and beside the test, in {folders[1]}.",
        )


#: settings of the project that say how it is run
_HOW = ("budget", "ignore_sources", "in_place", "a_rev", "python", "packages", "as_of")


def _of_project(verb: str, rootdir: Path) -> dict[str, Any]:
    """What ``[tool.whydiff]`` says for a verb, by parameter."""
    import importlib

    from whydiff.cli.group import VERBS
    from whydiff.cli.settings import values

    return values(verb, importlib.import_module(f"whydiff.cli.{verb}").command, VERBS, rootdir)


def _demanded(
    request: pytest.FixtureRequest, settings: dict[str, Any], project: dict[str, Any]
) -> dict[str, Any]:
    """What a call demands: its own words, then those of the closest marker, then the project's."""
    demanded: dict[str, Any] = {"require": "bitwise", **dict.fromkeys(SETTINGS[1:])}
    demanded |= {name: value for name, value in project.items() if name in SETTINGS}
    for marker in reversed(list(request.node.iter_markers("whydiff"))):
        if marker.args or not set(marker.kwargs) <= set(SETTINGS):
            raise pytest.UsageError(
                f"@pytest.mark.whydiff takes {', '.join(SETTINGS)} by name, not "
                f"{', '.join([*map(repr, marker.args), *marker.kwargs])}"
            )
        demanded |= marker.kwargs
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise TypeError(f"whydiff_verify() got an unexpected argument {sorted(unknown)[0]!r}")
    return demanded | settings


def _target(script: str | Path, folders: Sequence[Path]) -> tuple[str | Path, Path]:
    """What is run, and the file that holds its text."""
    from whydiff.core.errors import WhydiffError
    from whydiff.runner.targets import MODULE, target_of

    if not str(script).startswith(MODULE):
        path = _found(script, folders)
        return path, path
    try:
        return str(script), target_of(str(script)).script
    except WhydiffError as error:
        raise _trouble(error, error.way_out) from None


@contextlib.contextmanager
def _pythonpath(config: pytest.Config) -> Iterator[None]:
    """Scripts import from the folders that pytest's setting ``pythonpath`` names, as tests do."""
    with pytest.MonkeyPatch.context() as patch:
        for folder in reversed(config.getini("pythonpath")):
            patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield


def _found(name: str | Path, folders: Sequence[Path]) -> Path:
    """The file in the rootdir, else beside the test; where there is none, as in the rootdir."""
    places = [_shown(folder / name) for folder in folders]
    return next((place for place in places if place.is_file()), places[0])


def _shown(path: Path) -> Path:
    """The path as a person would write it here: messages name it."""
    here = Path(os.path.normpath(path))
    return here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here


def _way_out(error: Any, path: Path, file: Path) -> str:
    """The way out in pytest's words, where it is another one than on the command line."""
    if path.is_file() and not file.exists():
        return "pytest --whydiff-update writes it; commit it with the file .details beside it."
    if "--replicas" in error.way_out:
        return "Add replicas=23 to the call or the marker, and run pytest --whydiff-update."
    if error.way_out.startswith("Lock the training anew"):
        return "pytest --whydiff-update locks the training anew."
    if "is the lock of" in str(error):
        return "Give every script, and every set of arguments, a lock of its own: lock=..."
    return str(error.way_out)


@dataclass(frozen=True)
class _Written:
    """Which locks this run of pytest has written, seen by all workers of pytest-xdist."""

    folder: Path

    def begin(self, file: Path, what: str) -> bool:
        """Whether to write ``file`` now: not if it was written as ``what`` already.

        Raises WhydiffError where it was written as something else.
        """
        from whydiff.core.digests import text_digest
        from whydiff.core.errors import WhydiffError

        self.folder.mkdir(parents=True, exist_ok=True)
        note = self.folder / text_digest(str(file.resolve()))
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self.folder) as mine:
            mine.write(what)
            mine.flush()
            try:
                os.link(mine.name, note)  # there at once and whole: nobody reads it half written
                return True
            except FileExistsError:
                before = note.read_text(encoding="utf-8")
        if before != what:
            raise WhydiffError(
                f"{file} is the lock of {before} in another test, not of {what}", "Use lock=..."
            )
        return False


def _shared_folder(config: pytest.Config, factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of pytest; workers of pytest-xdist have theirs side by side in one."""
    base = factory.getbasetemp()
    return (base.parent if hasattr(config, "workerinput") else base) / "whydiff-locks"


def _update(
    target: str | Path,
    file: Path,
    arguments: Sequence[str],
    replicas: int,
    written: _Written,
    how: dict[str, Any],
) -> None:
    from whydiff.api.lock import lock as write

    if written.begin(file, " ".join([str(target), *arguments])):
        write(target, arguments, file, replicas, **how)


def _verify(
    target: str | Path,
    file: Path,
    arguments: Sequence[str] | None,
    demanded: dict[str, Any],
    explain: bool,
    record_property: Callable[[str, object], None],
) -> Any:
    __tracebackhide__ = True
    from whydiff.api.verify import verify
    from whydiff.report.documents import document_of

    result = verify(
        target,
        arguments,
        lock=file,
        explain=explain,
        **{name: value for name, value in demanded.items() if name != "replicas"},
    )
    if result.exit_code:
        way_out = "\n\npytest --whydiff-update accepts the change."
        _fail_with(document_of(result), way_out, record_property)
    return result


def _fail_with(
    document: Document, way_out: str, record_property: Callable[[str, object], None]
) -> NoReturn:
    __tracebackhide__ = True
    from whydiff.report.github import workflow_commands
    from whydiff.report.terminal import plain_text, screen_blocks

    record_property(_ANNOTATIONS, json.dumps(list(workflow_commands(document, os.environ))))
    pytest.fail(f"{plain_text(screen_blocks(document)).rstrip()}{way_out}", pytrace=False)
