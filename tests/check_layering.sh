#!/usr/bin/env bash
# Checks who includes whom. Prints each include that is not allowed, and fails if there is one.
#   tests/check_layering.sh [ROOT]    ROOT is the checkout, by default the one this file is in
set -euo pipefail
shopt -s nullglob
cd "${1:-$(dirname "$0")/..}"

failed=0

# forbid PATTERN WHY FOLDER...: no source in FOLDER may include a path that PATTERN (an extended
# regular expression, anchored at the start of the path) matches.
forbid() {
  local pattern=$1 why=$2
  shift 2
  local found
  # grep: 0 found, 1 nothing found, more is an error that must not pass as "nothing".
  local status=0
  found=$(grep -rnE --include='*.h' --include='*.cc' --include='*.inc' \
    "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($pattern)" "$@") || status=$?
  if ((status > 1)); then
    echo "check_layering: cannot search $*" >&2
    exit 2
  fi
  if [[ -n $found ]]; then
    printf '%s\n  ^ %s\n' "$found" "$why"
    failed=1
  fi
}

# Core is free of the outside world, so that it can be tested, simulated and sanitized alone.
forbid 'grpc|google/|prometheus/|yaml-cpp/|CLI/|httplib|.*\.pb\.h|eldr/v1/' \
  'core stays free of RPC, metrics, logging and configuration libraries' core
forbid '(server|client|tools|bench|tests|proto)/' 'core includes only core' core

# The client is installed alone: it may know the contract, never the daemon's insides; but for the
# store of block signatures, and the text of the version: libraries of their own, behind its sources.
for folder in client/*/; do
  [[ $folder != client/agent/ ]] || continue
  forbid '(server|tools|bench|tests)/|core/([^pv]|p[^r]|pr[^e])' \
    'client includes only client, core/prefix, core/version and the generated protos' "$folder"
done
forbid 'client/agent/' 'the agent is a program: nobody builds on it' \
  client/ctl client/engines client/include client/scrape client/src

# The agent serves and logs as the daemon does (eldr_port), and knows nothing else of it.
forbid '(tools|bench|tests)/|core/([^bv]|b[^a]|ba[^s])|server/(auth|convert|metrics|record|rpc|service|state|[a-z_]+\.h)' \
  'client/agent includes only client, core/base and the HTTP port and log of the server' client/agent
forbid 'core/' 'the headers that the client installs stand alone' client/include

# Flags serve programs that know no daemon too.
forbid 'grpc|google/|.*\.pb\.h|eldr/|core/|client/(agent|ctl|engines|scrape|src)/' \
  'client/flags knows command lines, not the service' client/flags

# Decoders of what engines return serve the simulator and the fuzz targets too.
forbid 'grpc|google/|CLI/|.*\.pb\.h|eldr/|client/(ctl|src)/' \
  'client/engines knows bytes and JSON, neither the service nor a command line' client/engines
forbid 'grpc|google/|CLI/|.*\.pb\.h|eldr/|core/|client/(agent|ctl|engines|src)/' \
  'client/scrape knows pages of metrics, neither the service nor a command line' client/scrape

# Nothing builds on the daemon but the daemon, its tests and the load drivers. Discovery reads
# engines' pages as the agent does.
for folder in server/*/; do
  [[ $folder != server/discovery/ ]] || continue
  forbid 'client/' 'of the server only discovery includes client/scrape, and nothing else of the client' "$folder"
done
forbid 'client/([^s]|s[^c])' 'discovery includes client/scrape, and nothing else of the client' server/discovery
forbid '(client|tools|bench|tests)/' 'server includes only server, core and the generated protos' server/*.cc server/*.h
forbid '(tools|bench|tests)/' 'server includes only server, core and the generated protos' server

# What people run does not need what measures us.
forbid '(bench|tests)/' 'tools include core, client and the converters of the server' tools
forbid 'tests/' 'bench includes no test' bench

# check_layers TREE LAYER...: inside TREE each folder is a layer, and includes only itself and the
# layers before it.
check_layers() {
  local tree=$1
  shift
  local layers=("$@") folder name i pattern
  for folder in "$tree"/*/; do
    name=${folder#"$tree/"}
    name=${name%/}
    if [[ " ${layers[*]} " != *" $name "* ]]; then
      echo "$folder: not in the order of layers of tests/check_layering.sh (${layers[*]})"
      failed=1
    fi
  done
  for i in "${!layers[@]}"; do
    local above=("${layers[@]:i+1}")
    [[ -d $tree/${layers[i]} && ${#above[@]} -gt 0 ]] || continue
    pattern=$(IFS='|' && echo "${above[*]}")
    forbid "$tree/($pattern)/" "$tree/${layers[i]} may not use a layer above it" "$tree/${layers[i]}"
  done
}
check_layers core base version model signature prefix profile residency step_time fleet books intake policy route
check_layers server config base convert record metrics state auth http ui rpc service picker discovery page

# The life of a request in the picker is tried by scripts, without a call.
forbid 'grpc|prometheus/|core/|server/([^p]|p[^i])' \
  'server/picker knows messages, neither calls nor the router' server/picker

# The sources at the root of server/ put the daemon together: they are above all its layers.
for folder in server/*/; do
  forbid 'server/(changed_keys|daemon|flags|grpc_[a-z]+|metrics_page|observers|pages|readiness|router_events|self_call)' \
    'the layers of the daemon do not know how it is put together' "$folder"
done

exit "$failed"
