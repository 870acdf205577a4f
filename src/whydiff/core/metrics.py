"""Which way a logged metric goes, by the names that Keras gives."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

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
