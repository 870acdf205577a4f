"""Which package did it: what a run with one of them in another version shows."""

from types import SimpleNamespace

import pytest

from whydiff.core.findings import DIFFERS
from whydiff.diagnosis.sources import source
from whydiff.experiments.explain import packages
from whydiff.testing import sides
from whydiff.testing.sides import a_side, changed

A, B, OTHER = (a_side(initialization=sides.weights(seed)) for seed in (0, 1, 2))


@pytest.mark.parametrize(
    ("mixed", "said"),
    [
        (A, "gives what A has"),
        (B, "changes nothing"),
        (OTHER, "gives others than A and B have (2 of 4 weight tensors differ)"),
        (changed(A, execution={"fits": ()}), "cannot be had (fewer trainings were watched)"),
        (
            changed(A, fit={"finished": False}),
            "cannot be had (the training was not watched to its end)",
        ),
    ],
)
def test_a_mixed_run_is_held_against_both(mixed, said):
    assert packages.result_of(mixed.execution, "initialization", A, B) == said


def test_what_was_not_seen_of_a_mixed_run_is_no_other_result():
    unseen = changed(A, data_order=sides.order())
    assert source("data-order").compare(B, unseen).status != DIFFERS
    said = packages.result_of(unseen.execution, "data-order", A, B)
    assert said.startswith("cannot be told (")


def test_a_set_that_cannot_run_is_a_reason_in_a_line(tmp_path):
    """Keras 3.8 beside JAX 0.10 ends at its import, another set by a signal."""

    class Failing:
        def run(self, run, folder, name, serve):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        late, succeeded = False, False
        failure = "exited with 1: AttributeError: module 'jax' has no attribute 'spmd_mode'"

    execution, why = packages._executed(Failing(), SimpleNamespace(), tmp_path, "mixed0")
    assert execution is None
    assert why == f"these do not go together: the script {Failing.failure}"
