"""Every mechanism of calls is recognised somewhere, has a remedy and names real sources."""

from __future__ import annotations

from pathlib import Path

import pytest

import whydiff.diagnosis.calls
import whydiff.experiments.explain
from whydiff.diagnosis.calls.fields import SOURCES
from whydiff.diagnosis.mechanisms import CALL_MECHANISMS, MECHANISMS, mechanism

PLACES = (whydiff.diagnosis.calls.__file__, whydiff.experiments.explain.__file__)
CODE = "".join(p.read_text() for place in PLACES for p in Path(place).parent.rglob("*.py"))


@pytest.mark.parametrize("id", CALL_MECHANISMS)
def test_it_is_told_and_recognised(id):
    known = mechanism(id)
    assert id not in MECHANISMS
    assert set(known.sources) <= set(SOURCES)
    assert known.title and known.says.endswith(".") and known.remedy and known.seen
    assert f'"{id}"' in CODE
