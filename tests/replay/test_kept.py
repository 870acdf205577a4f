"""Compiled programs are kept in a folder of ours, give the same bits, and leave JAX as it was."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from whydiff.core.disk import drop_oldest, private_folder
from whydiff.replay.fused import engine
from whydiff.replay.fused.lowering import NATIVE

NAMES = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where programs are kept; JAX as it is where nobody chose a cache, which our tests do."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(engine, "_SECONDS", 0.0)
    engine._folder.cache_clear()
    chosen = {name: getattr(jax.config, name) for name in (*NAMES, "jax_enable_compilation_cache")}
    put({NAMES[0]: None, "jax_enable_compilation_cache": True})
    yield tmp_path / "whydiff" / "compiled"
    put(chosen)
    engine._folder.cache_clear()


def put(values):
    for name, value in values.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def settings():
    return [getattr(jax.config, name) for name in NAMES]


def computed():
    """The result of a program that is compiled now."""
    jax.clear_caches()
    x = jnp.asarray(np.random.default_rng(0).normal(size=(33, 33)).astype("float32"))
    return np.asarray(jax.jit(lambda x: jnp.tanh(x @ x) @ x.T / jnp.sum(x * x))(x)).tobytes()


def test_a_kept_program_gives_the_bits_of_a_compiled_one(folder):
    before, plain = settings(), computed()
    with engine.kept_programs():
        first = computed()
    files = sorted(folder.rglob("*-cache"))
    with engine.kept_programs():
        again = computed()
    assert files == sorted(folder.rglob("*-cache")) != []
    assert plain == first == again
    assert settings() == before


def test_what_others_compile_is_not_kept(folder):
    with engine.kept_programs():
        pass
    computed()
    assert not list(folder.rglob("*-cache"))


def test_a_cache_of_the_script_is_left_alone(folder, tmp_path):
    theirs = str(tmp_path / "theirs")
    put({NAMES[0]: theirs})
    with engine.kept_programs():
        assert jax.config.jax_compilation_cache_dir == theirs


def test_settings_return_behind_an_error(folder):
    before = settings()
    with pytest.raises(ValueError, match="ours"), engine.kept_programs():
        raise ValueError("ours")
    assert settings() == before


def test_a_choice_made_before_is_not_timed_again(folder, monkeypatch):
    timed = []
    monkeypatch.setattr(engine, "has_windows", lambda model: True)
    monkeypatch.setattr(engine, "FusedProgram", lambda model, structure, lowering: Program())
    monkeypatch.setattr(engine, "_seconds", lambda *_: timed.append(1) or len(timed))
    for question in ("one", "one", "another"):
        engine.best_program(None, None, 8, engine.Timing(None, (), 1), question)
    assert len(timed) == 4  # two ways of computing, for two questions


class Program:
    lowering = NATIVE


def test_a_folder_that_others_can_write_into_is_not_used(folder):
    assert private_folder("compiled", "x") == folder / "x"
    (folder / "x").chmod(0o777)
    assert private_folder("compiled", "x") is None


def test_the_oldest_files_go_first(tmp_path):
    import os

    for age, name in enumerate("abc"):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (100 - age, 100 - age))
    drop_oldest(tmp_path, 25)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a", "b"]
