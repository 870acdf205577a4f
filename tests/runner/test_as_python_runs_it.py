"""A recorded script runs, and ends, as Python runs it: output, exit code and files are the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from whydiff.core.calls import WITHIN
from whydiff.recorder.seed_calls import FUNCTIONS
from whydiff.runner import client
from whydiff.runner.client import Child, Run, not_recorded
from whydiff.storage import load

#: Scripts that never import Keras: how they run and end has nothing to do with a training.
SCRIPTS = {
    "annotations": (
        "from dataclasses import dataclass, fields\n@dataclass\nclass C:\n    n: int = 3\n"
        "def f(k: float) -> int: ...\nprint([f.type for f in fields(C)], f.__annotations__)"
    ),
    "own future": (
        "from __future__ import annotations\ndef f(k: int): ...\nprint(f.__annotations__)"
    ),
    "names of the program": (
        "print(sorted(name for name in globals() if name != '__annotations__'))\n"
        "__annotations__['n'] = int\nm: int = 3\nprint(__annotations__)"
    ),
    "main": (
        "import pickle, __main__\nclass A: v = 1\nprint(pickle.loads(pickle.dumps(A)).v,"
        " A.__module__, __main__.A is A, __name__, __spec__, __package__, __doc__,"
        " type(__loader__).__name__, '__cached__' in globals(), __file__)"
    ),
    "surroundings": (
        "import os, sys, inspect\nprint(sys.argv, sys.flags, sys.path[0], len(inspect.stack()),"
        "sorted(k for k in os.environ if 'WHY' in k or k.startswith('PYTHON')), sys.orig_argv[1:],"
        "'sitecustomize' in sys.modules, [m for m in sys.modules if m.startswith('whydiff')],"
        "[p for p in sys.path if 'startup' in p])"
    ),
    "unclosed file": "log = open('log.csv', 'w')\nlog.write('epoch,loss\\n')",
    "thread": (
        "import threading, time\ndef late():\n    time.sleep(.2); open('late', 'w').write('x')\n"
        "    print('late')\nthreading.Thread(target=late).start(); print('main over')"
    ),
    "pool": (
        "from concurrent.futures import ThreadPoolExecutor as Pool\nimport time\np = Pool(1)\n"
        "def save(k): time.sleep(.1); open(f'part{k}', 'w').write('x')\n"
        "for k in range(3): p.submit(save, k)"
    ),
    "exit": (
        "import atexit, weakref\nfor k in range(2): atexit.register(print, k)\n"
        "class A:\n    def __init__(self): weakref.finalize(self, print, 'finalized')\n"
        "    def __del__(self): print('deleted')\nkeep = A()"
    ),
    "stdout closed": "import sys\nprint('out')\nsys.stdout.close()",
    "descriptor closed": "import os\nprint('out', flush=True)\nos.close(1)",
    "all descriptors closed": "import os\nos.closerange(3, 256)\nprint(open('f', 'w').fileno())",
    "bytes": "import sys\nsys.stdout.buffer.write(b'\\xff\\n')\nprint(ascii(sys.stdin.read()))",
    "exit by text": "raise SystemExit('bye')",
    "exit by number": "raise SystemExit(256 + 7)",
    "exit by truth": "raise SystemExit(True)",
    "exit by tuple": "raise SystemExit((1, 2))",
    "at once": "import os\nprint('x', flush=True)\nos._exit(3)",
    "aborted": "import os\nprint('x', flush=True)\nos.abort()",
    "interrupted": "raise KeyboardInterrupt",
    "terminated": "import os\nos.kill(os.getpid(), 15)",
    "handlers": (
        "import os, signal, sys\nsignal.signal(signal.SIGTERM, lambda *a: print('term'))\n"
        "sys.excepthook = lambda t, v, tb: print('hook', t.__name__, v, tb.tb_lineno)\n"
        "os.kill(os.getpid(), 15)\nraise ValueError('own')"
    ),
    "failing hook": "import sys\nsys.excepthook = lambda *a: 1 / 0\nraise ValueError('own')",
    "chain": "def f(): 1 / 0\ntry: f()\nexcept Exception as e: raise RuntimeError('x') from e",
    "syntax": "print('x')\nx = = 2",
    "recursion": (
        "import sys\ndef f(n): return n and 1 + f(n - 1)\nprint(f(sys.getrecursionlimit() - 9))"
    ),
    "warnings": "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('careful')",
    "working folder gone": "import os, shutil\nos.chdir('sub')\nos.rmdir('../sub')\nprint('here')",
    "script gone": "import os\nos.remove(__file__)\nprint(os.path.exists(__file__))",
    "builtins": "import builtins\ndel builtins.print, builtins.open, builtins.isinstance",
    "started anew": (
        "import os, sys\nif 'AGAIN' not in os.environ:\n    os.environ['AGAIN'] = '1'\n"
        "    os.execv(sys.executable, [sys.executable, *sys.argv])\nprint('again', sys.argv,"
        "sorted(k for k in os.environ if 'WHY' in k or k.startswith('PYTHON')))"
    ),
    "another program": "import os\nos.execvp('echo', ['echo', 'replaced'])",
    "forked": (
        "import os, sys\npid = os.fork()\nif not pid: print('child'); sys.exit(4)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    ),
    "forked into another": (
        "import os, sys\nif not os.fork(): os.execv(sys.executable, [sys.executable, '-c',"
        "'import sys; print(len(sys.meta_path))'])\nprint(os.wait()[1])"
    ),
    "subprocess": (
        "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import sys;"
        'print(sys.path[1:], "sitecustomize" in sys.modules)\'], capture_output=True).stdout)'
    ),
    "spawned": (
        "import multiprocessing as mp\ndef work(i): return i * i\nif __name__ == '__main__':\n"
        "    with mp.get_context('spawn').Pool(1) as p: print(p.map(work, range(3)))"
    ),
    "recursion in an import": (
        "import sys\nn = 0\ndef f():\n    global n\n    n += 1\n    f()\n"
        "open('random.py', 'w').write('import script_too')\n"
        "open('script_too.py', 'w').write('import __main__; __main__.f()')\n"
        "try: import random\nexcept RecursionError: print(n)"
    ),
    "looks at what seeds": (
        "import inspect, pickle, random, types\nprint(repr(random.seed), random.seed.__name__,"
        "random.seed.__qualname__, hasattr(random.seed, '__wrapped__'), isinstance(random.seed,"
        "types.MethodType), random.seed.__self__ is random._inst, random.seed ==\n"
        "random._inst.seed, inspect.signature(random.seed), inspect.getsource(random.seed)[:40],"
        "pickle.loads(pickle.dumps(random.seed)).__name__, {random.seed: 1}[random._inst.seed])"
    ),
    "seeds of NumPy": (
        "import numpy as np, pickle\nfor f in (np.random.seed, np.random.default_rng):\n"
        "    print(f, f.__module__, f.__doc__, pickle.loads(pickle.dumps(f)) == f)\n"
        "np.random.seed(-1)"
    ),
    "seeds wrongly": "import random\nrandom.seed([])",
    "own finder": (
        "import sys\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('random', 'keras'): print('asked for', name)\n"
        "sys.meta_path.insert(0, Finder())\nimport random, importlib.util\n"
        "print(importlib.util.find_spec('keras').name)"
    ),
    "names of the standard library": "import json\nprint(json.mine)",
}

#: Where the script's process is to train again, it imports Python's modules before the script,
#: needs the builtins behind it and says what is not watched; a Ctrl-C is the exit code of a shell.
ONLY_RECORDED = (
    "surroundings", "interrupted", "failing hook", "builtins", "another program", "spawned",
    "recursion in an import", "own finder", "names of the standard library",
)  # fmt: skip


def run(name, folder, recorded, serve=False):
    folder.mkdir()
    (folder / "sub").mkdir()
    (folder / "script.py").write_text(SCRIPTS[name])
    if name == "names of the standard library":
        (folder / "json.py").write_text("mine = 'mine'")
    log = folder / "log.txt"
    if recorded:
        before = Path.cwd()
        os.chdir(folder)
        try:
            with Child(
                Run(Path("script.py"), ("a", "b")), folder / "r.whydiff", log, serve
            ) as child:
                code = child.wait_for_script()
        finally:
            os.chdir(before)
    else:
        with log.open("wb") as output:
            code = subprocess.run(
                [sys.executable, "script.py", "a", "b"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ).returncode
    said = re.sub("0x[0-9a-f]+", "0x", log.read_bytes().decode(errors="replace"))
    return code, said.replace(str(folder), "DIR"), sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_and_ends_as_without_us(name, tmp_path):
    plain = run(name, tmp_path / "plain", False)
    assert run(name, tmp_path / "watched", True) == plain


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in ONLY_RECORDED])
def test_a_script_that_may_be_trained_again_does_so_too(name, tmp_path):
    plain = run(name, tmp_path / "plain", False)
    assert run(name, tmp_path / "served", True, serve=True) == plain


def test_a_program_that_is_looked_for_on_the_path_is_named_once(tmp_path):
    _, said, _ = run("another program", tmp_path / "served", True, serve=True)
    named = "whydiff: the script became another program by os.exec, echo, in which nothing is"
    assert said == f"{named} watched\nreplaced\n"


@pytest.mark.parametrize(
    ("pool", "processes"),
    [
        ("concurrent.futures import ThreadPoolExecutor", False),
        ("concurrent.futures import ProcessPoolExecutor", True),
        ("joblib.externals.loky import ProcessPoolExecutor", True),
    ],
)
def test_a_script_is_over_though_a_pool_of_it_waits_for_work(tmp_path, pool, processes):
    (tmp_path / "train.py").write_text(
        f"from {pool} as Pool\npool = Pool(1)\nprint(list(pool.map(abs, [-1, 2])))"
    )
    run = Run(tmp_path / "train.py")
    with Child(run, tmp_path / "r.whydiff", tmp_path / "log", serve=True) as child:
        assert child.wait_for_script() == 0
    assert (tmp_path / "log").read_text().splitlines()[0] == "[1, 2]"
    said = not_recorded(child, "that can be compared").way_out
    assert ("1 worker process, in which nothing is watched" in said) == processes


def test_a_file_of_the_name_that_python_looks_for_first_is_run_too(tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("print('customized')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "own"))
    plain = run("surroundings", tmp_path / "plain", False)
    assert plain[1].startswith("customized")
    assert run("surroundings", tmp_path / "watched", True) == plain


TRAINING = """
import gc, os, sys, threading, weakref
{before}
import keras, numpy as np
x = np.ones((32, 4), "float32")
def train(data=x):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(data, x[:, 0], batch_size=16, verbose=0)
    return model
"""
#: All that needs Keras, in one process; each part has its line of output.
TOGETHER = """
import atexit, time, warnings
atexit.register(print, "over")  # called where there is no frame of Python
warnings.simplefilter("always")
warnings.showwarning = lambda message, category, *place: print(category.__name__, str(message)[:60])
clock, asking = time.monotonic, []
time.monotonic = lambda: asking.append(sys._getframe(1).f_globals["__name__"]) or clock()
train()
time.monotonic = clock
print([name for name in asking if "keras" not in name and "jax" not in name])
import json
dumps, counted = json.dumps, []
json.dumps = lambda *args, **kwargs: counted.append(args) or dumps(*args, **kwargs)
train()
json.dumps = dumps
print(len(counted), "written as JSON")
warnings.resetwarnings()
print(keras.Model.fit.__name__, keras.Model.fit is keras.Sequential.fit)
try:
    keras.Sequential([keras.layers.Dense(1)]).fit(x, x, epoch=3)
except TypeError as error:
    print(error)
import traceback
model = train()
for refused in (lambda: train("text"), lambda: model.predict(), lambda: keras.Variable("x")):
    try:
        refused()
    except Exception as error:
        print([f.name for f in traceback.extract_tb(error.__traceback__)])
class Reports(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.evaluate(x, x[:, 0], verbose=0)
listed = keras.callbacks.CallbackList([Reports()], True, model=model)
model.fit(x, x[:, 0], verbose=0, callbacks=listed)
print([type(one).__name__ for one in listed.callbacks])
model.evaluate(x, x[:, 0], verbose=0)
model.predict(x, verbose=0)
class Batches(keras.callbacks.Callback):
    ran = set()
    def __copy__(self): raise RuntimeError("copied")
    def __setattr__(self, name, value):
        print("set", name)
        super().__setattr__(name, value)
    def on_train_batch_end(self, batch, logs=None):
        self.ran.add(threading.current_thread() is threading.main_thread())
for given in (Batches(), [Batches()], [[Batches()]]):
    try:
        model.fit(x, x[:, 0], verbose=0, callbacks=given)
    except AttributeError as error:
        print(error)
    print(Batches.ran)
    Batches.ran.clear()
class Rows(np.ndarray):
    def __getitem__(self, key):
        asked.append(key)
        return super().__getitem__(key)
asked = []
model.fit(x.view(Rows), x[:, 0], verbose=0)
model.evaluate(x.view(Rows), x[:, 0], verbose=0)
print(len(asked), "asked for rows")
called, names = keras.layers.Layer.__call__, []
def counted(self, *args, **kwargs):
    names.append(type(self).__name__)
    return called(self, *args, **kwargs)
keras.layers.Layer.__call__ = counted
model(x)
keras.layers.Layer.__call__ = called
print(names, model.train_function.__name__, model.train_function.__module__)
def batches():
    try:
        while True:
            yield x[:8], x[:8, 0]
    finally:
        print("data closed")
gc.disable()
model.fit(batches(), steps_per_epoch=2, verbose=0)
print("fitted")
model.evaluate(batches(), steps=2, verbose=0)
print("evaluated")
model.predict(batches(), steps=2, verbose=0)
print("predicted")
gc.enable()
seen = [weakref.ref(v) for v in (model, model.optimizer, model.layers[0])]
del model, listed
keras.backend.clear_session()
gc.collect()
print([one() for one in seen])
import builtins, io
names = ("any", "getattr", "hasattr", "isinstance", "len", "tuple", "type")
kept = {name: getattr(builtins, name) for name in names}
for name in kept:
    delattr(builtins, name)
line = io.open(__file__).readline()
builtins.__dict__.update(kept)
print("read", line)
import resource
descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, descriptors[1]))
train()
resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)
os.closerange(3, 256)
os.umask(0o777)
threads = [threading.Thread(target=train) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
"""


def recorded(folder, text):
    script = folder / "train.py"
    script.write_text(text)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
    options = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
    plain = subprocess.run([sys.executable, "train.py"], **options)
    code = "from whydiff.cli import main; main()"
    command = [sys.executable, "-c", code, "record", "train.py", "-o", "r.whydiff"]
    done = subprocess.run(command, **options)
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1], load(folder / "r.whydiff")


@pytest.mark.long
def test_a_script_that_trains_finds_keras_as_it_is(tmp_path):
    said, execution = recorded(tmp_path, TRAINING.format(before="") + TOGETHER)
    trained = len([fit for fit in execution.fits if fit.finished])
    beside = execution.environment.get("trained beside another, unwatched", 0)
    assert trained + beside == 11  # every training of the script's is recorded, or said not to be
    assert ("not watched" in said) == bool(beside)
    assert [call.kind for call in execution.calls if WITHIN in call.notes] == ["evaluate"]
    assert execution.exit_code == 0


@pytest.mark.long
def test_a_script_that_starts_python_anew_is_recorded(tmp_path):
    again = (
        "if 'AGAIN' not in os.environ:\n    os.environ['AGAIN'] = '1'\n"
        "    os.execv(sys.executable, [sys.executable, *sys.argv])"
    )
    after = again.replace("AGAIN", "AFTER").replace("if ", "train()\nif ", 1)
    said, execution = recorded(tmp_path, TRAINING.format(before=again) + after)
    assert len(execution.fits) == 1
    assert "not watched: what the script became by os.exec" in said


def test_all_libraries_that_seed_are_waited_for():
    source = Path(client.__file__).with_name("child") / "startup" / "sitecustomize.py"
    assert f"SEEDED = {tuple(FUNCTIONS)!r}".replace("'", '"') in source.read_text()
