#!/usr/bin/env bash
# Builds the image without a registry and runs it as a cluster would: user 65532, read-only root, no
# capability, process 1 of its own namespace, the state on a volume.
#   image_test.sh BUILD_DIR FOLDER VERSION    FOLDER keeps the bare Debian
# Exits with 77 where a tool is missing or the machine does not allow it.
set -euo pipefail
build=$(realpath "$1") folder=$2 version=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
limit=$((100 * 1000 * 1000))
work=$(mktemp -d)
store=(--root "$work/store" --runroot "$work/run" --storage-driver vfs)
daemon=0
finish() {
  ((daemon == 0)) || kill -KILL "$daemon" 2>/dev/null || true
  buildah "${store[@]}" umount --all >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

. "$root/tests/package/helpers.sh"
need buildah dpkg-shlibdeps unshare nsenter jq
status=0
tar=$("$root/tests/package/bare_root.sh" "$folder") || status=$?
((status == 0)) || exit "$status"
unshare --mount --pid --fork true 2>/dev/null || skip "this machine does not allow new namespaces"

# ---- Build -------------------------------------------------------------------------------------------
base=$(buildah "${store[@]}" from scratch)
buildah "${store[@]}" add -q "$base" "$tar" / >/dev/null
buildah "${store[@]}" commit -q "$base" localhost/debian:bookworm-slim >/dev/null
buildah "${store[@]}" rm "$base" >/dev/null

"$root/deploy/debian/build.sh" "$build" "$work/packages" >/dev/null
mkdir "$work/programs"
cmake --install "$build" --component tools --prefix "$work/programs" --strip >/dev/null 2>&1 || true
commit=$(git -C "$root" rev-parse --short=12 HEAD)
# bud TAG ARGUMENTS: the Dockerfile as it is.
bud() {
  buildah "${store[@]}" bud --pull-never --isolation=chroot --format=docker --layers=false -q \
    --build-context "packages=$work/packages" --build-context "tool-programs=$work/programs" \
    --build-arg "ELDR_COMMIT=$commit" -t "$1" "${@:2}" -f "$root/Dockerfile" "$root" >"$work/bud.log" 2>&1 ||
    { tail -n 30 "$work/bud.log" >&2; die "$1 does not build"; }
}
bud localhost/eldrd

# ---- What it is --------------------------------------------------------------------------------------
buildah "${store[@]}" inspect --type image localhost/eldrd >"$work/image.json"
config() { jq -re ".Docker.config.$1" "$work/image.json"; }
expect() { [[ $2 == "$3" ]] || die "$1 is \"$2\", expected \"$3\""; }
expect User "$(config User)" 65532:65532
expect version "$(config 'Labels["org.opencontainers.image.version"]')" "$version"
expect revision "$(config 'Labels["org.opencontainers.image.revision"]')" "$commit"
expect licence "$(config 'Labels["org.opencontainers.image.licenses"]')" Apache-2.0
expect StopSignal "$(config StopSignal)" SIGTERM
expect Healthcheck "$(config 'Healthcheck.Test | join(" ")')" "CMD eldrctl health"
expect Entrypoint "$(config 'Entrypoint | join(" ")')" "eldrd --config /etc/eldr/eldrd.yaml"
config 'Volumes["/var/lib/eldr"]' >/dev/null || die "no volume"

container=$(buildah "${store[@]}" from --pull-never localhost/eldrd)
files=$(buildah "${store[@]}" mount "$container")
size=$(du -sb --apparent-size "$files" | cut -f1)
printf 'image: %d.%d MB in %d packages\n' $((size / 1000000)) $((size / 100000 % 10)) \
  "$(jq '.packages | length - 1' "$files/usr/share/sbom/eldrd.spdx.json")"
((size < limit)) || die "the image has $size bytes, expected fewer than $limit"
[[ ! -e $files/bin/sh && ! -e $files/usr/bin/sh ]] || die "the image has a shell"
[[ -z $(find "$files" -xdev -type f -perm /6000) ]] || die "the image has programs that change the user"
# The bill of materials names each package once, and what SPDX requires is there.
jq -e --arg version "$version-1" '
  .spdxVersion == "SPDX-2.3" and .dataLicense == "CC0-1.0" and .SPDXID == "SPDXRef-DOCUMENT"
  and (.documentNamespace | startswith("https://")) and (.creationInfo.created | fromdate > 0)
  and ([.packages[].SPDXID] | length == (unique | length))
  and (.packages | any(.name == "eldrd" and .versionInfo == $version))
  and (.packages | any(.name == "libgrpc++1.51" and (.externalRefs[0].referenceLocator | startswith("pkg:deb/debian/"))))
  and ([.packages[].SPDXID] - ["SPDXRef-Image"] | sort) == ([.relationships[] | select(.relationshipType == "CONTAINS").relatedSpdxElement] | sort)
' "$files/usr/share/sbom/eldrd.spdx.json" >/dev/null || die "the bill of materials is not as it should be"

# ---- How it runs -------------------------------------------------------------------------------------
mkdir "$work/state" "$work/log"
chown 65532:65532 "$work/state"
# As a runtime does it: a mount namespace in which the image is the read-only root. COMMAND runs there.
cat >"$work/enter" <<'ENTER'
#!/bin/sh
# enter FILES STATE COMMAND...
set -e
files=$1 state=$2
shift 2
mount --make-rprivate /
mount --bind "$files" "$files"
mount --bind "$state" "$files/var/lib/eldr"
mount -t proc proc "$files/proc"
mount --rbind /dev "$files/dev"
mount -o remount,bind,ro "$files"
exec chroot --userspec=65532:65532 --groups= "$files" "$@"
ENTER
run() { unshare --mount --pid --fork --kill-child sh "$work/enter" "$files" "$work/state" "$@"; }

config_path=/etc/eldr/eldrd.yaml
unshare --mount --net --pid --fork --kill-child sh -c 'ip link set lo up 2>/dev/null; exec sh "$@"' _ \
  "$work/enter" "$files" "$work/state" /usr/bin/eldrd --config "$config_path" --shutdown-delay 0 \
  2>"$work/log/eldrd" &
daemon=$!
pid_of() { pgrep -P "$daemon" | head -n 1; }
until_true 20 grep -q '"started"' "$work/log/eldrd" || die "it did not start: $(cat "$work/log/eldrd")"
inner=$(pid_of)
# inside COMMAND: in the namespaces and the root of the daemon, as `docker exec` does it.
inside() { nsenter -t "$inner" -m -n -p -r -S 65532 -G 65532 "$@"; }
expect "its number in the container" "$(awk '/^NSpid:/ {print $3}' "/proc/$inner/status")" 1
expect "its user" "$(awk '/^Uid:/ {print $2}' "/proc/$inner/status")" 65532
expect "its capabilities" "$(awk '/^CapEff:/ {print $2}' "/proc/$inner/status")" 0000000000000000
# The health check of the image, word by word.
until_true 20 inside /usr/bin/eldrctl health || die "the health check fails: $(cat "$work/log/eldrd")"
inside /usr/bin/eldrctl models declare m --layers 2 --experts 8 --top-k 2
kill -HUP "$inner"
until_true 10 grep -q '"reloaded"' "$work/log/eldrd" || die "SIGHUP does not reload"
kill -TERM "$inner"
status=0
wait "$daemon" || status=$?
daemon=0
expect "the exit code after SIGTERM, as process 1" "$status" 0
grep -q '"stopped"' "$work/log/eldrd" || die "it did not end in order: $(tail -n 3 "$work/log/eldrd")"
[[ -n $(ls "$work/state") ]] || die "it left no state on the volume"
# A read-only root means that: without the volume's rights the start fails, and says why.
chown 0:0 "$work/state"
chmod 700 "$work/state"
! run /usr/bin/eldrd --config "$config_path" 2>"$work/log/denied" || die "it started without its state"
grep -q '/var/lib/eldr' "$work/log/denied" || die "the error does not name the folder: $(cat "$work/log/denied")"

# ---- The tools ---------------------------------------------------------------------------------------
if [[ -x $work/programs/bin/eldr-sim && -x $work/programs/bin/eldr-demo ]]; then
  bud localhost/tools --target tools
  echo "tools: built"
else
  echo "tools: not built, since the build tree lacks some of them"
fi
