"""Sources to ignore are measured and named, and the answer says that they were left out."""

from whydiff.api.explain import _ignoring
from whydiff.testing import answers


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
