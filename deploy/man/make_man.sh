#!/usr/bin/env bash
# Writes a program's manual page from its help texts, those of its commands included, so that the page
# says what the program says.
#   make_man.sh PROGRAM VERSION ONE_LINE >PROGRAM.1
set -euo pipefail
program=$1 version=$2 summary=$3
name=$(basename "$program")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# For roff: hyphens that are typed, backslashes, and lines that would be taken for requests.
roff() { sed -e 's/\\/\\e/g; s/-/\\-/g' -e "s/^\\([.']\\)/\\\\\&\\1/"; }

# body HELP LEVEL: the sections of one help text.
body() { awk -v level="$2" -f "$here/help_to_man.awk" <<<"$1"; }

# commands HELP: the names under "Subcommands:".
commands() { awk '/^Subcommands:/ {on = 1; next} /^[^ ]/ {on = 0} on && /^  [a-z]/ {print $1}' <<<"$1"; }

# describe COMMAND...: the commands below it, each with its help.
describe() {
  local help command
  help=$("$program" "$@" --help)
  for command in $(commands "$help"); do
    printf '.SS %s\n' "$(roff <<<"$name ${*:+$* }$command")"
    body "$("$program" "$@" "$command" --help)" 3
    describe "$@" "$command"
  done
}

help=$("$program" --help)
printf '.\\" Written from the help texts by deploy/man/make_man.sh.\n'
printf '.TH %s 1 "" "ELDR %s" "ELDR"\n' "${name^^}" "$version"
printf '.SH NAME\n%s \\- %s\n' "$(roff <<<"$name")" "$(roff <<<"$summary")"
printf '.SH SYNOPSIS\n.B %s\n' "$(roff < <(sed -n 's/^Usage: //p' <<<"$help"))"
printf '.SH DESCRIPTION\n'
body "$help" 2
if [[ -n $(commands "$help") ]]; then
  printf '.SH COMMANDS\n'
  describe
fi
