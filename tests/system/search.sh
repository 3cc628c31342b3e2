#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Questions to registries that bring no image: search (Docker Hub's, as a server of the test's own;
# the catalog of Debian's docker-registry; those that misbehave), /distribution, manifest inspect.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 '(/images/search|/distribution/).*(connection refused|is too slow|too many redirects|HTTP response to HTTPS client)' 'as Docker: the registry fails, and it says how'
SERVERS=()
cleanup() { for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null; done; host_down; }
trap cleanup EXIT
host_up
trap cleanup EXIT
host_registry || { not_ok "a registry with images"; finish; exit 1; }
W=$HOST/search
mkdir "$W"
export DOCKER_CONFIG=$W
b() { in_host "$BERTH" "$@"; }
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hub \
    -addext subjectAltName=DNS:index.docker.io -keyout "$W/key" -out "$W/crt" >"$W/log" 2>&1
cp /etc/hosts "$W/hosts"; echo "127.0.0.1 index.docker.io" >>"$W/hosts"
mount --bind "$W/hosts" /etc/hosts || { not_ok "a name for the hub"; finish; exit 1; }
in_host python3 search_servers.py "$W/crt" "$W/key" >"$W/ready" 2>&1 &
SERVERS+=($!)
poll 10 grep -q ready "$W/ready"
SSL_CERT_FILE=$W/crt BERTH_SLOW_S=3 engine_start || { not_ok "engine starts"; finish; exit 1; }

# ---- search ----
api_is "Docker Hub" 200 '^\[\{"star_count":900,"is_official":true,"name":"nginx","is_automated":false,"description":"Official' GET '/images/search?term=nginx'
names() { printf %s "$BODY" | jq -c '[.[].name]'; }
api GET '/images/search?term=x&limit=2'; same "a limit" '["nginx","u/nginx-exporter"]' "$(names)"
filter() { api GET "/images/search?term=x&filters=$(jq -rn --arg f "$1" '$f|@uri')"; names; }
same "is-official" '["nginx"]' "$(filter '{"is-official":["true"]}')"
same "is not" '["u/nginx-exporter","u/none"]' "$(filter '{"is-official":["false"]}')"
same "is-automated" '["u/nginx-exporter"]' "$(filter '{"is-automated":{"true":true}}')"
same "stars" '["nginx","u/nginx-exporter"]' "$(filter '{"stars":["5"]}')"
api_is "an unknown filter" 400 "invalid filter 'x'" GET '/images/search?term=x&filters=%7B%22x%22:%5B%221%22%5D%7D'
api_is "stars that are none" 400 "invalid filter 'stars=a'" GET '/images/search?term=x&filters=%7B%22stars%22:%5B%22a%22%5D%7D'
api_is "too many" 400 'limit 101 is outside the range of \[1, 100\]' GET '/images/search?term=x&limit=101'
api_is "fewer than none" 400 'limit -1 is outside' GET '/images/search?term=x&limit=-1'
api_is "no number" 400 'invalid syntax' GET '/images/search?term=x&limit=a'
api_is "no term" 400 'search term is needed' GET '/images/search'
api_is "an address" 400 'invalid repository name' GET '/images/search?term=http://x/y'
api_is "a long term" 400 'longer than' GET "/images/search?term=$(printf %0600d 0)"
api_is "a registry with a catalog only" 200 '"name":"127.0.0.1:5000/busybox","is_automated":false,"description":"listed by the registry' GET '/images/search?term=127.0.0.1:5000/SYB'
api GET '/images/search?term=127.0.0.1:5000/'; same "all of its catalog" '["127.0.0.1:5000/busybox","127.0.0.1:5000/registry"]' "$(names)"
api GET '/images/search?term=127.0.0.1:5000/nosuch'; same "nothing" '[]' "$(names)"
api GET '/images/search?term=127.0.0.40:5006/r'; same "a second page" '["127.0.0.40:5006/r1","127.0.0.40:5006/tail/r2"]' "$(names)"
api GET '/images/search?term=127.0.0.39:5006/nosuch'; same "pages without end have one" '[]' "$(names)"
api GET '/images/search?term=127.0.0.34:5006/x'; same "entries that make no sense are left out" '["fine"]' "$(names)"
same "and the others are made sane" '0 1024' "$(printf %s "$BODY" | jq -r '.[0] | "\(.star_count) \(.description | utf8bytelength)"' | awk '{ print $1, ($2 > 1000 ? 1024 : $2) }')"
api GET '/images/search?term=127.0.0.35:5006/x'; same "no more than were asked for" 25 "$(printf %s "$BODY" | jq length)"
bad() { api GET "/images/search?term=127.0.0.$1:5006/x"; if [[ $STATUS = [45]* ]] && grep -Eq "$3" <<<"$BODY"; then ok "$2"; else not_ok "$2" "$STATUS $BODY"; fi; }
bad 31 "no JSON" 'no JSON'
bad 32 "an endless answer" 'larger than'
bad 33 "silence" 'too slow'
bad 36 "in circles" 'redirects'
bad 37 "another document" 'no list of results'
bad 38 "a page, and no catalog" 'has no search, and its catalog cannot be read'
bad 41 "neither" 'has no search, and its catalog cannot be read'
api_is "nobody" 500 'connection refused' GET '/images/search?term=127.0.0.1:1/x'
like "docker search" '^nginx +Official build of Nginx. Second line +900 +\[OK\]' "$(d search nginx)"
out=$(b search nginx)
like "berth search" '^nginx +Official build of Nginx. Second line +900 +\[OK\]' "$out"
like "is cut" '^u/nginx-exporter +x{44}… +5' "$out"
like "--no-trunc" '^u/nginx-exporter +x{80} +5' "$(b search --no-trunc nginx)"
same "--format" "nginx 900 [OK]" "$(b search --limit 1 --format '{{.Name}} {{.StarCount}} {{.IsOfficial}}' nginx)"
same "--filter" "u/nginx-exporter" "$(b search --filter is-automated=true --format '{{.Name}}' x)"
like "an error" 'Error response from daemon: limit 0?101 is outside' "$(b search --limit 101 x 2>&1)"
like "the screen is not the registry's" '\\x1b|\\u001b|\^\[|\\e' "$(script -qec "$BERTH search --no-trunc 127.0.0.34:5006/x" /dev/null 2>/dev/null; in_host script -qec "$BERTH search --no-trunc 127.0.0.34:5006/x" /dev/null)"
same "docker-py" "nginx" "$(in_host python3 -c 'import docker; print(docker.from_env().images.search("nginx", limit=1)[0]["name"])')"

# ---- distribution ----
digest=$(in_host curl -sI -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' -H 'Accept: application/vnd.oci.image.manifest.v1+json' http://127.0.0.1:5000/v2/busybox/manifests/latest | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //p')
in_host curl -s -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' -H 'Accept: application/vnd.oci.image.manifest.v1+json' http://127.0.0.1:5000/v2/busybox/manifests/latest >"$W/manifest"
api GET /distribution/127.0.0.1:5000/busybox/json
same "a descriptor" "$digest $(stat -c %s "$W/manifest") $(jq -r .mediaType "$W/manifest")" "$(printf %s "$BODY" | jq -r '.Descriptor | "\(.digest) \(.size) \(.mediaType)"')"
same "its platform" '[{"architecture":"amd64","os":"linux"}]' "$(printf %s "$BODY" | jq -c .Platforms)"
api_is "by digest" 200 "$digest" GET "/distribution/127.0.0.1:5000/busybox@$digest/json"
api_is "no such tag" 404 'manifest unknown' GET /distribution/127.0.0.1:5000/busybox:nosuch/json
api_is "no such repository" 404 'unknown' GET /distribution/127.0.0.1:5000/nosuch/json
api_is "no reference" 400 'invalid reference format' GET /distribution/A%20B/json
api_is "nobody" 500 'connection refused' GET /distribution/127.0.0.1:1/x/json
same "docker-py" "$digest" "$(in_host python3 -c 'import docker; print(docker.from_env().images.get_registry_data("127.0.0.1:5000/busybox").id)')"
api GET /distribution/127.0.0.1:5000/busybox/manifest '' -D "$W/head"
check "the manifest, byte by byte" eval "curl -s --unix-socket $SOCK http://x/distribution/127.0.0.1:5000/busybox/manifest | cmp - $W/manifest"
like "with its digest" "^Docker-Content-Digest: $digest" "$(tr -d '\r' <"$W/head")"

# ---- manifest inspect ----
same "berth manifest inspect" "$(jq -c . "$W/manifest")" "$(b manifest inspect 127.0.0.1:5000/busybox | jq -c .)"
check "laid out as docker's: tabs" eval "b manifest inspect 127.0.0.1:5000/busybox | grep -q \$'^\\t\"schemaVersion\": 2'"
same "docker's own says the same" "$(DOCKER_CLI_EXPERIMENTAL=enabled d manifest inspect --insecure 127.0.0.1:5000/busybox | jq -cS .)" "$(b manifest inspect 127.0.0.1:5000/busybox | jq -cS .)"
same "--verbose: docker's own says the same" \
    "$(DOCKER_CLI_EXPERIMENTAL=enabled d manifest inspect -v --insecure 127.0.0.1:5000/busybox | jq -cS '[.Ref, .Descriptor]')" \
    "$(b manifest inspect -v 127.0.0.1:5000/busybox | jq -cS '[.Ref, .Descriptor]')"
python3 - "$digest" "$(stat -c %s "$W/manifest")" "$(jq -r .mediaType "$W/manifest")" >"$W/index" <<'PY'
import json, sys
entry = {"mediaType": sys.argv[3], "size": int(sys.argv[2]), "digest": sys.argv[1], "platform": {"architecture": "amd64", "os": "linux"}}
print(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json", "manifests": [entry]}), end="")
PY
in_host curl -sf -X PUT -H 'Content-Type: application/vnd.docker.distribution.manifest.list.v2+json' --data-binary "@$W/index" http://127.0.0.1:5000/v2/busybox/manifests/many
api_is "an index" 200 '"Platforms":\[\{"architecture":"amd64","os":"linux"\}\]' GET /distribution/127.0.0.1:5000/busybox:many/json
same "inspected" "$(jq -c . "$W/index")" "$(b manifest inspect 127.0.0.1:5000/busybox:many | jq -c .)"
same "with what it names" "[\"docker.io/library/x\",\"$digest\",\"amd64\"]" "$(b manifest inspect -v 127.0.0.1:5000/busybox:many | jq -c '.[0] | ["docker.io/library/x", .Descriptor.digest, .Descriptor.platform.architecture]')"
like "no such manifest" '^no such manifest: 127.0.0.1:5000/busybox:nosuch$' "$(b manifest inspect 127.0.0.1:5000/busybox:nosuch 2>&1)"
in_host ip address add 10.9.9.1/24 dev lo
in_host python3 -c '
import socket, threading
def pipe(a, b):
    try:
        while True:
            d = a.recv(65536)
            if not d: break
            b.sendall(d)
    except OSError: pass
    b.close()
s = socket.create_server(("10.9.9.1", 5007))
while True:
    c, _ = s.accept()
    u = socket.create_connection(("127.0.0.1", 5000))
    threading.Thread(target=pipe, args=(c, u), daemon=True).start()
    threading.Thread(target=pipe, args=(u, c), daemon=True).start()
' & SERVERS+=($!)
poll 10 in_host curl -s -o /dev/null http://10.9.9.1:5007/v2/
like "in the clear it is not asked" 'HTTP response to HTTPS client' "$(b manifest inspect 10.9.9.1:5007/busybox 2>&1)"
same "unless --insecure says so" "$(jq -c . "$W/manifest")" "$(b manifest inspect --insecure 10.9.9.1:5007/busybox | jq -c .)"
# clients that go away end their questions
for i in 1 2 3; do timeout 0.2 curl -s --unix-socket "$SOCK" "http://x/images/search?term=127.0.0.33:5006/x" >/dev/null; done
check "nothing is under way any more" poll 5 eval 'api GET /debug/ops; [ "$BODY" = "[]" ]'
engine_sound
finish
