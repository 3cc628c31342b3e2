# What the words before the cursor mean; for bash and for zsh. Sets command, want (the kind of the
# value that comes next), nth (arguments there are), globals, and the row of the table.
_berth_look() { # WORDS…
    local word kind only_arguments=
    command= want= nth=0 globals=
    _berth_table ''
    while [ $# -gt 0 ]; do
        word=$1
        shift
        case $only_arguments$word in
        --) only_arguments=1 ;;
        -*=*) [ -n "$command" ] || globals="$globals $word" ;;
        -*)
            kind=$(_berth_value_kind "$word")
            [ -n "$command" ] || globals="$globals $word"
            [ -n "$kind" ] || continue
            if [ $# = 0 ]; then want=$kind; return 0; fi
            [ -n "$command" ] || globals="$globals $1"
            shift
            ;;
        *)
            if [ -n "$subcommands" ]; then
                command="${command:+$command }$word"
                _berth_table "$command" || return 1
            else
                nth=$((nth + 1))
                [ -z "$options_first" ] || only_arguments=1
            fi
            ;;
        esac
    done
    [ -z "$only_arguments" ] || flags=
}
# The kind of a flag's value; nothing for a flag without one. Of -it the last letter counts.
_berth_value_kind() { # FLAG
    local flag=$1 rest
    case $flag in
    --*) ;;
    *) flag=-${flag#"${flag%?}"} ;;
    esac
    rest=" $values"
    case $rest in
    *" $flag="*) rest=${rest#*" $flag="}; echo "${rest%% *}" ;;
    esac
}
# The kind of the argument that comes next.
_berth_argument_kind() {
    local kind= word n=0
    for word in $kinds; do
        n=$((n + 1))
        kind=$word
        [ $n -le "$nth" ] || break
    done
    case $kind in
    *+) echo "${kind%+}" ;;
    *) [ $n -le "$nth" ] || echo "$kind" ;;
    esac
}
_berth_names() { # KIND
    case $1 in
    container) berth $globals ps -a --format '{{.Names}}' ;;
    running) berth $globals ps --format '{{.Names}}' ;;
    stopped) berth $globals ps -a -f status=created -f status=exited --format '{{.Names}}' ;;
    paused) berth $globals ps -f status=paused --format '{{.Names}}' ;;
    image) berth $globals images --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>' ;;
    network) berth $globals network ls --format '{{.Name}}' ;;
    volume) berth $globals volume ls --format '{{.Name}}' ;;
    context) berth $globals context ls --format '{{.Name}}' ;;
    object)
        _berth_names container
        _berth_names image
        _berth_names network
        _berth_names volume
        ;;
    copy) berth $globals ps -a --format '{{.Names}}:' ;;
    mount) berth $globals volume ls --format '{{.Name}}:' ;;
    words:*) echo "${1#words:}" | tr , '\n' ;;
    esac 2>/dev/null
}
