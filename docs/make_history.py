"""Makes a small git repository whose script trained better a while ago, for the documentation.

    make_history.py FOLDER

Sixteen commits, most of them harmless; the data are not tracked. The ids are the same every time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TRAIN = '''\
"""Learn to tell digits apart."""

import keras
import numpy as np

from settings import BATCH, EPOCHS, FOLD, RATE, UNITS

keras.utils.set_random_seed(1)
data = np.load("data/digits.npz")
held_out = np.arange(len(data["y"])) % 5 == FOLD

model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(UNITS, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=RATE),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    data["x"][~held_out],
    data["y"][~held_out],
    validation_data=(data["x"][held_out], data["y"][held_out]),
    batch_size=BATCH,
    epochs=EPOCHS,
    verbose=0,
)
'''
SETTINGS = {"BATCH": 64, "EPOCHS": 3, "FOLD": 0, "RATE": 0.1, "UNITS": 16}
#: subject of a commit, and what it changes besides a line of the notes
COMMITS = (
    ("Train on digits", {}),
    ("Say where the data come from", {}),
    ("Name the classes", {}),
    ("Describe the model", {}),
    ("Correct a date", {}),
    ("Thank the authors", {}),
    ("List what is planned", {}),
    ("Say how long it takes", {}),
    ("Note the accuracy", {}),
    ("Shorten the notes", {}),
    ("Clean up the settings", {"RATE": 0.01}),
    ("Explain the fold", {}),
    ("Add a table", {}),
    ("Correct the table", {}),
    ("Say who to ask", {}),
    ("Announce a talk", {}),
)


def git(folder: Path, *arguments: str, day: int = 1) -> None:
    date = f"2026-11-{day:02}T12:00:00Z"
    who = {"NAME": "A. Scientist", "EMAIL": "scientist@example.org", "DATE": date}
    names = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()}
    subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **names}, check=True)


def main(folder: Path) -> None:
    from sklearn.datasets import load_digits

    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    import numpy as np

    digits = load_digits()
    np.savez(folder / "data" / "digits.npz", x=digits.data / 16, y=digits.target)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / ".gitignore").write_text("data/\n__pycache__/\n")
    (folder / "train.py").write_text(TRAIN)
    settings = dict(SETTINGS)
    for day, (subject, changes) in enumerate(COMMITS, 1):
        settings |= changes
        lines = [f"{name} = {value}\n" for name, value in settings.items()]
        (folder / "settings.py").write_text("".join(lines))
        with (folder / "NOTES").open("a") as notes:
            notes.write(f"{subject}.\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", subject, day=day)
        if day == 1:
            git(folder, "tag", "v1.2")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
