"""What callbacks set while a training runs: learning rates, and which layers are trained."""

from dataclasses import replace

import numpy as np

from whydiff.core.recording import (
    CALLBACKS_CHANGED,
    RATE_SETTERS,
    RATES,
    STEP_RATES,
    TRAINABLE_SET,
    Epoch,
)
from whydiff.diagnosis.sources import source
from whydiff.diagnosis.sources.flags import said_in_vain
from whydiff.testing.sides import a_side, changed, facts, tensor

OPTIMIZER = source("optimizer").compare


def with_callback(text, **notes):
    side = a_side(optimizer=facts(a_side(), "optimizer", callbacks=[text]))
    return changed(side, fit={"notes": notes})


def rates(*values):
    return {RATES: [[epoch, [value]] for epoch, value in enumerate(values)]}


def test_other_learning_rates_are_told_with_who_sets_them_where():
    setter = {RATE_SETTERS: ["StepDecay (train.py:16)"]}
    a = with_callback("StepDecay(drop=0.5)", **rates(0.01, 0.005), **setter)
    b = with_callback("StepDecay(drop=0.1)", **rates(0.01, 0.001), **setter)
    finding = OPTIMIZER(a, b)
    assert finding.mechanism == "rates-set-by-callbacks" and finding.intended
    assert finding.detail == (
        "the learning rate differs from epoch 2 on (epoch 2: 0.005 vs. 0.001), set by StepDecay "
        "(train.py:16)"
    )
    alike = with_callback("StepDecay(drop=0.1)", **rates(0.01, 0.005), **setter)
    assert "the learning rate differs" not in OPTIMIZER(a, alike).detail


def test_learning_rates_set_between_steps_are_told_by_step():
    steps = [[0, 0, [0.1]], [0, 1, [0.2]]], [[0, 0, [0.1]], [0, 1, [0.15]], [1, 0, [0.2]]]
    a, b = (
        with_callback(f"Warmup(steps={n})", **{STEP_RATES: noted, RATE_SETTERS: [who]})
        for n, noted, who in zip((1, 2), steps, ("Warmup (a.py:3)", "Warmup (b.py:3)"), strict=True)
    )
    assert OPTIMIZER(a, b).detail == (
        "the learning rate differs from step 2 of epoch 1 on (step 2 of epoch 1: 0.2 vs. 0.15), "
        "set by Warmup (a.py:3) in A, by Warmup (b.py:3) in B"
    )


def with_flag(side, value, moves):
    """``side`` whose script sets the flag before its second epoch."""
    began = side.recipe.initialization
    moved = (tensor(began[0].path, np.ones((4, 3), "float32")), *began[1:])
    epochs = (Epoch(0, 3, {}, began), Epoch(1, 3, {}, moved if moves else began))
    notes = {TRAINABLE_SET: [["dense", value, 1, "train.py:9", [began[0].path]]]}
    return replace(side, fit=replace(side.fit, epochs=epochs, notes=notes))


def test_a_flag_set_after_compile_without_effect_is_said():
    plain = a_side()
    frozen = with_flag(plain, False, moves=True)
    (said,) = said_in_vain(plain, frozen)
    assert said.startswith(
        "In B, train.py:9 sets dense.trainable = False before epoch 2, but its weights go on moving"
    )
    (said,) = said_in_vain(with_flag(plain, True, moves=False), plain)
    assert said.startswith("In A, ") and "never move afterwards" in said
    assert not list(said_in_vain(plain, with_flag(plain, True, moves=True)))
    assert not list(said_in_vain(plain, with_flag(plain, False, moves=False)))


def test_a_flag_that_acts_is_what_the_callbacks_do():
    a, b = with_callback("Freeze(at=5)"), with_callback("Freeze(at=1)")
    b = with_flag(b, False, moves=False)
    finding = OPTIMIZER(a, b)
    assert finding.mechanism == "frozen-on-the-way"
    assert finding.detail == "B freezes dense from epoch 2 on (train.py:9)"


def test_what_a_callback_changes_between_epochs_is_told():
    a = with_callback("Reset()", **{CALLBACKS_CHANGED: [["Reset (train.py:20)", ["lstm/state"]]]})
    finding = OPTIMIZER(a, a_side())
    assert finding.mechanism == "callbacks-act" and finding.intended
    assert (
        finding.detail
        == "in A Reset (train.py:20) changes lstm/state between epochs or at the end of training"
    )
    unseen = OPTIMIZER(with_callback("Reset()"), a_side())
    assert unseen.mechanism == "callbacks-act" and unseen.detail == "callbacks: [Reset()] vs. []"
