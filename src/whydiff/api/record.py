"""``record``: run a script, watched, and keep the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.keeping import checked_keep
from whydiff.core.question import SideOptions
from whydiff.runner.client import NOT_WATCHED, Child, ended, run_of
from whydiff.runner.history import UNCOMMITTED, uncommitted
from whydiff.runner.job import UNWATCHED
from whydiff.runner.targets import command_of, near, target_of
from whydiff.storage import Sealed, check_place, identity, seal


@dataclass(frozen=True)
class RecordResult:
    """Where the recording is, and the exit code of the script (-9: ended by signal 9).

    ``sealed`` says how many trainings it holds, and what is not in it. Where this Keras could not
    be watched there is none: ``watched`` is False, and the script ended as it does without whydiff.
    """

    path: Path
    exit_code: int
    sealed: Sealed = field(default_factory=Sealed)
    watched: bool = True


def record(
    script: str | Path,
    arguments: Sequence[str] = (),
    output: str | Path = "recording.whydiff",
    environment: Mapping[str, str] | None = None,
    force: bool = False,
    keep: str = "all",
    every: int = 1,
) -> RecordResult:
    """Run ``script`` with ``arguments`` as a plain run would and record every ``fit`` in it.

    A script may also be named as ``"-m package.module"`` or by the name of an installed command.

    The training's bits do not change; the script's output goes where it always goes. The
    recording at ``output`` holds digests per step, tensors at the ends of epochs, the order fed,
    the seed ledger and the environment; :func:`whydiff.load` reads it.

    ``keep`` says which values it holds besides: "none", the "weights" at the beginning and the end
    of every fit, or "all", with the optimizer's state at the beginning; each distinct array once.

    With ``every`` what a step leaves (weights, optimizer, seed states, loss) is digested after each
    of the first 256 steps of a training and then after every so many, which costs short steps less;
    what they are fed is recorded for each. A first divergence between is told as a span of steps.

    An older recording there is replaced once the script trains; any other file only with
    ``force``. Raises WhydiffError if the script is missing, if nothing can be written to
    ``output``, or if the script never imported Keras.
    """
    named = output = Path(output)
    if every < 1:
        raise WhydiffError(f"every must be 1 or more, got {every}", "1 digests after each step.")
    target = target_of(script)
    output = output.absolute()  # the script may go elsewhere, and so may we
    # Before the script runs for hours: a place where nothing can be written is no place.
    check_place(output, force=force)
    before = identity(output)
    changes = uncommitted(near(str(script)))
    facts = {UNCOMMITTED: changes} if changes else {}
    run = run_of(target, SideOptions(environment or {}, tuple(arguments)))
    run = replace(run, facts=facts, keep=checked_keep(keep), every=every)
    try:
        with Child(run, output, log=None, serve=False, force=force) as child:
            code = child.wait_for_script()
    except BaseException:  # Ctrl-C, a signal: what was recorded until then is kept
        if identity(output) not in (None, before):
            seal(output, None)
        raise
    unwatched = output.with_name(output.name + UNWATCHED)
    watched = not unwatched.exists()
    unwatched.unlink(missing_ok=True)
    if identity(output) in (None, before):
        if not watched:
            return RecordResult(named, code, watched=False)
        raise WhydiffError(
            f"{script} never imported Keras, so there is nothing to record (it {ended(code)})",
            command_of(target.module, target.script) or NOT_WATCHED,
        )
    return RecordResult(named, code, seal(output, code if code >= 0 else None))
