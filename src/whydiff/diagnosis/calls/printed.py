"""What a script printed that matches nothing watched, so that nothing can be said of it.

Numbers are traced by their value: one that a watched call gave, or that follows from two outputs
directly, is known. What is left was made by code that was not watched: a model called without its
weights, an exported one, a callback between two steps, NumPy by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations, zip_longest

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import PRINTED_OTHERWISE, Explanation, Remedy
from whydiff.core.recording import Execution
from whydiff.core.words import count
from whydiff.script_text.runtimes import other_runtimes
from whydiff.script_text.timings import lines_of_timings

#: A number with decimals; whole numbers are counts, labels and shapes.
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d*\.\d+(?:e[-+]?\d+)?(?![\w]|\.\d)", re.IGNORECASE)
#: Lines that are none of the script's results: logs, progress bars, tables, times, versions.
_NO_RESULT = re.compile(
    r"(TF|TensorFlow|Keras|Python|NumPy|version) v?\d+\.\d+\b"
    r"|[IWEF]\d{4} |\d{4}-\d\d-\d\d \d\d:\d\d|WARNING|whydiff: |INFO:"
    r"|.*([━│┃\b]|\[=|\d(ms|s|us)/(step|epoch)|\d ?([KMG]i?B|ms|s|sec|seconds)\b"
    r"|\d ?(it|steps?|samples|images|rows|batches|tokens|examples)/s"
    r"|\b(elapsed|took|duration|runtime|time ?[:=]))",
    re.IGNORECASE,
)
#: A number with fewer digits may be anything's; among many outputs it has to be told by more.
_DIGITS, _DIGITS_OF_OUTPUTS = 3, 5
#: Calls whose outputs are compared with each other, lines that are shown, characters of one.
_CALLS, _SHOWN, _WIDTH = 20, 3, 70


@dataclass(frozen=True)
class Printed:
    """Lines with numbers that no watched call gave, and such lines that differ in a second run."""

    untraced: tuple[str, ...] = ()
    differing: tuple[tuple[str, str], ...] = ()
    runtimes: str = ""  # in which the script answers with an exported model, with their lines


def printed_beyond(
    output: str, execution: Execution, again: str = "", script: str = "", two_runs: bool = False
) -> Printed:
    """What one run printed, compared with all that was watched in it.

    ``again`` is what a second run printed, all of whose calls gave the same; ``script`` the text
    of the script, whose own constants are no results. ``two_runs``: only they were asked about.
    """
    known = _Known(execution, script)
    timings = lines_of_timings(script)
    lines = list(_results(output, timings))
    untraced = [line for line in lines if not all(map(known, _NUMBER.findall(line)))]
    other = list(_results(again, timings)) if again else lines
    pairs = zip_longest(lines, other, fillvalue="")
    differing = [(a, b) for a, b in pairs if _NUMBER.findall(a) != _NUMBER.findall(b)]
    # Who asks about two runs is answered by what both printed, wherever that came from.
    untraced = [] if two_runs and again else untraced
    untraced, differing = list(dict.fromkeys(untraced)), list(differing)
    return Printed(tuple(untraced), tuple(differing), other_runtimes(script))


def with_printed(
    explanation: Explanation, printed: Printed, apart: Sequence[str] = ()
) -> Explanation:
    """The answer with what was printed and not compared.

    Two runs that print other numbers are not identical, whatever was watched. ``apart`` are the
    seedings of the script that may be why.
    """
    notes, scope = [], []
    if printed.differing:
        a, b = printed.differing[0]
        lines = count(len(printed.differing), "printed line")
        scope.append(f"{lines} differ{'s' * (len(printed.differing) == 1)} between the two runs")
        notes.append(
            f"All that was watched agrees, but the two runs print different numbers: {_quoted([a])}"
            f" vs. {_quoted([b])}. They come from something that was not watched."
        )
        if apart:
            notes.append(f"Seeded otherwise in each run: {'; '.join(apart)}.")
            how = (
                "Suspected, as nothing that follows from it was watched: "
                f"{apart[0]}. Give it one seed in every run."
            )
            explanation = replace(explanation, remedy=Remedy("", False, how))
    if printed.untraced:
        n = len(printed.untraced)
        scope.append(f"{count(n, 'printed line')} match{'es' * (n == 1)} nothing watched")
        notes.append(
            "These printed numbers match none that a watched call gave: "
            f"{_quoted(printed.untraced)}. Whether they ought to agree with the others, and why "
            "they do not, is not known. Watched are fit, evaluate, predict, the model called and a "
            "SavedModel that it was exported to; a compiled function of the script's own (jax.jit, "
            "tf.function), other exports, what a callback reads between two steps and most of what "
            "is computed by hand are not."
        )
    explanation = with_runtimes(explanation, printed.runtimes)
    if printed.runtimes:
        scope.append("what another runtime answers was not watched")
    if not scope:
        return explanation
    evidence = {**explanation.evidence, "not watched": "; ".join(scope)}
    if printed.differing and explanation.identical:
        evidence[PRINTED_OTHERWISE] = [list(pair) for pair in printed.differing[:_SHOWN]]
        explanation = replace(explanation, identical=False, unexplained=1.0)
    return replace(explanation, notes=(*notes, *explanation.notes), evidence=evidence)


def with_runtimes(explanation: Explanation, runtimes: str) -> Explanation:
    """The answer with the runtimes, besides Keras, in which the script answers with a model."""
    if not runtimes:
        return explanation
    note = (
        f"The script makes {runtimes}. What an exported model answers there was not watched: "
        "whether it agrees with the model, and if not why, is not part of this answer. Compare its "
        "outputs with model.predict of the very inputs that it is given."
    )
    return replace(explanation, notes=(note, *explanation.notes))


def _quoted(lines: Sequence[str]) -> str:
    shown = [f"'{line if len(line) <= _WIDTH else line[:_WIDTH] + '…'}'" for line in lines[:_SHOWN]]
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return ", ".join(shown) + more


def _results(output: str, timings: Sequence[re.Pattern[str]]) -> Iterator[str]:
    """The lines with numbers that may be results."""
    for line in output.splitlines():
        told = " ".join(line.split())
        if (
            _NUMBER.search(told)
            and not _NO_RESULT.match(told)
            and not any(timing.fullmatch(told) for timing in timings)
        ):
            yield told


class _Known:
    """Whether a number, as it is printed, is one that was watched."""

    def __init__(self, execution: Execution, script: str) -> None:
        self._constants = set(_NUMBER.findall(script))
        calls = execution.calls
        numbers = [value for call in calls for value in call.values.values()]
        numbers += [v for fit in execution.fits for e in fit.epochs for v in e.logs.values()]
        measured = np.array([n for n in numbers if isinstance(n, (int, float))], np.float64)
        outputs = list(_outputs(calls))
        derived = [number for output in outputs for number in _moments(output)]
        derived += [n for a, b in combinations(outputs[-_CALLS:], 2) for n in _distances(a, b)]
        roots = np.sqrt(measured[measured >= 0])
        few = [measured, roots, 1 - measured, 100 * measured, np.array(derived, np.float64)]
        self._few = np.sort(np.concatenate(few))
        self._many = np.sort(np.concatenate([np.empty(0), *(o.ravel() for o in outputs)]))

    def __call__(self, text: str) -> bool:
        digits = len(Decimal(text).as_tuple().digits)
        if digits < _DIGITS or text in self._constants:
            return True
        return _among(self._few, text) or (
            digits >= _DIGITS_OF_OUTPUTS and _among(self._many, text)
        )


def _outputs(calls: Sequence[MeasuringCall]) -> Iterator[np.ndarray]:
    for call in calls:
        for output in call.outputs:
            if output.values is not None and output.values.dtype.kind in "biuf":
                yield np.asarray(output.values, np.float64)


def _moments(output: np.ndarray) -> list[float]:
    if not output.size:
        return []
    return [float(f(output)) for f in (np.mean, np.sum, np.std, np.min, np.max)]


def _distances(a: np.ndarray, b: np.ndarray) -> list[float]:
    if a.shape != b.shape or not a.size:
        return []
    apart = np.abs(a - b)
    return [float(f) for f in (apart.max(), apart.mean(), np.sqrt((apart**2).mean()),
                               (apart**2).mean(), apart.sum())]  # fmt: skip


def _among(values: np.ndarray, text: str) -> bool:
    """Whether one of these sorted values is printed like this, or a little off in float32."""
    number = Decimal(text)
    unit = 10.0 ** int(number.as_tuple().exponent)
    value = float(number)
    slack = 0.501 * unit + 3e-6 * abs(value)
    at = np.searchsorted(values, value - slack)
    return bool(at < len(values) and values[at] <= value + slack)
