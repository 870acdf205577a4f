"""Where Keras is watched for what puts values into models: files, copies, settings, seeds."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

import keras

from whydiff.core.calls import LEARNED, Origin
from whydiff.core.interrupting import HANDLERS, pass_on
from whydiff.core.stack import in_library
from whydiff.keras_backend.internals import (
    is_callback,
    is_keras_2,
    modules_with,
    saving_functions,
    variable_base,
)
from whydiff.keras_backend.patches import Patches, owner_of
from whydiff.keras_backend.torch.optimizer import after_steps
from whydiff.keras_backend.tracing import compiling
from whydiff.recorder.describe import optimizer_facts
from whydiff.recorder.guard import unharmed
from whydiff.recorder.ledger import user_line
from whydiff.recorder.measuring.learned import learned_by
from whydiff.recorder.measuring.provenance import SavedFile
from whydiff.recorder.session import Holder, Step, subject_of
from whydiff.recorder.unseen import UNSEEN

Told = Callable[..., None]


def _never_in_the_way(tell: Told) -> Told:
    """An event that cannot be told is left out; the script never hears of it."""

    @functools.wraps(tell)
    def told(*args: Any) -> None:
        before = HANDLERS.put_off()
        try:
            tell(*args)
        except Exception as error:
            pass_on(error)
            if os.environ.get("WHYDIFF_DEBUG"):
                print(f"whydiff: an event is not recorded: {error!r}", file=sys.stderr)
        finally:
            HANDLERS.go_on(before)

    return told


def _everywhere(patches: Patches, keras: Any, original: Any, replacement: Any) -> None:
    """Replace a function under all the names by which Keras exports it."""
    for module, name in list(modules_with(keras, original)):
        patches.replace(module, name, replacement)


# --- files ----------------------------------------------------------------------------------------


def _watch_files(holder: Holder, patches: Patches, keras: Any) -> None:
    files = saving_functions(keras)
    for name, watched in (
        ("save_model", _saving(holder, files.save_model, "save")),
        ("save_weights", _saving(holder, files.save_weights, "save_weights")),
        ("load_weights", _loading_weights(holder, files.load_weights)),
        ("load_model", _loading_model(holder, files.load_model)),
    ):
        _everywhere(patches, keras, getattr(files, name), watched)


def _saving(holder: Holder, save: Any, kind: str) -> Any:
    @functools.wraps(save)
    def watched(model: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            calls = holder.session.calls
            with calls.events.nested():
                result = save(model, filepath, *args, **kwargs)
            if not holder.session.closed and not calls.events.inside:
                told(model, str(filepath))
            return result

    @_never_in_the_way
    def told(model: Any, path: str) -> None:
        session, events = holder.session, holder.session.calls.events
        provenance = session.calls.provenance
        facts: dict[str, Any] = {"path": path}
        epoch = fit = None
        what = kind
        callback, its_epoch = _callback()
        if callback is not None and session.current is not None:
            fit = session.current.index
            epoch = None if its_epoch is None else its_epoch + 1
            what = "checkpoint" if "Checkpoint" in type(callback).__name__ else kind
            facts |= {"epoch": epoch, "fit": fit, "callback": type(callback).__name__}
        number = events.enter(what, model, facts)
        provenance.files[str(Path(path).resolve())] = SavedFile(path, number, epoch, fit)
        if session.active is None:
            keep_homes(holder, model)

    return watched


def keep_homes(holder: Holder, layer: Any, read: bool = False) -> None:
    """Remember the values of a model's weights, so that they are known again elsewhere.

    ``read``: the script itself took them out, so that this model is where they come from.
    """
    session = holder.session
    calls = session.calls
    model = calls.models.holding(layer)
    if model is None:
        return
    slots = calls.events.slots(layer)
    digests = [calls.provenance.digest(slot.variable) for slot in slots]
    for slot, digest in zip(slots, digests, strict=True):
        calls.origin(model, slot, digest)  # what a fit trained is entered as such
    calls.provenance.keep_homes(slots, calls.models.of(model).number, digests, read)


def _loading_weights(holder: Holder, load: Any) -> Any:
    @functools.wraps(load)
    def watched(model: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            calls = holder.session.calls
            outermost = not holder.session.closed and not calls.events.inside
            with calls.events.loading() as assigned:
                result = load(model, filepath, *args, **kwargs)
            if outermost:
                skip = bool(kwargs.get("skip_mismatch", args[0] if args else False))
                told(model, str(filepath), assigned, skip, bool(kwargs.get("by_name")))
            return result

    @_never_in_the_way
    def told(model: Any, path: str, assigned: set[int], skip: bool, by_name: bool) -> None:
        _loaded(holder, "load_weights", model, path, assigned,
                {"skip_mismatch": skip, "by_name": by_name})  # fmt: skip

    return watched


def _loading_model(holder: Holder, load: Any) -> Any:
    @functools.wraps(load)
    def watched(filepath: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            calls = holder.session.calls
            outermost = not holder.session.closed and not calls.events.inside
            with calls.events.loading() as assigned:
                model = load(filepath, *args, **kwargs)
            if outermost:
                told(model, str(filepath), assigned)
            return model

    @_never_in_the_way
    def told(model: Any, path: str, assigned: set[int]) -> None:
        _loaded(holder, "load_model", model, path, assigned, {})

    return watched


def _loaded(
    holder: Holder, kind: str, model: Any, path: str, assigned: set[int], facts: dict[str, Any]
) -> None:
    calls = holder.session.calls
    slots = calls.events.slots(model)
    if is_keras_2(model):  # its variables are TensorFlow's, whose assignments are not seen
        partly = facts.get("by_name") or facts.get("skip_mismatch")
        assigned = {id(s.variable) for s in slots if not partly or calls.provenance.changed(s)}
    skipped = [slot.path for slot in slots if id(slot.variable) not in assigned]
    facts = {"path": path, "skipped": skipped, **facts}
    number = calls.events.enter(kind, model, facts)
    if facts.get("by_name"):
        why = "no layer of that name in the file, or another shape there"
    elif facts.get("skip_mismatch"):
        why = "shape mismatch at load"
    else:
        why = "not loaded from the file"
    calls.provenance.loaded(slots, calls.models.of(model).number, assigned, path, number, why)


def _callback() -> tuple[Any, int | None]:
    """The callback of Keras's that is running, and its epoch counting from 0."""
    frame: Any = sys._getframe(2)
    for _ in range(14):
        if frame is None:
            break
        owner = frame.f_locals.get("self")
        if is_callback(owner) and "CallbackList" not in type(owner).__name__:
            epoch = frame.f_locals.get("epoch")
            return owner, int(epoch) if isinstance(epoch, int) else None
        frame = frame.f_back
    return None, None


# --- copies ---------------------------------------------------------------------------------------


def _watch_copies(holder: Holder, patches: Patches, keras: Any) -> None:
    layer: Any = owner_of(keras.Model, "set_weights")
    set_weights, get_weights = layer.set_weights, layer.get_weights

    @functools.wraps(set_weights)
    def watched_set(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            if compiling():
                return set_weights(self, *args, **kwargs)
            session = holder.session
            outermost = not session.closed and not session.calls.events.inside
            with session.calls.events.nested():
                result = set_weights(self, *args, **kwargs)
            if outermost:
                told_set(self)
            return result

    @_never_in_the_way
    def told_set(self: Any) -> None:
        session = holder.session
        calls = session.calls
        if session.current is not None and session.hook_at(sys._getframe(3)):
            callback, epoch = _callback()
            if not hasattr(callback, "best_weights"):
                return _told_copied(calls, self)
            best = int(getattr(callback, "best_epoch", epoch or 0)) + 1
            fit = session.current.index
            number = calls.events.enter("restore_best_weights", self, {"epoch": best, "fit": fit})
            origin = Origin(f"best weights, epoch {best} of fit {fit}", "restored", number,
                            fit=fit, epoch=best)  # fmt: skip
            calls.provenance.put(calls.events.slots(self), calls.models.of(self).number, origin)
        elif session.active is None and calls.running is None:
            _told_copied(calls, self)

    @functools.wraps(get_weights)
    def watched_get(self: Any) -> Any:
        with UNSEEN:
            result = get_weights(self)
            if not compiling() and holder.session.idle:
                told_get(self)
            return result

    @_never_in_the_way
    def told_get(self: Any) -> None:
        if in_library(sys._getframe(3).f_code.co_filename):
            return
        calls = holder.session.calls
        number = calls.events.enter(
            "get_weights", calls.models.holding(self), {"layer": str(self.name)}
        )
        if number:
            keep_homes(holder, self, read=True)

    patches.replace(layer, "set_weights", watched_set)
    patches.replace(layer, "get_weights", watched_get)


def _told_copied(calls: Any, layer: Any) -> None:
    model = calls.models.holding(layer)
    number = calls.events.enter("set_weights", model, {"layer": str(layer.name)})
    if number:
        own = 0 if model is None else calls.models.of(model).number
        calls.provenance.copied(calls.events.slots(layer), own, number, user_line())


def _watch_assign(holder: Holder, patches: Patches) -> None:
    base: Any = variable_base()
    assign = base.assign
    by_libraries: set[CodeType] = set()  # functions of libraries that assigned before

    @functools.wraps(assign)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            result = assign(self, *args, **kwargs)
            if compiling():
                return result
            session = holder.session
            assigned = session.calls.events.assigned
            if assigned is not None:
                assigned.add(id(self))
            # Keras puts back all variables after every step on JAX: that is asked first.
            elif sys._getframe(1).f_code not in by_libraries and session.idle:
                code = sys._getframe(1).f_code
                if in_library(code.co_filename):
                    by_libraries.add(code)
                else:
                    told(self)
            return result

    @_never_in_the_way
    def told(variable: Any) -> None:
        calls = holder.session.calls
        model = calls.models.holding_variable(variable)
        number = calls.events.enter("assign", model, {"variables": [str(variable.path)]})
        if not number:  # a loop of the script's own assigns again and again
            calls.provenance.updated(("assign", user_line()), [variable], "assign")
            return
        slots = [] if model is None else calls.events.slots(model)
        own = [slot for slot in slots if slot.variable is variable]
        calls.provenance.copied(own, calls.models.of(model).number if own else 0, number,
                                user_line())  # fmt: skip

    patches.replace(base, "assign", watched)


def _watch_clones(holder: Holder, patches: Patches, keras: Any) -> None:
    clone = keras.models.clone_model

    @functools.wraps(clone)
    def watched(model: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            made = clone(model, *args, **kwargs)
            if holder.session.idle:
                told(model, made)
            return made

    @_never_in_the_way
    def told(model: Any, made: Any) -> None:
        calls = holder.session.calls
        number = calls.models.of(model).number
        calls.events.enter("clone_model", made, {"from": number})

    _everywhere(patches, keras, clone, watched)


# --- settings -------------------------------------------------------------------------------------


def _classes_with(method: str) -> Iterator[Any]:
    """Classes of Keras that define ``method`` themselves."""
    owners = [keras.Model] if method in vars(keras.Model) else []
    for value in vars(keras.layers).values():
        if isinstance(value, type):
            owners += [base for base in value.__mro__ if method in vars(base)]
    yield from dict.fromkeys(owners)


def _watch_settings(holder: Holder, patches: Patches) -> None:
    for method, kind in (
        ("quantize", "quantize"),
        ("enable_lora", "enable_lora"),
        ("adapt", "adapt"),
        ("set_vocabulary", "adapt"),
        ("reset_state", "reset_states"),
    ):
        for owner in _classes_with(method):
            patches.replace(owner, method, _setting(holder, getattr(owner, method), kind))


_ORIGINS = {"quantize": "quantized", "adapt": "adapted", "enable_lora": "assigned"}


#: Events that give layers other variables.
_OTHER_FORM = frozenset({"quantize", "enable_lora"})


def _setting(holder: Holder, method: Any, kind: str) -> Any:
    @functools.wraps(method)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            session = holder.session
            outermost = session.idle
            if outermost and kind in _OTHER_FORM:
                changes_form(self)
            with session.calls.events.nested():
                result = method(self, *args, **kwargs)
            if outermost:
                told(self, args, kwargs)
            return result

    @_never_in_the_way
    def changes_form(self: Any) -> None:
        calls = holder.session.calls
        model = calls.models.holding(self)
        if model is not None:
            calls.changes_form(model)

    @_never_in_the_way
    def told(self: Any, args: Any, kwargs: Any) -> None:
        calls = holder.session.calls
        model = calls.models.holding(self)
        plain = [value for value in (*args, *kwargs.values())
                 if isinstance(value, (bool, int, float, str))]  # fmt: skip
        facts: dict[str, Any] = {"layer": str(self.name), "arguments": plain}
        learned: dict[str, Any] = {}
        if kind == "adapt":
            learned = unharmed(learned_by, self, otherwise=learned)
        if learned:
            facts[LEARNED] = learned
        number = calls.events.enter(kind, model, facts)
        if kind in _ORIGINS:
            line = user_line()
            origin = Origin(f"{_ORIGINS[kind]} at line {line}", _ORIGINS[kind], number, line=line)
            calls.provenance.put(
                [slot for slot in calls.events.slots(self) if calls.provenance.changed(slot)],
                0 if model is None else calls.models.of(model).number,
                origin,
            )

    return watched


def _watch_trainable(holder: Holder, patches: Patches) -> None:
    layer: Any = owner_of(keras.Model, "trainable")
    before = vars(layer)["trainable"]

    def set_trainable(self: Any, value: Any) -> None:
        with UNSEEN:
            session = holder.session
            if not session.idle:
                flags = unharmed(flags_of, self, otherwise=None)
                before.fset(self, value)
                if flags is not None:
                    told_watch(self, flags)
                return
            earlier = bool(before.fget(self)) if hasattr(self, "built") else None
            with session.calls.events.nested():
                before.fset(self, value)
            told(self, earlier, value)

    def flags_of(layer: Any) -> dict[int, bool] | None:
        """Which variables are trained, where the script sets that while a fit runs."""
        if holder.session.current is None or compiling() or not _set_by_script(sys._getframe(3)):
            return None
        return {id(v): bool(v.trainable) for v in layer.variables}

    @_never_in_the_way
    def told_watch(self: Any, flags: dict[int, bool]) -> None:
        changed = [v for v in self.variables if flags.get(id(v)) is not bool(v.trainable)]
        watch = holder.session.current
        if watch is not None and changed:
            watch.trainable_set(str(self.name), changed)

    @_never_in_the_way
    def told(self: Any, earlier: bool | None, value: Any) -> None:
        if not _set_by_script(sys._getframe(3)):
            return
        calls = holder.session.calls
        facts = {"layer": str(self.name), "before": earlier, "after": bool(value)}
        calls.events.enter("trainable", calls.models.holding(self), facts)

    patches.replace(layer, "trainable", property(before.fget, set_trainable))


def _set_by_script(frame: Any) -> bool:
    """Whether the script, and no library, sets an attribute at ``frame``."""
    while frame is not None and frame.f_code.co_name in ("__setattr__", "wrapper"):
        frame = frame.f_back
    return frame is not None and not in_library(frame.f_code.co_filename)


# --- updates outside of anything watched ----------------------------------------------------------


def _watch_optimizers(holder: Holder, patches: Patches) -> None:
    owner: Any = owner_of(keras.optimizers.Optimizer, "apply")
    apply = owner.apply

    @functools.wraps(apply)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            result = apply(self, *args, **kwargs)
            if not compiling() and holder.session.idle:
                told(self, sys._getframe(1).f_code.co_name)
            return result

    @_never_in_the_way
    def told(optimizer: Any, caller: str) -> None:
        method = caller if caller in ("apply_gradients", "stateless_apply") else "apply"
        provenance = holder.session.calls.provenance
        loop_begins(optimizer, provenance.updated_by(optimizer, f"optimizer.{method}"))

    patches.replace(owner, "apply", watched)

    def loop_begins(optimizer: Any, variables: Sequence[Any]) -> None:
        """What a loop outside of anything watched trains, and by which settings."""
        calls = holder.session.calls
        model = calls.models.holding_variable(variables[0]) if variables else None
        if model is not None:
            facts = optimizer_facts(subject_of([model], optimizer, {}))
            calls.events.enter("loop", model, {"optimizer": facts})

    @_never_in_the_way
    def stepped(optimizer: Any, tensors: frozenset[int]) -> None:
        if holder.session.idle:
            provenance = holder.session.calls.provenance
            loop_begins(optimizer, provenance.stepped(optimizer, tensors))

    if keras.backend.backend() == "torch":
        patches.until_undone(after_steps(stepped))

    finalizer: Any = owner_of(keras.optimizers.Optimizer, "finalize_variable_values")
    finalize = finalizer.finalize_variable_values

    @functools.wraps(finalize)
    def watched_finalize(self: Any, variables: Any) -> Any:
        with UNSEEN:
            result = finalize(self, variables)
            if getattr(self, "use_ema", False):
                told_average(list(variables))
            return result

    @_never_in_the_way
    def told_average(variables: list[Any]) -> None:
        session = holder.session
        calls, current = session.calls, session.current
        if session.closed or (current is None and not session.idle):
            return
        fit = None if current is None else current.index
        model = calls.models.holding_variable(variables[0]) if current is None else current.model
        if model is None:
            return
        number = calls.events.enter("swap_ema", model, {"fit": fit})
        own = {id(variable) for variable in variables}
        slots = [slot for slot in calls.events.slots(model) if id(slot.variable) in own]
        where = f"of the optimizer at line {user_line()}" if fit is None else f"of fit {fit}"
        origin = Origin(f"moving average {where}", "average", number, fit=fit)
        calls.provenance.put(slots, calls.models.of(model).number, origin)

    patches.replace(finalizer, "finalize_variable_values", watched_finalize)


def _watch_compiles(holder: Holder, patches: Patches) -> None:
    owner: Any = owner_of(keras.Model, "compile")
    compile_ = owner.compile

    @functools.wraps(compile_)
    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        with UNSEEN:
            result = compile_(self, *args, **kwargs)
            if holder.session.idle:
                told(self)
            return result

    @_never_in_the_way
    def told(self: Any) -> None:
        optimizer = getattr(self, "optimizer", None)
        facts = {"optimizer": None if optimizer is None else type(optimizer).__name__}
        holder.session.calls.events.enter("compile", self, facts)

    patches.replace(owner, "compile", watched)


def steps_of_both(keras: Any) -> tuple[Step, ...]:
    """What is watched in the same way in models of Keras 3 and of Keras 2."""
    shared = (_watch_files, _watch_copies, _watch_clones)
    return tuple(functools.partial(step, keras=keras) for step in shared)


def steps(keras: Any) -> tuple[Step, ...]:
    """All that is watched in Keras 3."""
    return (
        *steps_of_both(keras),
        _watch_assign,
        _watch_settings,
        _watch_trainable,
        _watch_optimizers,
        _watch_compiles,
    )
