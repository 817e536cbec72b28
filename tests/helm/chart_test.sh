#!/usr/bin/env bash
# Tests of the Helm chart, with the real helm.
#   chart_test.sh TEST TOOLS ELDRD [PROMTOOL]   TEST: lint, examples, refused, manifests or schema
# TOOLS is the folder that tools.sh fills. Exits with 77 where the tools cannot be had.
set -euo pipefail
test=$1 tools=$2 eldrd=$3 promtool=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
chart=$root/deploy/helm/eldrd
"$here/tools.sh" "$tools"
helm=$tools/helm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HELM_CACHE_HOME=$work/cache HELM_CONFIG_HOME=$work/config HELM_DATA_HOME=$work/data

die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}
# script NAME ARGUMENTS: a module finds its packages beside itself, so it runs from there.
script() {
  cp "$here/$1.mjs" "$tools/$1.$$.mjs"
  local status=0
  node "$tools/$1.$$.mjs" "${@:2}" || status=$?
  rm -f "$tools/$1.$$.mjs"
  return "$status"
}
render() { "$helm" template eldrd "$chart" --namespace inference "$@"; }
# pick FILE KIND PATH: one field of the first object of that kind.
pick() { script pick_field "$@"; }

test_lint() {
  local values
  "$helm" lint --strict "$chart"
  for values in "$chart"/examples/*.yaml; do
    "$helm" lint --strict "$chart" -f "$values"
  done
}

# checks_config FILE: the daemon takes the configuration, with certificates and tokens where they lie.
checks_config() {
  local etc=$work/etc role
  pick "$1" ConfigMap 'data.eldrd\.yaml' | sed "s|/etc/eldr|$etc|; s|/var/lib/eldr|$work/var|" >"$work/eldrd.yaml"
  mkdir -p "$etc/tls"
  [[ -f $etc/tls/tls.key ]] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -days 2 -subj /CN=eldrd -keyout "$etc/tls/tls.key" -out "$etc/tls/tls.crt" 2>/dev/null
  cp "$etc/tls/tls.crt" "$etc/tls/ca.crt"
  for role in $(sed -nE "s|.*$etc/tokens/([a-z]+)/0/token.*|\1|p" "$work/eldrd.yaml"); do
    mkdir -p "$etc/tokens/$role/0"
    openssl rand -base64 33 >"$etc/tokens/$role/0/token"
  done
  "$eldrd" --config "$work/eldrd.yaml" --check-config
}

test_examples() {
  local values name
  for values in "" "$chart"/examples/*.yaml; do
    name=${values:-defaults}
    name=$work/$(basename "$name" .yaml).manifest
    render ${values:+-f "$values"} >"$name"
    checks_config "$name" || die "$name: eldrd refuses the rendered configuration"
    grep -q '^kind: PrometheusRule' "$name" || continue
    pick "$name" PrometheusRule spec >"$work/rules.yaml"
    [[ -z $promtool ]] || "$promtool" check rules "$work/rules.yaml"
  done
  [[ -s $work/rules.yaml ]] || die "no example has rules"
  script check_manifests "$work"/*.manifest
  # The daemon needs shutdown_delay and drain_timeout, 10 s and 90 s in this example, and 5 s more.
  grep -q 'terminationGracePeriodSeconds: 105$' "$work/secured.manifest" || die "grace period"
  grep -q 'terminationGracePeriodSeconds: 40$' "$work/defaults.manifest" || die "default grace period"
  # A changed key changes the pod, or the old configuration would go on.
  [[ $(render --set config.seed=2 | grep checksum/config) != $(render | grep checksum/config) ]] ||
    die "the checksum does not follow the configuration"
  # The check itself: what nobody defines, and what has another type, must not pass.
  sed 's/replicas: 1/replicas: 1\n  replikas: 2/' "$work/defaults.manifest" >"$work/unknown"
  sed 's/replicas: 1/replicas: "one"/' "$work/defaults.manifest" >"$work/type"
  for name in unknown type; do
    ! script check_manifests "$work/$name" >/dev/null 2>&1 || die "a manifest with a wrong field passed: $name"
  done
}

# refused MESSAGE ARGUMENTS: rendering must fail and say so.
refused() {
  local output
  if output=$(render "${@:2}" 2>&1); then die "not refused: ${*:2}"; fi
  grep -qF -- "$1" <<<"$output" || die "${*:2}: expected \"$1\" in: $output"
  printf 'refused as it should be: %s\n' "${*:2}"
}

test_refused() {
  refused "additional properties 'replicas' not allowed" --set replicas=2
  refused "additional properties 'lease_tll' not allowed" --set config.lease_tll=5m
  refused "additional properties 'listen' not allowed" --set config.grpc.listen=x
  refused "additional properties 'state_dir' not allowed" --set config.state_dir=/x
  refused "additional properties 'token' not allowed" --set auth.token=secret
  refused "/auth/tokens/frontend/0" --set 'auth.tokens.frontend={secret}'
  refused "/config/shutdown_delay" --set config.shutdown_delay=5seconds
  refused "/config/signature_store_bytes" --set-string config.signature_store_bytes=lots
  refused "/config/models/0" --set 'config.models[0].name=m'
  refused "/service/grpcPort" --set service.grpcPort=70000
  refused "/persistence/accessMode" --set persistence.accessMode=ReadWriteMany
  refused "/podDisruptionBudget/maxUnavailable" --set podDisruptionBudget.maxUnavailable=2
  refused "/image/digest" --set image.digest=sha256:1
  refused "neither tls.secretName nor networkPolicy.enabled" --set networkPolicy.enabled=false
  refused "tls.http is true without tls.secretName" --set tls.http=true
  refused "tls.clientCaKey is set without tls.secretName" --set tls.clientCaKey=ca.crt
  refused "listen is loopback without extraContainers" --set listen=loopback
  refused "auth.certificates.admin is set without tls.clientCaKey" --set 'auth.certificates.admin={a}'
  render --set networkPolicy.enabled=false --set allowPlaintext=true >/dev/null
}

test_manifests() {
  "$root/deploy/kubernetes/render.sh" "$helm" "$work"
  local file
  for file in "$work"/*.yaml; do
    diff -u "$root/deploy/kubernetes/$(basename "$file")" "$file" ||
      die "$(basename "$file") is not what the chart renders; write it anew with deploy/kubernetes/render.sh $helm"
  done
  script check_manifests "$root"/deploy/kubernetes/*.yaml
}

# Not a test: what to do when the next one fails.
test_write_schema() { script config_schema "$eldrd" "$chart/values.schema.json" --write; }

test_schema() { script config_schema "$eldrd" "$chart/values.schema.json"; }

"test_$test"
