"""How a script calls Keras decides how it would set the seed."""

from __future__ import annotations

import ast

import pytest

from whydiff.script_text.edits import parse
from whydiff.script_text.imports import Names, SeedCall

CALL = "keras.utils.set_random_seed"


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ("import keras", SeedCall(CALL)),
        ("import keras as K", SeedCall("K.utils.set_random_seed")),
        ("import keras.layers", SeedCall(CALL)),
        ("import tensorflow as tf", SeedCall("tf.keras.utils.set_random_seed")),
        ("import tensorflow", SeedCall("tensorflow.keras.utils.set_random_seed")),
        ("import tensorflow.keras as tk", SeedCall("tk.utils.set_random_seed")),
        ("from tensorflow import keras", SeedCall(CALL)),
        ("import tensorflow as tf\nfrom tensorflow import keras as k",
         SeedCall("k.utils.set_random_seed")),
        ("from keras import utils", SeedCall("utils.set_random_seed")),
        ("from keras.utils import set_random_seed as seed", SeedCall("seed")),
        ("from keras import layers", SeedCall(CALL, "import keras")),
        ("from tensorflow.keras import layers", SeedCall(CALL, "from tensorflow import keras")),
        ("import helpers", SeedCall(CALL, "import keras")),
        ("try:\n    import keras\nexcept ImportError:\n    from tensorflow import keras",
         SeedCall(CALL)),
        ("from keras import layers\nkeras = None",
         SeedCall("set_random_seed", "from keras.utils import set_random_seed")),
    ],
)  # fmt: skip
def test_the_seed_is_set_through_the_names_the_script_has(imports: str, expected: SeedCall) -> None:
    script = parse(f"{imports}\nbuild()\n")
    assert Names(script).seed_call(script.tree.body[-1]) == expected


def test_a_name_bound_by_the_function_itself_is_not_used() -> None:
    script = parse("import keras\ndef f(keras):\n    build()\n")
    function = script.tree.body[-1]
    assert isinstance(function, ast.FunctionDef)
    call = Names(script).seed_call(function.body[0])
    assert call == SeedCall("set_random_seed", "from keras.utils import set_random_seed")


def test_an_import_further_down_does_not_count_yet() -> None:
    script = parse("build()\nimport keras\n")
    call = Names(script).seed_call(script.tree.body[0])
    assert call is not None and call.function != CALL


@pytest.mark.parametrize(
    ("text", "dotted"),
    [
        ("import numpy as np\nnp.random.rand", "numpy.random.rand"),
        ("from numpy import random as r\nr.rand", "numpy.random.rand"),
        ("from tensorflow.keras.layers import Dense\nDense", "keras.layers.Dense"),
        ("import tensorflow as tf\ntf.keras.Model", "keras.Model"),
        ("f().x", ""),
    ],
)
def test_names_are_traced_to_what_they_stand_for(text: str, dotted: str) -> None:
    script = parse(text)
    last = script.tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert Names(script).dotted(last.value) == dotted
