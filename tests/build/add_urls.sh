#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ADD of addresses: content, name, mode, time and owner of the file; --checksum and --unpack; what the cache depends on; servers that
# are not there, lie, stall, redirect or never end; nothing is left.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
export BERTH_SLOW_S=3
qa_up
export DOCKER_BUILDKIT=0
T=$HOST/t; mkdir "$T" "$T/ctx"; cd "$T" || exit 1
build() { # TAG [FLAGS…] <Dockerfile: OUT is what is said
    local tag=$1 text; shift
    text=$(cat)
    printf '%s\n' "$text" >"$T/Dockerfile"
    OUT=$(d build -t "$tag" "$@" -f "$T/Dockerfile" "$T/ctx" 2>&1)
}
inside() { d run --rm --entrypoint sh "$1" -c "$2" 2>&1; }
says() { like "$1" "$2" "$OUT"; }
cached() { grep -c 'Using cache' <<<"$OUT"; }
mkdir served; echo one >served/one; mkdir pack; echo packed >pack/in; tar -czf served/pack.tgz pack
cat >server.py <<'X'
import http.server, os, sys, time
os.chdir(sys.argv[1])
class H(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a): pass
    def answer(self, code, headers, body=b''):
        self.send_response(code)
        for k, v in headers.items(): self.send_header(k, v)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers(); self.wfile.write(body)
    def do_GET(self):
        p = self.path.split('?')[0]
        if p == '/named': self.answer(200, {'Content-Disposition': 'attachment; filename="../../evil/really"'}, b'named\n')
        elif p == '/dated': self.answer(200, {'Last-Modified': 'Sat, 03 Feb 2001 04:05:06 GMT'}, b'dated\n')
        elif p == '/away': self.answer(302, {'Location': '/one'})
        elif p == '/circle': self.answer(302, {'Location': '/circle'})
        elif p == '/file-scheme': self.answer(302, {'Location': 'file:///etc/shadow'})
        elif p == '/teapot': self.answer(418, {}, b'a page about it')
        elif p == '/short':
            self.send_response(200); self.send_header('Content-Length', '1000'); self.end_headers(); self.wfile.write(b'short'); self.close_connection = True
        elif p == '/stall':
            self.send_response(200); self.send_header('Content-Length', '1000'); self.end_headers(); self.wfile.write(b'x'); self.wfile.flush(); time.sleep(30)
        elif p == '/big':
            self.send_response(200); self.send_header('Content-Length', str(64 << 20)); self.end_headers()
            for _ in range(64): self.wfile.write(b'b' * (1 << 20))
        elif p == '/endless':
            self.send_response(200); self.end_headers(); self.close_connection = True
            try:
                while True: self.wfile.write(b'e' * (1 << 20)); time.sleep(0.05)
            except OSError: pass
        elif p.startswith('/counted'):
            open('count', 'a').write('x'); self.answer(200, {}, b'counted\n')
        else: super().do_GET()
s = http.server.ThreadingHTTPServer(('127.0.0.1', 8000), H)
print('ready', flush=True); s.serve_forever()
X
nsenter --net="/proc/$HOST_NS_PID/ns/net" -- python3 server.py "$T/served" >ready 2>&1 &
SERVER=$!
poll 10 grep -q ready ready
U=http://127.0.0.1:8000
sum=sha256:$(sha256sum <served/one | cut -d' ' -f1)

build url:1 <<X
FROM busybox
ARG U=$U
ADD \$U/one /a/
ADD $U/one?x=y /b
ADD --chown=5:6 --chmod=0644 $U/named /n/
ADD $U/dated /dated
ADD $U/away /c
ADD $U/one $U/dated /both/
ADD --checksum=$sum $U/one /sum
X
same "a folder, a name, two, with variables and a redirect" "one one one one dated one" "$(inside url:1 'cat /a/one /b /c /both/one /both/dated /sum | xargs')"
same "named by the server, with owner and mode" "644 5:6 /n/really" "$(inside url:1 'stat -c "%a %u:%g %n" /n/*')"
same "else root's, 0600" "600 0:0" "$(inside url:1 'stat -c "%a %u:%g" /b')"
same "as old as the server says" "2001-02-03 04:05:06" "$(inside url:1 'stat -c %y /dated | cut -c1-19')"
build url:1 <"$T/Dockerfile"
same "cached by content" 8 "$(cached)"
echo two >served/one
build url:1 <"$T/Dockerfile"
says "a checksum that does not match" "digest mismatch of $U/one: got sha256:[0-9a-f]*, expected $sum"
same "and what has changed is not cached: ARG alone is" 1 "$(cached)"
build url:2 <<X
FROM busybox
ADD $U/pack.tgz /packed/
ADD --unpack=true $U/pack.tgz /unpacked/
X
same "an archive stays one, unless it is said" "pack.tgz|packed" "$(inside url:2 'echo "$(ls /packed)|$(cat /unpacked/pack/in)"')"
build url:3 <<X
FROM busybox
ADD $U/big /big
X
same "64 MiB" 67108864 "$(inside url:3 'stat -c %s /big')"
for bad in "$U/nosuch:404" "$U/teapot:status 418" "$U/circle:redirects" "$U/file-scheme:rotocol|unsupported|not supported" "$U/short:transfer closed|bytes remaining|unexpected EOF|closed" "$U/stall:slow" \
    "http://127.0.0.1:9/x:refused" "http://nosuch.invalid/x:no such host|resolve"; do
    build bad:1 <<<"FROM busybox
ADD ${bad%:*} /x"
    says "${bad%:*}" "${bad##*:}"
done
build bad:1 <<<"FROM busybox
ADD $U/ /x/"
says "an address without a name" 'cannot determine filename from url'
build bad:1 <<<"FROM busybox
ADD $U/one/.. /x/"
says "nor is .. one" 'cannot determine filename from url|404'
for bad in "--checksum=sha256:12 $U/one:is no sha256" "--checksum=$sum server.py:for local sources" "--checksum=$sum $U/one $U/dated:multiple sources" "https\\://example.invalid/x.git:git repository is not supported" "git@example.invalid\\:x.git:git repository is not supported"; do
    echo x >ctx/server.py; what=${bad//\\:/@@}; rest=${what##*:}; what=${what%:*}
    build bad:1 <<<"FROM busybox
ADD ${what//@@/:} /x/"
    says "ADD ${what//@@/:}" "$rest"
done
# ---- remote: the context, or the Dockerfile, is an address
mkdir far; echo far >far/file; printf 'FROM busybox\nCOPY file /far\n' >far/Dockerfile; printf 'FROM busybox\nCOPY file /other\n' >far/Other; tar -C far -czf served/far.tgz .
printf 'FROM busybox\nRUN echo alone >/alone\n' >served/Plain
remote() { OUT=$(curl -s -X POST --unix-socket "$SOCK" "http://x/build?t=$1&remote=$2" | jq -r '.stream // .error // .message // empty'); }
remote far:1 $U/far.tgz
same "a tar" far "$(inside far:1 'cat /far')"
remote far:2 "$U/far.tgz&dockerfile=Other"
same "another Dockerfile in it" far "$(inside far:2 'cat /other')"
remote far:3 $U/Plain
same "a Dockerfile alone" alone "$(inside far:3 'cat /alone')"
"$BERTH_BIN/berth" -H "unix://$SOCK" build -q -t far:4 -f Other $U/far.tgz >/dev/null
same "by berth" far "$(inside far:4 'cat /other')"
remote far:5 $U/nosuch; says "what is not there" 404
remote far:5 $U/one; says "what is no Dockerfile" 'unknown instruction'
remote far:5 $U/x.git; says "a repository" 'is not supported by this version of berth: clone it'
OUT=$("$BERTH_BIN/berth" -H "unix://$SOCK" build git@example.invalid:x 2>&1); says "by berth" 'clone it'

printf 'FROM busybox\nADD %s/endless /x\n' "$U" >"$T/two-Dockerfile"; mkdir two; cp two-Dockerfile two/Dockerfile; tar -C two -cf two.tar .
endless() { exec curl -s -o /dev/null --unix-socket "$SOCK" -H 'Content-Type: application/x-tar' --data-binary @two.tar http://x/build; }
endless & CLIENT=$!
under_way() { curl -s --unix-socket "$SOCK" http://x/debug/ops | grep -q build/fetch; }
check "one that never ends" poll 10 under_way
kill $CLIENT; wait $CLIENT 2>/dev/null
check "ends with its client" poll 10 eval '! under_way'
endless & CLIENT=$!
poll 10 under_way
engine_stop TERM; engine_start || exit 1
wait $CLIENT 2>/dev/null
same "the next engine finds nothing of it" "" "$(ls "$HOST/data/tmp" | grep build-)"
kill $SERVER; wait $SERVER 2>/dev/null
d builder prune -af >/dev/null
engine_sound
finish
