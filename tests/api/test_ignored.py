"""Sources to ignore are measured and named, and the answer says that they were left out."""

from dataclasses import replace

import pytest

import whydiff
import whydiff.api.verify
from whydiff.api.explain import _ignoring
from whydiff.core.errors import WhydiffError
from whydiff.core.progress import Silent
from whydiff.core.question import SideOptions
from whydiff.report.documents import bisection, diff
from whydiff.storage import Writer
from whydiff.testing import answers
from whydiff.testing.sides import a_recipe


def test_an_answer_marks_what_it_ignores_and_says_so():
    e = answers.explanation()
    some = _ignoring(e, ("data-order", "version"))
    assert [(c.source, c.ignored) for c in some.causes] == [
        ("initialization", False), ("data-order", True),
    ]  # fmt: skip
    assert [c.share for c in some.causes] == [c.share for c in e.causes]
    assert some.notes[-1].startswith("Ignored") and some.notes[-1].endswith(": data-order.")
    assert some.remedy == e.remedy


def test_where_all_is_ignored_there_is_nothing_to_repair():
    e = answers.explanation()
    assert not _ignoring(e, ("initialization", "data-order")).remedy.patch
    assert _ignoring(e, ("noise",)) == e


def test_a_bisection_leaves_out_of_its_verdict_what_its_explanation_ignores():
    found = answers.bisection()
    e = answers.explanation()
    assert "because of the initial weights" in bisection.verdict(replace(found, explanation=e))
    said = bisection.verdict(replace(found, explanation=_ignoring(e, ("initialization",))))
    assert "because of the initial weights" not in said and "Ignored: the initial weights." in said


def test_the_explanation_of_a_verification_is_asked_to_ignore_them(monkeypatch):
    asked = []

    def answer(targets, question, progress):
        asked.append(question.ignore_sources)
        return answers.explanation()

    monkeypatch.setattr(whydiff.api.verify, "answer", answer)
    v = replace(answers.verification(), explanation=None, locked=SideOptions(rev="v1"))
    further = {"budget": 1e9, "in_place": False, "ignore_sources": ("version",)}
    assert whydiff.api.verify._explained(v, further, Silent()).explanation is not None
    assert asked == [("version",)]


def recorded(path, recipe):
    writer = Writer(path, "train.py", [])
    writer.begin_fit(1, "Sequential", (), recipe, {})
    writer.end_fit(1, recipe, (), 1.0, {})
    writer.close(0)
    return str(path)


def test_a_diff_names_what_it_ignores_and_stays_a_difference(tmp_path):
    one = a_recipe()
    other = a_recipe(
        version=one.version | {"keras": "0.0.1"}, optimizer=one.optimizer | {"learning_rate": 9.0}
    )
    a, b = (recorded(tmp_path / f"{n}.whydiff", r) for n, r in (("a", one), ("b", other)))
    usual = whydiff.diff(a, b)
    differing = [f.source for f in usual.findings if f.status == "differs"]
    assert "version" in differing and "optimizer" in differing and usual.ignored == ()
    found = whydiff.diff(a, b, ignore_sources=["version", "noise"])
    assert found.ignored == ("version",) and found.findings == usual.findings
    assert found.identical == usual.identical and found.notes[-1].endswith(": version.")
    said = diff.verdict(replace(found, identical=False))
    assert "the optimizer" in said.partition(" Ignored: ")[0] and " Ignored: " in said
    assert said != diff.verdict(replace(usual, identical=False))
    every = diff.verdict(replace(found, identical=False, ignored=tuple(differing)))
    assert every.startswith("The two fits differ; no source was seen but those to ignore. Ignored")
    with pytest.raises(WhydiffError, match="no source 'weather'"):
        whydiff.diff(a, b, ignore_sources=["weather"])
