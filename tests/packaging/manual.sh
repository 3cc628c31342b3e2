#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every command has a man page and every flag is in it, by what --help shows; no page is of something
# that is not there; man and lexgrog take all of them without a warning.
cd "$(dirname "$0")" && . ../lib/tap.sh
export MAN_DISABLE_SECCOMP=1 MANWIDTH=200 LC_ALL=C.UTF-8
bin=${BERTH_BIN:-$PWD/../../build/bin}
pages=$bin/../manual
[ -e "$pages/man1/berth.1" ] || { echo "1..0 # SKIP no man pages were built: scdoc is missing"; exit 0; }
berth=$bin/berth
page() { (cd "$pages" && man -l "$1" 2>/dev/null | col -bx); }
listed() { sed -n '/^\(Management \)\?Commands:/,/^$/p' | awk '/^  [a-z]/ { print $1 }'; }
flags() { sed -n '/^Options:/,/^$/p' | grep -oE '^ +(-[A-Za-z0-9], )?--[a-z0-9-]+' | grep -oE -- '--?[A-Za-z0-9][a-z0-9-]*$|-[A-Za-z0-9],' | tr -d ,; }
lacks() { # PAGE'S-TEXT: of the flags on stdin, those that no line of it begins with
    local flag
    while read -r flag; do
        grep -qE -- "^ +(-[A-Za-z0-9], )?$flag(,| |\$)" <<<"$1" || echo "$flag"
    done
}

groups=" $("$berth" --help | sed -n '/^Management Commands:/,/^$/p' | awk '/^  / { print $1 }' | paste -sd' ') "
names=() n=0
for name in $("$berth" --help | listed); do
    case $groups in
    *" $name "*) for sub in $("$berth" $name --help | listed); do names+=("$name $sub"); done ;;
    *) names+=("$name") ;;
    esac
done
check "there are commands" test ${#names[@]} -gt 90
missing= bare=
for name in "${names[@]}"; do
    file=man1/berth-${name// /-}.1
    [ -s "$pages/$file" ] || { missing="$missing $file"; continue; }
    help=$("$berth" $name --help)
    text=$(page $file)
    lack=$(flags <<<"$help" | lacks "$text" | paste -sd' ')
    [ -z "$lack" ] || bare="$bare $file: $lack;"
    n=$((n + $(flags <<<"$help" | wc -l)))
done
same "each has a page" "" "$missing"
same "each flag of --help is in it" "" "$bare"
check "which are many ($n)" test $n -gt 900
same "berth's own flags" "" "$("$berth" --help | flags | lacks "$(page man1/berth.1)")"
same "berthd's flags" "" "$("$bin/berthd" --help | flags | lacks "$(page man8/berthd.8)")"
text=$(page man5/berth-daemon.json.5)
for key in hosts proxies.http-proxy log-opts live-restore registry-mirrors; do
    like "the key $key" "^ +${key//./\\.} \(" "$text"
done
list=$(page man1/berth.1)
none=
for file in "$pages"/man1/berth-*.1; do
    name=$(basename "$file" .1); name=${name#berth-}
    "$berth" ${name/-/ } --help >/dev/null 2>&1 || "$berth" $name --help >/dev/null 2>&1 || none="$none $name"
    grep -q '^\.so ' "$file" && { [ -e "$pages/$(sed -n 's/^\.so //p' "$file")" ] || none="$none $file"; continue; }
    grep -q "berth-$name(1)" <<<"$list" || none="$none $name(unlisted)"
done
same "each page is of a command, and berth(1) lists it" "" "$none"
for file in ../../packaging/manual/pages/*.scd; do
    ls "$pages"/scd/"$(basename "$file" .scd)".[158].scd >/dev/null 2>&1 || echo "$file"
done >/tmp/unused
same "no prose without a page" "" "$(cat /tmp/unused)"
same "man has no warning" "" "$(cd "$pages" && MANWIDTH=80 man --warnings -l -Tutf8 -Z man?/* 2>&1 >/dev/null | head)"
same "lexgrog finds what each is" "" "$(lexgrog "$pages"/man?/* 2>&1 | grep -c 'parse failed' | grep -v '^0$')"
finish
