#!/usr/bin/env bash
# Short loads on the real daemon: closed and open loop, unary and streams, pushed signatures, a
# trace, churn, an interrupt. Afterwards no lease and no node is left.
#   loadgen_test.sh ELDR_LOADGEN ELDRD ELDRCTL DATA_DIR
set -euo pipefail
(($# == 4)) || { echo "usage: $0 ELDR_LOADGEN ELDRD ELDRCTL DATA_DIR" >&2; exit 2; }
loadgen=$1 eldrd=$2 eldrctl=$3 data=$4

work=$(mktemp -d)
daemon=
cleanup() {
  if [[ -n $daemon ]]; then kill -KILL "$daemon" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "loadgen_test: $*" >&2
  tail -n 20 "$work/log" "$work/err" >&2 || true
  exit 1
}

cat >"$work/eldrd.yaml" <<YAML
grpc: {listen: ["unix:$work/socket", "127.0.0.1:0"]}
http: {listen: "127.0.0.1:0"}
shutdown_delay: 0s
YAML
"$eldrd" --config "$work/eldrd.yaml" --port-file "$work/ports" 2>"$work/log" &
daemon=$!
deadline=$((SECONDS + 30))
until [[ -f $work/ports ]]; do
  kill -0 "$daemon" 2>/dev/null || fail "eldrd ended"
  ((SECONDS < deadline)) || fail "eldrd does not listen"
  sleep 0.05
done
export ELDR_TARGET=unix:$work/socket
tcp=$(sed -n 's/^grpc=\(127.*\)/\1/p' "$work/ports")

# json EXPRESSION: true of the last report `r`?
json() {
  python3 - "$work/out" "$1" <<'PY' || fail "not true: $1: $(cat "$work/out")"
import json, sys
r = json.load(open(sys.argv[1]))
sys.exit(not eval(sys.argv[2]))
PY
}
# load ARGUMENTS: a short run whose report is left in `out`.
load() {
  "$loadgen" --duration 500ms --warmup 100ms --layers 4 --experts 16 --top-k 2 --format json \
    "$@" >"$work/out" 2>"$work/err" || fail "$* ended with status $?"
  json 'list(r["place"]["by_code"]) == ["OK"] and list(r["release"]["by_code"]) == ["OK"]'
  json '0 < r["place"]["latency_us"]["p50"] <= r["place"]["latency_us"]["max"]'
  json 'r["leases_left"] == 0'
}
nothing_left() {
  "$eldrctl" --format json models describe "$1" >"$work/out"
  json 'int(r.get("leases", 0)) == 0 and r.get("nodes", 0) == 0'
}

load --nodes 4 --server-pid "$daemon"
json 'r["server"]["cpu_us_per_call"] > 0 and r["server"]["resident_bytes_end"] > 1e6'
load --nodes 4 --rate 200 --arrivals constant --hold 20ms
json '90 <= sum(r["place"]["by_code"].values()) <= 100'
load --nodes 4 --rate 200 --streams 2 --connections 2 --churn 100ms --live 10
json 'r["departures"] > 0 and r["failed_node_calls"] == 0'
load --nodes 4 --signatures pushed --target "$tcp"
json 'list(r["push"]["by_code"]) == ["OK"]'
nothing_left loadgen
load --nodes 4 --trace "$data/gptoss20b" --model traced --concurrency 2 --live 0
nothing_left traced

# Interrupted: it tells what it measured, and cleans up.
"$loadgen" --nodes 2 --duration 1h --warmup 0s --format json >"$work/out" 2>"$work/err" &
child=$!
deadline=$((SECONDS + 30))
until "$eldrctl" --format json models describe loadgen | grep -q '"leases": *"[1-9]'; do
  ((SECONDS < deadline)) || fail "no lease after 30 s"
  sleep 0.05
done
kill -INT "$child"
status=0
wait "$child" || status=$?
((status == 130)) || fail "interrupted: exit status $status, expected 130"
json 'r["interrupted"] and r["place"]["by_code"]["OK"] > 0'
nothing_left loadgen

# What cannot work says so.
status=0
"$loadgen" --duration 100ms --warmup 0s >"$work/out" 2>"$work/err" || status=$?
((status == 1)) && grep -q 'no node is registered' "$work/err" || fail "no nodes: status $status"
status=0
"$loadgen" --trace "$data/gptoss20b" --nodes 1 >"$work/out" 2>"$work/err" || status=$?
((status == 1)) && grep -q 'expected those of model "loadgen"' "$work/err" ||
  fail "a trace of another geometry: status $status"
status=0
"$loadgen" --target "unix:$work/nobody" --timeout 300ms >"$work/out" 2>"$work/err" || status=$?
((status == 1)) && [[ -s $work/err ]] || fail "nobody listens: status $status"
