#!/usr/bin/env bash
# Real engines, the router and the proxy, on a machine without a GPU: proves what docs/engines.md says.
#
#   client/python/engines.sh [--keep] [--only SCENES] [--seed N]
#
#   --keep    starts one prefill and two decode engines, eldrd and the proxy, prints their addresses,
#             and ends them with Ctrl-C
#   --only    of sources, cost, prompts, routed, placement, faults, nixl; with commas
#   --seed    draws other prompts
#
# Environment: PYTHON, a Python 3.11 (default python3); ELDRD, the daemon (default
# build/release/server/eldrd); ELDR_ENGINES, a folder for all of it (default build/engines; 3 GB).
# Ends with 77 if packages cannot be had here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  sed -nE '/^#!/d; s/^# ?//p; /^set/q' "${BASH_SOURCE[0]}"
  exit 0
fi
root=$(cd "$here/../.." && pwd)
folder=${ELDR_ENGINES:-$root/build/engines}
eldrd=${ELDRD:-$root/build/release/server/eldrd}
[[ -x $eldrd ]] || {
  echo "engines: no eldrd at $eldrd: build it (./dev build eldrd), or name it in ELDRD" >&2
  exit 1
}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
"$here/engines_stand/install.sh" "$folder"
exec env PYTHONPATH="$here/tests" "$folder/vllm/bin/python" -B \
  "$here/engines_stand" "$folder/stand" --eldrd "$eldrd" "$@"
