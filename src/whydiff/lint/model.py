"""Rules about model and loss: what one backend forgives and another does not."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whydiff.lint.rule import Hit, Rule
from whydiff.lint.script import Source, calls_in, constant, keyword, method

_SQUASHING = ("softmax", "sigmoid")
_LOSS_MARKS = ("losses", "compute_loss", "compiled_loss")


def _squashes(s: Source, node: ast.AST | None) -> str:
    """The softmax or sigmoid that a layer expression ends with, "" if none."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Call):  # Dense(3, activation="softmax")(x)
        return _squashes(s, node.func)
    kind = s.layer(node)
    if kind == "Softmax":
        return "softmax"
    value = keyword(node, "activation")
    if kind == "Activation" and node.args:
        value = node.args[0]
    elif kind == "Dense" and value is None and len(node.args) > 1:
        value = node.args[1]
    text = constant(value)
    if isinstance(text, str):
        return text if text in _SQUASHING else ""
    name = s.names.dotted(value) if value is not None else ""
    short = name.rpartition(".")[2]
    return short if name.startswith("keras.activations.") and short in _SQUASHING else ""


def _last_layer(s: Source, model: ast.expr) -> ast.AST | None:
    """The expression of the layer a model ends with, where the script shows it in one place."""
    if not isinstance(model, ast.Call) or not s.builds(model):
        return None
    if s.called(model).endswith("Sequential"):
        layers = model.args[0] if model.args else keyword(model, "layers")
        return layers.elts[-1] if isinstance(layers, ast.List) and layers.elts else None
    outputs = model.args[1] if len(model.args) > 1 else keyword(model, "outputs")
    if isinstance(outputs, ast.Name):
        return s.last_assigned(outputs.id, model)
    return outputs


def _from_logits(s: Source, call: ast.Call) -> bool:
    loss = keyword(call, "loss") or (call.args[1] if len(call.args) > 1 else None)
    named = s.last_assigned(loss.id, call) if isinstance(loss, ast.Name) else None
    parts = (call,) if named is None else (call, named)
    return any(constant(keyword(c, "from_logits")) is True for p in parts for c in calls_in(p))


def _returned(s: Source, made: ast.expr) -> ast.expr:
    """What a function of the script returns, where a call of it made a value and it returns once;
    any other value itself."""
    function = s.functions.get(s.called(made)) if isinstance(made, ast.Call) else None
    returns = [n for n in ast.walk(function) if isinstance(n, ast.Return)] if function else []
    value = returns[0].value if len(returns) == 1 else None
    if isinstance(value, ast.Name):
        value = s.last_assigned(value.id, value)
    return made if value is None else value


def _squashed_logits(s: Source) -> Iterator[Hit]:
    for call in s.calls:
        if method(call) != "compile" or not _from_logits(s, call):
            continue
        assert isinstance(call.func, ast.Attribute)
        name = ast.unparse(call.func.value)
        value = s.last_assigned(name, call)
        if value is None:
            continue
        squashed = _squashes(s, _last_layer(s, _returned(s, value)))
        added = [
            c for c in s.calls
            if ast.unparse(c.func) == f"{name}.add" and s.scope(c) is s.scope(call) and c.args
            and value.lineno <= c.lineno < call.lineno
        ]  # fmt: skip
        if added:
            squashed = _squashes(s, added[-1].args[0])
        if squashed:
            yield Hit.at(call, f"from_logits=True, and {name} ends with {squashed}")


def _train_steps(s: Source) -> Iterator[ast.FunctionDef]:
    for cls in s.subclasses:
        for node in cls.body:
            if isinstance(node, ast.FunctionDef) and node.name == "train_step":
                yield node


def _without_training(s: Source) -> Iterator[Hit]:
    for step in _train_steps(s):
        for call in calls_in(step):
            own = isinstance(call.func, ast.Name) and call.func.id == "self"
            if own and keyword(call, "training") is None and len(call.args) < 2:
                yield Hit.at(call, "train_step calls the model as in inference")


def _without_losses(s: Source) -> Iterator[Hit]:
    """A step that computes one loss of its model's output and forgets the penalties."""
    for cls in s.subclasses:
        steps = [f for f in cls.body if isinstance(f, ast.FunctionDef) and f.name == "train_step"]
        for step in steps:
            text = ast.unparse(step)
            if _penalties_of(s, cls) and not any(mark in text for mark in _LOSS_MARKS):
                yield Hit.at(step, "train_step leaves out self.losses, and there are penalties")


def _penalties_of(s: Source, cls: ast.ClassDef) -> bool:
    """Whether a model has penalties: in its class, or in what it is or may be given."""
    made = [c for c in s.calls if s.called(c) == cls.name]
    handed = {
        n.id
        for call in made
        for value in (*call.args, *(k.value for k in call.keywords))
        for n in ast.walk(value)
        if isinstance(n, ast.Name)
    }
    return any(
        (method(c) == "add_loss" or _regularized(c))
        and (
            cls in s.script.ancestors(c)
            or ((handed or not made) and not _of_another(s, cls, handed, c))
        )
        for c in s.calls
    )


def _regularized(call: ast.Call) -> bool:
    return any(
        k.arg and "regularizer" in k.arg and constant(k.value) is not None for k in call.keywords
    )


def _of_another(s: Source, cls: ast.ClassDef, handed: set[str], call: ast.Call) -> bool:
    """Whether a layer stands in another class, or in a model that this one is not given."""
    for above in s.script.ancestors(call):
        if isinstance(above, ast.ClassDef) and above is not cls:
            return above in s.subclasses
        if isinstance(above, ast.Call) and above in s.builders:
            return s.target(above) not in handed
        if isinstance(above, ast.FunctionDef):
            results = {s.target(c) for c in s.calls if s.called(c) == above.name}
            return bool(results - {""}) and not results & handed
    return False


#: The first arguments of a loss.
_OF_LOSS = ["y_true", "y_pred"]


def _shape(s: Source) -> Iterator[Hit]:
    """``y_true - y_pred`` where the script itself makes the one (N,) and the other (N, 1)."""
    losses = [f for f in s.functions.values() if [a.arg for a in f.args.args[:2]] == _OF_LOSS]
    for node in (node for function in losses for node in ast.walk(function)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            one, other = node.left, node.right
            plain = {n.id for n in (one, other) if isinstance(n, ast.Name)}
            if len(plain & {*_OF_LOSS}) == 1 and (_squeezed(one) or _squeezed(other)):
                yield Hit.at(node, "one side is squeezed, the other is not: N by N if it is "
                                     "(N, 1)")  # fmt: skip


def _squeezed(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        return name == "squeeze"
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Tuple)
        and constant(node.slice.elts[-1]) == 0
    )


def _default_rate(s: Source) -> Iterator[Hit]:
    for call in s.calls:
        named = s.called(call) == "keras.optimizers.Adadelta"
        text = method(call) == "compile" and any(
            str(constant(v)).lower() == "adadelta"
            for v in (*call.args[:1], keyword(call, "optimizer"))
        )
        given = bool(call.args) or keyword(call, "learning_rate", "lr") is not None
        if text or (named and not given):
            yield Hit.at(
                call, "Adadelta with Keras's default rate 0.001; its paper and torch use 1"
            )


_LAYERS = ("keras.layers.Layer", "keras.Layer", "keras.Model", "keras.models.Model")


def _numpy_noise(s: Source) -> Iterator[Hit]:
    """Draws of NumPy or Python inside a layer's ``call``."""
    for cls in (n for n in s.nodes if isinstance(n, ast.ClassDef)):
        if not any(s.names.dotted(base) in _LAYERS for base in cls.bases):
            continue
        for function in (f for f in cls.body if isinstance(f, ast.FunctionDef)):
            draws = [
                c for c in calls_in(function)
                if s.called(c).rpartition(".")[0] in ("numpy.random", "random")
                and s.called(c).rpartition(".")[2] not in ("default_rng", "seed", "RandomState")
            ]  # fmt: skip
            if function.name == "call" and draws:
                yield Hit.at(
                    draws[0], f"{s.called(draws[0])} in call: drawn once, when it is traced"
                )


def _kept_gradients(s: Source) -> Iterator[Hit]:
    for cls in s.subclasses:
        steps = [f for f in cls.body if isinstance(f, ast.FunctionDef) and f.name == "train_step"]
        backward = [c for f in steps for c in calls_in(f) if method(c) == "backward"]
        if backward and not any(_clears(n) for n in ast.walk(cls)):
            yield Hit.at(backward[0], "backward() adds to the gradients of the step before")
    if not s.keras or any(map(_clears, s.nodes)):
        return
    for call in s.calls:  # a loop of the script's own
        loops = s.loops(call) if method(call) == "backward" else []
        if any(method(c) in ("step", "apply") for loop in loops for c in calls_in(loop)):
            yield Hit.at(call, "backward() adds to the gradients of the turn before")


def _clears(node: ast.AST) -> bool:
    """``zero_grad``, ``weight.grad = None``, ``weight.grad.zero_()``."""
    if not isinstance(node, ast.Attribute):
        return False
    emptied = node.attr == "zero_" and ".grad" in ast.unparse(node.value)
    kept = node.attr == "grad" and isinstance(node.ctx, ast.Load)
    return node.attr == "zero_grad" or emptied or (node.attr == "grad" and not kept)


_HEAD = "import keras\n\n"
_LOSS = "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
_CLASS = "class Model(keras.Model):\n    def train_step(self, data):\n        x, y = data\n"
_REST = "        loss = self.compute_loss(y=y, y_pred=y_pred)\n        return self.update(loss)\n"

RULES = (
    Rule(
        "WD401",
        "softmax-and-from-logits",
        "softmax or sigmoid output with from_logits=True",
        "TensorFlow goes back to the hidden logits, JAX and torch apply the function twice: "
        "the backends train different models.",
        "Keep one of the two: no activation in the last layer, or from_logits=False.",
        _squashed_logits,
        _HEAD + 'model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])\n'
        f'model.compile("adam", {_LOSS})\n',
        _HEAD + "model = keras.Sequential([keras.layers.Dense(3)])\n"
        f'model.compile("adam", {_LOSS})\n',
        "softmax-and-from-logits",
    ),
    Rule(
        "WD402",
        "step-without-training",
        "a train_step that does not say training=True",
        "Dropout is off and BatchNormalization uses its averages, as in inference, unless the "
        "backend's trainer says otherwise.",
        "self(x, training=True)",
        _without_training,
        _HEAD + _CLASS + "        y_pred = self(x)\n" + _REST,
        _HEAD + _CLASS + "        y_pred = self(x, training=True)\n" + _REST,
        "own-train-step",
    ),
    Rule(
        "WD403",
        "step-without-penalties",
        "a train_step that leaves out the regularization",
        "Penalties of regularizers and add_loss are in self.losses; a loss function alone does "
        "not see them.",
        "Use self.compute_loss(...), or add sum(self.losses).",
        _without_losses,
        _HEAD
        + 'dense = keras.layers.Dense(3, kernel_regularizer="l2")\n\n\n'
        + _CLASS
        + "        y_pred = self(x, training=True)\n        loss = self.loss_fn(y, y_pred)\n"
        + "        return self.update(loss)\n",
        _HEAD
        + 'dense = keras.layers.Dense(3, kernel_regularizer="l2")\n\n\n'
        + _CLASS
        + "        y_pred = self(x, training=True)\n"
        + "        loss = self.loss_fn(y, y_pred) + sum(self.losses)\n"
        + "        return self.update(loss)\n",
        "own-train-step",
    ),
    Rule(
        "WD404",
        "loss-broadcast",
        "a loss that squeezes only one of its arguments",
        "(N,) minus (N, 1) is N by N: the loss averages over all pairs.",
        "Bring both to the same shape before subtracting.",
        _shape,
        "import keras\n\n\ndef loss(y_true, y_pred):\n"
        "    return keras.ops.mean((y_true - keras.ops.squeeze(y_pred, -1)) ** 2)\n",
        "import keras\n\n\ndef loss(y_true, y_pred):\n"
        "    return keras.ops.mean((y_true - y_pred) ** 2)\n",
        "loss-broadcast",
    ),
    Rule(
        "WD405",
        "default-rate",
        "an optimizer whose default differs between libraries",
        "Keras's Adadelta starts at 0.001, the paper's and torch's at 1.0.",
        "Write the learning rate out.",
        _default_rate,
        _HEAD + "optimizer = keras.optimizers.Adadelta()\n",
        _HEAD + "optimizer = keras.optimizers.Adadelta(learning_rate=1.0)\n",
        "defaults-differ",
    ),
    Rule(
        "WD406",
        "numpy-noise-in-call",
        "NumPy's or Python's random numbers in a layer's call",
        "A compiled model runs call once to trace it: the numbers become constants, other ones "
        "with every trace.",
        "Use keras.random with a keras.random.SeedGenerator.",
        _numpy_noise,
        "import keras\nimport numpy as np\n\nnp.random.seed(1)\n\n\n"
        "class Noise(keras.layers.Layer):\n    def call(self, x):\n"
        "        return x + np.random.normal(size=4)\n",
        "import keras\n\n\nclass Noise(keras.layers.Layer):\n    def __init__(self):\n"
        "        super().__init__()\n        self.draws = keras.random.SeedGenerator(1)\n\n"
        "    def call(self, x):\n        return x + keras.random.normal((4,), seed=self.draws)\n",
    ),
    Rule(
        "WD407",
        "gradients-kept",
        "a train_step or loop for torch without zero_grad",
        "torch adds up gradients until they are set to zero.",
        "self.zero_grad() before loss.backward()",
        _kept_gradients,
        _HEAD + _CLASS + "        loss = self.compute_loss(y=y, y_pred=self(x, training=True))\n"
        "        loss.backward()\n        return {}\n",
        _HEAD + _CLASS + "        self.zero_grad()\n"
        "        loss = self.compute_loss(y=y, y_pred=self(x, training=True))\n"
        "        loss.backward()\n        return {}\n",
        "gradients-kept",
    ),
)
