"""Logs as plain numbers."""

import numpy as np

from whydiff.keras_backend.callbacks import numbers


def test_a_metric_that_gives_a_number_per_class_is_one_number():
    given = {"loss": np.float32(0.5), "f1": np.array([0.25]), "each": np.array([0.0, 1.0])}
    found = numbers({**given, "text": "none", "head": {"auc": 0.75}})
    assert found == {"loss": 0.5, "f1": 0.25, "each (mean of 2)": 0.5, "head/auc": 0.75}
