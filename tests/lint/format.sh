#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks the letter of docs/CONVENTIONS.md: banned functions, lines over 100 columns, tabs,
# blanks at line ends, the SPDX line, and clang-format where it is installed. Prints file:line.
cd "$(dirname "$0")/../.." || exit 2
LC_ALL=C
export LC_ALL

files=$(find src include packaging tests bench -name '*.[ch]' -type f | sort)
[ -n "$files" ] || exit 0
failed=0

# shellcheck disable=SC2086  # no path of ours has blanks
awk '
    function complain(what) {
        print FILENAME ":" FNR ": " what
        bad++
    }
    # Characters, not bytes: continuation bytes of UTF-8 take no column.
    function columns(s) {
        gsub(/[\200-\277]/, "", s)
        return length(s)
    }
    # The line without string literals, and without comments (also over several lines).
    function code_of(s,    i) {
        gsub(/\\./, "", s)
        gsub(/"[^"]*"/, "\"\"", s)
        gsub(/\047.\047/, "\047\047", s)
        if (in_comment) {
            i = index(s, "*/")
            if (!i)
                return ""
            in_comment = 0
            s = substr(s, i + 2)
        }
        while ((i = index(s, "/*")) > 0) {
            rest = substr(s, i + 2)
            s = substr(s, 1, i - 1)
            i = index(rest, "*/")
            if (!i) {
                in_comment = 1
                return s
            }
            s = s " " substr(rest, i + 2)
        }
        sub(/\/\/.*/, "", s)
        return s
    }
    FNR == 1 {
        in_comment = 0
        if ($0 != "/* SPDX-License-Identifier: Apache-2.0 */")
            complain("the first line is not the SPDX line")
    }
    /\t/ { complain("tab") }
    /[ \r]$/ { complain("blank at the end of the line") }
    columns($0) > 100 { complain("more than 100 columns") }
    {
        code = " " code_of($0)
        if (match(code, /[^A-Za-z0-9_.>](strcpy|strcat|sprintf|vsprintf|strtok|strtok_r|gets|system|popen|atoi|atol|atoll|atof|alloca|signal)[ ]*\(/))
            complain("banned: " substr(code, RSTART + 1, RLENGTH - 1))
    }
    END { exit bad ? 1 : 0 }
' $files || failed=1

if command -v clang-format > /dev/null; then
    drifted=0
    for file in $files; do
        if ! clang-format --style=file "$file" | cmp -s - "$file"; then
            line=$(clang-format --style=file "$file" | diff "$file" - |
                sed -n '1s/^\([0-9]*\).*/\1/p')
            echo "$file:${line:-1}: clang-format would change this"
            drifted=$((drifted + 1))
        fi
    done
    echo "# clang-format: $drifted file(s) drifted"
    [ "$drifted" -eq 0 ] || failed=1
else
    echo "# clang-format is not installed: layout was not checked"
fi
exit $failed
