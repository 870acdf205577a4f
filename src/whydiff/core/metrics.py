"""Logged metrics by the names that Keras gives: which one to look at, which way it goes."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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


def numbered_like(a: Sequence[Any], b: Sequence[Any]) -> dict[str, str]:
    """Names that Keras numbered by itself in one model's metrics, as the other model's were.

    ``a`` and ``b`` are compiled metrics as recipes have them. Keras counts through a process, so
    the second model's ``AUC()`` logs ``auc_1``: the n-th of a class in ``b`` -> the n-th in ``a``.
    """
    one, other = (list(_numbered(compiled)) for compiled in (a, b))
    renamed: dict[str, str] = {}
    for kind in dict.fromkeys(kind for kind, _ in other):
        names = ([name for k, name in side if k == kind] for side in (other, one))
        renamed |= dict(zip(*names, strict=False))
    return {name: like for name, like in renamed.items() if name != like}


def _numbered(compiled: Any) -> Iterator[tuple[str, str]]:
    """(class, name) of each metric that got its name from its class."""
    if isinstance(compiled, Mapping) and "class" in compiled:
        kind, name = str(compiled["class"]).partition(":")[0], str(compiled.get("name"))
        snake = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
        snake = re.sub("([a-z])([A-Z])", r"\1_\2", snake).lower()
        if re.fullmatch(rf"{re.escape(snake)}(_\d+)?", name):
            yield kind, name
    elif isinstance(compiled, Mapping):
        for part in compiled.values():
            yield from _numbered(part)
    elif isinstance(compiled, Sequence) and not isinstance(compiled, str):
        for part in compiled:
            yield from _numbered(part)


def renamed_logs(logs: Mapping[str, float], names: Mapping[str, str]) -> dict[str, float]:
    """Logs with metrics renamed, validated ones and those of one of several outputs, too."""
    return {_renamed(key, names): value for key, value in logs.items()}


def _renamed(logged: str, names: Mapping[str, str]) -> str:
    bare = logged.removeprefix("val_")
    for name, like in names.items():
        if bare == name or bare.endswith(f"_{name}"):
            return logged.removesuffix(name) + like
    return logged


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
