"""Scores that a script computes by hand: ``np.mean(model.predict(x).argmax(1) == y)``.

A person compares the number that a script prints. Where it is computed by plain operations of NumPy
from a watched output, it can be computed again, from other labels, say. Nothing of the script is
changed for that: when it has printed a line, the expressions in the text of that line are followed
to the assignments they come from, with the values that the names have at this moment. A formula
counts only if it gives the very number that was printed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.interrupting import pass_on, quietly
from whydiff.recorder.measuring.formulas.formula import LABELS, PREDICTED, Formula, computed
from whydiff.recorder.measuring.formulas.frames import Beside, names_in, parsed
from whydiff.recorder.measuring.formulas.quantity import ERROR_RATE, of_first_rows, quantity_of
from whydiff.recorder.measuring.formulas.reader import Reader
from whydiff.script_text.printed import definition, printed_numbers, unscaled


def printed_values(frame: Any, module: ast.Module, names: Mapping[str, Any]) -> Iterator[float]:
    """The numbers among what a frame has just printed that plain computations give."""
    for _, node in printed_numbers(module, frame.f_lineno):
        reader = Reader(frame.f_code.co_filename, module, names, {}, {})
        with quietly():
            tree = ast.Expression(reader.read(unscaled(node), frame.f_lineno))
            code = compile(ast.fix_missing_locations(tree), reader.file, "eval")
            yield computed(code, {**reader.names, **reader.arrays})


def printed_formulas(
    frame: Any, outputs: Mapping[int, MeasuringCall], beside: Beside | None = None
) -> Iterator[Formula]:
    """The scores by hand among what a frame of the script has just printed.

    ``beside`` holds what came beside the batches that a loop predicted one by one.
    """
    file = frame.f_code.co_filename
    module = parsed(file)
    if module is None:
        return
    names = names_in(frame)
    for _, node in printed_numbers(module, frame.f_lineno):
        try:
            reader = Reader(file, module, names, outputs, beside or {})
            found = _formula(node, reader, frame.f_lineno)
        except Exception as error:  # whatever it is, it is no score by hand
            pass_on(error)
            continue
        if found is not None:
            yield found


def _formula(node: ast.expr, reader: Reader, line: int) -> Formula | None:
    file, plain = reader.file, unscaled(node)
    scaled = plain is not node
    if isinstance(plain, ast.Name):
        shown = definition(reader.module, plain.id, line)
        whole = reader.number(plain.id, reader.values[plain.id], line)
        if whole is None or shown is None:
            return None
        plain, tree = unscaled(shown), unscaled(whole)
        scaled = scaled or plain is not shown
    else:
        tree = reader.read(plain, line)
    predicted, labels = reader.roles(tree)
    if predicted is None or labels is None:
        return None
    tree = _Renamed({predicted: PREDICTED, labels: LABELS}).visit(tree)
    given = {PREDICTED: reader.arrays.pop(predicted), LABELS: reader.arrays.pop(labels)}
    kept = {**reader.names, **reader.arrays}
    arrays = np.array(given[LABELS]), np.array(given[PREDICTED])

    def made(tree: ast.expr, text: str, quantity: str) -> Formula:
        code = compile(ast.fix_missing_locations(ast.Expression(tree)), file, "eval")
        value = computed(code, {**kept, **given})
        return Formula(text, quantity, value, *arrays, code, kept, reader.pieces, reader.sizes)

    text = ast.unparse(plain)
    quantity = quantity_of(of_first_rows(made(tree, text, "")), tree, reader.functions)
    if quantity == "mean_relative_error" and scaled:  # it is measured in percent
        percent = ast.BinOp(tree, ast.Mult(), ast.Constant(100))
        return made(percent, f"({text}) * 100", "mean_absolute_percentage_error")
    if quantity == ERROR_RATE:
        right = ast.BinOp(ast.Constant(1.0), ast.Sub(), tree)
        return made(right, f"1 - ({text})", "accuracy")
    return made(tree, text, quantity) if quantity else None


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._names.get(node.id, node.id), node.ctx)
