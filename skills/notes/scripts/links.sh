#!/bin/sh
# Links between the notes of a folder: `links.sh broken <folder>` those that lead nowhere, `links.sh orphans <folder>` notes that none leads to.
# A link is [[name]], [[name|text]], [[name#heading]] or [[folder/name]]; its note is <name>.md anywhere in the folder, in any case.
set -eu

usage() {
  echo 'usage: links.sh broken|orphans <folder>' >&2
  exit 2
}

[ $# -eq 2 ] || usage
what=$1 folder=$2
[ -d "$folder" ] || { echo "links.sh: expected a folder of notes, and $folder is none" >&2; exit 2; }

# Each note as "name<TAB>path", each link as "name<TAB>path that has it".
notes() {
  find "$folder" -name '*.md' ! -path '*/.*' | sort | awk '{ name = $0; sub(/.*\//, "", name); sub(/\.md$/, "", name); print tolower(name) "\t" $0 }'
}
links() {
  find "$folder" -name '*.md' ! -path '*/.*' | sort | while IFS= read -r file; do
    awk -v file="$file" '
      /^(```|~~~)/ { code = !code; next }
      !code {
        rest = $0
        while (match(rest, /\[\[[^]]+\]\]/)) {
          name = substr(rest, RSTART + 2, RLENGTH - 4)
          rest = substr(rest, RSTART + RLENGTH)
          sub(/[|#].*/, "", name); sub(/.*\//, "", name); sub(/\.md$/, "", name)
          if (name != "") print tolower(name) "\t" file
        }
      }' "$file"
  done
}

case $what in
  broken)
    { notes | awk '{ print "note\t" $0 }'; links | awk '{ print "link\t" $0 }'; } |
      awk -F '\t' '$1 == "note" { there[$2] = 1; next } !($2 in there) && !seen[$2 $3]++ { print $3 ": [[" $2 "]]" }'
    ;;
  orphans)
    { links | awk '{ print "link\t" $0 }'; notes | awk '{ print "note\t" $0 }'; } |
      awk -F '\t' '$1 == "link" { there[$2] = 1; next } !($2 in there) && $3 !~ /\/daily\// { print $3 }'
    ;;
  *) usage ;;
esac
