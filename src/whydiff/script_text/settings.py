"""A seed in settings that a program reads, although no line of it reads the seed."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from whydiff.script_text.edits import Script, Settings
from whydiff.script_text.imports import Names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: how the names of files end that hold settings
ENDINGS = (".yaml", ".yml", ".json", ".toml")

_SEED = re.compile(
    r"_*(?:(?:global|random|rng|manual|base|np|numpy|init|train|training|data|model|tf|torch|"
    r"split|default)_?)?seed(?:_?(?:value|num|number))?|_*random_?state",
    re.IGNORECASE,
)
#: a line of YAML that gives a key its value, or opens a mapping below it
_LINE = re.compile(r"""( *)(["']?)([\w.-]+)\2 *:(?: +([^#]*?))? *(?:#.*)?""")


def is_seed_name(name: str) -> bool:
    """Whether a name says that it holds a seed: ``SEED``, ``random_state``; not ``n_seeds``."""
    return _SEED.fullmatch(name) is not None


def settings_of(name: str, text: str) -> Settings | None:
    """What a file holds; None where it has no seed, or more than one."""
    try:
        held = _read(name, text)
    except (ValueError, RecursionError):
        return None
    seeds = [*_seeds(held)]
    return Settings(frozenset(held), seeds[0]) if len(seeds) == 1 else None


def unread_seeds(script: Script, names: Names) -> Iterator[tuple[ast.Name, str]]:
    """``cfg["seed"]`` where the script reads ``cfg["units"]`` and both stand in one file; with the
    name that it begins with.

    What is read by attributes must come from OmegaConf: other objects have those of their class.
    """
    if not script.settings:
        return
    dotted = any(b.target.partition(".")[0] in ("omegaconf", "hydra") for b in names.bindings)
    read: dict[str, list[ast.Subscript | ast.Attribute]] = {}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Subscript) or (dotted and isinstance(node, ast.Attribute)):
            read.setdefault(script.segment(node.value), []).append(node)
    for holder, nodes in read.items():
        first, keys = nodes[0], {_key(node) for node in nodes}
        root = _root(first.value)
        seeds = [one.seed for one in script.settings if keys <= one.keys]
        if root is None or len(seeds) != 1:
            continue
        if isinstance(first, ast.Attribute):
            yield root, ".".join([holder, *seeds[0]])
        else:
            quote = script.segment(first.slice)[0]
            yield root, holder + "".join(f"[{quote}{key}{quote}]" for key in seeds[0])


def _key(node: ast.Subscript | ast.Attribute) -> str:
    """The key that is read; "" where that is none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    value = node.slice.value if isinstance(node.slice, ast.Constant) else ""
    return value if isinstance(value, str) else ""


def _read(name: str, text: str) -> Mapping[str, Any]:
    if name.endswith(".json"):
        held = json.loads(text)
    else:
        held = tomllib.loads(text) if name.endswith(".toml") else _yaml(text)
    return held if isinstance(held, Mapping) else {}


def _yaml(text: str) -> dict[str, Any]:
    """Mappings and whole numbers of YAML written in blocks; what else it holds counts as text."""
    top: dict[str, Any] = {}
    around: list[tuple[int, dict[str, Any]]] = [(0, top)]  # mappings that are open, by indentation
    opened: dict[str, Any] | None = None  # by the line before
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        indent, key, value = len(found[1]), found[3], found[4] or ""
        if opened is not None and indent > around[-1][0]:
            around.append((indent, opened))
        while indent < around[-1][0]:
            around.pop()
        opened = None if value else {}
        if indent == around[-1][0]:
            around[-1][1][key] = int(value) if value.isdecimal() else value or opened
    return top


def _root(node: ast.expr) -> ast.Name | None:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _seeds(held: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in held.items():
        if isinstance(value, Mapping):
            yield from ((key, *rest) for rest in _seeds(value))
        elif type(value) is int and is_seed_name(key):
            yield (key,)
