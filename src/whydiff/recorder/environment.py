"""Facts about the surroundings of an execution that are known to change results."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from whydiff.keras_backend.base import Backend

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
             "KERAS_MAX_", "PYTHONHASHSEED", "CUDA_HOME", "CUDA_PATH", "CUDA_VERSION",
             # Terraform's, which shares TensorFlow's prefix
             "TF_CLI_", "TF_VAR_", "TF_LOG", "TF_PLUGIN_CACHE_DIR", "TF_IN_AUTOMATION", "TF_INPUT",
             "TF_WORKSPACE", "TF_DATA_DIR")  # fmt: skip


def versions(backend: str) -> dict[str, Any]:
    """Versions of Python, Keras, NumPy and the backend's packages."""
    facts: dict[str, Any] = {"python": platform.python_version()}
    for package in ("keras", "numpy", *_PACKAGES.get(backend, ())):
        try:
            facts[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return facts


def _cpu() -> str:
    try:
        with Path("/proc/cpuinfo").open() as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def hardware(backend: Backend) -> dict[str, Any]:
    """Processor, devices, thread counts and flags that select kernels or threads."""
    facts: dict[str, Any] = {"cpu": _cpu(), "machine": platform.machine(), "cores": os.cpu_count()}
    facts |= {
        f"flags.{name}": value
        for name, value in sorted(os.environ.items())
        if name.startswith(_PREFIXES) and not name.startswith(_HARMLESS)
    }
    return {**facts, **backend.hardware()}


def surroundings() -> dict[str, Any]:
    """Facts of the execution as a whole, known before any library is imported."""
    return {
        "platform": platform.platform(),
        "hash seed": os.environ.get("PYTHONHASHSEED", "random"),
        "executable": sys.executable,
    }
