# bash completion for berth; made by packaging/manual from the tables of commands and flags.
@TABLE@
@CORE@
_berth() {
    local command want nth globals subcommands flags values kinds options_first
    local line=${COMP_LINE:0:COMP_POINT} words=() cur list before
    read -ra words <<<"$line"
    case $line in *[[:space:]]) cur= ;; *) cur=${words[-1]} && unset 'words[-1]' ;; esac
    COMPREPLY=()
    _berth_look "${words[@]:1}" || return 0
    if [ -z "$want" ]; then
        case $cur in
        --*=*)
            want=$(_berth_value_kind "${cur%%=*}")
            cur=${cur#*=}
            ;;
        -*) list=$flags ;;
        *)
            list=$subcommands
            [ -n "$subcommands" ] || want=$(_berth_argument_kind)
            ;;
        esac
    fi
    case $want in
    file | copy | mount)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        ;;
    esac
    case $want in
    '' | file | none) ;;
    *) list=$(_berth_names "$want") ;;
    esac
    case $want in copy | mount) [ -z "$list" ] || compopt -o nospace 2>/dev/null ;; esac
    [ -z "$list" ] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$list" -- "$cur")
    # bash takes what is behind the last colon for the word.
    case $COMP_WORDBREAKS,$cur in
    *:*,*:*)
        before=${cur%"${cur##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
        ;;
    esac
}
complete -F _berth berth
