"""Saved models compared as their files hold them, on plain data."""

import numpy as np

from whydiff.core.calls import SavedModel
from whydiff.core.findings import SUSPECTED
from whydiff.diagnosis.saved import compare_saved, explained_by_files


def dense(name, **settings):
    return {"class_name": "Dense", "module": "keras.layers", "config": {"name": name, **settings}}


def model(*layers, path="a.keras", tensors=None, **compiled):
    config = {"class_name": "Sequential", "config": {"name": "sequential", "layers": list(layers)}}
    return SavedModel(path, config, compiled, tensors or {})


def settings(a, b):
    return [(r["setting"], r["a"], r["b"]) for r in compare_saved(a, b).settings]


def test_layers_that_were_named_on_in_one_process_correspond_by_position():
    a = model(dense("dense", units=8), dense("dense_1", units=3))
    b = model(dense("dense_2", units=8), dense("dense_3", units=4))
    assert settings(a, a) == settings(a, model(dense("d", units=8), dense("e", units=3))) == []
    assert settings(a, b) == [("layer 2: units", "3", "4")]


def test_layers_of_equal_names_correspond_by_name_and_one_alone_is_one_row():
    a = model(dense("one", units=8), dense("two", units=3))
    b = model(dense("one", units=9), dense("between", units=5), dense("two", units=3))
    assert settings(a, b) == [("one: units", "8", "9"), ("between", "-", "Dense")]


def test_connections_of_renamed_layers_are_equal_and_others_differ():
    def graph(*names, to):
        layers = [dense(name) for name in names]
        layers[1]["config"]["inbound_nodes"] = [{"args": [[names[to], 0, 0]]}]
        return model(*layers)

    assert settings(graph("a", "b", to=0), graph("c", "d", to=0)) == []
    (row,) = settings(graph("a", "b", to=0), graph("c", "d", to=1))
    assert row[0] == "layer 2: inbound_nodes"


def test_weights_differ_by_bits_and_state_is_none_of_them():
    ones = np.ones((2, 3), np.float32)
    tensors = {"layers/dense/vars/0": ones, "optimizer/vars/0": ones,
               "layers/dropout/seed_generator/vars/0": ones}  # fmt: skip
    a = model(tensors=tensors)
    b = model(tensors={**tensors, "layers/dense/vars/0": np.nextafter(ones, 2),
                       "optimizer/vars/0": 2 * ones})  # fmt: skip
    found = compare_saved(a, b)
    (row,) = found.differing
    assert row["weight"] == "layers/dense/vars/0" and 0 < row["relative"] < 1e-6
    assert [r["weight"] for r in found.other] == ["optimizer/vars/0"]
    zero = model(tensors={"layers/dense/vars/0": 0 * ones})
    signed = model(tensors={"layers/dense/vars/0": -0.0 * ones})
    assert compare_saved(zero, signed).differing  # other bits, though no distance


def test_files_alone_suspect_and_say_why_and_equal_ones_are_identical():
    a = model(dense("d", units=8), tensors={"layers/d/vars/0": np.ones(3)})
    b = model(dense("d", units=8), path="b.keras", tensors={"layers/d/vars/0": np.zeros(3)})
    answer = explained_by_files(a, b, compare_saved(a, b), "nobody may load b.keras")
    (cause,) = answer.causes
    assert (cause.source, cause.status) == ("weights", SUSPECTED)
    assert "nobody may load b.keras" in cause.evidence
    assert [e.source for e in answer.excluded] == ["architecture"]
    assert explained_by_files(a, a, compare_saved(a, a), "").identical
    of_weights = SavedModel("a.weights.h5", tensors=a.tensors)
    unknown = explained_by_files(of_weights, b, compare_saved(of_weights, b), "no model").unknown
    assert [e.source for e in unknown] == ["architecture"]
