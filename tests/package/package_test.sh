#!/usr/bin/env bash
# Tests of what is installed and of the Debian package.
#   package_test.sh TEST BUILD_DIR FOLDER
#     installed    `cmake --install`: programs, pages, completions, unit; no package needed
#     unit         the unit of systemd: verified, and how exposed it leaves the service
#     built        two builds are the same, and lintian finds no error
#     lifecycle    installed, started, upgraded, removed and purged in a bare Debian
# Exits with 77 where a tool is missing. FOLDER keeps the bare Debian.
set -euo pipefail
test=$1 build=$(realpath "$2") folder=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for mount in "$work"/bare/{proc,dev}; do ! mountpoint -q "$mount" || umount -l "$mount"; done
  rm -rf "$work"
}
trap finish EXIT

. "$here/helpers.sh"

# completes SHELL TYPED: what the shell offers after it. Each by its own machinery.
completes_bash() {
  bash -c 'source "$1"; COMP_WORDS=(eldrctl $2 "$3"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _eldrctl
    printf "%s\n" "${COMPREPLY[@]}"' _ "$work/i/share/bash-completion/completions/eldrctl" "$1" "$2"
}
completes_fish() {
  fish --no-config -c "source $work/i/share/fish/vendor_completions.d/eldrctl.fish
    complete -C 'eldrctl $1${1:+ }$2'" | cut -f1
}
completes_zsh() {
  # Outside of a line editor: what the function would hand to it.
  zsh -f -c 'function _describe { print -l -- ${choices%%:*} }; function compadd { shift; print -l -- "$@" }
    function _files { print FILES }; function _message { : }; function compdef { : }
    source "$1"; words=(eldrctl ${=2} "$3"); CURRENT=${#words}; _eldrctl' \
    _ "$work/i/share/zsh/vendor-completions/_eldrctl" "$1" "$2"
}

test_installed() {
  local component shell page
  for component in eldrd eldrctl eldr-agent; do
    cmake --install "$build" --prefix "$work/i" --component "$component" >"$work/log"
  done
  "$work/i/bin/eldrd" --config "$work/i/etc/eldr/eldrd.yaml" --check-config
  "$work/i/bin/eldrctl" config check "$work/i/etc/eldr/eldrd.yaml"
  "$work/i/bin/eldrctl" config check "$work/i/share/doc/eldrd/examples/eldrd.yaml"
  # A bad file is told of by the daemon beside it, and an own configuration is not replaced.
  echo 'sed: 1' >"$work/i/etc/eldr/eldrd.yaml"
  ! "$work/i/bin/eldrctl" config check "$work/i/etc/eldr/eldrd.yaml" 2>"$work/err" || die "a bad file passed"
  grep -q 'eldrd.yaml:1: sed: got an unknown key' "$work/err" || die "got: $(cat "$work/err")"
  cmake --install "$build" --prefix "$work/i" --component eldrd >"$work/log"
  grep -qx 'sed: 1' "$work/i/etc/eldr/eldrd.yaml" || die "the configuration was replaced"
  grep -q "ExecStart=$work/i/bin/eldrd --config $work/i/etc/eldr/eldrd.yaml" \
    "$work/i/lib/systemd/system/eldrd.service" || die "the unit does not name what was installed"

  for page in eldrd eldrctl eldr-agent; do
    # Each command and option of the help is in the page.
    "$work/i/bin/$page" --help | grep -oE '^  (-h,)?--[a-z-]+' | grep -oE '\-\-.*' | while read -r option; do
      grep -qF -- "${option//-/\\-}" "$work/i/share/man/man1/$page.1" || die "$page.1 lacks $option"
    done
    if command -v man >/dev/null; then
      [[ -z $(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$work/i/share/man/man1/$page.1" 2>&1 >/dev/null) ]] ||
        die "$page.1 is not clean"
    fi
  done
  grep -q "ExecStart=$work/i/bin/eldr-agent run" "$work/i/lib/systemd/system/eldr-agent.service" || die "no unit of the agent"
  grep -q '^ELDR_NODE=' "$work/i/etc/eldr/agent.env" || die "no configuration of the agent"
  grep -q 'eldrctl nodes register' "$work/i/share/man/man1/eldrctl.1" || die "eldrctl.1 lacks a command"

  for shell in bash zsh fish; do
    command -v "$shell" >/dev/null || { echo "not tried: $shell is not installed"; continue; }
    "completes_$shell" "" "" >"$work/offered"
    grep -qx nodes "$work/offered" || die "$shell does not offer nodes: $(cat "$work/offered")"
    [[ $("completes_$shell" nodes "") == *register* ]] || die "$shell does not offer nodes register"
    [[ $("completes_$shell" "nodes register d0" --heart) == *--heartbeat-interval* ]] ||
      die "$shell does not offer an option of nodes register"
    [[ $("completes_$shell" "nodes list --format" "") == *json* ]] || die "$shell does not offer --format json"
    [[ $("completes_$shell" "nodes list" --tok) == *--token-file* ]] || die "$shell does not offer a global option"
    echo "$shell completes"
  done
}

test_unit() {
  need systemd-analyze
  local service unit
  for service in eldrd eldr-agent; do
    cmake --install "$build" --prefix "$work/i" --component "$service" >"$work/log"
    unit=$work/i/lib/systemd/system/$service.service
    ! systemd-analyze verify --man=no "$unit" 2>&1 | grep -F "$service.service" || die "systemd warns of the unit"
    systemd-analyze security --offline=true --threshold=20 "$unit" | tail -n 1
  done
}

test_built() {
  need dpkg-shlibdeps lintian
  local one two
  one=$("$root/deploy/debian/build.sh" "$build" "$work/one")
  two=$("$root/deploy/debian/build.sh" "$build" "$work/two")
  cmp "$one" "$two" || die "two builds of the same sources differ"
  lintian --allow-root --fail-on error --suppress-tags-from-file "$here/lintian-tags" "$one"
  du -h "$one"
}

in_bare() { chroot "$work/bare" env DEBIAN_FRONTEND=noninteractive "$@"; }

# As systemd starts it: as its user, with a socket to tell how it is.
start_service() {
  rm -f "$work/bare/run/notify" "$work/notified"
  python3 -u - "$work/bare/run/notify" >"$work/notified" <<'PYTHON' &
import os, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
while True:
    print(manager.recv(4096).decode(), flush=True)
PYTHON
  pids+=($!)
  until_true 5 test -S "$work/bare/run/notify" || die "no notify socket"
  chroot --userspec=eldr:eldr "$work/bare" env NOTIFY_SOCKET=/run/notify eldrd \
    --config /etc/eldr/eldrd.yaml --grpc-listen unix:/var/lib/eldr/eldrd.sock --http-listen 127.0.0.1:0 \
    --shutdown-delay 0 2>"$work/service.log" &
  service=$!
  pids+=("$service")
  until_true 20 grep -q READY=1 "$work/notified" || die "not ready: $(cat "$work/service.log")"
}

test_lifecycle() {
  need dpkg-shlibdeps python3
  local tar status=0 package next
  tar=$("$here/bare_root.sh" "$folder") || status=$?
  ((status == 0)) || exit "$status"
  package=$("$root/deploy/debian/build.sh" "$build" "$work")
  mkdir "$work/bare"
  tar -xf "$tar" -C "$work/bare"
  mount -t proc proc "$work/bare/proc"
  mount --rbind /dev "$work/bare/dev"
  mount --make-rslave "$work/bare/dev"
  cp /etc/resolv.conf "$work/bare/etc/resolv.conf"
  cp "$package" "$work/bare/root/eldrd.deb"

  in_bare apt-get -q update >"$work/apt.log" 2>&1 || skip "no archive of Debian can be reached"
  in_bare apt-get -q install -y --no-install-recommends /root/eldrd.deb >"$work/apt.log" 2>&1 ||
    die "the package cannot be installed: $(tail -n 20 "$work/apt.log")"
  in_bare eldrd --version
  in_bare eldr-agent --version
  in_bare eldrctl config check /etc/eldr/eldrd.yaml
  in_bare getent passwd eldr || die "no user eldr"
  [[ $(in_bare stat -c '%U:%G %a' /etc/eldr) == "root:eldr 750" ]] || die "/etc/eldr is open"
  [[ $(in_bare dpkg-query -W -f '${Conffiles}' eldrd) == */etc/eldr/eldrd.yaml* ]] || die "no conffile"
  [[ -L $work/bare/etc/systemd/system/multi-user.target.wants/eldrd.service ]] || die "the service is not enabled"
  [[ ! -e $work/bare/etc/systemd/system/multi-user.target.wants/eldr-agent.service ]] || die "the agent is enabled"

  # systemd would make the folder.
  in_bare install -d -o eldr -g eldr -m 700 /var/lib/eldr
  start_service
  in_bare eldrctl health --target unix:/var/lib/eldr/eldrd.sock
  in_bare eldrctl models declare m --layers 2 --experts 8 --top-k 2 --target unix:/var/lib/eldr/eldrd.sock
  until_true 10 grep -q WATCHDOG=1 "$work/notified" || die "it does not tell the watchdog that it lives"
  kill -HUP "$service"
  until_true 10 grep -q RELOADING=1 "$work/notified" || die "SIGHUP is not told of"
  kill -TERM "$service"
  wait "$service" || die "it did not end in order: $(tail -n 5 "$work/service.log")"
  grep -q STOPPING=1 "$work/notified" || die "it did not tell that it stops"

  # An upgrade keeps what the operator changed, and the state.
  echo 'seed: 7' >>"$work/bare/etc/eldr/eldrd.yaml"
  next=$work/next
  dpkg-deb -R "$package" "$next"
  sed -i 's/^Version: .*/Version: 0.1.0-2~test/' "$next/DEBIAN/control"
  dpkg-deb --root-owner-group -b "$next" "$work/bare/root/next.deb" >/dev/null
  in_bare dpkg -i /root/next.deb >"$work/apt.log" 2>&1 || die "no upgrade: $(cat "$work/apt.log")"
  [[ $(in_bare dpkg-query -W -f '${Version}' eldrd) == 0.1.0-2~test ]] || die "not upgraded"
  grep -qx 'seed: 7' "$work/bare/etc/eldr/eldrd.yaml" || die "the upgrade lost a change of the operator"
  start_service
  in_bare eldrctl models list --target unix:/var/lib/eldr/eldrd.sock | tee "$work/models"
  grep -q '^m ' "$work/models" || die "the upgrade lost the state"
  kill -TERM "$service"
  wait "$service" || die "it did not end in order"

  in_bare apt-get -q remove -y eldrd >"$work/apt.log" 2>&1 || die "no removal: $(cat "$work/apt.log")"
  [[ ! -e $work/bare/usr/bin/eldrd && -e $work/bare/etc/eldr/eldrd.yaml ]] || die "removal"
  in_bare apt-get -q purge -y eldrd >"$work/apt.log" 2>&1 || die "no purge: $(cat "$work/apt.log")"
  local left
  left=$(in_bare sh -c 'ls -d /etc/eldr /etc/default/eldrd /var/lib/eldr /usr/share/doc/eldrd \
    /etc/systemd/system/multi-user.target.wants/eldrd.service 2>/dev/null' || true)
  [[ -z $left ]] || die "left after a purge: $left"
}

"test_$test"
