"""Where weights came from: which source a tensor that differs belongs to, and how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whydiff.core.calls import EXPORTED, Event, MeasuringCall, Origin
from whydiff.core.recipe import Tensor, align
from whydiff.core.recording import Execution
from whydiff.core.words import count, listed
from whydiff.diagnosis.calls.unwatched import optimizers_apart

INITIALIZATION, WEIGHTS, STATE = "initialization", "weights", "state"
#: Kinds of values that are as they were when the model was built.
FRESH = frozenset({"drawn", "initial"})
#: What BatchNormalization and Normalization call the weights that they compute.
_AVERAGES = frozenset({"moving_mean", "moving_variance", "mean", "variance", "count"})
UNKNOWN_ORIGIN = Origin("of unknown origin", "unknown")


@dataclass(frozen=True)
class TensorPair:
    """Weights of A and B that correspond: positions, tensors, origins."""

    i: int
    j: int
    a: Tensor
    b: Tensor
    origin_a: Origin
    origin_b: Origin

    @property
    def differs(self) -> bool:
        """Whether values differ. Of another dtype they belong to the precision."""
        return self.a.dtype == self.b.dtype and self.a.digest != self.b.digest

    @property
    def source(self) -> str:
        """``initialization`` where both were drawn and left so, ``state`` where an adapt decides
        it, else ``weights``."""
        kinds = {self.origin_a.kind, self.origin_b.kind}
        if is_recurrent(self.a.path):
            return STATE
        if kinds <= FRESH:
            return INITIALIZATION
        return STATE if "adapted" in kinds else WEIGHTS


#: What a recurrent state is that differs.
LEFT_BEHIND = "the recurrent (hidden) state that an earlier call left"


def is_recurrent(path: str) -> bool:
    """Whether a variable is the hidden state that a stateful layer keeps from call to call."""
    name = path.rpartition("/")[2]
    return name == "states" or name.startswith("states_")  # one state, or several


@dataclass(frozen=True)
class TensorPairs:
    """Aligned weights of two calls, and those that only one of them has."""

    pairs: tuple[TensorPair, ...]
    only_a: tuple[tuple[Tensor, Origin], ...]
    only_b: tuple[tuple[Tensor, Origin], ...]

    @property
    def differing(self) -> tuple[TensorPair, ...]:
        return tuple(p for p in self.pairs if p.differs)

    @property
    def recast(self) -> tuple[TensorPair, ...]:
        """Those that one of the models holds in another dtype."""
        return tuple(p for p in self.pairs if p.a.dtype != p.b.dtype)


def tensor_pairs(a: MeasuringCall, b: MeasuringCall) -> TensorPairs:
    """The weights of two calls, paired."""
    one, two = a.recipe.weights, b.recipe.weights
    of_a, of_b = _origins(a), _origins(b)
    indices = align(one, two)
    taken_a, taken_b = {i for i, _ in indices}, {j for _, j in indices}
    return TensorPairs(
        tuple(TensorPair(i, j, one[i], two[j], of_a[i], of_b[j]) for i, j in indices),
        tuple((t, of_a[i]) for i, t in enumerate(one) if i not in taken_a),
        tuple((t, of_b[j]) for j, t in enumerate(two) if j not in taken_b),
    )


def _origins(call: MeasuringCall) -> list[Origin]:
    known = list(call.recipe.origins)
    return known + [UNKNOWN_ORIGIN] * (len(call.recipe.weights) - len(known))


@dataclass(frozen=True)
class Story:
    """How weights came to differ: a sentence, the mechanism, whether the script asks for it."""

    detail: str
    mechanism: str = ""
    intended: bool = False


#: Stories of values that the script itself put into a model.
ASSIGNED = frozenset({"weights-assigned", "values-assigned", "trained-weights-replaced"})


def story(
    differing: Sequence[TensorPair],
    events: Sequence[Event],
    a: MeasuringCall,
    b: MeasuringCall,
    one_run: bool = True,
) -> Story:
    """What is known of where these weights came from, the most telling first."""
    kinds_a, kinds_b = ({o.kind for o in side} for side in _sides(differing))
    both = kinds_a | kinds_b
    one_model = a.model_number == b.model_number
    detail = _detail(differing)
    if all(is_recurrent(p.a.path) for p in differing):
        paths = listed([p.a.path for p in differing[:3]])
        return Story(f"{paths}: {LEFT_BEHIND}",
                     "recurrent-state")  # fmt: skip
    if "left as drawn" in both:
        return Story(detail + _skipped(events, a, b), "weights-skipped")
    if any(EXPORTED in call.notes for call in (a, b)) and "file" in both:
        return Story(detail, "exported-before")
    if "given" in both:
        return Story(detail, "weights-not-assigned")
    if "unwatched" in both:
        known = "" if "a loop outside" in detail else (
            "; a loop that was not watched (such as optimizer.apply) changed them"
        )  # fmt: skip
        apart = optimizers_apart((events, events), a, b)
        by = f". The optimizers of these loops differ: {apart}" if apart else ""
        return Story(detail + known + by, "trained-by-unwatched-loop")
    if "called" in both and all(_is_average(p.a) for p in differing):
        return Story(detail, "averages-moved")
    if both <= FRESH:
        return _drawn(differing, events, (a, b), detail, one_run and not one_model)
    if "average" in both:
        return Story(detail, "averaged-weights")
    if "quantized" in both:
        return Story(detail, "quantized")
    if "adapted" in both:
        return Story(detail, "adapted-again")
    if both & {"file", "restored"}:
        return _of_files(differing, detail, one_run)
    if both == {"assigned"}:
        return Story(f"{detail}, values that no model of this run had before", "values-assigned")
    if both == {"assigned", "trained"} and one_model:
        return Story(
            f"{detail}, values that no model of this run had before", "trained-weights-replaced"
        )
    if "copied" in both or "assigned" in both:
        return Story(detail, "weights-assigned")
    if one_model and "trained" in both and both <= FRESH | {"trained"}:
        return Story(detail + _not_trained(a, b), "trained-between")
    if both & FRESH:
        if cloned(events, a if kinds_a <= FRESH else b):
            return Story(f"{detail}; clone_model draws weights anew", "cloned-without-weights")
        if all(_is_average(p.a) for p in differing):
            return Story(detail, "averages-not-copied")
        return Story(detail, "weights-never-copied")
    if both == {"trained"}:
        return Story(detail, "trained-apart")
    return Story(detail)


def _not_trained(a: MeasuringCall, b: MeasuringCall) -> str:
    """Which weights a fit between two calls of one model left as they were, where it was not all
    or none of a kind: somebody has frozen them."""
    pairs = tensor_pairs(a, b).pairs
    same = [p.a.path for p in pairs if not p.differs and p.a.role == "non-trainable"]
    if not same:
        return ""
    names = listed(same) if len(same) <= 3 else f"{same[0]} and {len(same) - 1} more"
    return f"; {names}, which {'is' if len(same) == 1 else 'are'} frozen, stayed the same"


def _is_average(weight: Tensor) -> bool:
    """Whether a layer computes it from what it sees. The weights of a frozen layer are not trained
    either, but drawn."""
    name = weight.path.rpartition("/")[2]
    return weight.role == "non-trainable" and name in _AVERAGES


def weights_story(execution: Execution, a: MeasuringCall, b: MeasuringCall) -> Story | None:
    """How the weights of two calls came to differ; None where they are equal."""
    differing = tensor_pairs(a, b).differing
    return story(differing, execution.events, a, b) if differing else None


def _sides(pairs: Sequence[TensorPair]) -> tuple[list[Origin], list[Origin]]:
    return [p.origin_a for p in pairs], [p.origin_b for p in pairs]


def _detail(pairs: Sequence[TensorPair]) -> str:
    """``dense/kernel and dense/bias: drawn with seed 42 at line 8 vs. ... seed 43 at line 8``."""
    groups: dict[tuple[str, str], list[str]] = {}
    for p in pairs:
        groups.setdefault((p.origin_a.text, p.origin_b.text), []).append(p.a.path)
    shown = []
    for (one, two), paths in list(groups.items())[:3]:
        names = listed(paths) if len(paths) <= 3 else f"{paths[0]} and {len(paths) - 1} more"
        shown.append(f"{names}: {one}" + (f" vs. {two}" if one != two else " in both"))
    more = len(groups) - len(shown)
    return "; ".join(shown) + (f"; and {count(more, 'further origin')}" if more > 0 else "")


def _drawn(
    pairs: Sequence[TensorPair],
    events: Sequence[Event],
    calls: tuple[MeasuringCall, MeasuringCall],
    detail: str,
    one_run: bool,
) -> Story:
    """How weights came to be drawn apart, by two models of one run or else in two runs."""
    if cloned(events, *calls):
        return Story(f"{detail}; clone_model draws weights anew", "cloned-without-weights")
    seeds = [(p.origin_a.seed, p.origin_b.seed) for p in pairs]
    explicit = [s for s in seeds if s[0] is not None and s[1] is not None and s[0] != s[1]]
    same = [one == other for one, other in seeds if one is not None]
    if same and all(same) and one_run:
        detail += ": the seed was set once, and the second model drew on from where the first ended"
    lines = all("seed" in p.origin_a.text and "seed" in p.origin_b.text for p in pairs)
    return Story(detail, "drawn-apart", intended=bool(explicit) and lines and len(seeds) > 0)


def cloned(events: Sequence[Event], *calls: MeasuringCall) -> bool:
    """Whether the model of one of these calls came from clone_model."""
    numbers = {call.model_number for call in calls}
    return any(e.kind == "clone_model" and e.model_number in numbers for e in events)


def _of_files(pairs: Sequence[TensorPair], detail: str, one_run: bool) -> Story:
    origins = [o for side in _sides(pairs) for o in side]
    if any(o.epoch is not None for o in origins) or any(o.kind == "restored" for o in origins):
        return Story(detail, "last-or-best")
    if not one_run and all(p.origin_a.text == p.origin_b.text for p in pairs):
        return Story(f"{detail}, which held other weights in each run", "loaded-file-rewritten")
    return Story(detail, "another-file")


def replaced_by(origins: Sequence[Origin]) -> tuple[str, str]:
    """What put other weights in the place of those that a fit's last epoch left: in words behind a
    sentence, and the mechanism."""
    kinds = {o.kind: o.text for o in origins if o.kind in ("restored", "file", "average")}
    id = "averaged-weights" if "average" in kinds else "last-or-best"
    id = "best-weights-restored" if "restored" in kinds else id
    return next((f" ({text})" for text in kinds.values()), ""), id


def skipped_by(events: Sequence[Event], *calls: MeasuringCall) -> list[Event]:
    """Loads into one of these models that left something out."""
    numbers = {call.model_number for call in calls}
    return [
        e
        for e in events
        if e.kind in ("load_weights", "load_model")
        and e.model_number in numbers
        and e.facts.get("skipped")
    ]


def load_in_words(skipped: Sequence[Event]) -> str:
    """The first load that left something out: ``load_weights(by_name=True) at line 9``."""
    if not skipped:
        return "the load"
    event = skipped[0]
    how = "(skip_mismatch=True)" if event.facts.get("skip_mismatch") else ""
    how = "(by_name=True)" if event.facts.get("by_name") else how
    return f"{event.kind}{how}" + (f" at line {event.stack[-1].line}" if event.stack else "")


def _skipped(events: Sequence[Event], a: MeasuringCall, b: MeasuringCall) -> str:
    skipped = skipped_by(events, a, b)
    if not skipped:
        return "; not loaded, left as drawn"
    names = [str(n) for n in skipped[0].facts["skipped"]]
    return f"; {load_in_words(skipped)} skipped {listed(names[:4])}: not loaded, left as drawn"
