"""Which of Keras's backends a script will use, read from its text and that of its own modules."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

BACKENDS = ("jax", "tensorflow", "torch")
_VARIABLE = "KERAS_BACKEND"
#: ``os.environ["KERAS_BACKEND"] = "jax"``, ``setdefault("KERAS_BACKEND", "jax")``
_CHOICE = re.compile(rf"""{_VARIABLE}["']?\]?\s*(?:=|,|:)\s*["']?({"|".join(BACKENDS)})\b""")
#: Parts of Keras that compute with TensorFlow under every backend, and Keras 2.
_NEEDS_TENSORFLOW = re.compile(
    r"dataset_from_directory|timeseries_dataset_from_array|TextVectorization|StringLookup"
    r"|IntegerLookup|Hashing|HashedCrossing|Discretization|FeatureSpace|tf_keras"
)


def used_backends(script: Path, environment: Mapping[str, str]) -> frozenset[str]:
    """The backend that is chosen and every other that is imported; all where it is not clear."""
    texts = list(_texts(script))
    whole = "\n".join(texts)
    imported = {name for text in texts for name in _imported(text) if name in BACKENDS}
    if _NEEDS_TENSORFLOW.search(whole):
        imported.add("tensorflow")
    written = set(_CHOICE.findall(whole))
    if not written and _VARIABLE in whole:
        return frozenset(BACKENDS)
    given = environment.get(_VARIABLE, "")
    chosen = {given} if given else set() if written else {_configured(environment)}
    return frozenset((chosen | written | imported) & set(BACKENDS))


def _configured(environment: Mapping[str, str]) -> str:
    """What ``keras.json`` says, or Keras's own choice."""
    home = environment.get("KERAS_HOME") or str(Path.home() / ".keras")
    try:
        return str(json.loads((Path(home) / "keras.json").read_text())["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow"


def _texts(script: Path) -> Iterator[str]:
    """The script's text and that of every module of the user's that it imports."""
    folders = dict.fromkeys([script.absolute().parent, Path.cwd()])
    waiting, seen = [script], set[Path]()
    while waiting:
        file = waiting.pop()
        if file.resolve() in seen:
            continue
        seen.add(file.resolve())
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        yield text
        for name in _imported(text, whole=True):
            waiting += _files_of(name, (*folders, file.absolute().parent))


def _files_of(module: str, folders: Sequence[Path]) -> Iterator[Path]:
    """The files in these folders that importing a module by its dotted name may run."""
    parts = module.split(".")
    for folder, length in itertools.product(folders, range(len(parts), 0, -1)):
        place = folder.joinpath(*parts[:length])
        yield from (f for f in (place.with_suffix(".py"), place / "__init__.py") if f.is_file())


def _imported(text: str, whole: bool = False) -> Iterator[str]:
    """Names of imported modules, their first parts only unless ``whole``.

    A notebook's cells are searched as text.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        for name in re.findall(r"(?:^|\"|\\n)\s*(?:import|from)\s+([\w.]+)", text, re.M):
            yield name if whole else name.partition(".")[0]
        return
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)]
        yield from (name if whole else name.partition(".")[0] for name in names if name)
