#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The user's guide: each command of docs/guide is run, and does and prints what the guide says.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
qa_up
export PATH=$BERTH_BIN:$PATH HOME=$HOST/home
export DOCKER_CONFIG=$HOME/.docker
mkdir -p "$HOME" "$HOST/guide" && here=$PWD
pages=$(sed -n 's/^[0-9]*\. \[.*\](\(.*\))$/\1/p' ../../docs/guide/README.md)
same "README.md has all pages" "$(cd ../../docs/guide && ls | grep -v README.md)" "$(printf '%s\n' $pages | sort)"
for page in $pages; do
    n=0
    while IFS= read -r line; do
        case $line in
        'ok - '*) ok "${line#ok - }"; n=$((n + 1)) ;;
        'not ok - '*) not_ok "${line#not ok - }"; n=$((n + 1)) ;;
        *) echo "$line" ;;
        esac
    done < <(cd "$HOST/guide" && in_host python3 "$here/user_guide.py" "$(readlink -f "$here/../../docs/guide/$page")")
    check "$page: has commands" test "$n" -gt 0
    same "$page: removes what it has made" "" "$(d ps -aq)$(d volume ls -q)$(d network ls -q -f type=custom)"
    containers_clear
done
engine_sound
finish
