#!/usr/bin/env bash
# Test on several processes: tools/dist_test.sh CONFIG CHECKPOINT N [arguments of tools/test.py]
set -euo pipefail
if [ $# -lt 3 ]; then echo "usage: tools/dist_test.sh CONFIG CHECKPOINT N [arguments of tools/test.py]" >&2; exit 2; fi
config=$1; checkpoint=$2; processes=$3; shift 3; tools=$(dirname "$0")
exec "${PYTHON:-python}" "$tools/launch_ranks.py" "$processes" "$tools/test.py" "$config" "$checkpoint" "$@"
