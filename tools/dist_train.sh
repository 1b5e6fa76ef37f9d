#!/usr/bin/env bash
# Train on several processes: tools/dist_train.sh CONFIG N [arguments of tools/train.py]
# One process a GPU, or N gloo processes without one. Several machines: the same call on each, with NNODES, NODE_RANK
# (0, 1, ...), MASTER_ADDR and MASTER_PORT set. MAX_RESTARTS=3: after a rank has died, all start anew, up to three times,
# from the last checkpoint. Exit code 75: asked to stop (SIGTERM); a checkpoint was saved, go on with --resume auto.
set -euo pipefail
if [ $# -lt 2 ]; then echo "usage: tools/dist_train.sh CONFIG N [arguments of tools/train.py]" >&2; exit 2; fi
config=$1; processes=$2; shift 2; tools=$(dirname "$0")
exec "${PYTHON:-python}" "$tools/launch_ranks.py" "$processes" "$tools/train.py" "$config" "$@"
