#!/usr/bin/env bash
# Train under Slurm: [GPUS=2 GPUS_PER_NODE=2 CPUS_PER_TASK=5 SRUN_ARGS=...] tools/slurm_train.sh PARTITION JOB CONFIG [...]
# GPUS counts all machines, GPUS_PER_NODE those of one. With --resume auto, the same command goes on from the last checkpoint.
# GRACE=120: that many seconds before its time is up, the run saves a checkpoint and ends with code 75.
# REQUEUE=1: submit a batch job and return at once; when its time is up (SBATCH_ARGS="--time=1-0"), or Slurm wants the
# machines for another job, it saves a checkpoint, queues again by itself and goes on, until it is done.
set -euo pipefail
if [ $# -lt 3 ]; then echo "usage: tools/slurm_train.sh PARTITION JOB CONFIG [arguments of tools/train.py]" >&2; exit 2; fi
partition=$1; job=$2; config=$3; shift 3
gpus=${GPUS:-2}; per_node=${GPUS_PER_NODE:-2}; cpus=${CPUS_PER_TASK:-5}
train=("${PYTHON:-python}" -u "$(dirname "$0")/train.py" "$config" --launcher slurm "$@")
allocation=(-p "$partition" --job-name="$job" --gres="gpu:$per_node" --ntasks="$gpus" --ntasks-per-node="$per_node"
    --cpus-per-task="$cpus" --signal="USR2@${GRACE:-120}")
# SRUN_ARGS and SBATCH_ARGS are split into words on purpose
# shellcheck disable=SC2206
step=(srun --kill-on-bad-exit=1 --cpus-per-task="$cpus" ${SRUN_ARGS:-})
if [ -z "${REQUEUE:-}" ]; then exec "${step[@]}" "${allocation[@]}" "${train[@]}"; fi
# shellcheck disable=SC2086
exec sbatch "${allocation[@]}" --requeue --open-mode=append ${SBATCH_ARGS:-} <<JOB
#!/usr/bin/env bash
code=0
$(printf '%q ' "${step[@]}" "${train[@]}") || code=\$?
if [ "\$code" = 75 ]; then scontrol requeue "\$SLURM_JOB_ID"; fi
exit "\$code"
JOB
