"""Which changed line says what was found to differ."""

from __future__ import annotations

import pytest

from whydiff.script_text.changed import by_line, changes_between, explaining

A = "import keras\nopt = keras.optimizers.Adam(learning_rate=0.001)\nm.fit(x, batch_size=32)\n"
B = "import keras\n\nopt = keras.optimizers.Adam(learning_rate=1e-2)\nm.fit(x, batch_size=16)\n"


def test_changes_are_named_by_the_lines_of_both() -> None:
    (only,) = changes_between("a\nb\n", "a\n\nc\n")
    assert (only.line_a, only.line_b, only.a, only.b) == (2, 2, ("b",), ("", "c"))
    assert changes_between("a\nb\n", "a\n\nb\n") == []


def test_the_change_that_holds_name_and_value_explains() -> None:
    text_a = A.replace("m.fit", "print('between')\nm.fit")
    text_b = B.replace("m.fit", "print('between')\nm.fit")
    changes = changes_between(text_a, text_b)
    found = explaining(changes, "learning_rate: 0.001 against 0.01")
    assert found is not None and "learning_rate" in found.b[-1]
    found = explaining(changes, "batch size 32 against 16")
    assert found is not None and "batch_size=16" in found.b[-1]


@pytest.mark.parametrize("said", ["dropout: 0.1 against 0.2", "", "both shuffle, with other draws"])
def test_nothing_is_claimed_where_no_change_says_it(said: str) -> None:
    assert explaining(changes_between(A, B), said) is None


def test_nothing_is_claimed_where_several_could() -> None:
    text = "a(rate=0.1)\nkeep\nb(rate=0.1)\n"
    changes = changes_between(text, text.replace("0.1", "0.2"))
    assert len(changes) == 2
    assert explaining(changes, "rate: 0.1 against 0.2") is None


def test_lines_are_paired_with_what_they_became() -> None:
    a, b = "drop: 0.1\nlog: 0.05\n", "drop: 0.5\nlog: 0.02\nbatch: 8\n"
    (change,) = changes_between(a, b)
    pairs = [(c.line_a, c.a, c.line_b, c.b) for c in by_line([change])]
    assert pairs == [
        (1, ("drop: 0.1",), 1, ("drop: 0.5",)),
        (2, ("log: 0.05",), 2, ("log: 0.02",)),
        (3, (), 3, ("batch: 8",)),
    ]
    moved = by_line(changes_between("alpha = 1\n", "new()\nalpha = 2\n"))
    assert [(c.a, c.b) for c in moved] == [((), ("new()",)), (("alpha = 1",), ("alpha = 2",))]


def test_a_long_change_is_paired_by_place() -> None:
    a = "".join(f"a{n}\n" for n in range(40))
    changes = by_line(changes_between(a, a.replace("a", "b") + "b40\n"))
    assert len(changes) == 41 and (changes[-1].a, changes[-1].b) == ((), ("b40",))
