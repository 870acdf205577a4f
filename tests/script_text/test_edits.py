"""Edits of source text: the place is safe, and everything else stays as it was."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from whydiff.script_text.edits import Edit, apply, parse, place_at, unified

MARK = "seed_here()"


def lines_with(text: str, mark: str) -> list[int]:
    return [i for i, line in enumerate(text.split("\n"), 1) if mark in line]


def without_mark(tree: ast.AST) -> str:
    """The tree with the inserted statement taken out again."""

    class Remove(ast.NodeTransformer):
        def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
            return None if ast.unparse(node) == MARK else self.generic_visit(node)

    return ast.dump(Remove().visit(tree))


#: one statement in which ``fit()`` stands, in forms that people write
STATEMENTS = st.sampled_from(
    [
        "fit()",
        "h = fit()",
        "h = model.fit(\n    x,\n    y,\n    epochs=fit(),\n)",
        "h = [\n    fit()\n    for _ in range(2)\n]",
        "h = lambda: fit()",
        "assert fit(), '''two\nlines'''",
        "h = 1; fit()",
        "h = x + \\\n    fit()",
        "with fit() as f:\n    pass",
        "for i in fit():\n    pass",
        "if fit():\n    pass\nelif fit():\n    pass",
        "@fit()\ndef decorated():\n    pass",
        "if x: fit()",
        "if x: a()\nelse: fit()",
        "class C(fit()):\n    pass",
        "x = {'ä': fit()}  # ü",
        "while fit():\n    pass",
        "def one(): return fit()",
        "match x:\n    case 1:\n        fit()",
        "async def f():\n    await fit()",
        "try:\n    fit()\nexcept E: fit()\nfinally:\n    fit()",
    ]
)
BLOCKS = st.sampled_from(
    [
        "{}",
        "if a:\n    {}",
        "def f(self):\n    '''Doc.'''\n    {}",
        "for i in x:\n    pass\nelse:\n    {}",
        "class C:\n    def m(self):\n        {}",
        "try:\n    {}\nfinally:\n    pass",
        "with a:\n\t{}",
    ]
)


def nest(block: str, statement: str) -> str:
    indent = next(line for line in block.split("\n") if "{}" in line).partition("{}")[0]
    inner = statement.split("\n")
    return block.replace("{}", inner[0] + "".join(f"\n{indent}{line}" for line in inner[1:]))


@given(STATEMENTS, BLOCKS, BLOCKS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_an_inserted_line_leaves_the_tree_otherwise_identical(
    statement: str, inner: str, outer: str, newline: str
) -> None:
    text = nest(outer, nest(inner, statement)) + "\n"
    for line in lines_with(text, "fit()"):
        odd = text.replace("\n", newline)
        place = place_at(parse(odd), line)
        if place is None:
            continue
        changed = apply(odd, [place.insert(MARK)])
        assert without_mark(ast.parse(changed)) == without_mark(ast.parse(text))
        assert ast.unparse(ast.parse(changed)).count(MARK) == 1
        assert changed.count(newline) == odd.count(newline) + 1


@pytest.mark.parametrize(
    ("text", "line", "function"),
    [
        ("for i in x: fit()\n", 1, "<module>"),
        ("def f(): fit()\n", 1, "f"),
        ("while fit(): pass\n", 1, "<module>"),
        ("while fit():\n    pass\n", 1, "<module>"),
        ("x = lambda: (\n    fit())\n", 2, "<lambda>"),
        ("x = [fit()\n     for _ in y]\n", 1, "<listcomp>"),
    ],
)
def test_where_a_line_would_run_at_another_time_there_is_no_place(
    text: str, line: int, function: str
) -> None:
    assert place_at(parse(text), line, function) is None


@pytest.mark.parametrize(
    "text",
    ["if x: fit()\n", "x = 1; fit()\n", "if x: \\\n    fit()\n", "if x: a()\nelse: fit()\n"],
)
def test_a_line_shared_by_statements_is_preceded_as_a_whole(text: str) -> None:
    place = place_at(parse(text), text.count("\n"))
    assert place is not None
    assert apply(text, [place.insert(MARK)]) == f"{MARK}\n{text}"


def test_a_line_of_another_function_than_the_stack_says_has_no_place() -> None:
    text = "def f():\n    fit()\n"
    assert place_at(parse(text), 2, "g") is None
    assert place_at(parse(text), 2, "f") is not None


def test_form_feeds_and_line_separators_do_not_shift_lines() -> None:
    text = "x = 'a\u2028b'\n\x0c\nfit()\n"
    place = place_at(parse(text), 3)
    assert place is not None
    assert apply(text, [place.insert(MARK)]) == f"x = 'a\u2028b'\n\x0c\n{MARK}\nfit()\n"


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        apply("abcdef", [Edit(0, 3, "x"), Edit(2, 4, "y")])


@pytest.mark.parametrize("ending", ["\n", "", "\r\n"])
def test_the_patch_applies(tmp_path: Path, ending: str) -> None:
    before = f"a = 1\nb = 2{ending}"
    after = f"seed()\na = 1\nb = 3{ending}"
    (tmp_path / "train.py").write_text(before, newline="")
    patch = unified(before, after, "train.py")
    (tmp_path / "fix.patch").write_text(patch, newline="")
    subprocess.run(["git", "apply", "fix.patch"], cwd=tmp_path, check=True)
    assert (tmp_path / "train.py").read_bytes() == after.encode()


def test_equal_texts_have_no_patch() -> None:
    assert unified("x = 1\n", "x = 1\n", "train.py") == ""
