"""Writes the JSON Schemas of what `--json` writes, one per kind of answer, into the package.

    make_schemas.py [--check]      --check: only say whether they are up to date

They are made from the types of the answers (src/whydiff/core), so that they cannot drift from
these; what `to_dict` names otherwise is said here. Every name that is listed under "required"
stays; further ones may be added within a version.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whydiff.core.comparison import Comparison
from whydiff.core.findings import Cause, Diff, Explanation
from whydiff.core.problem import Checked, Problem
from whydiff.core.searches import COLUMNS, Bisection, Cell, Matrix
from whydiff.core.study import Study
from whydiff.core.tracked import RunDifferences
from whydiff.core.verification import Amplification, FitCheck, Statistics, Verification

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "src" / "whydiff" / "report" / "schemas"
HOME = "https://github.com/whydiff/whydiff/blob/main/src/whydiff/report/schemas"
VERSION = 1

Schema = dict[str, Any]
#: a number that was not finite is null
NUMBER: Schema = {"type": ["number", "null"]}
TEXT: Schema = {"type": "string"}
SIMPLE: dict[Any, Schema] = {
    str: TEXT,
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: NUMBER,
    Any: {},
}


def of(kind: Any) -> Schema:
    """The schema of what a type's values are written as."""
    if kind in SIMPLE:
        return SIMPLE[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        kinds = [of(k) for k in arguments if k is not types.NoneType]
        optional = types.NoneType in arguments
        if optional and kinds == [{}]:
            return {}
        return {"anyOf": [*kinds, *([{"type": "null"}] if optional else [])]}
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return array(of(arguments[0]))
        return {"type": "array", "prefixItems": [of(k) for k in arguments],
                "minItems": len(arguments), "maxItems": len(arguments)}  # fmt: skip
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": of(arguments[1])}
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        # What has a default was added later, or is added where there is something to say.
        added = tuple(f.name for f in dataclasses.fields(kind) if _has_default(f))
        return record(added, **{
            f.name: _WHOLE if kind in typing.get_args(hints[f.name]) else of(hints[f.name])
            for f in dataclasses.fields(kind)
        })  # fmt: skip
    raise TypeError(f"no schema for {kind}")


#: an answer within an answer of its kind
_WHOLE: Schema = {"$ref": "#"}


def _has_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def record(optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """An object with these entries, and whatever a later version adds."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def fields(kind: Any, *without: str) -> dict[str, Schema]:
    """The entries of a dataclass, less some."""
    return {k: v for k, v in of(kind)["properties"].items() if k not in without}


def optional(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def answer(**properties: Schema) -> Schema:
    return record(schema={"const": VERSION}, **properties)


def explanation() -> Schema:
    own = fields(Explanation, "between", "a", "b", "chosen", "zoom", "continued")
    measured = ("share", "alone", "remaining")
    cause = of(Cause)
    for name in measured:  # left out where it was not measured
        cause["properties"][name] = {"type": "number"}
    side = {"type": "object"}
    compared = record(
        between={"enum": ["fits", "runs", "scripts", "calls"]}, a=side, b=side, chosen=TEXT
    )
    made = answer(**own | {"compared": compared, "causes": array(cause)})
    made["properties"] |= {"zoom": {"type": "object"}, "continued": _WHOLE}  # where there is one
    for name in ("others", "reproduced"):  # the first answers had none
        made["required"].remove(name)
    return made


def diff() -> Schema:
    own = fields(Diff, "findings")
    return answer(**own, sources=of(Diff)["properties"]["findings"])


def study() -> Schema:
    own = fields(Study, "table")
    rows = of(Study)["properties"]["table"]
    for name, more in (("noise", "share"), ("agreement", "agrees")):
        entry = own[name]["anyOf"][0]
        entry["properties"][more] = NUMBER if more == "share" else {"type": "boolean"}
        entry["required"] = [*entry["required"], more]
    return answer(**own, dead=array(TEXT), replicas=rows)


def comparison() -> Schema:
    return answer(**fields(Comparison), identical={"type": "boolean"})


def verification() -> Schema:
    state = {"enum": ["holds", "fails", "unknown"]}
    level = record(state=state, why=TEXT)
    findings = of(FitCheck)["properties"]["findings"]
    fit = record(
        fit={"type": "integer"},
        model=TEXT,
        level={"enum": ["bitwise", "rounding", "statistical", "undecided", "different"]},
        levels=record(bitwise=level, rounding=level, statistical=level),
        first_divergence=of(FitCheck)["properties"]["first_divergence"],
        sources=findings,
        distance=record(weights=NUMBER, predictions=NUMBER),
        metrics={"type": "object", "additionalProperties": record(locked=NUMBER, now=NUMBER)},
        amplification=optional(of(Amplification)),
        statistics=optional(of(Statistics)),
    )
    made = answer(
        script=TEXT, lock=TEXT, required=TEXT, state=state, level=fit["properties"]["level"],
        changed=of(Verification)["properties"]["changed"], missing=TEXT, fits=array(fit),
    )  # fmt: skip
    whole = optional({"$ref": f"explanation-{VERSION}.json"})
    made["properties"] |= {"revision": TEXT, "explanation": whole, "unexplained": TEXT}  # later
    return made


def check() -> Schema:
    unread = array(record(file=TEXT, why=TEXT))
    scripts = of(Checked)["properties"]["scripts"]
    return answer(scripts=scripts, findings=array(of(Problem)), unread=unread)


def recording() -> Schema:
    plain, whole = {"type": "object"}, {"type": "integer"}
    epoch = record(index=whole, steps=whole, logs=plain)
    fit = record(
        index=whole, call={}, model=TEXT, at=TEXT, finished={"type": "boolean"}, seconds=NUMBER,
        steps=whole, samples=whole, optimizer=plain, objective=plain, duration=plain,
        precision=plain, backend=plain, epochs=array(epoch), weights=plain, notes=plain,
    )  # fmt: skip
    call = record(
        number=whole, kind=TEXT, model=TEXT, at=TEXT, finished={"type": "boolean"},
        values=plain, outputs=array(plain), inputs=plain, notes=plain,
    )  # fmt: skip
    event = record(number=whole, after_call=whole, kind=TEXT, at=TEXT, facts=plain)
    draw = record(number=whole, kind=TEXT, owner=TEXT, seed={}, explicit={"type": "boolean"})
    return answer(
        script=TEXT, arguments=array(TEXT), started=TEXT, exit_code=optional(whole), trouble=TEXT,
        environment=plain, fits=array(fit), calls=array(call), events=array(event),
        ledger=array(draw),
    )  # fmt: skip


def bisection() -> Schema:
    own = fields(Bisection, "explanation")
    return answer(**own, explanation=optional({"$ref": f"explanation-{VERSION}.json"}))


def matrix() -> Schema:
    own = fields(Matrix)
    groups = record(**dict.fromkeys(COLUMNS, TEXT))
    cell = of(Cell)
    cell["properties"]["groups"] = groups
    cell["required"] = [*cell["required"], "groups"]
    return answer(**own | {"cells": array(cell)})


def runs() -> Schema:
    own = fields(RunDifferences, "explanation")
    return answer(**own, explanation=optional({"$ref": f"explanation-{VERSION}.json"}))


#: kind of answer -> (the verbs that write it, its schema)
MADE = {
    "explanation": ("explain", explanation),
    "diff": ("diff", diff),
    "study": ("study, merge and show", study),
    "comparison": ("compare", comparison),
    "verification": ("verify", verification),
    "check": ("check", check),
    "recording": ("show and calls", recording),
    "bisection": ("bisect", bisection),
    "matrix": ("matrix", matrix),
    "runs": ("explain --runs-of", runs),
}


def texts() -> dict[str, str]:
    """Name of a file -> its text."""
    found = {}
    for kind, (verbs, make) in MADE.items():
        name = f"{kind}-{VERSION}.json"
        head = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"{HOME}/{name}",
            "title": f"What whydiff {verbs} --json writes: {kind}, schema {VERSION}",
        }
        found[name] = json.dumps({**head, **make()}, indent=1) + "\n"
    return found


def main() -> None:
    wanted = texts()
    there = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    if "--check" in sys.argv[1:]:
        sys.exit(wanted != there)
    FOLDER.mkdir(exist_ok=True)
    for name in there.keys() - wanted.keys():
        (FOLDER / name).unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
