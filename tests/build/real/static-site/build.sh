# Pages of "# title" and paragraphs to HTML, and an index of them.
set -eu
from=$1 to=$2
mkdir -p "$to"
: >"$to/index.html"
for page in "$from"/*.md; do
    name=$(basename "$page" .md)
    title=$(sed -n 's/^# //p' "$page")
    body=$(sed '/^# /d; /^$/d; s|.*|<p>&</p>|' "$page")
    sed -e "s|@TITLE@|$title|" -e "s|@BASE@|$BASE_URL|" layout/head.html >"$to/$name.html"
    echo "$body" >>"$to/$name.html"
    echo "<a href=\"$BASE_URL/$name.html\">$title</a>" >>"$to/index.html"
done
