"""Mechanisms of state transferred, model, objective, mode, measurement and optimizer."""

from whydiff.diagnosis.mechanisms.mechanism import Mechanism

MECHANISMS = (
    Mechanism(
        "shared-layers",
        ("state",),
        "layers that were trained before",
        "The model contains layer objects that an earlier fit trained, so it starts where that "
        "fit stopped.",
        "Build new layers for every model: put the construction into a function and call it anew.",
        seen="Weights differ that an earlier fit left, and the model is not the one of that fit; "
        "the optimizer is fresh.",
    ),
    Mechanism(
        "continued-fit",
        ("state",),
        "a second fit goes on where the first stopped",
        "fit does not reset a model: weights and optimizer continue from the earlier fit.",
        "Build and compile a new model, or restore the initial weights and compile again.",
        seen="Weights differ that an earlier fit of the same model left, or weights and "
        "optimizer variables both come from one.",
    ),
    Mechanism(
        "cell-run-again",
        ("state",),
        "a cell that was run again on a model that was fitted before",
        "Running a notebook cell again does not build the model anew: fit goes on from the weights "
        "and the optimizer that the earlier run of the cell left.",
        "Build and compile the model in the cell that fits it, or run the cell that builds it "
        "first, each time.",
        seen="The same line called both fits, in two recordings of one session, and weights of one "
        "come from a fit before its recording.",
    ),
    Mechanism(
        "file-carried-over",
        ("state",),
        "a file that one run wrote and the next one read",
        "A checkpoint, a tuner's storage or a cache outlives the run that wrote it: the next run "
        "of the same script begins with it.",
        "Remove the file before the run, or give each run a folder of its own.",
        seen="The run that began later read a file which the earlier one had written, with another "
        "content than the earlier one had found.",
    ),
    Mechanism(
        "file-rewritten",
        ("initialization", "data-content"),
        "a file that another program wrote for each run",
        "The script reads a model or data that some other program, perhaps one that it starts, "
        "writes anew for every run: what differs was made there.",
        "Make that file the same in both runs: seed the program that writes it, or write it once "
        "and let every run read that.",
        seen="Both runs read one file with another content in each, and neither was seen to write "
        "it; the script seeds its own draws.",
    ),
    Mechanism(
        "earlier-fit-loaded",
        ("state",),
        "a file that an earlier fit of the run saved",
        "The model loads weights that an earlier fit left in a file, as a checkpoint of one name "
        "that every training writes: it starts where that fit stopped.",
        "Give each training a file of its own, or remove the file before each; or load it in both.",
        seen="Weights differ that an earlier fit left, and the model loaded a file before its fit "
        "that the same run had saved; the optimizer is fresh.",
    ),
    Mechanism(
        "optimizer-not-reset",
        ("state",),
        "the weights were reset, the optimizer was not",
        "The optimizer still holds the moments and the step count of an earlier fit.",
        "Compile anew with a new optimizer after resetting the weights.",
        seen="Optimizer variables differ that an earlier fit left; the weights do not come from "
        "one.",
    ),
    Mechanism(
        "hidden-state-kept",
        ("state",),
        "a layer keeps what the last call left",
        "A stateful recurrent layer (LSTM, GRU) or a layer with a variable of its own goes on from "
        "the hidden state that an earlier fit, evaluate or predict left. get_weights and compile "
        "do not touch it.",
        "Call reset_state() on the stateful layer (model.reset_states() up to Keras 3.2), or build "
        "the model anew, before each training.",
        seen="A variable that a layer holds without Keras tracking it starts with other values.",
    ),
    Mechanism(
        "attribute-kept",
        ("state",),
        "a value outside of the variables that training sets",
        "A layer's call, or a train step, keeps a number in a Python attribute, of the layer or of "
        "its class, or in a global: neither set_weights nor compile() sets it back, those of a "
        "class and globals go on in a new layer, and a compiled step never sets it again.",
        "Keep it in a weight, add_weight(trainable=False), which a new layer begins anew, or set "
        "it back before each fit.",
        seen="A value that steps themselves set begins with another one.",
    ),
    Mechanism(
        "adapted-otherwise",
        ("initialization", "data-content", "state"),
        "a layer was adapted to other data",
        "Normalization takes its mean and variance from the data that adapt() is given: all rows, "
        "the training part, one batch. They are data, although they are variables.",
        "Adapt both to the same data, the rows that are trained on: layer.adapt(x_train).",
        seen="Weights of Normalization layers differ before training.",
    ),
    Mechanism(
        "slots-lost",
        ("state", "optimizer"),
        "the optimizer starts from zero",
        "The weights go on from an earlier training, but compile() or load_weights() left the "
        "optimizer's moments and step count at zero.",
        "Save the whole model (model.save) and resume with keras.models.load_model, which restores "
        "the optimizer; do not compile again.",
        seen="The weights of a fit come from an earlier one while its optimizer is fresh, and the "
        "other fit's optimizer is not.",
    ),
    Mechanism(
        "optimizer-started-anew",
        ("optimizer",),
        "compile between the fits of one training",
        "compile() with the name of an optimizer, or a new one, sets moments and step count back "
        "to 0 in the middle of a training that goes on.",
        "Compile once, before the first of these fits.",
        seen="Of successive fits held against one, a later one starts with a fresh optimizer.",
    ),
    Mechanism(
        "schedule-restarted",
        ("optimizer",),
        "a schedule that begins again with each fit",
        "Callbacks that set the learning rate by the number of the epoch are given 0 again by each "
        "fit without initial_epoch.",
        "Give each later fit the number of epochs trained so far: fit(..., initial_epoch=n, "
        "epochs=n + more).",
        seen="Of successive fits held against one, a later one counts its epochs from 0 again, and "
        "has a callback that sets the optimizer.",
    ),
    Mechanism(
        "learning-rate-left-changed",
        ("optimizer", "state"),
        "an earlier fit changed the learning rate",
        "A callback of an earlier fit changed the optimizer's learning rate, and it stayed so.",
        "Compile with a new optimizer before each fit.",
        seen="The learning rate at the start is one that an earlier fit ended with.",
    ),
    Mechanism(
        "rates-set-by-callbacks",
        ("optimizer",),
        "callbacks set other learning rates",
        "A callback sets the learning rate while a training runs, and the other training's sets "
        "another one, or it has none.",
        "Give both trainings the same callback with the same settings, or a schedule "
        "(keras.optimizers.schedules) to the optimizer.",
        seen="Callbacks whose code sets a learning rate, and other rates at an epoch or a step.",
    ),
    Mechanism(
        "callbacks-act",
        ("optimizer",),
        "callbacks that act on the training",
        "A callback changes weights, states or settings while a training runs, and the other "
        "training has none such, or one with other settings.",
        "Give both trainings the same callbacks with the same settings.",
        seen="Nothing of the optimizer differs but the callbacks that were seen to act.",
    ),
    Mechanism(
        "frozen-on-the-way",
        ("optimizer",),
        "a callback freezes layers while the training runs",
        "A callback sets a layer's trainable flag between two epochs, and its weights stop or "
        "begin to move there. Only a step that is not compiled looks at the flag again.",
        "Give both trainings the same callback, or freeze the layers before compile().",
        seen="The script sets trainable inside fit, and the layer's weights follow it.",
    ),
    Mechanism(
        "callback-goes-on",
        ("optimizer", "duration", "state"),
        "a callback goes on from where an earlier fit left it",
        "Two fits are given one callback object, and what it counted in the first it still holds "
        "in the second.",
        "Make a new callback for each fit, or set its attributes back in on_train_begin.",
        seen="Callbacks differ in nothing but attributes that an earlier fit of the same run left "
        "in the very object.",
    ),
    Mechanism(
        "softmax-and-from-logits",
        ("objective",),
        "softmax output with from_logits=True",
        "The output layer already applies softmax or sigmoid while the loss expects logits: "
        "TensorFlow uses the hidden logits, JAX and torch apply it twice.",
        "Keep one of the two: no activation in the last layer, or from_logits=False.",
        seen="from_logits differs, and the last layer of one model is a softmax or sigmoid while "
        "its loss expects logits.",
    ),
    Mechanism(
        "weights-of-other-samples",
        ("objective",),
        "sample weights that follow from the samples",
        "The samples differ, and with them the weights of those that both sides have: weights that "
        "balance classes count all samples.",
        "Make the samples agree first.",
        seen="In two runs of one script sample weights differ for shared samples, beside samples "
        "that only one has: they are counted with the data.",
    ),
    Mechanism(
        "own-train-step",
        ("mode", "objective"),
        "a hand-written training step",
        "One model trains with its own train_step; such loops often forget sum(model.losses) or "
        "training=True.",
        "Call the model with training=True and add its losses, or use the built-in fit.",
        seen="One of the models has a train_step of its own, or both have one, with other code.",
    ),
    Mechanism(
        "class-counts-on",
        ("architecture",),
        "a class of layers counts on from one model to the next",
        "The class of a layer holds a value for all of its layers, which each new layer changes, "
        "or a list that is the default of an argument: a model that is built again begins with "
        "what the one before has left there.",
        "Give each layer the value as an argument, or set the attribute of the class back before "
        "each model is built; let an argument's default be None in place of a list.",
        seen="In two fits of one run layers differ in an attribute that their class holds and that "
        "its __init__ or build sets, or in such a default.",
    ),
    Mechanism(
        "trainable-without-compile",
        ("architecture",),
        "trainable changed without compile",
        "A layer's trainable flag takes effect when the model is compiled. Changed afterwards, the "
        "flag says one thing and the step that was compiled before does another.",
        "Call model.compile(...) after every change of trainable.",
        seen="A layer has the same trainable flag in both, and its weights changed in one training "
        "only.",
    ),
    Mechanism(
        "gradients-kept",
        ("mode",),
        "a train_step that never zeroes its gradients",
        "On torch backward() adds to the gradients of the step before; a train_step of the "
        "script's own that never calls zero_grad trains on the sum of all gradients so far.",
        "Call self.zero_grad() in train_step before loss.backward().",
        seen="A train_step calls backward and neither zero_grad nor sets grad.",
    ),
    Mechanism(
        "step-drops-state",
        ("mode",),
        "a train_step that drops the non-trainable state",
        "On JAX a step hands its state on by returning it. A train_step that does not return the "
        "updated non-trainable variables loses the moving averages of BatchNormalization and the "
        "seed states of Dropout after every step.",
        "Return the non_trainable_variables that stateless_call gave, in the place they came in.",
        seen="A weight that is not trained changes in one training and never in the one with a "
        "train_step of its own.",
    ),
    Mechanism(
        "loss-broadcast",
        ("objective",),
        "(N,) against (N, 1) in a hand-written loss",
        "Targets and predictions of unequal rank broadcast to an N by N matrix.",
        "Bring both to the same rank before subtracting.",
    ),
    Mechanism(
        "batchnorm-not-converged",
        ("mode",),
        "BatchNormalization averages have not converged",
        "After few steps the moving averages still hold their initial values, so evaluate differs "
        "from training.",
        "Lower momentum= or train for more steps.",
        seen="`explain` evaluates the trained model in both modes and notes it where "
        "BatchNormalization makes more than a fifth of the loss.",
    ),
    Mechanism(
        "accuracy-resolves",
        ("measurement",),
        "'accuracy' means another metric",
        "'accuracy' is resolved from the loss and the output's shape to different metric classes.",
        "Name the class: keras.metrics.SparseCategoricalAccuracy().",
        seen="The metrics of the two trainings name different accuracy classes.",
    ),
    Mechanism(
        "metric-not-reset",
        ("measurement",),
        "a metric that goes on counting",
        "A metric object holds what an earlier epoch, fit or evaluate has counted: its "
        "reset_state() does not set everything back, or it counts in Python attributes.",
        "Keep everything that a metric counts in variables (add_weight) and set them all back in "
        "reset_state(), or leave reset_state() as Keras has it; give each model metric objects of "
        "its own.",
        seen="Before the first step a metric of one training holds other values than that of the "
        "other.",
    ),
    Mechanism(
        "mean-over-moving-weights",
        ("measurement",),
        "logged loss is a mean over moving weights",
        "The loss that fit logs is averaged while the weights change, with dropout and "
        "regularization; evaluate uses the final weights.",
        "Compare evaluate with evaluate: call model.evaluate on the training data.",
    ),
    Mechanism(
        "reduction-rule",
        ("measurement",),
        "averaged by another rule",
        "The loss divides by the number of samples, metrics by the sum of weights, and metric "
        "functions average per batch.",
        "Use metric classes, and pass weights through weighted_metrics.",
    ),
    Mechanism(
        "defaults-differ",
        ("optimizer", "initialization"),
        "defaults of two libraries or versions",
        "Defaults differ between libraries and classes (epsilon, learning rate, initializers).",
        "Write the hyperparameters out.",
    ),
    Mechanism(
        "early-stopping",
        ("duration",),
        "a callback stops the training",
        "Only one training, or each at another threshold, may be stopped by a callback.",
        "Use the same callbacks, and the same epochs= and patience=.",
        seen="Of all that decides how long a training runs, only the callbacks differ.",
    ),
    Mechanism(
        "best-weights-kept",
        ("duration",),
        "one training ends with the weights of its best epoch",
        "EarlyStopping(restore_best_weights=True) puts the weights of the best epoch back when fit "
        "ends; without it the model keeps those of the last epoch.",
        "Set restore_best_weights= alike in both.",
        seen="The callbacks that may stop the trainings differ in restore_best_weights only.",
    ),
)
