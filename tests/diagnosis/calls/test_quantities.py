"""Which metrics measure one quantity, by their names."""

from __future__ import annotations

import pytest

from whydiff.diagnosis.calls.quantities import same_quantity


@pytest.mark.parametrize(
    ("function", "metric", "same"),
    [
        ("sklearn.metrics.accuracy_score", "accuracy", True),
        ("sklearn.metrics.accuracy_score", "sparse_categorical_accuracy", True),
        ("sklearn.metrics.balanced_accuracy_score", "accuracy", False),
        ("sklearn.metrics.mean_squared_error", "mse", True),
        ("sklearn.metrics.mean_squared_error", "mae", False),
        ("sklearn.metrics.roc_auc_score", "auc_1", True),
        ("keras.metrics.BinaryAccuracy", "binary_accuracy", True),
        ("sklearn.metrics.f1_score", "accuracy", False),
        ("sklearn.metrics.average_precision_score", "precision", False),
        ("sklearn.metrics.average_precision_score", "prc", True),
        ("sklearn.metrics.average_precision_score", "pr_auc_2", True),
        ("sklearn.metrics.roc_auc_score", "pr_auc", False),
        ("sklearn.metrics.precision_score", "precision_at_recall", False),
        ("sklearn.metrics.precision_score", "precision_1", True),
        ("sklearn.metrics.recall_score", "head/recall", True),
        ("sklearn.metrics.median_absolute_error", "mae", False),
        ("keras.metrics.TopKCategoricalAccuracy", "top_k_categorical_accuracy", True),
        ("sklearn.metrics.top_k_accuracy_score", "accuracy", False),
        ("sklearn.metrics.mean_squared_error", "my_mse", True),
        ("sklearn.metrics.mean_squared_error", "CustomMSE", True),
        ("sklearn.metrics.mean_squared_error", "log_mse", False),
    ],
)
def test_names_of_one_quantity(function, metric, same):
    assert same_quantity(function, metric) is same
