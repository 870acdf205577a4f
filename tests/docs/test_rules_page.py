"""docs/check.md says what the rules say."""

import subprocess
import sys
from pathlib import Path

from whydiff.lint import RULES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date():
    done = subprocess.run([sys.executable, DOCS / "make_rules.py", "--check"])
    assert done.returncode == 0, "run docs/make_rules.py"


def test_every_rule_has_a_section():
    text = (DOCS / "check.md").read_text()
    for rule in RULES:
        assert text.count(f"### {rule.id} `{rule.name}`") == 1
        assert rule.remedy in text
