"""A signal strikes at every statement of ours that a script's work reaches, each once."""

import ast
import builtins
import importlib.machinery
import io
import os
import signal
import sys

#: Packages that run inside a script, and what they write with.
OURS = ("whydiff.recorder.", "whydiff.keras_backend.", "whydiff.storage.writer")
EVERY = int(os.environ.get("EVERY", "1"))


class Late(Exception):
    pass


def late(number, frame):
    STRUCK.raised = Late()
    raise STRUCK.raised


class Struck:
    """``armed``: the next statement that was not reached so far gets the signal, where its turn
    has come: of EVERY one."""

    def __init__(self):
        self.armed, self.reached, self.count = False, set(), 0
        self.last, self.raised = "", None

    def __call__(self, place):
        if self.armed and place not in self.reached:
            self.reached.add(place)
            if len(self.reached) % EVERY == 0:
                self.armed, self.last, self.raised = False, place, None
                self.count += 1
                signal.raise_signal(signal.SIGUSR1)


STRUCK = builtins.__strike__ = Struck()


class Striking(ast.NodeTransformer):
    """Puts a call of STRUCK before every statement of a module's functions."""

    def __init__(self, name):
        self.name, self.inside = name, False

    def visit(self, node):
        if not isinstance(node, ast.FunctionDef):
            return self.struck(node) if self.inside else self.generic_visit(node)
        outer, self.inside = self.inside, True
        made = self.struck(node)
        self.inside = outer
        return made

    def struck(self, node):
        for field in ("body", "orelse", "finalbody"):
            if isinstance(getattr(node, field, None), list):
                setattr(node, field, self.statements(getattr(node, field)))
        for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            part.body = self.statements(part.body)
        return node

    def statements(self, body):
        made = []
        for one in body:
            docstring = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
            if not docstring and not isinstance(one, (ast.Global, ast.Nonlocal)):
                made += ast.parse(f"__strike__('{self.name}:{one.lineno}')").body
            made.append(self.visit(one))
        return made


class Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, name):
        tree = ast.parse(self.get_data(self.path))
        tree = ast.fix_missing_locations(Striking(name).visit(tree))
        return compile(tree, self.path, "exec", dont_inherit=True)


class Finder:
    def find_spec(self, name, path=None, target=None):
        if not name.startswith(OURS):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = Loader(name, spec.origin)
        return spec


sys.meta_path.insert(0, Finder())
import keras  # noqa: E402
import numpy as np  # noqa: E402

keras.utils.set_random_seed(1)
x = np.arange(32, dtype="float32").reshape(8, 4) / 32
y = x.sum(1, keepdims=True)


class Halve(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.learning_rate.assign(self.model.optimizer.learning_rate / 2)


def model_of():
    layers = [
        keras.Input((4,)),
        keras.layers.Dense(2),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=True)
    return model


def fit():
    model = model_of()
    model.fit(x, y, batch_size=4, epochs=2, validation_data=(x, y), callbacks=[Halve()], verbose=0)
    return model


def trained():
    """A model of its own for each attempt: JAX leaves one without weights whose step is stopped."""
    model = model_of()
    model.set_weights(WEIGHTS)
    return model


def measure():
    model = trained()
    model.evaluate(x, y, verbose=0)
    predicted = model.predict(x, verbose=0)
    print(float(np.mean((predicted - y) ** 2)))
    keras.metrics.MeanSquaredError()(y, predicted)
    metric = keras.metrics.MeanAbsoluteError()
    metric.update_state(y, predicted)
    metric.result()
    model(x)


def change():
    model = trained()
    model.save_weights("w.weights.h5")
    model.load_weights("w.weights.h5")
    model.set_weights(model.get_weights())
    keras.models.clone_model(model)
    model.layers[0].trainable = False
    np.random.seed(1)


def by_hand():
    model_of().train_on_batch(x, y)


def is_late(error):
    """Whether an error is the handler's, or what Keras made of it: where it builds a model, it
    raises a RuntimeError of its own from whatever came."""
    return isinstance(error, Late) or isinstance(error.__context__, Late)


def lost_by_us(raised):
    """Whether what a part did not raise was never raised, or ended in code of ours. What others
    swallow, Python's look for plug-ins with its ``suppress(Exception)``, they swallow unwatched."""
    place = raised and raised.__traceback__  # begins with the outermost frame that it reached
    return place is None or place.tb_frame.f_globals["__name__"].startswith("whydiff.")


def struck(part):
    """Do a part until every statement that it reaches was struck; those where that was lost."""
    lost = []
    while True:
        STRUCK.armed = True
        try:
            part()
        except Exception as error:
            if not is_late(error):
                raise
            keras.utils.clear_session()
            continue
        if STRUCK.armed:
            STRUCK.armed = False
            return lost
        if lost_by_us(STRUCK.raised):
            lost.append(STRUCK.last)


signal.signal(signal.SIGUSR1, late)
sys.stdout, shown = io.StringIO(), sys.stdout
lost = struck(fit)
WEIGHTS = fit().get_weights()
lost += struck(measure) + struck(change) + struck(by_hand)
sys.stdout = shown
print(STRUCK.count, "struck, lost at:", *lost)
print(fit().history.history["loss"][-1])
