#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How registries are reached: certificates of certs.d (authorities, and who we are), mirrors of any
# registry, insecure ones by network, proxies of flags and daemon.json.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
expect_500 '(/images/create|/auth) .*(verify certificate|bad certificate|certs\.d/10\.9\.9\.1:|5443: connect: connection refused)' 'as Docker: a registry that cannot be reached, and it says why'
SERVERS=()
cleanup() { for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null; done; host_down; }
trap cleanup EXIT
host_up
host_registry || { not_ok "a registry with images"; finish; exit 1; }
A=10.9.9.1 C=$HOST/certs.d T=$HOST/tls
in_host ip address add $A/24 dev lo
mkdir -p "$T" "$C"
make_ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.crt"; }
make_cert() { # NAME AUTHORITY EXTENSION
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.csr"
    openssl x509 -req -in "$T/$1.csr" -CA "$T/$2.crt" -CAkey "$T/$2.key" -CAcreateserial -days 2 -extfile <(echo "$3") -out "$T/$1.crt"
}
{
    make_ca servers && make_ca people && make_ca strangers
    make_cert registry servers "subjectAltName=IP:$A,IP:127.0.0.1,DNS:reg.lan"
    make_cert me people "extendedKeyUsage=clientAuth"
    make_cert other strangers "extendedKeyUsage=clientAuth"
} >"$T/log" 2>&1 || { not_ok "certificates" "$(cat "$T/log")"; finish; exit 1; }
serve() { # PORT [CLIENT CAS]
    cat >"$T/$1.yml" <<CONF
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $HOST/registry}}
http: {addr: "$A:$1", tls: {certificate: $T/registry.crt, key: $T/registry.key${2:+, clientcas: [$2]}}}
CONF
    in_host docker-registry serve "$T/$1.yml" >"$T/$1.log" 2>&1 & SERVERS+=($!)
}
serve 5443; serve 5444 "$T/people.crt"
# A proxy that writes down whom it was asked for, and one that is slow to say who it is.
cat >"$T/proxy.py" <<'PY'
import socket, sys, threading
def pipe(a, b):
    try:
        while (d := a.recv(65536)): b.sendall(d)
    except OSError: pass
    for s in (a, b):
        try: s.shutdown(socket.SHUT_RDWR)
        except OSError: pass
def serve(c):
    head = b""
    while b"\r\n\r\n" not in head: head += c.recv(4096)
    line = head.split(b"\r\n")[0].decode()
    auth = [l for l in head.decode().split("\r\n") if l.lower().startswith("proxy-authorization")]
    print(line, *auth, flush=True)
    if not line.startswith("CONNECT"): c.sendall(b"HTTP/1.1 502 no\r\nContent-Length: 0\r\n\r\n"); return c.close()
    host, port = line.split()[1].rsplit(":", 1)
    u = socket.create_connection((host, int(port)))
    c.sendall(b"HTTP/1.1 200 ok\r\n\r\n")
    threading.Thread(target=pipe, args=(c, u), daemon=True).start(); pipe(u, c)
s = socket.create_server(("127.0.0.1", 3128))
while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
PY
in_host python3 "$T/proxy.py" >>"$T/proxied" 2>&1 & SERVERS+=($!)
poll 10 in_host curl -sk -o /dev/null https://$A:5443/v2/
poll 10 in_host bash -c "exec 3<>/dev/tcp/127.0.0.1/3128"
pulls() { # NAME REF
    in_host "$BERTH" rmi "$2" >/dev/null 2>&1
    out=$(in_host "$BERTH" pull "$2" 2>&1) && ok "$1" || not_ok "$1" "$out"
}
fails() { # NAME REGEX REF
    in_host "$BERTH" rmi "$3" >/dev/null 2>&1
    out=$(in_host "$BERTH" pull "$3" 2>&1) && not_ok "$1: it worked" || like "$1" "$2" "$out"
}
start() { engine_stop; engine_start --certs-dir "$C" "$@" || { not_ok "engine starts with $*"; finish; exit 1; }; }
R=$A:5443/busybox M=$A:5444/busybox D=$C/$A:5443 E=$C/$A:5444

# ---- certs.d ----
start
fails "a stranger's certificate" 'certificate' $R
mkdir "$D" "$E"; cp "$T/servers.crt" "$D/ca.crt"
pulls "its authority in certs.d, without a restart" $R
api_is "a login sees it" 200 'Login Succeeded' POST /auth "{\"serveraddress\":\"$A:5443\"}"
fails "the authority of one port is not that of another" 'certificate' $M
cp "$T/servers.crt" "$E/ca.crt"
fails "a registry that wants to know who we are" 'certificate required|alert|bad certificate|EOF|handshake' $M
cp "$T/me.crt" "$E/me.cert"
fails "a certificate without its key" "$E/me.cert: missing key me.key for client certificate me.cert. CA certificates must use the extension .crt" $M
cp "$T/me.key" "$E/me.key"
pulls "with a certificate of ours" $M
cp "$T/other.crt" "$E/a.cert"; cp "$T/other.key" "$E/a.key"
pulls "of two that whose authority it takes" $M
rm "$E/me.cert"
fails "a key without its certificate" 'missing client certificate me.cert for key me.key' $M
rm "$E/me.key"
fails "the wrong one of ours" 'certificate required|alert|bad certificate|EOF|handshake' $M
cp "$T/me.key" "$E/a.key"
fails "a key of another certificate" 'a.key is not the key of a.cert' $M
echo nonsense >"$E/a.key"
fails "a key that is none" 'a.key has no private key' $M
rm "$E"/a.*; echo nonsense >"$E/ca.crt"
fails "an authority that is none" "$E/ca.crt: it has no certificate" $M
head -c 2000000 /dev/zero >"$E/ca.crt"
fails "a huge one" 'ca.crt: ' $M
rm -rf "$E"; mkfifo "$T/fifo"; mkdir "$E"; ln -s "$T/fifo" "$E/ca.crt"
timeout 20 nsenter --net="/proc/$HOST_NS_PID/ns/net" -- "$BERTH" pull $M >"$T/fifo.out" 2>&1
like "a FIFO is not waited for" 'ca.crt: it is no file' "$(cat "$T/fifo.out")"
rm -rf "$E"

# ---- mirrors ----
start --registry-mirror "$A:5444=http://127.0.0.1:5000" --registry-mirror "reg.lan=http://127.0.0.1:1" --registry-mirror "reg.lan=http://127.0.0.1:5000"
pulls "another registry's mirror" $M
pulls "the second mirror, when the first is not there" reg.lan/busybox
like "the names are the registry's own" '^reg.lan/busybox:latest$' "$(d images --format '{{.Repository}}:{{.Tag}}')"
api_is "a login does not ask a mirror" 500 "https://$A:5444/v2/" POST /auth "{\"serveraddress\":\"$A:5444\"}"
same "info has them" '["http://127.0.0.1:1","http://127.0.0.1:5000"] []' "$(api GET /info; printf %s "$BODY" | jq -rc '"\(.RegistryConfig.IndexConfigs["reg.lan"].Mirrors) \(.RegistryConfig.Mirrors)"')"
for bad in =http://x reg.lan= http://u:p@x ftp://x 'http://x/?a' 'a/b=http://x'; do
    out=$("$BERTH_BIN/berthd" --validate --config-file /dev/null --registry-mirror "$bad" 2>&1)
    case $out in *u:p*) not_ok "the password of a mirror is not told" "$out" ;; esac
    like "no mirror: $bad" 'invalid mirror: ".*" is not a valid URI' "$out"
done

# ---- insecure ----
start --insecure-registry 10.9.9.0/24
pulls "a network of insecure registries" $R

# ---- proxies ----
start --https-proxy "http://me:hush@127.0.0.1:3128"
: >"$T/proxied"
pulls "through a proxy" $R
like "which was asked" "^CONNECT $A:5443 .*Basic $(printf me:hush | base64)" "$(cat "$T/proxied")"
same "info does not tell the password" "http://xxxxx:xxxxx@127.0.0.1:3128" "$(api GET /info; printf %s "$BODY" | jq -r .HttpsProxy)"
: >"$T/proxied"
pulls "loopback goes without" 127.0.0.1:5000/busybox
same "nobody was asked" "" "$(cat "$T/proxied")"
start --https-proxy http://127.0.0.1:3128 --no-proxy "x.lan,10.9.9.0/24"
: >"$T/proxied"
pulls "an exception" $R
same "goes without" "" "$(cat "$T/proxied")"
echo '{"proxies":{"http-proxy":"http://127.0.0.1:3128","https-proxy":"http://127.0.0.1:3128","no-proxy":"y.lan"}}' >"$HOST/daemon.json"
start --config-file "$HOST/daemon.json"
pulls "daemon.json's proxy" $R
like "was asked" "^CONNECT $A:5443" "$(cat "$T/proxied")"
same "info" "http://127.0.0.1:3128 http://127.0.0.1:3128 y.lan" "$(api GET /info; printf %s "$BODY" | jq -r '"\(.HttpProxy) \(.HttpsProxy) \(.NoProxy)"')"
HTTPS_PROXY=http://127.0.0.1:1 start
fails "the environment's proxy" 'connection refused|proxy|Proxy' $R
like "flag and file" 'proxies.https-proxy: \(from flag: http://xxxxx:xxxxx@a, from file: http://127.0.0.1:3128\)' \
    "$("$BERTH_BIN/berthd" --validate --https-proxy http://u:hush@a --config-file "$HOST/daemon.json" 2>&1)"
echo '{"proxies":{"frob":"x"}}' >"$HOST/daemon.json"
like "an unknown one" "don't match any configuration option: proxies.frob" "$("$BERTH_BIN/berthd" --validate --config-file "$HOST/daemon.json" 2>&1)"
echo '{"proxies":"x"}' >"$HOST/daemon.json"
like "no object" 'directive proxies must be an object' "$("$BERTH_BIN/berthd" --validate --config-file "$HOST/daemon.json" 2>&1)"
same "no password in the log" "" "$(grep hush "$HOST/engine.log")"
engine_sound
finish
