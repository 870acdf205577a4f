"""What of a watched fit can be carried into another as plain arrays."""

from __future__ import annotations

from whydiff.core.live import Material, Samples
from whydiff.recorder.feed import Feed
from whydiff.recorder.randomness import GlobalGenerator, HostGenerators
from whydiff.recorder.starting import Start


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
