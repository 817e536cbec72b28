#!/usr/bin/env bash
# Proves that the installed client serves outside projects: installs it from a build tree into a
# temporary prefix, builds one project with CMake and one with pkg-config, and runs both.
#   tests/install/run.sh BUILD_DIR
set -euo pipefail
(($# == 1)) || { echo "usage: $0 BUILD_DIR" >&2; exit 2; }

build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
libdir=$(cached CMAKE_INSTALL_LIBDIR)
sanitize=$(cached ELDR_SANITIZE)
# A sanitized library needs a sanitized program.
flags=${sanitize:+-fsanitize=$sanitize}

# Installing and then moving the tree shows that nothing points to where it was built.
cmake --install "$build" --prefix "$work/first" --component client >"$work/install.log"
mv "$work/first" "$work/prefix"

# The project's own warning flags, and the paths of its checkout, are nothing to its users.
if grep -rnE 'eldr_build_flags|-Wconversion' "$work/prefix/$libdir/cmake" \
    "$work/prefix/$libdir/pkgconfig"; then
  echo "install: build flags leak into the package" >&2
  exit 1
fi
if grep -rnF "$build" "$work/prefix/$libdir/cmake" "$work/prefix/$libdir/pkgconfig"; then
  echo "install: the package names its build tree" >&2
  exit 1
fi

# What the daemon stores is its own affair.
if [[ -n $(find "$work/prefix" -path '*storage*') ]]; then
  echo "install: the stored messages are in the package" >&2
  exit 1
fi

# With no daemon on it, a unix socket refuses like a port, and no other program can take it.
nowhere="unix:$work/nobody.sock"
check() { # check PROGRAM NAME: it must say that nobody is there, and exit with 1
  local output status=0
  output=$("$1" "$nowhere" 2>&1) || status=$?
  echo "$2: $output"
  if ((status != 1)) || [[ $output != UNAVAILABLE:* ]]; then
    echo "install: $2 exited with $status, expected 1 and a message that starts with UNAVAILABLE" >&2
    exit 1
  fi
}

cmake -S "$here/find_package" -B "$work/find_package" -DCMAKE_PREFIX_PATH="$work/prefix" \
  -DCMAKE_CXX_FLAGS="$flags" >"$work/configure.log" || { cat "$work/configure.log"; exit 1; }
cmake --build "$work/find_package" >"$work/build.log" || { cat "$work/build.log"; exit 1; }
check "$work/find_package/consumer" find_package

mkdir "$work/pkg_config"
PKG_CONFIG_PATH="$work/prefix/$libdir/pkgconfig" CXXFLAGS="$flags" LDFLAGS="$flags" \
  make -s -C "$here/pkg_config" OUT="$work/pkg_config"
check "$work/pkg_config/consumer" pkg-config
