#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Registries behind TLS: whose certificate is trusted, what is said of the others, and that the
# authorities of the host (here 140 and more) are not read on the loop.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh
expect_500 'images/create .*failed to verify certificate' 'a registry that nobody vouches for'
case $BERTH_BIN in *debug*) LIMIT_MS=67 ;; *) LIMIT_MS=17 ;; esac
ADDRESS=10.9.9.1 NAME=10.9.9.1:5443/busybox
cleanup() { [ -z "${TLS_PID:-}" ] || kill "$TLS_PID"; host_down; }
trap cleanup EXIT
host_up
host_registry
in_host ip address add $ADDRESS/24 dev lo
T=$HOST/tls
mkdir "$T"
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=tests-authority \
        -keyout "$T/ca.key" -out "$T/ca.crt"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=registry \
        -keyout "$T/key" -out "$T/csr"
    openssl x509 -req -in "$T/csr" -CA "$T/ca.crt" -CAkey "$T/ca.key" -CAcreateserial -days 2 \
        -extfile <(echo "subjectAltName=IP:$ADDRESS") -out "$T/crt"
} >"$T/log" 2>&1 || { not_ok "certificates" "$(cat "$T/log")"; finish; exit 1; }
cat /etc/ssl/certs/ca-certificates.crt "$T/ca.crt" >"$T/bundle.crt"
cat >"$T/registry.yml" <<CONF
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $HOST/registry}}
http: {addr: "$ADDRESS:5443", tls: {certificate: $T/crt, key: $T/key}}
CONF
in_host docker-registry serve "$T/registry.yml" >"$T/registry.log" 2>&1 &
TLS_PID=$!
served() { in_host curl -fsk -o /dev/null https://$ADDRESS:5443/v2/; }
poll 10 served

# pulled: REPLY is the last line of the answer, HOLD the longest hold of the loop meanwhile
pulled() {
    : >"$T/answer"
    read -r HOLD _ <<<"$(python3 turns.py "$SOCK" pull $NAME "$T/answer")"
    REPLY=$(tail -1 "$T/answer")
    echo "# hold < $HOLD ms; $REPLY"
}
not_held() { check "$1: no hold of $LIMIT_MS ms" test "${HOLD:-9999}" -lt "$LIMIT_MS"; }
told() { # NAME TEXT
    case $REPLY in *"$2"*) ok "$1" ;; *) not_ok "$1" "$REPLY" ;; esac
}

engine_start || { not_ok "engine starts"; finish; exit 1; }
pulled
told "a stranger's certificate is refused" certificate
not_held "refused"
same "and nothing of it is there" "" "$($BERTH images -q)"
engine_stop
SSL_CERT_FILE=$T/bundle.crt engine_start
pulled
told "an authority of SSL_CERT_FILE is trusted" "Downloaded newer image"
not_held "trusted"
pulled
told "and the next time" "up to date"
$BERTH rmi $NAME >/dev/null
# clients that go away while the authorities are read leave nothing
for _ in 1 2 3 4 5; do
    timeout 0.0$((RANDOM % 9 + 1)) curl -s --unix-socket "$SOCK" -X POST "http://x/images/create?fromImage=$NAME" >/dev/null
done
pulled # one of them may have waited long enough
case $REPLY in *"up to date"*) REPLY="Downloaded newer image" ;; esac
told "after five that went away" "Downloaded newer image"
engine_stop
SSL_CERT_FILE=$T/none.crt engine_start
pulled
told "a bundle that is not there trusts nobody" certificate
check "and the log names it" grep -q "authorities cannot be read.*$T/none.crt" "$HOST/engine.log"
engine_stop
engine_start --insecure-registry $ADDRESS:5443
$BERTH rmi $NAME >/dev/null 2>&1
pulled
told "an insecure registry may have any" "Downloaded newer image"
not_held "insecure"
finish
