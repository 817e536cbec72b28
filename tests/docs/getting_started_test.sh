#!/usr/bin/env bash
# Runs the commands of docs/getting_started.md as they stand there, in the order of the page and in one
# shell, and checks what they promise. In a network namespace of its own, since the page uses the default
# ports.
#   getting_started_test.sh
# Exits with 77 where namespaces cannot be made, or for another build tree than the page's.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
page=$root/docs/getting_started.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
skip() {
  echo "skipped: $*"
  exit 77
}
unshare --net --mount --pid --fork true 2>/dev/null || skip "this machine does not allow new namespaces"
command -v ip >/dev/null || skip "iproute2 is not installed"

# blocks KINDS: the commands in fences of these kinds, a regular expression, in the page's order.
blocks() { awk -v kinds="^\`\`\`($1)\$" '/^```/ {on = ($0 ~ kinds); next} on' "$page"; }
blocks "sh setup" >"$work/setup"
kinds=sh
if PATH=$root/build/tools:$PATH command -v prometheus >/dev/null; then
  kinds="sh|sh prometheus"
else
  echo "without the commands of prometheus, which is not installed"
fi
blocks "$kinds" >"$work/commands"
(($(wc -l <"$work/setup") > 0 && $(wc -l <"$work/commands") > 15)) || { echo "FAILED: the page has no commands"; exit 1; }

cd "$root"
# Nothing to install here: who runs tests has built already.
ELDR_SKIP_DEPS=1 bash -euxo pipefail "$work/setup" || { echo "FAILED: the setup"; exit 1; }

# Everything ends with the namespaces.
timeout 150 unshare --net --mount --pid --fork --kill-child --mount-proc \
  bash -c 'ip link set lo up && exec bash -euxo pipefail "$1"' _ "$work/commands" >"$work/out" 2>"$work/trace" ||
  { tail -n 30 "$work/trace" "$work/out" >&2; echo "FAILED: a command of the page"; exit 1; }

cat "$work/out"
[[ $kinds == sh ]] || grep -q '"value":\[' "$work/out" || { echo "FAILED: prometheus"; exit 1; }
fail() { echo "FAILED: $*"; exit 1; }
grep -q '^readiness *serving' "$work/out" || fail "health"
grep -q '<title>ELDR' "$work/out" || fail "the page"
grep -q '^eldr_placements_total{' "$work/out" || fail "no placement in the metrics"
grep -qE '^load-.* draining ' "$work/out" || fail "no node is shown as draining"
python3 - build/load.json <<'PYTHON' || fail "not every call went well"
import json, sys
report = json.load(open(sys.argv[1]))
for call in ("place", "release"):
    codes = report[call]["by_code"]
    assert set(codes) == {"OK"} and codes["OK"] > 1000, codes
assert report["leases_left"] == 0 and report["failed_node_calls"] == 0, report
PYTHON
