"""Mechanisms of data: what is fed, in which order, in which portions."""

from whydiff.diagnosis.mechanisms.mechanism import Mechanism

MECHANISMS = (
    Mechanism(
        "shuffle-on-off",
        ("data-order",),
        "shuffled against unshuffled",
        "One training feeds the rows in their order, the other shuffles them.",
        "Use the same shuffle= in both calls of fit.",
        seen="The samples are the same; one training was fed them row after row in every epoch, "
        "the other was not.",
    ),
    Mechanism(
        "rows-reordered",
        ("data-order",),
        "the arrays hold the samples in another order",
        "Both trainings feed row after row, but the rows were put in another order before fit: "
        "by a shuffle or split, a directory listing, or a set.",
        "Sort the samples, or shuffle them with a fixed seed, before fit.",
        seen="Both were fed row after row, and the rows hold the same samples in another order.",
    ),
    Mechanism(
        "other-shuffle",
        ("data-order",),
        "shuffled twice, with other draws",
        "Both trainings shuffle, but the generator behind it was at another point.",
        "Call keras.utils.set_random_seed(n) before each fit, or shuffle the arrays yourself with "
        "np.random.default_rng(n) and pass shuffle=False.",
        seen="Both were fed the same samples in different orders, neither of them row after row.",
    ),
    Mechanism(
        "drawn-in-workers",
        ("data-content",),
        "data that worker processes make",
        "A process that a pool spawns begins with generators of its own, which a seed set in the "
        "script does not reach; which of the workers does a task is left to chance, too.",
        "Give every task a generator of its own, made from a seed and the number of the task: "
        "np.random.default_rng((n, task)).",
        seen="Samples differ in two runs of a script that seeds its own draws and started "
        "processes which do more than load batches.",
    ),
    Mechanism(
        "order-begun-anew",
        ("data-order",),
        "the order begins anew where a training goes on",
        "The generator behind the order of the samples is saved by nobody: a fit that goes on from "
        "a file, or behind other draws, shuffles as if it were another training.",
        "Let the order of an epoch follow from the epoch's number, not from how much was drawn "
        "before: shuffle=False, and a keras.utils.PyDataset that permutes by (seed, epoch).",
        seen="Of successive fits held against one, the order first differs in the epoch with which "
        "a later one begins.",
    ),
    Mechanism(
        "jax-numpy-order",
        ("data-order",),
        "the order comes from NumPy's global generator",
        "On the JAX backend fit takes the order from np.random, which anything else that draws "
        "from it shifts.",
        "Call np.random.seed(n) directly before each fit, or shuffle yourself and pass "
        "shuffle=False.",
        seen="As for other shuffles, with both trainings on JAX.",
    ),
    Mechanism(
        "tf-one-permutation",
        ("data-order",),
        "TensorFlow repeats one permutation",
        "On the TensorFlow backend (up to Keras 3.15) a seeded fit repeats one permutation in "
        "every epoch; JAX and torch shuffle anew.",
        "Shuffle yourself with an explicit seed for each epoch and pass shuffle=False.",
        seen="Both shuffle, one on TensorFlow, and only one of them repeats one order in every "
        "epoch.",
    ),
    Mechanism(
        "torch-one-generator",
        ("data-order",),
        "torch shuffles and drops out by one generator",
        "On the torch backend the order of the samples and the draws of layers without seed= come "
        "from torch's global generator. A model with other random layers draws another number of "
        "times while it is built and trained, so the order changes with the model.",
        "Give random layers a seed of their own (Dropout(0.5, seed=n)), or shuffle the arrays "
        "yourself with np.random.default_rng(n) and pass shuffle=False.",
        seen="Both scripts seed torch alike, the orders differ, and layers draw from torch's "
        "global generator.",
    ),
    Mechanism(
        "pipeline-shuffle",
        ("data-order",),
        "the input pipeline shuffles by its own seed",
        "The pipeline (tf.data, a loader, a generator) shuffles with another seed or with none.",
        "Pass the same seed= to .shuffle() in both, or to the loader's generator.",
        seen="The data are a stream, and the same samples come in another order.",
    ),
    Mechanism(
        "pydataset-workers",
        ("data-order",),
        "several workers of a PyDataset carry batches from one epoch into the next",
        "The workers load ahead. What they have loaded when an epoch ends, or when Keras looks at "
        "a batch before the first, begins the next epoch (Keras 3.15), and how much that is, is a "
        "race: batches come twice in an epoch, or not at all.",
        "Pass workers=1 to the PyDataset's __init__.",
        seen="The data come from a PyDataset with several workers, and an epoch repeats samples.",
    ),
    Mechanism(
        "unseeded-generator",
        ("data-content",),
        "the script draws its data anew",
        "No sample is the same in two runs: the data come from a generator without a seed, "
        "such as np.random.default_rng(), which keras.utils.set_random_seed does not reach.",
        "Pass a seed: np.random.default_rng(n), RandomState(n), random_state=n.",
        seen="Two runs of one script share no sample.",
    ),
    Mechanism(
        "loop-order",
        ("data-order",),
        "a loop of the script's own orders its samples",
        "A hand-written loop, such as one of train_on_batch, gives the rows in an order that is "
        "drawn outside of Keras: by a permutation, a choice or a pipeline.",
        "Call keras.utils.set_random_seed(n) before the loop, or draw the order from a generator "
        "with a seed: np.random.default_rng(n).",
        seen="Batches that no pipeline hands out hold the same samples in another order.",
    ),
    Mechanism(
        "hash-order",
        ("data-content",),
        "a set hands out what it holds in another order",
        "The order of texts in a set follows from their hashes, which Python seeds anew in every "
        "process.",
        "Sort what comes from a set: sorted(words). PYTHONHASHSEED=0 before Python starts fixes "
        "the order, too.",
        seen="Two runs of one script had other hash seeds, no line draws without a seed, and a "
        "line above the training goes through a set.",
    ),
    Mechanism(
        "drawn-in-turn",
        ("data-content",),
        "the second data set takes later draws",
        "The data of both trainings are drawn one after the other from one generator, so that the "
        "second gets other numbers although the generator is seeded.",
        "Draw the data once and give them to both, or make the generator anew with its seed before "
        "each: rng = np.random.default_rng(n), np.random.seed(n).",
        seen="In one run, lines that draw from one generator make the data of each of two fits.",
    ),
    Mechanism(
        "prepared-otherwise",
        ("data-content",),
        "the same rows, prepared otherwise",
        "Row by row the inputs or the targets of one training follow from those of the other: the "
        "script scales, shifts, encodes or disturbs them in another way.",
        "Prepare the data in one function that both trainings call, and let it return a new "
        "array; where it draws random numbers, pass a seed, and where it numbers the entries of a "
        "set, sort them.",
        seen="Both sides are fed the same targets in one order, with other inputs; or the values "
        "of one side follow from those of the other, row by row.",
    ),
    Mechanism(
        "unseeded-split",
        ("data-content",),
        "another split of the same data",
        "Some samples are shared by both: the data were split, sampled or filled from a set "
        "differently.",
        "Pass a seed to the split (random_state=n), and sort what comes from a set, a dict or a "
        "directory.",
        seen="Two runs of one script share some samples, not all.",
    ),
    Mechanism(
        "other-subset",
        ("data-content",),
        "another part of the same data",
        "The two trainings get overlapping parts of one data set, as the folds of a "
        "cross-validation do.",
        "Train both on the same part if only the models should be compared.",
        seen="Two fits or two scripts share some samples, not all.",
    ),
    Mechanism(
        "other-dtype",
        ("data-content",),
        "the data have another type",
        "The arrays have other dtypes or shapes, so their values may differ by rounding.",
        "Convert both to one dtype, x.astype('float32'), before fit.",
        seen="The arrays have other dtypes or shapes.",
    ),
    Mechanism(
        "resampled",
        ("data-content",),
        "the same samples, repeated differently",
        "Both trainings know the same samples, but some occur more often in one of them.",
        "Use the same sampling, with a seed.",
        seen="The distinct samples are the same, and some are fed more often in one training.",
    ),
    Mechanism(
        "frozen-augmentation",
        ("data-content",),
        "the same augmentation in every epoch",
        "One training gets new random variants of the samples each epoch, the other the same ones: "
        "`cache()` behind a random `map` keeps the first draws, and a global TensorFlow seed can "
        "freeze random operations in a pipeline.",
        "Call cache() before the random map; for draws that can be repeated use stateless random "
        "operations with a counter.",
        seen="A tf.data pipeline with a map that draws repeats its samples in every epoch, and the "
        "other training's stream does not.",
    ),
    Mechanism(
        "generator-repeats",
        ("data-content",),
        "the generator yields its first samples again and again",
        "Within one epoch the stream repeats few samples and never comes to the others: the index "
        "is set back inside the loop, or the iterator is made anew for every batch.",
        "Set the index back once per pass over the data: move `i = 0` out of `while True`.",
        seen="In one training an epoch holds few distinct samples, each of them many times.",
    ),
    Mechanism(
        "stream-repeats",
        ("data-content",),
        "the data set gives the same few samples for every batch",
        "Within one epoch few samples are fed many times and the others never: __getitem__ does "
        "not use its index, or a part of the data is repeated (`take(n).repeat()`).",
        "Let each batch have rows of its own: x[index * size : (index + 1) * size] in "
        "__getitem__(self, index); in a pipeline, repeat() the whole data set.",
        seen="In one training an epoch holds few distinct samples, each of them many times, and "
        "the data are no plain generator.",
    ),
    Mechanism(
        "inputs-exchanged",
        ("data-content",),
        "two inputs are exchanged",
        "The same arrays are passed at other places: what one training reads as its first input "
        "the other reads as another.",
        "Pass the inputs in the order of the model's inputs, or as a dict by the names of the "
        "inputs.",
        seen="Every array of one training is an array of the other, at another place.",
    ),
    Mechanism(
        "labels-permuted",
        ("data-content",),
        "the labels are numbered otherwise",
        "The same samples have labels that are renamed in one and the same way: the classes were "
        "numbered in another order, as by a set or a directory listing.",
        "Fix the order of the classes: sort them, or pass class_names=.",
        seen="The inputs are equal row by row, and the targets are mapped one to one.",
    ),
    Mechanism(
        "rows-mismatched",
        ("data-content",),
        "rows of the arrays belong together otherwise",
        "Every array holds the same rows in both, but other inputs stand beside other targets: one "
        "of them was shuffled, sorted or filtered without the other, so inputs have lost their "
        "targets and there is nothing to learn from them. A seed does not help: the targets are "
        "lost with it, too.",
        "Take the rows of all arrays by one permutation: p = rng.permutation(len(x)); "
        "x, y = x[p], y[p].",
        seen="Each array has equal rows, the arrays side by side have not; or inputs that both "
        "hold have other targets, as many as by chance.",
    ),
    Mechanism(
        "targets-moved",
        ("data-content",),
        "targets stand some places further on",
        "The inputs are equal row by row, and beside each stands the target of some places further "
        "on: another horizon of a forecast, or an index that is off by one.",
        "Cut inputs and targets by one rule: where a window is series[i : i + w], the value that "
        "follows it is series[i + w].",
        seen="The inputs are equal row by row, and all targets of one side are those of the other, "
        "moved by as many rows.",
    ),
    Mechanism(
        "validation-leak",
        ("data-content", "measurement"),
        "validation samples are also training samples",
        "The metrics of the validation are measured in part on samples the model was trained on.",
        "Split first, and repeat, oversample or augment only the training part. Split once: the "
        "same seed for both subsets, or shuffle before `take` and `skip` only with "
        "reshuffle_each_iteration=False.",
        seen="Digests of validation samples are among those of the training samples.",
    ),
    Mechanism(
        "batches-shuffled",
        ("data-order",),
        "whole batches are shuffled",
        "The same samples stand together in every batch, and only the batches change places: "
        "`shuffle` comes behind `batch`.",
        "Shuffle before batching: dataset.shuffle(n, seed=s).batch(m).",
        seen="The batches of one training hold the same samples in every epoch and change places.",
    ),
    Mechanism(
        "rows-left-out",
        ("batch-size",),
        "the last rows are never fed",
        "A number of steps that was rounded down (`len(x) // batch_size`) ends every epoch before "
        "the last, smaller batch, so its rows are never trained on.",
        "Round up, math.ceil(len(x) / batch_size), and let the generator yield the last batch, "
        "too; or shuffle, so that other rows are left out in each epoch.",
        seen="One training takes fewer steps an epoch, and a few samples never come in it.",
    ),
    Mechanism(
        "racing-workers",
        ("data-content", "data-order"),
        "workers race for one generator",
        "Several workers of a PyDataset or generator, threads of a pool, or those of a parallel "
        "map of tf.data, draw from one generator, in an order that depends on timing.",
        "Make a generator from the index of the batch or item: "
        "np.random.default_rng([seed, index]). In a map of tf.data take tf.random.stateless_* with "
        "a counter.",
        seen="Two runs of one script are fed other samples, and its threads share a generator.",
    ),
    Mechanism(
        "validation-split-tail",
        ("data-content", "measurement"),
        "validation_split takes the last rows",
        "validation_split cuts off the last rows before any shuffle; in sorted data these are "
        "other classes.",
        "Shuffle the arrays with a seed before fit.",
    ),
    Mechanism(
        "last-batch",
        ("batch-size",),
        "the last, smaller batch",
        "One training uses the incomplete batch at the end of an epoch, the other drops it or "
        "stops before.",
        "Use the same drop_remainder= and steps_per_epoch=.",
        seen="The batches have one size, and the same data are cut into another number of them.",
    ),
    Mechanism(
        "stream-cut-otherwise",
        ("data-order",),
        "one stream, cut into other epochs",
        "Both streams give the same samples in the same order, and an epoch takes fewer of them "
        "in one training (`repeat()` with steps_per_epoch=), so that its next epoch begins "
        "elsewhere: that is how epochs are cut, and counted there.",
        "Let an epoch take all samples: steps_per_epoch=math.ceil(n / batch_size), or no repeat().",
        seen="Over all epochs the samples come in one order, of which an epoch takes another "
        "number.",
    ),
    Mechanism(
        "batches-moved",
        ("batch-size",),
        "batches that come in another order",
        "A PyDataset or a loader shuffles whole batches, and the smaller one comes at another "
        "place: that is the order of the data, and counted there.",
        "Fix the order of the data.",
        seen="An epoch has batches of the same sizes, in another order.",
    ),
)
