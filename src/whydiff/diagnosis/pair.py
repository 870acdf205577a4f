"""Which two trainings are compared, and saying so."""

from __future__ import annotations

from collections.abc import Sequence

from whydiff.core.align import align
from whydiff.core.errors import WhydiffError
from whydiff.core.recording import Execution, Fit
from whydiff.diagnosis.divergence import identical


def pair_of_fits(execution: Execution, wanted: tuple[int, int] | None) -> tuple[int, int] | None:
    """Indices of the two fits of one execution to compare; None where there are no two.

    ``wanted`` if given, else the first two fits of models of the same shape: equal weights, or
    else equal inputs and outputs.
    """
    fits = execution.fits
    if wanted is not None:
        for index in wanted:
            check_fit(execution, index)
        return wanted
    for same in (_same_weights, _same_ends):
        for j in range(1, len(fits)):
            for i in range(j):
                if same(fits[i], fits[j]):
                    return fits[i].index, fits[j].index
    return None


def _same_weights(a: Fit, b: Fit) -> bool:
    shapes = [[t.shape for t in fit.recipe.initialization] for fit in (a, b)]
    return shapes[0] == shapes[1]


def _same_ends(a: Fit, b: Fit) -> bool:
    ends = [
        (fit.recipe.architecture.get("inputs"), fit.recipe.architecture.get("outputs"))
        for fit in (a, b)
    ]
    return bool(ends[0][0]) and ends[0] == ends[1]


def check_fit(execution: Execution, index: int) -> None:
    """Raise WhydiffError if there is no such fit."""
    count = len(execution.fits)
    if not 1 <= index <= count:
        raise WhydiffError(
            f"--fits names fit {index}, but {execution.script} has {count} "
            f"{'fit' if count == 1 else 'fits'}",
            f"Fits count from 1 to {count} in the order in which they ran.",
        )


def fit_between_runs(a: Execution, b: Execution, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Which fit of two executions of one script to compare: the first that differs."""
    if wanted is not None:
        check_fit(a, wanted[0])
        check_fit(b, wanted[1])
        return wanted
    count = min(len(a.fits), len(b.fits))
    for one, other in zip(a.fits, b.fits, strict=False):
        if not identical(one, other):
            return one.index, other.index
    return count, count


def last_fits(a: Execution, b: Execution, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Two scripts: their last fits, or those wanted."""
    if wanted is not None:
        return fit_between_runs(a, b, wanted)
    return len(a.fits), len(b.fits)


def check_comparable(a: Fit, b: Fit) -> None:
    """Raise WhydiffError if two fits share neither the kind of their data nor a single weight."""
    fed = [fit.recipe.data_content.signature for fit in (a, b)]
    if fed[0] == fed[1] or align(a.recipe.initialization, b.recipe.initialization):
        return
    said = " and ".join(
        f"{fit.model} is fed {'; '.join(leaves) or 'nothing'}"
        for fit, leaves in zip((a, b), fed, strict=True)
    )
    raise WhydiffError(
        f"the two trainings have nothing in common: {said}, and no two weights have equal shapes",
        "explain compares two trainings of much the same model. --fits I,J picks other fits; "
        "`whydiff diff` compares any two recordings.",
    )


def check_trained(execution: Execution, arguments: Sequence[str]) -> None:
    """Raise WhydiffError if no training was seen."""
    if not execution.fits:
        command = " ".join([execution.script, *arguments])
        raise WhydiffError(
            f"{command} trained nothing that was seen: not one step of a fit, of train_on_batch or "
            "of a watched loop",
            "whydiff watches `fit` and `train_on_batch` of Keras 3 models by itself. A loop of "
            "the script's own is watched with `with whydiff.watch(model, optimizer=optimizer) as "
            "loop:` and `loop.step(train_step, x, y)` in place of `train_step(x, y)`.",
        )
