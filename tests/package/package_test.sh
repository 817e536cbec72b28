#!/usr/bin/env bash
# Tests of what is installed and of the Debian package.
#   package_test.sh TEST BUILD_DIR FOLDER
#     installed    `cmake --install`: programs, pages, unit; no package needed
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

test_installed() {
  local component page
  for component in eldrd eldrctl; do
    cmake --install "$build" --prefix "$work/i" --component "$component" >"$work/log"
  done
  "$work/i/bin/eldrd" --config "$work/i/etc/eldr/eldrd.yaml" --check-config
  "$work/i/bin/eldrd" --config "$work/i/share/doc/eldrd/examples/eldrd.yaml" --check-config
  # An own configuration is not replaced.
  echo 'sed: 1' >"$work/i/etc/eldr/eldrd.yaml"
  cmake --install "$build" --prefix "$work/i" --component eldrd >"$work/log"
  grep -qx 'sed: 1' "$work/i/etc/eldr/eldrd.yaml" || die "the configuration was replaced"
  grep -q "ExecStart=$work/i/bin/eldrd --config $work/i/etc/eldr/eldrd.yaml" \
    "$work/i/lib/systemd/system/eldrd.service" || die "the unit does not name what was installed"

  for page in eldrd eldrctl; do
    # Each command and option of the help is in the page.
    "$work/i/bin/$page" --help | grep -oE '^  (-h,)?--[a-z-]+' | grep -oE '\-\-.*' | while read -r option; do
      grep -qF -- "${option//-/\\-}" "$work/i/share/man/man1/$page.1" || die "$page.1 lacks $option"
    done
    if command -v man >/dev/null; then
      [[ -z $(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$work/i/share/man/man1/$page.1" 2>&1 >/dev/null) ]] ||
        die "$page.1 is not clean"
    fi
  done
  grep -q 'eldrctl nodes register' "$work/i/share/man/man1/eldrctl.1" || die "eldrctl.1 lacks a command"
}

test_unit() {
  need systemd-analyze
  cmake --install "$build" --prefix "$work/i" --component eldrd >"$work/log"
  local unit=$work/i/lib/systemd/system/eldrd.service
  systemd-analyze verify --man=no "$unit" 2>&1 | grep -F eldrd.service && die "systemd warns of the unit"
  systemd-analyze security --offline=true --threshold=20 "$unit" | tail -n 1
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

# As systemd starts it: as its user.
start_service() {
  chroot --userspec=eldr:eldr "$work/bare" eldrd \
    --config /etc/eldr/eldrd.yaml --grpc-listen unix:/var/lib/eldr/eldrd.sock --http-listen 127.0.0.1:0 \
    --shutdown-delay 0 2>"$work/service.log" &
  service=$!
  pids+=("$service")
  until_true 20 grep -q ' started ' "$work/service.log" || die "not ready: $(cat "$work/service.log")"
}

test_lifecycle() {
  need dpkg-shlibdeps
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
  in_bare eldrd --config /etc/eldr/eldrd.yaml --check-config
  in_bare getent passwd eldr || die "no user eldr"
  [[ $(in_bare stat -c '%U:%G %a' /etc/eldr) == "root:eldr 750" ]] || die "/etc/eldr is open"
  [[ $(in_bare dpkg-query -W -f '${Conffiles}' eldrd) == */etc/eldr/eldrd.yaml* ]] || die "no conffile"
  [[ -L $work/bare/etc/systemd/system/multi-user.target.wants/eldrd.service ]] || die "the service is not enabled"

  # systemd would make the folder.
  in_bare install -d -o eldr -g eldr -m 700 /var/lib/eldr
  start_service
  in_bare eldrctl health --target unix:/var/lib/eldr/eldrd.sock
  in_bare eldrctl models declare m --layers 2 --experts 8 --top-k 2 --target unix:/var/lib/eldr/eldrd.sock
  kill -HUP "$service"
  until_true 10 grep -q ' reloaded ' "$work/service.log" || die "SIGHUP does not reload"
  kill -TERM "$service"
  wait "$service" || die "it did not end in order: $(tail -n 5 "$work/service.log")"

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
