"""Settings of a project: ``[tool.whydiff]`` in pyproject.toml, as defaults of options.

    [tool.whydiff]
    metric = "val_loss"       # for every verb with that option

    [tool.whydiff.explain]    # for one verb
    budget = "10m"

What is said on the command line goes first.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from whydiff.cli.output import say
from whydiff.cli.script import Sources
from whydiff.core.disk import read_bytes
from whydiff.core.errors import WhydiffError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: what may stand in [tool.whydiff] itself
COMMON = (
    "metric", "probe", "ignore-sources", "budget", "sandbox", "in-place", "margin", "engine",
    "time-limit", "workers", "verbose",
)  # fmt: skip
#: what is another option said the other way round
SAME = {"sandbox": "in-place"}
#: what belongs to one command line only
NEVER = frozenset(
    ("json", "html", "markdown", "sarif", "github", "force", "output", "resume", "help", "rules")
)
_MOST_BYTES = 1 << 20


def defaults(
    verb: str, command: click.Command, verbs: tuple[str, ...], folder: Path | None = None
) -> dict[str, Any]:
    """Values of the verb's options by parameter, from the nearest pyproject.toml; they are said.

    Looked for in ``folder`` (default: the current one) and those above it. Raises WhydiffError for
    a file that cannot be read and for a name or value that is none.
    """
    path = _nearest(folder or Path.cwd())
    table = _table(path) if path else {}
    if path is None or not table:
        return {}
    common = _with_sandbox(path, {k: v for k, v in table.items() if k not in verbs})
    own = table.get(verb, {})
    if not isinstance(own, dict):
        raise _wrong(path, f"[tool.whydiff.{verb}] is no table", "Write its settings below it.")
    own = _with_sandbox(path, own)
    options = {
        option.removeprefix("--"): parameter
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--") and option.removeprefix("--") not in NEVER
    }
    _check_names(path, "tool.whydiff", common, COMMON, verbs)
    _check_names(path, f"tool.whydiff.{verb}", own, tuple(options))
    wanted = {k: v for k, v in {**common, **own}.items() if k in options}
    made = {str(options[k].name): _value(path, k, v, options[k]) for k, v in wanted.items()}
    if made:
        say(f"{path.name} sets {', '.join(f'{k} = {v}' for k, v in wanted.items())}")
    return made


def values(
    verb: str, command: click.Command, verbs: tuple[str, ...], folder: Path
) -> dict[str, Any]:
    """:func:`defaults`, in the types that the verb takes. WhydiffError for a word that is none."""
    context = click.Context(command)
    given = defaults(verb, command, verbs, folder)
    try:
        return {
            str(p.name): p.type_cast_value(context, given[p.name])
            for p in command.params
            if p.name in given
        }
    except click.BadParameter as error:
        raise WhydiffError(error.format_message(), "Correct it in pyproject.toml.") from None


def _with_sandbox(path: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with ``sandbox`` as the option that says so."""
    if "sandbox" not in table:
        return dict(table)
    if not isinstance(table["sandbox"], bool):
        raise _wrong(
            path,
            f"sandbox = {table['sandbox']!r} is not true or false",
            "true: runs are on a scratch copy of the folder; false: in the folder itself.",
        )
    if "in-place" in table:
        raise _wrong(path, "sandbox and in-place say the same twice", "Write one of them.")
    others = {name: value for name, value in table.items() if name != "sandbox"}
    return {**others, "in-place": not table["sandbox"]}


def unused_settings(
    ctx: click.Context, parameters: Iterable[str], usable: Collection[str]
) -> list[str]:
    """Parameters that settings gave and that say nothing here; they are said.

    What is typed and cannot be used is trouble; what a project always says is not.
    """
    unused = [
        name
        for name in parameters
        if name not in usable and ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP
    ]
    if unused:
        said = ", ".join(name.replace("_", "-") for name in unused)
        say(f"the settings have more than is used with these targets: {said} is left out")
    return unused


def _nearest(folder: Path) -> Path | None:
    files = (place / "pyproject.toml" for place in (folder, *folder.parents))
    return next((file for file in files if file.is_file()), None)


def _table(path: Path) -> Mapping[str, Any]:
    try:
        whole = tomllib.loads(read_bytes(path, _MOST_BYTES).decode())
        repr(whole)  # a number of more digits than Python writes is an error here and nowhere else
    except OSError as error:
        raise _wrong(path, error.strerror or str(error), "Check its rights.") from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, brackets without end
        raise _wrong(path, str(error), "Correct it; whydiff reads [tool.whydiff] there.") from None
    tool = whole.get("tool", {})
    table = tool.get("whydiff", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise _wrong(path, "tool.whydiff is no table", "Write [tool.whydiff].")
    return table


def _check_names(
    path: Path,
    where: str,
    table: Mapping[str, Any],
    allowed: tuple[str, ...],
    tables: tuple[str, ...] = (),
) -> None:
    """Refuse names that are none. Below ``where`` there are ``tables``."""
    for name, value in table.items():
        if name in allowed:
            continue
        meant = difflib.get_close_matches(name, tables if isinstance(value, dict) else allowed, 1)
        if meant:
            way_out = f"Did you mean {meant[0]}? It takes {', '.join(allowed)}."
        else:
            way_out = f"It takes {', '.join(allowed)}."
        if tables and not meant:
            way_out += f" Options of one verb stand below its name: [{where}.compare]."
        raise _wrong(path, f"[{where}] has no setting {name!r}", way_out)


def _value(path: Path, name: str, value: Any, option: click.Option) -> Any:
    """The value as the option takes it; other types are refused here, other words by the option."""
    several = option.multiple or isinstance(option.type, Sources)
    values = value if isinstance(value, list) and several else [value]
    kinds: tuple[type, ...] = (bool,) if option.is_flag else (str, int, float)
    for one in values:
        if not isinstance(one, kinds) or (isinstance(one, bool) and not option.is_flag):
            expected = "true or false" if option.is_flag else "a text or a number"
            raise _wrong(path, f"{name} = {one!r} is not {expected}", f"See --{name} in --help.")
    if option.is_flag:
        return value
    texts = [str(one) for one in values]
    if isinstance(option.type, click.Path):  # a file of the project, wherever one asks from
        texts = [os.path.relpath(path.parent / text) for text in texts]
    return texts if option.multiple else ",".join(texts)


def _wrong(path: Path, what: str, way_out: str) -> WhydiffError:
    return WhydiffError(f"{path}: {what}", way_out)
