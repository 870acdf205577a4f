"""Differences that the script itself sets: intentional, and worth a sentence."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import numpy as np

from whydiff.core.findings import Finding
from whydiff.core.recording import Draw, Fit, Side
from whydiff.script_text.edits import Script

_KINDS = {"initialization": "initializer", "noise": "seed generator"}


def asked_sentences(script: Script | None, a: Side | None, b: Side | None) -> dict[str, str]:
    """Source id -> sentence, for what the text and the ledger show two fits to ask for."""
    found: dict[str, str] = {}
    if a is None or b is None or _by_chance(a, b):
        return found
    order = _order(script, a.fit, b.fit)
    if order:
        found["data-order"] = order
    for source, kind in _KINDS.items():
        sentence = _draws(kind, _held(a, kind), _held(b, kind))
        if sentence:
            found[source] = sentence
    return found


def finding_sentence(finding: Finding) -> str:
    """The sentence for a difference that its finding calls intended."""
    what = finding.detail or finding.evidence
    name = finding.source.replace("-", " ")
    return f"The {name} differs intentionally{': ' if what else ''}{what.rstrip('.')}."


def _by_chance(a: Side, b: Side) -> bool:
    """Whether the sides are one fit of two runs of one script: it asks both for the same."""
    one, other = a.execution, b.execution
    same = one.script == other.script and one.arguments == other.arguments
    return same and one is not other and a.fit.index == b.fit.index


def _held(side: Side, kind: str) -> list[Draw]:
    draws = [d for d in side.execution.ledger if d.kind == kind and d.fit == side.fit.index]
    return sorted(draws, key=lambda d: d.number)


def _draws(kind: str, a: Sequence[Draw], b: Sequence[Draw]) -> str:
    """Whether seeds that the script wrote, or other initializers, make the difference."""
    if not a or len(a) != len(b):
        return ""
    pairs = list(zip(a, b, strict=True))
    seeds = [(x, y) for x, y in pairs if x.seed != y.seed]
    if seeds and all(x.explicit and y.explicit for x, y in seeds):
        x, y = seeds[0]
        where = f" of {x.layer}" if x.layer else ""
        return (
            f"The script itself gives the {kind}{where} seed {x.seed} in one model and "
            f"{y.seed} in the other: give both the same seed if that is not intended."
        )
    if not seeds and any(x.owner != y.owner for x, y in pairs):
        x, y = next((x, y) for x, y in pairs if x.owner != y.owner)
        return f"The script asks for {x.owner} in one model and {y.owner} in the other."
    return ""


def _order(script: Script | None, a: Fit, b: Fit) -> str:
    """Whether one fit shuffles and the other does not, or a pipeline has seeds of its own."""
    orders = [fit.recipe.data_order for fit in (a, b)]
    known = all(order.epochs and not order.relative for order in orders)
    if known and _in_given_order(a) != _in_given_order(b):
        words = ["in the order given" if _in_given_order(f) else "shuffled" for f in (a, b)]
        return (
            f"One fit takes the samples {words[0]}, the other {words[1]}: "
            "the script asks for that with `shuffle`."
        )
    line = _own_shuffle_seed(script) if script else 0
    if line:
        return (
            f"The pipeline's shuffle has a seed of its own (line {line}): "
            "the order differs because the script gives it another one."
        )
    return ""


def _in_given_order(fit: Fit) -> bool:
    return all(bool((np.diff(e) >= 0).all()) for e in fit.recipe.data_order.epochs)


def _own_shuffle_seed(script: Script) -> int:
    """The line where a pipeline's ``.shuffle`` gets one of several seeds; 0 if there is none.

    One constant is the same for both fits, so it cannot be what makes their orders differ.
    """
    seeds: list[ast.expr] = []
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "shuffle":
            given = [k.value for k in node.keywords if k.arg == "seed"]
            seeds += given or node.args[1:2]
    varying = [s for s in seeds if not isinstance(s, ast.Constant)]
    constants = {s.value: s for s in seeds if isinstance(s, ast.Constant) and s.value is not None}
    chosen = varying or (list(constants.values()) if len(constants) > 1 else [])
    return chosen[0].lineno if chosen else 0
