#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that README.md and docs/*.md are true where a program can tell: the map (ARCHITECTURE.md)
# has at most 150 lines, no line has more than 100 columns (tables may), and every path and every
# relative link leads somewhere. Words in capitals inside a path stand for any name. Prints
# file:line of each fault.
cd "$(dirname "$0")/../.." || exit 2
LC_ALL=C
export LC_ALL

MAP=docs/ARCHITECTURE.md
MAP_LINES=150
failed=0
paths=$(mktemp) || exit 2
trap 'rm -f "$paths"' EXIT

lines=$(wc -l < $MAP)
if [ "$lines" -gt $MAP_LINES ]; then
    echo "$MAP:$lines: the map has more than $MAP_LINES lines"
    failed=1
fi

# Complains of long lines, and writes "file:line kind path" for everything that must exist.
awk -v paths="$paths" '
    # Characters, not bytes: continuation bytes of UTF-8 take no column.
    function columns(s) {
        gsub(/[\200-\277]/, "", s)
        return length(s)
    }
    function want(kind, path) {
        sub(/[.,:;]+$/, "", path)
        if (path ~ /[<>*{}]/ || path ~ /(^|\/)[A-Z_]+(\/|\.[a-z]+$|$)/ && path !~ /\.md$/)
            return # a pattern
        print FILENAME ":" FNR, kind, path > paths
    }
    columns($0) > 100 && !/^\|/ { print FILENAME ":" FNR ": more than 100 columns"; bad++ }
    {
        s = $0
        while (match(s, /\]\([^)]*\)/)) {
            target = substr(s, RSTART + 2, RLENGTH - 3)
            s = substr(s, RSTART + RLENGTH)
            sub(/#.*/, "", target)
            if (target != "" && target !~ /^[a-z]+:/)
                want("link", target)
        }
        s = " " $0
        while (match(s, /[^A-Za-z0-9_.\/-](src|include|tests|bench|cmake|docs)\/[A-Za-z0-9_.\/<>*-]*/)) {
            want("path", substr(s, RSTART + 1, RLENGTH - 1))
            s = substr(s, RSTART + RLENGTH)
        }
        n = split($0, part, /`/)
        for (i = 2; i <= n; i += 2)
            if (part[i] ~ /^[A-Za-z0-9_.\/-]+\.(c|h|sh|py|md|txt|cmake)$/)
                want("file", part[i])
    }
    END { exit bad ? 1 : 0 }
' README.md docs/*.md || failed=1

# A path as it stands; a file also below src/ or include/, or, without a folder, anywhere.
exists() { # KIND PATH FILE
    case $1 in
    link) [ -e "$(dirname "$3")/$2" ] ;;
    path) [ -e "$2" ] ;;
    *)
        [ -e "$2" ] || [ -e "src/$2" ] || [ -e "include/$2" ] ||
            case $2 in
            */*) false ;;
            *) [ -n "$(find src include docs tests bench cmake -name "$2" -print -quit)" ] ;;
            esac ;;
    esac
}
while read -r place kind path; do
    exists "$kind" "$path" "${place%%:*}" && continue
    echo "$place: $path does not exist"
    failed=1
done < "$paths"
exit $failed
