#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The guide's sections 2 to 4 by each client: a simple application, an interactive container, a
# container in the background.
. "$(dirname "$0")/kit.sh"
guide_up
guide_image busybox

simple() {
    local out
    same "2.1 $N: run echo" "Hello world" "$(c run busybox /bin/echo "Hello world")"
    out=$(c ps -l)
    like "2.2 $N: ps -l shows it" "^[0-9a-f]{12} +busybox +\"/bin/echo 'Hello wo" "$out"
    like "2.2 $N: and how it ended" "Exited \(0\) (Less than a second|[0-9]+ seconds?|About) ?.*ago +[a-z]+_[a-z]+" "$out"
    same "2.3 $N: the command runs in the container" 1 "$(c run --rm busybox sh -c 'echo $$')"
}
interactive() {
    local out
    out=$(typed tty ls pwd 'hostname; ls -d /proc/[0-9]* | wc -l' exit -- run -it --name it busybox /bin/bash)
    like "3.1 $N: -it is at a terminal" "^/dev/(pts/0|console)$" "$out"
    like "3.1 $N: ls" "^bin +.*dev +.*etc" "$(printf '%s' "$out" | sed 's/\x1b\[[0-9;]*m//g')"
    like "3.1 $N: pwd" "^/$" "$out"
    like "3.2 $N: a machine of its own: its name" "^$(c inspect -f '{{.Config.Hostname}}' it)$" "$out"
    like "3.2 $N: and its processes" "^[2-9]$" "$out"
    like "3.3 $N: exit leaves it" "^code 0$" "$out"
    like "3.3 $N: and it has ended" "Exited \(0\)" "$(c ps -l)"
    c rm it >/dev/null
    like "3.3 $N: the exit code is the shell's" "^code 3$" "$(typed 'exit 3' -- run --rm -it busybox /bin/bash)"
}
background() {
    local id
    id=$(c run -d --name=container1 busybox /bin/sh -c "while true;do echo hello world;sleep 1;done")
    like "4.1 $N: run -d prints the id" "^[0-9a-f]{64}$" "$id"
    same "4.2 $N: and nothing of the container" 1 "$(printf '%s\n' "$id" | wc -l)"
    like "4.3 $N: ps shows it up" "^${id:0:12} +busybox +\"/bin/sh -c 'while t.* Up .*container1" "$(c ps)"
    check "4.4 $N: logs" poll 5 eval '[ "$(c logs container1 | grep -cx "hello world")" -ge 2 ]'
    same "4.4 $N: and nothing else" "hello world" "$(c logs container1 | sort -u)"
    same "4.5 $N: stop prints the name" container1 "$(c stop -t 1 container1)"
    same "4.5 $N: a stopped sh was killed" 137 "$(c wait container1)"
    check "4.5 $N: start again" c start container1
    check "4.5 $N: kill" c kill container1
    check "4.5 $N: rm" c rm container1
}
codes() {
    same "2.4 $N: not found is 127" 127 "$(c run --rm busybox nosuch >/dev/null; echo $?)"
    same "2.4 $N: not to be executed is 126" 126 "$(c run --rm busybox /etc/passwd >/dev/null; echo $?)"
    same "2.4 $N: a bad flag is 125" 125 "$(c run --nosuchflag busybox true >/dev/null; echo $?)"
}

each simple
each codes
each interactive
each background
finish
