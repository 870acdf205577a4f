"""Watching calls that measure changes no bit of what they give, and sees what decided it.

``tests/scripts/many_calls.py`` makes one call of each kind on each backend, plainly and watched;
it names each in the line that makes it.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from whydiff.core.calls import MeasuringCall
from whydiff.runner.client import Child, Run
from whydiff.storage import load

pytestmark = pytest.mark.all_installed  # the script scores by scikit-learn

SCRIPT = Path(__file__).parent.parent / "scripts" / "many_calls.py"
TURNS = [
    pytest.param(
        backend,
        marks=[
            pytest.mark.xdist_group(f"many_calls-{backend}"),
            pytest.mark.long if backend == "jax" else pytest.mark.thorough,
        ],
        id=backend,
    )
    for backend in ("jax", "tensorflow", "torch")
]


@pytest.fixture(scope="module")
def watched(request, tmp_path_factory):
    """(what the script prints plainly, what it prints watched, its recording)."""
    folder = tmp_path_factory.mktemp(request.param)
    environment = {"KERAS_BACKEND": request.param, "TF_CPP_MIN_LOG_LEVEL": "3"}
    plain = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    run = Run(SCRIPT, (), environment)
    with Child(run, folder / "a.whydiff", folder / "log", serve=True) as child:
        assert child.wait_for_script() == 0, (folder / "log").read_text()
        execution = load(child.recording)
    return plain.stdout.splitlines(), (folder / "log").read_text().splitlines(), execution


def calls(execution, label):
    """The calls that the line made which shows ``label``."""
    return [call for call in execution.calls if f'show("{label}"' in call.stack[-1].text]


def origins(call):
    return {origin.kind for origin in call.recipe.origins}


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_watching_changes_no_bit(watched):
    plain, printed, _ = watched
    assert [line for line in printed if line in set(plain)] == plain
    assert len(plain) > 30
    assert not [line for line in printed if line.startswith("whydiff:")]


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_calls_are_numbered_in_their_order(watched):
    *_, execution = watched
    order = execution.in_order()
    numbers = [c.number if isinstance(c, MeasuringCall) else c.call for c in order]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(execution.fits) == 1
    inside = [call for call in execution.calls if "inside fit" in call.stack[-1].text]
    assert [call.kind for call in inside] == ["predict"] * 2, "by a callback at the end of an epoch"
    begun = execution.fits[0].call
    assert [call.number for call in inside] == [begun + 1, begun + 2]
    assert calls(execution, "after fit")[0].number == begun + 3
    assert all(call.finished and call.line for call in execution.calls)
    assert not [k for call in execution.calls for k in call.notes if k.startswith("unknown")]


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_inputs_are_seen_in_the_order_as_fed(watched):
    *_, execution = watched
    (whole,), (again,) = calls(execution, "predict"), calls(execution, "predict again")
    rows = whole.recipe.inputs.rows("x")
    assert rows.shape == (70, 2) and len(np.unique(rows, axis=0)) == 70
    assert np.array_equal(rows, again.recipe.inputs.rows("x"))
    assert whole.recipe.inputs.batches.tolist() == [32, 32, 6]
    assert again.recipe.inputs.batches.tolist() == [16, 16, 16, 16, 6]
    (steps,) = calls(execution, "steps")
    assert np.array_equal(steps.recipe.inputs.rows("x"), rows[:32])
    for label in ("PyDataset", "generator"):
        for call in calls(execution, label):
            assert np.array_equal(call.recipe.inputs.rows("x"), rows[:60]), label
    (weighted,) = calls(execution, "weighted")
    assert {leaf.role for leaf in weighted.recipe.inputs.leaves} == {"x", "y", "weight"}
    named, _ = calls(execution, "named")
    assert [leaf.path for leaf in named.recipe.inputs.leaves] == ["left", "right"]
    assert {output.name for output in named.outputs} == {"inner", "sum"}
    for label in ("tf.data", "loader"):
        for call in calls(execution, label):
            fed = call.recipe.inputs.rows("x")
            assert sorted(map(tuple, fed.tolist())) == sorted(map(tuple, rows.tolist())), label
            assert not np.array_equal(fed, rows), label
            assert len(call.recipe.inputs.rows("y")) == 70


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_outputs_and_numbers_are_kept(watched):
    *_, execution = watched
    (call,) = calls(execution, "predict")
    (output,) = call.outputs
    assert (output.name, output.shape, output.values.shape) == ("", (70, 1), (70, 1))
    (numbers,), (named,) = calls(execution, "evaluate"), calls(execution, "evaluate as a dict")
    assert numbers.values == named.values and set(numbers.values) == {"loss", "accuracy"}
    assert calls(execution, "test on batch")[0].notes["method"] == "test_on_batch"
    assert numbers.recipe.measurement["metrics"] == ["accuracy"]


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_training_flags_are_seen_at_each_layer(watched):
    *_, execution = watched
    for label, flag in [("predict", False), ("predict again", False), ("called in training", True)]:
        (call,) = calls(execution, label)
        for layer in ("dropout", "batch_normalization"):
            assert call.recipe.mode[f"training:{layer}"] is flag, (label, layer)
    assert calls(execution, "called in training")[0].recipe.mode["training"] is True
    assert calls(execution, "called")[0].recipe.mode["eager"] is True
    # Traced by the fit that validated, not by the call itself.
    assert calls(execution, "after fit")[0].recipe.mode["training:dropout"] is False


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_every_weight_has_an_origin(watched):
    *_, execution = watched
    (first,) = calls(execution, "predict")
    assert origins(first) == {"drawn", "initial"}
    assert {o.seed for o in first.recipe.origins if o.kind == "drawn"} == {7}
    assert origins(calls(execution, "after fit")[0]) == {"restored"}
    (best,) = calls(execution, "best")
    assert origins(best) == {"file"} and {o.fit for o in best.recipe.origins} == {1}
    assert all(o.epoch in (1, 2) for o in best.recipe.origins)
    assert origins(calls(execution, "loaded")[0]) == {"file"}
    assert origins(calls(execution, "weights loaded")[0]) == {"file"}
    assert origins(calls(execution, "cloned")[0]) == {"drawn", "initial"}
    (copied,), (assigned,) = calls(execution, "copied"), calls(execution, "assigned")
    assert {o.model for o in copied.recipe.origins} == {first.model_number}
    assert sorted(o.kind for o in assigned.recipe.origins).count("assigned") == 1
    normal = calls(execution, "normalized")[0]
    assert "adapted" in origins(normal)


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_values_outside_variables_are_seen(watched):
    *_, execution = watched
    (held,) = calls(execution, "global")[0].recipe.state
    assert (held.kind, held.value, held.stale) == ("global", 2.0, False)
    compiled, eager = calls(execution, "global changed")
    (old,), (new,) = compiled.recipe.state, eager.recipe.state
    assert (old.value, new.value, new.stale) == (3.0, 3.0, False)
    # torch runs every call anew; a compiled function goes on with what it was traced with.
    retraced = execution.calls[0].recipe.backend["backend"] == "torch"
    assert old.stale is not retraced
    assert retraced or old.traced_value == 2.0
    assert {h.kind for h in calls(execution, "stateful")[0].recipe.state} == {"recurrent state"}
    assert "normalization/mean" in {h.name for h in calls(execution, "normalized")[0].recipe.state}


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_readers_of_predictions_are_seen(watched):
    *_, execution = watched
    guess = next(call for call in execution.calls if call.stack[-1].text.startswith("guess ="))
    accuracy, confusion = calls(execution, "scored")
    assert accuracy.score.function == "sklearn.metrics.accuracy_score"
    assert accuracy.score.reads == confusion.score.reads == guess.number
    assert set(accuracy.values) == {"accuracy_score"}
    assert confusion.outputs[0].values.sum() == 70
    evaluated = calls(execution, "evaluate")[0].recipe.inputs.rows("y")
    assert np.array_equal(accuracy.score.rows, evaluated)
    assert {c.score.function for c in calls(execution, "metric")} == {
        "keras.metrics.AUC",
        "keras.losses.MeanSquaredError",
    }


@pytest.mark.parametrize("watched", TURNS, indirect=True)
def test_events_are_seen(watched):
    *_, execution = watched
    kinds = {event.kind for event in execution.events}
    assert kinds >= {
        "compile", "checkpoint", "restore_best_weights", "save", "load_model", "save_weights",
        "load_weights", "get_weights", "set_weights", "clone_model", "assign", "trainable", "adapt",
    }  # fmt: skip
    assert {e.facts["fit"] for e in execution.events if e.kind == "checkpoint"} == {1}
    (frozen,) = [event for event in execution.events if event.kind == "trainable"]
    assert (frozen.facts["before"], frozen.facts["after"]) == (True, False)
