# One help text, as CLI11 prints it, as the body of a manual page. level: 2 for the program itself, 3 for
# a command, whose parts get no headings of their own in the page's list of sections.
function roff(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  if (text ~ /^[.']/) text = "\\&" text
  return text
}
function heading(text) {
  if (level == 2) printf ".SH %s\n", toupper(roff(text))
  else printf ".PP\n%s:\n", roff(text)
}
function verbatim(on) {
  if (on == literal) return
  print on ? ".PP\n.nf" : ".fi"
  literal = on
}
/^Usage: / {
  if (level == 3) printf ".PP\n.B %s\n", roff(substr($0, 8))
  next
}
# Those of a command are told one by one, further down.
/^Subcommands:/ { verbatim(0); part = "skip"; next }
/^(Positionals|Options):/ { verbatim(0); part = "list"; heading(substr($0, 1, length($0) - 1)); next }
/^$/ { if (part == "list" || part == "skip") part = ""; if (literal) print ""; next }
part == "skip" { next }
part == "list" && /^  [^ ]/ {
  term = substr($0, 3)
  text = ""
  if (match(term, /   */)) {
    text = substr(term, RSTART + RLENGTH)
    term = substr(term, 1, RSTART - 1)
  }
  printf ".TP\n.B %s\n", roff(term)
  if (text != "") print roff(text)
  next
}
part == "list" { sub(/^ +/, ""); print roff($0); next }
/^[^ ]/ && !seen { seen = 1; print roff($0); print ".PP"; next }
# What the help ends with: notes, and examples as they are typed.
{
  if (/^Examples:/ && level == 2) { verbatim(0); print ".SH EXAMPLES"; verbatim(1); next }
  if (/^[^ ]/ && literal) { verbatim(0); print ".PP" }
  if (/^ /) verbatim(1)
  print roff($0)
}
END { verbatim(0) }
