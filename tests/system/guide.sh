#!/bin/bash
# Every command of the guide's sections "Downloading Images" to "Container Network Connection", by
# each docker CLI on this machine and by berth, against one engine; then the guide's precautions.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
trap host_down EXIT
host_up
host_registry || { not_ok "a registry with images"; finish; exit 1; }
engine_start || { not_ok "engine starts"; finish; exit 1; }
ok "engine starts"
R=127.0.0.1:5000

clients() {
    local c
    for c in /usr/bin/docker /usr/local/bin/docker; do
        [ -x $c ] && $c --version >/dev/null 2>&1 && echo $c
    done
    echo "$BERTH"
}

# A person's session at a terminal: commands typed to `run -it`.
interactive() {
    python3 - "$@" <<'PY'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
out, deadline, script = b"", time.time() + 20, [b"echo typed-$((40+2))\r", b"pwd\r", b"exit 3\r"]
while time.time() < deadline:
    ready, _, _ = select.select([fd], [], [], 0.2)
    if ready:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        out += data
    if script and (b"# " in out[-40:] or b"$ " in out[-40:]):
        os.write(fd, script.pop(0))
        time.sleep(0.1)
_, status = os.waitpid(pid, 0)
sys.stdout.write(out.decode(errors="replace"))
print("exit code", os.waitstatus_to_exitcode(status))
PY
}

guide() { # CLIENT
    local d=$1 n out id port
    n=$(basename "$(dirname "$(dirname "$d")")")-$(basename "$d")
    [ "$d" = /usr/bin/docker ] && n=docker-20
    [ "$d" = /usr/local/bin/docker ] && n=docker-new
    [ "$d" = "$BERTH" ] && n=berth

    # Downloading images
    out=$(in_host "$d" pull $R/busybox 2>&1)
    like "$n: pull says where from" "latest: Pulling from busybox|Pulling from busybox" "$out"
    like "$n: pull ends with a status" "Status: (Downloaded newer image|Image is up to date) for $R/busybox:latest" "$out"
    like "$n: pull shows the digest" "Digest: sha256:[0-9a-f]{64}" "$out"
    check "$n: tag" in_host "$d" tag $R/busybox busybox
    out=$(in_host "$d" images)
    like "$n: images lists the short name" "^busybox +latest" "$out"
    like "$n: images lists the registry's name" "^$R/busybox +latest" "$out"
    in_host "$d" pull -q $R/registry >/dev/null 2>&1
    check "$n: tag registry" in_host "$d" tag $R/registry registry

    # Running a simple application
    same "$n: run echo" "Hello world" "$(in_host "$d" run busybox /bin/echo "Hello world" 2>&1)"
    out=$(in_host "$d" ps -l)
    like "$n: ps -l shows it" "busybox +\"/bin/echo 'Hello wo" "$out"
    like "$n: ps -l shows how it ended" "Exited \(0\) (Less than a second|[0-9]+ seconds?|About) ?.*ago" "$out"

    # Interactive
    out=$(in_host bash -c "$(declare -f interactive); interactive $d run -it busybox /bin/bash")
    like "$n: run -it runs what is typed" "typed-42" "$out"
    like "$n: run -it is in /" "^/" "$out"
    like "$n: run -it gives the exit code" "exit code 3" "$out"

    # In the background
    id=$(in_host "$d" run -d --name=container1-"$n" busybox /bin/sh -c "while true;do echo hello world;sleep 1;done")
    like "$n: run -d prints the id" "^[0-9a-f]{64}$" "$id"
    sleep 1.2
    out=$(in_host "$d" ps)
    like "$n: ps shows it up" "Up .*(second|Second).*container1-$n" "$out"
    like "$n: logs" "^hello world$" "$(in_host "$d" logs container1-"$n")"
    same "$n: stop prints the name" "container1-$n" "$(in_host "$d" stop -t 1 container1-"$n")"
    same "$n: a stopped sh was killed" 137 "$(in_host "$d" wait container1-"$n")"
    check "$n: start again" in_host "$d" start container1-"$n"
    check "$n: kill" in_host "$d" kill container1-"$n"
    check "$n: rm" in_host "$d" rm container1-"$n"

    # Network
    id=$(in_host "$d" run --name=container_registry -d -P registry 2>&1)
    like "$n: run -P" "^[0-9a-f]{64}$" "$id"
    out=$(in_host "$d" port container_registry)
    like "$n: port" "^5000/tcp -> 0.0.0.0:[0-9]+$" "$out"
    port=$(printf '%s\n' "$out" | sed -n 's/.*0\.0\.0\.0:\([0-9]*\)$/\1/p')
    check "$n: the registry answers on the published port" \
        in_host curl -fs --retry 20 --retry-delay 0 --retry-all-errors --max-time 10 "http://localhost:$port/v2/"
    check "$n: rm -f" in_host "$d" rm -f container_registry
    id=$(in_host "$d" run --name=container_registry -d -p 5001:5000 registry 2>&1)
    check "$n: -p 5001:5000" \
        in_host curl -fs --retry 20 --retry-delay 0 --retry-all-errors --max-time 10 http://localhost:5001/v2/
    out=$(in_host "$d" run -d --name clash-"$n" -p 5001:5000 busybox sleep 1 2>&1)
    like "$n: a port that is taken" "port is already allocated" "$out"
    in_host "$d" rm -f clash-"$n" container_registry >/dev/null 2>&1
    check "$n: rmi" in_host "$d" rmi busybox
    in_host "$d" tag $R/busybox busybox
}

precautions() { # CLIENT: what the guide warns of is impossible or answered
    local d=$1 n=$2 id out
    same "$n: sh without -i exits at once" 0 \
        "$(in_host timeout 20 "$d" run --rm busybox sh >/dev/null 2>&1; echo $?)"
    in_host timeout 20 "$d" run --rm -i -a stdin busybox sh -c 'exit 0' </dev/null >/dev/null 2>&1
    same "$n: -a stdin alone does not hang" 0 $?
    id=$(in_host "$d" create busybox true)
    for name in "$id" "${id:0:12}" "${id:0:20}"; do
        out=$(in_host "$d" create --name "$name" busybox true 2>&1)
        like "$n: an id is no name (${#name} digits)" "is the ID of container" "$out"
    done
    in_host "$d" rm "$id" >/dev/null
    out=$(in_host "$d" run --rm --privileged busybox true 2>&1)
    like "$n: --privileged warns" "[Pp]rivileged|PRIVILEGED" "$out"
    out=$(in_host "$d" run --rm --pid host busybox true 2>&1)
    like "$n: --pid host warns" "pid" "$out"
    out=$(in_host "$d" run --rm --cap-add ALL busybox true 2>&1)
    like "$n: --cap-add all warns" "[Cc]apabilit|CAP_" "$out"
    out=$(in_host "$d" run --rm --security-opt seccomp:unconfined busybox grep Seccomp: /proc/self/status 2>&1)
    like "$n: seccomp:unconfined is done" "Seccomp:.*0" "$out"
    like "$n: seccomp:unconfined warns" "[Ss]eccomp.*(off|disabled|unconfined)" "$out"
    out=$(in_host "$d" run --rm -v /tmp:/x:nocopy busybox true 2>&1)
    like "$n: nocopy on a bind is refused" "nocopy" "$out"
    same "$n: default capabilities" "CapEff: 00000000a80425fb" \
        "$(in_host "$d" run --rm busybox grep CapEff /proc/self/status 2>/dev/null | tr '\t' ' ')"
    same "$n: executable not found is 127" 127 "$(in_host "$d" run --rm busybox nosuch >/dev/null 2>&1; echo $?)"
    same "$n: permission denied is 126" 126 "$(in_host "$d" run --rm busybox /etc/passwd >/dev/null 2>&1; echo $?)"
    same "$n: a bad flag is 125" 125 "$(in_host "$d" run --nosuchflag busybox true >/dev/null 2>&1; echo $?)"
}

for client in $(clients); do
    guide "$client"
done
precautions "$BERTH" berth
precautions /usr/bin/docker docker-20
finish
