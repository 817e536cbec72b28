#!/usr/bin/env bash
# Runs eldr-prefix on a cut of the trace, and on prompts that contradict each other: one block's id
# with two contents, which must not pass for a right signature.
#   program_test.sh ELDR_PREFIX DATA_DIR
set -euo pipefail
(($# == 2)) || { echo "usage: $0 ELDR_PREFIX DATA_DIR" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "$*" >&2
  exit 1
}

"$1" --help | grep -q 'SYNTHETIC' || fail "--help does not say what is synthetic"

"$1" --prompts "$2/arrivals/mooncake_conversation.jsonl" --routing "$2/gptoss20b" --requests 100 \
  >"$work/table" 2>"$work/progress"
grep -q 'Every complete signature is that of a prefill from nothing.' "$work/table" ||
  fail "no verdict: $(cat "$work/table")"
grep -q 'prompt 100 of 100' "$work/progress" || fail "no progress: $(cat "$work/progress")"

cat >"$work/contradiction.jsonl" <<'JSON'
{"input_length": 1100, "hash_ids": [0, 7, 3]}
{"input_length": 2000, "hash_ids": [0, 7, 9, 11]}
{"input_length": 2000, "hash_ids": [0, 7, 9, 12]}
JSON
status=0
"$1" --prompts "$work/contradiction.jsonl" --routing "$2/gptoss20b" --quiet --workers 1 \
  --cache-blocks 10 --format json >"$work/json" || status=$?
((status == 0)) || fail "prompts that agree: exit status $status"
# An id names a block and all that precedes it: 21 cannot follow 20 here and 23 there.
cat >>"$work/contradiction.jsonl" <<'JSON'
{"input_length": 1100, "hash_ids": [20, 21, 22]}
{"input_length": 2000, "hash_ids": [20, 23, 21, 24]}
{"input_length": 2000, "hash_ids": [20, 21, 23, 25]}
JSON
"$1" --prompts "$work/contradiction.jsonl" --routing "$2/gptoss20b" --quiet --workers 1 \
  --cache-blocks 100 --format json >"$work/json" || status=$?
((status == 1)) || fail "prompts that contradict each other: exit status $status, expected 1"
grep -q '"mismatches": [1-9]' "$work/json" || fail "no mismatch reported: $(cat "$work/json")"

status=0
"$1" --prompts nowhere.jsonl --routing "$2/gptoss20b" 2>"$work/err" || status=$?
((status == 1)) && grep -q 'nowhere.jsonl' "$work/err" || fail "a missing file: $status"
status=0
"$1" --workers 0 2>/dev/null || status=$?
((status == 2)) || fail "wrong flags: exit status $status, expected 2"
