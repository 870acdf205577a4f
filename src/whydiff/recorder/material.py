"""What of a watched fit can be carried into another as plain arrays, and where it is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from whydiff.core.live import Live, Material, Samples
from whydiff.recorder.feed import Feed
from whydiff.recorder.randomness import GlobalGenerator, HostGenerators
from whydiff.recorder.starting import Start
from whydiff.storage.blobs import ArrayFolder


def material_of(
    start: Start, feed: Feed, samples: Samples, random: GlobalGenerator, host: HostGenerators
) -> Material:
    """Collected when the fit is over."""
    return Material(
        weights=start.values["weights"],
        noise=start.values["noise"],
        state=start.values["state"],
        samples=samples,
        order=tuple(feed.order),
        batches=tuple(feed.batches),
        validation=feed.validation,
        validation_later=feed.validation_later,
        validation_structure=feed.validation_structure,
        random_states=random.states,
        random_draws=random.draws,
        host_draws=host.states,
    )


def keep_in_files(live: Live, folder: ArrayFolder) -> None:
    """Put the large arrays of a fit that is over into files, where its process needs no memory for
    them until it trains again."""

    def kept(values: Any) -> Any:
        if isinstance(values, list):
            return [kept(value) for value in values]
        return folder.kept(values) if isinstance(values, np.ndarray) else values

    material = live.material
    for name in ("weights", "state", "validation"):
        setattr(material, name, kept(getattr(material, name)))
    material.samples.leaves = kept(material.samples.leaves)
    live.final = kept(live.final)
