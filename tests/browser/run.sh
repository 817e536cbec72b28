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

skip() {
  printf 'skipped: the page in a browser: %s\n' "$*"
  exit 77
}

command -v node >/dev/null && command -v npm >/dev/null || skip "no node or no npm (Debian: nodejs, npm)"
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' || skip "node $(node --version), expected 18 or later"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
[[ -x $CHROMIUM ]] || skip "no chromium (Debian: chromium)"
export CHROMIUM

# Tests import the page's modules as they lie in the sources; copies, so that no packages are installed there.
mkdir -p "$folder"
rm -rf "$folder/tests" "$folder/server"
mkdir -p "$folder/tests" "$folder/server"
cp -r "$root/server/ui" "$folder/server/ui"
cp -r "$root/tests/browser" "$folder/tests/browser"
cp "$root"/tests/browser/{package.json,package-lock.json,.npmrc} "$folder/"
rm -rf "$folder/tests/browser/node_modules" "$folder/tests/browser/package.json"
cd "$folder"

stamp=$(node --version; sha256sum <package-lock.json)
if [[ $(cat node_modules/.stamp 2>/dev/null) != "$stamp" ]]; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1 || skip "packages cannot be installed ($folder/npm.log)"
  printf '%s\n' "$stamp" >node_modules/.stamp
fi

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
