"""Facts about the surroundings of an execution that are known to change results."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

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


def hardware(backend: str) -> dict[str, Any]:
    """Processor, devices, thread counts and flags that select kernels or threads."""
    facts: dict[str, Any] = {"cpu": _cpu(), "machine": platform.machine(), "cores": os.cpu_count()}
    facts |= {
        f"flags.{name}": value
        for name, value in sorted(os.environ.items())
        if name.startswith(_PREFIXES) and not name.startswith(_HARMLESS)
    }
    if backend == "jax":
        import jax

        facts["devices"] = [f"{d.platform} {d.device_kind}" for d in jax.devices()]
    elif backend == "tensorflow":
        import tensorflow as tf

        facts["devices"] = [d.device_type for d in tf.config.list_physical_devices()]
        facts["threads.intra"] = tf.config.threading.get_intra_op_parallelism_threads()
        facts["threads.inter"] = tf.config.threading.get_inter_op_parallelism_threads()
    elif backend == "torch":
        import torch

        facts["devices"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        facts["threads.intra"] = torch.get_num_threads()
        facts["threads.inter"] = torch.get_num_interop_threads()
    return facts


def arithmetic(backend: str) -> dict[str, Any]:
    """Global settings that decide how the same formula is computed."""
    facts: dict[str, Any] = {}
    if backend == "jax":
        import jax

        for name in ("jax_default_matmul_precision", "jax_threefry_partitionable",
                     "jax_enable_x64", "jax_disable_jit"):  # fmt: skip
            facts[name] = getattr(jax.config, name, None)
    elif backend == "tensorflow":
        import tensorflow as tf
        from tensorflow.python.framework import config as tf_config

        facts["deterministic"] = bool(tf_config.is_op_determinism_enabled())
        facts["functions run eagerly"] = bool(tf.config.functions_run_eagerly())
        facts["tensor_float_32"] = bool(tf.config.experimental.tensor_float_32_execution_enabled())
    elif backend == "torch":
        import torch

        facts["deterministic"] = bool(torch.are_deterministic_algorithms_enabled())
        facts["matmul_precision"] = torch.get_float32_matmul_precision()
    return facts


def surroundings() -> dict[str, Any]:
    """Facts of the execution as a whole, known before any library is imported."""
    return {
        "platform": platform.platform(),
        "hash seed": os.environ.get("PYTHONHASHSEED", "random"),
        "executable": sys.executable,
    }
