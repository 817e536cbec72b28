#!/usr/bin/env bash
# Makes the file system of the image: the programs, the libraries that they load with what those need, and
# nothing else, no shell either. What it is made of stands in /var/lib/dpkg/status, for scanners, and in
# /usr/share/sbom/eldrd.spdx.json.
#   make_root.sh PACKAGE.deb CONFIG.yaml ROOT    on Debian 12, as root, with its package lists at hand
set -euo pipefail
(($# == 3)) || { echo "usage: $0 PACKAGE.deb CONFIG.yaml ROOT" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=$(realpath "$1") config=$2 root=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$root" "$work/archives/partial"

# The package's libraries and all that these depend on, as if nothing was installed. Of the package's own
# needs adduser alone is left out: the image has its user already.
mapfile -t libraries < <(dpkg-deb -f "$package" Depends | tr ',' '\n' |
  sed -E 's/^ *([^ ]+).*/\1/; /^adduser$/d')
: >"$work/status"
apt-get -q -y --no-install-recommends --download-only -o Dir::State::status="$work/status" \
  -o Dir::Cache::archives="$work/archives" -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
  install "${libraries[@]}" >"$work/apt.log" 2>&1 || { cat "$work/apt.log" >&2; exit 1; }

mkdir -p "$root/var/lib/dpkg/info"
for deb in "$package" "$work"/archives/*.deb; do
  dpkg-deb -x "$deb" "$work/files"
  name=$(dpkg-deb -f "$deb" Package)
  { dpkg-deb -f "$deb" | sed 's/^Package: .*/&\nStatus: install ok installed/'; echo; } >>"$root/var/lib/dpkg/status"
  dpkg-deb --fsys-tarfile "$deb" | tar -tf - | sed 's/^\.//; s:/$::; s:^$:/.:' >"$root/var/lib/dpkg/info/$name.list"
done
# Licences stay; what only people at a shell read goes.
(cd "$work/files" && find usr/share -mindepth 1 -maxdepth 1 ! -name doc -exec rm -rf {} + &&
  find usr/share/doc ! -name copyright -type f -delete &&
  rm -rf usr/lib/systemd etc/default usr/share/doc/eldrd/examples &&
  find usr/share -type l -delete && find usr/share -type d -empty -delete)
cp -a "$work/files/." "$root/"

# The user; root is there so that its number has a name.
mkdir -p "$root"/{etc/eldr,tmp,proc,sys,dev}
chmod 1777 "$root/tmp"
printf 'root:x:0:0:root:/nonexistent:/sbin/nologin\neldr:x:65532:65532:ELDR:/var/lib/eldr:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\neldr:x:65532:\n' >"$root/etc/group"
# For state_dir: a volume that is mounted here takes over the owner.
install -d -o 65532 -g 65532 -m 700 "$root/var/lib/eldr"
install -m 644 "$config" "$root/etc/eldr/eldrd.yaml"
ldconfig -r "$root"

install -d "$root/usr/share/sbom"
"$here/sbom.sh" "$root" "$(dpkg-deb -f "$package" Version)" >"$root/usr/share/sbom/eldrd.spdx.json"
# A library that is missing must fail here, not at the first start.
chroot "$root" /usr/bin/eldrd --config /etc/eldr/eldrd.yaml --check-config >/dev/null
chroot "$root" /usr/bin/eldrctl --version
chroot "$root" /usr/bin/eldr-agent --version
