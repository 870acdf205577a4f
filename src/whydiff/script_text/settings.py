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


def is_seed_name(name: str) -> bool:
    """Whether a name says that it holds a seed: ``SEED``, ``random_state``; not ``n_seeds``."""
    return _SEED.fullmatch(name) is not None


def settings_of(name: str, text: str) -> Settings | None:
    """What a file holds; None where it has no seed, or more than one."""
    try:
        held = _read(name, text)
        seeds = [*_seeds(held)]
    except (ValueError, RecursionError):
        return None
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


def _yaml(text: str) -> Any:
    """What a YAML file holds, as its tree of nodes tells: nothing is constructed, and nothing that
    aliases repeat is copied."""
    import yaml  # few projects need it

    try:
        return _plain(yaml.compose(text, Loader=yaml.SafeLoader), {})
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _plain(node: Any, done: dict[int, dict[str, Any]]) -> Any:
    """Mappings and whole numbers of a YAML tree; what else it holds counts as text."""
    if node is None or node.id == "sequence":
        return ""
    if node.id == "scalar":
        whole = node.tag.endswith(":int") and node.value.isdecimal()
        return int(node.value) if whole else str(node.value)
    if id(node) not in done:
        held = done[id(node)] = {}  # before what it holds, which may be itself
        for key, value in node.value:
            if key.id == "scalar" and key.value != "<<":
                held[key.value] = _plain(value, done)
    return done[id(node)]


def _root(node: ast.expr) -> ast.Name | None:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _seeds(held: Mapping[str, Any], seen: set[int] | None = None) -> Iterator[tuple[str, ...]]:
    """The keys that lead to each seed; a mapping that YAML repeats by an alias counts once."""
    seen = set() if seen is None else seen
    if id(held) in seen:
        return
    seen.add(id(held))
    for key, value in held.items():
        if isinstance(value, Mapping):
            yield from ((key, *rest) for rest in _seeds(value, seen))
        elif type(value) is int and is_seed_name(key):
            yield (key,)
