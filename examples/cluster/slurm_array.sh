#!/bin/bash
# A study as a Slurm array: sbatch slurm_array.sh, then whydiff merge parts/*.whydiff -o whole.whydiff
#SBATCH --job-name=study
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --requeue

set -eu
# The same number of threads in every shard: it may decide the last bits.
export OMP_NUM_THREADS="$SLURM_CPUS_PER_TASK"
mkdir -p parts
part="parts/$SLURM_ARRAY_TASK_ID.whydiff"

# A shard that was killed or requeued goes on; nothing is trained twice.
resume=()
if [ -e "$part" ]; then resume=(--resume); fi

exec whydiff study train.py --blocks 200 --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --output "$part" "${resume[@]}"
