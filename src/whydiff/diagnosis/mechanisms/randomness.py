"""Mechanisms of random numbers: seeds, who draws them, and in which order."""

from whydiff.diagnosis.mechanisms.mechanism import Mechanism

MECHANISMS = (
    Mechanism(
        "python-random-unseeded",
        ("initialization", "noise"),
        "Python's random was not seeded alike",
        "Layers without seed= draw their seeds from Python's random; np.random.seed and "
        "tf.random.set_seed do not reach it.",
        "Call keras.utils.set_random_seed(n) once, before the first layer is built.",
        seen="In two runs, the layer drew different seeds from Python's random.",
    ),
    Mechanism(
        "seeded-once",
        ("initialization", "noise"),
        "the second model takes later draws",
        "Both models draw their seeds from one stream of Python's random, so the second gets "
        "other seeds than the first unless the stream is set back in between.",
        "Call keras.utils.set_random_seed(n) before each build and again before each fit.",
        seen="In one run, the two layers drew different seeds from Python's random.",
    ),
    Mechanism(
        "shifted-draws",
        ("initialization", "noise"),
        "one extra object shifts every later draw",
        "An additional layer or initializer took a draw, so every later layer got the seed of "
        "its neighbour.",
        "Give each layer its own seed (kernel_initializer=GlorotUniform(seed=n)), or copy the "
        "weights by layer name.",
        seen="The seed that the layer drew in one training went to another object in the other.",
    ),
    Mechanism(
        "drawn-setting",
        (
            "optimizer",
            "objective",
            "architecture",
            "batch-size",
            "duration",
            "precision",
            "mode",
            "measurement",
        ),
        "the script draws a setting",
        "Two runs of one program get other settings, as in a random search: the script draws from "
        "a generator without a seed, which keras.utils.set_random_seed may not reach.",
        "Seed what draws the setting: np.random.default_rng(n), random.seed(n), "
        "optuna.samplers.TPESampler(seed=n), hyperopt.fmin(rstate=np.random.default_rng(n)).",
        seen="Two runs of one program differ in a setting, and the script draws from a generator "
        "that nothing seeded.",
    ),
    Mechanism(
        "explicit-seeds",
        ("initialization", "noise", "data-order", "data-content"),
        "the script writes two seeds",
        "The script gives the two trainings different seeds.",
        "Write the same seed in both, or repeat over several seeds and compare the averages.",
        seen="The seeds differ, and at least one of them was written in the script.",
    ),
    Mechanism(
        "clock-seed",
        ("initialization", "noise", "data-content", "data-order"),
        "a seed from the clock or the process",
        "The seed is made from the time, the process id or the system's entropy.",
        "Use a constant as the seed.",
        seen="The seeds differ, and the line that made one of them reads a clock, the process id "
        "or the system's entropy.",
    ),
    Mechanism(
        "other-initializer",
        ("initialization",),
        "another initializer",
        "The script asks for another initializer.",
        "Use the same kernel_initializer in both.",
        seen="The initializers behind the weight are of different classes.",
    ),
    Mechanism(
        "shared-initializer",
        ("initialization",),
        "one initializer object for several layers",
        "An initializer object with a fixed seed returns the same numbers each time, so layers of "
        "equal shape that share it start with identical weights.",
        "Create one initializer per layer, or pass its name as a string.",
        seen="Several matrices of one model start with identical numbers; those of the other "
        "model do not.",
    ),
    Mechanism(
        "weights-replaced",
        ("initialization",),
        "weights changed after they were drawn",
        "The same seed and initializer, yet other values: the weights were set or loaded "
        "afterwards, or the initializer has other settings.",
        "Load or copy the same weights into both models just before fit.",
        seen="Seed, initializer, backend and versions are equal, and yet the initial values "
        "differ.",
    ),
    Mechanism(
        "clone-model",
        ("initialization",),
        "clone_model draws new weights",
        "keras.models.clone_model copies the layers, not the weights.",
        "clone.set_weights(model.get_weights())",
    ),
    Mechanism(
        "positional-set-weights",
        ("initialization",),
        "weights went to other layers",
        "The same tensors sit in other layers: get_weights and set_weights pair them by position.",
        "Copy the weights layer by layer, by name.",
        seen="Both models hold exactly the same tensors, in different layers.",
    ),
    Mechanism(
        "backend-draws",
        ("initialization", "noise"),
        "another backend draws other numbers",
        "Each backend has its own random number generator: the same seed gives other numbers.",
        "Save the weights of one model and load them into the other.",
        seen="The seeds are equal and the backends differ.",
    ),
    Mechanism(
        "host-draws",
        ("noise",),
        "a layer draws from np.random or random",
        "The code of a layer draws from NumPy's or Python's global generator. Nothing in the model "
        "seeds that, and in a compiled step it happens only once, while the step is traced.",
        "Draw with keras.random and a keras.random.SeedGenerator that the layer holds; "
        "np.random.seed(n) or keras.utils.set_random_seed(n) before fit makes the draws repeat.",
        seen="The generator moves while a step runs, and stood at another point before the first "
        "such step.",
    ),
    Mechanism(
        "tf-random-ops",
        ("noise",),
        "tf.random draws inside the step",
        "tf.random.normal and its kin keep a generator inside the operation. Without "
        "tf.random.set_seed it starts anywhere, and with it its place among the operations counts; "
        "no state of it can be read or transferred.",
        "Draw with keras.random and a keras.random.SeedGenerator that the layer holds, or call "
        "keras.utils.set_random_seed(n) before each fit.",
        seen="The compiled step holds a stateful random operation of TensorFlow, and its seeds "
        "differ or are not set.",
    ),
    Mechanism(
        "draw-frozen-by-tracing",
        ("noise", "arithmetic"),
        "random numbers compiled into a constant",
        "The code of a layer draws from NumPy's or Python's global generator. A compiled step runs "
        "that code once, while it is traced, and repeats the same numbers in every step; run "
        "eagerly it draws anew in every step.",
        "Draw with keras.random and a keras.random.SeedGenerator that the layer holds: that works "
        "compiled and eagerly.",
        seen="The generator moves in every step of one training, and in the other only while its "
        "step is compiled.",
    ),
    Mechanism(
        "drawn-unseen",
        ("noise",),
        "random numbers drawn outside of the training steps",
        "A callback, a schedule or other code of the script draws from a generator without a seed, "
        "and what it draws changes the training.",
        "Give that generator a seed.",
        seen="Nothing that is recorded differs, A trained again is not A, and with a seed for the "
        "script's generators two runs agree bit for bit.",
    ),
    Mechanism(
        "torch-neighbouring-seeds",
        ("noise",),
        "neighbouring seeds overlap on torch",
        "On the torch backend draw 2 of seed 1 equals draw 1 of seed 2.",
        "Use widely spaced seeds.",
    ),
    Mechanism(
        "dropout-state-not-restored",
        ("noise", "state"),
        "load_model does not restore the state of Dropout",
        "No file of a model or of weights holds the seed states of Dropout and similar layers: "
        "they start anew after load_model.",
        "Save layer.seed_generator.state beside the model, and assign it to that of the loaded "
        "model before fit goes on; or accept that the two draw other masks.",
        seen="Of successive fits held against one, a later one whose model was loaded from a file "
        "of the same run begins with seed states that the one before did not leave.",
    ),
    Mechanism(
        "global-generator-kept",
        ("noise",),
        "reseeding keeps the global seed generator",
        "Before Keras 3.13 set_random_seed leaves an existing global seed generator as it is.",
        "Upgrade Keras, or call keras.utils.clear_session() before seeding.",
    ),
)
