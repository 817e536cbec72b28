#!/usr/bin/env bash
# Tests the daemon's page in Chromium: its pure modules in Node and every view over a made fleet, or every view
# over a real daemon under load.
#
#   tests/browser/run.sh FOLDER                                     over a made fleet
#   tests/browser/run.sh FOLDER ELDRD ELDRCTL ELDR_LOADGEN TRACE    over a real daemon
#
# FOLDER gets the packages that the lock file names, and copies of what is tested. Ends with 77, and a line
# that says why, where Node 18, npm, Chromium or the packages cannot be had.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=$1
export ELDRD=${2:-} ELDRCTL=${3:-} ELDR_LOADGEN=${4:-} ELDR_TRACE=${5:-}

source "$root/tests/browser/prepare.sh"
prepare_browser "$root" "$folder" server/ui tests/browser || exit

# One file at a time: each drives a browser, and the machine has other tests to run.
status=0
if [[ -n $ELDRD ]]; then
  timeout 300 node --test tests/browser/daemon/*.test.mjs || status=$?
else
  node --test tests/browser/unit/*.test.mjs || status=$?
  for file in tests/browser/page/*.test.mjs; do
    timeout 150 node --test "$file" || status=$?
  done
fi
exit "$status"
