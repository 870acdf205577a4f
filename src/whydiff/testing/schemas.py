"""Answers against the published JSON Schemas; needs the package jsonschema."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import whydiff
from whydiff.core.comparison import Comparison
from whydiff.core.findings import Diff, Explanation
from whydiff.core.problem import Checked
from whydiff.core.recording import Execution
from whydiff.core.searches import Bisection, Matrix
from whydiff.core.study import Study
from whydiff.core.tracked import RunDifferences
from whydiff.core.verification import Verification
from whydiff.core.visible import plain
from whydiff.report.documents.recording import execution_dict
from whydiff.report.schemas import schema

#: class of an answer -> kind of its schema
ANSWERS: dict[type[Any], str] = {
    Bisection: "bisection",
    Checked: "check",
    Comparison: "comparison",
    Diff: "diff",
    Explanation: "explanation",
    Matrix: "matrix",
    RunDifferences: "runs",
    Study: "study",
    Verification: "verification",
}

#: verb, or verb with the option by which it answers otherwise -> kind of what it writes
WRITTEN = {
    "bisect": "bisection",
    "calls": "recording",
    "check": "check",
    "compare": "comparison",
    "diff": "diff",
    "explain": "explanation",
    "explain --runs-of": "runs",
    "matrix": "matrix",
    "merge": "study",
    "show": "recording",
    "study": "study",
    "verify": "verification",
}


@cache
def validator(kind: str) -> Any:
    """A validator of a kind of answer, as anybody makes one."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(kind))


@contextlib.contextmanager
def validating() -> Iterator[None]:
    """Within it every answer is validated that leaves whydiff: what a function of the package gives
    (``whydiff.explain(...)``), whatever is turned into JSON values, and what a command wrote with
    ``--json`` that ``subprocess.run`` ran.
    """
    before = {kind: kind.__dict__["to_dict"] for kind in ANSWERS}
    run: Any = subprocess.run
    public: Any = whydiff.__getattr__
    for kind, name in ANSWERS.items():
        kind.to_dict = _checked(before[kind], name)
    subprocess.run = _checked_run(run)
    whydiff.__getattr__ = _checked_public(public)
    try:
        yield
    finally:
        whydiff.__getattr__ = public
        subprocess.run = run
        for kind, to_dict in before.items():
            kind.to_dict = to_dict


def validate(answer: object) -> None:
    """Validate an answer or a recording; anything else has no schema."""
    if type(answer) in ANSWERS:
        answer.to_dict()  # type: ignore[attr-defined]  # which validates it
    elif isinstance(answer, Execution):
        validator("recording").validate(plain(execution_dict(answer)))


def _checked_public(public: Any) -> Any:
    def validated(name: str) -> Any:
        value = public(name)
        if not inspect.isfunction(value):
            return value

        @functools.wraps(value)
        def called(*args: Any, **options: Any) -> Any:
            answer = value(*args, **options)
            validate(answer)
            return answer

        return called

    return validated


def _checked(to_dict: Callable[[Any], dict[str, Any]], kind: str) -> Callable[[Any], Any]:
    def validated(answer: Any) -> dict[str, Any]:
        value = to_dict(answer)
        validator(kind).validate(plain(value))
        return value

    return validated


def _checked_run(run: Any) -> Any:
    @functools.wraps(run)
    def validated(command: Any, *args: Any, **options: Any) -> Any:
        done = run(command, *args, **options)
        if isinstance(command, list | tuple) and done.returncode in (0, 1, 3):
            words = [str(word) for word in command]
            validate_written(words, Path(options.get("cwd") or ""), done.stdout)
        return done

    return validated


def validate_written(words: Sequence[str], folder: Path, stdout: str | bytes | None) -> None:
    """Validate the file that a command of whydiff, run in ``folder``, wrote with ``--json``, or
    ``stdout`` where it names none."""
    place = next((i for i, word in enumerate(words) if Path(word).name == "whydiff"), None)
    given = list(words[place + 1 :]) if place is not None else []
    given = given[: given.index("--")] if "--" in given else given
    named = [f"{given[0]} {word}" for word in given if word.startswith("--")] if given else []
    kind = next((WRITTEN[name] for name in [*named, *given[:1]] if name in WRITTEN), None)
    if kind is None or "--json" not in given:
        return
    after = [*given[given.index("--json") + 1 :], "-"][0]
    if after.startswith("-"):  # another option, or stdout itself
        if stdout:
            validator(kind).validate(json.loads(stdout))
        return
    file = folder / after
    if file.is_file():
        validator(kind).validate(json.loads(file.read_text(encoding="utf-8")))
