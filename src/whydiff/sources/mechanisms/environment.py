"""Mechanisms of backend, versions, hardware, precision and arithmetic."""

from whydiff.sources.mechanisms.mechanism import Mechanism

_ARITHMETIC = "Switch to the same setting in both; on a CPU the effect is usually far below 1e-6."

MECHANISMS = (
    Mechanism(
        "jax-threefry-partitionable",
        ("version", "initialization", "noise"),
        "JAX 0.5 changed its random numbers",
        "JAX 0.5 switched jax_threefry_partitionable on, so the same seed draws other numbers.",
        "Set JAX_THREEFRY_PARTITIONABLE to the same value in both.",
    ),
    Mechanism(
        "keras-fans-3-15",
        ("version", "initialization"),
        "Keras 3.15 starts attention wider",
        "Keras 3.15 computes fans differently: MultiHeadAttention kernels start about six times "
        "wider than in 3.14.",
        "Pin the Keras version, or pass the initializer explicitly.",
    ),
    Mechanism(
        "other-version",
        ("version", "initialization", "noise"),
        "other versions draw other numbers",
        "The same seed was used by other versions of the libraries.",
        "Install the same versions in both environments.",
    ),
    Mechanism(
        "other-backend",
        ("backend",),
        "another backend",
        "Random numbers, shuffling and rounding differ between Keras's backends.",
        "Set KERAS_BACKEND to the same value; share saved weights to compare across backends.",
    ),
    Mechanism(
        "mixed-precision",
        ("precision",),
        "layers compute in another precision",
        "Half-precision layers round every activation and gradient to 3 or 4 digits.",
        "Set the same policy with keras.config.set_dtype_policy.",
    ),
    Mechanism(
        "keras-json",
        ("precision", "duration", "backend"),
        "a Keras configuration outside the script",
        "keras.json, KERAS_HOME, KERAS_MAX_EPOCHS or KERAS_MAX_STEPS_PER_EPOCH differ.",
        "Set the value in the script.",
    ),
    Mechanism(
        "tf32",
        ("precision", "hardware", "arithmetic"),
        "products in reduced precision",
        "TF32 or another reduced matmul precision is on in one training only.",
        "Switch it off, or set it alike, in both.",
    ),
    Mechanism(
        "thread-count",
        ("hardware",),
        "another number of threads",
        "The number of threads changes the order of sums, and with it the last bits "
        "(TensorFlow does so, torch does not on a CPU).",
        "Set the same number of threads in both.",
    ),
    Mechanism(
        "kernel-flags",
        ("hardware",),
        "flags that select kernels",
        "Environment variables select other kernels, which round differently.",
        "Set the same environment variables in both.",
    ),
    Mechanism(
        "other-device",
        ("hardware",),
        "another processor or device",
        "Other devices and instruction sets sum in another order and round differently.",
        "Use the same machine, or compare within a tolerance.",
    ),
    Mechanism(
        "jit-or-eager",
        ("arithmetic",),
        "compiled against not compiled",
        "Compiled code fuses operations and rounds at other places.",
        _ARITHMETIC,
    ),
    Mechanism(
        "op-determinism",
        ("arithmetic",),
        "deterministic operations on in one only",
        "Deterministic mode picks other kernels and switches XLA off.",
        "Switch it on in both: tf.config.experimental.enable_op_determinism(), or "
        "torch.use_deterministic_algorithms(True).",
    ),
    Mechanism(
        "nondeterministic-ops",
        ("arithmetic",),
        "operations that add in a varying order",
        "Everything recorded is equal and yet the bits part: some operations (convolution "
        "gradients, scatter and embedding gradients, autotuned kernels) add in an order that "
        "varies from run to run.",
        "Switch on the backend's deterministic operations: enable_op_determinism() on TensorFlow, "
        "torch.use_deterministic_algorithms(True) on torch, "
        "XLA_FLAGS=--xla_gpu_exclude_nondeterministic_ops=true on JAX.",
    ),
    Mechanism(
        "flash-attention",
        ("arithmetic",),
        "flash attention chosen automatically",
        "Keras picks a fused attention kernel where the device has one.",
        "keras.config.disable_flash_attention()",
    ),
)
