"""Two loops of torch run again with one optimizer."""

import sys
from dataclasses import replace

import pytest

from whydiff.core.calls import Event
from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Explanation, Remedy
from whydiff.experiments.explain.own_optimizer import PRELUDE, _agree, _confirmed
from whydiff.testing.calls import KERNEL, call, execution

torch = pytest.importorskip("torch")


def trained(make, steps=3):
    """A parameter after some steps of an optimizer."""
    parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = make([parameter])
    for _ in range(steps):
        optimizer.zero_grad()
        (parameter**2).sum().backward()
        optimizer.step()
    return parameter.detach().numpy().tobytes()


@pytest.mark.parametrize(
    "later",
    [
        lambda p: torch.optim.Adam(p, lr=0.5),
        lambda p: torch.optim.AdamW(p, lr=0.5, weight_decay=0.1),
        lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9),
    ],
)
def test_the_later_optimizer_trains_as_the_earlier_one(later, monkeypatch):
    handles = []
    module = sys.modules["torch.optim.optimizer"]  # beside it torch has an alias of that name
    for name in ("register_optimizer_step_pre_hook", "register_optimizer_step_post_hook"):
        register = getattr(module, name)
        monkeypatch.setattr(module, name, lambda f, r=register: handles.append(r(f)))
    exec(PRELUDE % (0, 2), {})
    try:
        one = trained(lambda p: torch.optim.Adam(p, lr=0.01))
        between = trained(lambda p: torch.optim.SGD(p, lr=0.25))
        other = trained(later)
    finally:
        for handle in handles:
            handle.remove()
    assert one == other != between
    assert trained(later) != one, "the hooks are gone"


def loop(model, **settings):
    facts = {"optimizer": {"class": "Adam", **settings}}
    return Event(model, model, "loop", "m", model, (), facts)


def test_two_models_agree_only_with_the_weights_that_the_first_had_before():
    calls = call(1, "call"), call(2, "call", model=2, kernel=KERNEL + 1)
    before = execution(*calls, events=(loop(1), loop(2, learning_rate=1.0)))
    equal = replace(call(2, "call", model=2))
    tried = execution(calls[0], equal, events=(loop(1), loop(2)))
    assert _agree(tried, before, (0, 1), [2, 1])
    assert not _agree(before, before, (0, 1), [1, 2]), "another optimizer still"
    assert not _agree(replace(tried, calls=calls), before, (0, 1), [1, 2]), "other weights still"
    elsewhere = call(1, "call", kernel=KERNEL + 5), call(2, "call", model=2, kernel=KERNEL + 5)
    assert not _agree(replace(tried, calls=elsewhere), before, (0, 1), [1, 2]), "A was not A again"


def test_a_confirmed_optimizer_takes_the_place_of_the_weights_that_it_left():
    suspected = Cause("optimizer", "Adam vs. SGD", SUSPECTED, "", "", intended=True)
    weights = Cause("weights", "w", CONFIRMED, "", "", mechanism="trained-by-unwatched-loop")
    found = Explanation(
        "", "calls", {}, {}, "", False, None, (weights, suspected), (), (), 0.0, {},
        Remedy("", False, ""), (), {},
    )  # fmt: skip
    (cause,) = _confirmed(found, suspected).causes
    assert (cause.source, cause.status, cause.share) == ("optimizer", CONFIRMED, 1.0)
