from pathlib import Path

import pytest

import whydiff.diagnosis.sources
from whydiff.core.findings import DIFFERS
from whydiff.core.recipe import SOURCE_IDS
from whydiff.diagnosis.mechanisms import MECHANISMS
from whydiff.diagnosis.sources import CATALOGUE, compare_all, source
from whydiff.testing.sides import a_side
from whydiff.testing.source_suite import CHECKS, PLANTED, odd_sides


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("source", CATALOGUE, ids=lambda source: source.id)
def test_source_conforms(source, check):
    check(source, PLANTED[source.id])


def test_catalogue_is_complete_and_in_order():
    assert tuple(s.id for s in CATALOGUE) == SOURCE_IDS
    assert set(PLANTED) == set(SOURCE_IDS)


def test_unknown_source_names_the_known_ones():
    assert source("noise").id == "noise"
    with pytest.raises(KeyError, match=r"no source 'nois'.*data-order"):
        source("nois")


@pytest.mark.parametrize("first", SOURCE_IDS)
def test_compare_all_finds_exactly_what_was_planted(first):
    for second in SOURCE_IDS:
        if {first, second} == {"backend", "arithmetic"}:
            continue  # each backend compiles in its own way
        a = a_side()
        b = PLANTED[second](PLANTED[first](a)) if first != second else PLANTED[first](a)
        found = {f.source for f in compare_all(a, b) if f.status == DIFFERS}
        assert found == {first, second}


def test_compare_all_agrees_with_the_sources_one_by_one():
    everything = [a_side(), *odd_sides()]
    for b in everything:
        found = compare_all(everything[0], b)
        assert found == tuple(s.compare(everything[0], b) for s in CATALOGUE)


def test_mechanisms_name_real_sources():
    for id, mechanism in MECHANISMS.items():
        assert mechanism.id == id
        assert set(mechanism.sources) <= set(SOURCE_IDS)
        assert mechanism.title and mechanism.says.endswith((".", "!")) and mechanism.remedy


#: told in a note of ``explain`` or by what a fix confirms, not as the mechanism of a finding
NOTED = {"rounds-otherwise", "batchnorm-not-converged", "drawn-unseen"}


def test_mechanisms_say_how_they_are_recognised_exactly_where_they_are():
    rooms = Path(whydiff.diagnosis.sources.__file__).parent.glob("*.py")
    text = "".join(path.read_text() for path in rooms)
    recognised = {id for id in MECHANISMS if f'"{id}"' in text}
    assert {id for id, m in MECHANISMS.items() if m.seen} == recognised | NOTED
