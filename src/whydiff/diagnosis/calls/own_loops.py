"""Two models that loops of the script's own have trained: what the calls in these loops tell.

Each step calls the model, and such a call is watched. So it is known which weights a loop began
with, which samples each step was fed, and in which step the two first differ; targets, loss and
update are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from whydiff.core.calls import MeasuringCall
from whydiff.core.findings import SUSPECTED, Cause, Excluded
from whydiff.core.recording import Execution
from whydiff.core.words import count
from whydiff.diagnosis.calls.loops import OF_THE_LOOP, UNWATCHED, training_steps
from whydiff.diagnosis.calls.results import same_result
from whydiff.diagnosis.calls.unwatched import optimizers_apart
from whydiff.diagnosis.calls.verdict import Verdict

_REMEDIES = {
    "optimizer": "Use the same optimizer with the same settings in both loops.",
    "initialization": "Call keras.utils.set_random_seed(n) before building each model.",
    "data-order": "Seed what shuffles before each loop: DataLoader(generator="
    "torch.Generator().manual_seed(n)), or shuffle with np.random.default_rng(n).",
    "data-content": "Feed both loops the same samples.",
}
_UNTRIED = "nothing could be tried: the loops are not watched"

Steps = tuple[list[MeasuringCall], list[MeasuringCall]]


def last_steps(execution: Execution) -> tuple[MeasuringCall, MeasuringCall] | None:
    """The last step of each of two loops of one run that trained models of the same shape apart:
    the first two such loops, and the last steps that were fed the same samples, if there are any.
    """
    models = list(dict.fromkeys(e.model_number for e in execution.events if e.kind == "loop"))
    steps = {model: _steps(execution, model) for model in models}
    for one, other in combinations(models, 2):
        a, b = steps[one], steps[other]
        pairs = list(zip(a, b, strict=False))[1:]  # the first step comes before any update
        if not pairs or _shapes(a[0]) != _shapes(b[0]) or same_result(*pairs[-1]):
            continue
        alike = [pair for pair in pairs if np.array_equal(_rows(pair[0]), _rows(pair[1]))]
        return (alike or pairs)[-1]
    return None


def with_steps(
    verdict: Verdict, runs: tuple[Execution, Execution], a: MeasuringCall, b: MeasuringCall
) -> Verdict:
    """The verdict on weights that two unwatched loops have trained, with what differs of these
    loops as suspects, and what their steps were seen to have in common ruled out."""
    one_model = runs[0] is runs[1] and a.model_number == b.model_number
    if one_model or UNWATCHED not in {c.mechanism for c in verdict.causes}:
        return verdict
    numbered = [
        [step for step in _steps(run, call.model_number) if step.number <= call.number]
        for run, call in zip(runs, (a, b), strict=True)
    ]
    steps: Steps = numbered[0], numbered[1]
    apart = optimizers_apart((runs[0].events, runs[1].events), a, b)
    suspects = {"optimizer": apart} if apart else {}
    cleared: dict[str, str] = {}
    if all(steps) and _shapes(steps[0][0]) == _shapes(steps[1][0]):
        suspects |= _apart(steps)
        cleared = _alike(steps)
    seen = _first_apart(steps) if cleared else ""
    causes = [
        Cause(source, detail, SUSPECTED, f"{detail}{seen}; {_UNTRIED}", _REMEDIES[source],
              intended=source == "optimizer")
        for source, detail in suspects.items()
    ]  # fmt: skip
    settled = {*suspects, *cleared}
    return replace(
        verdict,
        causes=(*verdict.causes, *causes),
        excluded=(
            *(Excluded(source, evidence) for source, evidence in cleared.items()),
            *(e for e in verdict.excluded if e.source not in {*settled, *OF_THE_LOOP}),
        ),
        unknown=(
            *(u for u in verdict.unknown if u.source not in settled),
            *(
                Excluded(e.source, "what the loops drew is not known")
                for e in verdict.excluded
                if e.source == "noise" and _draws(steps)
            ),
        ),
    )


def _steps(execution: Execution, model: int) -> list[MeasuringCall]:
    """The calls by which a loop trains a model, the first of them before any update."""
    training = training_steps(execution.calls)
    return [c for c in execution.calls if c.number in training and c.model_number == model]


def _apart(steps: Steps) -> dict[str, str]:
    """By source what the calls of two loops show to differ."""
    found = {}
    first = steps[0][0], steps[1][0]
    other = _differing(*first)
    if other:
        origins = [call.recipe.origins[other[0]].text for call in first]
        texts = " and ".join(dict.fromkeys(text for text in origins if text))
        found["initialization"] = (
            f"the loops begin with other weights: {first[0].recipe.weights[other[0]].path}"
            + (f" ({texts})" if texts else "")
        )
    n, where = _fed_apart(steps)
    if where is not None:
        sets = [{row.tobytes() for call in side[:n] for row in _rows(call)} for side in steps]
        source = "data-order" if sets[0] == sets[1] else "data-content"
        what = "the same samples in another order" if source == "data-order" else "other samples"
        found[source] = f"the loops are fed {what}, from step {where + 1} on"
    return found


def _alike(steps: Steps) -> dict[str, str]:
    """By source what the calls of two loops show to be equal."""
    found = {}
    if not _differing(steps[0][0], steps[1][0]):
        tensors = len(steps[0][0].recipe.weights)
        found["initialization"] = f"all {count(tensors, 'weight tensor')} equal in the first step"
    n, where = _fed_apart(steps)
    if where is None:
        fed = f"the model was called with the same samples in the first {count(n, 'step')}"
        found |= {"data-order": fed, "data-content": f"{fed}; targets are not watched"}
        found["batch-size"] = f"batches of the same size in the first {count(n, 'step')}"
    return found


def _first_apart(steps: Steps) -> str:
    """In which step the two first differ, where they had been alike up to the update before."""
    for number, (one, other) in enumerate(zip(*steps, strict=False)):
        if _differing(one, other):
            if not number:
                return ""
            before = count(number, "step")
            return f"; the weights are equal up to step {before.split()[0]}, behind it they differ"
    return ""


def _fed_apart(steps: Steps) -> tuple[int, int | None]:
    """How many steps both made, and the first that was fed otherwise, None if none was."""
    n = min(map(len, steps))
    for number, (one, other) in enumerate(zip(*steps, strict=False)):
        if not np.array_equal(_rows(one), _rows(other)):
            return n, number
    return n, None


def _rows(call: MeasuringCall) -> np.ndarray:
    return call.recipe.inputs.rows("x")


def _shapes(call: MeasuringCall) -> list[tuple[int, ...]]:
    return [t.shape for t in call.recipe.weights]


def _differing(a: MeasuringCall, b: MeasuringCall) -> list[int]:
    pairs = zip(a.recipe.weights, b.recipe.weights, strict=True)
    return [i for i, (one, other) in enumerate(pairs) if one.digest != other.digest]


def _draws(steps: Sequence[Sequence[MeasuringCall]]) -> bool:
    """Whether a model that a loop trains holds seed generators, or a step moved a global one."""
    calls = [call for side in steps for call in side]
    return any(call.recipe.noise or any(g.drew for g in call.recipe.generators) for call in calls)
