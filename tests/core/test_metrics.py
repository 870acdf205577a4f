import pytest

from whydiff.core.metrics import larger_is_better


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
