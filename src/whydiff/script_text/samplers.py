"""Samplers of libraries that draw settings or data by a seed of their own, not a global one."""

from __future__ import annotations

import ast
from typing import NamedTuple

from whydiff.script_text.edits import Edit, Script, keyword_edit, whole_lines
from whydiff.script_text.imports import Names

#: package -> the parameter that takes a seed, and what has one: without it the seed comes from the
#: operating system
_OWN_SEED = {
    "optuna": (
        "seed",
        {"TPESampler", "RandomSampler", "CmaEsSampler", "GPSampler", "QMCSampler", "GridSampler",
         "NSGAIISampler", "NSGAIIISampler", "BruteForceSampler"},
    ),
    "scipy": ("seed", {"Sobol", "Halton", "LatinHypercube", "PoissonDisk"}),
    "albumentations": ("seed", {"Compose"}),
    "bayes_opt": ("random_state", {"BayesianOptimization"}),
    "ax": ("random_seed", {"AxClient"}),
}  # fmt: skip
#: tuners of Keras: without a seed they take one from Python's global generator
_TUNERS = {"RandomSearch", "BayesianOptimization", "Hyperband", "GridSearch"}
_SEED_FIRST = ("RandomSampler", "BruteForceSampler")


def with_seed(script: Script, names: Names, call: ast.Call) -> tuple[Edit, str] | None:
    """The edit that gives a seed, ``{}`` in it, to a call that makes such a sampler without one,
    and what it makes; None for any other call."""
    called = names.called(call)
    package, _, function = called.rpartition(".")
    given = {k.arg: k.value for k in call.keywords}
    if None in given:  # what ** holds is not known
        return None
    drawing = _made_inside(names, call)
    if drawing is not None:
        spelled = _spelled(names, drawing, call.lineno) or _imported(drawing)[1]
        made = f"{spelled}({drawing.seed}{{}})"
        return keyword_edit(script, call, drawing.parameter, made), drawing.what.format(function)
    parameter, makers = _OWN_SEED.get(package.partition(".")[0], ("", set()))
    first = function in _SEED_FIRST and bool(call.args)
    if function not in makers or not _unset(given.get(parameter)) or first:
        return None
    return keyword_edit(script, call, parameter, "{}"), f"{function}()"


class _Drawing(NamedTuple):
    """What a call draws with and makes by itself where it is given none."""

    parameter: str  # that takes one
    maker: str  # the whole name of what makes one
    seed: str  # how a seed is given to that, without its value
    what: str  # how it is called, {} for the function


def _made_inside(names: Names, call: ast.expr) -> _Drawing | None:
    """What a call of a search draws its settings with, where it is left to make that by itself."""
    if not isinstance(call, ast.Call):
        return None
    called = names.called(call)
    given = {k.arg: k.value for k in call.keywords}
    if called in ("optuna.create_study", "optuna.study.create_study"):
        sampler = "TPESampler" if _unset(given.get("directions")) else "NSGAIISampler"
        maker = f"optuna.samplers.{sampler}"
        drawing = _Drawing("sampler", maker, "seed=", "the sampler of {}()")
    elif called in ("hyperopt.fmin", "hyperopt.fmin.fmin"):
        maker = "numpy.random.default_rng"
        drawing = _Drawing("rstate", maker, "", "the generator of {}()")
    else:
        return None
    return drawing if _unset(given.get(drawing.parameter)) else None


def _spelled(names: Names, drawing: _Drawing, line: int) -> str:
    """How its maker is written above a line, "" where no import gives it a name."""
    parts = drawing.maker.split(".")
    for end in range(len(parts), 0, -1):
        name = names.name_of(".".join(parts[:end]), line)
        if name:
            return ".".join([name, *parts[end:]])
    return ""


def _imported(drawing: _Drawing) -> tuple[str, str]:
    """The import for a maker that has no name yet, and how it is then written."""
    module, _, name = drawing.maker.rpartition(".")
    if module == "numpy.random":
        return "import numpy as np", f"np.random.{name}"
    return f"from {module} import {name}", name


def needed_import(script: Script, names: Names, call: ast.expr) -> list[Edit]:
    """The edit that imports what :func:`with_seed` gives to the call of a search, behind the last
    import at the top; none where there is nothing to import."""
    drawing = _made_inside(names, call)
    tops = [n for n in script.tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    if drawing is None or _spelled(names, drawing, call.lineno) or not tops:
        return []
    behind = whole_lines(script, tops[-1])
    line = _imported(drawing)[0] + script.newline
    return [] if behind is None else [Edit(behind.end, behind.end, line)]


def drawn_from_python(call: ast.Call, names: Names) -> str:
    """The function, where a call draws from Python's global generator unless it is told otherwise;
    "" for any other call."""
    called = names.called(call)
    given = {k.arg: k.value for k in call.keywords}
    tuner = called.startswith(("keras_tuner.", "kerastuner."))
    function = called.rpartition(".")[2]
    unset = None not in given and _unset(given.get("seed"))
    return function if tuner and function.removesuffix("Oracle") in _TUNERS and unset else ""


def _unset(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)
