"""Rules by which a number is computed from predictions, by the names that answers use.

A rule changes one thing: the data of the score, the settings of its function, or how ``evaluate``
computes its metric. Where two numbers become equal by one, it is what they differ by.
"""

#: functions whose tables hold the accuracy: on the diagonal, or in a line of their text
TABLES = frozenset({"sklearn.metrics.confusion_matrix", "sklearn.metrics.classification_report"})

AGAIN = "again"
ALIGNED = "labels in the order of the predictions"
BY_POSITION = "labels of another pass"

# the score, of other samples or inputs
IN_PART = "on the samples that evaluate was given"
#: evaluate's metric, of the samples that were predicted
ON_PREDICTED = "on the samples that were predicted"
#: how many of evaluate's samples were not predicted
LEFT_OUT = "samples that were not predicted"
#: the score, of outputs that predict gives
IN_INFERENCE = "from what predict gives of the same samples"
#: of predictions that are made with the random numbers that evaluate drew
OWN_NOISE = "with the random numbers that evaluate drew"
OWN_INPUTS = "from the inputs that evaluate was given"

# evaluate's metric, computed otherwise
WITH_OTHER_WEIGHTS = "with the weights that predicted"
#: of labels (n,) and outputs (n, 1), which a metric of the script's own pairs each with each
OWN_SHAPE = "with its labels in the shape of the outputs"
OTHER_SAMPLES = "on its own samples, which are not those that were predicted"
IN_ONE_BATCH = "over all samples at once"
#: where a sample's answer depends on the others of its batch
AS_PREDICTED = "in the batches in which its samples were predicted"
UNWEIGHTED = "without the sample weights"
NONZERO = "of the samples whose label is not 0"
UNMASKED = "with the steps that a mask covers"
UNREGULARIZED = "without the model's regularization"

#: followed by a setting of the compiled loss
WITHOUT = "without "
#: between two rules of evaluate's metric that are both taken away
TOGETHER = " and "
FROM_CLASSES = "from what the score was given"
#: evaluate's metric, where the largest output counts as 1 and the others as 0
LARGEST_ONLY = "of the class of the largest output"
#: the output whose labels the score was given, where they are those of another than it read
OTHER_OUTPUT = "output that the labels belong to"
#: how many columns of the labels stand at another place than in evaluate's
COLUMNS_MOVED = "columns of the labels in another order"
#: how many labels are none that evaluate has, in any order
OTHER_LABELS = "labels that are others than evaluate's"
#: how many classes have another number in the labels of the score than in evaluate's
RELABELLED = "classes that the labels number otherwise"
#: by how much each label of the score is greater than that of evaluate, one and the same for all
SHIFTED = "labels that count from elsewhere"
#: where among the samples of evaluate those that were predicted begin, if they go on from there
BEGINS_AT = "row of evaluate's samples at which the predictions begin"

# accuracies of the very outputs
CUT_AT_HALF, CUT_AT_ZERO = "outputs cut at 0.5", "outputs cut at 0"
BY_CLASS = "class of the largest output"
AMONG_LARGEST = "class among the largest outputs"
EACH_OUTPUT = "each output on its own, cut at 0.5"
ALL_OUTPUTS = "all outputs of a sample at once, cut at 0.5"
LARGEST_OF_BOTH = "largest output against largest label"
EQUAL = "outputs that equal the label"

# the score, computed otherwise
AVERAGED = ("macro average", "micro average", "weighted average")
FROM_OUTPUTS = "from the outputs themselves, not from classes"
FROM_HALF, FROM_ZERO = "from the outputs cut at 0.5", "from the outputs cut at 0"
#: of one column, where right and wrong outputs alike give this number
WHATEVER = "whatever the outputs are"
EVERY_ROW = "with every row counted alike"
EXCHANGED = "with labels and predictions the other way round"
SAME_SHAPE = "with labels in the shape of the outputs"
WEIGHTED = "with evaluate's sample weights"
IN_ITS_UNITS = "from the outputs themselves, in the units of evaluate's labels"
FINER_AUC = "with 20,000 thresholds"
AUC_OF_LOGITS = "with the outputs taken for logits"
