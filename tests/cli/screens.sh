#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What terminals of 40, 80 and 200 columns show: no line is longer than the screen, lists leave
# columns out rather than wrap, wide and combining characters are as wide as they are, progress
# follows a window that becomes another size; a pipe gets everything.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
show() { in_host python3 screen.py "$1" -- "$BERTH" "${@:2}" | tr -d '\r'; } # COLUMNS WORDS…
# Columns of the longest line, as a terminal counts them.
longest() {
    python3 -c '
import re, sys, unicodedata
def width(c): return 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", sys.stdin.buffer.read().decode(errors="replace"))
print(max([sum(map(width, line)) for line in re.split(r"[\r\n]", text)] or [0]))'
}
fits() { # NAME COLUMNS WORDS…
    local n
    n=$(show "${@:2}" | longest)
    if [ "$n" -le "$2" ]; then ok "$1 at $2: $n"; else not_ok "$1 at $2" "$n columns: $(show "${@:2}" | head -20)"; fi
}
titles() { show "$1" "${@:2}" | head -1 | sed -E 's/ {2,}/|/g; s/[ |]+$//'; }

d run -d --name web -p 127.0.0.1:18080:80 busybox sh -c 'sleep 1000; echo a rather long command line' >/dev/null
d tag busybox registry.example.org/a/rather/long/name/of/an/image:with-a-long-tag
d run -d --name a-container-with-a-long-name-that-fills-lines registry.example.org/a/rather/long/name/of/an/image:with-a-long-tag sleep 1000 >/dev/null
d volume create a-volume-with-a-name-that-is-longer-than-forty-columns >/dev/null

for width in 40 80 200; do
    fits "ps" $width ps
    fits "ps -a -s" $width ps -a -s
    fits "images" $width images
    fits "network ls" $width network ls
    fits "volume ls" $width volume ls
    fits "system df" $width system df
    fits "the program's help" $width --help
    for command in run build ps create update exec "network create" "container" "system" login cp; do
        # shellcheck disable=SC2086
        fits "$command --help" $width $command --help
    done
    n=$(in_host python3 screen.py $width -- "$BERTH" pull 127.0.0.1:5000/registry | grep -a $'\x1b' | sed 's/\(Digest\|Status\): .*//' | longest)
    if [ "$n" -gt 10 ] && [ "$n" -le $width ]; then ok "the lines of a pull at $width: $n"; else not_ok "the lines of a pull at $width" "$n"; fi
    d rmi 127.0.0.1:5000/registry >/dev/null
done
same "ps at 200 has all" "CONTAINER ID|IMAGE|COMMAND|CREATED|STATUS|PORTS|NAMES" "$(titles 200 ps --filter name=web)"
same "at 80 what fits" "CONTAINER ID|IMAGE|STATUS|PORTS|NAMES" "$(titles 80 ps --filter name=web)"
like "at 40 the names are there" 'STATUS.*NAMES' "$(titles 40 ps --filter name=web)"
same "each container is one line" 3 "$(show 40 ps | wc -l)"
same "a pipe gets all columns" "CONTAINER ID|IMAGE|COMMAND|CREATED|STATUS|PORTS|NAMES" "$(in_host "$BERTH" ps | head -1 | sed -E 's/ {2,}/|/g')"
like "a format of one's own is not cut" 'a-container-with-a-long-name-that-fills-lines' "$(show 40 ps --format 'table {{.Names}}')"

# ---- widths ----
d run -d --name wide --label 'l=日本語' busybox sleep 1000 >/dev/null
d run -d --name comb --label "l=e$(printf '\xcc\x81')e$(printf '\xcc\x81')" busybox sleep 1000 >/dev/null
for name in wide comb; do
    at=$(in_host "$BERTH" ps --filter name=$name --format 'table {{.Label "l"}}\t{{.Names}}' | python3 -c '
import sys, unicodedata
def width(c): return 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
lines = sys.stdin.read().split("\n")
print(" ".join(str(sum(map(width, line[:line.rindex(" ") + 1]))) for line in lines if line))')
    same "$name: the next column begins where its title does" "${at% *}" "${at#* }"
done

# ---- the terminal is given back ----
before=$(in_host python3 screen.py 80 -- sh -c 'stty -a' | tr -d '\r' | sed 's/columns [0-9]*//')
for words in 'run -it --rm busybox true' 'run -it --rm busybox nosuchprogram' 'exec -it nosuch sh' 'attach nosuch'; do
    same "after berth $words" "$before" "$(in_host python3 screen.py 80 -- sh -c "\"$BERTH\" $words >/dev/null 2>&1; stty -a" | tr -d '\r' | sed 's/columns [0-9]*//')"
done
engine_sound
finish
