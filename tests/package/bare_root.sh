#!/usr/bin/env bash
# Prints the path of a tar of a bare Debian 12, made once and kept in FOLDER.
#   tests/package/bare_root.sh FOLDER
# Exits with 77 where it cannot be made: not root, no mmdebstrap, no archive to be reached.
set -euo pipefail
folder=$1
tar=$folder/bookworm.tar
skip() {
  echo "skipped: $*" >&2
  exit 77
}
((EUID == 0)) || skip "needs root, to make and enter a bare Debian"
command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed"
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
if [[ ! -f $tar ]]; then
  rm -rf "$tar.new"  # of a run that was stopped
  timeout 300 mmdebstrap --quiet --format=tar --variant=minbase bookworm "$tar.new" >"$folder/log" 2>&1 ||
    skip "mmdebstrap cannot make a bare Debian: $(tail -n 1 "$folder/log")"
  mv "$tar.new" "$tar"
fi
echo "$tar"
