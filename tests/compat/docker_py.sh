#!/bin/bash
# docker-py drives the engine: Debian's python3-docker, as scripts use it.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
python=
for p in /usr/bin/python3 python3; do $p -c 'import docker' 2>/dev/null && python=$p && break; done
[ -n "$python" ] || { not_ok "python3-docker is installed (tests/lib/packages.sh test)"; finish; exit 1; }
qa_up
d run --rm busybox true
settled
census_stable >"$HOST/before"
in_host timeout 80 "$python" docker_py.py "$SOCK" >"$HOST/tap" 2>&1
rc=$?
while IFS= read -r line; do
    case $line in
    "ok "*) ok "${line#ok }" ;;
    "not ok "*) not_ok "${line#not ok }" ;;
    *) echo "# $line" ;;
    esac
done <"$HOST/tap"
same "docker-py came to its end" 0 "$rc"
settled
census_back "the census is as before" "$HOST/before"
engine_sound
finish
