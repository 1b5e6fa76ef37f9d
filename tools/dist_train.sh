#!/usr/bin/env bash
# Train on several processes: tools/dist_train.sh CONFIG N [arguments of tools/train.py]
# One process a GPU, or N gloo processes without one. Several machines: the same call on each, with NNODES, NODE_RANK
# (0, 1, ...), MASTER_ADDR and MASTER_PORT set. MAX_RESTARTS=3: after a rank has died, all start anew, up to three times,
# from the last checkpoint. Exit code 75: asked to stop (SIGTERM); a checkpoint was saved, go on with --resume auto.
set -euo pipefail
if [ $# -lt 2 ]; then echo "usage: tools/dist_train.sh CONFIG N [arguments of tools/train.py]" >&2; exit 2; fi
config=$1; processes=$2; shift 2
address=${MASTER_ADDR:-127.0.0.1}; port=${MASTER_PORT:-${PORT:-29500}}
if [ "${NNODES:-1}" != 1 ] && [ "${MAX_RESTARTS:-0}" != 0 ]; then
    meeting=(--rdzv_backend=c10d --rdzv_endpoint="$address:$port" --rdzv_id="${RUN_ID:-i2vda}")  # machines meet anew
else
    meeting=(--node_rank="${NODE_RANK:-0}" --master_addr="$address" --master_port="$port")
fi
exec "${PYTHON:-python}" "$(dirname "$0")/launch_ranks.py" --nnodes="${NNODES:-1}" "${meeting[@]}" \
    --max_restarts="${MAX_RESTARTS:-0}" --nproc_per_node="$processes" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
