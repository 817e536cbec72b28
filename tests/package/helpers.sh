# What the tests of package and image share; to be sourced.
die() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}
skip() {
  echo "skipped: $*"
  exit 77
}
need() { for tool in "$@"; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done; }
# until_true SECONDS COMMAND...: polls.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    read -rt 0.1 <> <(:) || true
  done
}
