"""Trying whether the optimizers of two loops of the script's own are why their models differ.

Such a loop is not trained again. But the script can run once more with the later loop's optimizer
of torch made like the earlier one's at its first step; where both models then get the same weights,
bit for bit, the optimizer was the cause.
"""

from __future__ import annotations

from dataclasses import replace

from whydiff.core.calls import Event
from whydiff.core.errors import WhydiffError
from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Explanation, Remedy
from whydiff.core.recording import Execution
from whydiff.diagnosis.calls.loops import UNWATCHED
from whydiff.experiments.explain.inquiry import Inquiry
from whydiff.experiments.explain.sides import run_script

#: Runs before the script: optimizers count from 0 in the order of their first steps.
PRELUDE = """
def _whydiff_optimizer_as(earlier, later):
    from torch.optim.optimizer import (
        register_optimizer_step_post_hook as after, register_optimizer_step_pre_hook as before
    )

    stepped, held = [], {}

    def params(optimizer):
        return [p for group in optimizer.param_groups for p in group["params"]]

    def settings(optimizer):
        return [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]

    def first(optimizer, args, kwargs):
        if any(optimizer is one for one, _ in stepped):
            return
        stepped.append((optimizer, settings(optimizer)))
        if len(stepped) - 1 == later:
            held[id(optimizer)] = [p.detach().clone() for p in params(optimizer)]

    def again(optimizer, args, kwargs):
        values = held.pop(id(optimizer), None)
        if values is None:
            return
        for parameter, value in zip(params(optimizer), values):
            parameter.data.copy_(value)
        other, theirs = stepped[earlier]
        optimizer.state.clear()
        optimizer.__class__ = type(other)
        for group, wanted in zip(optimizer.param_groups, theirs):
            for key in set(group) - set(wanted) - {"params", "initial_lr"}:
                del group[key]
            group.update(wanted)
        optimizer.step()

    before(first)
    after(again)


_whydiff_optimizer_as(%d, %d)
del _whydiff_optimizer_as
"""


def with_optimizer_tried(asked: Inquiry, found: Explanation) -> Explanation:
    """The answer on two calls with the optimizer confirmed, where the loops that trained their
    models agree once they have the same one."""
    suspects = (c for c in found.causes if (c.source, c.status) == ("optimizer", SUSPECTED))
    suspected = next(suspects, None)
    if suspected is None:
        return found
    execution = asked.site.execution
    loops = [event for event in execution.events if event.kind == "loop"]
    numbers = [found.a.get("number"), found.b.get("number")]
    models = [c.model_number for n in numbers for c in execution.calls if c.number == n]
    pair = [next((e for e in loops if e.model_number == model), None) for model in models]
    if len(pair) != 2 or None in pair:
        return found
    earlier, later = sorted(loops.index(event) for event in pair if event is not None)
    if not _of_torch(execution) or asked.runs.no_time_for("trying the other optimizer"):
        return found
    folder = asked.folder / "optimizer"
    folder.mkdir()
    asked.progress.step("running the script with one optimizer in both loops")
    run = replace(asked.ran_a.run, prelude=PRELUDE % (earlier, later))
    try:
        ran = run_script(asked.runs, run, folder, "trial", asked.progress)
    except WhydiffError:
        return found
    with ran:
        tried = ran.execution
    agree = tried is not None and _agree(tried, execution, (earlier, later), numbers)
    return _confirmed(found, suspected) if agree else found


def _of_torch(execution: Execution) -> bool:
    return any(call.recipe.backend.get("backend") == "torch" for call in execution.calls)


def _agree(
    tried: Execution, before: Execution, loops: tuple[int, int], numbers: list[object]
) -> bool:
    """Whether both loops had the earlier one's optimizer, and both models the weights that this
    one's had before."""
    began = [event for event in tried.events if event.kind == "loop"]
    if len(began) <= loops[1] or _settings(began[loops[0]]) != _settings(began[loops[1]]):
        return False
    of_tried, of_before = (
        [
            [t.digest for t in call.recipe.weights]
            for n in sorted(n for n in numbers if isinstance(n, int))
            for call in execution.calls
            if call.number == n
        ]
        for execution in (tried, before)
    )
    return len(of_tried) == 2 == len(of_before) and of_tried == [of_before[0]] * 2


def _settings(event: Event) -> str:
    facts = event.facts.get("optimizer")
    return repr(sorted(facts.items())) if isinstance(facts, dict) else ""


def _confirmed(found: Explanation, suspected: Cause) -> Explanation:
    cause = replace(
        suspected,
        status=CONFIRMED,
        evidence=f"{suspected.detail}; run once more with one optimizer in both loops, the two "
        "models have the same weights, bit for bit",
        share=1.0,
        remaining=0.0,
    )
    trained = [c for c in found.causes if c.mechanism == UNWATCHED]
    kept = (c for c in found.causes if c is not suspected and c not in trained)
    notes = [
        "The weights by which the two calls differ follow from it: run once more with one "
        "optimizer in both loops, the two models have the same weights, bit for bit."
    ]
    advice = f"The optimizer differs intentionally: {suspected.detail}."
    return replace(
        found,
        causes=(cause, *kept),
        unexplained=0.0,
        notes=(*notes, *found.notes),
        remedy=Remedy("", False, advice),
    )
