#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that README.md and docs/*.md are true where a program can tell: the map (ARCHITECTURE.md)
# has at most 150 lines, no line has more than 100 columns (tables may), and every path and every
# relative link leads somewhere. Words in capitals inside a path stand for any name. Files that
# comments in C name must exist, too. Each row of GUIDE.md has a test of its number, and each of
# these tests a row. Prints file:line of each fault.
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

# Files named by comments: "op.c", "stream/hub.h", "docs/KEEPER.md"; not the system's headers.
find src include tests bench -name '*.[ch]' | sort | xargs awk -v paths="$paths" '
    function comment_of(s,    i, text) {
        gsub(/"([^"\\\\]|\\\\.)*"/, "", s)
        while (s != "") {
            i = index(s, inside ? "*/" : "/*")
            if (!i)
                return inside ? text " " s : text
            if (inside)
                text = text " " substr(s, 1, i - 1)
            s = substr(s, i + 2)
            inside = !inside
        }
        return text
    }
    FNR == 1 { inside = 0 }
    {
        s = " " comment_of($0) " "
        while (match(s, /[^A-Za-z0-9_.\/<-][A-Za-z0-9_][A-Za-z0-9_\/-]*\.(c|h|md)[^A-Za-z0-9_]/)) {
            file = substr(s, RSTART + 1, RLENGTH - 2)
            s = substr(s, RSTART + RLENGTH - 1)
            if (file !~ /^(sys|linux|include\/uapi)\// && file !~ /^(README|config)\.md$/)
                print FILENAME ":" FNR, "file", file >> paths
        }
    }
'

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

# The rows of GUIDE.md and the tests of tests/guide have the same numbers.
rows=$(sed -nE 's/^\| ([1-8]\.[0-9]+) \| [^|]*\| [^|]*\| [^|]*\|$/\1/p' docs/GUIDE.md | sort -u)
tests=$(sed -nE -e 's/.*"([1-8]\.[0-9]+) .*/\1/p' -e 's/^.*\b(risky|said) ([0-9]+) .*/8.\2/p' tests/guide/*.sh | sort -u)
if [ "$rows" != "$tests" ]; then
    echo "docs/GUIDE.md:1: rows without a test, or tests without a row:" \
        $(printf '%s\n' "$rows" "$tests" | sort | uniq -u)
    failed=1
fi
exit $failed
