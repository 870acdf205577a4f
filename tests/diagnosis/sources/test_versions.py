"""Two versions: what they draw otherwise, and settings that only the newer one knows."""

import numpy as np
import pytest

from whydiff.core.findings import DIFFERS, IDENTICAL
from whydiff.diagnosis.sources import source
from whydiff.testing import sides
from whydiff.testing.sides import a_side, changed, facts

THREEFRY = "jax_threefry_partitionable"


def compare(id, a, b):
    return source(id).compare(a, b)


def with_jax(side, version, partitionable):
    return changed(
        side,
        version=facts(side, "version", jax=version),
        arithmetic=facts(side, "arithmetic", **{THREEFRY: partitionable}),
    )


def drew(side, *layers):
    entries = [sides.draw(f"{layer}/kernel_initializer", 5) for layer in layers]
    return changed(side, execution={"ledger": sides.ledger(*entries)})


@pytest.fixture
def old_and_new():
    """The same seeds and other initial weights under JAX 0.4 and 0.10."""
    a = with_jax(drew(a_side(), "dense", "dense_1"), "0.4.38", False)
    b = drew(a_side(initialization=sides.weights(1)), "dense", "dense_1")
    return a, with_jax(b, "0.10.2", True)


def test_weights_that_jax_draws_otherwise_name_its_setting(old_and_new):
    finding = compare("initialization", *old_and_new)
    assert finding.mechanism == "jax-threefry-partitionable"
    assert "False vs. True (JAX 0.4.38 vs. 0.10.2)" in finding.detail
    assert "JAX_THREEFRY_PARTITIONABLE" in finding.remedy


def test_with_the_setting_made_equal_it_is_no_mechanism(old_and_new):
    a, b = old_and_new
    finding = compare("initialization", with_jax(a, "0.4.38", True), b)
    assert finding.mechanism == "other-version"


def test_a_versions_own_setting_is_no_setting_of_the_script(old_and_new):
    a, b = old_and_new
    assert compare("arithmetic", a, b).status == IDENTICAL
    finding = compare("arithmetic", with_jax(a, "0.10.2", False), b)
    assert (finding.status, finding.mechanism) == (DIFFERS, "jax-threefry-partitionable")


def test_the_version_itself_draws_otherwise_only_where_steps_draw(old_and_new):
    a, b = old_and_new
    assert compare("version", a, b).mechanism == "jax-threefry-partitionable"
    still = [changed(side, noise=()) for side in (a, b)]
    assert compare("version", *still).status == DIFFERS
    assert compare("version", *still).mechanism == ""


def attention(keras, scale):
    kernel = np.full((4, 2, 3), scale, "float32")
    side = a_side(initialization=(sides.tensor("attention/query/kernel", kernel),))
    side = changed(
        side,
        version=facts(side, "version", keras=keras),
        architecture=facts(side, "architecture", layers=["attention/query: EinsumDense"]),
    )
    return drew(side, "attention/query")


def test_fans_are_named_for_kernels_of_attention_only():
    finding = compare("initialization", attention("3.12.1", 1.0), attention("3.15.1", 6.0))
    assert finding.mechanism == "keras-fans-3-15"
    assert "Keras 3.12.1 vs. 3.15.1" in finding.detail
    finding = compare("initialization", attention("3.12.1", 1.0), attention("3.14.0", 6.0))
    assert finding.mechanism == "other-version"
    dense = drew(a_side(), "dense"), drew(a_side(initialization=sides.weights(1)), "dense")
    old = changed(dense[0], version=facts(dense[0], "version", keras="3.12.1"))
    assert compare("initialization", old, dense[1]).mechanism == "other-version"


@pytest.mark.parametrize(
    ("field", "id", "setting", "known"),
    [
        (
            "architecture",
            "architecture",
            "layer:dense:quantization",
            {"Dense": {"quantization": None}},
        ),
        ("optimizer", "optimizer", "accumulation", {"accumulation": None}),
        ("objective", "objective", "loss.axis", {"axis": None}),
    ],
)
def test_a_setting_that_only_one_version_knows_equals_its_default(field, id, setting, known):
    name = "loss.defaults" if field == "objective" else "defaults"
    newer = a_side(**{field: facts(a_side(), field, **{setting: None, name: known})})
    for pair in ((a_side(), newer), (newer, a_side())):
        assert compare(id, *pair).status == IDENTICAL
    other = a_side(**{field: facts(a_side(), field, **{setting: 4, name: known})})
    assert "4" in compare(id, a_side(), other).evidence
    unknown = a_side(**{field: facts(a_side(), field, **{setting: None})})
    assert compare(id, a_side(), unknown).status == DIFFERS


def test_a_default_of_none_stands_for_nothing_but_for_no_value():
    layer = {"layer:dense:ragged": False, "defaults": {"Dense": {"ragged": None}}}
    newer = a_side(architecture=facts(a_side(), "architecture", **layer))
    assert compare("architecture", a_side(), newer).status == IDENTICAL
    layer["layer:dense:ragged"] = "channels"
    newer = a_side(architecture=facts(a_side(), "architecture", **layer))
    assert compare("architecture", a_side(), newer).status == DIFFERS


def test_defaults_are_no_settings():
    one, two = (
        a_side(optimizer=facts(a_side(), "optimizer", defaults={"epsilon": e})) for e in (1, 2)
    )
    assert compare("optimizer", one, two).status == IDENTICAL
    assert "epsilon" not in compare("optimizer", one, one).evidence


def test_keras_3_16_shuffles_by_the_number_of_the_epoch():
    a = a_side(version=facts(a_side(), "version", keras="3.15.1"))
    b = changed(
        a, data_order=sides.shuffled(2), version=facts(a, "version", keras="3.16.0.dev202611")
    )
    finding = compare("data-order", a, b)
    assert finding.mechanism == "keras-shuffle-3-16"
    assert "Keras 3.15.1 vs. 3.16.0.dev202611" in finding.detail
    newer = changed(a, version=dict(b.recipe.version))
    assert compare("data-order", newer, b).mechanism != "keras-shuffle-3-16"
