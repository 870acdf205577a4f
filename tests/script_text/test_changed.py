"""Which changed line says what was found to differ."""

from __future__ import annotations

import pytest

from whydiff.script_text.changed import changes_between, explaining

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
