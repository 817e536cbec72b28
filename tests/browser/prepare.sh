# Sourced by what drives the page in Chromium: makes a folder with the packages of the lock file and copies of the
# sources given, from where modules find both. Returns 77, after a line that says why, where Node 18, npm, Chromium
# or the packages cannot be had.
#
#   prepare_browser ROOT FOLDER SOURCE...    SOURCE: a folder below ROOT; sets CHROMIUM; goes into FOLDER

lacks() {
  printf 'skipped: the page in a browser: %s\n' "$*"
  return 77
}

prepare_browser() {
  local root=$1 folder=$2 source stamp
  shift 2
  command -v node >/dev/null && command -v npm >/dev/null || { lacks "no node or no npm (Debian: nodejs, npm)"; return; }
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)' ||
    { lacks "node $(node --version), expected 18 or later"; return; }
  CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
  [[ -x $CHROMIUM ]] || { lacks "no chromium (Debian: chromium)"; return; }
  export CHROMIUM

  # Modules import the page's own as they lie in the sources; copies, so that no packages are installed there.
  mkdir -p "$folder"
  for source; do
    rm -rf "${folder:?}/$source"
    mkdir -p "$folder/$(dirname "$source")"
    cp -r "$root/$source" "$folder/$source"
  done
  cp "$root"/tests/browser/{package.json,package-lock.json,.npmrc} "$folder/"
  rm -rf "$folder/tests/browser/node_modules" "$folder/tests/browser/package.json"
  cd "$folder"

  stamp=$(node --version; sha256sum <package-lock.json)
  if [[ $(cat node_modules/.stamp 2>/dev/null) != "$stamp" ]]; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1 ||
      { lacks "packages cannot be installed ($folder/npm.log)"; return; }
    printf '%s\n' "$stamp" >node_modules/.stamp
  fi
}
