"""Rules about settings of the process: too late to work, or made to trade bits for speed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.lint.rule import Hit, Rule
from whydiff.lint.script import Source, constant

#: environment variable (or how it begins) -> packages that read it when they are imported
_READ_AT_IMPORT: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("KERAS_BACKEND", ("keras",)),
    ("KERAS_HOME", ("keras",)),
    ("TF_ENABLE_ONEDNN_OPTS", ("tensorflow",)),
    ("OMP_NUM_THREADS", ("numpy", "torch", "tensorflow")),
    ("MKL_NUM_THREADS", ("numpy", "torch")),
    ("OPENBLAS_NUM_THREADS", ("numpy",)),
)
_PRECISION = ("torch.backends.cuda.matmul.allow_tf32", "torch.backends.cudnn.allow_tf32")


def _set_variables(s: Source) -> Iterator[tuple[str, ast.stmt]]:
    """Environment variables that the script sets for itself."""
    for node in s.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            target = node.targets[0]
            if s.names.dotted(target.value) == "os.environ":
                yield str(constant(target.slice)), node
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            if s.called(call) in ("os.environ.setdefault", "os.putenv") and call.args:
                yield str(constant(call.args[0])), node


def _hash_seed(s: Source) -> Iterator[Hit]:
    for name, node in _set_variables(s):
        if name == "PYTHONHASHSEED":
            yield Hit.at(node, "PYTHONHASHSEED is set when Python has read it already")


def _too_late(s: Source) -> Iterator[Hit]:
    if any(s.called(c).startswith(("subprocess.", "os.exec", "os.system")) for c in s.calls):
        return  # set for others
    known: set[tuple[str, str]] = set()
    for name, node in sorted(_set_variables(s), key=lambda pair: pair[1].lineno):
        value = node.value if isinstance(node, ast.Assign) else None
        setting = (name, ast.unparse(value) if value is not None else "")
        if value is not None and setting in known:
            continue  # set to the same again, as a notebook does that may be begun in the middle
        known.add(setting)
        readers = next((r for start, r in _READ_AT_IMPORT if name == start), ())
        for b in s.names.bindings:
            root = b.target.partition(".")[0]
            above = b.statement.lineno < node.lineno and b.scope is s.script.tree
            if root in readers and above:
                yield Hit.at(node, f"{name} is set below line {b.statement.lineno}, where {root} "
                                 "has read it")  # fmt: skip
                break


def _benchmark(s: Source) -> Iterator[Hit]:
    for node in s.nodes:
        if isinstance(node, ast.Assign) and constant(node.value) is True:
            name = s.names.dotted(node.targets[0])
            if name == "torch.backends.cudnn.benchmark":
                yield Hit.at(node, "cuDNN picks its kernels by a race at the start")


def _reduced(s: Source) -> Iterator[Hit]:
    for node in s.nodes:
        if isinstance(node, ast.Assign) and constant(node.value) is True:
            if s.names.dotted(node.targets[0]) in _PRECISION:
                yield Hit.at(node, "products are rounded to 10 bits on some GPUs")
        elif isinstance(node, ast.Call) and node.args:
            name, value = s.called(node), constant(node.args[0])
            if (name == "torch.set_float32_matmul_precision" and value in ("high", "medium")) or (
                name == "tensorflow.config.experimental.enable_tensor_float_32_execution"
                and value is True
            ):
                yield Hit.at(node, "products are rounded to 10 bits or fewer on some GPUs")


_OS = "import os\n"

RULES = (
    Rule(
        "WD501",
        "hash-seed-too-late",
        "PYTHONHASHSEED is set from inside Python",
        "Python reads it when it starts; set later it fixes nothing.",
        "Set it before Python starts (PYTHONHASHSEED=0 python train.py), or sort what is in sets.",
        _hash_seed,
        _OS + '\nos.environ["PYTHONHASHSEED"] = "0"\n',
        _OS + '\nos.environ["KERAS_BACKEND"] = "jax"\n',
    ),
    Rule(
        "WD502",
        "variable-too-late",
        "an environment variable is set after the import that reads it",
        "Backend, threads and kernels are chosen when the library is imported.",
        "Move the assignment above the imports.",
        _too_late,
        _OS + 'import keras\n\nos.environ["KERAS_BACKEND"] = "jax"\n',
        _OS + '\nos.environ["KERAS_BACKEND"] = "jax"\nimport keras\n',
        "kernel-flags",
    ),
    Rule(
        "WD503",
        "kernels-by-race",
        "cuDNN's benchmark mode",
        "The fastest kernel of a trial run is taken, which timing decides; kernels round "
        "differently.",
        "torch.backends.cudnn.benchmark = False",
        _benchmark,
        "import torch\n\ntorch.backends.cudnn.benchmark = True\n",
        "import torch\n\ntorch.backends.cudnn.benchmark = False\n",
        "nondeterministic-ops",
    ),
    Rule(
        "WD504",
        "reduced-products",
        "matrix products in reduced precision",
        "TF32 and bfloat16 products round more coarsely, and only on hardware that has them.",
        "Leave it off where results are compared between machines.",
        _reduced,
        'import torch\n\ntorch.set_float32_matmul_precision("high")\n',
        'import torch\n\ntorch.set_float32_matmul_precision("highest")\n',
        "tf32",
    ),
)
