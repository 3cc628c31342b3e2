#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that a file of src/FOLDER or include/FOLDER crosses only the walls that the table in
# docs/ARCHITECTURE.md ("Rooms", one line a folder) allows. The table is read from the document,
# so there is no second one to keep in step. Prints file:line of each breach.
cd "$(dirname "$0")/../.." || exit 2
LC_ALL=C
export LC_ALL

table=$(mktemp) || exit 2
trap 'rm -f "$table"' EXIT

# "    src/net/   what it is ...   base core"  ->  "net base core". What a folder may include is
# the part after the last run of two blanks. Spelled out here: "all", "all of the above", and
# "place's, and place": what src/place/ may include, and itself.
awk '
    /^    src\/[a-z]+\// {
        folder = $1
        sub(/^src\//, "", folder)
        sub(/\/$/, "", folder)
        rest = $0
        sub(/^ *[^ ]+ +/, "", rest)
        allowed = ""
        if (match(rest, /.*  +/))
            allowed = substr(rest, RLENGTH + 1)
        if (allowed ~ /^\(/)
            allowed = ""
        sub(/^all of the above,?/, above, allowed)
        while (match(allowed, /[a-z]+\047s, and /))
            allowed = line[substr(allowed, RSTART, RLENGTH - 8)] " " substr(allowed, RSTART + RLENGTH)
        names[++n] = folder
        line[folder] = allowed
        above = above " " folder
    }
    END {
        for (i = 1; i <= n; i++) {
            allowed = line[names[i]]
            if (allowed ~ /^all$/)
                allowed = above
            print names[i], names[i], allowed
        }
    }
' docs/ARCHITECTURE.md > "$table"

for folder in base core container api; do
    if ! grep -q "^$folder " "$table"; then
        echo "docs/ARCHITECTURE.md: cannot read the line of src/$folder/" >&2
        exit 2
    fi
done

find src include -name '*.[ch]' | sort | xargs awk -v table="$table" '
    BEGIN {
        while ((getline row < table) > 0) {
            n = split(row, word, " ")
            known[word[1]] = 1
            for (i = 2; i <= n; i++) {
                may[word[1], word[i]] = 1
                if (!(word[i] in is_folder))
                    is_folder[word[i]] = 1
            }
        }
        for (name in is_folder)
            if (!(name in known)) {
                print "docs/ARCHITECTURE.md: " name " is allowed somewhere but is no folder"
                bad++
            }
    }
    FNR == 1 {
        split(FILENAME, part, "/")
        folder = part[2]
        if (!(folder in known)) {
            print FILENAME ":1: folder " folder " is not in docs/ARCHITECTURE.md"
            bad++
        }
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        target = $0
        sub(/^[^"]*"/, "", target)
        sub(/".*/, "", target)
        if (target ~ /\.\./) {
            print FILENAME ":" FNR ": \"" target "\" climbs out of its folder"
            bad++
            next
        }
        if (target !~ /\//)
            next
        split(target, part, "/")
        if (part[1] == "handlers" && folder == "api")
            next
        if (!((folder, part[1]) in may)) {
            print FILENAME ":" FNR ": " folder "/ may not include \"" target "\""
            bad++
        }
    }
    END {
        if (bad)
            print bad " breach(es) of the layers"
        exit bad ? 1 : 0
    }
'
