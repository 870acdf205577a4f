"""Where the value of each weight came from: a digest per variable, and who put it there."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from whydiff.core.calls import Origin
from whydiff.core.digests import tensor_digest
from whydiff.core.recipe import named_fit
from whydiff.keras_backend.internals import held_value, trained_variables
from whydiff.keras_backend.variables import ROLE as HIDDEN, Slot
from whydiff.recorder.ledger import Ledger, user_line

_REACH = ("does not reach Keras's initializers", "do not reach Keras's initializers")


@dataclass(frozen=True)
class SavedFile:
    """A file of weights as it was written by this execution."""

    path: str
    event: int
    epoch: int | None = None
    fit: int | None = None
    line: int | None = None  # of an export


@dataclass
class _Entry:
    variable: weakref.ref[Any]
    digest: str
    origin: Origin


@dataclass
class _Loop:
    """Updates by an optimizer outside of anything that is watched."""

    line: int | None
    method: str
    optimizer: weakref.ref[Any] | None
    variables: set[int] = field(default_factory=set)

    @property
    def told(self) -> str:
        """What made the updates, and where."""
        return f"{self.method} at line {self.line}" if self.line else self.method


class Provenance:
    """The last known origin of every variable."""

    def __init__(self, to_numpy: Any, ledger: Ledger, model_named: Callable[[int], str]) -> None:
        self._to_numpy, self._ledger, self._model_named = to_numpy, ledger, model_named
        self._entries: dict[int, _Entry] = {}
        self._homes: dict[str, tuple[int, str, Origin]] = {}  # digest -> (model, path, origin)
        self._loops: list[_Loop] = []
        self._loop_of: dict[Any, _Loop] = {}  # by what makes the updates
        self.first_noise: dict[int, np.ndarray] = {}  # first states of seed generators
        self.files: dict[str, SavedFile] = {}

    # --- values come into being -------------------------------------------------------------------

    def created(self, variable: Any, initializer: Any) -> None:
        """``variable`` got its first value, outside of a training."""
        value = np.array(self._to_numpy(variable))
        line = user_line()
        if str(getattr(variable, "name", "")) == "seed_generator_state":
            self.first_noise[id(variable)] = value
        self._enter(variable, tensor_digest(value), self._drawn(initializer, line))

    def _drawn(self, initializer: Any, line: int | None) -> Origin:
        at = f" at line {line}" if line else ""
        draw = self._ledger.draw_of(initializer)
        if draw is None or draw.kind != "initializer":
            return Origin(f"initialized {_by(initializer)}{at}", "initial", line=line)
        if draw.explicit:
            return Origin(
                f"drawn with seed {draw.seed}{at}", "drawn", draw=draw.number, seed=draw.seed,
                line=line,
            )  # fmt: skip
        seeding = self._ledger.seeding_before(draw.number)
        if seeding is None or seeding.seed is None:
            others = self._ledger.seedings_of_others(draw.number)
            calls = [f"{d.owner}({'' if d.seed is None else d.seed})" for d in others]
            missed = f" ({' and '.join(calls)} {_REACH[len(calls) > 1]})" if calls else ""
            text = f"drawn without a seed{at}{missed}"
            return Origin(text, "drawn", draw=draw.number, line=line)
        by = f" ({seeding.owner} at line {seeding.stack[-1].line})" if seeding.stack else ""
        return Origin(
            f"drawn with seed {seeding.seed}{at}{by}",
            "drawn",
            draw=draw.number,
            seed=seeding.seed,
            line=line,
        )

    # --- values are put ---------------------------------------------------------------------------

    def put(self, slots: Iterable[Slot], model: int, origin: Origin) -> None:
        """The values that variables have now came from ``origin``."""
        for slot in slots:
            digest = self.digest(slot.variable)
            self._enter(slot.variable, digest, origin)
            self._homes[digest] = (model, slot.path, origin)

    def keep_homes(
        self, slots: Sequence[Slot], model: int, digests: Sequence[str], read: bool = False
    ) -> None:
        """Remember whose values these are, for models that get them later. Equal values belong to
        the model that had them first, or from which the script last ``read`` them."""
        for slot, digest in zip(slots, digests, strict=True):
            entry = self._entries.get(id(slot.variable))
            known = entry is not None and entry.digest == digest
            origin = entry.origin if entry is not None and known else Origin("", "unknown")
            home = self._homes.get(digest)
            if read or home is None or (known and home[0] == model):
                self._homes[digest] = (model, slot.path, origin)

    def copied(self, slots: Sequence[Slot], model: int, event: int, line: int | None) -> None:
        """Values were put with ``set_weights`` or ``assign``: find out whose they are."""
        digests = [self.digest(slot.variable) for slot in slots]
        homes = [self._homes.get(digest) for digest in digests]
        # Biases of zero are everywhere: the model that most values belong to is where all are from.
        votes = Counter(
            home[0]
            for home, slot in zip(homes, slots, strict=True)
            if home is not None and home[0] != model and not _trivial(self._to_numpy(slot.variable))
        )
        source = votes.most_common(1)[0][0] if votes else None
        at = f" at line {line}" if line else ""
        for slot, digest, home in zip(slots, digests, homes, strict=True):
            entry = self._entries.get(id(slot.variable))
            if source is not None and home is not None:
                earlier = home[2].text if home[0] == source else ""
                there = f"{home[1]} of " if home[1] != slot.path else ""
                text = f"copied from {there}{self._model_named(source)}{at}"
                text += f" ({earlier})" if earlier else ""
                origin = Origin(
                    text, "copied", event, model=source, line=line,
                    seed=home[2].seed, fit=home[2].fit, epoch=home[2].epoch, path=home[2].path,
                )  # fmt: skip
            elif entry is not None and entry.digest == digest:
                continue
            else:
                origin = self._assigned(slot, event, line)
            self._enter(slot.variable, digest, origin)
            self._homes.setdefault(digest, (model, slot.path, origin))

    def _assigned(self, slot: Slot, event: int, line: int | None) -> Origin:
        """Values that no model had before."""
        text = f"assigned at line {line}" if line else "assigned"
        loop = self._loop_over(slot)
        if loop is None:
            return Origin(text, "assigned", event, line=line)
        # One without state, on arrays, ends like this.
        text = f"{text} after a loop outside anything watched ({loop.told})"
        return Origin(text, "unwatched", event, line=line)

    def _loop_over(self, slot: Slot) -> _Loop | None:
        loops = (one for one in reversed(self._loops) if id(slot.variable) in one.variables)
        return next(loops, None)

    def loaded(
        self,
        slots: Sequence[Slot],
        model: int,
        assigned: set[int],
        path: str,
        event: int,
        why_skipped: str,
    ) -> list[str]:
        """Values came from a file, where the variables were assigned; paths of the others."""
        saved = self.files.get(str(Path(path).resolve()))
        name = Path(path).name or path
        text = f"file {name}"
        if saved is not None and saved.epoch is not None:
            text += f", epoch {saved.epoch} of fit {saved.fit}"
        origin = Origin(
            text, "file", event, path=path,
            epoch=saved.epoch if saved else None, fit=saved.fit if saved else None,
        )  # fmt: skip
        skipped = []
        for slot in slots:
            if id(slot.variable) in assigned:
                self.put([slot], model, origin)
                continue
            skipped.append(slot.path)
            digest = self.digest(slot.variable)
            entry = self._entries.get(id(slot.variable))
            earlier = entry.origin if entry is not None and entry.digest == digest else None
            drawn = earlier is None or earlier.kind in ("drawn", "initial")
            left = "left as drawn" if drawn else f"left as it was ({earlier.text})"  # type: ignore[union-attr]
            base = earlier or Origin("", "unknown")
            self._enter(
                slot.variable,
                digest,
                replace(base, text=f"{left}: {why_skipped}", kind="left as drawn", event=event,
                        path=path),
            )  # fmt: skip
        return skipped

    def updated_by(self, optimizer: Any, method: str) -> list[Any]:
        """An optimizer outside of anything watched changed, or is traced to change, its variables;
        these if it is the first time."""
        if self._is_known(optimizer):
            return []
        return self._begins(optimizer, list(trained_variables(optimizer)), method)

    def stepped(self, optimizer: Any, tensors: frozenset[int]) -> list[Any]:
        """An optimizer of torch's own, outside of anything watched, changed these tensors; the
        variables that hold them if it is the first time."""
        if self._is_known(optimizer):
            return []
        variables = [entry.variable() for entry in self._entries.values()]
        trained = [v for v in variables if v is not None and id(held_value(v)) in tensors]
        return self._begins(optimizer, trained, "optimizer.step")

    def _is_known(self, optimizer: Any) -> bool:
        loop = self._loop_of.get(id(optimizer))  # that of one which is gone may have had the number
        return loop is not None and loop.optimizer is not None and loop.optimizer() is optimizer

    def _begins(self, optimizer: Any, variables: list[Any], method: str) -> list[Any]:
        own = {id(variable) for variable in variables}
        loop = _Loop(user_line(), method, weakref.ref(optimizer), own)
        self._loop_of[id(optimizer)] = loop
        self._loops.append(loop)
        return variables

    def updated(self, key: Any, variables: Iterable[Any], method: str) -> None:
        """Code outside of anything watched changes variables again and again."""
        loop = self._loop_of.get(key)
        if loop is None:
            loop = self._loop_of[key] = _Loop(user_line(), method, None)
            self._loops.append(loop)
        loop.variables.update(id(variable) for variable in variables)

    def changed(self, slot: Slot) -> bool:
        """Whether a variable has another value than the one last known."""
        entry = self._entries.get(id(slot.variable))
        return entry is None or entry.digest != self.digest(slot.variable)

    # --- the answer -------------------------------------------------------------------------------

    def origin(
        self, slot: Slot, digest: str, trained_by: Mapping[str, int], open_loop: int | None
    ) -> Origin:
        """Where the value with ``digest`` of a variable came from."""
        entry = self._entries.get(id(slot.variable))
        if entry is not None and entry.variable() is not slot.variable:
            entry = None
        known = entry if entry is not None and entry.digest == digest else None
        # What a callback put back is what the training had left.
        if known and (known.origin.kind != "assigned" or digest not in trained_by):
            return known.origin
        fit = trained_by.get(digest, open_loop)
        if fit is not None:
            origin = Origin(f"trained by {named_fit(fit)}", "trained", fit=fit)
        else:
            origin = self._unwatched(slot, entry)
        if digest in trained_by:
            self._enter(slot.variable, digest, origin)
        return origin

    def given(self, slot: Slot, digest: str, line: int | None) -> Origin | None:
        """The origin of a value that ``stateless_call`` was given for a variable; None where the
        variable itself has it."""
        if self.digest(slot.variable) == digest:
            return None
        loop = self._loop_over(slot)
        behind = f" behind a loop outside anything watched ({loop.told})" if loop else ""
        at = f" at line {line}" if line else ""
        text = f"given to stateless_call{at}{behind}, while the model itself holds other values"
        return Origin(text, "given", line=line)

    def exported(self, slot: Slot, digest: str, path: str) -> Origin | None:
        """The origin of a value that an exported model has; None where the model has it, too."""
        if self.digest(slot.variable) == digest:
            return None
        saved = self.files.get(str(Path(path).resolve()))
        before = self._homes.get(digest)
        earlier = f" ({before[2].text})" if before is not None and before[2].text else ""
        at = f" at line {saved.line}" if saved and saved.line else ""
        where = Path(path)
        numbered = where.name.isdigit()  # a version, as TensorFlow Serving wants it
        name = f"{where.parent.name}/{where.name}" if numbered else where.name
        text = f"exported to {name}{at}{earlier}"
        return Origin(text, "file", saved.event if saved else None, path=path)

    def _unwatched(self, slot: Slot, entry: _Entry | None) -> Origin:
        if (loop := self._loop_over(slot)) is not None:
            text = f"changed by a loop outside anything watched ({loop.told})"
            return Origin(text, "unwatched", line=loop.line)
        if entry is None:
            return Origin("its first value was not seen", "unknown")
        if slot.role in ("non-trainable", HIDDEN):
            text = "changed by calls of the model since then"
            return replace(entry.origin, text=f"{entry.origin.text}, {text}", kind="called")
        return Origin("changed by code outside anything watched", "unwatched")

    def digest(self, variable: Any) -> str:
        """The digest of the value that a variable has now."""
        return tensor_digest(self._to_numpy(variable))

    def _enter(self, variable: Any, digest: str, origin: Origin) -> None:
        self._entries[id(variable)] = _Entry(weakref.ref(variable), digest, origin)


def _trivial(array: np.ndarray) -> bool:
    return array.size == 0 or bool((array == array.flat[0]).all())


def _by(initializer: Any) -> str:
    """How a variable came to its first value without a seed: ``to zeros``, ``by make_weights``."""
    if isinstance(initializer, (bool, int, float)):
        return f"to {initializer:g}"
    if isinstance(initializer, (list, tuple)) or hasattr(initializer, "shape"):
        return "with values that the script gives"
    name = getattr(initializer, "__name__", type(initializer).__name__)
    return {"Zeros": "to zeros", "Ones": "to ones", "<lambda>": "by a lambda"}.get(
        name, f"by {name}"
    )
