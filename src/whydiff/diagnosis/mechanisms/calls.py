"""Mechanisms of calls that measure: inference, evaluation, saving and loading."""

from whydiff.diagnosis.mechanisms.mechanism import Mechanism

MECHANISMS = (
    Mechanism(
        "drawn-apart",
        ("initialization",),
        "two models, each with weights of its own",
        "Every model that is built draws its weights anew; equal code does not mean equal weights.",
        "Seed both builds alike with keras.utils.set_random_seed(seed) right before each, or copy "
        "the weights: model_b.set_weights(model_a.get_weights()).",
        seen="Weights that differ were drawn by an initializer on both sides.",
    ),
    Mechanism(
        "cloned-without-weights",
        ("initialization", "weights"),
        "a clone that was never given the weights",
        "keras.models.clone_model copies layers and settings, but draws new weights.",
        "clone.set_weights(model.get_weights()) after clone_model.",
        seen="One model comes from clone_model and its weights are as they were drawn.",
    ),
    Mechanism(
        "averages-not-copied",
        ("weights",),
        "moving averages that were not copied",
        "trainable_variables and trainable_weights leave out what BatchNormalization and "
        "Normalization keep: a model that was given only these still answers with the averages it "
        "was built with.",
        "Copy all of them: model_b.set_weights(model_a.get_weights()).",
        seen="Only weights that are not trained differ, and one side still holds their initial "
        "values.",
    ),
    Mechanism(
        "weights-never-copied",
        ("weights",),
        "one model was never given the weights",
        "Some weights of one model are still as its initializers drew them, while the other's were "
        "trained or loaded.",
        "Load or copy the weights (load_weights, set_weights), and compare get_weights() after it.",
        seen="Weights of one side are as drawn, those of the other come from a fit or a file.",
    ),
    Mechanism(
        "weights-skipped",
        ("weights",),
        "a load left layers as they were drawn",
        "load_weights with skip_mismatch=True or by_name=True leaves out what does not match and "
        "says so in a warning only; the layers keep the weights that they were built with.",
        "Give both models equal shapes and names, load without skip_mismatch, and read the "
        "warnings.",
        seen="A load into one of the models skipped layers.",
    ),
    Mechanism(
        "last-or-best",
        ("weights",),
        "weights of another epoch",
        "A checkpoint keeps the best epoch, the model in memory the last one (or the other way "
        "round, with restore_best_weights).",
        "Compare the same epoch: load the checkpoint into both, or use "
        "EarlyStopping(restore_best_weights=True).",
        seen="One side's weights come from a checkpoint or were restored, with its epoch.",
    ),
    Mechanism(
        "best-weights-restored",
        ("weights",),
        "the best epoch's weights were put back",
        "EarlyStopping(restore_best_weights=True) ends fit with the weights of its best epoch, "
        "while the log's last line is that of the last epoch.",
        "Compare evaluate with the log of the best epoch, min(history.history['val_loss']), not "
        "with the last one.",
        seen="The weights were restored by a callback, and are those of another epoch than the "
        "last.",
    ),
    Mechanism(
        "another-file",
        ("weights",),
        "weights from another file or another moment",
        "The two models hold weights that were saved or trained at different moments.",
        "Save after the last training, and load that very file.",
        seen="One side's weights come from a file, the other's from a fit or another file.",
    ),
    Mechanism(
        "loaded-file-rewritten",
        ("weights",),
        "one file that holds other weights in each run",
        "Both runs load one file, and what wrote it, a program that the script starts or a "
        "training that was not watched, made other weights for each.",
        "Make that file the same in both runs: seed what trains and saves it, or write it once and "
        "let every run load that.",
        seen="The weights that differ come from a file of the same name in two runs.",
    ),
    Mechanism(
        "exported-before",
        ("weights",),
        "exported before the model got its weights",
        "model.export writes the weights of that moment; what the model is trained or given later "
        "stays out of it.",
        "Export again behind the last training, and load that.",
        seen="The exported function holds other values than the model that it was exported from.",
    ),
    Mechanism(
        "averaged-weights",
        ("weights",),
        "averaged weights swapped in",
        "An optimizer with use_ema (or SwapEMAWeights) puts moving averages in place of the "
        "weights for evaluation or at the end of fit.",
        "Compare both with the averages or both without: fit with "
        "callbacks=[keras.callbacks.SwapEMAWeights()], which validates with them, or call "
        "optimizer.finalize_variable_values(model.trainable_variables) in a loop of your own.",
        seen="Weights of one side come from an optimizer's moving average.",
    ),
    Mechanism(
        "weights-assigned",
        ("weights",),
        "weights were assigned or copied from elsewhere",
        "set_weights or assign gave one model other values; lists of weights pair by position, "
        "not by name.",
        "Copy layer by layer, and check that the order of layer.weights agrees.",
        seen="Weights of one side come from set_weights or assign.",
    ),
    Mechanism(
        "trained-weights-replaced",
        ("weights",),
        "other weights put in the place of the trained ones",
        "set_weights or assign put values into the model that its training did not leave: averages "
        "of the weights kept by hand, or weights of another moment.",
        "Compare both with the same weights: keep what the training left (get_weights()), and "
        "measure before other weights are put in or after they are put back.",
        seen="One side was trained, the other side's weights were assigned to the same model.",
    ),
    Mechanism(
        "weights-rounded",
        ("weights",),
        "weights that were rounded on the way",
        "Weights that are kept as float16 or with few decimals come back with fewer digits than "
        "they had.",
        "Keep them in the type in which they were trained (save_weights, or float32 arrays); or "
        "compare with a tolerance.",
        seen="Every weight of one side is that of the other, rounded to a coarser type.",
    ),
    Mechanism(
        "averages-moved",
        ("weights",),
        "moving averages that were moved by calls with training=True",
        "A call with training=True is no mere look: BatchNormalization moves its averages by what "
        "it sees, and later calls of predict and evaluate use them.",
        "Call model(x, training=False) wherever the model is used, not trained.",
        seen="Only moving averages differ, and calls of the model changed them.",
    ),
    Mechanism(
        "values-assigned",
        ("weights",),
        "weights were assigned that no model had before",
        "What was assigned differs already: it comes from code that is not watched, such as a "
        "training loop on arrays or a file that the script reads itself.",
        "Compare what that code starts from: its first weights, its data, its random numbers. "
        "A loop that is watched (`with whydiff.watch(model, optimizer=optimizer) as loop:`) is "
        "explained.",
        seen="The weights of both sides were assigned, and no model had these values before.",
    ),
    Mechanism(
        "weights-not-assigned",
        ("weights",),
        "stateless_call with weights that the model does not hold",
        "stateless_call computes with the values that it is given and leaves the model as it is. "
        "predict, evaluate, save and the model called use the variables of the model, which a loop "
        "on arrays never changes.",
        "Assign what the loop ends with before the model is used: for variable, value in "
        "zip(model.trainable_variables, trainable_variables): variable.assign(value), and the "
        "non-trainable ones likewise.",
        seen="stateless_call was given other values than the model's variables have.",
    ),
    Mechanism(
        "trained-by-unwatched-loop",
        ("weights",),
        "a training loop of the script's own",
        "A loop with GradientTape, jax.grad or loss.backward changed the weights of one model; "
        "its steps differ from those of fit (constraints, clipping, averages, order).",
        "Watch the loop (`with whydiff.watch(model, optimizer=optimizer) as loop:`) and compare "
        "the trainings; apply what fit applies: constraints, model.losses, non-trainable updates.",
        seen="Weights changed while nothing that is watched was running.",
    ),
    Mechanism(
        "trained-between",
        ("weights",),
        "the model was trained between the two calls",
        "A fit changes every weight that is not frozen, also of a model that is a part of the one "
        "that is trained. BatchNormalization is a layer of its own: with the layers before it "
        "frozen it still trains gamma and beta, and moves its averages.",
        "What is to stay as it is needs trainable = False before compile: base.trainable = False "
        "freezes all layers of a model, BatchNormalization and its averages included. Where the "
        "training is intended, compare both before it or both after it.",
        seen="Both calls are of one model, and a fit between them trained the weights that differ.",
    ),
    Mechanism(
        "trained-apart",
        ("weights",),
        "trained by different fits",
        "The two models were trained by different fits.",
        "Explain the two fits: what differs between them is why their weights do.",
        seen="Weights of both sides come from fits.",
    ),
    Mechanism(
        "adapted-again",
        ("state", "data-content"),
        "a preprocessing layer adapted to other data",
        "adapt() computes statistics or a vocabulary from the data it is given, and replaces the "
        "earlier ones.",
        "Call adapt once, on the training data, and save the layer with the model.",
        seen="Statistics of a layer come from adapt on one side.",
    ),
    Mechanism(
        "not-finalized",
        ("state",),
        "Normalization was given weights but not finalized",
        "set_weights on a Normalization layer changes its variables, while it computes with a mean "
        "and variance that adapt or load_model derived from them.",
        "Call normalization.finalize_state() after set_weights, or adapt, or load_model.",
        seen="Variables are equal, the derived mean and variance are not.",
    ),
    Mechanism(
        "other-constant",
        ("state",),
        "a value that is no variable of the model",
        "A layer computes with an array or attribute that is not among model.weights, so copying "
        "weights does not copy it.",
        "Make it a weight with add_weight(trainable=False), or a setting returned by get_config.",
        seen="Values that layers hold besides their weights differ.",
    ),
    Mechanism(
        "stale-trace",
        ("state",),
        "a compiled function is older than the values it reads",
        "fit, predict and evaluate compile the model once; Python values that it read then stay, "
        "whatever becomes of them later.",
        "Pass the value as an input or keep it in a variable; otherwise compile again after "
        "changing it (for predict, model.predict_function = None is enough).",
        seen="The value at the time of the call is not the one that was traced.",
    ),
    Mechanism(
        "adapted-after-compiling",
        ("state",),
        "adapted after the model was compiled",
        "fit, predict and evaluate compile the model once, with the statistics or the vocabulary "
        "that a preprocessing layer has then; a later adapt() does not reach that function.",
        "Call adapt before the model is first used; after a later one compile the model again "
        "(for predict, model.predict_function = None is enough).",
        seen="The statistics or the vocabulary at the time of the call are not those that were "
        "traced.",
    ),
    Mechanism(
        "recurrent-state",
        ("state",),
        "hidden state transferred from an earlier call",
        "A stateful recurrent layer goes on from where its last call stopped (with TensorFlow and "
        "torch; JAX drops the state after predict and fit).",
        "Call layer.reset_states() before each sequence, or build with stateful=False.",
        seen="The hidden state before the call differs.",
    ),
    Mechanism(
        "global-read-by-a-layer",
        ("architecture",),
        "a layer reads a variable of the script",
        "A Lambda or a layer of the script's own reads a global, and its value changed between the "
        "two calls.",
        "Pass it to the layer's constructor and return it from get_config.",
        seen="A global or closure that a layer's code reads has another value.",
    ),
    Mechanism(
        "setting-changed",
        ("architecture",),
        "a setting of a layer that was changed after the model was built",
        "The script assigned an attribute that the layer's code reads, between the two calls.",
        "Set it before the model is used, or pass it as an input; where a compiled function may "
        "have kept the old value, compile the model again.",
        seen="An attribute that a layer's own code reads has another value, in one and the same "
        "model.",
    ),
    Mechanism(
        "setting-lost",
        ("architecture",),
        "a setting that get_config leaves out",
        "load_model and clone_model build layers from get_config; what it does not return takes "
        "its default.",
        "Return every constructor argument from get_config.",
        seen="A setting differs between a model and what was loaded or cloned from it.",
    ),
    Mechanism(
        "other-code-at-load",
        ("architecture",),
        "a file that was loaded with other code",
        "A file holds names of functions and classes of the script, not their code: load_model "
        "takes what custom_objects= or the registered names give it.",
        "Load with the very functions and classes that the model was built with: keep them in one "
        "module that both scripts import.",
        seen="Only code of the script differs between a model and what was loaded from its file.",
    ),
    Mechanism(
        "training-flag",
        ("mode",),
        "called as in training",
        "predict and evaluate run the model with training=False; model(x, training=True) switches "
        "dropout on and lets BatchNormalization use the statistics of the batch.",
        "Call model(x, training=False) wherever the model is used, not trained.",
        seen="The flag that layers got differs.",
    ),
    Mechanism(
        "training-baked-in",
        ("mode",),
        "training=True baked into the model",
        "A layer that was called with training=True when the model was built behaves as in "
        "training unless the call passes a flag: predict passes training=False, model(x) none.",
        "Build without training=, and pass it where the model is called.",
        seen="One call passes no flag and layers run as in training, the other passes one.",
    ),
    Mechanism(
        "exported-in-training",
        ("mode",),
        "a function exported with training=True",
        "What was exported computes as it was traced: with training=True it keeps the statistics "
        "of each batch and its dropout for good, whoever calls it.",
        "Export inference: model.export(path), or add_endpoint with "
        "lambda x: model(x, training=False).",
        seen="The model gives what the exported function gives with training=True, and not "
        "without.",
    ),
    Mechanism(
        "training-by-default",
        ("mode",),
        "a layer whose default is training=True",
        "Where a call passes no flag, the default of the layer's own call counts. That of Keras's "
        "augmentation layers (RandomFlip, RandomRotation) and of a class with "
        "call(self, x, training=True) is True; predict and evaluate pass training=False.",
        "Call model(x, training=False) wherever the model is used, not trained; in a class of "
        "your own write call(self, x, training=False).",
        seen="One call passes no flag and layers run as in training, though the model was not "
        "built so.",
    ),
    Mechanism(
        "batch-statistics",
        ("mode", "batch-size"),
        "rows depend on the batch that they come in",
        "In training behaviour BatchNormalization normalizes with the statistics of the batch, so "
        "an answer depends on the other rows.",
        "Use training=False for inference.",
        seen="Outputs of the same rows change with the size or order of the batches.",
    ),
    Mechanism(
        "rows-depend-on-their-batch",
        ("batch-size",),
        "a row's answer depends on the other rows of its batch",
        "A layer computes over the axis of the batch: a mean over axis 0 or over everything, a "
        "reshape that mixes rows, a softmax over axis 0.",
        "Reduce over the axes of one sample only (axis=-1, or axis=(1, 2, 3) for images), never "
        "over axis 0 or over all.",
        seen="The same rows, alone or among others, give other outputs, and by more than rounding.",
    ),
    Mechanism(
        "batch-statistics-in-fit",
        ("mode",),
        "BatchNormalization: batch statistics in fit, moving averages in evaluate",
        "fit normalizes with the statistics of each batch; evaluate and predict use moving "
        "averages, which after few steps are far from them.",
        "Train for more steps, or lower BatchNormalization(momentum=0.9), or use larger batches.",
        seen="The final weights are evaluated in both modes.",
    ),
    Mechanism(
        "measured-before-the-step",
        ("measurement",),
        "train_on_batch gives the number from before its step",
        "train_on_batch measures loss and metrics in the pass that its gradients come from: with "
        "the weights as they were before the step, and with dropout and batch statistics on.",
        "Compare test_on_batch or evaluate with evaluate: call either behind the step.",
        seen="The weights behind the step are evaluated on its samples in both modes.",
    ),
    Mechanism(
        "metric-never-updated",
        ("measurement",),
        "a metric that evaluate never updates",
        "A model with a train_step of its own updates its own metrics there; evaluate runs "
        "test_step, and Keras's knows nothing of them: they stay at 0.",
        "Write test_step as well, and update the same metrics in it.",
        seen="A test step leaves the metric as reset_state() does.",
    ),
    Mechanism(
        "random-layers-in-fit",
        ("mode",),
        "dropout and other random layers act in fit only",
        "What fit logs is measured with dropout, noise and augmentation on; evaluate has them off.",
        "Compare evaluate with evaluate: call model.evaluate on the training data.",
        seen="The final weights are evaluated with random layers on and off.",
    ),
    Mechanism(
        "noise-at-inference",
        ("noise",),
        "random layers that act at inference",
        "Every call draws other random numbers (Monte Carlo dropout, sampling, augmentation).",
        "That is intended for Monte Carlo dropout: average over many calls. Otherwise call the "
        "model with training=False, and take training=True out of its own code, which holds in "
        "predict, too; or give the layer a seed and reset its generator before each call.",
        seen="Seed generators of the model moved on between the calls.",
    ),
    Mechanism(
        "unseeded-noise",
        ("noise",),
        "a layer draws from a global generator",
        "A layer draws with NumPy, Python or the backend's global generator at inference.",
        "Use keras.random with a keras.random.SeedGenerator of the layer's own.",
        seen="A global generator moved during the call.",
    ),
    Mechanism(
        "rows-in-another-order",
        ("data-order",),
        "the same rows in another order",
        "A source that shuffles anew at every pass gives rows of one call other positions in the "
        "other, and labels read in a pass of their own do not belong to the predictions. Arrays "
        "that were permuted are in another order as well.",
        "Take labels and predictions in one pass (for x, y in data: ...), or do not shuffle what "
        "is evaluated: where it does so is named, if that is known.",
        seen="The same rows came in another order.",
    ),
    Mechanism(
        "labels-of-another-pass",
        ("data-order",),
        "labels and predictions from two passes over a source that reshuffles",
        "The labels were read in one pass over the data, the predictions made in another, in which "
        "the rows came in another order: they do not belong together.",
        "Take labels and predictions in one pass (for x, y in data: ...), or do not shuffle what "
        "is evaluated: "
        "shuffle=False of DataLoader, flow and ..._from_directory, "
        "reshuffle_each_iteration=False of tf.data, no shuffling in the on_epoch_end or "
        "__getitem__ of a class of your own.",
        seen="Labels in the order in which predictions were made give evaluate's number.",
    ),
    Mechanism(
        "labels-in-another-order",
        ("data-order", "data-content"),
        "samples in another order than their labels",
        "The samples were shuffled, sorted or selected, and the labels were not, or not alike.",
        "Shuffle, sort and select both with one permutation: order = rng.permutation(len(x)); "
        "x, y = x[order], y[order].",
        seen="With the label of its own sample for every prediction the score is evaluate's.",
    ),
    Mechanism(
        "columns-of-the-labels",
        ("measurement",),
        "columns of the labels in another order than the outputs",
        "Labels of several columns that are put together from a dictionary or a table stand in "
        "its order, or in that of sorted names; the model's outputs stand in the order that it was "
        "trained on.",
        "Keep one list of the column names, and put both training and test labels together by it.",
        seen="Column by column the labels are those of evaluate, at other places.",
    ),
    Mechanism(
        "other-labels",
        ("data-content",),
        "other labels for the same samples",
        "What predictions are compared with was made otherwise on one side: another column, other "
        "units, another version of a file.",
        "Give both the same array of labels.",
        seen="The samples are equal, and their labels are not those of the other side in any "
        "order.",
    ),
    Mechanism(
        "classes-numbered-otherwise",
        ("data-content",),
        "classes in another order",
        "Classes get their numbers from an order: that of a list, the alphabet (LabelEncoder, "
        "folders of images), or the first appearance. In another order class 1 is another class.",
        "Keep one list of the classes, and number labels and predictions by it "
        "(encoder.classes_, generator.class_indices, dataset.class_names).",
        seen="Each class of one side is one class of the other throughout, under another number.",
    ),
    Mechanism(
        "generator-goes-on",
        ("data-order",),
        "a generator that goes on from where it stood",
        "A generator of Python's goes on where its last use left it; steps= that do not end with "
        "an epoch, or a batch that was taken to look at it, leave it in the middle.",
        "Make the generator anew right before predict, or predict from the arrays.",
        seen="The predicted rows are evaluate's from another row on, then those before it.",
    ),
    Mechanism(
        "other-samples-at-each-pass",
        ("data-content",),
        "a source that gives other samples at every pass",
        "take and skip behind a shuffle that reshuffles split the data anew in every pass: "
        "validation and training samples are mixed, and each pass holds others.",
        "Split first, then shuffle the training part; or shuffle(..., "
        "reshuffle_each_iteration=False) before take and skip.",
        seen="Samples that were predicted are not among those that were evaluated.",
    ),
    Mechanism(
        "samples-in-no-batch",
        ("data-content",),
        "a loop over batches that leaves samples out",
        "A loop over len(x) // batch_size batches, drop_remainder=True or drop_last=True never "
        "come to the samples behind the last full batch.",
        "Go through all of them: for i in range(0, len(x), batch_size): ...; or divide the hits by "
        "the number of samples that were predicted.",
        seen="On the samples that were predicted evaluate's metric is the score.",
    ),
    Mechanism(
        "validated-on-other-samples",
        ("data-content",),
        "validation on samples that were not trained on",
        "A model fits the samples that it was trained on better than others (overfitting), and two "
        "sets of samples are never equally hard.",
        "This gap is what validation is for. A smaller one needs more data, regularization or an "
        "earlier end of the training; whether two sets are equally hard, several splits show.",
        seen="The same weights, in inference, give different numbers on the two sets of samples.",
    ),
    Mechanism(
        "evaluated-in-part",
        ("data-content",),
        "one was given a part of the samples",
        "steps=, take() or drop_remainder=True end a pass before the last sample, while the other "
        "number is of all of them.",
        "Evaluate all samples, or compare the same part: leave out steps= and drop_remainder=, or "
        "give them to both.",
        seen="All samples of the one are among the other's; on these both numbers are equal.",
    ),
    Mechanism(
        "values-at-other-places",
        ("data-content",),
        "the same values at other places",
        "Images that OpenCV reads have blue first, those of PIL and Keras red; channels stand last "
        "or first; rows and columns change places between (width, height) and (height, width).",
        "Bring the inputs into the form of the training data: x[..., ::-1] for BGR, "
        "np.moveaxis(x, 1, -1) for channels that come first, one order of reshape() and of "
        "columns.",
        seen="Reversed or with its axes in another order one input is the other.",
    ),
    Mechanism(
        "input-in-another-form",
        ("data-content",),
        "the same samples in another form",
        "The rows are the same samples scaled, shifted or encoded otherwise: preprocessing applied "
        "twice or in place, a scaler fitted again, another vocabulary, dtype or range.",
        "Prepare both alike: divide by the same number, and preprocess once, with what was fitted "
        "on the training data, into a new array: preprocess_input(x.copy()), scaler.transform(x).",
        seen="Each column of one input follows from a column of the other.",
    ),
    Mechanism(
        "numbered-otherwise",
        ("data-content",),
        "words or categories numbered otherwise",
        "The same samples were made numbers by two lookups: a TextVectorization or StringLookup "
        "that was adapted to other data, a tokenizer or LabelEncoder fitted again, a dict from a "
        "set.",
        "Number with one and the same vocabulary: save the layer with the model, or pass it the "
        "vocabulary: TextVectorization(vocabulary=first.get_vocabulary()).",
        seen="Each whole number of one input stands for one of the other.",
    ),
    Mechanism(
        "changed-in-place",
        ("data-content",),
        "an array that was changed in place",
        "x -= mean, x /= 255, preprocess_input(x) and np.random.shuffle(x) write into the array "
        "that they are given: whoever holds it goes on with the new values.",
        "Make a new array: x = x - mean, preprocess_input(x.copy()).",
        seen="Both calls were given one and the same array, with other values in it.",
    ),
    Mechanism(
        "samples-made-anew",
        ("data-content",),
        "a source that makes its samples anew at every pass",
        "Augmentation in a pipeline (map, a generator, ImageDataGenerator) draws at every pass: "
        "evaluated twice, the same images are two sets of images.",
        "Augment the data that are trained on only, and evaluate and predict on a pipeline without "
        "it.",
        seen="One source, passed over twice, gave the same labels with other values.",
    ),
    Mechanism(
        "padding-without-a-mask",
        ("data-content",),
        "padding that the model computes with",
        "The same samples are padded to other lengths, and no mask tells the layers so: they "
        "compute with the zeros as with any other step.",
        "Build the model with a mask (Embedding(mask_zero=True) or Masking), with layers that pass "
        "it on (supports_masking); otherwise pad all samples to one length, in training too.",
        seen="Rows are equal but for zeros at their ends.",
    ),
    Mechanism(
        "mask-ends",
        ("architecture", "data-content"),
        "a layer that does not pass on the mask",
        "A mask from Embedding(mask_zero=True) or Masking ends at a layer without "
        "supports_masking; layers behind it compute with the padding.",
        "Set self.supports_masking = True in the layer's constructor, or return a mask from "
        "compute_mask.",
        seen="A layer of one model drops the mask of the layers before it.",
    ),
    Mechanism(
        "low-rank-adapted",
        ("architecture", "weights"),
        "low-rank adaptation (LoRA) in one of the models",
        "enable_lora adds two small matrices to a layer's kernel; without them the layer computes "
        "with the kernel that it had before.",
        "Save the whole model after the adaptation (model.save), which merges it into the kernel, "
        "and load that; or enable LoRA in both before loading the weights.",
        seen="lora_enabled or lora_rank of a layer differs.",
    ),
    Mechanism(
        "other-vocabulary",
        ("data-content",),
        "another vocabulary in a lookup layer",
        "A lookup layer gives a text or number the position that it has in the vocabulary: in "
        "another order, every sample becomes another.",
        "Adapt once, and save the vocabulary with the model (model.save, or "
        "get_vocabulary() and the layer's argument vocabulary=).",
        seen="The vocabularies of a lookup layer differ.",
    ),
    Mechanism(
        "other-dtype-policy",
        ("precision",),
        "another dtype policy",
        "A model computes in the dtype policy that was set when its layers were built; float16 has "
        "three digits.",
        "Set the same policy before building both, and keep the last layer in float32.",
        seen="Dtype policies of layers differ.",
    ),
    Mechanism(
        "quantized",
        ("precision", "weights"),
        "quantized weights",
        "quantize() rounds weights (and inputs) to few bits.",
        "Compare quantized with quantized, or check the loss of accuracy before using it.",
        seen="A layer's policy is a quantized one.",
    ),
    Mechanism(
        "batch-size-rounding",
        ("batch-size",),
        "rows computed in batches of another size",
        "Libraries choose other kernels for other sizes, which add in another order; the last "
        "digits of each row change with it.",
        "Nothing is wrong: compare with a tolerance, np.testing.assert_allclose(a, b, rtol=1e-5).",
        seen="Only the size of the batches moves the outputs, and by no more than rounding.",
    ),
    Mechanism(
        "eager-or-compiled",
        ("arithmetic",),
        "the same formula compiled and operation by operation",
        "predict and evaluate compile the model as one function, which may reorder sums; calling "
        "it runs operation by operation.",
        "Compare with a tolerance: np.testing.assert_allclose(a, b, rtol=1e-5).",
        seen="With every field equal the two ways give other last digits.",
    ),
    Mechanism(
        "threshold-on-logits",
        ("measurement",),
        "'accuracy' cuts logits at 0.5",
        "'accuracy' and BinaryAccuracy call a prediction positive above 0.5; a model without "
        "sigmoid gives logits, whose middle is 0.",
        "metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)], or a sigmoid in the last layer.",
        seen="Computed again with a threshold of 0 the metric is the other's.",
    ),
    Mechanism(
        "auc-of-logits",
        ("measurement",),
        "AUC of logits",
        "keras.metrics.AUC puts its thresholds between 0 and 1; a model without sigmoid gives "
        "logits, of which those below 0 and above 1 fall together.",
        "metrics=[keras.metrics.AUC(from_logits=True)], or a sigmoid in the last layer.",
        seen="Computed again with from_logits=True the metric is the other's.",
    ),
    Mechanism(
        "another-threshold",
        ("measurement",),
        "outputs made classes by another rule than the metric's",
        "A metric with threshold= (0.5 if none is given) makes classes of the outputs itself; the "
        "score was given classes that were cut elsewhere.",
        "Cut the predictions at the metric's threshold, or give the metric yours: "
        "keras.metrics.BinaryAccuracy(threshold=...), Precision(thresholds=...).",
        seen="Computed from the classes that the score was given, the metric is the score.",
    ),
    Mechanism(
        "argmax-of-one-column",
        ("measurement",),
        "argmax of a single column",
        "A head of one unit gives one column, and the largest of one column is always column 0: "
        "every sample is called negative.",
        "Cut the column instead: (model.predict(x) > 0.5).astype(int).ravel(), logits at 0.",
        seen="The classes are all 0, and with the outputs cut where the metric cuts them the score "
        "is evaluate's.",
    ),
    Mechanism(
        "among-the-largest",
        ("measurement",),
        "a top-k accuracy",
        "TopKCategoricalAccuracy counts a sample as right if its class is among the k largest "
        "outputs.",
        "Compare it with sklearn.metrics.top_k_accuracy_score, or compile 'accuracy'.",
        seen="Counted among the k largest outputs the accuracy is evaluate's.",
    ),
    Mechanism(
        "labels-and-predictions-exchanged",
        ("measurement",),
        "a score with labels and predictions exchanged",
        "Metric functions take the labels first, then the predictions. The other way round "
        "precision is recall, and R2 or a percentage error is relative to the predictions; an "
        "accuracy or a mean squared error stays as it is.",
        "Give the labels first, then the predictions, as in r2_score(y_true, y_pred).",
        seen="With labels and predictions the other way round the score is evaluate's.",
    ),
    Mechanism(
        "other-units",
        ("measurement",),
        "a score in other units than the metric",
        "evaluate measures in the units of the targets that it is given; predictions that were "
        "scaled back (inverse_transform, expm1) are measured in those of the data.",
        "Compare both in one unit: score the outputs as they are against scaled labels, or "
        "multiply evaluate's error by the scale of the targets (a squared one by its square).",
        seen="From the outputs as they are and evaluate's labels the score is evaluate's.",
    ),
    Mechanism(
        "metrics-emptied-in-an-epoch",
        ("measurement",),
        "metrics that an evaluation in the middle of an epoch began anew",
        "fit and evaluate keep their metrics in one place, and evaluate empties it: what fit logs "
        "of the epoch then counts the evaluated samples and only the batches behind them.",
        "Evaluate at the end of an epoch (on_epoch_end), or evaluate another model of the same "
        "layers, compiled for itself: keras.Model(model.inputs, model.outputs).",
        seen="The same training without these evaluations logs another number.",
    ),
    Mechanism(
        "metric-averaged-over-batches",
        ("measurement", "batch-size"),
        "a metric that is averaged over batches",
        "A metric given as a function is computed for each batch, and Keras reports the mean of "
        "these: for F1, RMSE, precision or a correlation that is not its value over all samples.",
        "Use a metric that keeps its state over the batches (keras.metrics.F1Score, "
        "RootMeanSquaredError, Precision, or a subclass of keras.metrics.Metric), or evaluate in "
        "one batch.",
        seen="At equal answers for every sample the metric moves with the batches; computed over "
        "all samples in one batch it is the other's.",
    ),
    Mechanism(
        "mean-of-unequal-batches",
        ("measurement",),
        "a mean over batches of unequal sizes",
        "The mean of what test_on_batch or evaluate gives of each batch counts the few samples of "
        "a smaller last batch as much as a full one.",
        "Weight by the sizes: np.average(values, weights=sizes), or call evaluate once.",
        seen="Weighted by the sizes of the batches the mean is evaluate's number.",
    ),
    Mechanism(
        "sample-weights-in-one",
        ("measurement",),
        "sample weights in one of the two numbers",
        "Weighted samples count by their weight in the loss and in weighted_metrics; a number "
        "computed without the weights is another one.",
        "Give both the same weights: sample_weight= in evaluate and in scikit-learn's function "
        "(class_weight of fit has no counterpart in evaluate: weight the samples by their class).",
        seen="Without the weights, or with them in both, the numbers are equal.",
    ),
    Mechanism(
        "steps-under-a-mask",
        ("measurement",),
        "padded steps in one of the two numbers",
        "Losses and metrics of Keras leave out the steps that a mask covers (mask_zero=True, "
        "Masking); a number computed from predict's outputs counts the padding as well.",
        "Leave them out by hand as well: keep = x != 0, then np.mean(predicted[keep] == y[keep]).",
        seen="Computed without the mask the metric is the other's.",
    ),
    Mechanism(
        "labels-of-another-output",
        ("measurement",),
        "labels of one output, predictions of another",
        "predict returns a list with the outputs in the order in which the model was built with "
        "them; unpacked in another order, predictions meet the labels of another output.",
        "Unpack predict's list in the order of model.output_names, or build the model with a dict "
        "of outputs: keras.Model(inputs, {'price': price, 'size': size}).",
        seen="The labels are those that evaluate has for another output; with those of the "
        "predicted one the score is evaluate's.",
    ),
    Mechanism(
        "setting-of-the-loss",
        ("measurement",),
        "a setting of the loss that the score does not have",
        "Label smoothing, a delta, a gamma or class weights inside a loss change the number that "
        "evaluate reports, and scikit-learn's function knows nothing of them.",
        "Compile the plain loss, without this setting, as a metric as well, and compare that.",
        seen="With this setting as it is by default the loss is the score.",
    ),
    Mechanism(
        "losses-weighted-in-the-sum",
        ("measurement",),
        "the losses of the outputs are weighted in the total",
        "The loss of a model of several outputs is their weighted sum (loss_weights=); the loss of "
        "each output is reported without its weight.",
        "Weight each output's loss as loss_weights= does before you add them up.",
        seen="Without loss_weights the total is the sum of the parts.",
    ),
    Mechanism(
        "list-position",
        ("measurement",),
        "another metric of the list that evaluate returns",
        "evaluate returns a list: the loss, with several outputs the loss of each, then the "
        "metrics in the order in which they were compiled.",
        "Take numbers by name: model.evaluate(x, y, return_dict=True)['accuracy'].",
        seen="The printed number stands at the position of another metric.",
    ),
    Mechanism(
        "regularization-in-the-loss",
        ("measurement",),
        "a loss that contains the regularization",
        "The loss that fit and evaluate report is the objective: it contains the penalties of "
        "kernel_regularizer and add_loss.",
        "Compile the function of the loss as a metric as well, and compare that: a metric holds no "
        "penalties.",
        seen="Without the sum of model.losses the loss is the other's.",
    ),
    Mechanism(
        "shapes-broadcast",
        ("measurement",),
        "labels and outputs of other shapes",
        "An array of shape (n,) is paired with one of shape (n, 1) each with each: the mean is "
        "taken over n times n pairs, most of them of two different samples.",
        "Give both one shape: model.predict(x).ravel(), or y.reshape(-1, 1).",
        seen="With labels in the shape of the outputs the numbers are equal.",
    ),
    Mechanism(
        "all-outputs-at-once",
        ("measurement",),
        "an accuracy that needs every label of a sample",
        "scikit-learn's accuracy_score of several labels per sample counts a sample only where all "
        "of them are right; Keras counts each label by itself.",
        "Count alike in both: (y_true == y_pred).mean() counts each label.",
        seen="Counted output by output the accuracy is the one number, sample by sample the other.",
    ),
    Mechanism(
        "largest-of-several-labels",
        ("measurement",),
        "an accuracy of the largest output where a sample has several labels",
        "For targets of several columns 'accuracy' compares argmax with argmax, whatever the loss: "
        "of several labels that are 1 only the first counts.",
        "metrics=['binary_accuracy'] counts each label; accuracy_score(y_true, y_pred) needs all "
        "labels of a sample.",
        seen="By the largest output and the first label that is 1 the accuracy is evaluate's.",
    ),
    Mechanism(
        "labels-of-zero",
        ("measurement",),
        "a percentage of labels that are 0",
        "mean_absolute_percentage_error divides by the label; where that is 0 Keras divides by "
        "1e-7, and a few such samples make up nearly all of the mean.",
        "Measure mean_absolute_error, or leave out the samples whose label is 0 in both.",
        seen="Without the samples whose label is 0 both numbers are equal.",
    ),
    Mechanism(
        "outputs-equal-to-the-label",
        ("measurement",),
        "an accuracy that counts outputs equal to the label",
        "keras.metrics.Accuracy compares labels with outputs as they are: a probability is hardly "
        "ever equal to a class.",
        "Compile the string 'accuracy', which takes the class that fits the loss and the outputs, "
        "or that class itself: BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy.",
        seen="The part of the outputs that equal the label is the one number, that of the classes "
        "that they say the other.",
    ),
    Mechanism(
        "each-output-on-its-own",
        ("measurement",),
        "an accuracy of each output on its own",
        "binary_accuracy, and 'accuracy' with a binary loss, count every output of every sample; "
        "most outputs of a one-hot target are zeros, and easily right.",
        "metrics=[keras.metrics.CategoricalAccuracy()] for one class per sample.",
        seen="Counted output by output the accuracy is evaluate's, by the largest output the "
        "other's.",
    ),
    Mechanism(
        "classes-instead-of-outputs",
        ("measurement",),
        "a score of classes where the metric reads the outputs",
        "A ROC curve, a log loss or an error needs the outputs; computed from argmax or from "
        "outputs that were cut, it is another number.",
        "Give the function model.predict(x) itself.",
        seen="Computed from the outputs the score is evaluate's.",
    ),
    Mechanism(
        "measured-by-another-rule",
        ("measurement",),
        "the same outputs measured by another rule",
        "Metrics resolve, average and weight differently: per batch or over all rows, with or "
        "without sample weights, with another threshold.",
        "Name the metric's class and its settings, and compute both from the same outputs.",
        seen="From equal outputs the two rules give other numbers.",
    ),
)
