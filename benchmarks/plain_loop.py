"""``python plain_loop.py NAME RUNS``: seconds per run of a loop of seed, build, fit."""

import sys
import time

import nets

name, runs = sys.argv[1], int(sys.argv[2])
times = []
for seed in range(runs + 1):
    begun = time.perf_counter()
    nets.run(name, seed)
    times.append(time.perf_counter() - begun)
print(" ".join(f"{seconds:.4f}" for seconds in times[1:]))  # the first run warms up Keras
