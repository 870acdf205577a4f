"""Does one machine tell how far machines disagree? Trainings in eight emulated environments, and
studies that move one initial weight by one unit in the last place.

    python run.py FOLDER --train         train all that FOLDER lacks, then print the tables
    python run.py FOLDER --picture FILE  print them of what is there, and draw every result

Each training has every seed set. In an environment it runs as a plain script, without whydiff; the
studies run in the first one, as it is. A core is busy for about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from whydiff.core.estimate import Estimate
from whydiff.core.plan import DRAW
from whydiff.core.replicas import Result
from whydiff.runner.environments import environment_for
from whydiff.stats.flips import churn_of, disagreements, labels_of
from whydiff.stats.intervals import spread
from whydiff.storage import load_study

HERE = Path(__file__).parent
SEEDS = (1, 2, 3)
BLOCKS = 5  # of two replicas each
LIMIT = 1200


@dataclass(frozen=True)
class Environment:
    """``variables`` are set, ``packages`` installed in these versions; ``one`` processor or all."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    one: bool = False


def flags(*words: str) -> dict[str, str]:
    return {"XLA_FLAGS": " ".join(words)}


TENSORFLOW = (
    Environment("as it is"),
    Environment("one thread", {"TF_NUM_INTRAOP_THREADS": "1"}, one=True),
    Environment("without oneDNN", {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    Environment(
        "without oneDNN, one thread",
        {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_NUM_INTRAOP_THREADS": "1"},
        one=True,
    ),
    Environment("oneDNN limited to AVX2", {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Environment("oneDNN limited to SSE4.1", {"ONEDNN_MAX_CPU_ISA": "SSE41"}),
    Environment("TensorFlow 2.20.0", packages=("tensorflow-cpu==2.20.0",)),
    Environment("TensorFlow 2.19.0", packages=("tensorflow-cpu==2.19.0",)),
)
JAX = (
    Environment("as it is"),
    Environment("one thread", flags("--xla_cpu_multi_thread_eigen=false"), one=True),
    Environment("XLA limited to AVX2", flags("--xla_cpu_max_isa=AVX2")),
    Environment("XLA limited to SSE4.2", flags("--xla_cpu_max_isa=SSE4_2")),
    Environment("XLA's fast mathematics", flags("--xla_cpu_enable_fast_math=true")),
    Environment("vectors of 128 bits", flags("--xla_cpu_prefer_vector_width=128")),
    Environment("JAX 0.9.0", packages=("jax==0.9.0",)),
    Environment("JAX 0.8.0", packages=("jax==0.8.0",)),
)


@dataclass(frozen=True)
class Training:
    """A script with its backend, and the engine that trains its replicas."""

    name: str
    backend: str
    environments: tuple[Environment, ...]
    engine: str


TRAININGS = (
    Training("convnet", "tensorflow", TENSORFLOW, "solo"),
    Training("bilstm", "jax", JAX, "fused"),
)


def variables(training: Training, folder: Path, **more: str) -> dict[str, str]:
    own = {"KERAS_BACKEND": training.backend, "TF_CPP_MIN_LOG_LEVEL": "3", "DATA": str(folder)}
    return {**os.environ, **own, **more}


def train(training: Training, environment: Environment, folder: Path) -> None:
    """Train it with every seed, and keep what each training ends in."""
    number = training.environments.index(environment) + 1
    results = folder / f"{training.name}-{number}.npz"
    if not results.exists():
        print(f"{training.name}: {environment.name}", flush=True)
        python = environment_for(environment.packages, backends=[training.backend]).python
        part = results.with_suffix(".part.npz")
        subprocess.run(
            [python, f"{training.name}.py", *map(str, SEEDS)],
            cwd=HERE,
            env=variables(training, folder, RESULTS=str(part), **environment.variables),
            preexec_fn=only_one if environment.one else None,
            check=True,
            timeout=LIMIT,
        )
        part.rename(results)


def only_one() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def study_file(training: Training, seed: int, folder: Path) -> Path:
    return folder / f"{training.name}-{seed}.study.whydiff"


def study(training: Training, seed: int, folder: Path) -> None:
    """Train the study of one ULP with this seed."""
    path = study_file(training, seed, folder)
    whydiff = Path(sys.executable).with_name("whydiff")
    command = [whydiff, "study", f"{training.name}.py", "--vary", "arithmetic=one-ulp"]
    command += ["--blocks", BLOCKS, "--engine", training.engine, "--output", path]
    done = path.with_suffix(".json")
    if not done.exists():
        print(f"{training.name}: study with seed {seed}", flush=True)
        command += ["--json", done, *(["--resume"] if path.exists() else [])]
        subprocess.run(
            [*map(str, command), "--", str(seed)],
            cwd=HERE,
            env=variables(training, folder),
            check=True,
            timeout=LIMIT,
        )


def environments_of(training: Training, folder: Path) -> list[tuple[Environment, Any]]:
    """What each environment's trainings ended in, of those that are there."""
    paths = [folder / f"{training.name}-{k + 1}.npz" for k in range(len(training.environments))]
    pairs = zip(training.environments, paths, strict=True)
    return [(environment, np.load(path)) for environment, path in pairs if path.exists()]


def distinct(found: list[tuple[Environment, Any]], seed: int) -> list[Any]:
    """One of every set of environments whose trainings ended in the same bits."""
    return list({str(kept[f"after/{seed}"]): kept for _, kept in found}.values())


def one_ulp(training: Training, seed: int, folder: Path) -> list[Result]:
    """The replicas with one weight moved, of the study with this seed; [] where there is none."""
    if not study_file(training, seed, folder).with_suffix(".json").exists():
        return []
    kept = load_study(study_file(training, seed, folder)).kept.values()
    return [one.result for one in kept if one.member.kind == DRAW]


def labels_in(runs: list[Any], seed: int) -> np.ndarray:
    return labels_of([kept[f"predictions/{seed}"] for kept in runs])


def shown(estimate: Estimate) -> str:
    """Percent, with the interval."""
    percents = [100 * v for v in (estimate.value, estimate.low, estimate.high)]
    return "{:.2f} ({:.2f} to {:.2f})".format(*percents)


def print_environments(training: Training, folder: Path) -> None:
    found = environments_of(training, folder)
    print(
        f"\n| {training.name}, {training.backend} | accuracy, % | predicted otherwise, % "
        "| initial weights | final weights |\n|---|---|---|---|---|"
    )
    for environment, kept in found:
        first = found[0][1]
        accuracy = ", ".join(f"{100 * float(kept[f'accuracy/{seed}']):.1f}" for seed in SEEDS)
        changed = [disagreements(labels_in([first, kept], seed))[0, 1] for seed in SEEDS]
        bits = [
            "the same"
            if all(kept[f"{when}/{s}"] == first[f"{when}/{s}"] for s in SEEDS)
            else "others"
            for when in ("before", "after")
        ]
        print(
            f"| {environment.name} | {accuracy} | "
            f"{', '.join(f'{100 * share:.1f}' for share in changed)} | {' | '.join(bits)} |"
        )


def print_spreads(training: Training, folder: Path) -> None:
    """The spread over environments beside that over one ULP, seed by seed and in all."""
    found = environments_of(training, folder)
    print(
        f"\n| {training.name} | environments with other bits | replicas | SD of the accuracy over "
        "environments, points | over one ULP, points | two environments disagree on, % | "
        "two replicas, % |\n|---|---|---|---|---|---|---|"
    )
    squares, degrees = [0.0, 0.0], [0, 0]
    for seed in SEEDS:
        runs, replicas = distinct(found, seed), one_ulp(training, seed, folder)
        if not replicas:
            continue
        accuracies = (
            [float(kept[f"accuracy/{seed}"]) for kept in runs],
            [result.logs[-1]["val_accuracy"] for result in replicas],
        )
        spreads = [spread(values, normal=True, bounds=(0.0, 1.0)) for values in accuracies]
        for k, values in enumerate(accuracies):
            squares[k] += float(np.var(values, ddof=1)) * (len(values) - 1)
            degrees[k] += len(values) - 1
        churns = (
            churn_of(labels_in(runs, seed)),
            churn_of(labels_of([result.predictions[0] for result in replicas])),
        )
        cells = [str(len(runs)), str(len(replicas)), *map(shown, (*spreads, *churns))]
        print(f"| seed {seed} | {' | '.join(cells)} |")
    if all(squares):
        ratio = math.sqrt(squares[0] / degrees[0] / (squares[1] / degrees[1]))
        low, high = (ratio / math.sqrt(special.fdtri(*degrees, p)) for p in (0.975, 0.025))
        print(
            f"\n{training.name}: standard deviation over environments / over one ULP, within "
            f"seeds: {ratio:.2f} (95 % CI {low:.2f} to {high:.2f}, {degrees[0]} and {degrees[1]} "
            "degrees of freedom)"
        )
    first = found[0][1]
    apart = disagreements(labels_of([first[f"predictions/{seed}"] for seed in SEEDS]))
    accuracies = [float(first[f"accuracy/{seed}"]) for seed in SEEDS]
    print(
        f"\n{training.name}: over {len(SEEDS)} seeds in the first environment the accuracy has a "
        f"standard deviation of {100 * np.std(accuracies, ddof=1):.2f} points; two seeds disagree "
        f"on {100 * apart[np.triu_indices(len(SEEDS), 1)].mean():.1f} %"
    )


def picture(folder: Path, path: Path) -> None:
    """Every accuracy as a tick: environments and replicas of each seed below each other."""
    import altair as alt
    import vl_convert

    rows = []
    for training in TRAININGS:
        found = environments_of(training, folder)
        for seed in SEEDS:
            sides = {
                "environments": [float(kept[f"accuracy/{seed}"]) for _, kept in found],
                "one ULP": [r.logs[-1]["val_accuracy"] for r in one_ulp(training, seed, folder)],
            }
            rows += [
                {
                    "training": training.name,
                    "row": f"seed {seed}, {side}",
                    "side": side,
                    "x": 100 * v,
                }
                for side, values in sides.items()
                for v in values
            ]
    colors = alt.Scale(domain=["environments", "one ULP"], range=["#0072B2", "#D55E00"])
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_tick(thickness=2, size=16, opacity=0.6)
        .encode(
            x=alt.X("x:Q", title="accuracy on 1,000 held-out examples, %").scale(zero=False),
            y=alt.Y("row:N", title=None),
            color=alt.Color("side:N", scale=colors, legend=None),
        )
        .properties(width=520, height=alt.Step(24))
        .facet(row=alt.Row("training:N", title=None, header=alt.Header(labelOrient="top")))
        .resolve_scale(x="independent", y="independent")
        .configure(background="white")
    )
    path.write_text(vl_convert.vegalite_to_svg(chart.to_dict()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--picture", type=Path, help="an SVG file to draw")
    parser.add_argument("--train", action="store_true", help="what FOLDER lacks")
    options = parser.parse_args()
    folder = options.folder.resolve()
    if options.train:
        if not (folder / "reviews.npz").exists():
            subprocess.run([sys.executable, HERE / "data.py", folder], check=True)
        for training in TRAININGS:
            for environment in training.environments:
                train(training, environment, folder)
            for seed in SEEDS:
                study(training, seed, folder)
    for training in TRAININGS:
        print_environments(training, folder)
        print_spreads(training, folder)
    if options.picture:
        picture(folder, options.picture)


if __name__ == "__main__":
    main()
