#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker build: what each instruction does to tree, configuration and history; stages; the cache; sentences of errors; paths that
# lead out of context or image.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
export DOCKER_BUILDKIT=0
T=$HOST/t; mkdir "$T"; cd "$T" || exit 1
# build TAG [FLAGS…] <Dockerfile: OUT is what is said
build() {
    local tag=$1 text; shift
    text=$(cat)
    printf '%s\n' "$text" >"$T/Dockerfile"
    OUT=$(d build -t "$tag" "$@" -f "$T/Dockerfile" "$T/ctx" 2>&1)
}
inside() { d run --rm --entrypoint sh "$1" -c "$2" 2>&1; }
config() { d image inspect "$1" | jq -cS ".[0].Config | $2"; }
by() { d history --no-trunc --format '{{.CreatedBy}}' "$1" | head -"${2:-1}"; }
# says NAME REGEX: the last build failed with it
says() { like "$1" "$2" "$OUT"; }

mkdir -p ctx/dir/sub ctx/dir/empty; cd ctx
echo one >one; echo two >two; echo deep >dir/sub/deep; echo top >dir/top; ln -s top dir/link; ln dir/top dir/hard
echo s >suid; chmod 4755 suid; chmod 750 dir/sub; chmod 640 one; touch -d '2001-02-03 04:05:06' one
mkdir pack; echo packed >pack/in; chown 5:6 pack/in; tar -C pack -czf pack.tgz in; tar -C pack -cf pack.tar in; echo "no tar" | gzip >plain.gz; rm -r pack
cd ..

# ---- FROM
build from:1 <<<'FROM busybox'
same "FROM alone is its base" "$(d image inspect -f '{{.Id}}' busybox)" "$(d image inspect -f '{{.Id}}' from:1)"
build from:2 <<'X'
ARG BASE=nosuch
FROM ${BASE:-x} AS Two
LABEL a=b
X
says "a base that nobody has" 'pull access denied|not found|failed|lookup|refused|registry'
build from:2 --build-arg BASE=busybox <"$T/Dockerfile"
same "ARG before FROM, and --build-arg" '{"a":"b"}' "$(config from:2 .Labels)"
build from:3 <<<"FROM 127.0.0.1:5000/busybox@$(d image inspect -f '{{index .RepoDigests 0}}' busybox | sed 's/.*@//')
ENV by=digest"
like "FROM a digest" "by=digest" "$(config from:3 .Env)"
build from:4 <<<'FROM scratch
COPY one /only
CMD ["/only"]'
same "FROM scratch: the only file" "/only" "$(d create --name scr from:4 >/dev/null; d export scr | tar -t | grep -v '/$' | grep only | sed 's|^|/|'; d rm scr >/dev/null)"
same "one layer" 1 "$(d image inspect -f '{{len .RootFS.Layers}}' from:4)"
build from:5 <<<'FROM scratch
RUN true'
says "nothing to run in" 'there is nothing to run in'
build from:6 --platform linux/riscv64 <<<'FROM 127.0.0.1:5000/busybox'
says "a platform that the base has not" 'riscv64|platform|no matching manifest'

# ---- RUN
build run:1 <<'X'
FROM busybox
ARG WHO=you
ENV HOW=loud
RUN echo "$WHO $HOW" >/run1 && echo said
RUN ["sh", "-c", "echo $0 exec >/run2", "argv"]
SHELL ["/bin/sh", "-ec"]
RUN false; echo never
X
says "a command that fails" "The command '/bin/sh -ec false; echo never' returned a non-zero code: 1"
says "its output is in the stream" '^said$'
build run:1 <<'X'
FROM busybox
ARG WHO=you
ENV HOW=loud
RUN echo "$WHO $HOW" >/run1; id -u >/id
RUN ["sh", "-c", "echo $0 exec >/run2", "argv"]
USER 5:6
WORKDIR /tmp/w
RUN pwd >/tmp/pwd; id -u; id -u >/tmp/id
RUN <<EOF
echo first >/tmp/here
echo second >>/tmp/here
EOF
X
same "shell, exec form, user, folder, heredoc" "you loud|argv exec|/tmp/w|5|first second" "$(inside run:1 'echo "$(cat /run1)|$(cat /run2)|$(cat /tmp/pwd)|$(cat /tmp/id)|$(xargs </tmp/here)"')"
like "the history" '^\|1 WHO=you /bin/sh -c echo "\$WHO \$HOW" >/run1; id -u >/id$' "$(by run:1 10)"
build run:0 <<'X'
FROM busybox
RUN <<EOF
#!/bin/busybox ash
echo "$0 $((6 * 7))" >/script
EOF
USER 5
WORKDIR /tmp
RUN <<EOF
#!/bin/sh -e
false
echo never
EOF
X
says "a script of its own fails as it says" "The command '/.berth-heredoc' returned a non-zero code: 1"
build run:0 <<'X'
FROM busybox
RUN <<EOF
#!/bin/busybox ash
echo "$0 $((6 * 7))" >/script
EOF
X
same "a script of its own, which is gone afterwards" "/.berth-heredoc 42" "$(inside run:0 'cat /script; ls -A / | grep berth')"
build run:2 <<<'FROM busybox
RUN true
RUN --network=none ! ip addr show eth0'
same "what changes nothing is no layer" "$(d image inspect -f '{{len .RootFS.Layers}}' busybox)" "$(d image inspect -f '{{len .RootFS.Layers}}' run:2)"
build run:3 --network none <<<'FROM busybox
RUN ls /sys/class/net >/nets'
same "--network none" lo "$(inside run:3 'cat /nets')"
build run:4 --memory 64m --shm-size 3m --ulimit nofile=77:88 --add-host there:1.2.3.4 <<<'FROM busybox
RUN ulimit -n >/l; df -k /dev/shm | tail -1 >>/l; grep there /etc/hosts >>/l; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null >>/l; true'
same "limits" "77 3072 1.2.3.4 67108864" "$(inside run:4 'cat /l' | awk 'NR==1{print $1} NR==2{print $2} NR==3{print $1} NR==4{print $1}' | xargs)"
build run:5 <<<'FROM busybox
RUN --device=vendor.com/class=x true'
says "RUN --device is refused" 'RUN --device is not supported'
build run:6 <<<'FROM busybox
RUN nosuchprogram'
says "a program that is not there" 'returned a non-zero code: 127'
build run:7 <<<'FROM busybox
RUN ["/nosuch"]'
says "the same in exec form" '/nosuch'
build run:8 <<'X'
FROM busybox
VOLUME /v
RUN echo lost >/v/lost; echo kept >/kept
X
same "a volume is not part of the image" "kept" "$(inside run:8 'ls /v; cat /kept')"
same "and none is left" "" "$(d volume ls -q)"

# ---- COPY
build copy:1 <<'X'
FROM busybox
COPY one /a/b/file
COPY one two /into/
COPY dir /dir
COPY d*/to? o?e /glob/
COPY dir/link /linked
WORKDIR /rel
COPY one .
COPY two sub/two
COPY --chown=7:8 --chmod=0600 dir/top /owned
COPY --chown=nobody dir /owneddir
COPY --chown=9 one /nine
COPY suid /suid
COPY <<EOF <<-"RAW" /docs/
hello $HOME ${NO:-none}
EOF
	raw $HOME
RAW
X
same "files, folders, globs, links" "one|one two|deep top|one top|top|one two" \
    "$(inside copy:1 'echo "$(cat /a/b/file)|$(cat /into/one /into/two | xargs)|$(cat /dir/sub/deep /dir/top | xargs)|$(cd /glob; ls | xargs)|$(cat /linked)|$(cat /rel/one /rel/sub/two | xargs)"')"
same "modes, links, times" "640 2001-02-03|750|top|2" "$(inside copy:1 'echo "$(stat -c %a /a/b/file) $(stat -c %y /a/b/file | cut -c1-10)|$(stat -c %a /dir/sub)|$(readlink /dir/link)|$(stat -c %h /dir/hard)"')"
same "owners and modes" "0:0 7:8 600 65534:65534 9:9 4755" "$(inside copy:1 'echo $(stat -c %u:%g /a/b/file) $(stat -c %u:%g /owned) $(stat -c %a /owned) $(stat -c %u:%g /owneddir/sub/deep) $(stat -c %u:%g /nine) $(stat -c %a /suid)')"
same "heredocs" 'hello  none|raw $HOME' "$(inside copy:1 'echo "$(cat /docs/EOF)|$(cat /docs/RAW)"')"
like "the history" '^/bin/sh -c #\(nop\) COPY dir:[0-9a-f]{64} in /dir $' "$(by copy:1 20)"
like "with --chown" '^/bin/sh -c #\(nop\) COPY --chown=7:8 file:[0-9a-f]{64} in /owned $' "$(by copy:1 20)"
refused() { build copy:x <<<"FROM busybox
$2"; says "$1" "$3"; }
refused "a source that is not there" 'COPY nosuch /' 'COPY failed: file not found in build context or excluded by .dockerignore: stat nosuch: file does not exist'
refused "a glob that matches nothing" 'COPY nosuch* /' 'COPY failed: no source files were specified'
refused "two sources, and no folder" 'COPY one two /x' 'When using COPY with more than one source file, the destination must be a directory and end with a /'
refused "a path out of the context" 'COPY ../../etc/passwd /x' 'COPY failed: forbidden path outside the build context: ../../etc/passwd'
refused "a user who is not there" 'COPY --chown=nosuch one /' 'unable to find user nosuch'
refused "a mode that is none" 'COPY --chmod=u+x one /' 'invalid chmod parameter'
refused "what is below a file" 'COPY one /etc/passwd/x/y' 'not a directory'
build copy:4 <<'X'
FROM busybox
COPY --parents dir/top dir/sub one /p/
COPY --parents dir/./sub/deep ./dir/./s*/d* /q/
X
same "--parents" "/p/dir/sub/deep /p/dir/top /p/one /q/sub/deep" "$(inside copy:4 'find /p /q -type f | sort | xargs')"
build copy:3 <<'X'
FROM busybox
COPY --exclude=**/deep --exclude=hard dir /d
COPY --exclude=t* --link one two /e/
X
same "--exclude" "/d/empty /d/link /d/sub /d/top /e/one" "$(inside copy:3 'find /d /e -mindepth 1 | sort | xargs')"
says "--link is warned of" 'Warning.*--link has no effect'
refused "a git repository" 'ADD https://x.example/y.git /y' 'ADD of a git repository is not supported'
build copy:2 <<'X'
FROM busybox
RUN mkdir -p /real && ln -s /real /linkdir && ln -s /real/target /linkfile && echo old >/real/target && mkdir /up && ln -s ../../../../../../etc /up/out && ln -s /nosuch /dangling
COPY one /linkdir/x
COPY two /linkfile
COPY one /up/out/x
COPY dir /real
X
same "links of the image lead where the container sees them" "one|two|one|top" "$(inside copy:2 'echo "$(cat /real/x)|$(cat /real/target)|$(cat /etc/x)|$(cat /real/top)"; test -L /linkdir && test -L /linkfile' )"
check "and not out of it" test ! -e /etc/x

# ---- ADD
build add:1 <<'X'
FROM busybox
ADD pack.tgz /tgz
ADD pack.tar one /both/
ADD plain.gz /plain.gz
COPY pack.tar /copied.tar
X
same "tars are unpacked, by their owners; other files are not" "packed 5:6|packed one|1|1" \
    "$(inside add:1 'echo "$(cat /tgz/in) $(stat -c %u:%g /tgz/in)|$(cat /both/in /both/one | xargs)|$(zcat /plain.gz | grep -c "no tar")|$(tar -tf /copied.tar | grep -c in)"')"

# ---- configuration
build conf:1 --label zz=top --label aa=first <<'X'
FROM busybox
MAINTAINER me <me@x>
ARG V=1
ENV A=1 B="two words" C=$V
ENV D d e f
LABEL l=1 "m n"='o p'
EXPOSE 80 53/udp 90-91
VOLUME /v1 /v2
VOLUME ["/v3"]
USER 1:2
WORKDIR /w
WORKDIR rel
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --timeout=2s --retries=4 CMD test -e /x
ENTRYPOINT ["/ep"]
CMD ["a", "b c"]
ONBUILD RUN echo later
X
same "what each sets" '["/ep"]["a","b c"]["53/udp","80/tcp","90/tcp","91/tcp"]["/v1","/v2","/v3"]"1:2""/w/rel""SIGQUIT"{"Interval":5000000000,"Retries":4,"Test":["CMD-SHELL","test -e /x"],"Timeout":2000000000}{"aa":"first","l":"1","m n":"o p","zz":"top"}["RUN echo later"]' \
    "$(for f in .Entrypoint .Cmd '.ExposedPorts|keys' '.Volumes|keys' .User .WorkingDir .StopSignal .Healthcheck .Labels .OnBuild; do config conf:1 "$f" | tr -d '\n'; done)"
like "the environment" '"A=1","B=two words","C=1","D=d e f"' "$(config conf:1 .Env)"
same "the author" "me <me@x>" "$(d image inspect -f '{{.Author}}' conf:1)"
same "the history" '/bin/sh -c #(nop)  LABEL zz=top
/bin/sh -c #(nop)  LABEL aa=first
/bin/sh -c #(nop)  ONBUILD RUN echo later
/bin/sh -c #(nop)  CMD ["a" "b c"]
/bin/sh -c #(nop)  ENTRYPOINT ["/ep"]' "$(by conf:1 5)"
like "of a WORKDIR" '^/bin/sh -c #\(nop\) WORKDIR /w/rel$' "$(by conf:1 20)"
build conf:2 <<<'FROM busybox
CMD echo "shell form"'
same "a shell form" '["/bin/sh","-c","echo \"shell form\""]' "$(config conf:2 .Cmd)"
build conf:3 <<<'FROM conf:2
ENTRYPOINT ["x"]'
same "ENTRYPOINT takes the base's CMD back" null "$(config conf:3 .Cmd)"
build conf:4 <<<'FROM conf:2
CMD ["y"]
ENTRYPOINT ["x"]'
same "and not its own" '["y"]' "$(config conf:4 .Cmd)"
build conf:5 <<<'FROM conf:1
LABEL x=y'
says "the trigger of the base" '# Executing 1 build trigger'
says "is run" '^later$'
same "and is gone" null "$(config conf:5 .OnBuild)"
build conf:6 <<<'FROM busybox
HEALTHCHECK NONE'
same "no health check" '["NONE"]' "$(config conf:6 .Healthcheck.Test)"
build conf:7 <<<'FROM busybox
STOPSIGNAL NOSUCH'
says "a signal that is none" 'Invalid signal: NOSUCH'
d build -q -t conf:8 - <<<'FROM busybox
ENV x=y' >quiet 2>&1
same "quiet: the id alone" "$(d image inspect -f '{{.Id}}' conf:8)" "$(cat quiet)"

# ---- stages
build stage:1 <<'X'
FROM busybox AS unused
RUN false
FROM busybox AS first
RUN echo 1 >/f
FROM busybox AS second
RUN echo 2 >/f
FROM first
COPY --from=second /f /f2
COPY --from=1 f /f1
COPY --from=busybox /bin/busybox /bb
X
same "what is not needed is not run; names, numbers, images" "1 2 1" "$(inside stage:1 'cat /f /f2 /f1; test -s /bb' | xargs)"
build stage:2 --target second <"$T/Dockerfile"
same "--target" 2 "$(inside stage:2 'cat /f')"
cp "$T/Dockerfile" "$T/stages"
build stage:0 <<'X'
FROM busybox
RUN echo first
FROM 0
X
same "FROM 0 is an image of that name, or id, and not the first stage" "" "$(grep 'echo first' <<<"$OUT")"
build stage:3 --target nosuch <"$T/stages"
says "a target that is none" 'target stage "?nosuch"? could not be found|failed to reach build target nosuch'
before=$(date +%s%N)
build stage:4 <<'X'
FROM busybox AS a
RUN echo a-begins; sleep 1; echo a >/o
FROM busybox AS b
RUN echo b-begins; sleep 1; echo b >/o
FROM busybox AS c
RUN echo c-begins; sleep 1; echo c >/o
FROM busybox
COPY --from=a /o /a
COPY --from=b /o /b
COPY --from=c /o /c
X
took=$((($(date +%s%N) - before) / 1000000))
same "stages side by side" "a b c" "$(inside stage:4 'cat /a /b /c' | xargs)"
same "are heard in their order" "a-begins b-begins c-begins" "$(grep -o '^.-begins' <<<"$OUT" | xargs)"
check "and take the time of one ($took ms)" [ $took -lt 2600 ]

# ---- cache
cached() { grep -c 'Using cache' <<<"$OUT"; }
cat >dockerfile.cache <<'X'
FROM busybox
ARG SEEN=1
ARG UNSEEN
COPY one /one
RUN echo $SEEN; cat /proc/sys/kernel/random/uuid >/when
COPY two /two
X
build cache:1 <dockerfile.cache; first=$(d image inspect -f '{{.Id}}' cache:1)
build cache:1 <dockerfile.cache
same "again: all of it, and the same image" "5 $first" "$(cached) $(d image inspect -f '{{.Id}}' cache:1)"
touch -d '2010-01-01' ctx/one
build cache:1 <dockerfile.cache; same "another time of a file counts for nothing" 5 "$(cached)"
echo changed >ctx/two
build cache:1 <dockerfile.cache; same "another content counts from there on" 4 "$(cached)"
chmod 600 ctx/one
build cache:1 <dockerfile.cache; same "another mode, too" 2 "$(cached)"
build cache:1 --build-arg SEEN=2 <dockerfile.cache; same "another build arg, from its first use on" 3 "$(cached)"
build cache:1 --no-cache <dockerfile.cache; same "--no-cache" 0 "$(cached)"
engine_stop; engine_start
build cache:1 <dockerfile.cache; same "after a restart" 5 "$(cached)"
d rmi cache:1 >/dev/null
build cache:1 <dockerfile.cache; same "after rmi" 5 "$(cached)"
id=$(grep -A1 'Using cache' <<<"$OUT" | sed -n 's/^ ---> \([0-9a-f]\{12\}\)$/\1/p' | sed -n 4p)
like "a step can be run by its id" '^[0-9a-f-]{36}$' "$(d run --rm "$id" cat /when)"
d tag "$id" step:1; d rmi cache:1 >/dev/null
same "a step that gets a name is an image" "step:1" "$(d images --format '{{.Repository}}:{{.Tag}}' --filter reference=step)"; d rmi step:1 >/dev/null
same "no step is in the list" "" "$(d images -q | grep "$id")"

# ---- the file
build file:1 <<<'FORM busybox'
says "an instruction that is none" 'dockerfile parse error on line 1: unknown instruction: FORM'
: >"$T/Dockerfile"; OUT=$(d build -f "$T/Dockerfile" "$T/ctx" 2>&1)
says "an empty file" 'cannot be empty'
OUT=$(d build - <<<'FROM busybox
LABEL from=stdin' 2>&1); says "from stdin" 'Successfully built'
mkdir ign; cd ign; echo x >keep; echo x >drop; printf 'drop\nDockerfile\n.dockerignore\n' >.dockerignore
printf 'FROM busybox\nCOPY . /all/\n' >Dockerfile
d build -q -t ign . >/dev/null
same ".dockerignore, and the two files themselves" "keep" "$(inside ign 'ls -A /all')"
printf 'FROM busybox\nCOPY drop /\n' >Dockerfile
OUT=$(d build . 2>&1); says "what is left out is not there" 'excluded by .dockerignore'

settled
same "no container is left but of what failed" "" "$(d ps -aq --filter status=running --filter status=created)"
same "no context is left" "" "$(ls "$HOST/data/tmp")"
finish
