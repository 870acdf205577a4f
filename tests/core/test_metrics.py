import math

import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.metrics import (
    default_metric,
    differing_metrics,
    larger_is_better,
    numbered_like,
    renamed_logs,
    value_bounds,
)


@pytest.mark.parametrize(
    "name",
    [
        "accuracy", "val_accuracy", "acc", "sparse_categorical_accuracy", "auc", "auc_3",
        "val_precision_1", "recall", "f1_score", "mean_io_u",
        "cosine_similarity", "r2_score", "val_head_top_k_categorical_accuracy",
    ],
)  # fmt: skip
def test_larger(name):
    assert larger_is_better(name) is True


@pytest.mark.parametrize(
    "name",
    [
        "loss", "val_loss", "head_loss", "mse", "val_mae", "mean_squared_error",
        "binary_crossentropy",
        "kl_divergence", "root_mean_squared_error", "false_positives_2", "val_perplexity",
        "accuracy_loss",
    ],
)  # fmt: skip
def test_smaller(name):
    assert larger_is_better(name) is False


@pytest.mark.parametrize("name", ["score", "my_number", "val_x", "learning_rate", ""])
def test_names_that_do_not_tell(name):
    assert larger_is_better(name) is None


@pytest.mark.parametrize(
    ("logged", "metric"),
    [
        (["accuracy", "loss", "val_accuracy", "val_loss"], "val_accuracy"),
        (["loss", "val_loss"], "val_loss"),
        (["kl_loss", "loss", "reconstruction_loss"], "loss"),
        (["kl_loss", "loss", "val_kl_loss", "val_loss"], "val_loss"),
        (["loss", "mae", "learning_rate"], "mae"),
        (["loss", "lr"], "loss"),
        (["lr"], "lr"),
        (["loss"], "loss"),
        ([], "loss"),
    ],
)
def test_the_default_metric_is_the_one_a_person_looks_at(logged, metric):
    assert default_metric(logged) == metric


def test_the_first_compiled_metric_comes_before_the_first_of_the_alphabet():
    logged = ["accuracy", "loss", "mae", "val_accuracy", "val_loss", "val_mae", "val_zauc", "zauc"]
    assert default_metric(logged, compiled=["mae", {"name": "zauc"}, "accuracy"]) == "val_mae"
    assert default_metric(logged, compiled=[{"name": "zauc"}, "mae"]) == "val_zauc"
    assert default_metric(["head_accuracy", "head_mae", "loss"], compiled=["mae"]) == "head_mae"


def test_a_metric_that_differs_comes_before_one_that_does_not():
    logged = ["accuracy", "loss", "val_accuracy"]
    a, b = {"accuracy": 0.0, "loss": 1.0}, {"accuracy": 0.0, "loss": 2.0}
    assert default_metric(logged, differing=differing_metrics(a, b)) == "loss"
    assert default_metric(logged, differing=set()) == "val_accuracy"
    assert differing_metrics({"loss": math.nan}, {"loss": math.nan}) == set()


def test_a_metric_that_was_not_logged_is_refused_with_those_that_were():
    assert default_metric(["loss", "mae"], "loss") == "loss"
    with pytest.raises(WhydiffError, match="auc") as refusal:
        default_metric(["loss", "mae"], "auc")
    assert "loss, mae" in str(refusal.value.way_out)


def test_bounds_go_by_the_name_and_by_the_values():
    for name in ("accuracy", "val_acc", "auc_1", "val_mean_io_u", "precision", "f1_score"):
        assert value_bounds(name, [0.0, 0.4, 1.0, math.nan]) == (0.0, 1.0)
    assert value_bounds("accuracy", [93.0]) is None  # in per cent
    assert value_bounds("accuracy", [-0.1]) is None
    for name in ("loss", "val_loss", "mae", "psnr", "kappa", "dice_loss"):
        assert value_bounds(name, [0.5]) is None


def test_metrics_that_keras_numbered_are_paired_by_class_and_place():
    def auc(name):
        return {"class": "AUC", "name": name}

    f1 = {"class": "F1:0123456789abcdef", "name": "score"}
    one = ["accuracy", auc("auc"), auc("auc_1"), f1]
    other = [auc("auc_2"), auc("auc_3"), {"class": "MeanIoU", "name": "mean_io_u"}]
    names = numbered_like(one, other)
    assert names == {"auc_2": "auc", "auc_3": "auc_1"}
    logs = {"auc_2": 1.0, "val_auc_3": 2.0, "out_auc_3": 3.0, "loss": 4.0}
    renamed = {"auc": 1.0, "val_auc_1": 2.0, "out_auc_1": 3.0, "loss": 4.0}
    assert renamed_logs(logs, names) == renamed
    assert numbered_like(one, one) == {}
    assert numbered_like([auc("mine")], [auc("auc_1")]) == {}, "the script named that one"
