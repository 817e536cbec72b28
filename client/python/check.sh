#!/usr/bin/env bash
# Checks the Python package: style, types, tests against a real eldrd, and that wheel and sdist are
# whole: the wheel is tested beside the newest grpcio and protobuf that are locked, the sdist beside
# the oldest that are allowed, and the wheel is imported where nothing but its needs is installed.
#
#   client/python/check.sh [FOLDER]     FOLDER for environments and results; default build/python
#
# Environment: PYTHON, the interpreter (default python3; 3.10 or later); ELDRD, the daemon (default
# build/release/server/eldrd; without one the tests that need it are skipped).
# Ends with 77 if packages cannot be had here. FOLDER/counts gets "PASSED FAILED SKIPPED".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${1:-$root/build/python}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
python=${PYTHON:-python3}
passed=0 failed=0 skipped=0
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PYTHONDONTWRITEBYTECODE=1

skip() {
  printf 'skipped: the Python package: %s\n' "$*"
  echo "0 0 1" >"$folder/counts"
  exit 77
}

# environment NAME LOCK: a virtual environment with exactly what the lock file names, made anew when
# that or the interpreter has changed.
environment() {
  local path=$folder/$1 lock=$here/requirements/$2.lock stamp
  stamp=$("$python" -VV; sha256sum <"$lock")
  [[ $(cat "$path/stamp" 2>/dev/null) == "$stamp" ]] && return 0
  rm -rf "$path"
  "$python" -m venv "$path" >"$folder/$1.log" 2>&1 || skip "no virtual environment ($folder/$1.log)"
  "$path/bin/pip" install -q --require-hashes -r "$lock" >"$folder/$1.log" 2>&1 ||
    skip "packages cannot be installed ($folder/$1.log)"
  printf '%s\n' "$stamp" >"$path/stamp"
}

# check NAME COMMAND...: one line; the output only if it fails.
check() {
  local name=$1 log=$folder/check.log
  shift
  if "$@" >"$log" 2>&1; then
    printf '  %-34s ok\n' "$name"
    ((passed += 1))
  else
    printf '  %-34s FAILED\n' "$name"
    cat "$log"
    ((failed += 1))
  fi
}

# count_tests NAME ENVIRONMENT: runs the tests against what is installed there, and counts them.
count_tests() {
  local name=$1 env=$2 log=$folder/$2-tests.log status=0 number
  (cd "$here" && "$folder/$env/bin/python" -m pytest -p no:cacheprovider -rs) >"$log" 2>&1 || status=$?
  local summary
  summary=$(grep -aE "^[0-9]+ (passed|failed|skipped|error).* in [0-9.]+s" "$log" | tail -n 1) || true
  printf '  %-34s %s\n' "$name" "$summary"
  grep -a '^SKIPPED' "$log" || true
  counted() { sed -nE "s/^(.*[ ,])?([0-9]+) $1.*/\2/p" <<<"$summary"; }
  number=$(counted passed) && ((passed += ${number:-0})) || true
  number=$(counted skipped) && ((skipped += ${number:-0})) || true
  number=$(counted failed) && ((failed += ${number:-0})) || true
  number=$(counted error) && ((failed += ${number:-0})) || true
  if ((status != 0)) || [[ -z $summary ]]; then
    cat "$log"
    ((failed > 0)) || failed=1
  fi
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
  skip "$python is not Python 3.10 or later"
[[ -z ${ELDRD:-} && -x $root/build/release/server/eldrd ]] &&
  export ELDRD=$root/build/release/server/eldrd
for name in build test oldest; do environment "$name" "$name"; done
environment empty runtime

# The wheel is built from the sdist, where there is no proto/: so the sdist is whole.
rm -rf "$folder/dist"
check "sdist and wheel" "$folder/build/bin/python" -m build --no-isolation --outdir "$folder/dist" "$here"
if ((failed == 0)); then
  wheel=$(echo "$folder"/dist/*.whl) sdist=$(echo "$folder"/dist/*.tar.gz)
  install=(install -q --no-deps --force-reinstall)
  check "style" "$folder/test/bin/ruff" check --no-cache "$here"
  check "format" "$folder/test/bin/ruff" format --no-cache --check "$here"
  check "types" env MYPYPATH="$here/src:$here/tests" "$folder/test/bin/mypy" \
    --config-file "$here/pyproject.toml" --cache-dir "$folder/mypy" "$here/src/eldr" "$here/tests"
  check "types of the engines' stand" env MYPYPATH="$here/src:$here/tests:$here/engines_stand" \
    "$folder/test/bin/mypy" --config-file "$here/pyproject.toml" --cache-dir "$folder/mypy" \
    "$here"/engines_stand/*.py
  check "wheel into an empty environment" "$folder/empty/bin/pip" "${install[@]}" "$wheel"
  check "import, typed, with its license" "$folder/empty/bin/python" -c "
import pathlib, eldr, eldr.aio
from eldr.v1 import placement_pb2_grpc
here = pathlib.Path(eldr.__file__).parent
assert 'empty' in str(here), here
assert (here / 'py.typed').exists() and (here / 'LICENSE').exists()
eldr.Client().close()"
  check "wheel beside the newest" "$folder/test/bin/pip" "${install[@]}" "$wheel"
  count_tests "tests, newest grpcio and protobuf" test
  check "sdist beside the oldest" "$folder/oldest/bin/pip" "${install[@]}" --no-build-isolation "$sdist"
  count_tests "tests, oldest grpcio and protobuf" oldest
fi

echo "$passed $failed $skipped" >"$folder/counts"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
((failed == 0))
