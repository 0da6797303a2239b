#!/bin/sh
# All pages of a list, one entry a line: `pages.sh <url> [most pages]`. Follows Link: rel="next", and only on the host of the first page.
# Sends the key in API_TOKEN when there is one, in a way that `ps` does not show.
set -eu

[ $# -ge 1 ] || { echo 'usage: pages.sh <url> [most pages]' >&2; exit 2; }
url=$1
most=${2:-50}
case $url in
  http://* | https://*) ;;
  *) echo "pages.sh: expected an address with http:// or https://, came $url" >&2; exit 2 ;;
esac
host=$(printf '%s' "$url" | sed -E 's|^(https?://[^/?#]+).*|\1|')

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fetch() {
  set -- -sS --max-time 30 --retry 4 --retry-max-time 90 --fail-with-body -D "$folder/head" -o "$folder/page" "$1"
  if [ -n "${API_TOKEN:-}" ]; then printf 'header = "Authorization: Bearer %s"\n' "$API_TOKEN" | curl --config - "$@"; else curl "$@"; fi
}

page=0
while [ "$page" -lt "$most" ]; do
  fetch "$url" || { code=$?; head -c 400 "$folder/page" >&2 2>/dev/null; echo "pages.sh: page $((page + 1)) failed: $url" >&2; exit "$code"; }
  jq -c 'if type == "array" then .[] else error("expected a list, came \(type)") end' "$folder/page"
  page=$((page + 1))
  next=$(tr -d '\r' <"$folder/head" | sed -nE 's/^[Ll][Ii][Nn][Kk]:.*<([^>]+)>; *rel="?next"?.*/\1/p' | tail -n 1)
  case $next in
    '') exit 0 ;;
    /*) url=$host$next ;;
    "$host"/* | "$host"\?*) url=$next ;;
    *) echo "pages.sh: the next page is elsewhere, and the key does not go there: $next" >&2; exit 1 ;;
  esac
done
echo "pages.sh: stopped after $most pages, there are more: $url" >&2
