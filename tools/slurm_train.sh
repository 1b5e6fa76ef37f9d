#!/usr/bin/env bash
# Train under Slurm: [GPUS=2 GPUS_PER_NODE=2 CPUS_PER_TASK=5 SRUN_ARGS=...] tools/slurm_train.sh PARTITION JOB CONFIG [...]
# GPUS counts all machines, GPUS_PER_NODE those of one. With --resume auto, a job that is requeued goes on by itself.
# GRACE=120: that many seconds before its time is up, the run saves a checkpoint and ends with code 75.
set -euo pipefail
if [ $# -lt 3 ]; then echo "usage: tools/slurm_train.sh PARTITION JOB CONFIG [arguments of tools/train.py]" >&2; exit 2; fi
partition=$1; job=$2; config=$3; shift 3
gpus=${GPUS:-2}; per_node=${GPUS_PER_NODE:-2}
# SRUN_ARGS is split into words on purpose
# shellcheck disable=SC2086
exec srun -p "$partition" --job-name="$job" --gres="gpu:$per_node" --ntasks="$gpus" --ntasks-per-node="$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 --signal="USR2@${GRACE:-120}" ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "$0")/train.py" "$config" --launcher slurm "$@"
