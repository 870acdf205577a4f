"""The templates for clusters start every shard once, and go on where one was begun."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from whydiff.core.shards import parse_shard

TEMPLATES = Path(__file__).parents[2] / "examples" / "cluster"
JOB = yaml.safe_load((TEMPLATES / "kubernetes_job.yaml").read_text())
(CONTAINER,) = JOB["spec"]["template"]["spec"]["containers"]


def started(folder, command, environment):
    """The words that the template gives to ``whydiff``."""
    program = folder / "bin" / "whydiff"
    if not program.exists():
        program.parent.mkdir()
        program.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
        program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={"PATH": path, **environment}, text=True, check=True,
        capture_output=True,
    )  # fmt: skip
    return done.stdout.split()


def slurm(number):
    sizes = {"SLURM_ARRAY_TASK_COUNT": "8", "SLURM_CPUS_PER_TASK": "4"}
    command = ["bash", TEMPLATES / "slurm_array.sh"]
    return command, {"SLURM_ARRAY_TASK_ID": str(number), **sizes}


def kubernetes(number):
    environment = {e["name"]: e["value"] for e in CONTAINER["env"]}
    command = [*CONTAINER["command"], *CONTAINER["args"]]
    return command, {**environment, "JOB_COMPLETION_INDEX": str(number - 1)}


@pytest.mark.parametrize("template", [slurm, kubernetes])
def test_every_shard_is_started_once_with_a_file_of_its_own(tmp_path, template):
    words = [started(tmp_path, *template(number)) for number in range(1, 9)]
    shards = [parse_shard(line[line.index("--shard") + 1]) for line in words]
    assert [(s.number, s.count) for s in shards] == [(n, 8) for n in range(1, 9)]
    outputs = [line[line.index("--output") + 1] for line in words]
    assert len(set(outputs)) == 8 and not any("--resume" in line for line in words)
    (tmp_path / outputs[2]).touch()
    again = [started(tmp_path, *template(number)) for number in (3, 4)]
    assert ["--resume" in line for line in again] == [True, False]


def test_the_job_has_as_many_pods_as_shards():
    shards = {e["name"]: e["value"] for e in CONTAINER["env"]}["SHARDS"]
    assert JOB["spec"]["completionMode"] == "Indexed"
    assert JOB["spec"]["completions"] == int(shards) == 8
