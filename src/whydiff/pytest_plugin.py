"""The fixture ``whydiff_verify``: a training as a test.

    def test_training(whydiff_verify):
        whydiff_verify("train.py", require="bitwise")

``pytest --whydiff-update`` writes the lock anew instead of comparing with it. Nothing but pytest
is imported until a test asks for the fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Verify = Callable[..., Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--whydiff-update``."""
    parser.getgroup("whydiff").addoption(
        "--whydiff-update",
        action="store_true",
        help="train and write the locks of whydiff_verify anew instead of comparing with them",
    )


@pytest.fixture
def whydiff_verify(request: pytest.FixtureRequest) -> Verify:
    """A function that trains a script and fails the test unless it still is the locked training.

    ``whydiff_verify(script, *, require="bitwise", lock=None, arguments=None, metric=None,
    margin=None, replicas=0)`` returns the :class:`~whydiff.core.verification.Verification`. Paths
    are relative to the test's file. The lock lies beside the script, as ``NAME.lock``, unless
    ``lock`` names another file, so that several scripts of a folder have one each. ``replicas``
    counts only where the lock is written.
    """
    folder = request.path.parent
    update = bool(request.config.getoption("--whydiff-update"))

    def verify(
        script: str | Path,
        *,
        require: str = "bitwise",
        lock: str | Path | None = None,
        arguments: Sequence[str] | None = None,
        metric: str | None = None,
        margin: float | None = None,
        replicas: int = 0,
    ) -> Any:
        __tracebackhide__ = True
        from whydiff.core.errors import WhydiffError

        path = _shown(folder / script)
        file = _shown(folder / lock) if lock is not None else path.with_suffix(".lock")
        try:
            if update:
                return _update(path, file, arguments or (), replicas)
            return _verify(path, file, require, arguments, metric, margin)
        except WhydiffError as error:
            way_out = str(error.way_out)
            if not file.exists():
                way_out = "pytest --whydiff-update writes it."
            pytest.fail(f"whydiff: {error}\n  {way_out}", pytrace=False)

    return verify


def _shown(path: Path) -> Path:
    """The path as a person would write it here: messages name it."""
    here = Path(os.path.normpath(path))
    return here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here


def _update(path: Path, file: Path, arguments: Sequence[str], replicas: int) -> None:
    from whydiff.api.lock import lock as write

    write(path, arguments, file, replicas)


def _verify(
    path: Path,
    file: Path,
    require: str,
    arguments: Sequence[str] | None,
    metric: str | None,
    margin: float | None,
) -> Any:
    __tracebackhide__ = True
    from whydiff.api.verify import verify
    from whydiff.report.documents import document_of
    from whydiff.report.plain import plain_text
    from whydiff.report.screen import screen_blocks

    result = verify(path, arguments, lock=file, require=require, metric=metric, margin=margin)
    if result.exit_code:
        text = plain_text(screen_blocks(document_of(result))).rstrip()
        pytest.fail(f"{text}\n\npytest --whydiff-update accepts the change.", pytrace=False)
    return result
