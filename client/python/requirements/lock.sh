#!/usr/bin/env bash
# Writes the lock files anew, with the newest versions that the .in files allow. Needs `uv` on PATH.
set -euo pipefail
cd "$(dirname "$0")"
for set in build runtime test oldest; do
  uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-header --no-annotate \
    --upgrade -o "$set.lock" "$set.in"
done
