"""``python plain_loop.py NAME RUNS``: wall and CPU seconds a run of seed, build, fit."""

import sys
import time

import nets

name, runs = sys.argv[1], int(sys.argv[2])
times = []
for seed in range(runs + 1):
    begun, cpu = time.perf_counter(), time.process_time()
    nets.run(name, seed)
    times.append((time.perf_counter() - begun, time.process_time() - cpu))
print(" ".join(f"{wall:.4f}:{cpu:.4f}" for wall, cpu in times[1:]))  # the first run warms up Keras
