#!/usr/bin/env bash
# Test on several processes: tools/dist_test.sh CONFIG CHECKPOINT N [arguments of tools/test.py]
set -euo pipefail
if [ $# -lt 3 ]; then echo "usage: tools/dist_test.sh CONFIG CHECKPOINT N [arguments of tools/test.py]" >&2; exit 2; fi
config=$1; checkpoint=$2; processes=$3; shift 3
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${MASTER_PORT:-${PORT:-29500}}" \
    --nproc_per_node="$processes" "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
