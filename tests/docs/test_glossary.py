"""Messages, docstrings and documentation use the field's terms, not words of our own.

Left: what must not be written; right: what to write. `docs/glossary.md` is for users.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

INSTEAD = {
    r"\b[Tt]hey part\b|[Ww]here (they|the two|both) part\b": "first divergence; diverge at",
    r"[Ff]ix, tried and it works|not proven to work": "Suggested fix (verified) / (not verified)",
    r"suspected, not proven|[Ss]uspects? cleared|could not be judged": "confirmed, suspected, "
    "ruled out, unknown",
    r"the data themselves": "training data, samples, batches",
    r"trained nothing": "no training was observed",
    r"[Mm]end (the script|it|what) ": "fix the script",
    r"notes are none of a study": "invalid study metadata",
    r"is no probability": "must be between 0 and 1, got ...",
    r"flip at all": "change class at least once",
    r"endless test data": "with an infinite test set",
    r"\bNot so:": "check failed",
    r"[Ll]ocked against now": "locked vs. current",
    r"\bcarr(y|ies|ied) over\b|[Tt]ransplant": "transfer",
    r"\} against \{": "vs.",
    r"\b[Ww]orkshop\b|\b[Ww]orkbench\b|\b[Ll]eavings\b|\b[Hh]andover\b": "hybrid trainer, replica "
    "trainer, snapshot of a step, replica inputs",
    r"\b(two|both|every) executions?\b": "run: one execution of a script",
}
PATTERNS = ("src/whydiff/**/*.py", "docs/*.md", "docs/tutorial/*.md", "docs/sources/*.md", "*.md")
FILES = sorted(p for pattern in PATTERNS for p in ROOT.glob(pattern) if p.name != "glossary.md")


@pytest.mark.parametrize("words", INSTEAD)
def test_no_word_of_our_own_stands_where_the_field_has_a_term(words):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(words, line)
    ]
    assert not found, f"write {INSTEAD[words]!r}:\n" + "\n".join(found)
