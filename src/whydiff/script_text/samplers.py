"""Samplers of libraries that draw settings or data by a seed of their own, not a global one."""

from __future__ import annotations

import ast

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
    sampler = _sampler_of_study(names, call)
    if sampler:
        made = f"{_spelled(names, sampler, call.lineno) or sampler}(seed={{}})"
        return keyword_edit(script, call, "sampler", made), f"the sampler of {function}()"
    parameter, makers = _OWN_SEED.get(package.partition(".")[0], ("", set()))
    first = function in _SEED_FIRST and bool(call.args)
    if function not in makers or not _unset(given.get(parameter)) or first:
        return None
    return keyword_edit(script, call, parameter, "{}"), f"{function}()"


def _sampler_of_study(names: Names, call: ast.expr) -> str:
    """The class of the sampler that a call of ``create_study`` makes by itself; "" for others."""
    if not isinstance(call, ast.Call):
        return ""
    if names.called(call) not in ("optuna.create_study", "optuna.study.create_study"):
        return ""
    given = {k.arg: k.value for k in call.keywords}
    if not _unset(given.get("sampler")):
        return ""
    return "TPESampler" if _unset(given.get("directions")) else "NSGAIISampler"


def _spelled(names: Names, sampler: str, line: int) -> str:
    """How a sampler of Optuna is written above a line, "" where no import gives it a name."""
    parts = ["optuna", "samplers", sampler]
    for end in (3, 2, 1):
        name = names.name_of(".".join(parts[:end]), line)
        if name:
            return ".".join([name, *parts[end:]])
    return ""


def needed_import(script: Script, names: Names, call: ast.expr) -> list[Edit]:
    """The edit that imports the sampler that :func:`with_seed` gives to a call of ``create_study``,
    behind the last import at the top; none where there is nothing to import."""
    sampler = _sampler_of_study(names, call)
    tops = [n for n in script.tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    if not sampler or _spelled(names, sampler, call.lineno) or not tops:
        return []
    behind = whole_lines(script, tops[-1])
    line = f"from optuna.samplers import {sampler}{script.newline}"
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
