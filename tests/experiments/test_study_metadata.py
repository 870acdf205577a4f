"""What a study notes about its fit, and with which other fit it may go on."""

from dataclasses import replace

import numpy as np
import pytest

from whydiff.core.errors import WhydiffError
from whydiff.core.recipe import Order
from whydiff.experiments.study.metadata import check_same, identity
from whydiff.testing.sides import a_recipe as recipe

ALL = ("initialization", "data-order", "noise")


def same(before, now, varied=ALL):
    check_same(identity(before, varied), identity(now, varied), "train.py")


def test_what_the_replicas_redraw_may_differ():
    one = recipe()
    content = one.data_content
    backwards = replace(content, samples=content.samples[::-1].copy())
    order = Order(tuple(epoch[::-1].copy() for epoch in one.data_order.epochs))
    same(one, replace(one, data_order=order, version={"keras": "9"}))
    same(one, replace(one, data_content=backwards))  # a stream numbers samples as they come
    with pytest.raises(WhydiffError, match="data-order"):
        same(one, replace(one, data_order=order), varied=("noise",))


def test_anything_else_may_not():
    one = recipe()
    samples = one.data_content.samples.copy()
    samples[0] += np.uint64(1)
    changes = {
        "data-content": replace(one, data_content=replace(one.data_content, samples=samples)),
        "optimizer": replace(one, optimizer={**one.optimizer, "learning_rate": 0.5}),
        "duration": replace(one, duration={**one.duration, "epochs": 99}),
    }
    for source, other in changes.items():
        with pytest.raises(WhydiffError, match=f"(?m)train.py trains otherwise .*: {source}$"):
            same(one, other)
