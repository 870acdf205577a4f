"""What the site (mkdocs.yml) has beyond the files in docs/, made when it is built.

The home page is README.md; the formats and CONTRIBUTING.md are pages, too; every verb has a page
made from its help; every script of examples/ has one. So nothing is written twice, and links that
work in the repository work on the site: a link to a file without a page becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from whydiff.cli import main
from whydiff.cli.group import VERBS

ROOT = Path(__file__).resolve().parent.parent
#: file of the repository -> its page
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "src/whydiff/storage/FORMAT.md": "format.md",
    "src/whydiff/storage/STUDY_FORMAT.md": "study_format.md",
}
ELSEWHERE |= {
    f"examples/{path.name}": f"examples/{path.stem}.md"
    for path in sorted((ROOT / "examples").glob("*.py"))
}
FOLDERS = {"docs/decisions": "decisions/index.md"}
#: the home page stands alone in its tab, so it needs no menu of it
HOME = "---\nhide:\n  - navigation\n---\n"
#: verb -> where its use is told
TOLD = {
    "explain": "tutorial/index.md",
    "study": "study.md",
    "compare": "compare.md",
    "bisect": "last_week.md",
    "matrix": "last_week.md",
    "merge": "cluster.md",
    "check": "check.md",
    "lock": "lock.md",
    "verify": "lock.md",
    "record": "two_machines.md",
    "calls": "tutorial/index.md",
    "show": "two_machines.md",
    "diff": "two_machines.md",
    "report": "pages.md",
    "help": "sources/index.md",
    "completion": "installation.md",
}

#: beginning of a page's name -> its weight in the search, 1 for all others: who types what they see
#: finds the page that asks it so, and not how whydiff came about
IN_SEARCH = {
    "gallery/": 4.0,
    "troubleshooting": 2.0,
    **dict.fromkeys(("decisions/", "changelog", "contributing", "internals"), 0.2),
}

FENCED = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
INCLUDED = re.compile(r"^<!-- include: (\S+) -->$", re.MULTILINE)
ROLE = re.compile(r":(?:func|class|meth|mod|data):(?=<code>)")


def on_config(config: Any) -> Any:
    """Write out the entries FOLDER/* of the navigation."""
    config.nav = _written_out(config.nav)
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made here."""
    for uri, text in made().items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Put scripts in, and let links lead to pages."""
    uri = page.file.src_uri
    weight = next((w for begins, w in IN_SEARCH.items() if uri.startswith(begins)), 1.0)
    page.meta.setdefault("search", {"boost": weight})
    origin = next((path for path, at in ELSEWHERE.items() if at == uri), f"docs/{uri}")
    if origin.endswith(".py"):
        return markdown
    markdown = INCLUDED.sub(lambda found: _code(found[1]), markdown)
    parts = FENCED.split(markdown)
    parts[::2] = [LINK.sub(lambda found: _linked(found, origin, uri), p) for p in parts[::2]]
    return "".join(parts)


def on_page_content(html: str, page: Page, config: Any, files: Files) -> str:
    """Docstrings are written for Sphinx and for people: two of its marks are taken away."""
    if page.file.src_uri == "python.md":
        html = ROLE.sub("", html).replace("::</p>", ":</p>")
    return html


def on_post_page(output: str, page: Page, config: Any) -> str:
    """The theme leaves its search without a name for those who hear the page."""
    search = 'data-md-component="search" role="dialog"'
    return output.replace(search, f'{search} aria-label="Search"')


def made() -> dict[str, str]:
    """Every page that is no file in docs/."""
    pages = {}
    for path, uri in ELSEWHERE.items():
        text = (ROOT / path).read_text()
        pages[uri] = f"# `{path}`\n\n{_code(path)}\n" if path.endswith(".py") else text
    pages["index.md"] = HOME + pages["index.md"]
    pages["commands/index.md"] = "\n".join(_commands())
    for verb in VERBS:
        pages[f"commands/{verb}.md"] = "\n".join(_command(verb))
    pages["decisions/index.md"] = "\n".join(_decisions())
    return pages


def _written_out(nav: Any) -> Any:
    if isinstance(nav, list):
        return [_written_out(entry) for entry in nav]
    if isinstance(nav, dict):
        return {title: _written_out(value) for title, value in nav.items()}
    if nav.endswith("/*"):
        return [f"{nav[:-1]}index.md", *_of_folder(nav[:-2])]
    return nav


def _of_folder(folder: str) -> list[Any]:
    if folder == "commands":
        return [{verb: f"commands/{verb}.md"} for verb in VERBS]
    if folder == "sources":
        from whydiff.diagnosis.sources import CATALOGUE

        return [
            *({source.id: f"sources/{source.id}.md"} for source in CATALOGUE),
            {"uses that measure": "sources/calls.md"},
        ]
    names = sorted(path.name for path in (ROOT / "docs" / folder).glob("*.md"))
    return [f"{folder}/{name}" for name in names if name != "index.md"]


def _linked(found: re.Match[str], origin: str, uri: str) -> str:
    """A link as it stands in the file ``origin`` of the repository, for the page ``uri``."""
    text, target, anchor = found[1], found[2], found[3] or ""
    if re.match(r"[a-z]+:", target):
        return found[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
    page = ELSEWHERE.get(path) or FOLDERS.get(path)
    if page is None and path.startswith("docs/") and not path.endswith(".py"):
        page = path.removeprefix("docs/")
    if page is None:
        # Not a page. What is in the repository is named, what is not is left for mkdocs to blame.
        return text if (ROOT / path).exists() else found[0]
    return f"[{text}]({posixpath.relpath(page, posixpath.dirname(uri) or '.')}{anchor})"


def _code(path: str) -> str:
    return f"```python\n{(ROOT / path).read_text().rstrip()}\n```"


def _commands() -> Iterator[str]:
    yield from ("# Commands", "", "| verb | what it does |", "|---|---|")
    for verb in VERBS:
        yield f"| [`whydiff {verb}`]({verb}.md) | {_get(verb).short_help} |"
    yield from (
        "",
        "Exit codes follow diff(1) where something is held against something else: 0 the",
    )
    yield from (
        "same, 1 different, 2 trouble, 3 undecided. Trouble is told on stderr, in one message"
    )
    yield from ("with a way out, and progress, too: stdout holds the answer only.", "")


def _command(verb: str) -> Iterator[str]:
    command = _get(verb)
    context = click.Context(command, info_name=f"whydiff {verb}")
    usage = " ".join(["whydiff", verb, *command.collect_usage_pieces(context)])
    yield from (f"# `whydiff {verb}`", "", command.short_help or "", "")
    yield from ("```text", usage, "```", "")
    for paragraph in re.split(r"\n\s*\n", _plain(command.help or "")):
        if paragraph.startswith("\b"):
            yield from ("```text", paragraph.removeprefix("\b").strip("\n"), "```", "")
        else:
            yield from (paragraph, "")
    yield from ("## Options", "", "| option | meaning |", "|---|---|")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record and isinstance(parameter, click.Option):
            option, meaning = record
            yield f"| `{option}` | {meaning.replace('|', '&#124;')} |"
    yield f"| `{', '.join(context.help_option_names)}` | Show this message and exit. |"
    yield from ("", f"How it is used: [{_title(TOLD[verb])}](../{TOLD[verb]}).", "")


def _get(verb: str) -> click.Command:
    command = main.get_command(click.Context(main), verb)
    assert isinstance(command, click.Command)
    return command


def _plain(text: str) -> str:
    """Without the indentation that a docstring has; what is aligned stays so."""
    import inspect

    return inspect.cleandoc(text)


def _decisions() -> Iterator[str]:
    yield from (
        "# Decisions",
        "",
        "Why whydiff is built as it is, one page per decision, each with",
    )
    yield from ("the test that keeps it.", "")
    for name in _of_folder("decisions"):
        yield f"- [{_title(name)}]({posixpath.basename(name)})"


def _title(uri: str) -> str:
    text = (ROOT / "docs" / uri).read_text()
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]  # type: ignore[index]
