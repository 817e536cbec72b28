#!/usr/bin/env bash
# Checks deploy/prometheus: promtool takes its files, each alert fires when it should and only then
# (alerts_test.yml), and each has a section in docs/operations.md that says what to do.
#   rules_test.sh PROMTOOL
set -euo pipefail
(($# == 1)) || { echo "usage: $0 PROMTOOL" >&2; exit 2; }
[[ -x $1 ]] || {
  echo "skipped: the alerts: promtool is not installed (./dev deps test fetches it)"
  exit 77
}
cd "$(dirname "$0")/../.."
failed=0
fail() {
  echo "rules_test: $*" >&2
  failed=1
}

"$1" check config deploy/prometheus/prometheus.yml || failed=1
"$1" test rules tests/prometheus/alerts_test.yml || failed=1

alerts=$(sed -nE 's/^ +- alert: (\w+)$/\1/p' deploy/prometheus/alerts.yml)
[[ -n $alerts ]] || fail "no alert in deploy/prometheus/alerts.yml"
for alert in $alerts; do
  grep -qF "alertname=\"$alert\"" tests/prometheus/alerts_test.yml || fail "$alert never fires in a test"
  grep -qxF "### $alert" docs/operations.md || fail "$alert has no section in docs/operations.md"
  # A heading's anchor is its text in lower case.
  grep -qF "runbook_url: docs/operations.md#${alert,,}" deploy/prometheus/alerts.yml ||
    fail "$alert does not link to its section"
done
exit "$failed"
