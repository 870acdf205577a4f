from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.findings import Divergence
from whydiff.core.recording import EVERY, STEP_GROUPS
from whydiff.diagnosis.divergence import equal_steps, first_divergence, identical
from whydiff.testing import sides
from whydiff.testing.sides import a_fit, a_side, changed, tensor


def bump(side, row, group):
    digests = side.fit.steps.copy()
    digests[row, STEP_GROUPS.index(group)] += np.uint64(1)
    return changed(side, fit={"steps": digests})


def found(a, b, values=None):
    """The first divergence, the same in both directions and consistent with ``identical``."""
    there, back = first_divergence(a, b, values), first_divergence(b, a)
    assert identical(a.fit, b.fit) == (there is None) == (back is None)
    if there is not None and back is not None:
        assert (there.epoch, there.step, there.phase) == (back.epoch, back.step, back.phase)
    return there


def test_equal_fits():
    assert found(a_side(), a_side()) is None


def test_initial_weights_come_first_with_their_distance():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(4, 3)).astype("float32")
    other = np.nextafter(kernel, np.float32(9))
    a = a_side(initialization=(tensor("dense/kernel", kernel),))
    b = a_side(initialization=(tensor("hidden/kernel", other),), noise=sides.seed_states(9))
    arrays = {"a": {"weights:dense/kernel": kernel}, "b": {"weights:hidden/kernel": other}}
    point = found(
        a, b, lambda side, moment, key: arrays[side].get(key) if moment == "initial" else None
    )
    assert (point.phase, point.where, point.max_ulp) == ("before training", "dense/kernel", 1)
    assert 0 < point.relative < 1e-6
    assert found(a, b, lambda side, moment, key: None).max_ulp is None


def test_values_that_are_not_finite_give_no_numbers():
    x, y = np.array([1.0], "float32"), np.array([np.nan], "float32")
    a, b = (a_side(initialization=(tensor("k", v),)) for v in (x, y))
    arrays = {"a": {"weights:k": x}, "b": {"weights:k": y}}
    point = first_divergence(a, b, lambda side, moment, key: arrays[side].get(key))
    assert (point.max_ulp, point.relative) == (None, None)


def test_seed_states_then_optimizer():
    rate = tensor("learning_rate", np.float32(0.003), "hyperparameter")
    state = (sides.adam_state()[0], rate, sides.adam_state()[2])
    b = a_side(noise=sides.seed_states(9), state=state)
    assert found(a_side(), b).where == "dropout/seed_generator"
    assert found(a_side(), a_side(state=state)).where == "optimizer/learning_rate"
    facts = a_side(optimizer={"class": "Adam", "learning_rate": 0.003})
    assert found(a_side(), facts) is None  # the variables were recorded and agree
    bare = changed(a_side(), state=())
    point = found(bare, changed(facts, state=()))
    assert point == Divergence(0, 0, "before training", "optimizer/learning_rate")


def test_tensor_without_partner():
    more = (*sides.weights(), tensor("dense_2/kernel", np.ones((2, 7))))
    assert found(a_side(), a_side(initialization=more)).where == "dense_2/kernel"


@pytest.mark.parametrize(
    ("group", "phase", "where"),
    [("batch", "batch", "the batch"), ("noise", "noise", "the seed states"),
     ("loss", "forward", "the loss"), ("weights", "update", "the weights"),
     ("optimizer", "update", "the optimizer")],
)  # fmt: skip
def test_phases_of_a_step(group, phase, where):
    assert found(a_side(), bump(a_side(), 4, group)) == Divergence(1, 1, phase, where)


def test_earlier_phase_of_a_step_wins():
    b = a_side()
    for group in ("optimizer", "weights", "loss", "noise"):
        b = bump(b, 4, group)
    assert found(a_side(), b).phase == "noise"
    assert found(a_side(), bump(bump(a_side(), 4, "batch"), 3, "loss")).step == 0


def test_groups_that_one_side_did_not_record_say_nothing():
    digests = a_side().fit.steps.copy()
    digests[:, STEP_GROUPS.index("loss")] = 0
    assert found(a_side(), changed(a_side(), fit={"steps": digests})) is None


def test_logs_and_tensors_at_the_end_of_an_epoch():
    a = a_side()
    first, second = a.fit.epochs

    def with_first(**fields):
        return changed(a, fit={"epochs": (replace(first, **fields), second)})

    logs = with_first(logs={**first.logs, "loss": np.nextafter(first.logs["loss"], 2)})
    assert found(a, logs) == Divergence(0, 2, "log", "loss")
    assert found(a, bump(logs, 4, "loss")).phase == "log"  # epoch 0 ended before
    assert found(a, bump(logs, 1, "loss")).phase == "forward"
    assert found(a, with_first(logs={"loss": first.logs["loss"]})).where == "accuracy"
    nan = with_first(logs={**first.logs, "loss": float("nan")})
    assert found(nan, nan) is None
    assert found(a, with_first(tensors=sides.weights(7))) == Divergence(
        0, 2, "update", "dense/kernel"
    )


def test_a_metric_alone_is_no_loss():
    """A step's figures may be those of a metric: then the training itself is the same."""
    a = a_side()
    first, second = a.fit.epochs
    other = replace(second, logs={**second.logs, "accuracy": 0.125})
    b = bump(changed(a, fit={"epochs": (first, other)}), 4, "loss")
    assert found(a, b) == Divergence(1, 1, "log", "accuracy")
    trained = changed(b, fit={"final": sides.weights(7)})
    assert found(a, trained).phase == "forward"


def longer(counts):
    digests, epochs = sides.steps(counts)
    return a_side(fit={"steps": digests, "step_epochs": epochs, "epochs": ()})


def test_one_fit_goes_on():
    assert found(longer([3, 3]), longer([3, 3, 3])) == Divergence(2, 0, "end", "only B goes on")
    assert found(longer([3, 3]), longer([3, 5])) == Divergence(1, 3, "end", "only B goes on")
    assert found(longer([4, 3]), longer([3, 4])).epoch == 0
    assert found(longer([3, 3]), longer([])).phase == "end"


def test_epochs_count_from_where_a_fit_starts():
    a = longer([3, 3])
    b = changed(a, fit={"step_epochs": a.fit.step_epochs + 5})
    assert found(a, b) is None
    point = first_divergence(a, bump(b, 4, "weights"))
    assert (point.epoch, point.step) == (1, 1)


def test_final_weights_alone():
    b = changed(a_side(), fit={"final": sides.weights(8)})
    assert found(a_side(), b) == Divergence(1, 2, "end", "dense/kernel")


def test_digests_of_two_kinds_are_never_compared():
    other = changed(a_side(), execution={"environment": {"digest.algorithm": "mix-1"}})
    with pytest.raises(WhydiffError, match="two kinds"):
        first_divergence(a_side(), other)


@pytest.mark.parametrize("seed", range(2))
def test_one_million_steps(seed):
    rng = np.random.default_rng(seed)
    n = 1_000_000
    digests = rng.integers(1, 2**63, size=(n, len(STEP_GROUPS)), dtype=np.uint64)
    epochs = np.sort(rng.integers(0, 50, size=n))
    row = int(rng.integers(n))
    other = digests.copy()
    other[row:, 2:] += np.uint64(1)  # once apart, apart for good
    a, b = (
        a_fit(steps=d, step_epochs=epochs, epochs=()) for d in (digests, other)
    )  # fmt: skip
    side = a_side()
    point = first_divergence(replace(side, fit=a), replace(side, fit=b))
    assert point.phase == "forward"
    assert point.epoch == epochs[row]
    assert point.step == row - int((epochs < epochs[row]).sum())
    assert identical(a, replace(a, steps=digests.copy()))


def test_a_step_that_lacks_in_one_fit_is_named_as_a_counts():
    def from_epoch(counts, first):
        digests, epochs = sides.steps(counts)
        return a_side(fit={"steps": digests, "step_epochs": epochs + first, "epochs": ()})

    there = first_divergence(from_epoch([3, 2], 4), from_epoch([3, 3], 0))
    assert (there.epoch, there.step, there.where) == (5, 2, "only B goes on")
    back = first_divergence(from_epoch([3, 3], 0), from_epoch([3, 2], 4))
    assert (back.epoch, back.step, back.where) == (1, 2, "only A goes on")


def test_fewer_digests_than_steps_say_nothing_of_the_steps_behind_them():
    a = longer([3, 3])
    cut = changed(a, fit={"steps": a.fit.steps[:4]})
    assert first_divergence(a, cut) is None and first_divergence(cut, a) is None


def test_steps_of_which_several_ran_as_one_are_not_compared():
    a = a_side()
    b = bump(changed(a, arithmetic={**a.recipe.arithmetic, "steps_per_execution": 2}), 0, "loss")
    assert first_divergence(a, b) is None
    alike = [changed(s, arithmetic={"steps_per_execution": None}) for s in (a, bump(a, 0, "loss"))]
    assert first_divergence(*alike).phase == "forward"


def test_final_weights_alone_differ_behind_the_last_step():
    a = a_side()
    point = first_divergence(a, changed(a, fit={"final": sides.weights(7)}))
    assert point == Divergence(1, 2, "end", "dense/kernel")
    one, other = (replace(s.fit, steps=s.fit.steps[:0], step_epochs=s.fit.step_epochs[:0])
                  for s in (a, changed(a, fit={"final": sides.weights(7)})))  # fmt: skip
    sides_ = [replace(a, fit=fit) for fit in (one, other)]
    assert first_divergence(*sides_) == Divergence(1, 0, "end", "dense/kernel")
    bare = [replace(a, fit=replace(fit, epochs=())) for fit in (one, other)]
    assert first_divergence(*bare) == Divergence(0, 0, "end", "dense/kernel")


def test_another_number_of_epochs_is_a_difference_of_its_own():
    a = longer([3, 3])
    epochs = a_side().fit.epochs
    two, one = (changed(a, fit={"epochs": epochs[:n]}) for n in (2, 1))
    assert first_divergence(two, one) == Divergence(1, 2, "end", "the number of epochs")


def test_an_epoch_without_steps_ends_at_its_beginning():
    a = a_side()
    first, second = a.fit.epochs
    none = changed(a, fit={"epochs": (replace(first, steps=0), second)})
    other = changed(
        none, fit={"epochs": (replace(first, steps=0, tensors=sides.weights(7)), second)}
    )
    assert first_divergence(none, other) == Divergence(0, 0, "update", "dense/kernel")
    single = changed(a, fit={"epochs": (replace(first, steps=1), second)})
    other = changed(a, fit={"epochs": (replace(first, steps=1, tensors=sides.weights(7)), second)})
    assert first_divergence(single, other).step == 0
    bare = changed(a, fit={"epochs": (replace(first, tensors=()), second)})
    assert first_divergence(bare, other) is None, "tensors that one side did not record say nothing"


def sampled(side, every, counts=(10, 10)):
    """A side with as many steps in each epoch, of which each ``every``-th was digested."""
    digests, epochs = sides.steps(counts)
    batch = STEP_GROUPS.index("batch")
    for row in range(len(digests)):
        if row % every:
            digests[row, [n for n in range(len(STEP_GROUPS)) if n != batch]] = 0
    notes = {} if every == 1 else {EVERY: every}
    return changed(side, fit={"steps": digests, "step_epochs": epochs, "notes": notes})


def test_steps_that_one_side_did_not_digest_say_nothing():
    whole, other = sampled(a_side(), 1), sampled(a_side(), 4)
    assert found(whole, other) is found(other, other) is None
    assert equal_steps(whole.fit, other.fit) == {"equal": 20, "of": 20, "a": 20, "b": 20,
                                                 "digested": 5}  # fmt: skip


@pytest.mark.parametrize("every", [1, 4])
def test_a_step_that_differs_behind_some_that_were_not_digested_is_one_of_these(every):
    one, other = sampled(a_side(), every), sampled(a_side(), 4)
    point = found(one, bump(bump(other, 12, "weights"), 16, "loss"))
    assert (point.epoch, point.step, point.phase, point.since) == (1, 2, "update", (0, 9))
    assert equal_steps(one.fit, bump(other, 12, "weights").fit)["equal"] == 9
    fed = found(one, bump(other, 6, "batch"))
    assert (fed.epoch, fed.step, fed.phase, fed.since) == (0, 6, "batch", (0, 5))
    assert found(one, bump(other, 5, "batch")).since is None  # the fourth was seen to agree
    assert found(one, bump(other, 0, "loss")).since is None


def test_an_epoch_that_ends_otherwise_behind_its_last_digest():
    one, other = (sampled(a_side(), 4, counts=(11, 9)) for _ in range(2))
    epochs = tuple(replace(e, steps=11) for e in one.fit.epochs)
    ended = (replace(epochs[0], tensors=sides.weights(7)), *epochs[1:])
    one, other = (changed(s, fit={"epochs": e}) for s, e in ((one, epochs), (other, ended)))
    point = found(one, other)
    assert (point.epoch, point.step, point.phase, point.since) == (0, 10, "update", (0, 9))
