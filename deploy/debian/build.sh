#!/usr/bin/env bash
# Builds the Debian package from a build tree.
#   deploy/debian/build.sh BUILD_DIR OUT_DIR
# Needs dpkg-dev (dpkg-shlibdeps). The package: eldrd, eldrctl and eldr-agent with pages, completions,
# units and their configurations in /etc/eldr as conffiles.
set -euo pipefail
(($# == 2)) || { echo "usage: $0 BUILD_DIR OUT_DIR" >&2; exit 2; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
umask 022

version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
arch=$(dpkg --print-architecture)
# Reproducible: the same sources give the same package, byte for byte.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date -u -d "$(sed -n 's/^ -- .*>  //p' "$here/changelog" | head -n 1)" +%s)}

# ---- The files ---------------------------------------------------------------------------------------
for component in eldrd eldrctl eldr-agent; do
  DESTDIR=$root cmake --install "$build" --prefix /usr --component "$component" --strip >>"$work/install.log"
done
find "$root" -type d -exec chmod 755 {} + -o -type f -exec chmod go-w {} +
rm -r "$root/usr/lib/sysusers.d"  # postinst makes the user, as is the custom in Debian
gzip -9n "$root"/usr/share/man/man1/*.1
doc=$root/usr/share/doc/eldrd
install -m 644 "$here/copyright" "$doc/copyright"
gzip -9nc "$here/changelog" >"$doc/changelog.Debian.gz"
mv "$doc/changelog.md" "$doc/changelog"
gzip -9n "$doc"/*.md "$doc/changelog"
install -D -m 644 "$here/eldrd.default" "$root/etc/default/eldrd"

# ---- What it needs, and what the package says of itself ----------------------------------------------
mkdir -p "$root/DEBIAN" "$work/debian"
touch "$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O "$root"/usr/bin/{eldrd,eldrctl,eldr-agent} 2>/dev/null |
  sed -n 's/^shlibs:Depends=//p')
[[ -n $depends ]] || { echo "build.sh: dpkg-shlibdeps found no libraries" >&2; exit 1; }
sed -e "s|@VERSION@|$version-1|; s|@ARCH@|$arch|; s|@DEPENDS@|adduser, $depends|" \
  -e "s|@SIZE@|$(du -sk --exclude=DEBIAN "$root" | cut -f1)|" "$here/control" >"$root/DEBIAN/control"
printf '%s\n' /etc/eldr/eldrd.yaml /etc/eldr/agent.env /etc/default/eldrd >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "$here/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/conffiles" "$root/DEBIAN/md5sums"
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

package=$out/eldrd_$version-1_$arch.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
echo "$package"
