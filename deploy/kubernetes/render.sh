#!/usr/bin/env bash
# Renders the plain manifests of this folder from the Helm chart, for clusters without Helm.
#   deploy/kubernetes/render.sh [HELM] [FOLDER]    HELM: the program; FOLDER: where to, by default here
set -euo pipefail
helm=${1:-helm}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
to=${2:-$here}
chart=$here/../helm/eldrd

# render NAME VALUES: what only tells Helm whose object it is is left out.
render() {
  {
    printf '# Rendered from deploy/helm/eldrd by render.sh%s: change it there. deploy/README.md explains.\n' \
      "${2:+, values examples/$2.yaml}"
    printf '#   kubectl -n inference apply -f deploy/kubernetes/%s.yaml\n' "$1"
    "$helm" template eldrd "$chart" --skip-tests --namespace inference ${2:+-f "$chart/examples/$2.yaml"} |
      sed -E '/^ *(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): /d; /^# Source: /d'
  } >"$to/$1.yaml"
}

render eldrd ""
render sidecar sidecar
render secured secured
render discovery discovery
