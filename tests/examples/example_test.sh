#!/usr/bin/env bash
# Builds an example of a frontend and runs it against the real daemon, as docs/clients.md tells:
# placing, releasing, retrying through faults, TLS and a token.
#   example_test.sh go|node|rust ELDRD ELDRCTL FOLDER
# FOLDER keeps what was built for the next run. Ends with 77 if the toolchain or its packages are not
# to be had here.
set -euo pipefail
(($# == 4)) || { echo "usage: $0 go|node|rust ELDRD ELDRCTL FOLDER" >&2; exit 2; }
language=$1 eldrd=$2 eldrctl=$3 folder=$4
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
daemon=
cleanup() {
  if [[ -n $daemon ]]; then kill -KILL "$daemon" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
skip() {
  echo "skipped: the $language example: $*"
  exit 77
}
fail() {
  echo "example_test: $language: $*" >&2
  tail -n 20 "$work"/{log,out,err,build} >&2 2>/dev/null || true
  exit 1
}

# ---- Building: outside of the checkout -----------------------------------------------------------

# needs PROGRAM LEAST VERSION: a toolchain that is too old is none.
needs() {
  [[ -n $3 && $(printf '%s\n' "$2" "$3" | sort -V | head -n 1) == "$2" ]] ||
    skip "${3:+$1 is $3; }$1 $2 or later is needed"
}
# version COMMAND...: the first number with dots that it prints.
version() { "$@" 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1 || true; }
# fetch COMMAND...: packages that cannot be had are no failure; a lock file that does not fit is.
fetch() {
  "$@" >"$work/build" 2>&1 && return
  ! grep -qE 'EUSAGE|EINTEGRITY|checksum mismatch|missing go.sum|updates to go.mod|lock file|checksum for' \
    "$work/build" || fail "the lock file does not fit"
  skip "its packages cannot be installed ($(grep -v '^ *$' "$work/build" | tail -n 1))"
}
build() { "$@" >"$work/build" 2>&1 || fail "$* failed"; }

example=$folder/client/examples/$language
mkdir -p "$folder"
# With their times, so that what did not change is not built again.
tar -C "$root" -c --exclude=node_modules --exclude=target --exclude=eldrv1 proto \
  "client/examples/$language" | tar -C "$folder" -x
cd "$example"
case $language in
  go)
    needs go 1.24 "$(version go version)"
    needs protoc 3.15 "$(version protoc --version)"
    export GOFLAGS=-mod=readonly GOTOOLCHAIN=local
    fetch go mod download
    build go generate
    build go vet .
    build go build -o place .
    program=("$example/place")
    ;;
  node)
    needs node 18 "$(version node --version)"
    needs npm 8 "$(version npm --version)"
    [[ node_modules/.package-lock.json -nt package-lock.json ]] || fetch npm ci --ignore-scripts --no-audit --no-fund
    program=(node "$example/place.js")
    ;;
  rust)
    needs cargo 1.88 "$(version cargo --version)"
    needs protoc 3.15 "$(version protoc --version)"
    fetch cargo fetch
    build cargo build
    program=("$example/target/debug/eldr-place")
    ;;
  *) fail "expected go, node or rust" ;;
esac

# ---- Running -------------------------------------------------------------------------------------

# until_true WHAT COMMAND...
until_true() {
  local what=$1 deadline=$((SECONDS + 30))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || fail "$what: not within 30 s"
    sleep 0.05
  done
}
listening() {
  kill -0 "$daemon" 2>/dev/null || fail "eldrd ended"
  [[ -f $work/ports ]]
}
# start_daemon PORT [LINES]: the same state in each of its lives.
start_daemon() {
  rm -f "$work/ports"
  printf '%s\n' "grpc: {listen: [\"127.0.0.1:$1\"]}" 'http: {listen: "127.0.0.1:0"}' \
    'shutdown_delay: 0s' 'state_sync: always' "state_dir: $work/state" \
    'models: [{name: m, layers: 4, experts: 16, top_k: 2}]' "${@:2}" >"$work/eldrd.yaml"
  "$eldrd" --config "$work/eldrd.yaml" --port-file "$work/ports" 2>>"$work/log" &
  daemon=$!
  until_true "eldrd listens" listening
  ELDR_TARGET=$(sed -n 's/^grpc=//p' "$work/ports")
  export ELDR_TARGET
}
kill_daemon() {
  kill -KILL "$daemon"
  wait "$daemon" 2>/dev/null || true
  daemon=
}
# run STATUS ARGUMENTS...: the example's output is left in `out` and `err`.
run() {
  local expected=$1 status=0
  shift
  "${program[@]}" "$@" >"$work/out" 2>"$work/err" || status=$?
  ((status == expected)) || fail "$* ended with status $status, expected $expected"
}
printed() { grep -qE "^$1\$" "$work/out" || fail "expected a line \"$1\" on its output"; }
told() { grep -qiE "$1" "$work/err" || fail "expected \"$1\" on its standard error"; }
never_retried() { ! grep -q '^again in' "$work/err" || fail "it retried what cannot get better"; }
# through FAULT_ENDS...: runs the example, which must retry; ends the fault; it must then succeed.
through() {
  local child status=0
  "${program[@]}" m "$request" >"$work/out" 2>"$work/err" &
  child=$!
  until_true "it retries" grep -q '^again in' "$work/err"
  "$@" >"$work/ctl"
  wait "$child" || status=$?
  ((status == 0)) || fail "$request ended with status $status after $*"
  printed "released $request outcome=DONE"
}
no_lease_left() {
  "$eldrctl" --format json models describe m >"$work/out"
  ! grep -qE '"leases": *"?[1-9]' "$work/out" || fail "a lease is left"
}

start_daemon 0
port=${ELDR_TARGET##*:}
"$eldrctl" nodes register d0 --model m --address 10.0.0.7:8000 >"$work/ctl"

run 0 m r1
printed 'placed r1 node=d0 address=10.0.0.7:8000 lease=[1-9][0-9]* reason=POLICY signature=MISSING'
printed 'released r1 outcome=DONE'
never_retried
no_lease_left

# An answer that was lost: the request holds a lease already, and gets that one.
"$eldrctl" --format json place r2 --model m >"$work/ctl"
lease=$(sed -nE 's/.*"lease_?[iI]d": *"?([0-9]+).*/\1/p' "$work/ctl")
run 0 m r2
printed "placed r2 node=d0 address=.* lease=$lease reason=EXISTING_LEASE .*"
no_lease_left

export ELDR_TIMEOUT=60
"$eldrctl" nodes drain d0 >"$work/ctl"  # no node is eligible: UNAVAILABLE
request=r3 through "$eldrctl" nodes undrain d0
kill_daemon  # nobody is there: UNAVAILABLE
request=r4 through start_daemon "$port"
no_lease_left

run 1 nomodel r5
told 'not placed.*nomodel'
never_retried
run 2 m
told '^usage: '
ELDR_TIMEOUT=never run 1 m r6
told 'ELDR_TIMEOUT is "never", expected seconds'
kill_daemon
ELDR_TIMEOUT=0.5 run 1 m r7
told '^not placed'

# Encrypted, and only for those who have a token.
printf 'a-token-of-a-frontend\n' >"$work/token"
printf 'a-token-of-nobody-here\n' >"$work/wrong"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
  -subj /CN=eldr.test -addext subjectAltName=DNS:eldr.test -addext basicConstraints=CA:FALSE \
  -keyout "$work/key" -out "$work/certificate" 2>"$work/build"
start_daemon 0 "tls: {certificate: $work/certificate, key: $work/key}" \
  "auth: {tokens: {frontend: $work/token}}"
export ELDR_TLS_CA=$work/certificate ELDR_TLS_SERVER_NAME=eldr.test
ELDR_TOKEN_FILE=$work/token run 0 m r8
printed 'placed r8 node=d0 .*'
printed 'released r8 outcome=DONE'
ELDR_TOKEN_FILE=$work/wrong run 1 m r9
told 'not placed.*unauthenticated'
never_retried
ELDR_TIMEOUT=0.5 ELDR_TLS_SERVER_NAME=other.test ELDR_TOKEN_FILE=$work/token run 1 m r10
told '^not placed'
ELDR_TOKEN_FILE=$work/token no_lease_left
