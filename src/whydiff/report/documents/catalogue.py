"""The documents of catalogue entries: a source of difference, a mechanism, a rule of ``check``."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from whydiff.core.errors import WhydiffError
from whydiff.diagnosis.mechanisms import CALL_MECHANISMS, MECHANISMS, Mechanism
from whydiff.diagnosis.sources import CATALOGUE, Source
from whydiff.lint import RULES, Rule
from whydiff.report.document import OPEN, SCREEN, Code, Document, Facts, Section, Table, Text

NOT_SEEN = "not from a recording; it is told here so that you can look for it yourself"


def entry(word: str) -> Document:
    """What the catalogue says under an id: of a mechanism, a source, or a rule (its name, too).

    Raises WhydiffError for any other word; the way out names the closest ids.
    """
    mechanisms = {**MECHANISMS, **CALL_MECHANISMS}
    sources = {source.id: source for source in CATALOGUE}
    rules = {name: rule for rule in RULES for name in (rule.id, rule.name)}
    if word in mechanisms:
        return _mechanism(mechanisms[word])
    if word in sources:
        return _source(sources[word])
    rule = rules.get(word) or rules.get(word.upper())
    if rule is not None:
        return _rule(rule)
    names = dict.fromkeys([*mechanisms, *sources, *rules])
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    raise WhydiffError(
        f"nothing in the catalogue is called {word!r}",
        (f"Close to it: {', '.join(close)}. " if close else "")
        + "`whydiff help` lists the sources; each lists its mechanisms.",
    )


def overview() -> Document:
    """Every source of difference with what one sees when it is the cause."""
    rows = tuple((source.id, source.looks_like) for source in CATALOGUE)
    table = Table(("Source", "What you see when it is the cause"), rows)
    more = Text("`whydiff help SOURCE` lists its mechanisms, `whydiff VERB --help` the options.")
    return _document(
        "Sources of difference", "Everything in which two trainings can differ.", (), (table, more)
    )


def _mechanism(m: Mechanism) -> Document:
    rules = ", ".join(f"{r.id} {r.name}" for r in RULES if m.id in (r.mechanism, r.name))
    facts = [
        ("Source", ", ".join(m.sources)),
        ("Recognised", m.seen or NOT_SEEN),
        ("Remedy", m.remedy),
        *([("Found before any run", f"by whydiff check: {rules}")] if rules else []),
    ]
    return _document(f"{m.id}: {m.title}", m.says, tuple(facts), ())


def _source(s: Source) -> Document:
    facts = (
        ("What you see", s.looks_like),
        ("What helps", s.fix),
        ("Transferred", s.carried),
        ("Drawn anew", "yes, two runs may differ in it" if s.random else "no"),
    )
    rows = tuple(_mechanisms_of(s.id))
    table = Table(("Mechanism", "What it is"), rows)
    return _document(f"{s.id}: {s.title}", s.says, facts, (table,) if rows else ())


def _mechanisms_of(source: str) -> Iterator[tuple[str, str]]:
    for m in (*MECHANISMS.values(), *CALL_MECHANISMS.values()):
        if source in m.sources:
            yield m.id, m.title


def _rule(rule: Rule) -> Document:
    facts = (("Why", rule.why), ("Remedy", rule.remedy), ("Mechanism", rule.mechanism or "none"))
    blocks = (
        Text("Found:"), Code(rule.bad, "python"), Text("Not found:"), Code(rule.good, "python"),
        Text(f"`# whydiff: ignore[{rule.id}]` on a line silences it there.", "note"),
    )  # fmt: skip
    return _document(f"{rule.id} {rule.name}", rule.title, facts, blocks)


def _document(
    verdict: str,
    says: str,
    facts: tuple[tuple[str, str], ...],
    blocks: tuple[Text | Code | Table, ...],
) -> Document:
    whole = (Text(says), *([Facts(facts)] if facts else []), *blocks)
    section = Section("entry", "Entry", whole, depth=SCREEN)
    return Document("", verdict, OPEN, (section,))
