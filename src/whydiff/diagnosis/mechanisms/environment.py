"""Mechanisms of backend, versions, hardware, precision and arithmetic."""

from whydiff.diagnosis.mechanisms.mechanism import Mechanism

_ARITHMETIC = "Switch to the same setting in both; on a CPU the effect is usually far below 1e-6."

MECHANISMS = (
    Mechanism(
        "jax-threefry-partitionable",
        ("version", "initialization", "noise"),
        "JAX 0.5 changed its random numbers",
        "JAX 0.5 switched jax_threefry_partitionable on, so the same seed draws other numbers.",
        "Set JAX_THREEFRY_PARTITIONABLE to the same value in both.",
        seen="The setting differs, by itself or because the versions of JAX lie on both sides of "
        "0.5, and equal seeds gave other values, or the model draws random numbers in its steps.",
    ),
    Mechanism(
        "keras-fans-3-15",
        ("version", "initialization"),
        "Keras 3.15 starts attention wider",
        "Keras 3.15 computes fans differently: MultiHeadAttention kernels start about six times "
        "wider than in 3.14.",
        "Pin the Keras version, or pass the initializer explicitly.",
        seen="The versions of Keras lie on both sides of 3.15, and a kernel of an EinsumDense, as "
        "attention has them, differs although its seed is the same.",
    ),
    Mechanism(
        "keras-shuffle-3-16",
        ("data-order",),
        "Keras 3.16 shuffles by the number of the epoch",
        "Since Keras 3.16 `fit` shuffles arrays by the number of the epoch only; before, by a "
        "generator that a seed sets. So the order is another one than before, and from then on it "
        "is the same whatever the seed.",
        "Shuffle the arrays yourself with np.random.default_rng(n) and pass shuffle=False.",
        seen="The versions of Keras lie on both sides of 3.16, and both shuffle arrays.",
    ),
    Mechanism(
        "other-version",
        ("version", "initialization", "noise"),
        "other versions draw other numbers",
        "The same seed was used by other versions of the libraries.",
        "Install the same versions in both environments.",
        seen="The seeds are equal and the versions of the libraries differ.",
    ),
    Mechanism(
        "rounds-otherwise",
        ("backend", "version", "hardware"),
        "the same numbers, rounded otherwise",
        "Other kernels add the same numbers in another order. From equal weights, data, orders and "
        "settings the results differ in the last bits, no more than one unit in the last place of "
        "one weight would make them differ.",
        "Nothing needs to be repaired: compare within a tolerance.",
        seen="A hybrid with nothing but these surroundings from B ends no further from A than A "
        "from a start of which one weight was moved by one unit in the last place, and no "
        "prediction changes its class.",
    ),
    Mechanism(
        "other-backend",
        ("backend",),
        "another backend",
        "Random numbers, shuffling and rounding differ between Keras's backends.",
        "Set KERAS_BACKEND to the same value; share saved weights to compare across backends.",
        seen="The backends differ.",
    ),
    Mechanism(
        "mixed-precision",
        ("precision",),
        "layers compute in another precision",
        "Half-precision layers round every activation and gradient to 3 or 4 digits.",
        "Set the same policy with keras.config.set_dtype_policy.",
        seen="The dtype policy of a layer differs.",
    ),
    Mechanism(
        "follows-floatx",
        ("initialization", "data-content", "optimizer"),
        "held in another float type",
        "set_floatx decides in which type weights are drawn and held, arrays are cast and rates "
        "are rounded; in another type JAX draws other numbers from the same seed.",
        "Call keras.config.set_floatx with the same type in both.",
        seen="floatx differs, and with it the type of the weights or arrays, or a rate by no more "
        "than rounding: these are counted with the precision.",
    ),
    Mechanism(
        "keras-json",
        ("precision", "duration", "backend"),
        "a Keras configuration outside the script",
        "keras.json, KERAS_HOME, KERAS_MAX_EPOCHS or KERAS_MAX_STEPS_PER_EPOCH differ.",
        "Set the value in the script.",
        seen="Two runs of one script have other precisions, or one of the KERAS_MAX "
        "variables differs.",
    ),
    Mechanism(
        "tf-xla-noise",
        ("arithmetic",),
        "compiled by XLA, TensorFlow draws other random numbers",
        "tf.random chooses its generator by what compiles it: the same seed state gives other "
        "dropout masks with jit_compile=True than without, so the loss differs from the first step "
        "on, by far more than rounding.",
        "Pass the same jit_compile= to compile in both.",
        seen="Both run on TensorFlow, jit_compile differs, and the model draws random numbers.",
    ),
    Mechanism(
        "tf32",
        ("precision", "hardware", "arithmetic"),
        "products in reduced precision",
        "TF32 or another reduced matmul precision is on in one training only.",
        "Switch it off, or set it alike, in both.",
        seen="A setting or variable about TF32 or the precision of matrix products differs.",
    ),
    Mechanism(
        "thread-count",
        ("hardware",),
        "another number of threads",
        "The number of threads changes the order of sums, and with it the last bits "
        "(TensorFlow does so, torch does not on a CPU).",
        "Set the same number of threads in both.",
        seen="The number of threads or cores differs, on the same kind of processor.",
    ),
    Mechanism(
        "kernel-flags",
        ("hardware",),
        "flags that select kernels",
        "Environment variables select other kernels, which round differently.",
        "Set the same environment variables in both.",
        seen="Another environment variable that selects kernels differs.",
    ),
    Mechanism(
        "other-device",
        ("hardware",),
        "another processor or device",
        "Other devices and instruction sets sum in another order and round differently.",
        "Use the same machine, or compare within a tolerance.",
        seen="The processor, the machine's type or the devices differ.",
    ),
    Mechanism(
        "other-distribution",
        ("hardware",),
        "spread over other devices",
        "Spread over several devices (keras.distribution, tf.distribute), each computes a part of "
        "a batch or of the weights, and the parts are summed in another order. Random layers may "
        "draw for each part, and every part is normalized by itself in BatchNormalization.",
        "Spread both in the same way over as many devices, or compare within a tolerance.",
        seen="keras.distribution or the strategy of tf.distribute, or its number of devices, "
        "differs.",
    ),
    Mechanism(
        "jit-or-eager",
        ("arithmetic",),
        "compiled against not compiled",
        "Compiled code fuses operations and rounds at other places.",
        _ARITHMETIC,
        seen="jit_compile, run_eagerly or the backend's own switch differs.",
    ),
    Mechanism(
        "op-determinism",
        ("arithmetic",),
        "deterministic operations on in one only",
        "Deterministic mode picks other kernels and switches XLA off.",
        "Switch it on in both: tf.config.experimental.enable_op_determinism(), or "
        "torch.use_deterministic_algorithms(True).",
        seen="Deterministic operations are on in one training only.",
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
        seen="Every recorded field is equal, a GPU computes, and the first difference of the loss "
        "is of the size of rounding.",
    ),
    Mechanism(
        "threads-race",
        ("arithmetic",),
        "threads that add in a varying order",
        "Everything recorded is equal and the first difference is rounding: on a CPU several "
        "threads add parts of a sum in the order in which they happen to finish.",
        "Use one thread (OMP_NUM_THREADS=1, torch.set_num_threads(1), or "
        "tf.config.threading.set_intra_op_parallelism_threads(1)), or accept differences of this "
        "size.",
        seen="Every recorded field is equal, no GPU computes, and the first difference of the loss "
        "is of the size of rounding.",
    ),
    Mechanism(
        "flash-attention",
        ("arithmetic",),
        "flash attention chosen automatically",
        "Keras picks a fused attention kernel where the device has one.",
        "keras.config.disable_flash_attention()",
    ),
)
