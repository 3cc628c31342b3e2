#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An exec as its start asks for it: framing by the start's Tty, sizes of terminals, execs of a life
# that has ended; variables without a value.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
d run -d --name con -e GONE=1 busybox sleep 1000 >/dev/null
exec_new() { api POST "/containers/${2:-con}/exec" "$1"; jq -r .Id <<<"$BODY"; }
# exec_run BODY-OF-CREATE BODY-OF-START: the bytes, in hex
exec_run() {
    local id
    id=$(exec_new "$1")
    curl -s -m 10 -X POST --unix-socket "$SOCK" -H 'Content-Type: application/json' -d "$2" "http://x/v1.47/exec/$id/start" | od -An -tx1 | tr -d ' \n'
}
out='"AttachStdout":true,"AttachStderr":true'

# ---- framing ----
same "no terminal, none asked: framed" 0100000000000003"$(printf hi\\n | od -An -tx1 | tr -d ' \n')" \
    "$(exec_run '{'$out',"Cmd":["echo","hi"]}' '{"Detach":false,"Tty":false}')"
same "no terminal, the start says Tty: raw" "$(printf hi\\n | od -An -tx1 | tr -d ' \n')" \
    "$(exec_run '{'$out',"Cmd":["echo","hi"]}' '{"Detach":false,"Tty":true}')"
same "a terminal, the start says Tty: raw" "$(printf hi\\r\\n | od -An -tx1 | tr -d ' \n')" \
    "$(exec_run '{'$out',"Tty":true,"Cmd":["echo","hi"]}' '{"Tty":true}')"
same "a terminal, the start says none: framed" 0100000000000004"$(printf hi\\r\\n | od -An -tx1 | tr -d ' \n')" \
    "$(exec_run '{'$out',"Tty":true,"Cmd":["echo","hi"]}' '{"Tty":false}')"

# ---- sizes ----
size() { exec_run "$1" "$2" | xxd -r -p | tr -d '\r\n'; }
same "the size of create" "10 20" "$(size '{'$out',"Tty":true,"ConsoleSize":[10,20],"Cmd":["stty","size"]}' '{"Tty":true}')"
same "the size of the start wins" "30 40" "$(size '{'$out',"Tty":true,"ConsoleSize":[10,20],"Cmd":["stty","size"]}' '{"Tty":true,"ConsoleSize":[30,40]}')"
api POST "/containers/create?name=sized" '{"Image":"busybox","Tty":true,"Cmd":["stty","size"],"HostConfig":{"ConsoleSize":[11,22]}}'
api POST /containers/sized/start; api POST /containers/sized/wait
same "a container's size" "11 22" "$(d logs sized | tr -d '\r')"
api POST "/v1.41/containers/create?name=old" '{"Image":"busybox","Tty":true,"Cmd":["stty","size"],"HostConfig":{"ConsoleSize":[11,22]}}'
same "before 1.42 there is none" "[0,0]" "$(field old -r | jq -c .HostConfig.ConsoleSize)"
api_is "a size that is none" 400 'cannot unmarshal.*ConsoleSize' POST /containers/con/exec '{"Cmd":["true"],"ConsoleSize":"10x20"}'

# ---- a life that has ended ----
id=$(exec_new '{"Cmd":["true"]}')
d stop -t 0 con >/dev/null
api_is "an exec of a stopped container" 404 "No such exec instance: $id" POST "/exec/$id/start" '{"Detach":true}'
d start con >/dev/null
api_is "and of its next life" 404 "No such exec instance: $id" POST "/exec/$id/start" '{"Detach":true}'
id=$(exec_new '{"Cmd":["true"]}')
api_is "one of this life" 200 '' POST "/exec/$id/start" '{"Detach":true}'
poll 10 eval '[ "$(api GET /exec/$id/json; jq .Running <<<"$BODY")" = false ]'
api_is "one that has run" 409 'has already run' POST "/exec/$id/start" '{"Detach":true}'
d stop -t 0 con >/dev/null
api_is "no exec of a stopped container" 409 'is not running' POST /containers/con/exec '{"Cmd":["true"]}'

# ---- variables ----
env_of() { api POST "/containers/create?name=env" "$1"; field env '.Config.Env|join(" ")'; api DELETE "/containers/env?force=1"; }
same "a bare name stays" "GONE A=b" "$(env_of '{"Image":"busybox","Env":["GONE","A=b"]}' | sed 's/ PATH=.*//')"
inside() { api POST "/containers/create?name=env" "$1"; api POST /containers/env/start; api POST /containers/env/wait; d logs env; api DELETE "/containers/env?force=1"; }
same "and removes the image's" "" "$(inside '{"Image":"busybox","Env":["PATH"],"Cmd":["/bin/busybox","env"]}' | grep ^PATH)"
same "a bare HOSTNAME removes the default" "" "$(inside '{"Image":"busybox","Env":["HOSTNAME"],"Cmd":["env"]}' | grep ^HOSTNAME)"
same "an empty HOME is the user's" HOME=/root "$(d run --rm -e HOME= busybox env | grep ^HOME)"
same "a HOME that is given" HOME=/x "$(d run --rm -e HOME=/x busybox env | grep ^HOME)"
same "an empty variable is one" "E=" "$(d run --rm -e E= busybox env | grep ^E=)"
d start con >/dev/null
same "exec: an empty HOME is the user's" HOME=/root "$(d exec -e HOME= con env | grep ^HOME)"
api_is "an empty entry" 400 'invalid environment variable' POST /containers/create '{"Image":"busybox","Env":[""]}'
api_is "an empty name" 400 'invalid environment variable: =x' POST /containers/create '{"Image":"busybox","Env":["=x"]}'
api_is "exec: an empty entry" 400 'invalid environment variable' POST /containers/con/exec '{"Cmd":["true"],"Env":[""]}'
api_is "exec: a uid that is none" 400 'uids and gids must be in range' POST /containers/con/exec '{"Cmd":["true"],"User":"2147483648"}'
d rm -f con sized old >/dev/null
engine_sound
finish
