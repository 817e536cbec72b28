#!/usr/bin/env bash
# Runs a short demo against the real daemon and checks what it promises.
#   demo_test.sh ELDR_DEMO ELDRD ELDRCTL
set -euo pipefail
demo=$1 eldrd=$2 eldrctl=$3

folder=$(mktemp -d)
child=
cleanup() {
  if [[ -n $child ]]; then kill -KILL "$child" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap cleanup EXIT
# The demo's own temporary folders come here, so that one left behind is seen.
mkdir "$folder/tmp"
export TMPDIR=$folder/tmp

fail() {
  echo "demo_test: $1" >&2
  cat "$folder"/*.err >&2
  exit 1
}
run=("$demo" --eldrd "$eldrd" --eldrctl "$eldrctl" --warmup 5s --duration 20s)
table() { grep -E '^(residency|least_loaded|round_robin) ' "$1"; }

# Equal seeds give equal numbers, and residency needs at least 8 % less experts.
for i in 1 2; do
  "${run[@]}" --no-keep --policies residency,least_loaded,round_robin \
    >"$folder/$i.out" 2>"$folder/$i.err" || fail "run $i failed"
  table "$folder/$i.out" >"$folder/$i.table"
done
cmp "$folder/1.table" "$folder/2.table" || fail "equal seeds gave other numbers"
[[ $(wc -l <"$folder/1.table") == 3 ]] || fail "expected a line per policy"
awk '$1 == "residency" { r = $2 } $1 == "least_loaded" { l = $2 }
     END { exit !(r > 0 && r <= 0.92 * l) }' "$folder/1.table" || fail "residency saves too little"

# With --keep the daemon answers what the demo suggests, until an interrupt ends both.
"${run[@]}" --keep --policies residency >"$folder/keep.out" 2>"$folder/keep.err" &
child=$!
deadline=$((SECONDS + 60))
until grep -q 'nodes residency' "$folder/keep.out"; do
  kill -0 "$child" 2>/dev/null || fail "the demo ended though it should stay"
  ((SECONDS < deadline)) || fail "no table after 60 s"
  sleep 0.1
done
# One address opens the page, whose traffic goes on.
page=$(sed -n 's|^ *Open  \(http://[^ ]*\)/  in a browser.$|\1|p' "$folder/keep.out")
[[ -n $page ]] || fail "no address of the page"
curl -sfL "$page/" | grep -qi '<html' || fail "no page at $page"
placements() {
  curl -sf "$page/api/v1/placements?model=gpt-oss-20b.live&limit=1" | sed -n 's/.*"sequence":\([0-9]*\),"missed".*/\1/p'
}
deadline=$((SECONDS + 60))
until placed=$(placements) && ((${placed:-0} > 20)); do
  ((SECONDS < deadline)) || fail "nothing moves on the page"
  sleep 0.1
done
export ELDR_TARGET
ELDR_TARGET=$(sed -n 's/^ *export ELDR_TARGET=//p' "$folder/keep.out")
asked=0
while read -r program arguments; do
  [[ $program == *eldrctl ]] || continue
  # shellcheck disable=SC2086  # the words of a command line
  "$eldrctl" $arguments >"$folder/ctl.out" 2>"$folder/ctl.err" || fail "eldrctl $arguments failed"
  [[ -s $folder/ctl.out ]] || fail "eldrctl $arguments said nothing"
  asked=$((asked + 1))
done < <(grep -E '^  .*eldrctl ' "$folder/keep.out")
((asked == 4)) || fail "expected 4 commands to try, found $asked"
kill -INT "$child"
wait "$child" || fail "the demo ended with an error after the interrupt"
child=
if "$eldrctl" health --timeout 1s >/dev/null 2>&1; then fail "the daemon outlived the demo"; fi
[[ -z $(ls -A "$TMPDIR") ]] || fail "temporary files were left: $(ls -A "$TMPDIR")"

# A daemon that does not start: its own words are shown.
if "${run[@]}" --no-keep --policies no_such_policy >"$folder/bad.out" 2>"$folder/bad.err"; then
  fail "an unknown policy was accepted"
fi
grep -q 'no_such_policy' "$folder/bad.err" || fail "the daemon's log was not shown"
