#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The audit trail: who has asked for what, with what result, in the log, as events and in a file that
# is rotated; without secrets, whole after a SIGKILL, and with a gap where the disk took nothing.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 'images/create .*connection refused' 'a registry that is not there'
trap 'umount -l "$HOST/small" 2>/dev/null; host_down' EXIT
host_up && chmod 711 "$HOST"
host_registry || { not_ok "a registry"; finish; exit 1; }
mkdir "$HOST/small" && mount -t tmpfs -o size=256k none "$HOST/small"
T=$HOST/small/audit.log
up() { engine_start --group 4242 --audit-log "$T" --audit-log-max-size 64k --audit-log-max-file 2 || { not_ok "engine starts"; finish; exit 1; }; }
# The last record that jq's condition is true of, when the file has it.
has() { [ -n "$(jq -c "select($1)" "$T")" ]; }
record() { poll 5 has "$1" && jq -c "select($1)" "$T" | tail -1; }
is() { same "$1" "$2" "$(record "$3" | jq -r "$4")"; }
u() { in_host setpriv --reuid 1000 --regid 100 --groups 4242 "$QA_CLIENT" --config /tmp/none "$@" 2>&1; }
up
d pull -q 127.0.0.1:5000/busybox >/dev/null && d tag 127.0.0.1:5000/busybox busybox

# ---- what a record says ----
is "a pull" "ok 200 0 0 docker" '.command=="image create"' '"\(.result) \(.status) \(.uid) \(.gid) \(.comm)"'
ID=$(u create --name web busybox sh -c 'sleep 1000')
is "a create: whose, what" "ok 201 1000 100 docker web $ID" '.command=="container create"' '"\(.result) \(.status) \(.uid) \(.gid) \(.comm) \(.object) \(.id)"'
same "… with a time, a pid and how long" true "$(record '.command=="container create"' | jq '(.time|test("^20..-")) and .pid>1 and .ms>=0')"
u start web >/dev/null
is "a start: name and id" "ok 204 web $ID" '.command=="container start"' '"\(.result) \(.status) \(.object) \(.id)"'
d exec web true; d exec web nosuch >/dev/null 2>&1
same "execs: with their container, and how they went" "ok $ID|failed $ID" "$(poll 5 eval "[ \$(jq -c 'select(.command==\"exec start\")' '$T' | wc -l) = 2 ]"; jq -r 'select(.command=="exec start")|"\(.result) \(.id)"' "$T" | paste -sd'|')"
d attach --no-stdin web >/dev/null 2>&1 & ATTACHED=$!
poll 5 has '.command=="container attach"' && kill -KILL $ATTACHED && wait $ATTACHED 2>/dev/null
is "an attach: when it begins" "ok 101" '.command=="container attach"' '"\(.result) \(.status)"'
u create --name web busybox >/dev/null
is "a refusal" "refused 409 web" '.command=="container create" and .result=="refused"' '"\(.result) \(.status) \(.object)"'
d pull 127.0.0.1:5000/nosuch >/dev/null 2>&1
is "a pull that fails" "127.0.0.1:5000/nosuch" '.command=="image create" and .result!="ok"' .object
d rm -f web >/dev/null
is "a removal: what it was" "ok 204 web $ID" '.command=="container remove"' '"\(.result) \(.status) \(.object) \(.id)"'
same "who only looks is not in it" 0 "$(d ps >/dev/null; d inspect busybox >/dev/null; jq -r .command "$T" | grep -cE 'list|inspect|json|ping')"
if (echo 4711 >/proc/self/loginuid) 2>/dev/null; then
    (echo 4711 >/proc/self/loginuid; in_host "$QA_CLIENT" create --name login busybox true >/dev/null)
    is "the login uid" 4711 '.object=="login"' .loginuid
fi
curl -s -m 0.3 -X POST --unix-socket "$SOCK" 'http://x/images/create?fromImage=127.0.0.1:1/a&tag=b' >/dev/null
curl -s --unix-socket "$SOCK" -X DELETE 'http://x/containers/%1b%5bevil%22%0a' >/dev/null
is "foreign text is a string" '"\u001b[evil\"\n"' '(.object // "")|startswith("\u001b")' '.object|tojson'
like "… and escaped in the log" 'object="\\x1b\[evil\\"\\n"' "$(grep 'evil' "$HOST/engine.log" | grep msg=command)"

# ---- the log and the events ----
like "a line in the log" "msg=command command=\"container create\" object=web id=$ID result=ok status=201 ms=[0-9]+ uid=1000 pid=[0-9]+ comm=docker" "$(cat "$HOST/engine.log")"
ev() { in_host timeout 5 "$BERTH" events --since 1h --until "$(date +%s.%N)" "$@"; }
like "as events" 'command container create web .*uid=1000' "$(ev --filter type=command)"
same "only for who asks for the type" 0 "$( (ev; d events --since 1h --until "$(date +%s)" --filter event=create) | grep -c ' command ')"
same "… one by its object" 1 "$(ev --filter type=command --filter event='container start' | grep -c 'container start web')"

same "the file names the events' numbers" true "$(N=$(record '.command=="container remove"' | jq .seq); ev --filter type=command --format '{{json .}}' | jq -s "any(.seq==$N)")"

# ---- no secrets ----
SECRET=s3cr3t-$RANDOM$RANDOM
d create --name env -e "PASSWORD=$SECRET" --label "l=$SECRET" busybox echo "$SECRET" >/dev/null
d run -d --name run busybox sleep 1000 >/dev/null
d exec -e "PASSWORD=$SECRET" run true
AUTH=$(printf '{"username":"u","password":"%s"}' "$SECRET" | base64 -w0)
curl -s --unix-socket "$SOCK" -X POST -H "X-Registry-Auth: $AUTH" 'http://x/images/create?fromImage=127.0.0.1:5000/busybox&tag=latest' >/dev/null
curl -s --unix-socket "$SOCK" -H 'Content-Type: application/json' -d "{\"username\":\"u\",\"password\":\"$SECRET\",\"serveraddress\":\"127.0.0.1:5000\"}" http://x/auth >/dev/null
is "a login is in it" ok '.command=="auth"' '"ok"'
same "no secret is" 0 "$(cat "$T"* | grep -cE "$SECRET|$AUTH")"
same "nor in the log" 0 "$(grep -cE "$SECRET|$AUTH" "$HOST/engine.log")"

# ---- the ends of an engine ----
engine_stop
same "an engine that ends says so" end "$(tail -1 "$T" | jq -r .type)"
up
same "the next one has nothing to say of it" "end start" "$(jq -r .type "$T" | grep -B1 start | tail -2 | paste -sd' ')"
d rm -f env >/dev/null 2>&1 & engine_kill; wait $!
printf '{"torn' >>"$T"
up
same "one that is killed leaves a gap" "gap start" "$(grep -v torn "$T" | jq -r .type | tail -2 | paste -sd' ')"
same "the torn line is a line" 1 "$(grep -c '^{"torn$' "$T")"
sed -i '/^{"torn$/d' "$T" # the file is another one now
d create --name moved busybox true >/dev/null
is "a file that was moved away is made anew" moved '.object=="moved"' .object

# ---- rotation ----
storm() { for _ in $(seq "$1"); do curl -s -X POST --unix-socket "$SOCK" "http://x/containers/no-such-container-$RANDOM/start"{,?a,?b,?c,?d,?e,?f,?g}; done >/dev/null; }
storm 60
poll 5 test -e "$T.1"
check "files are rotated" test -e "$T.1"
check "no more are kept than asked for" test ! -e "$T.2"
check "none is much larger than asked for" eval "[ \$(stat -c %s '$T' '$T.1' | sort -n | tail -1) -le 66000 ]"
check "all lines are whole" eval "cat '$T.1' '$T' | jq -es 'length>100' >/dev/null"

# ---- a disk that takes nothing ----
dd if=/dev/zero of="$HOST/small/fill" bs=1k count=1000 2>/dev/null
for f in "$HOST"/small/fill{2,3,4}; do dd if=/dev/zero of="$f" bs=1 count=4096 2>/dev/null; done
storm 4
poll 5 grep -q 'a journal cannot be written' "$HOST/engine.log"
like "a full disk is told in the log" 'level=error msg="a journal cannot be written' "$(cat "$HOST/engine.log")"
same "the engine works" 201 "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$SOCK" -H 'Content-Type: application/json' -d '{"Image":"busybox"}' 'http://x/containers/create?name=full')"
rm "$HOST"/small/fill*
d create --name after busybox true >/dev/null
is "it goes on when there is room" after '.object=="after"' .object
same "… and tells how much is missing" true "$(jq -s '[.[]|select(.type=="gap" and .missing>0)|.missing]|add > 0' "$T" "$T.1")"
same "all lines are whole" true "$(jq -es 'length>1' "$T")"

# ---- what is wrong ----
engine_stop
engine_start --audit-log "$HOST" 2>/dev/null && not_ok "a folder as the file"
like "a folder as the file: no start" 'cannot start.*open .*is a directory' "$(tail -3 "$HOST/engine.log")"
like "a size that is none" 'invalid audit-log-max-size: 1' "$("$BERTH_BIN/berthd" --audit-log /tmp/x --audit-log-max-size 1 2>&1)"
up
finish
