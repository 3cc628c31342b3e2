#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker cp with a hostile container: folders that are exchanged for links while files go in and out (CVE-2018-15664),
# devices and fifos that take a file's place, and every hostile archive of the images. Nothing of the container is run
# (CVE-2019-14271), nothing outside is touched, read or followed.    SECONDS_EACH=60 copy_attacks.sh tries longer
. "$(dirname "$0")/kit.sh"
SECONDS_EACH=${SECONDS_EACH:-2}
security_up probe
b() { in_host timeout 30 "$BERTH" "$@" 8>&-; }
cd "$HOST" || exit 1
mkdir -p src/d/e; echo new >src/d/file; head -c 3000000 /dev/zero >src/d/large; echo deep >src/d/e/file
tar -C src -cf src.tar d

# ---- a swapper: /w/a is now a folder, now a link out of everything
C=$(in_host $D run -d --cpus 0.8 hostile:probe sh -c '
    mkdir -p /w/a/d/e /w/b /w/k/d/e; ln -s /../../../../../../../../tmp/berth-outside /w/link; ln -s /proc/1/root/tmp/berth-outside /w/magic
    echo inside >/w/a/file; echo inside >/w/k/d/file; mkfifo /w/fifo; mknod /w/tty c 5 0; mknod /w/zero c 1 5; mkfifo /w/k/wait
    /swapper /w/a /w/link /w/magic & cd /w/k/d; /swapper file /w/fifo /w/tty /w/zero & /swapper e /w/link & wait' 8>&-)
until b exec "$C" test -e /w/k/wait; do sleep 0.1; done
race() { # NAME COMMAND…: as often as there is time
    local name=$1 end=$((SECONDS + SECONDS_EACH)) n=0 bad=0 out; shift
    while [ $SECONDS -lt $end ] || [ $n -lt 20 ]; do
        n=$((n + 1))
        out=$("$@" 2>&1 | tr -d '\0')
        case $out in *canary*) bad=$((bad + 1)); printf '%s\n' "$out" | head -3 | sed 's/^/# /' ;; esac
    done
    echo "# $name: $n times"
    same "$name: nothing outside is read" 0 $bad
    untouched "$name"
}
race "out of a folder that is swapped" b cp "$C:/w/a/file" -
race "the folder itself" b cp "$C:/w/a/" -
race "a tree with files that are swapped for devices" b cp "$C:/w/k" -
race "into a folder that is swapped" b cp src/d "$C:/w/a"
race "a file into it" b cp src/d/file "$C:/w/a/file"
race "over a file that is swapped" b cp src/d "$C:/w/k"
race "a stream into it" curl -s --max-time 20 --unix-socket "$SOCK" -X PUT --data-binary @src.tar "http://x/containers/$C/archive?path=/w/a"
same "no copy is under way" "[]" "$(api GET /debug/ops)"
check "the engine is well" alive
in_host $D rm -f "$C" >/dev/null

# ---- what a container has of programs and libraries is of no use to it
C=$(in_host $D run -d hostile:probe sh -c 'mkdir -p /lib /etc; for f in /lib/libnss_files.so.2 /lib64/ld-linux-x86-64.so.2 /etc/nsswitch.conf; do mkdir -p "${f%/*}"; echo "touch /ran" >$f; chmod +x $f; done; for f in /bin/tar /bin/docker-untar /usr/bin/tar; do mkdir -p "${f%/*}"; rm -f $f; printf "#!/bin/sh\ntouch /ran\n" >$f; chmod +x $f; done; exec sleep 1000' 8>&-)
until b exec "$C" test -e /usr/bin/tar; do sleep 0.1; done
b cp src/d "$C:/tmp/"; b cp "$C:/tmp/d" - >/dev/null
like "nothing of the container is run" "No such file|Could not find" "$(b exec "$C" ls /ran 2>&1)"

# ---- archives: what their entries point at is of the container, or refused
python3 - "$HOST" <<'PY'
import io, sys, tarfile
def archive(name, *entries):
    t = tarfile.open(f"{sys.argv[1]}/evil-{name}.tar", "w", format=tarfile.PAX_FORMAT)
    for e in entries:
        i = tarfile.TarInfo(e[0]); i.type = e[1]; i.mode = 0o644
        data = b""
        if e[1] == tarfile.REGTYPE:
            data = b"evil"; i.size = 4
        else:
            i.linkname = e[2] if len(e) > 2 else ""
        if len(e) > 3: i.pax_headers = e[3]
        t.addfile(i, io.BytesIO(data))
    t.close()
R, S, L, D = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
out = "/tmp/berth-outside"; up = "../" * 12 + "tmp/berth-outside"
archive("dotdot", (up + "/x", R))
archive("inner-dotdot", ("a/../../../../../../../../" + out + "/x", R))
archive("absolute", (out + "/x", R))
archive("link-then-write", ("l", S, out), ("l/x", R))
archive("link-up-then-write", ("l", S, up), ("l/file", R))
archive("magic-then-write", ("l", S, "/proc/self/root" + out), ("l/x", R))
archive("hard-link", ("h", L, out + "/file"), ("h", R))
archive("hard-link-up", ("h", L, up + "/file"))
archive("link-hard", ("s", S, out + "/file"), ("h", L, "s"), ("h", R))
archive("chmod", ("l", S, out + "/file"), ("l", D))
archive("long", ("n" * 300, R))
archive("deep", ("d/" * 2100 + "f", R))
archive("owner", ("o", R, "", {"uid": "4294967296"}))
archive("size", ("z", R, "", {"size": "99999999999999"}))
PY
C=$(in_host $D run -d hostile:probe sh -c 'mkdir /in; exec sleep 1000' 8>&-)
until b exec "$C" test -d /in; do sleep 0.1; done
for f in evil-*.tar; do
    out=$(curl -s --max-time 20 --unix-socket "$SOCK" -X PUT --data-binary "@$f" -w '%{http_code}' "http://x/containers/$C/archive?path=/in")
    untouched "$f"
    case $out in
    200) ok "$f: stays inside" ;;
    *'"message"'*400) same "$f: refused, and nothing is left" "" "$(b exec "$C" find /in -mindepth 1 -not -name l -not -name s -not -name h)" ;;
    *) not_ok "$f: refused with a sentence" "$out" ;;
    esac
    b exec "$C" sh -c 'rm -rf /in/* /in/.b*'
    rm -rf back; mkdir back
    curl -s --max-time 20 --unix-socket "$SOCK" -X PUT --data-binary "@$f" "http://x/containers/$C/archive?path=/in" >/dev/null
    b cp "$C:/in" back >/dev/null 2>&1
    untouched "$f, out again"
done
# What a hostile container sends out is put in place here without following a link.
b exec "$C" sh -c "mkdir -p /out/sub; ln -s $CANARY /out/l; echo x >/out/sub/f"
mkdir victim; ln -s "$CANARY" victim/sub
fails_to() { local out; out=$(b cp "$C:/out/sub" victim 2>&1) && echo copied; printf '%s' "$out"; }
like "a folder over a link is refused" "cannot overwrite non-directory" "$(fails_to)"
untouched "a link in the place of a folder"
head -c 100000000 /dev/zero >zeros; tar -cf - zeros | xz -1 >bomb.xz
like "a bomb is refused" "grows more than 1000-fold" "$(curl -s --max-time 60 --unix-socket "$SOCK" -X PUT --data-binary @bomb.xz "http://x/containers/$C/archive?path=/in")"
check "the engine is well" alive
finish
