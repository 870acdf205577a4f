"""Runtimes other than Keras in which a script answers with an exported model."""

from __future__ import annotations

import ast

from whydiff.core.words import listed
from whydiff.script_text.edits import last_name, parse

#: What a call makes, by the end of its dotted name and, where that is no name of its own, a module
#: that the script then names.
_RUNTIMES = (
    ("Interpreter", ("lite", "litert", "ai_edge_litert", "tflite_runtime"),
     "a TensorFlow Lite interpreter"),
    ("InferenceSession", ("onnxruntime",), "an ONNX Runtime session"),
    ("compile_model", ("openvino",), "a model of OpenVINO"),
    ("load", ("jit",), "a module of TorchScript"),
    ("load", ("torch.export",), "a program of torch.export"),
    ("deserialize", ("jax.export", "export"), "a function of jax.export"),
)  # fmt: skip


def other_runtimes(text: str) -> str:
    """The runtimes that a script makes, with their lines: ``an ONNX Runtime session (line 9)``; ""
    where it makes none, or cannot be read."""
    try:
        tree = parse(text).tree
    except (SyntaxError, ValueError, RecursionError):
        return ""
    imported = _imported(tree)
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        made = _made(node, imported) if isinstance(node, ast.Call) else ""
        if made:
            found.setdefault(made, []).append(str(getattr(node, "lineno", 0)))
    return listed(
        [f"{what} (line{'s' * (len(n) > 1)} {listed(n)})" for what, n in sorted(found.items())]
    )


def _made(call: ast.Call, imported: dict[str, str]) -> str:
    """The runtime that a call makes, "" where it makes none."""
    name = _dotted(call.func, imported)
    known = (what for last, modules, what in _RUNTIMES
             if last_name(call.func) == last and _below(name, modules))  # fmt: skip
    return next(known, "")


def _below(name: str, modules: tuple[str, ...]) -> bool:
    """Whether a dotted name lies in one of these modules."""
    padded = f".{name.rpartition('.')[0]}."
    return any(f".{module}." in padded for module in modules)


def _imported(tree: ast.AST) -> dict[str, str]:
    """By name the dotted path from which a script imports it."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {a.asname or a.name: f"{node.module or ''}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.asname: a.name for a in node.names if a.asname}
    return found


def _dotted(node: ast.AST, imported: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, imported)}.{node.attr}"
    if isinstance(node, ast.Call):  # ov.Core().compile_model
        return _dotted(node.func, imported)
    return imported.get(node.id, node.id) if isinstance(node, ast.Name) else ""
