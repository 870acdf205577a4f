"""``%load_ext whydiff``: ``%%whydiff record`` watches a cell, ``%whydiff explain 1 2`` explains."""

from __future__ import annotations

import ast
import io
import shlex
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from whydiff.cli.script import Duration
from whydiff.core.errors import WhydiffError
from whydiff.core.visible import spelled

if TYPE_CHECKING:
    from whydiff.api.notebook import Recorded, WatchedCall, WatchedFit
    from whydiff.core.findings import Explanation


class Notebook:
    """One interpreter of IPython and the calls that were recorded in its cells, from 1."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.cell: str | None = None
        self.calls: list[tuple[str, WatchedFit | WatchedCall]] = []  # what it is, in words

    def run(self, line: str, cell: str | None = None) -> Any:
        """``%whydiff LINE``, or ``%%whydiff LINE`` above a cell."""
        from IPython.core.error import UsageError

        __tracebackhide__ = True
        self.cell = cell
        try:
            result = magic.main(
                shlex.split(line) or ["--help"], "%whydiff", standalone_mode=False, obj=self
            )
        except click.ClickException as error:
            raise UsageError(error.format_message()) from None
        except WhydiffError as error:
            raise UsageError("\n  ".join(filter(None, (str(error), error.way_out)))) from None
        if isinstance(result, _Cell):  # here: its traceback shows no frame of click's
            return result.run(self)
        return None if isinstance(result, int) and not isinstance(result, bool) else result

    def call(self, number: int) -> WatchedFit | WatchedCall:
        """A recorded call by its number."""
        if not 1 <= number <= len(self.calls):
            raise WhydiffError(
                f"there is no call {number}; {len(self.calls)} were recorded",
                "%whydiff list shows them; %%whydiff record records those of a cell.",
            )
        return self.calls[number - 1][1]

    def add(self, recorded: Recorded) -> None:
        """Number what a cell recorded, and say it."""
        before = len(self.calls)
        self.calls += _listed(recorded)
        for number in range(before + 1, len(self.calls) + 1):
            click.echo(self.words(number))
        if before == len(self.calls):
            click.echo("whydiff: no call of a model was seen in this cell")

    def words(self, number: int) -> str:
        """One line about a call: ``whydiff 1: fit of Sequential 'dense' in cell [3], line 2``."""
        return spelled(f"whydiff {number}: {self.calls[number - 1][0]}")


def load(shell: Any) -> None:
    """Register the magics. Keras is not imported for it: its backend may still be chosen."""
    from whydiff.runner.session_start import watch_session

    watch_session()
    shell.register_magic_function(Notebook(shell).run, "line_cell", "whydiff")


@click.group("whydiff")
def magic() -> None:
    """Record the cells of a notebook and explain why two of their calls differ."""


@magic.command("record")
@click.argument("file", required=False)
@click.pass_obj
def record(notebook: Notebook, file: str | None) -> _Cell:
    """%%whydiff record [FILE]: run the cell, watched, and number its calls."""
    if notebook.cell is None:
        raise click.UsageError("Write %%whydiff record above the code of a cell.")
    return _Cell(notebook.cell, file)


@dataclass(frozen=True)
class _Cell:
    """The code of a cell that is to be recorded, in ``file`` if one is named."""

    text: str
    file: str | None

    def run(self, notebook: Notebook) -> Any:
        """Run it, watched, and number its calls; what its last expression gives."""
        __tracebackhide__ = True
        from whydiff.api.notebook import recording

        # The number in the prompt: some versions of IPython count on before the cell has run.
        number = len(notebook.shell.history_manager.input_hist_raw) - 1
        with recording(self.file, f"cell [{number}]") as recorded:
            value = _run(notebook.shell, self.text, number)
        notebook.add(recorded)
        return value


@magic.command("list")
@click.pass_obj
def list_calls(notebook: Notebook) -> None:
    """%whydiff list: the calls that were recorded."""
    for number in range(1, len(notebook.calls) + 1):
        click.echo(notebook.words(number))


@magic.command("explain")
@click.argument("a", type=int)
@click.argument("b", type=int)
@click.option("--metric", metavar="NAME", help="The metric to tell the gap in.")
@click.option("--budget", type=Duration(), help="Stop training again after this: 90s, 5m, 1h.")
@click.option("--zoom", is_flag=True, help="Find the first layer, gradient or slot that differs.")
@click.pass_obj
def explain(
    notebook: Notebook, a: int, b: int, metric: str | None, budget: float | None, zoom: bool
) -> Explanation:
    """%whydiff explain 1 2: why do two recorded calls differ?"""
    from whydiff.api.explain import explain

    return explain(notebook.call(a), notebook.call(b), metric=metric, budget=budget, zoom=zoom)


def _listed(recorded: Recorded) -> Iterator[tuple[str, WatchedFit | WatchedCall]]:
    from whydiff.api.notebook import lines_of_cell
    from whydiff.core.recording import Fit

    for call in recorded.execution.in_order():
        stack = lines_of_cell(call.stack, recorded.name)
        at = f" in {recorded.name}" + (f", line {stack[-1].line}" if stack else "")
        if isinstance(call, Fit):
            logs = call.epochs[-1].logs if call.epochs else {}
            yield f"fit of {call.model}{at}{_numbers(logs)}", recorded[call.index]
        elif call.kind != "built":
            what = "call" if call.kind == "call" else call.kind
            yield f"{what} of {call.model}{at}{_numbers(call.values)}", recorded.call(call.number)


def _numbers(values: Any) -> str:
    return "".join(f", {name} {value:.4g}" for name, value in list(values.items())[:3])


def _run(shell: Any, cell: str, number: int) -> Any:
    """Run the code of the cell with a number as IPython does; what its last expression gives, if
    no semicolon follows it."""
    __tracebackhide__ = True
    text = shell.transform_cell(cell)
    tree = shell.transform_ast(shell.compile.ast_parse(text))
    file = shell.compile.cache(text, number, raw_code=cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(shell.compile(tree, file, "exec"), shell.user_ns)
    if last is None:
        return None
    value = eval(shell.compile(ast.Expression(last.value), file, "eval"), shell.user_ns)
    return None if _ends_with_semicolon(text) else value


def _ends_with_semicolon(text: str) -> bool:
    """Whether nothing is to be shown of the last expression of some Python."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    last = [token.string for token in tokens if token.string.strip()]
    code = [string for string in last if not string.startswith("#")]
    return code[-1:] == [";"]
