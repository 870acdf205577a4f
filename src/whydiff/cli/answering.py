"""Where an answer goes: the options that every answering verb has, and writing to all of them."""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from whydiff.cli.options import (
    STDOUT,
    force_option,
    html_option,
    json_option,
    markdown_option,
    together,
)
from whydiff.cli.output import check_own, write_json, write_page, write_text
from whydiff.core.disk import ANSWER, MARKDOWN, PAGE
from whydiff.core.errors import WhydiffError

#: parameters of :func:`answer_options`
TARGET_OPTIONS = ("json_file", "html_file", "markdown_file", "github", "force", "verbose")


@dataclass(frozen=True)
class Targets:
    """Where an answer is to go besides the terminal; ``-`` is stdout, in place of the text."""

    json: str | None = None
    html: str | None = None
    markdown: str | None = None
    github: bool = False
    force: bool = False
    verbose: bool = False

    def check(self) -> None:
        """Refuse files that the answer could not be written to, before anything is run.

        Other people's files are only replaced with ``force``.
        """
        if self.json and self.json != STDOUT:
            # `whydiff check --json a.py b.py`: meant as a script, not as the place of the answer
            last = "Name another file, write `--json` last to print to stdout, or replace it with "
            check_own(self.json, "the JSON", ANSWER, self.force, f"{last}--force.")
        if self.html:
            check_own(self.html, "the page", PAGE, self.force)
        if self.markdown and self.markdown != STDOUT:
            check_own(self.markdown, "the Markdown", MARKDOWN, self.force)
        named = [
            (what, name)
            for what, name in (("JSON", self.json), ("a page", self.html),
                               ("Markdown", self.markdown))
            if name
        ]  # fmt: skip
        for (one, name), (other, same) in itertools.combinations(named, 2):
            if STDOUT in (name, same) and name == same:
                raise click.UsageError(f"stdout cannot hold both {one} and {other}; name a file.")
            if Path(name).absolute() == Path(same).absolute():
                raise WhydiffError(f"{name} cannot hold both {one} and {other}", "Name two files.")

    @property
    def prints(self) -> bool:
        """Whether stdout gets the text for a person."""
        return STDOUT not in (self.json, self.markdown)

    @property
    def kept_in(self) -> Path | None:
        """The file of ``--json``, in which a search keeps what it found until now."""
        return Path(self.json) if self.json and self.json != STDOUT else None

    def give(
        self,
        answer: Any,
        source: str = "",
        values: dict[str, Any] | None = None,
        show: Callable[[], None] | None = None,
    ) -> None:
        """Print the answer and write it wherever it is to go.

        ``source`` is the file it was read from; ``values`` are its JSON values where it has no
        ``to_dict``; ``show`` prints it where that is not :func:`whydiff.report.print_answer`.
        """
        if self.prints:
            with _quoted(self.github):
                if show is not None:
                    show()
                else:
                    from whydiff.report import print_answer

                    print_answer(answer, sys.stdout, verbose=self.verbose)
        if self.json:
            write_json(self.json, answer.to_dict() if values is None else values)
        self.write(answer, source)
        if self.github:
            _tell_github(answer, source)

    def write(self, answer: Any, source: str = "", among: Any = None) -> None:
        """Write page and Markdown; ``among`` is a study on which A and B are marked."""
        if self.html:
            write_page(self.html, answer, source, among)
        if self.markdown:
            _write_markdown(self.markdown, answer, source)


def answer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every answering verb, as one parameter ``targets``, a :class:`Targets`."""

    @functools.wraps(command)
    def with_targets(*args: Any, **options: Any) -> Any:
        targets = Targets(*(options.pop(name) for name in TARGET_OPTIONS))
        return command(*args, targets=targets, **options)

    return together(
        json_option,
        html_option,
        markdown_option,
        click.option(
            "--github",
            is_flag=True,
            help="In a job on GitHub: add the answer to the step summary, and annotate the lines "
            "it names.",
        ),
        force_option,
        click.option("--verbose", is_flag=True, help="Show all the evidence."),
    )(with_targets)


def _quoted(github: bool) -> AbstractContextManager[None]:
    if not github:
        return nullcontext()
    from whydiff.report.github import Quoted

    return Quoted(sys.stdout)


def _write_markdown(name: str, answer: Any, source: str) -> None:
    from whydiff.report.documents import document_of
    from whydiff.report.markdown import markdown

    text = markdown(document_of(answer, source))
    if name == STDOUT:
        click.echo(text.encode(), nl=False)
        return
    write_text(name, text, "--markdown")


def _tell_github(answer: Any, source: str) -> None:
    from whydiff.report.documents import document_of
    from whydiff.report.github import workflow_commands, write_summary

    document = document_of(answer, source)
    for line in workflow_commands(document, os.environ):
        click.echo(line.encode("utf-8", "replace"))
    write_summary(document, os.environ)
