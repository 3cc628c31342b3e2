#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Completion in bash, zsh and fish: words, flags, values, and the names that there are now.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
made=${BERTH_BIN:-$BERTH_SRC/build/bin}/../manual/completion
made=$(readlink -f "$made")
[ -e "$made/berth" ] || { echo "1..0 # SKIP completions were not built"; exit 0; }
qa_up
export PATH=$BERTH_BIN:$PATH
b() { in_host berth "$@"; }
b run -d --name runner --network bridge busybox sleep 100000 >/dev/null
b create --name rester busybox true >/dev/null
b network create lan-one >/dev/null
b volume create vol-one >/dev/null
b tag busybox shop:1.4 >/dev/null

# ---- bash: what its function answers ----
in_bash() { # LINE
    in_host bash --norc -c '. "$1/berth"; COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=${3-" "}; _berth; printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd" "' \
        - "$made" "$1" ${2+"$2"}
}
in_fish() { in_host fish --no-config -c "source $made/berth.fish; complete -C '$1'" | cut -f1 | sort -u | paste -sd' '; }
both() { # NAME EXPECTED LINE
    same "bash: $1" "$2" "$(in_bash "$3")"
    same "fish: $1" "$2" "$(in_fish "$3")"
}
both "a command" "rename restart rm rmi run" "berth r$( : )"
both "a command of a group" "ls" "berth network l"
both "a flag" "--cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems" "berth run --cpu"
both "a flag of its group's name" "--cidfile" "berth container run -it --ci"
both "running containers" "runner" "berth exec -it r"
both "all containers" "rester runner" "berth rm -f r"
both "the second of them" "rester runner" "berth rm -f runner r"
both "stopped ones" "rester" "berth start "
both "images" "shop:1.4" "berth run -d --name x -e A=b sh"
both "a network, as a value" "lan-one" "berth run --network lan"
both "a network, then a container" "rester runner" "berth network connect lan-one r"
both "volumes" "vol-one" "berth volume rm v"
both "a word of a few" "on-failure" "berth run --restart on"
both "global flags before" "runner" "berth -H $DOCKER_HOST -D exec r"
same "bash: nothing behind the image but the container's own" "" "$(in_bash "berth run busybox --cp")"
same "bash: --flag=value" "lan-one" "$(in_bash "berth run --network=lan")"
same "bash: behind a colon, which parts words" "1.4" "$(in_bash "berth run shop:1" ' :=')"
same "bash: containers with a colon to copy from" "rester: runner:" "$(in_bash "berth cp r")"
same "bash: an engine that is not there: nothing, and no noise" "" "$(in_bash "berth -H unix:///nowhere exec r" 2>&1)"
same "bash: what is no command" "" "$(in_bash "berth nosuch r")"
touch "$HOST/env-file"
like "bash: files" "$HOST/env-file" "$(in_bash "berth run --env-file $HOST/env")"
while read -r name; do
    [ -n "$(in_bash "berth $name --")" ] || echo "$name"
done < <(berth --help | sed -n '/^Commands:/,/^$/p' | awk '/^  [a-z]/ { print $1 }') >"$HOST/none"
same "bash: which commands have no flags" "diff logout pause port rename tag top unpause wait" "$(paste -sd' ' "$HOST/none")"

# ---- real shells, by their keys ----
typed() { in_host python3 shells.py "$@"; }
like "bash: a tab ends the word" '^run(ner)?$' "$(typed bash ". $made/berth" "berth exec runn" | tail -1)"
like "bash: a tab ends a flag" '^--cidfile' "$(typed bash ". $made/berth" "berth run --cidf")"
zsh_setup="fpath=($made \$fpath); autoload -Uz compinit; compinit -u -D"
like "zsh: a tab ends the word" 'runner' "$(typed zsh "$zsh_setup" "berth exec runn")"
like "zsh: a tab ends a flag" '--cidfile' "$(typed zsh "$zsh_setup" "berth run --cidf")"
like "zsh: commands with their helps" 'Create$' "$(typed zsh "$zsh_setup" "berth r")"
like "zsh: images" 'shop:1.4|shop\\:1.4' "$(typed zsh "$zsh_setup" "berth run sho")"
engine_sound
finish
