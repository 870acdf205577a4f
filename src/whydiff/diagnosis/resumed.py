"""What a saved, loaded and resumed training did not get back, from what was measured of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from whydiff.core.recording import STEP_GROUPS, Fit
from whydiff.core.resumption import NotRestored, Resume, Resumption, State
from whydiff.core.words import count, number
from whydiff.diagnosis.mechanisms import mechanism

_SAVE = (
    "Write it in save_own_variables of the layer or optimizer, and read it in load_own_variables."
)
_REMEDIES = {
    "optimizer slots": mechanism("slots-lost").remedy,
    "step count": mechanism("slots-lost").remedy,
    "learning rate": "Save it with the model: keep it in the optimizer, or in a schedule of steps.",
    "seed states": mechanism("dropout-state-not-restored").remedy,
}
_CALLBACK = (
    "Keras saves no callbacks: write its counters into a file at the end of each epoch, and read "
    "them in on_train_begin."
)
_ORDER = mechanism("order-begun-anew").remedy
_SAMPLES = (
    "Let the data source begin at the epoch that it is asked for; one that is made anew begins "
    "with its first samples."
)

ORDER, SAMPLES = "order of the samples", "samples"

#: phase of each column of ``Fit.steps``, in the order in which things happen
_PHASES = (
    ("batch", "the batch"),
    ("noise", "the random numbers"),
    ("loss", "the loss"),
    ("weights", "the weights"),
    ("optimizer", "the optimizer"),
)


def resumption(
    script: str, resume: Resume, on: tuple[Fit, State], resumed: tuple[Fit, State]
) -> Resumption:
    """Compare going on (fit and state) with the resumed training."""
    (fit, state), (again, loaded) = on, resumed
    lost = [*_variables(state, loaded), *_callbacks(state, loaded)]
    lost += _order(fit, again, resume.epoch)
    kinds = [k for k in state.variables if k not in {one.what for one in lost}]
    restored = [f"{kind} ({len(state.variables[kind])})" for kind in kinds]
    seen = all(_batches(f, resume.epoch).any() for f in (fit, again))
    if seen and not any(one.what in (ORDER, SAMPLES) for one in lost):
        restored.append(ORDER)
    logs = [dict(f.epochs[-1].logs) if f.epochs else {} for f in (fit, again)]
    ends = [[(t.role, t.digest) for t in f.final] for f in (fit, again)]
    same_logs = repr(sorted(logs[0].items())) == repr(sorted(logs[1].items()))
    return Resumption(
        script,
        resume.fit,
        resume.epoch,
        ends[0] == ends[1] and bool(ends[0]) and same_logs,
        tuple(lost),
        tuple(restored),
        _first(fit, again, resume.epoch),
        {k: (logs[0].get(k), logs[1].get(k)) for k in {**logs[0], **logs[1]}},
    )


def _variables(state: State, loaded: State) -> Iterator[NotRestored]:
    for kind, values in state.variables.items():
        ours, theirs = list(values.items()), list(loaded.variables.get(kind, {}).values())
        remedy = _REMEDIES.get(kind, _SAVE)
        if len(ours) != len(theirs):
            yield NotRestored(kind, f"{len(theirs)} of {len(ours)} were loaded", remedy)
            continue
        other = [(n, a, b) for (n, a), b in zip(ours, theirs, strict=True) if not _same(a, b)]
        if other:
            name, one, two = other[0]
            what = f"{len(other)} of {len(ours)} differ: {name}"
            yield NotRestored(kind, f"{what} {_values(one, two)}", remedy)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _values(a: np.ndarray, b: np.ndarray) -> str:
    if a.shape != b.shape:
        return f"has shape {a.shape} going on, {b.shape} resumed"
    if a.size == 1:
        return f"is {number(a.item())} going on, {number(b.item())} resumed"
    return "is all zeros resumed" if not b.any() else "has other values"


def _callbacks(state: State, loaded: State) -> Iterator[NotRestored]:
    for name, ours in state.callbacks.items():
        theirs = loaded.callbacks.get(name, {})
        other = [k for k in ours if repr(ours[k]) != repr(theirs.get(k))]
        if other:
            said = [
                f"{k} is {_plain(ours[k])} going on, {_plain(theirs.get(k))} resumed" for k in other
            ]
            yield NotRestored(f"callback {name}", "; ".join(said), _CALLBACK)


def _plain(value: Any) -> str:
    return number(value) if isinstance(value, float) else repr(value)


def _order(fit: Fit, again: Fit, epoch: int) -> Iterator[NotRestored]:
    """Whether the first resumed epoch was fed what that epoch is fed when going on."""
    ours, theirs = _batches(fit, epoch), _batches(again, epoch)
    if not len(ours) or not len(theirs) or np.array_equal(ours, theirs):
        return
    first = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
    where = f"at step {first + 1} of epoch {epoch + 1}" if first is not None else "in their number"
    if _samples(fit, epoch) == _samples(again, epoch):
        yield NotRestored(ORDER, f"the same samples come in another order, {where}", _ORDER)
    else:
        yield NotRestored(SAMPLES, f"other samples come, {where}", _SAMPLES)


def _batches(fit: Fit, epoch: int) -> np.ndarray:
    rows: np.ndarray = fit.steps[fit.step_epochs == epoch, STEP_GROUPS.index("batch")]
    return rows


def _samples(fit: Fit, epoch: int) -> list[bytes]:
    """The samples that were fed in an epoch, in no order."""
    order, content = fit.recipe.data_order, fit.recipe.data_content
    position = epoch - int(fit.recipe.duration.get("initial_epoch") or 0)
    if not 0 <= position < len(order.epochs):
        return []
    return sorted(content.samples[i].tobytes() for i in order.epochs[position])


def _first(fit: Fit, again: Fit, epoch: int) -> str:
    """Where the two first differ after the resumption."""
    ours, theirs = (
        (f.steps[f.step_epochs >= epoch], f.step_epochs[f.step_epochs >= epoch])
        for f in (fit, again)
    )
    for row, (one, other) in enumerate(zip(ours[0], theirs[0], strict=False)):
        for group, phase in _PHASES:
            column = STEP_GROUPS.index(group)
            if one[column] != other[column]:
                at = int(ours[1][row])
                step = row - int(np.argmax(ours[1] == at)) + 1
                return f"epoch {at + 1}, step {step}: {phase}"
    if len(ours[0]) != len(theirs[0]):
        return f"{count(len(ours[0]), 'step')} going on, {count(len(theirs[0]), 'step')} resumed"
    return ""
