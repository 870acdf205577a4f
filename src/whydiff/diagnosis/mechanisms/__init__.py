"""The known mechanisms behind a difference, as data: the one place where they are told.

A source that recognises one refers to it by id (``Finding.mechanism``). Not every mechanism
can be recognised from a recording; those that cannot are here for the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from whydiff.diagnosis.mechanisms import calls, data, environment, model, randomness
from whydiff.diagnosis.mechanisms.mechanism import Mechanism

__all__ = ["CALL_MECHANISMS", "MECHANISMS", "Mechanism", "mechanism"]

MECHANISMS: Mapping[str, Mechanism] = MappingProxyType(
    {m.id: m for part in (randomness, data, model, environment) for m in part.MECHANISMS}
)

#: Those of two uses of a model that measure, see ``whydiff.diagnosis.calls``.
CALL_MECHANISMS: Mapping[str, Mechanism] = MappingProxyType({m.id: m for m in calls.MECHANISMS})


def mechanism(id: str) -> Mechanism:
    """The mechanism of that id; KeyError if there is none."""
    return CALL_MECHANISMS[id] if id in CALL_MECHANISMS else MECHANISMS[id]
