"""Logged metrics by the names that Keras gives: which one to look at, which way it goes."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from whydiff.core.errors import WhydiffError

_SMALLER = re.compile(
    r"loss|error|entropy|divergence|hinge|poisson|logcosh|log_cosh|perplexity|mse|rmse|mae|mape|msle"
    r"|false_(positives|negatives)|fp$|fn$"
)
_LARGER = re.compile(
    r"acc|auc|precision|recall|f1|f_?score|fbeta|io_?u|dice|r2|true_(positives|negatives)|tp$|tn$"
    r"|sensitivity|specificity|cosine_similarity|kappa|bleu|rouge|psnr|ssim|map$"
)


_SHARE = re.compile(
    r"acc|auc|precision|recall|f1|f_?score|fbeta|io_?u|dice|sensitivity|specificity"
)


#: What callbacks log of a training's settings: no result of it.
_SETTINGS = frozenset({"lr", "learning_rate", "weight_decay", "momentum", "epoch", "time"})


def default_metric(
    logged: Sequence[str],
    wanted: str | None = None,
    compiled: Sequence[Any] = (),
    differing: Collection[str] | None = None,
) -> str:
    """The metric to tell a result in: ``wanted``, else the one that a person looks at first.

    That is a validation metric before a metric of training before a loss, and among those the
    first that was compiled (``compiled`` as a recipe has them: names or configurations), since
    Keras logs them by the alphabet. The loss comes before its parts (``kl_loss``). Where
    ``differing`` names the metrics that differ, one of these is chosen if it can be. "loss" where
    nothing was logged.

    Raises WhydiffError if ``wanted`` was not logged.
    """
    if wanted is not None:
        if wanted not in logged:
            known = ", ".join(logged) or "nothing"
            raise WhydiffError(f"--metric {wanted!r} was not logged", f"Logged: {known}.")
        return wanted
    names = [_compiled_name(metric) for metric in compiled]
    results = [name for name in logged if name not in _SETTINGS] or list(logged)

    def rank(name: str) -> tuple[bool, int, bool, int]:
        place = next((i for i, n in enumerate(names) if n and _is(name, n)), len(names))
        loss = name.endswith("loss")
        part = loss and name.removeprefix("val_") != "loss"
        settled = differing is not None and name not in differing
        return settled, loss + part, not name.startswith("val_"), place

    return min(results, key=rank, default="loss")


def differing_metrics(a: Mapping[str, float], b: Mapping[str, float]) -> set[str]:
    """Names that both logged, with other values; NaN equals NaN."""
    return {name for name in a if name in b and repr(a[name]) != repr(b[name])}


def _compiled_name(metric: Any) -> str:
    name = metric.get("name") if isinstance(metric, Mapping) else metric
    return str(name) if isinstance(name, str) else ""


def _is(logged: str, compiled: str) -> bool:
    """Whether a logged name is a compiled metric's, validated or of one of several outputs."""
    logged = re.sub(r"_\d+$", "", logged.removeprefix("val_"))
    return logged == compiled or logged.endswith(f"_{compiled}")


def value_bounds(metric: str, values: Iterable[float]) -> tuple[float, float] | None:
    """The least and the largest value the metric can have: 0 and 1 of accuracies and their kin.

    None where its name does not tell, or where one of the finite ``values`` lies beyond them, as
    an accuracy in per cent does.
    """
    name = metric.lower().removeprefix("val_")
    if not _SHARE.search(name) or _SMALLER.search(name):
        return None
    return (0.0, 1.0) if all(0 <= v <= 1 for v in values if math.isfinite(v)) else None


def larger_is_better(metric: str) -> bool | None:
    """Whether more of the metric is better; None where its name does not tell.

    Accepts what Keras logs: ``val_accuracy``, ``auc_1``, ``val_out_mean_absolute_error``.
    """
    name = re.sub(r"_\d+$", "", metric.lower().removeprefix("val_"))
    larger, smaller = bool(_LARGER.search(name)), bool(_SMALLER.search(name))
    if larger != smaller:
        return larger
    return False if name.endswith("loss") else None
