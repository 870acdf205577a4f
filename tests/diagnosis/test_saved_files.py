"""What is said of two saved models whose files were read and not loaded."""

import numpy as np

from whydiff.core.calls import SavedModel
from whydiff.diagnosis.saved import ADVICE, compare_saved, described, explained_by_files, rows_of


def dense(name, **settings):
    return {"class_name": "Dense", "module": "keras.layers", "config": {"name": name, **settings}}


def model(*layers, path="a.keras", tensors=None, compiled=None, **settings):
    inner = {"name": "sequential", "layers": list(layers), **settings}
    config = {"class_name": "Sequential", "config": inner}
    return SavedModel(path, config, compiled or {}, tensors or {}, "3.10.0")


def settings(a, b):
    return [(r["setting"], r["a"], r["b"]) for r in compare_saved(a, b).settings]


def answer(a, b, why="it may not be loaded"):
    return explained_by_files(a, b, compare_saved(a, b), why)


def test_settings_are_named_by_their_place():
    regularizer = {"class_name": "L2", "config": {"l2": 0.5}, "registered_name": "x"}
    a = model(dense("d", units=8, kernel_regularizer=regularizer), trainable=True)
    b = model(dense("d", units=8, kernel_regularizer=None), trainable=False)
    assert settings(a, b) == [
        ("d: kernel_regularizer", "L2", "None"),
        ("d: kernel_regularizer: l2", "0.5", "-"),
        ("trainable", "True", "False"),
    ]
    text = model(dense("d", activation={"class_name": "function", "config": "relu"}))
    other = model(dense("d", activation={"class_name": "function", "config": "tanh"}))
    assert settings(text, other) == [("d: activation", "function relu", "function tanh")]
    listed = (
        model(dense("d", pools=[{"size": 1}, {"size": 2}])),
        model(dense("d", pools=[{"size": 1}, {"size": 3}])),
    )
    assert settings(*listed) == [("d: pools[1]: size", "2", "3")]
    plain = model(dense("d", shape=[1, 2])), model(dense("d", shape=[1, 3]))
    assert settings(*plain) == [("d: shape", "[1, 2]", "[1, 3]")]


def test_another_class_of_model_is_a_setting():
    a = model(dense("d"))
    b = SavedModel("b.keras", {**a.config, "class_name": "Functional"})
    assert settings(a, b) == [("model", "Sequential", "Functional")]


def test_inner_models_name_their_layers_by_position_where_names_count_on():
    def nested(inner, outer, units):
        block = {"class_name": "Sequential",
                 "config": {"name": outer, "layers": [dense(inner, units=units)]}}  # fmt: skip
        return model(block)

    assert settings(nested("dense", "block", 3), nested("dense_1", "block_1", 3)) == []
    (row,) = settings(nested("dense", "block", 3), nested("dense_1", "block_1", 4))
    assert row == ("layer 1: layer 1: units", "3", "4")


def test_compile_settings_are_compared_where_both_files_hold_them():
    a = model(dense("d"), compiled={"optimizer": "adam", "loss": "mse"})
    b = model(dense("d"), compiled={"optimizer": "sgd", "loss": "mse"})
    (row,) = compare_saved(a, b).compiled
    assert (row["setting"], row["a"], row["b"]) == ("optimizer", "adam", "sgd")
    weights = SavedModel("b.weights.h5", tensors={})
    assert compare_saved(a, weights).compiled == compare_saved(weights, a).settings == ()


def with_weights(path="a.keras", **tensors):
    return model(dense("d"), path=path, tensors={f"layers/d/{k}": v for k, v in tensors.items()})


def test_weights_of_other_shapes_or_in_one_file_alone_are_listed():
    a = with_weights(one=np.ones((2, 3), "f4"), two=np.float32(1), only=np.ones(1, "f4"))
    b = with_weights(one=np.ones((3, 2), "f4"), two=np.float64(1))
    rows = {r["weight"].rpartition("/")[2]: r for r in compare_saved(a, b).weights}
    assert (rows["one"]["a"], rows["one"]["b"]) == ("2 x 3 float32", "3 x 2 float32")
    assert (rows["two"]["a"], rows["two"]["b"]) == ("scalar float32", "scalar float64")
    assert (rows["only"]["a"], rows["only"]["b"]) == ("1 float32", "-")
    assert all(r["relative"] is None for r in rows.values())
    found = answer(a, b)
    assert "3 of 3 weight tensors differ" in found.causes[0].detail
    assert found.gap["relative"] is None, "none of them has a partner of its shape"


def test_weights_that_differ_are_counted_and_the_first_is_named():
    ones, names = np.ones(2, "f4"), ("a", "b", "c", "d")
    a = with_weights(**dict.fromkeys(names, ones), e=ones)
    b = with_weights("b.keras", **dict.fromkeys(names, 2 * ones), e=ones)
    found = answer(a, b)
    (cause,) = found.causes
    assert cause.detail == "4 of 5 weight tensors differ: layers/d/a and 3 more"
    assert (found.first_divergence.phase, found.first_divergence.where) == ("weights", "layers/d/a")
    assert found.first_divergence.relative == found.evidence["saved weights"][0]["relative"] > 0
    three = with_weights("b.keras", a=2 * ones, b=2 * ones, c=2 * ones, d=ones, e=ones)
    assert answer(a, three).causes[0].detail == (
        "3 of 5 weight tensors differ: layers/d/a, layers/d/b and layers/d/c"
    )
    nan = with_weights("b.keras", a=ones * np.nan, b=ones, c=ones, d=ones, e=ones)
    assert compare_saved(a, nan).differing[0]["relative"] == 1.0


def test_what_the_files_say_and_what_they_do_not():
    ones = np.ones(2, "f4")
    a = with_weights(k=ones, i=ones)
    same = answer(a, with_weights("b.keras", k=ones, i=ones))
    assert same.identical and same.reproduced and same.unexplained == 0.0
    assert same.chosen == "a.keras and b.keras hold equal settings and weights, bit for bit"
    assert [e.evidence for e in same.excluded] == [
        "all settings of all layers equal", "all 2 weight tensors equal, bit for bit"
    ]  # fmt: skip
    assert same.remedy.patch == "" and same.remedy.how == "" and same.first_divergence is None
    other = answer(a, with_weights("b.keras", k=2 * ones, i=ones))
    assert (other.identical, other.unexplained, other.reproduced) == (False, 1.0, False)
    assert other.chosen == "the files a.keras and b.keras, as saved" and other.remedy.how == ADVICE
    assert other.notes == ("Predictions were not compared: it may not be loaded.",)
    assert (other.gap["metric"], other.gap["a"]) == ("weights", None) and other.gap["relative"] > 0
    assert other.question == "Why do the models saved in a.keras and b.keras differ?"
    assert set(other.evidence) == set(rows_of(compare_saved(a, a)))


def test_files_of_weights_are_compared_as_such():
    a, b = (SavedModel(f"{n}.weights.h5", tensors={"k": np.ones(2)}) for n in "ab")
    same = answer(a, b)
    assert same.chosen.endswith("hold equal weights, bit for bit")
    assert same.a == {
        "call": "weights", "file": "a.weights.h5", "keras": "", "model": "", "line": None
    }  # fmt: skip
    assert [u.evidence for u in same.unknown] == ["a file of weights holds no settings"]
    assert described(model(), "built")["model"] == "Sequential"


def test_four_settings_that_differ_are_told():
    a, b = (model(dense("d", **dict.fromkeys("vwxyz", n))) for n in (1, 2))
    (cause,) = answer(a, b).causes
    assert cause.source == "architecture"
    assert cause.detail == "d: v: 1 vs. 2; d: w: 1 vs. 2; d: x: 1 vs. 2; d: y: 1 vs. 2"
