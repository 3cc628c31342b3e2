#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Logins: POST /auth, docker login, berth login and logout, docker-py; against Debian's
# docker-registry (plain, htpasswd, tokens) and registries that misbehave. config.json, which berth
# shares with docker's command line; credential helpers; the prompt.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 '/auth .*(connection refused|a web page and no registry|is too slow|too many redirects|redirects to another host)' 'as Docker: the registry fails, and it says how'
export DOCKER_CONFIG=
SERVERS=()
cleanup() { for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null; done; host_down; }
BERTH_SLOW_S=3 qa_up -l debug
trap cleanup EXIT
expect_500 'path=/auth error="(Get |login attempt to )' 'docker answers so where a registry is not there or misbehaves'
W=$HOST/auth
mkdir -p "$W/bin"
b() { in_host "$BERTH" "$@"; }
start() { in_host "$@" & SERVERS+=($!); }

# ---- registries: 5000 plain, 5001 htpasswd, 5002 tokens ----
hash=$(python3 -W ignore -c 'import crypt; print(crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))')
echo "user:$hash" >"$W/htpasswd"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tests -keyout "$W/token.key" -out "$W/token.crt" >"$W/log" 2>&1
serve_registry() { # PORT AUTH
    cat >"$W/$1.yml" <<CONF
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $HOST/registry}}
http: {addr: "127.0.0.1:$1"}
auth: $2
CONF
    start docker-registry serve "$W/$1.yml" >"$W/$1.log" 2>&1
}
serve_registry 5001 "{htpasswd: {realm: tests, path: $W/htpasswd}}"
serve_registry 5002 "{token: {realm: 'http://127.0.0.1:5003/token', service: tests, issuer: tests, rootcertbundle: $W/token.crt}}"
start python3 auth_servers.py "$W" >"$W/ready" 2>&1
served() { in_host curl -s -o /dev/null "http://127.0.0.1:$1/v2/"; }
for port in 5001 5002 5003 5004 5005; do poll 10 served $port || not_ok "a server at $port" "$(cat "$W"/*.log "$W/ready")"; done

# ---- the API ----
login() { # USER PASSWORD SERVER
    jq -nc --arg u "$1" --arg p "$2" --arg s "$3" '{username:$u,password:$p,serveraddress:$s}'
}
good='"Status":"Login Succeeded"'
api_is "no password is needed" 200 "$good" POST /auth "$(login user any 127.0.0.1:5000)"
api_is "a password" 200 "^\{\"IdentityToken\":\"\",$good\}" POST /auth "$(login user secret 127.0.0.1:5001)"
api_is "a wrong one" 401 'login attempt to http://127.0.0.1:5001/v2/ failed with status: 401 Unauthorized' \
    POST /auth "$(login user wrong 127.0.0.1:5001)"
api_is "none" 401 'status: 401' POST /auth '{"serveraddress":"127.0.0.1:5001"}'
api_is "an address of the web" 200 "$good" POST /auth "$(login user secret http://127.0.0.1:5001/v1/)"
api_is "with a token service" 200 "^\{\"IdentityToken\":\"\",$good\}" POST /auth "$(login user secret 127.0.0.1:5002)"
api_is "which refuses" 401 'Get \\"http://127.0.0.1:5002/v2/\\": unauthorized: incorrect username or password' \
    POST /auth "$(login user wrong 127.0.0.1:5002)"
api_is "which gives an identity token" 200 '"IdentityToken":"refresh-token-of-identity"' \
    POST /auth "$(login identity secret 127.0.0.1:5002)"
api_is "the token logs in" 200 "$good" POST /auth '{"identitytoken":"refresh-token-of-identity","serveraddress":"127.0.0.1:5002"}'
api_is "a wrong token does not" 401 'incorrect refresh token' POST /auth '{"identitytoken":"x","serveraddress":"127.0.0.1:5002"}'
api_is "nobody is there" 500 'Get \\"https?://127.0.0.1:1/v2/\\": dial tcp 127.0.0.1:1: connect: connection refused' \
    POST /auth "$(login user secret 127.0.0.1:1)"
api_is "what is no host" 400 'unable to parse server address' POST /auth "$(login user secret 'http://a:b@c/')"
api_is "no body" 400 'EOF' POST /auth
api_is "no JSON" 400 'invalid' POST /auth 'nonsense'
api_is "a line break in a token" 400 'one line' POST /auth '{"identitytoken":"a\nb","serveraddress":"127.0.0.1:5002"}'
pull_with() { # AUTH
    in_host "$BERTH" rmi 127.0.0.1:5002/busybox >/dev/null 2>&1
    api POST '/images/create?fromImage=127.0.0.1:5002/busybox&tag=latest' '' -H "X-Registry-Auth: $(printf %s "$1" | base64 -w0)"
}
pull_with '{"identitytoken":"refresh-token-of-identity"}'
like "and it pulls" 'Status: Downloaded newer image' "$BODY"

# ---- those that misbehave: an answer each, and nobody else hears of the password ----
hostile() { # N NAME REGEX
    api POST /auth "$(login user secret "127.0.0.$1:5004")"
    if [ "$STATUS" = 200 ] || ! printf '%s' "$BODY" | grep -Eq -- "$3"; then not_ok "hostile: $2" "$STATUS $BODY"; else ok "hostile: $2"; fi
}
hostile 11 "a page for people" 'a web page'
hostile 12 "an endless answer" 'larger than'
hostile 13 "silence" 'too slow|EOF|timeout'
hostile 14 "redirects for ever" 'redirects'
hostile 15 "sent elsewhere with the password" 'redirects to another host'
hostile 16 "a token service that sends elsewhere" '401 Unauthorized'
hostile 17 "a token service in circles" 'redirects'
hostile 18 "a token that is none" 'not JSON'
hostile 19 "a huge token" 'larger than'
hostile 20 "a token of two lines" 'did not include a token'
hostile 21 "an answer without a token" 'did not include a token'
hostile 22 "who hangs up" 'EOF'
hostile 23 "a token that is not taken" '401 Unauthorized'
hostile 25 "a token service that is a file" 'no web address'
api POST /auth '{"identitytoken":"hush-identity","serveraddress":"127.0.0.16:5004"}'
like "an identity token is not sent on" 'unexpected HTTP status|307' "$STATUS $BODY"
same "what the other host has heard" "" "$(jq -c 'select(.port == 5005 and (.auth != null or (.body | length) > 0 or (.path | test("secret|hush")))) | [.path, .auth, .body]' "$W/heard" | grep -v '"stolen"')"

# ---- one config.json for two command lines ----
fresh() { rm -rf "$W/c"; mkdir "$W/c"; export DOCKER_CONFIG=$W/c; }
auth_of() { jq -r --arg k "$1" '.auths[$k].auth // "none"' "$W/c/config.json" | base64 -d 2>/dev/null; }
fresh
check "berth login" eval "echo secret | b login -u user --password-stdin 127.0.0.1:5001 | grep -qx 'Login Succeeded'"
same "is in config.json" user:secret "$(auth_of 127.0.0.1:5001)"
same "which nobody else may read" 600 "$(stat -c %a "$W/c/config.json")"
check "docker pulls with it" d pull -q 127.0.0.1:5001/busybox
check "docker logout" d logout 127.0.0.1:5001
same "has taken it away" none "$(jq -r '.auths["127.0.0.1:5001"].auth // "none"' "$W/c/config.json")"
check "docker login" eval "echo secret | d login -u user --password-stdin 127.0.0.1:5001"
d rmi 127.0.0.1:5001/busybox >/dev/null 2>&1
check "berth pulls with it" b pull -q 127.0.0.1:5001/busybox
like "berth login uses what is kept" 'Authenticating with existing credentials' "$(b login 127.0.0.1:5001 </dev/null)"
printf 'FROM 127.0.0.1:5001/busybox\nLABEL a=b\n' >"$W/Dockerfile"
d rmi -f 127.0.0.1:5001/busybox >/dev/null 2>&1
check "berth build pulls with it" b build -q --pull -f "$W/Dockerfile" "$W/bin"
out=$(echo wrong | b login -u user --password-stdin 127.0.0.1:5001 2>&1); code=$?
same "a wrong password: exit code" 1 $code
like "a wrong password: words" '^Error response from daemon: login attempt to http://127.0.0.1:5001/v2/ failed with status: 401 Unauthorized$' "$out"
same "changes nothing" user:secret "$(auth_of 127.0.0.1:5001)"
like "docker login with a wrong one" 'status: 401 Unauthorized' "$(echo wrong | d login -u user --password-stdin 127.0.0.1:5001 2>&1)"
like "with -p a warning" 'WARNING! Using --password via the CLI is insecure' "$(b login -u user -p secret 127.0.0.1:5001 2>&1)"
like "-p and --password-stdin" 'mutually exclusive' "$(b login -u user -p x --password-stdin 127.0.0.1:5001 2>&1 </dev/null)"
like "--password-stdin without -u" 'Must provide --username with --password-stdin' "$(b login --password-stdin 127.0.0.1:5001 2>&1 </dev/null)"
like "no terminal" 'Cannot perform an interactive login from a non TTY device' "$(b login -u user 127.0.0.1:5002 2>&1 </dev/null)"
check "an identity token is kept instead of the password" eval "echo secret | b login -u identity --password-stdin 127.0.0.1:5002 &&
    [ \"\$(jq -r '.auths[\"127.0.0.1:5002\"].identitytoken' $W/c/config.json)\" = refresh-token-of-identity ] && ! auth_of 127.0.0.1:5002 | grep -q secret"
d rmi 127.0.0.1:5002/busybox >/dev/null 2>&1
check "and pulls" b pull -q 127.0.0.1:5002/busybox
d rmi 127.0.0.1:5002/busybox >/dev/null 2>&1
check "docker's command line pulls with it, too" d pull -q 127.0.0.1:5002/busybox
check "berth logout" eval "b logout 127.0.0.1:5002 | grep -qx 'Removing login credentials for 127.0.0.1:5002'"
same "takes one away, the other stays" '["127.0.0.1:5001"]' "$(jq -c '.auths | keys' "$W/c/config.json")"
check "docker-py" env DOCKER_HOST="$DOCKER_HOST" nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 - <<'PY'
import docker
c = docker.from_env()
assert c.login("user", "secret", registry="127.0.0.1:5001", reauth=True)["Status"] == "Login Succeeded"
try:
    c.login("user", "wrong", registry="127.0.0.1:5001", reauth=True)
    raise SystemExit("a wrong password was taken")
except docker.errors.APIError as e:
    assert e.status_code == 401, e
PY

# ---- what others have in it stays ----
fresh
mkdir "$W/real"
cat >"$W/real/config.json" <<'JSON'
{
	"zeta": {"b": 1.50, "a": [1, 2, {}], "big": 12345678901234567890},
	"auths": {
		"https://reg.lan/v1/": {"auth": "dTpw", "email": "a@b", "unknown": null},
		"other.lan": {}
	},
	"HttpHeaders": {"X": "<&>\u00e9"},
	"psFormat": "table {{.ID}}\t{{.Names}}"
}
JSON
ln -s ../real/config.json "$W/c/config.json"
chmod 640 "$W/real/config.json"; chown 1234:4321 "$W/real/config.json"
cp "$W/real/config.json" "$W/before.json"
echo secret | b login -u user --password-stdin 127.0.0.1:5001 >/dev/null 2>&1
same "keys, their order and all values stay" "$(jq -c '.auths["127.0.0.1:5001"]={auth:"dXNlcjpzZWNyZXQ="}' "$W/before.json")" "$(jq -c . "$W/c/config.json")"
check "numbers as they were written" grep -q '"b": 1.50,' "$W/real/config.json"
check "all digits" grep -q 12345678901234567890 "$W/real/config.json"
same "mode and owner stay" "640 1234 4321" "$(stat -c '%a %u %g' "$W/real/config.json")"
check "it is still a link" test -L "$W/c/config.json"
b logout 127.0.0.1:5001 >/dev/null
same "logout takes its own away" "$(jq -c . "$W/before.json")" "$(jq -c . "$W/c/config.json")"
b logout reg.lan >/dev/null
same "also by an older name" '["other.lan"]' "$(jq -c '.auths | keys' "$W/c/config.json")"
same "no draft is left" "config.json" "$(ls "$W/real")"
now=$(stat -c %Y.%i "$W/real/config.json"); b logout nobody.lan >/dev/null
same "a logout of nobody writes nothing" "$now" "$(stat -c %Y.%i "$W/real/config.json")"

refuses() { # NAME TEXT
    fresh
    printf %s "$2" >"$W/c/config.json"
    out=$(echo secret | b login -u user --password-stdin 127.0.0.1:5001 2>&1) && not_ok "login: $1" "$out"
    like "login: $1" 'config.json cannot be read' "$out"
    like "logout: $1" 'config.json cannot be read' "$(b logout 127.0.0.1:5001 2>&1)"
    same "and it is as it was: $1" "$2" "$(cat "$W/c/config.json")"
    like "pull says so: $1" 'WARNING: Error loading config file: .*config.json cannot be read' "$(b pull 127.0.0.1:5000/busybox 2>&1)"
}
refuses "half of it" '{"auths": {"a": {"auth": "eDp5"}'
refuses "a list" '[1]'
refuses "auths of another kind" '{"auths": []}'
refuses "an entry of another kind" '{"auths":{"127.0.0.1:5000":[1]}}'
refuses "a login that is no text" '{"auths":{"127.0.0.1:5000":{"auth":5}}}'
refuses "a helper that is no text" '{"credHelpers":{"127.0.0.1:5000":7}}'
refuses "comments" '{ // mine
"auths": {}}'
# ---- credentials in the environment: in front of all that is kept ----
in_env() { jq -nc --arg k "$1" --arg a "$(printf %s "$2" | base64 -w0)" '{auths:{($k):{auth:$a}}}'; }
fresh; b rmi -f 127.0.0.1:5001/busybox >/dev/null 2>&1
fails "nobody pulls there" 'no basic auth credentials|unauthorized|denied' b pull -q 127.0.0.1:5001/busybox
export DOCKER_AUTH_CONFIG
DOCKER_AUTH_CONFIG=$(in_env 127.0.0.1:5001 user:secret)
check "DOCKER_AUTH_CONFIG: pulls" b pull -q 127.0.0.1:5001/busybox
check "nothing of it is written" test ! -e "$W/c/config.json"
like "logout says that it counts all the same" 'WARNING: DOCKER_AUTH_CONFIG is set and takes precedence' "$(b logout 127.0.0.1:5001 2>&1)"
like "login uses it, and says so" 'takes precedence.*Authenticating with existing credentials' "$(b login 127.0.0.1:5001 2>&1 </dev/null | tr '\n' ' ')"
DOCKER_AUTH_CONFIG=$(in_env 127.0.0.1:5001 user:wrong)
fails "also in front of what config.json has" 'unauthorized|denied|401' b pull -q 127.0.0.1:5001/busybox
DOCKER_AUTH_CONFIG=$(in_env other.lan user:wrong)
check "what it does not have comes from there" b pull -q 127.0.0.1:5001/busybox
for wrong in '{' '[]' '{"auths":{"127.0.0.1:5001":{}}}' '{"auths":{},"credsStore":"pass"}' '{}{}'; do
    DOCKER_AUTH_CONFIG=$wrong
    like "$wrong: told of" '^Failed to create credential store from DOCKER_AUTH_CONFIG:' "$(b pull -q 127.0.0.1:5001/busybox 2>&1)"
    check "$wrong: config.json counts" b pull -q 127.0.0.1:5001/busybox
done
DOCKER_AUTH_CONFIG=
same "an empty one is none" "" "$(b pull -q 127.0.0.1:5001/busybox 2>&1 >/dev/null)"
unset DOCKER_AUTH_CONFIG

fresh; : >"$W/c/config.json"
check "an empty file is one" eval "echo secret | b login -u user --password-stdin 127.0.0.1:5001"
same "and is filled" user:secret "$(auth_of 127.0.0.1:5001)"
fresh
for i in 1 2 3 4 5 6 7 8; do echo secret | b login -u user --password-stdin 127.0.0.1:5001 >/dev/null 2>&1 & pids[i]=$!
    echo x | b login -u "u$i" --password-stdin "localhost:5000" >/dev/null 2>&1 & more[i]=$!; done
wait "${pids[@]}" "${more[@]}"
same "logins at the same time lose nothing" '["127.0.0.1:5001","localhost:5000"]' "$(jq -c '.auths | keys' "$W/c/config.json")"

like "a name that is left out by mistake is not Docker Hub's" '"http://" is no address of a registry' "$(echo secret | b login -u user --password-stdin http:// 2>&1)"
like "nor is a blank" '" " is no address of a registry' "$(echo secret | b login -u user --password-stdin ' ' 2>&1)"
like "a name that would be read back as another" 'a user name has no colon' "$(echo secret | b login -u a:b --password-stdin 127.0.0.1:5000 2>&1)"
mkdir "$W/full"; mount -t tmpfs -o size=64k t "$W/full"; cp "$W/before.json" "$W/full/config.json"; cat /dev/zero >"$W/full/fill" 2>/dev/null
export DOCKER_CONFIG=$W/full
like "a full disk" "Error saving credentials: $W/full/config.json: write: no space left" "$(echo secret | b login -u user --password-stdin 127.0.0.1:5001 2>&1)"
check "what was there stays, and no draft" eval "cmp $W/before.json $W/full/config.json && [ \"\$(ls $W/full | xargs)\" = 'config.json fill' ]"
mount -o remount,ro "$W/full"
like "a disk that is read-only" "could not erase credentials: write $W/full/config.json: read-only" "$(b logout other.lan 2>&1)"
check "a pull does without" b pull -q 127.0.0.1:5000/busybox
umount "$W/full"

# ---- helpers ----
cat >"$W/bin/docker-credential-box" <<'SH'
#!/bin/bash
# Keeps what it is told in files; $BOX/how says what goes wrong.
echo "$1" >>"$BOX/calls"
how=$(cat "$BOX/how" 2>/dev/null)
in=$(cat)
key() { printf %s "$1" | tr '/:' '__'; }
case $how in
fails) echo "the box is locked"; exit 1 ;;
leaks) echo '{"Username":"user","Secret":"secret"}'; exit 1 ;;
huge) yes 0123456789abcdef | head -c 4000000; exit 0 ;;
hangs) exec sleep 100 ;;
garbage) echo '<html>'; exit 0 ;;
esac
case $1 in
store) printf %s "$in" >"$BOX/$(key "$(jq -r .ServerURL <<<"$in")").json" ;;
get) f=$BOX/$(key "$in").json; [ -e "$f" ] || { echo "credentials not found in native keychain"; exit 1; }; jq -c '{ServerURL,Username,Secret}' "$f" ;;
erase) rm -f "$BOX/$(key "$in").json" ;;
list) jq -s 'map({(.ServerURL): .Username}) | add // {}' "$BOX"/*.json 2>/dev/null || echo '{}' ;;
esac
SH
chmod +x "$W/bin/docker-credential-box"
sed 's/^how=.*/how=/' "$W/bin/docker-credential-box" >"$W/bin/docker-credential-own"; chmod +x "$W/bin/docker-credential-own"
export BOX=$W/box PATH=$W/bin:$PATH
box() { rm -rf "$BOX"; mkdir "$BOX"; fresh; echo '{"credsStore":"box"}' >"$W/c/config.json"; }
box
check "a helper: login" eval "echo secret | b login -u user --password-stdin 127.0.0.1:5001"
same "it has the password" '{"ServerURL":"127.0.0.1:5001","Username":"user","Secret":"secret"}' "$(jq -c . "$BOX/127.0.0.1_5001.json")"
same "config.json has not" '{"credsStore":"box","auths":{"127.0.0.1:5001":{}}}' "$(jq -c . "$W/c/config.json")"
d rmi 127.0.0.1:5001/busybox >/dev/null 2>&1
check "it gives it to pull" b pull -q 127.0.0.1:5001/busybox
d rmi -f 127.0.0.1:5001/busybox >/dev/null 2>&1
check "docker's command line, the same" d pull -q 127.0.0.1:5001/busybox
d rmi -f 127.0.0.1:5001/busybox >/dev/null 2>&1
check "it gives it to build" b build -q --pull -f "$W/Dockerfile" "$W/bin"
check "build has asked for the list" grep -qx list "$BOX/calls"
check "an identity token" eval "echo secret | b login -u identity --password-stdin 127.0.0.1:5002"
same "is the password of <token>" '["<token>","refresh-token-of-identity"]' "$(jq -c '[.Username,.Secret]' "$BOX/127.0.0.1_5002.json")"
d rmi -f 127.0.0.1:5002/busybox >/dev/null 2>&1
check "and pulls" b pull -q 127.0.0.1:5002/busybox
check "logout" b logout 127.0.0.1:5001
check "erases it" test ! -e "$BOX/127.0.0.1_5001.json"
same "the other stays" '["127.0.0.1:5002"]' "$(jq -c '.auths | keys' "$W/c/config.json")"
box; echo '{"credsStore":"box","credHelpers":{"127.0.0.1:5001":"own"}}' >"$W/c/config.json"; mkdir "$W/own"
check "a helper of one registry" eval "echo secret | BOX=$W/own b login -u user --password-stdin 127.0.0.1:5001"
check "is the one that is asked" test -e "$W/own/127.0.0.1_5001.json" -a ! -e "$BOX/calls"
fails() { # HOW REGEX: of login; a pull of what is public goes on
    box; echo "$1" >"$BOX/how"
    out=$(echo secret | BERTH_HELPER_MS=1500 b login -u user --password-stdin 127.0.0.1:5001 2>&1) && not_ok "a helper that $1" "$out"
    like "a helper that $1" "$2" "$out"
    case $out in *secret*) not_ok "a helper that $1: the password is not shown" "$out" ;; esac
    same "a helper that $1: nothing is kept" '{"credsStore":"box"}' "$(jq -c . "$W/c/config.json")"
}
fails fails 'Error saving credentials: error storing credentials - err: exit status 1, out: `the box is locked`'
fails leaks 'error storing credentials - err: exit status 1, out: `\(not shown\)`'
fails huge 'error storing credentials - err: it says more than 1 MiB'
fails hangs 'error storing credentials - err: it has not ended in time'
gets() { # HOW REGEX
    box; echo "$1" >"$BOX/how"
    out=$(BERTH_HELPER_MS=1500 b pull 127.0.0.1:5000/busybox 2>&1) || not_ok "pull goes on although the helper $1" "$out"
    like "pull goes on although the helper $1, and says so" "$2" "$out"
}
gets fails 'WARNING: no credentials for 127.0.0.1:5000: error getting credentials - err: exit status 1, out: `the box is locked`'
gets garbage 'has answered with something else'
gets hangs 'has not ended in time'
gets huge 'more than 1 MiB'
fresh; echo '{"credsStore":"nosuch"}' >"$W/c/config.json"
like "a helper that is not there" 'error storing credentials - err: exec: "docker-credential-nosuch": executable file not found in \$PATH, out: ``' \
    "$(echo secret | b login -u user --password-stdin 127.0.0.1:5001 2>&1)"
echo '{"credsStore":"../bin/docker-credential-box"}' >"$W/c/config.json"
like "a helper that is a path" 'executable file not found' "$(echo secret | b login -u user --password-stdin 127.0.0.1:5001 2>&1)"
ln -s docker-credential-box "$W/bin/docker-credential-secretservice"
rm -rf "$BOX"; mkdir "$BOX"; fresh
echo secret | b login -u user --password-stdin 127.0.0.1:5001 >/dev/null 2>&1
same "what the system has is found" '{"auths":{"127.0.0.1:5001":{}},"credsStore":"secretservice"}' "$(jq -c . "$W/c/config.json")"
rm "$W/bin/docker-credential-secretservice"

# ---- the prompt ----
typist() { in_host timeout 90 python3 auth_typist.py "$@"; }
fresh
out=$(typist user,secret "$BERTH" login 127.0.0.1:5001)
like "the prompt: a login" 'Login Succeeded' "$out"
like "what is typed is not shown" '^hidden True echo True code 0' "$out"
case $out in *secret*) not_ok "the password is not on the screen" "$out" ;; *) ok "the password is not on the screen" ;; esac
like "the kept one is used first" 'existing credentials.*' "$(typist "" "$BERTH" login 127.0.0.1:5001)"
out=$(typist ^C "$BERTH" login -u user 127.0.0.1:5002)
like "Ctrl-C: the terminal shows again" '^hidden True echo True code -2' "$out"
for name in TERM HUP QUIT; do
    like "SIG$name: the terminal shows again" '^hidden True echo True code -' "$(typist SIG$name "$BERTH" login -u user 127.0.0.1:5002)"
done
like "the end of input" '^hidden True echo True code 1' "$(typist ^D "$BERTH" login -u user 127.0.0.1:5002)"
like "an empty password" 'Error: Password Required' "$(typist user, "$BERTH" login 127.0.0.1:5002)"
like "an empty name" 'Error: Non-null Username Required' "$(typist , "$BERTH" login 127.0.0.1:5002)"

# ---- nothing of it is in a log ----
same "no password in the engine's log" "" "$(grep -E 'secret|hush|refresh-token' "$HOST/engine.log" | head -3)"
same "nor in its events" "" "$(curl -s --max-time 5 --unix-socket "$SOCK" "http://x/events?since=1&until=$(date +%s)" | grep -E 'secret|hush' | head -3)"
settled
same "nothing is under way any more" "[]" "$(api GET /debug/ops; echo "$BODY")"
engine_sound
finish
