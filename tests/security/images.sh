#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hostile images and archives: what they point at outside stays as it was, what they ask for is
# refused with a sentence or harmless. Each group names the CVEs that it stands for.
. "$(dirname "$0")/kit.sh"
expect_500 'images/create .*registry-1.docker.io: no such host|error mounting in the container |of the image: too many levels of symbolic links' 'hostile images, and no registry'
security_up probe
refused='(Error|error|invalid|refused|cannot|not|outside|is )'

# Symlinks where the engine mounts (CVE-2019-16884, -2023-28642, -2025-31133, -2025-52565, -2026-41579)
links() {
    local i out
    for i in link-{dev,proc,sys,etc,tmp,run,dev-tmp,proc-tmp,etc-hosts,etc-hostname,etc-resolv.conf,etc-mtab,null}; do
        load "$HOST/hostile/$i.tar" >/dev/null
        out=$(run "hostile:$i" /bin/sh -c 'grep -E " /(dev|proc|sys) " /proc/self/mountinfo | sed "s/.* - //" | cut -d" " -f1 | sort -u | tr "\n" " "; ls -ld /dev/null | cut -c1; echo done')
        if printf '%s' "$out" | grep -q done; then
            same "$i: /dev, /proc and /sys are the engine's" "proc sysfs tmpfs c done" "$(printf '%s ' $out | sed 's/ $//')"
        else
            like "$i: refused with a sentence" "$refused" "$out"
        fi
        in_host timeout 20 $D run --rm --tmpfs /run --read-only -v "$HOST/vol:/mnt" "hostile:$i" true >/dev/null 2>&1
        untouched "$i"
    done
}

# Volumes and mounts at hostile targets (CVE-2021-30465, -2023-27561, -2019-19921, -2024-45310)
targets() {
    local i out t
    for i in link-target link-volume volume-proc volume-below-proc volume-sys volume-root volume-up; do
        load "$HOST/hostile/$i.tar" >/dev/null
        out=$(run "hostile:$i" /bin/sh -c 'stat -f -c %T /proc; ls /tmp/berth-outside 2>&1 | grep -c canary; echo done')
        untouched "$i as it is"
        case $i in volume-proc) like "$i: refused" "inside /proc|not of type proc|$refused" "$out" ;; volume-root) like "$i: ignored or refused" "^proc$|$refused" "$out" ;; esac
    done
    mkdir -p "$HOST/vol"
    for t in /mnt /mnt/x/y /data /data/self/attr /up/etc /loop /proc /proc/self/attr/current /proc/sys \
        /sys/kernel /dev/null /dev/pts/0 / /../../tmp/berth-outside /etc/../../../tmp/berth-outside; do
        out=$(run -v "$HOST/vol:$t" hostile:link-target /bin/sh -c 'ls /; grep -c " /proc proc\| - proc proc" /proc/self/mountinfo')
        untouched "bind at $t"
        out=$(run --mount "type=volume,source=v1,target=$t" hostile:link-target true)
        out=$(run --tmpfs "$t" hostile:link-target true)
        untouched "volume and tmpfs at $t"
    done
    like "a bind over /proc is refused" "$refused" "$(run -v "$HOST/vol:/proc" hostile:probe true)"
    like "a bind through a link into /proc is refused" "inside /proc|$refused" "$(run -v "$HOST/vol:/data" hostile:link-target true)"
}

# The engine's binaries (CVE-2016-9962, -2019-5736)
binaries() {
    local id out t sum
    sum=$(cat "$BERTH_BIN/berth-keeper" "$BERTH_BIN/berthd" | sha256sum)
    load "$HOST/hostile/self-exe.tar" >/dev/null
    out=$(run hostile:self-exe)
    like "an entrypoint #!/proc/self/exe does not run the engine's" "$refused" "$out"
    for t in /evil2 /evil3; do run --entrypoint $t hostile:self-exe >/dev/null; done
    id=$(in_host $D run -d hostile:probe sleep 100 8>&-)
    for t in 'cat /proc/1/exe | head -c 4 | od -c | head -1' 'readlink /proc/self/exe' 'readlink /proc/1/exe'; do
        out="$(in_host $D exec "$id" sh -c "$t" 2>&1)"
        like "exec: $t shows the image's own" "/bin/|E   L   F|177" "$out"
    done
    # Whoever is already inside looks at every process that is entering.
    in_host $D exec -d "$id" sh -c 'while :; do for p in /proc/[0-9]*; do
        case $(readlink $p/exe) in /bin/* | "") ;; *) readlink $p/exe >>/tmp/seen; (echo x >$p/exe) 2>/dev/null && echo WRITTEN >>/tmp/seen ;; esac
        for f in $p/fd/*; do case $(readlink $f 2>/dev/null) in /|/host*|/tmp/berth*|/work*|*memfd*|*cgroup*) echo "$p $f" >>/tmp/seen ;; esac; done
        ls $p/root/tmp/berth-outside >>/tmp/seen 2>/dev/null
        done; done'
    for t in $(seq 40); do in_host $D exec "$id" /evil2 >/dev/null 2>&1; in_host $D exec "$id" true; done
    same "nothing of a helper of exec can be seen from inside" "" "$(in_host $D exec "$id" cat /tmp/seen 2>/dev/null)"
    in_host $D exec "$id" sh -c 'cp /bin/busybox /tmp/b; for i in $(seq 200); do for p in /proc/[0-9]*; do (echo x >$p/exe) 2>/dev/null; done; done'
    out=$(in_host $D exec "$id" sh -c 'for p in /proc/[0-9]*/exe; do readlink $p; done | grep -v "^/bin/"')
    same "the only programs inside are the image's" "" "$out"
    in_host $D rm -f "$id" >/dev/null
    same "the binaries are what they were" "$sum" "$(cat "$BERTH_BIN/berth-keeper" "$BERTH_BIN/berthd" | sha256sum)"
    id=$(keeper_pid)
    like "the keeper runs from a memfd or a read-only copy" "memfd:|/berth-keeper" "$(readlink "/proc/$id/exe")"
    if readlink "/proc/$id/exe" | grep -q memfd; then
        same "its memfd is sealed against writing" 1 "$(python3 - "$id" <<'PY'
import fcntl, os, sys
try:
    fd = os.open("/proc/%s/exe" % sys.argv[1], os.O_RDONLY)
    print(1 if fcntl.fcntl(fd, 1034) & 8 else 0)
except OSError as e:
    print(e)
PY
)"
    fi
}

# Working directories (CVE-2024-21626)
workdirs() {
    local n id out bad=
    for n in $(seq 0 40); do
        out=$(run -w "/proc/self/fd/$n" hostile:probe sh -c 'cat /../../../../etc/passwd 2>/dev/null | wc -l; cat file ../../../../etc/berth-never 2>/dev/null; pwd -P')
        printf '%s' "$out" | grep -q unreachable && bad="$bad $n"
        printf '%s' "$out" | grep -q canary && bad="$bad $n!"
    done
    same "-w /proc/self/fd/0..40 never leaves the container" "" "$bad"
    id=$(in_host $D run -d hostile:probe sleep 100 8>&-)
    for n in $(seq 3 40); do
        out=$(in_host $D exec -w "/proc/self/fd/$n" "$id" sh -c 'pwd -P; ls -id ../../../../..' 2>&1)
        printf '%s' "$out" | grep -qiE "(Error|failed|no such|not)" || bad="$bad $n"
    done
    same "exec -w /proc/self/fd/3..40 is refused" "" "$bad"
    in_host $D rm -f "$id" >/dev/null
    for n in workdir-fd workdir-link workdir-up; do
        load "$HOST/hostile/$n.tar" >/dev/null
        out=$(run "hostile:$n" sh -c 'pwd; ls -A . | head -3; cat file')
        same "$n: the canary is not read" "" "$(printf '%s\n' "$out" | grep -x canary)"
        untouched "$n"
    done
}

# Users (CVE-2022-36109, -2024-40635, -2026-46680, -2026-30892)
users() {
    local u id out
    load "$HOST/hostile/users.tar" >/dev/null
    id=$(in_host $D run -d hostile:users sleep 100 8>&-)
    for u in 4294967296 4294967295 -1 99999999999999999999 18446744073709551616 0x0 +0 +5 "0 " " 0" big neg empty \
        1:4294967296 1:-1 4294967296:1 1:big "1:2:3" nosuch 1:nosuch; do
        out=$(run -u "$u" hostile:users id -u)
        like "run -u '$u' is refused" "^(docker: )?Error|unable|invalid|out of range|no matching|cannot" "$out"
        out=$(in_host $D exec -u "$u" "$id" id -u 2>&1)
        like "exec -u '$u' is refused" "^Error|unable|invalid|out of range|no matching|cannot" "$out"
    done
    same "digits are an id whatever passwd says" 1234 "$(run -u 1234 hostile:users sh -c 'grep Uid: /proc/self/status' | awk '{print $2}')"
    same "an empty group is none, an empty user is root's" "1 0" "$(run -u 1: hostile:users sh -c 'grep Uid: /proc/self/status' | awk '{print $2}') $(run -u :1 hostile:users sh -c 'grep Uid: /proc/self/status' | awk '{print $2}')"
    same "the largest id" 2147483647 "$(run -u 2147483647 hostile:users sh -c 'grep Uid: /proc/self/status' | awk '{print $2}')"
    same "the primary group is among the groups (-u 5:6)" "6" "$(run -u 5:6 hostile:users sh -c 'grep Groups: /proc/self/status' | awk '{print $2}')"
    same "a user of groups has them all" "0 10 78" "$(run -u many hostile:users sh -c 'grep Groups: /proc/self/status' | awk '{$1="";print}' | xargs -n1 | sort -n | xargs)"
    same "exec has them too" "0 10 78" "$(in_host $D exec -u many "$id" sh -c 'grep Groups: /proc/self/status' | awk '{$1="";print}' | xargs -n1 | sort -n | xargs)"
    in_host $D rm -f "$id" >/dev/null
    load "$HOST/hostile/user-link.tar" >/dev/null; load "$HOST/hostile/user-fifo.tar" >/dev/null
    like "a passwd that is a link into /proc" "no matching|unable|Error" "$(run -u app hostile:user-link id -u)"
    like "a passwd that is a fifo does not hang" "no matching|unable|Error" "$(run -u app hostile:user-fifo id -u)"
    check "the engine answers" alive
}

wrong_blobs() { # ARCHIVE: those whose digest is not their name, or none at all
    python3 - "$1" <<'PY'
import hashlib, sys, tarfile
try:
    t = tarfile.open(sys.argv[1])
    blobs = [m for m in t if m.name.startswith("blobs/sha256/") and m.isfile()]
    print(*[m.name for m in blobs if hashlib.sha256(t.extractfile(m).read()).hexdigest() != m.name[13:]] or ([] if len(blobs) > 2 else ["none"]))
except Exception as e:
    print(e)
PY
}

# Archives (CVE-2014-6407, -9356, -9357, -9358, -2019-14271, -2021-41089)
archives() {
    local i out
    for i in "$HOST"/hostile/{tar,json}-*.tar "$HOST/hostile/lib-evil.tar"; do
        i=$(basename "$i" .tar)
        out=$(load "$HOST/hostile/$i.tar")
        untouched "load $i"
        case $i in
        json-*) like "$i: refused" '"error"|message' "$out" ;;
        tar-device | tar-trusted | tar-mode-dir | lib-evil) ;;
        esac
        out=$(run "hostile:$i" sh -c 'cat /tmp/berth-outside/file /d/file /f /h 2>/dev/null')
        same "$i: the canary is not read" "" "$(printf '%s\n' "$out" | grep -x canary)"
        untouched "run $i"
        in_host $D image inspect "hostile:$i" >/dev/null 2>&1 || continue
        same "$i: its layers are given back as they came" "" "$(in_host $D save "hostile:$i" 2>&1 >"$HOST/saved.tar"; wrong_blobs "$HOST/saved.tar")"
        untouched "save $i"
    done
    like "a device of an image cannot be opened" "Operation not permitted|No such file" "$(run hostile:tar-device cat /sda)"
    same "an overlay attribute of an image does nothing" "" "$(run hostile:tar-trusted sh -c 'cat /x/passwd' 2>/dev/null | grep root)"
    printf 'not a tar' >"$HOST/junk"; like "junk is refused" "message|error" "$(load "$HOST/junk")"
    python3 - "$HOST/bomb.tar.gz" <<'PY'
import gzip, sys, tarfile
info = tarfile.TarInfo("manifest.json"); info.size = 1 << 30
with open(sys.argv[1], "wb") as f:
    f.write(gzip.compress(info.tobuf()))
    f.write(gzip.compress(bytes(1 << 24), 1) * 64) # the same part of a gzip file again and again
PY
    like "a manifest of 1 GiB is refused" "message|error" "$(load "$HOST/bomb.tar.gz")"
    check "the engine answers" alive
}

case ${1:-all} in
all) links; targets; binaries; workdirs; users; archives ;;
*) "$@" ;;
esac
finish
