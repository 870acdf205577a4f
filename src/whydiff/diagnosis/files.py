"""Files that one execution wrote and another one read: state that outlives a process."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whydiff.core.calls import Event
from whydiff.core.files import UNSEEN, Used, files_of
from whydiff.core.findings import CONFIRMED, SUSPECTED, Cause, Finding
from whydiff.core.programs import programs_of
from whydiff.core.recording import PROGRAMS, SEEDING, Execution, Fit, Side
from whydiff.core.words import listed

MECHANISM = "file-carried-over"

_NUMBER = re.compile(r"[0-9]+")
_FROM_FILES = ("data-content", "optimizer", "architecture", "batch-size", "duration", "objective")
_BY_CHANCE = ("python-random-unseeded", "clock-seed", "unseeded-split")
#: so many programs are named
_MOST_PROGRAMS = 3
#: what a loaded file can decide, besides weights
_LOADED = ("load_model", "load_weights")
_SAVED = ("save", "save_weights", "checkpoint")


def carried(a: Side, b: Side) -> tuple[str, ...]:
    """Paths that one of two runs wrote and the other, which ran later, read as its first.

    A file whose content both read is none, and neither are those of one execution.
    """
    return carried_between(a.execution, b.execution)


def carried_between(a: Execution, b: Execution) -> tuple[str, ...]:
    """As :func:`carried`, of executions themselves."""
    if a is b:
        return ()
    earlier, later = sorted((a, b), key=lambda e: e.started)
    before, after = _files(earlier), _files(later)
    return tuple(
        path
        for path, use in after.items()
        if use.read
        and path in before
        and before[path].written
        and (use.read == UNSEEN or before[path].read != use.read)
    )


def read_and_written(execution: Execution) -> tuple[str, ...]:
    """Paths that an execution read as it began and wrote later: another one goes on from them."""
    return tuple(p for p, use in _files(execution).items() if use.read and use.written)


def read_files(execution: Execution) -> dict[str, str]:
    """Paths of the files that an execution was seen to read before it wrote them, if it did, with
    the digest of what it read."""
    return {path: use.read for path, use in _files(execution).items() if use.read}


def goes_on_beside(execution: Execution) -> tuple[tuple[str, str], ...]:
    """Pairs of paths that differ in their numbers alone: an execution read the first and wrote the
    second, as with ``ckpt/epoch_03.keras`` and ``ckpt/epoch_04.keras``. Of several that it wrote
    it is the last."""
    files = _files(execution)
    written = sorted((p for p, use in files.items() if use.written and not use.read), key=_numbers)
    last = {_NUMBER.sub("#", path): path for path in written}
    reads = (p for p, use in files.items() if use.read and not use.written)
    named = ((path, last.get(_NUMBER.sub("#", path), path)) for path in reads)
    return tuple((one, other) for one, other in named if one != other)


def _numbers(path: str) -> list[int]:
    return [int(number) for number in _NUMBER.findall(path)]


def taken_from(reader: Execution, writer: Execution) -> tuple[str, ...]:
    """Paths that one program wrote and another one reads and leaves as they are.

    Where both write a file, each is a program of its own that begins without it.
    """
    written = set(written_files(writer)) - set(read_and_written(writer))
    uses = _files(reader).items()
    return tuple(path for path, use in uses if use.read and not use.written and path in written)


def rewritten(a: Execution, b: Execution) -> tuple[str, ...]:
    """Paths that two runs read with other content in each, and that neither was seen to write."""
    if a is b:
        return ()
    before, after = files_of(a.environment), files_of(b.environment)
    found = ((path, use, after.get(path)) for path, use in before.items())
    return tuple(
        path
        for path, use, other in found
        if other is not None
        and not (use.written or other.written)
        and "" != use.read != other.read != ""
        and UNSEEN not in (use.read, other.read)
    )


def rewritten_in_words(a: Side, b: Side) -> str:
    """A clause on the files that held other content in each run; "" where there are none.

    What reads them is the script itself; what wrote them is some other program.
    """
    paths = rewritten(a.execution, b.execution)
    if not paths:
        return ""
    text = f"{listed(shown(a, paths))}, which both runs read, held other content in each"
    started = (programs_of(side.execution.environment.get(PROGRAMS)) for side in (a, b))
    targets = dict.fromkeys(program.target for programs in started for program in programs)
    if targets:
        text += f", and the script itself did not write {'it' if len(paths) == 1 else 'them'}: "
        text += f"it started {listed(list(targets)[:_MOST_PROGRAMS])}"
    return text


def weights_rewritten(a: Side, b: Side) -> str:
    """As :func:`rewritten_in_words`, where weights may come from such a file: it was loaded as a
    model, or nothing else was seen that differs by chance."""
    paths = {*rewritten(a.execution, b.execution)}
    loaded = any(
        e.kind in _LOADED and _path(side.execution, e) in paths
        for side in (a, b)
        for e in side.execution.events
    )
    both = loaded or all_seeded(a.execution, b.execution)
    return rewritten_in_words(a, b) if both else ""


def all_seeded(a: Execution, b: Execution) -> bool:
    """Whether two runs seeded what they draw from, and nothing of that without a number."""
    seedings = [d for e in (a, b) for d in e.ledger if d.kind == SEEDING]
    seeded = any(d.seed is not None for d in seedings)
    return seeded and all(d.seed is not None for d in seedings)


def told(a: Side, b: Side, paths: Sequence[str]) -> str:
    """A sentence on the files that the second run found of the first."""
    return told_between(a.execution, b.execution, paths)


def told_between(a: Execution, b: Execution, paths: Sequence[str]) -> str:
    """As :func:`told`, of executions themselves."""
    first, then = ("A", "B") if a.started <= b.started else ("B", "A")
    return f"{then} read {listed(_near(a, paths))}, which {first} had written"


def agree_by_file(a: Side, b: Side) -> str:
    """A sentence where two runs agree and the second found a file of the first; else ""."""
    paths = carried(a, b)
    if not paths:
        return ""
    this = "this file" if len(paths) == 1 else "these files"
    return f"{told(a, b, paths)}: what {this} decides could not differ. Without it two runs may."


def shown(side: Side, paths: Sequence[str]) -> list[str]:
    """Paths as a person finds them, from the script's folder where they lie near it; at most
    four."""
    return _near(side.execution, paths)


def _near(execution: Execution, paths: Sequence[str]) -> list[str]:
    folder = _folder(execution)
    names = [os.path.relpath(path, folder) for path in paths[:4]]
    far = f"..{os.sep}..{os.sep}"
    names = [
        path if near.startswith(far) else near for path, near in zip(paths, names, strict=False)
    ]
    return [*names, f"{len(paths) - 4} more"] if len(paths) > 4 else names


def loaded_from(a: Side, b: Side, paths: Sequence[str]) -> bool:
    """Whether the later fit starts with weights that the earlier execution ended with."""
    earlier, later = sorted((a, b), key=lambda s: s.execution.started)
    starts = [t for t in later.recipe.initialization if t.role != "hidden"]
    left = {
        t.digest
        for fit in earlier.execution.fits
        for tensors in (fit.final, *(e.tensors for e in fit.epochs))
        for t in tensors
    }
    fresh = {t.digest for t in earlier.recipe.initialization}
    moved = [t for t in starts if t.digest not in fresh]
    return bool(paths and moved) and all(t.digest in left for t in moved)


def as_state(a: Side, b: Side, state: Finding | None, causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """``causes`` with those that a carried file decided told as one: what was left in the file.

    Weights count where they are those that the other execution had saved; settings and data where
    script and arguments are the same and no generator without a seed was seen.
    """
    if state is None or state.mechanism != MECHANISM:
        return tuple(causes)
    paths = carried(a, b)
    decided = [c for c in causes if c.source == "state" or _decided(a, b, c, paths)]
    if not decided:
        return tuple(causes)
    whole = len(decided) == 1
    shares = [c.share for c in decided]
    share = None if None in shares else sum(s for s in shares if s is not None)
    what = listed([c.source for c in decided if c.source != "state"])
    one = replace(
        decided[0],
        source="state",
        detail=state.evidence.partition("; ")[0],
        status=CONFIRMED if all(c.status == CONFIRMED for c in decided) else SUSPECTED,
        evidence=state.evidence + (f"; through it they differ in {what}" if what else ""),
        remedy=state.remedy,
        share=share,
        alone=decided[0].alone if whole else None,
        remaining=decided[0].remaining if whole else None,
        intended=False,
        mechanism=MECHANISM,
    )
    return (one, *(c for c in causes if c not in decided))


def _decided(a: Side, b: Side, cause: Cause, paths: Sequence[str]) -> bool:
    one, other = a.execution, b.execution
    if (one.script, one.arguments) != (other.script, other.arguments):
        return False
    if cause.source in ("initialization", "weights"):
        return loaded_from(a, b, paths)
    if cause.source not in _FROM_FILES or cause.mechanism in _BY_CHANCE:
        return False
    return all_seeded(one, other)


def loaded_before(side: Side) -> str:
    """What a fit's model loaded before it that the same execution had saved: ``best.weights.h5,
    loaded at train.py:13``; "" if nothing."""
    event = resumed_from(side.execution, side.fit)
    return _as_loaded(side, event) if event else ""


def loaded_between(side: Side) -> str:
    """The same of the later ones of successive fits held as one; "" where one loaded nothing."""
    parts = [fit for fit in side.execution.fits if fit.index in side.fit.parts[1:]]
    events = [resumed_from(side.execution, fit) for fit in parts]
    told = [_as_loaded(side, event) for event in events if event]
    return listed(list(dict.fromkeys(told))) if told and len(told) == len(parts) else ""


def resumed_from(execution: Execution, fit: Fit) -> Event | None:
    """The last event by which a fit's model loaded, before it, what the same execution saved."""
    saved = {_path(execution, e) for e in execution.events if e.kind in _SAVED}
    for event in reversed(execution.events):
        ours = event.model_number in fit.models and event.after_call < fit.call
        if ours and event.kind in _LOADED and _path(execution, event) in saved:
            return event
    return None


def _as_loaded(side: Side, event: Event) -> str:
    at = event.stack[-1] if event.stack else None
    line = f", loaded at {at.name}:{at.line}" if at else ""
    return f"{listed(shown(side, [_path(side.execution, event)]))}{line}"


def _path(execution: Execution, event: Event) -> str:
    path = event.facts.get("path")
    return os.path.normpath(_folder(execution) / path) if isinstance(path, str) else ""


def written_files(execution: Execution) -> tuple[str, ...]:
    """Absolute paths of the files that a run was seen to write."""
    return tuple(path for path, use in _files(execution).items() if use.written)


def _files(execution: Execution) -> dict[str, Used]:
    """Files seen to be opened, and those that Keras loaded and saved by itself."""
    found = files_of(execution.environment)
    for event in execution.events:
        path = _path(execution, event)
        if not path or event.kind not in (*_LOADED, *_SAVED):
            continue
        known = found.get(path)
        if event.kind in _LOADED and known is None:
            found[path] = Used(UNSEEN)
        elif event.kind in _SAVED:
            found[path] = Used(known.read if known else "", True)
    return found


def _folder(execution: Execution) -> Path:
    """The script's folder, which paths are told from."""
    return Path(execution.script).absolute().parent
