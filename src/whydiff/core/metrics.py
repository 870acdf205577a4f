"""Which way a logged metric goes, by the names that Keras gives."""

from __future__ import annotations

import re

_SMALLER = re.compile(
    r"loss|error|entropy|divergence|hinge|poisson|logcosh|log_cosh|perplexity|mse|rmse|mae|mape|msle"
    r"|false_(positives|negatives)|fp$|fn$"
)
_LARGER = re.compile(
    r"acc|auc|precision|recall|f1|f_?score|fbeta|io_?u|dice|r2|true_(positives|negatives)|tp$|tn$"
    r"|sensitivity|specificity|cosine_similarity|kappa|bleu|rouge|psnr|ssim|map$"
)


def larger_is_better(metric: str) -> bool | None:
    """Whether more of the metric is better; None where its name does not tell.

    Accepts what Keras logs: ``val_accuracy``, ``auc_1``, ``val_out_mean_absolute_error``.
    """
    name = re.sub(r"_\d+$", "", metric.lower().removeprefix("val_"))
    larger, smaller = bool(_LARGER.search(name)), bool(_SMALLER.search(name))
    if larger != smaller:
        return larger
    return False if name.endswith("loss") else None
