"""A recorded script's process needs nothing of ours but NumPy and xxhash, beside what it has.

So that whydiff can be put on the path of any environment: what is installed there stays as it is.
"""

import ast
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent.parent / "src"

#: Keras and what it is made of are the script's own. ``ml_dtypes`` comes with them; pandas is
#: imported only where a person asks an answer for a table, with a message where it is missing;
#: IPython, with its traitlets, only for lines of a notebook that are left out where it is missing.
ALLOWED = {"numpy", "xxhash", "keras", "jax", "tensorflow", "torch", "ml_dtypes", "pandas"}
ALLOWED |= {"IPython", "traitlets"}


def file_of(module):
    path = SOURCE / module.replace(".", "/")
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.exists():
            return file
    return None


def imports_of(module):
    """All that a module imports, inside functions, too; not what only type checkers read."""
    tree = ast.parse(file_of(module).read_text())
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_process_of_a_script_imports_only_what_it_has():
    waiting, seen, others = ["whydiff.runner.child.main"], set(), {}
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        parts = module.split(".")
        waiting += [".".join(parts[:n]) for n in range(1, len(parts))]
        for name in imports_of(module):
            if name.split(".")[0] != "whydiff":
                others.setdefault(name.split(".")[0], set()).add(module)
            elif file_of(name):
                waiting.append(name)
    assert {"whydiff.recorder.watch", "whydiff.replay.fused.engine", "whydiff.storage"} <= seen
    others = {k: sorted(v) for k, v in others.items() if k not in sys.stdlib_module_names}
    assert set(others) >= {"numpy", "xxhash", "keras"}
    assert set(others) <= ALLOWED, {k: v for k, v in others.items() if k not in ALLOWED}
