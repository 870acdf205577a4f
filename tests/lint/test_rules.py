"""Every rule: its own two scripts, near-misses that must stay silent, further hits."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from whydiff.diagnosis.mechanisms import MECHANISMS
from whydiff.lint import FAMILIES, RULES, check_text

_spec = importlib.util.spec_from_file_location(
    "near_misses", Path(__file__).with_name("near_misses.py")
)
near_misses = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(near_misses)

BY_ID = {rule.id: rule for rule in RULES}


def found(text):
    return [p.rule for p in check_text(text, "train.py")]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_bad_script_has_exactly_this_trap(rule):
    assert found(rule.bad) == [rule.id]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_good_script_is_clean(rule):
    assert found(rule.good) == []


def cases(table):
    return [
        pytest.param(i, s, id=f"{i}-{n}") for i, all in table.items() for n, s in enumerate(all)
    ]


@pytest.mark.parametrize(("rule", "text"), cases(near_misses.FINE))
def test_near_miss_is_silent(rule, text):
    ast.parse(text)
    assert rule not in found(text)


@pytest.mark.parametrize(("rule", "text"), cases(near_misses.WRONG))
def test_other_ways_to_get_it_wrong(rule, text):
    ast.parse(text)
    assert rule in found(text)


def test_every_rule_has_near_misses():
    assert set(near_misses.FINE) == set(BY_ID)
    assert set(near_misses.WRONG) <= set(BY_ID)


def test_rules_are_complete_data():
    assert len(BY_ID) == len(RULES) == len({r.name for r in RULES})
    for number, rules in enumerate(FAMILIES.values(), 1):
        for rule in rules:
            assert re.fullmatch(rf"WD{number}\d\d", rule.id)
            assert rule.title and rule.remedy and rule.why.endswith(".")
            assert rule.mechanism == "" or rule.mechanism in MECHANISMS


def test_a_finding_names_line_and_remedy():
    text = "import numpy as np\n\n\nrng = np.random.default_rng()\n"
    (problem,) = check_text(text, "train.py")
    assert (problem.file, problem.line) == ("train.py", 4)
    assert problem.remedy == BY_ID["WD105"].remedy


def test_a_generator_of_the_operating_system_is_said_to_be_one():
    found = check_text("import random\nx = random.SystemRandom().sample(range(9), 3)\n", "train.py")
    said = [finding.what for finding in found if finding.rule == "WD105"]
    assert said == ["SystemRandom() takes its numbers from the operating system"]
