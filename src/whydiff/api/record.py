"""``record``: run a script, watched, and keep the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.runner.client import Child, Run, ended
from whydiff.storage import Writer


@dataclass(frozen=True)
class RecordResult:
    """Where the recording is, and the exit code of the script (-9: ended by signal 9)."""

    path: Path
    exit_code: int


def record(
    script: str | Path,
    arguments: Sequence[str] = (),
    output: str | Path = "recording.whydiff",
    environment: Mapping[str, str] | None = None,
) -> RecordResult:
    """Run ``script`` with ``arguments`` as a plain run would and record every ``fit`` in it.

    The training's bits do not change; the script's output goes where it always goes. The
    recording at ``output`` holds digests per step, tensors at the ends of epochs, the order fed,
    the seed ledger and the environment; :func:`whydiff.load` reads it.

    Raises WhydiffError if the script is missing, if nothing can be written to ``output``, or if
    the script never imported Keras.
    """
    script, output = Path(script), Path(output)
    if not script.is_file():
        raise WhydiffError(f"there is no script {script}", f"Looked in {Path.cwd()}.")
    # Before the script runs for hours: a place where nothing can be written is no place.
    Writer(output, str(script), arguments).close(None)
    output.unlink()
    run = Run(script, tuple(arguments), environment)
    with Child(run, output.absolute(), log=None, serve=False) as child:
        code = child.wait_for_script()
    if not output.exists():
        raise WhydiffError(
            f"{script} never imported Keras, so there is nothing to record (it {ended(code)})",
            "whydiff records `fit` of Keras 3 models; tf_keras (Keras 2) is not watched.",
        )
    return RecordResult(output, code)
