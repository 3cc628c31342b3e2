#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hostile contexts, Dockerfiles and images: nothing of the host is read or written by COPY, ADD and WORKDIR, whatever links and
# archives say; bombs; ways past the policy.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
trap host_down EXIT
host_up && chmod 711 "$HOST" && P=$HOST/policy.json
images_make
cat >"$P" <<'X'
{"rules":[{"name":"base","except":["root"],"deny":{"images":["secret*"]}},{"name":"safe","except":["root"],"deny":{"severity":"high"}}]}
X
chmod 644 "$P"
engine_start --group 4242 --policy "$P" || { not_ok "engine starts"; finish; exit 1; }
d load -q -i "$IMAGES/busybox.tar" >/dev/null; d tag "$(d images -q | head -1)" busybox
export DOCKER_BUILDKIT=0
T=$HOST/t; mkdir -p "$T"; cd "$T" || exit 1
mkdir "$HOST/host" && echo hostfile >"$HOST/host/key" && chmod 700 "$HOST/host"
TAR='Content-Type: application/x-tar'
post() { api POST "/build?${2:-}" '' -H "$TAR" --data-binary "@$1"; }
says() { like "$1" "$2" "$BODY"; }
inside() { d run --rm --entrypoint sh "$1" -c "$2" 2>&1; }
untouched() { same "$1: nothing outside was touched" "key hostfile" "$(ls "$HOST/host") $(cat "$HOST/host/key")"; }

# make NAME: a tar of (name, kind, content or target) that stdin lists
make() { python3 - "$1" "$2" <<'PY'
import io, sys, tarfile, json
with tarfile.open(sys.argv[1], "w") as t:
    for name, kind, value in json.loads(sys.argv[2]):
        i = tarfile.TarInfo(name)
        if kind == "file":
            data = value.encode(); i.size = len(data); t.addfile(i, io.BytesIO(data)); continue
        i.type = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "dir": tarfile.DIRTYPE, "char": tarfile.CHRTYPE, "fifo": tarfile.FIFOTYPE}[kind]
        i.linkname = value or ""; i.mode = 0o755
        if kind == "char": i.devmajor, i.devminor = 1, 3
        t.addfile(i)
PY
}
DF='["Dockerfile","file","FROM busybox\nCOPY a /got\nCOPY d/key* /got2/\nRUN cat /got /got2/* 2>&1; true\n"]'

make c1.tar "[[\"a\",\"link\",\"$HOST/host/key\"],[\"d\",\"link\",\"$HOST/host\"],$DF]"; post c1.tar
says "links of the context to the host lead nowhere" 'COPY failed: file not found in build context'
make c2.tar "[[\"a\",\"link\",\"../../../../../..$HOST/host/key\"],[\"d\",\"dir\",\"\"],$DF]"; post c2.tar
says "… however many .. they have" 'COPY failed: file not found in build context'
make c3.tar "[[\"../../esc\",\"file\",\"x\"],$DF]"; post c3.tar
says "entries with .. are refused" '"message":"Error processing tar file: .*\.\.'
make c4.tar "[[\"l\",\"link\",\"$HOST/host\"],[\"l/key\",\"file\",\"overwritten\"],$DF]"; post c4.tar
untouched "a file through a link"
make c5.tar "[[\"l\",\"link\",\"$HOST/host/key\"],[\"h\",\"hard\",\"l\"],[\"l2\",\"hard\",\"../../host/key\"],$DF]"; post c5.tar
untouched "hard links"
make c6.tar "[[\"a\",\"char\",\"\"],[\"d\",\"dir\",\"\"],[\"d/key\",\"fifo\",\"\"],[\"Dockerfile\",\"file\",\"FROM busybox\nCOPY a d/key /got/\nRUN ls -l /got\n\"]]"; post c6.tar
says "devices and pipes are copied, not read" 'c.* 1, *3'
for name in Dockerfile .dockerignore; do
    make c7.tar "[[\"$name\",\"link\",\"$HOST/host/key\"]$([ $name = Dockerfile ] || echo ",$DF")]"; post c7.tar
    check "$name that is a link shows nothing of the host" eval '[[ $BODY != *hostfile* ]]'
    make c7.tar "[[\"$name\",\"fifo\",\"\"]$([ $name = Dockerfile ] || echo ",$DF")]"; post c7.tar
    says "$name that is a pipe is not waited for" 'is no file'
done

# ---- the image's links, and archives
cat >df <<X
FROM busybox
RUN ln -s $HOST/host /out && ln -s $HOST/host/key /outkey && ln -s /proc/1/root /proc1 && mkdir -p /a && ln -s ../../../../../../../.. /a/up && ln -s loop2 /loop1 && ln -s loop1 /loop2
X
d build -q -t links - <df >/dev/null
mkdir ctx; echo data >ctx/f; echo data >ctx/key
for dest in /out/key /outkey /proc1/tmp/x /a/up/x /out/; do
    printf 'FROM links\nCOPY f %s\n' "$dest" >ctx/Dockerfile; d build -q ctx >/dev/null 2>&1
done
printf 'FROM links\nWORKDIR /out/made/deep\nWORKDIR /a/up/made\n' >ctx/Dockerfile; d build -q ctx >/dev/null 2>&1
untouched "links of the image"
check "… nor beside it" eval '[ ! -e /x ] && [ ! -e /made ]'
printf 'FROM links\nCOPY f /loop1/x\n' >ctx/Dockerfile
like "a circle of links" 'COPY failed: .*([Tt]oo many|not a directory)' "$(d build ctx 2>&1)"
printf 'FROM links\nFROM busybox\nCOPY --from=0 /out/key /outkey /a/up/etc/passwd /got/\n' >ctx/Dockerfile
like "links of another stage" 'COPY failed: stat (out/key|outkey): file does not exist' "$(d build ctx 2>&1)"
make ctx/bad.tar "[[\"../../../esc\",\"file\",\"x\"]]"
printf 'FROM busybox\nADD bad.tar /x/\n' >ctx/Dockerfile
like "ADD of an archive that climbs" 'ADD failed: .*\.\.' "$(d build ctx 2>&1)"
make ctx/bad.tar "[[\"l\",\"link\",\"$HOST/host\"],[\"l/key\",\"file\",\"overwritten\"],[\"out/key\",\"file\",\"overwritten\"]]"
printf 'FROM links\nADD bad.tar /\n' >ctx/Dockerfile; d build ctx >/dev/null 2>&1
untouched "archives that go through links"
printf 'FROM links\nCOPY --chown=root:../x f /y\n' >ctx/Dockerfile
like "a group that is a path" 'unable to (find|convert)' "$(d build ctx 2>&1)"

# ---- bombs
rm -f ctx/bad.tar; printf 'FROM busybox\n' >ctx/Dockerfile
python3 - bomb.tar.gz <<'PY'
import gzip, sys, tarfile, io
class Zeros(io.RawIOBase):
    def __init__(self, n): self.n = n
    def readable(self): return True
    def readinto(self, b):
        k = min(len(b), self.n); b[:k] = bytes(k); self.n -= k; return k
with gzip.open(sys.argv[1], "wb", 9) as z, tarfile.open(fileobj=z, mode="w|") as t:
    i = tarfile.TarInfo("zeros"); i.size = 600 << 20; t.addfile(i, Zeros(i.size))
PY
post bomb.tar.gz; says "a context that grows 1,000-fold" 'grows more than 1000-fold|Cannot locate specified Dockerfile'
python3 -c 'print("FROM busybox\nENV A=" + "x" * 60000); [print("ENV A=$A$A") for _ in range(40)]' >ctx/Dockerfile
like "variables that double" 'larger than|more than|too (large|long)|bytes' "$(d build ctx 2>&1 | tail -1)"
python3 -c 'print("FROM busybox\n" + "LABEL a=b\n" * 20000)' >ctx/Dockerfile
like "20,000 instructions" 'instructions' "$(d build ctx 2>&1 | tail -1)"
python3 -c 'print("FROM busybox\nCOPY " + "*" * 5000 + "/" + "*/" * 500 + "x /y/")' >ctx/Dockerfile
like "a glob of 500 folders" 'COPY failed: no source files' "$(timeout 10 /usr/bin/docker -H "unix://$SOCK" build ctx 2>&1 | tail -1)"

# ---- policy
u() { in_host setpriv --reuid 1000 --regid 100 --groups 4242 env DOCKER_BUILDKIT=0 "$QA_CLIENT" --config /tmp/none "$@" 2>&1; }
d tag links secret:1; chmod -R a+rX ctx "$T"
df() { cat >ctx/Dockerfile; chmod 644 ctx/Dockerfile; }
df <<<'FROM busybox
RUN true'
like "who is under the policy may build" 'Successfully built' "$(u build --no-cache ctx)"
df <<<'FROM secret:1'
like "but not from an image that is denied" "policy's rule .*secret" "$(u build ctx)"
df <<<'FROM busybox
COPY --from=secret:1 /etc/passwd /x'
like "nor copy from it" "policy's rule .*secret" "$(u build ctx)"
df <<<'FROM busybox
RUN --mount=from=secret:1,target=/x cat /x/etc/passwd'
like "nor mount it" "policy's rule .*secret" "$(u build ctx)"
df <<<'FROM secret:1 AS a
FROM a
RUN true'
like "nor by way of a stage" "policy's rule .*secret" "$(u build ctx)"
df <<<'FROM busybox
RUN true'
like "nor run in the host's network" "policy's rule .*host-network" "$(u build --no-cache --network host ctx)"
df <<<'FROM busybox
RUN --network=host true'
like "by either way" "policy's rule .*host-network" "$(u build --no-cache ctx)"
containers_clear
settled
same "nothing is left" "" "$(ls "$HOST/data/tmp")"
engine_sound
finish
