"""Answers against the published JSON Schemas; needs the package jsonschema."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from whydiff.core.bisection import Bisection
from whydiff.core.comparison import Comparison
from whydiff.core.findings import Diff, Explanation
from whydiff.core.jsonable import plain
from whydiff.core.matrix import Matrix
from whydiff.core.problem import Checked
from whydiff.core.study import Study
from whydiff.core.verification import Verification
from whydiff.report.schemas import KINDS, schema

#: class of an answer -> kind of its schema
ANSWERS: dict[type[Any], str] = {
    Bisection: "bisection",
    Checked: "check",
    Comparison: "comparison",
    Diff: "diff",
    Explanation: "explanation",
    Matrix: "matrix",
    Study: "study",
    Verification: "verification",
}


@cache
def validator(kind: str) -> Any:
    """A validator of a kind of answer, which also knows the schemas it refers to."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    schemas = [Resource.from_contents(schema(name)) for name in KINDS]
    by_id = [(str(one.contents["$id"]), one) for one in schemas]
    registry: Any = Registry().with_resources(by_id)
    return Draft202012Validator(schema(kind), registry=registry)


@contextlib.contextmanager
def validating() -> Iterator[None]:
    """Within it every answer that is turned into JSON values is validated."""
    before = {kind: kind.__dict__["to_dict"] for kind in ANSWERS}
    for kind, name in ANSWERS.items():
        kind.to_dict = _checked(before[kind], name)
    try:
        yield
    finally:
        for kind, to_dict in before.items():
            kind.to_dict = to_dict


def _checked(to_dict: Callable[[Any], dict[str, Any]], kind: str) -> Callable[[Any], Any]:
    def validated(answer: Any) -> dict[str, Any]:
        value = to_dict(answer)
        validator(kind).validate(plain(value))
        return value

    return validated
