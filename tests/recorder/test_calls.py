"""Telling state from data among the arguments of a step, and again among its results."""

from collections import deque

import keras
import numpy as np
import pytest

import whydiff
from whydiff.keras_backend.subject import Subject
from whydiff.recorder.loops import Call, Loop, like

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def subject():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(2)])
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    optimizer.build(model.trainable_variables)
    return Subject([model], {"": optimizer}, {})


def state_of(subject):
    return (
        [v.value for v in subject.trainable_variables],
        [v.value for v in subject.optimizer.variables],
    )


def test_state_is_recognised_by_identity_and_data_are_the_rest(subject):
    x, y = np.ones((4, 3)), np.zeros((4, 2))
    call = Call(subject, (state_of(subject), (x, y), 0.5), {}, None)
    assert set(call.travelling) == {
        id(v) for v in (*subject.trainable_variables, *subject.optimizer.variables)
    }
    assert call.data == (x, y) and call.data[0] is x
    assert call.settings == [0.5]


def test_results_are_recognised_by_their_order_and_shape(subject):
    call = Call(subject, (state_of(subject), np.ones((4, 3))), {}, None)
    trainable, slots = state_of(subject)
    after = ([np.asarray(v) + 1 for v in trainable], [np.asarray(v) + 2 for v in slots])
    values, logs = call.outcome((np.float32(0.25), after))
    for variable, value in zip(subject.trainable_variables, after[0], strict=True):
        assert values[id(variable)] is value
    # momenta have the shapes of the weights: they come behind them, as they went in
    for variable, value in zip(subject.optimizer.variables, after[1], strict=True):
        assert values[id(variable)] is value
    assert logs == {"loss": 0.25}


def test_later_calls_find_state_at_the_same_places(subject):
    first = Call(subject, (state_of(subject), np.ones((4, 3))), {}, None)
    other = tuple([np.asarray(v) + 1 for v in part] for part in state_of(subject))
    call = Call(subject, (other, np.ones((4, 3))), {}, first)
    kernel = subject.trainable_variables[0]
    assert call.travelling[id(kernel)] is other[0][0]


def test_arguments_are_rebuilt_with_other_data_and_state(subject):
    call = Call(subject, (state_of(subject), np.ones((4, 3))), {"training": True}, None)
    travelling = {key: np.zeros_like(value) for key, value in call.travelling.items()}
    (state, data), keywords = call.rebuilt((np.full((4, 3), 7.0),), travelling)
    assert keywords == {"training": True}
    assert all((leaf == 0).all() for part in state for leaf in part)
    assert (data == 7).all()


def test_results_without_state_and_with_names(subject):
    call = Call(subject, (np.ones((4, 3)),), {}, None)
    values, logs = call.outcome({"d_loss": np.float32(1.0), "g_loss": 2.0, "images": np.ones(3)})
    assert values == {}
    assert logs == {"d_loss": 1.0, "g_loss": 2.0}


def test_like_keeps_the_kind_of_thing():
    assert type(like(np.ones(2), np.zeros(2))) is np.ndarray
    backend = keras.ops.convert_to_tensor(np.ones(2, "float32"))
    assert type(like(backend, np.zeros(2, "float32"))) is type(backend)
    assert like(None, None) is None


def test_an_unwatched_step_is_just_called():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    result = object()
    with whydiff.watch(model) as loop:
        assert loop.step(lambda a, *, b: (a, b, result), 1, b=2) == (1, 2, result)


def test_watch_wants_a_model():
    with pytest.raises(TypeError, match="model"):
        whydiff.watch()
    with pytest.raises(TypeError, match=r"one after another.*got \(\[1, 2\],\)"):
        whydiff.watch([1, 2])


def test_a_step_that_returns_no_dictionary_ends_the_watching_and_nothing_else(capsys):
    loop = object.__new__(Loop)
    loop.index, loop.steps, loop.trouble, loop._latest = 1, 0, "", deque()
    loop.after_step(0.5, None)
    assert "no longer watched: TypeError" in capsys.readouterr().err
    assert loop.latest() == []
