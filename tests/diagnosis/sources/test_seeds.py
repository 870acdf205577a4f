"""Why two random values are not the same, read from what the script seeded and drew."""

from dataclasses import replace

import pytest

from whydiff.core.recording import SEEDING, UNKEPT_SEEDINGS, Draw, Frame
from whydiff.diagnosis.sources.seeds import (
    GENERATOR,
    INITIALIZER,
    Why,
    draw_of,
    first_seeding,
    generators_of,
    ledger_at,
    other_seedings,
    same_execution,
    same_script,
    seeding_of,
    unseeded,
    why,
)
from whydiff.testing.sides import a_side, changed, draw, facts, ledger, tensor

KERNEL = "dense/kernel"
KERAS = "keras.utils.set_random_seed"


def run(*entries, started="today", index=1, **fields):
    """A fit in a run of its own with this ledger."""
    execution = {"ledger": ledger(*entries), "started": started}
    return a_side(fit={"index": index}, execution=execution, **fields)


def of(layer, seed, **more):
    return draw(layer, seed, **more)


def seeding(seed, function=KERAS, line=8, text="seed_everything(seed)"):
    stack = (Frame("/home/user/train.py", line, "build", text),)
    return Draw(0, SEEDING, function, seed, seed is not None, stack)


def between(a, b, path=KERNEL, kind=INITIALIZER):
    return why(a, b, path, path, kind)


# --- which draw is behind a weight ---------------------------------------------------------------


def behind(path, *layers, index=1, kind=INITIALIZER):
    """Which of these layers' draws, counted from 0, is behind a weight; None for none."""
    entries = [one if isinstance(one, Draw) else of(one, 0) for one in layers]
    entries = [type(e)(**{**vars(e), "seed": i}) for i, e in enumerate(entries)]
    found = draw_of(run(*entries, index=index), path, kind)
    return found and found.seed


def test_the_draw_behind_a_weight_is_the_one_whose_attribute_goes_with_it():
    names = ("lstm/kernel_initializer", "lstm/recurrent_initializer", "lstm/initializer")
    assert behind("lstm/kernel", *names) == 0
    assert behind("lstm/recurrent_kernel", *names) == 1
    assert behind("lstm/gamma", *names) == 2
    assert behind("lstm/gamma", "lstm/init", "lstm/beta_initializer") == 0
    assert behind("lstm/gamma", *names[:2]) is None
    assert behind("lstm/kernel_q", "lstm/initializer", "lstm/kernel_initializer") == 1
    assert behind("lstm/kernel", "lstm/kernel_a_initializer", "lstm/initializer") == 0
    assert behind("lstm/kernel", "lstm/kernels_initializer") is None
    assert behind("lstm/kernels", "lstm/kernel_initializer") is None


def test_the_draw_behind_a_weight_is_that_of_the_nearest_layer():
    layers = ("block/kernel_initializer", "block/dense/kernel_initializer", "kernel_initializer")
    assert behind("block/dense/kernel", *layers) == 1
    assert behind("block/other/kernel", *layers) == 0
    assert behind("dense/kernel", *layers) == 2
    assert behind("blocks/kernel", *layers[:2]) is None


def test_the_draw_behind_a_weight_is_of_this_fit_or_of_the_last_before_it():
    name = "dense/kernel_initializer"
    layers = [of(name, 0, fit=2), of(name, 0, fit=1), of(name, 0, fit=3), of(name, 0, fit=None)]
    assert [behind(KERNEL, *layers, index=i) for i in (1, 2, 3, 9)] == [1, 0, 2, 2]
    assert behind(KERNEL, of(name, 0, fit=2)) is None
    # of this fit even where its attribute fits less
    assert behind(KERNEL, of(name, 0), of("dense/initializer", 0, fit=2), index=2) == 1


def test_initializers_and_seed_generators_are_told_apart():
    path = "dropout/seed_generator"
    generator = of(path, 0, kind=GENERATOR)
    assert behind(path, of(path, 0), generator, kind=GENERATOR) == 1
    assert behind(path, generator) is None
    assert behind(KERNEL, of(None, 0)) is None


# --- two runs, two fits of one -------------------------------------------------------------------


def test_runs_and_scripts_are_told_apart():
    a = run()
    again = run(index=2)
    assert same_execution(a, a) and same_execution(a, again)
    assert not same_execution(a, run()), "the first fit of two runs that began at one time"
    assert not same_execution(a, run(started="later", index=2))
    other = changed(a, execution={"script": "other.py"})
    assert same_script(a, run(started="later")) and not same_script(a, other)
    assert not same_script(a, changed(a, execution={"arguments": ("--fast",)}))


# --- why -----------------------------------------------------------------------------------------

AT = "seed 1 in A (train.py:12) and 2 in B (train.py:12)"
NAME = "dense/kernel_initializer"


def two(a=(), b=(), **more):
    """Two runs; what A and B drew for the kernel besides what is given."""
    return (
        run(*a, of(NAME, 1, **more)),
        run(*b, of(NAME, 2, **more), started="tomorrow"),
    )


def test_other_initializers_are_intentional_and_their_seeds_are_told_where_they_draw():
    a = run(of(NAME, 1, owner="HeNormal"))
    b = run(of(NAME, 2), started="tomorrow")
    assert between(a, b) == Why(
        f"dense/kernel: HeNormal vs. GlorotUniform, {AT}", "other-initializer", True
    )
    for constant in ("Zeros", "Ones", "Constant"):
        a = run(of(NAME, 1, owner=constant))
        assert between(a, b).detail == f"dense/kernel: {constant} vs. GlorotUniform"
        assert between(b, a).detail == f"dense/kernel: GlorotUniform vs. {constant}"
    same = run(of(NAME, 2, owner="HeNormal"))
    assert between(same, b).detail == "dense/kernel: HeNormal vs. GlorotUniform"


def test_nothing_is_said_where_a_draw_or_a_seed_is_not_known():
    b = run(of(NAME, 2), started="tomorrow")
    for a in (run(), run(of(NAME, None))):
        assert between(a, b) == between(b, a) == Why()


def test_seeds_that_the_script_writes():
    assert between(*two(explicit=True)) == Why(
        f"dense/kernel: the script writes {AT}", "explicit-seeds"
    )
    written, drawn = run(of(NAME, 1, explicit=True)), run(of(NAME, 2), started="tomorrow")
    assert between(written, drawn) == Why(
        f"dense/kernel: {AT}; written in A, drawn in B", "explicit-seeds"
    )
    other = "dense/kernel: seed 2 in A (train.py:12) and 1 in B (train.py:12)"
    assert between(drawn, written).detail == f"{other}; written in B, drawn in A"


@pytest.mark.parametrize(
    "text", ["seed=int(time.time())", "seed=os.getpid()", "random.SystemRandom()", "uuid.uuid4()"]
)
def test_seeds_made_from_the_clock_or_process(text):
    stack = (Frame("C:\\work\\train.py", 3, "f", text), Frame("lib.py", 4, "g", ""))
    a, b = two(explicit=True, stack=stack)
    expected = "dense/kernel: seed 1 in A (lib.py:4) and 2 in B (lib.py:4)"
    assert between(a, b) == Why(f"{expected}, made from the clock or process", "clock-seed")
    plain = run(of(NAME, 3, explicit=True), started="tomorrow")
    assert between(a, plain).mechanism == between(plain, a).mechanism == "clock-seed"
    a, b = two(stack=stack)  # drawn, not written: the clock is beside the matter
    assert between(a, b).mechanism != "clock-seed"


def test_paths_of_windows_are_shown_by_the_name_of_the_file():
    a, b = two(explicit=True, stack=(Frame("C:\\work\\train.py", 3, "f", ""),))
    assert "seed 1 in A (train.py:3)" in between(a, b).detail
    a, b = two(explicit=True, stack=())
    assert between(a, b).detail == "dense/kernel: the script writes seed 1 in A and 2 in B"


def noisy(seed, backend, **more):
    entry = of("dropout/seed_generator", seed, kind=GENERATOR, explicit=True, **more)
    return run(entry, started=str(seed), backend={"backend": backend})


@pytest.mark.parametrize(("other", "overlaps"), [(2, True), (1001, True), (1002, False)])
def test_on_torch_neighbouring_seeds_of_generators_overlap(other, overlaps):
    def detail(backend):
        sides = noisy(1, "jax"), noisy(other, backend)
        return between(*sides, "dropout/seed_generator", GENERATOR).detail

    said = "; on torch such neighbouring seeds give the same numbers, shifted by a few draws"
    assert detail("torch").endswith(said) == overlaps
    assert not detail("jax").endswith(said)
    a, b = two(explicit=True, kind=INITIALIZER)
    assert said not in between(a, changed(b, backend={"backend": "torch"})).detail


# --- seeds that were drawn -----------------------------------------------------------------------

DREW = f"dense/kernel drew {AT} from Python's random"


def test_what_nothing_had_seeded():
    assert between(*two()) == Why(f"{DREW}, which nothing had seeded", "python-random-unseeded")
    a, b = two(b=[seeding(7)])
    assert between(a, b).detail == f"{DREW}, which nothing had seeded in A"
    assert between(*two(a=[seeding(7)])).detail == f"{DREW}, which nothing had seeded in B"
    locked = changed(a, fit={"notes": {UNKEPT_SEEDINGS: True}})
    assert between(locked, b) == Why(DREW, "")


def test_a_seed_that_another_object_got():
    a = run(of("first/kernel_initializer", 2), of(NAME, 1))
    b = run(of(NAME, 2), started="tomorrow")
    assert between(a, b) == Why(
        f"{DREW}: the seed it has in B went to first/kernel_initializer in A", "shifted-draws"
    )
    a, b = run(of(NAME, 1)), run(of(NAME, 2), of(None, 1), started="tomorrow")
    assert (
        between(a, b).detail == f"{DREW}: the seed it has in A went to another GlorotUniform in B"
    )
    written = run(of("first/kernel_initializer", 2, explicit=True), of(NAME, 1))
    assert between(written, b).detail.endswith("went to another GlorotUniform in B")
    assert between(written, run(of(NAME, 2), started="tomorrow")).mechanism != "shifted-draws"


def test_a_generator_seeded_from_the_operating_system():
    a, b = two(a=[seeding(None, "random.seed")], b=[seeding(None, "random.seed", line=9)])
    assert between(a, b) == Why(
        f"{DREW}: random.seed() (train.py:8) seeds it from the operating system",
        "python-random-unseeded",
    )


def test_two_models_of_one_run_and_runs_that_were_seeded_alike():
    entries = (seeding(7), of(NAME, 1), of(NAME, 2, fit=2))
    a, b = run(*entries), run(*entries, index=2)
    assert between(a, b) == Why(
        f"{DREW}, which was not set back to the same seed in between", "seeded-once"
    )
    assert between(*two(a=[seeding(7)], b=[seeding(7)])) == Why(
        f"{DREW}: seeded alike, but drawn at another place in the sequence", "shifted-draws"
    )


def test_two_seeds_of_the_script():
    a, b = two(a=[seeding(7)], b=[seeding(8, line=9)])
    said = f"dense/kernel: {KERAS}(7) (train.py:8) in A and {KERAS}(8) (train.py:9) in B"
    assert between(a, b) == Why(f"{said}, although script and arguments are the same", "clock-seed")
    other = changed(b, execution={"script": "other.py"})
    assert between(a, other) == Why(
        f"{said}: other seeds, set by the script itself", "explicit-seeds", True
    )
    clock = two(a=[seeding(7, text="seed(time.time_ns())")], b=[seeding(8)])
    assert between(*clock).detail.endswith("in B: a seed from the clock or process")


def test_seedings_in_force():
    entries = ledger(
        seeding(1), seeding(2, "random.seed"), seeding(3, "numpy.random.seed"),
        seeding(4, "numpy.random.default_rng"), seeding(5, "jax.random.key"),
        seeding(6, "lightning.seed_everything"), of(NAME, 1),
        seeding(7, "tensorflow.random.set_seed"),
        seeding(8, "torch.manual_seed"), seeding(9, "numpy.random.default_rng"),
    )  # fmt: skip
    side = a_side(execution={"ledger": entries})

    def seeds(before, generator):
        one, other = (f(side, before, generator) for f in (seeding_of, first_seeding))
        return one and one.seed, other and other.seed

    assert seeds(6, "random") == (2, 1) and seeds(7, "random") == (6, 1)
    assert seeds(6, "numpy") == (3, 1) and seeds(3, "numpy") == (1, 1)
    assert seeds(99, "tensorflow") == (7, 1)
    assert seeds(99, "torch") == (8, 6), "Keras seeds torch only where that is the backend"
    recipe = replace(side.recipe, backend={"backend": "torch"})
    on_torch = replace(side, fit=replace(side.fit, recipe=recipe))
    assert first_seeding(on_torch, 99, "torch") == entries[0]
    assert seeds(1, "random") == (None, None)
    assert [d.seed for d in generators_of(side)] == [4, 9]
    early = changed(side, fit={"notes": {"seed ledger": 8}})
    assert [d.seed for d in generators_of(early)] == [4]
    assert (ledger_at(side), ledger_at(early)) == (11, 9)


def test_one_seeding_that_both_fits_of_a_run_follow_is_no_reason():
    one, other = ledger(seeding(1), seeding(2))
    a, b = run(index=1), run(index=2)
    assert other_seedings(a, b, one, other).mechanism == "explicit-seeds"
    assert other_seedings(a, b, one, None) is other_seedings(a, b, None, one) is None
    assert other_seedings(a, b, one, one) is None
    renumbered = type(one)(**{**vars(other), "number": one.number})
    assert other_seedings(a, b, one, renumbered) is None, "one entry, whatever it says"
    assert other_seedings(a, run(started="later"), one, renumbered) is not None


def test_where_nothing_seeded_is_said_once_for_both():
    a, b = run(), run(started="later")
    assert unseeded(a, b, [None, None]) == ", which nothing had seeded"
    assert unseeded(a, b, [seeding(1), seeding(1)]) == ""


# --- the same seed, other values -----------------------------------------------------------------

SAME = "dense/kernel: the same seed 1 and GlorotUniform"


def alike(**fields):
    a = run(of(NAME, 1))
    return a, changed(run(of(NAME, 1), started="tomorrow"), **fields)


def test_the_same_seed_on_another_backend_or_in_another_version():
    a, b = alike(backend={"backend": "torch"})
    assert between(a, b) == Why(
        f"{SAME}, but jax and torch draw other numbers from it", "backend-draws"
    )
    a, b = alike(version=facts(a, "version", keras="3.14.0"))
    assert between(a, b) == Why(f"{SAME}, but other versions of the libraries", "other-version")


def test_the_same_seed_and_other_values_all_the_same():
    assert between(*alike()) == Why(
        f"{SAME}, yet other values: set or loaded after they were drawn, or other settings of the "
        "initializer",
        "weights-replaced",
    )
    a, b = (noisy(1, "jax", fit=1) for _ in range(2))
    assert between(a, b, "dropout/seed_generator", GENERATOR) == Why(
        "dropout/seed_generator: the same seed 1 and GlorotUniform, but it has drawn another "
        "number of times before this fit"
    )


def with_jax(side, version, value):
    return changed(
        side,
        version=facts(side, "version", jax=version),
        arithmetic=facts(side, "arithmetic", jax_threefry_partitionable=value),
    )


def test_the_same_seed_under_a_jax_that_draws_otherwise():
    a, b = alike()
    setting = f"{SAME}, but jax_threefry_partitionable is False vs. True"
    default = between(with_jax(a, "0.4.38", False), with_jax(b, "0.10.2", True))
    assert default == Why(
        f"{setting} (JAX 0.4.38 vs. 0.10.2): other numbers from it", "jax-threefry-partitionable"
    )
    set_so = between(with_jax(a, "0.10.2", False), with_jax(b, "0.10.2", True))
    assert set_so.detail == f"{setting}: other numbers from it"
    set_in_one = between(with_jax(a, "0.4.38", True), with_jax(b, "0.10.2", False))
    assert "(JAX" not in set_in_one.detail
    older = between(with_jax(a, "0.4.38", False), with_jax(b, "0.4.30", True))
    assert "(JAX" not in older.detail


def attention(keras, kind="EinsumDense", shape=(2, 2, 2)):
    path = "attention/query"
    side = run(of(f"{path}/kernel_initializer", 1), started=keras)
    return changed(
        side,
        version=facts(side, "version", keras=keras),
        initialization=(
            tensor(f"{path}/kernel", [[[1.0] * 2] * 2] * 2 if len(shape) == 3 else 1.0),
        ),
        architecture=facts(side, "architecture", layers=[f"{path}: {kind}"]),
    )


def test_the_same_seed_where_keras_takes_another_fan():
    path = "attention/query/kernel"
    old, new = attention("3.14.9"), attention("3.15.0")
    said = f"{path}: the same seed 1 and GlorotUniform, but Keras 3.14.9 vs. 3.15.0 takes another"
    assert between(old, new, path) == Why(
        f"{said} fan for a kernel of this shape", "keras-fans-3-15"
    )
    jax = between(with_jax(old, "0.4.38", False), with_jax(new, "0.10.2", True), path)
    assert jax.mechanism == "jax-threefry-partitionable"
    assert jax.detail.endswith(
        "other numbers from it; Keras 3.14.9 vs. 3.15.0 takes another fan for a kernel of this "
        "shape, too"
    )
    assert between(attention("3.14.9", "Dense"), new, path).mechanism == "other-version"
    flat = attention("3.14.9", shape=(1,))
    assert between(flat, new, path).mechanism == "other-version"
