"""``merge``: the parts of a study that several machines trained, as one study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whydiff.core.errors import WhydiffError
from whydiff.core.study import Study
from whydiff.experiments.study.answer import read
from whydiff.experiments.study.merging import merge_parts


def merge(parts: Sequence[str | Path], output: str | Path, metric: str | None = None) -> Study:
    """Put the study files ``parts`` together into ``output``, and say what the replicas say.

    Parts are what ``study(shard="2/8", output=...)`` writes, or earlier merged studies. On equal
    processors the whole equals the study that one machine would have made, bit for bit. Parts that
    are missing may follow: the answer names them.

    Raises WhydiffError if ``output`` exists, a part belongs to another study, or two parts hold
    the same replica.
    """
    path = Path(output)
    if path.exists():
        raise WhydiffError(f"{path} exists", "Name another file with --output, or move it away.")
    merge_parts([Path(part) for part in parts], path)
    return read(path, metric)
