"""Writes the rules of ``whydiff check`` into docs/check.md, from the rules' own data.

make_rules.py            write
make_rules.py --check    exit with 1 if the page is not up to date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from whydiff.diagnosis.mechanisms import mechanism
from whydiff.lint import FAMILIES, Rule

PAGE = Path(__file__).parent / "check.md"
MARKED = re.compile(r"(<!-- rules -->\n).*?(<!-- end of rules -->)", re.DOTALL)


def filled(text: str) -> str:
    """The page ``text`` with the rules between its markers written anew."""
    return MARKED.sub(lambda found: found[1] + rules() + found[2], text)


def rules() -> str:
    """All rules as Markdown."""
    lines: list[str] = []
    for title, family in FAMILIES.items():
        lines += ["", f"## {title}"]
        for rule in family:
            lines += _rule(rule)
    return "\n".join([*lines, "", ""])


def _rule(rule: Rule) -> Iterator[str]:
    yield from ("", f"### {rule.id} `{rule.name}`: {rule.title}", "", rule.why)
    if rule.mechanism:
        known = mechanism(rule.mechanism)
        sources = ", ".join(f"[`{source}`](sources/{source}.md)" for source in known.sources)
        yield from (
            "",
            f"In an explanation: mechanism `{known.id}` ({known.title}), source {sources}.",
        )
    yield from ("", f"**Remedy.** {rule.remedy}", "", "Found:", "")
    yield from ("```python", *rule.bad.rstrip().split("\n"), "```", "", "Right:", "")
    yield from ("```python", *rule.good.rstrip().split("\n"), "```")


def main() -> None:
    text = PAGE.read_text()
    new = filled(text)
    if "--check" in sys.argv[1:]:
        sys.exit(text != new)
    PAGE.write_text(new)


if __name__ == "__main__":
    main()
