"""The command line that an answer quotes asks the same question when it is typed again."""

import dataclasses
import shlex

import pytest

import whydiff.api.explain
from whydiff.cli import main
from whydiff.core.errors import WhydiffError
from whydiff.core.question import Question, SideOptions, command, given

#: For every field of a question and of a side's options values that are not the default.
ASKED = {
    "targets": [("a.py",), ("a.py", "b b.py"), ("-m json.tool",)],
    "arguments": [("--lr", "0.1"), ("two words", "--", "$HOME")],
    "fits": [(1, 2), ("best", "worst"), (3, "net_a")],
    "calls": [(3, 1)],
    "lines": [(20, 24)],
    "runs": [True],
    "metric": ["val_accuracy"],
    "budget": [90.0, 0.5],
    "zoom": [True],
    "fix": [False],
    "in_place": [True],
    "keep": ["none", "weights"],
    "inputs": ["my inputs.npy"],
    "ignore_sources": [("noise", "version")],
}
OF_A_SIDE = {
    "rev": ["HEAD~1", "release one"],
    "env": [{"KERAS_BACKEND": "torch", "A": "x y=z"}],
    "arguments": [("--seed", "two words")],
    "python": ["/opt/other env/bin/python"],
    "packages": [("keras==3.10.0", "jax>=0.5, <0.6")],
    "as_of": ["2025-06-01"],
}
QUESTIONS = [
    Question(**{"targets": ("a.py",), name: value})
    for name, values in ASKED.items()
    for value in values
] + [
    Question(("a.py",), **{side: SideOptions(**{name: value})})
    for side in ("a", "b")
    for name, values in OF_A_SIDE.items()
    for value in values
]


def test_every_field_is_among_the_questions():
    fields = {field.name for field in dataclasses.fields(Question)}
    assert fields == {*ASKED, "a", "b"}
    assert {field.name for field in dataclasses.fields(SideOptions)} == set(OF_A_SIDE)


@pytest.mark.parametrize("question", QUESTIONS, ids=command)
def test_the_quoted_command_asks_the_same_question(question, tmp_path, monkeypatch):
    asked = []

    def refuse(question, progress):
        asked.append(question)
        raise WhydiffError("enough")

    for name in ("a.py", "b b.py"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(whydiff.api.explain, "_explain_programs", refuse)
    words = shlex.split(command(question))
    assert words.pop(0) == "whydiff"
    with pytest.raises(SystemExit):
        main(words)
    assert asked == [question]


def test_what_was_given_is_named_as_the_keyword_that_gave_it():
    assert given(Question(("a.py",))) == ()
    side = SideOptions(env={"A": "1"})
    asked = Question(("a.py",), a=side, b=SideOptions(arguments=("1",)), runs=True, fix=False)
    assert set(given(asked)) == {"runs", "fix", "a_env", "b_arguments"}


@pytest.mark.parametrize(
    ("question", "one"),
    [
        (Question(("a.py",)), True),
        (Question(("a.py",), arguments=("1",)), True),
        (Question(("a.py",), a=SideOptions({"A": "1"}), b=SideOptions({"A": "1"})), True),
        (Question(("a.py",), runs=True), False),
        (Question(("a.py", "b.py")), False),
        (Question(("a.py",), b=SideOptions(arguments=("1",))), False),
    ],
)
def test_one_run_may_hold_the_answer_only_where_both_sides_run_alike(question, one):
    assert question.one_program is one


def test_arguments_of_both_come_before_those_of_a_side():
    a, b = Question(("a.py",), ("x",), SideOptions(arguments=("y",))).sides()
    assert (a.arguments, b.arguments) == (("x", "y"), ("x",))
