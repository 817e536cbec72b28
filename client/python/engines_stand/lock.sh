#!/usr/bin/env bash
# Writes the lock files anew, with the newest versions that vllm.in allows, for the one platform that
# install.sh takes: Python 3.11 on x86_64. Receives 1 GB. Needs `uv` on PATH.
set -euo pipefail
cd "$(dirname "$0")"
lock() { # lock NAME [OPTIONS]: NAME.lock of what NAME.in or standard input asks for
  uv pip compile -q --python-version 3.11 --python-platform x86_64-manylinux_2_36 --upgrade \
    --generate-hashes --no-annotate --no-header -o "$1.lock" "${@:2}"
}
lock vllm --override overrides.txt vllm.in
lock uv - <<<"uv"
lock sglang --no-deps - <<<"sglang==0.5.23"
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
pip download -q --no-deps --require-hashes --only-binary :all: -r vllm.lock -d "$files"
python3 narrow_lock.py vllm.lock "$files"
