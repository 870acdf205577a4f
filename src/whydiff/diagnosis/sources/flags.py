"""``trainable`` set while a training runs, and whether the weights show that it did anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from whydiff.core.recording import TRAINABLE_SET, Side
from whydiff.core.words import count, listed


@dataclass(frozen=True)
class FlagSet:
    """``layer.trainable`` was set to ``value`` by the line ``place``, before epoch ``since``.

    ``acted`` says whether the layer's weights moved from there on as the flag says; None where
    no epoch followed.
    """

    layer: str
    value: bool
    since: int
    place: str
    acted: bool | None


def set_on_the_way(side: Side) -> Iterator[FlagSet]:
    """Each such setting of a training, in their order."""
    noted = side.fit.notes.get(TRAINABLE_SET)
    for one in noted if isinstance(noted, list) else ():
        layer, value, since, place, paths = one
        moved = _moves(side, since, set(paths))
        yield FlagSet(layer, value, since, place, None if moved is None else moved == value)


def _moves(side: Side, since: int, paths: set[str]) -> bool | None:
    """Whether one of these weights changed in epoch ``since`` or later; None if there is none."""
    before = {t.path: t.digest for t in side.recipe.initialization if t.path in paths}
    moved = None
    for epoch in side.fit.epochs:
        now = {t.path: t.digest for t in epoch.tensors if t.path in paths}
        if epoch.index >= since and before and now:
            moved = bool(moved) or now != before
        before = now
    return moved


def said_in_vain(a: Side, b: Side) -> Iterator[str]:
    """What was set in vain: the compiled step went on as if nobody had set it."""
    told: dict[str, list[str]] = {}
    for name, side in (("A", a), ("B", b)):
        vain = [one for one in set_on_the_way(side) if one.acted is False]
        for one in vain[:_MOST]:
            goes_on = "never move afterwards" if one.value else "go on moving"
            advice = (
                f"End that fit after {count(one.since, 'epoch')}, set trainable, call compile() "
                f"and go on with fit(..., initial_epoch={one.since})."
                if one.since
                else "Set it before compile()."
            )
            text = (
                f"{one.place} sets {one.layer}.trainable = {one.value} before epoch "
                f"{one.since + 1}, but its weights {goes_on}: the step that trains was compiled "
                f"before. {advice}"
            )
            told.setdefault(text, []).append(name)
    for text, names in told.items():
        yield f"In {listed(names)}, {text}"


def said_to_act(a: Side, b: Side) -> str:
    """Which layers one training froze, or thawed, on the way, where the other did not."""
    one_side, other_side = ({f for f in set_on_the_way(s) if f.acted} for s in (a, b))
    return "; ".join(
        f"{name} {'trains' if one.value else 'freezes'} {one.layer} from epoch {one.since + 1} on "
        f"({one.place})"
        for name, mine, other in (("A", one_side, other_side), ("B", other_side, one_side))
        for one in sorted(mine - other, key=lambda flag: (flag.since, flag.layer))[:_MOST]
    )


#: settings that are told
_MOST = 3
