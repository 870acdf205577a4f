"""Facts about the surroundings of an execution that are known to change results."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from whydiff.core.interrupting import pass_on
from whydiff.core.machine import cpu_name
from whydiff.keras_backend.base import Backend
from whydiff.keras_backend.internals import distribution_of_keras

_PACKAGES = {
    "jax": ("jax", "jaxlib"),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "torch": ("torch",),
}
#: Environment variables that select kernels, threads, precision or the length of a training.
_PREFIXES = (
    "KERAS_",
    "XLA_",
    "TF_",
    "JAX_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "CUDA_",
    "CUBLAS_",
    "CUDNN_",
    "NVIDIA_TF32",
    "TORCH_",
    "PYTORCH_",
    "PYTHONHASHSEED",
    "ONEDNN_",
    "DNNL_",
)
_HARMLESS = ("TF_CPP_MIN_LOG_LEVEL", "TF_CPP_MAX_VLOG_LEVEL", "KERAS_BACKEND", "KERAS_HOME",
             "KERAS_MAX_", "PYTHONHASHSEED", "CUDA_HOME", "CUDA_PATH", "CUDA_ROOT",
             "CUDA_VERSION",
             "TF_USE_LEGACY_KERAS",  # the version says which Keras it is
             # Terraform's, which shares TensorFlow's prefix
             "TF_CLI_", "TF_VAR_", "TF_LOG", "TF_PLUGIN_CACHE_DIR", "TF_IN_AUTOMATION", "TF_INPUT",
             "TF_WORKSPACE", "TF_DATA_DIR")  # fmt: skip


def versions(backend: str) -> dict[str, Any]:
    """Versions of Python, Keras, NumPy and the backend's packages."""
    facts: dict[str, Any] = {"python": platform.python_version()}
    for package in ("keras", "numpy", *_PACKAGES.get(backend, ())):
        installed = _version(package)
        if installed is not None:
            facts[package] = installed
    return facts


@functools.cache
def _version(package: str) -> str | None:
    """Looked up once: later the script may have used up its descriptors or left the root."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def hardware(backend: Backend) -> dict[str, Any]:
    """Processor, devices, thread counts and flags that select kernels or threads."""
    facts: dict[str, Any] = {
        "cpu": cpu_name(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    facts |= {
        f"flags.{name}": value
        for name, value in sorted(os.environ.items())
        if name.startswith(_PREFIXES) and not name.startswith(_HARMLESS)
    }
    return {**facts, **backend.hardware()}


def distribution(model: Any = None) -> dict[str, str]:
    """How a training is spread over devices: ``DataParallel over 2 devices``, set for all of Keras
    or, of TensorFlow, for the model; nothing if it is not."""
    try:
        active = distribution_of_keras()
        devices = getattr(getattr(active, "device_mesh", None), "devices", None)
        count = int(getattr(devices, "size", 0) or 0)
        if active is None:
            active = getattr(model, "distribute_strategy", None)
            count = int(getattr(active, "num_replicas_in_sync", 0))
    except Exception as error:  # a version or backend without it
        pass_on(error)
        return {}
    name = type(active).__name__
    if active is None or name.startswith("_"):  # TensorFlow's for models without one
        return {}
    return {"distribution": f"{name} over {count} device{'s' * (count != 1)}"}


def surroundings() -> dict[str, Any]:
    """Facts of the execution as a whole, known before any library is imported."""
    return {
        "platform": platform.platform(),
        "hash seed": os.environ.get("PYTHONHASHSEED", "random"),
        "executable": sys.executable,
    }


def script_facts(script: str) -> dict[str, Any]:
    """A digest of the script's text, and the git revision that is checked out around it."""
    path = Path(script).absolute()
    facts: dict[str, Any] = {}
    try:
        facts["script digest"] = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        revision = _revision(path)
    except OSError:
        return facts
    return {**facts, "git revision": revision} if revision else facts


def _revision(path: Path) -> str:
    """The commit that HEAD names, read from git's own files; "" where there is no repository.

    No program is started in the script's process.
    """
    git = next((p / ".git" for p in path.parents if (p / ".git").exists()), None)
    if git is None:
        return ""
    if git.is_file():  # a worktree: "gitdir: /elsewhere/.git/worktrees/name"
        git = (git.parent / git.read_text().partition("gitdir:")[2].strip()).resolve()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    common = git / "commondir"
    folders = [git, *([git / common.read_text().strip()] if common.exists() else [])]
    for folder in folders:
        if (folder / name).exists():
            return (folder / name).read_text().strip()
        packed = folder / "packed-refs"
        for line in packed.read_text().splitlines() if packed.exists() else ():
            commit, _, ref = line.partition(" ")
            if ref == name:
                return commit
    return ""
