#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker diff and docker export: what a container has changed, by kind; and an export that is imported again is the same
# tree, inode for inode.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
b() { in_host "$BERTH" "$@"; }
T=$HOST/t; mkdir "$T"; cd "$T" || exit 1
tree() { python3 "$BERTH_SRC/tests/system/copy_tree.py" "$@"; }

# An image with folders to change.
mkdir -p image/dir/sub image/old/deep image/gone/in image/same
echo a >image/dir/a; echo b >image/dir/b; echo s >image/dir/sub/s; echo d >image/old/deep/d; echo o >image/old/o
echo g >image/gone/in/g; echo x >image/same/x; echo k >image/kind; ln -s a image/link; echo m >image/mode; echo t >image/touched
tar -C image -cf image.tar . && d import -q image.tar base >/dev/null 2>&1 || d import image.tar base >/dev/null
d run --rm busybox cat /bin/busybox >busybox 2>/dev/null; chmod +x busybox
changed() { # NAME SCRIPT EXPECTED
    local c want
    c=$(d create -v "$T/busybox:/busybox:ro" base /busybox sh -c "$2" 2>/dev/null)
    want=$(printf '%s\n' "$3" | grep -v '^$' | LC_ALL=C sort -k2)
    d start -a "$c" >/dev/null 2>script.err
    same "$1" "$want" "$(b diff "$c" | grep -vE '^A /(busybox|etc|dev|proc|sys)' | LC_ALL=C sort -k2)"
    same "$1: the docker CLI shows the same" "$(b diff "$c")" "$(d diff "$c")"
    d rm "$c" >/dev/null
}
B=/busybox
changed "nothing" ":" ""
changed "a file is added" "$B touch /dir/new" "C /dir
A /dir/new"
changed "a file is changed" "echo z >>/dir/a" "C /dir
C /dir/a"
changed "a file is removed" "$B rm /dir/a" "C /dir
D /dir/a"
changed "a mode alone" "$B chmod 600 /mode" "C /mode"
changed "opened for writing, and not written" "$B sh -c 'exec 3<>/touched'" ""
changed "a file becomes a folder" "$B rm /kind; $B mkdir /kind; $B touch /kind/x" "C /kind
A /kind/x"
changed "a folder is removed" "$B rm -r /gone" "D /gone"
changed "a folder is made anew" "$B rm -r /dir; $B mkdir /dir; echo n >/dir/n; echo a >/dir/a" "C /dir
C /dir/a
D /dir/b
A /dir/n
D /dir/sub"
changed "a folder is moved" "$B mv /old /dir/moved" "C /dir
A /dir/moved
A /dir/moved/deep
A /dir/moved/deep/d
A /dir/moved/o
D /old"
changed "a tree is added" "$B mkdir -p /n/m; echo 1 >/n/m/f; $B ln -s x /n/l; $B mkfifo /n/p" "A /n
A /n/l
A /n/m
A /n/m/f
A /n/p"
changed "made and removed again" "$B touch /same/y; $B rm /same/y" ""
d create --name never base x >/dev/null
api_is "nothing is null, as with Docker" 200 '^null$' GET /containers/never/changes
api_is "no such container" 404 "No such container" GET /containers/nix/changes
d run -d --name up busybox sleep 1000 >/dev/null; d exec up touch /root/live
like "one that runs" '^A /root/live$' "$(b diff up)"

# ---- export, import
tree make kinds
b cp -a kinds up:/kinds
b export up >export.tar; d export up >export2.tar; b export -o export3.tar up
same "three exports are the same" "1" "$(cksum export.tar export2.tar export3.tar | cut -d' ' -f1,2 | sort -u | wc -l)"
d import export.tar again >/dev/null
d create --name two again x >/dev/null
for c in up two; do b cp -a $c:/kinds kinds-$c; tree list kinds-$c >list-$c; done
same "import gives the same tree, inode for inode" "" "$(diff list-up list-two | head -20)"
b export two >export4.tar
same "and its export is the same" "$(tar -tvf export.tar | grep -vE ' (etc|dev|proc|sys|\.dockerenv)' | sed 's|^\(d.*\) \./$|\1|' | md5sum)" "$(tar -tvf export4.tar | grep -vE ' (etc|dev|proc|sys|\.dockerenv)' | sed 's|^\(d.*\) \./$|\1|' | md5sum)"
d run -d --name vols -v "$T/image:/bind" -v vol:/vol --tmpfs /tm busybox sh -c 'touch /vol/x /tm/x; sleep 1000' >/dev/null
poll 5 d exec vols test -e /tm/x
same "an export has no volumes, binds and tmpfs" "bind/ tm/ vol/" "$(b export vols | tar -t | grep -E '^(bind|vol|tm)/' | sort | tr '\n' ' ' | sed 's/ $//')"
fails "not to a terminal" "cowardly refusing" script -qec "$BERTH export up" /dev/null
fails "no such container" "No such container" b export nix
b export -o none/x up 2>/dev/null; same "what cannot be written is not there" "" "$(ls none 2>/dev/null; ls ./*.berth-part 2>/dev/null)"
rm -rf kinds* export*
finish
