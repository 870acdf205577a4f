"""How a script ended: what its last output says, and whether it had done its work by then."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from whydiff.runner.client import Run, failed_to_fit, last_words, missing_backend
from whydiff.runner.running import has_done_its_work
from whydiff.testing.calls import call, execution
from whydiff.testing.sides import a_side

KERAS = """Epoch 1/1
Traceback (most recent call last):
  File "train.py", line 6, in <module>
    model(x)
AttributeError: Exception encountered when calling MyModel.call().

\x1b[1mmodule 'keras.backend' has no attribute 'Variable'\x1b[0m

Arguments received by MyModel.call():
  - x=jnp.ndarray(shape=(1, 128), dtype=float32)
"""


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (KERAS, "AttributeError: Exception encountered when calling MyModel.call(). module "
                "'keras.backend' has no attribute 'Variable'"),
        ("loss 0.3\nkeras.errors.SomeError: no\n", "keras.errors.SomeError: no"),
        ("out of luck\n", "out of luck"),
        ("E  AssertionError: x\nFAILED t.py::test - assert 0.7 > 0.9\n=== 1 failed in 3.14s ===\n",
         "FAILED t.py::test - assert 0.7 > 0.9"),
        ("===== 1 error, 2 warnings in 0.52s =====\n", "1 error, 2 warnings in 0.52s"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_exception_is_told_and_not_the_last_line(tmp_path, printed, said):
    log = tmp_path / "log"
    log.write_text(printed)
    assert last_words(log) == said


def test_a_call_that_failed_is_no_use_of_a_model():
    assert has_done_its_work(execution(call(1)))
    assert not has_done_its_work(execution(replace(call(1), finished=False)))
    assert not has_done_its_work(execution(call(1, "built")))
    assert not has_done_its_work(execution(call(1), fits=[replace(a_side().fit, finished=False)]))


def test_a_replica_logs_to_mlflow_in_its_own_folder(tmp_path):
    """Whatever the person's environment names, and with a client that raises for such a store."""
    pytest.importorskip("mlflow")
    script = "import mlflow\nwith mlflow.start_run(): mlflow.log_metric('loss', 0.5)"
    variables = Run(Path("train.py"), purpose="replica").variables()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mlruns"]


def test_a_library_that_lacks_something_of_another_is_told_from_a_fault_of_the_script():
    place = (
        '  File "/env/lib/python3.11/site-packages/jax/_src/deprecations.py", line 57, in getattr'
    )
    raised = "AttributeError: module 'jax' has no attribute 'spmd_mode'"
    assert failed_to_fit(f"Traceback (most recent call last):\n{place}\n    raise\n{raised}\n")
    own = place.replace("/env/lib/python3.11/site-packages/jax/_src/deprecations.py", "train.py")
    assert not failed_to_fit(f"{own}\n{raised}")
    assert not failed_to_fit(f"{place}\nValueError: shapes (3,) and (4,) do not fit")


def test_a_backend_that_is_not_installed_is_named():
    place = '  File "/env/lib/python3.11/site-packages/keras/src/tree/optree_impl.py", line 13'
    raised = "ModuleNotFoundError: No module named 'tensorflow'"
    assert missing_backend(f"Traceback\n{place}, in <module>\n    from x import y\n{raised}\n") == (
        "tensorflow"
    )
    assert not missing_backend(f'  File "train.py", line 1\n    import tensorflow\n{raised}')
    assert not missing_backend(f"{place}\n{raised.replace('tensorflow', 'h5py')}")
