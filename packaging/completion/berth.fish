# fish completion for berth; made by packaging/manual from the tables of commands and flags.

# What the words before the cursor mean, once for each line.
function __berth_look
    set -l line (commandline -opc)
    test "$line" = "$__berth_line"; and return
    set -g __berth_line "$line"
    set -g __berth_command ''
    set -g __berth_nth 1
    set -g __berth_globals
    __berth_table ''
    set -l skip 0
    for word in $line[2..]
        if test $skip = 1
            set skip 0
            test -n "$__berth_command"; or set -a __berth_globals $word
            continue
        end
        switch $word
            case '-*'
                test -n "$__berth_command"; or set -a __berth_globals $word
                contains -- $word $__berth_valued; and set skip 1
            case '*'
                set -l longer (string trim "$__berth_command $word")
                if __berth_table $longer
                    set -g __berth_command $longer
                else
                    set -g __berth_nth (math $__berth_nth + 1)
                end
        end
    end
end
function __berth_at
    __berth_look
    test "$__berth_command" = "$argv[1]"
end
function __berth_argument
    __berth_look
    set -l kind none
    if test $__berth_nth -le (count $__berth_kinds)
        set kind $__berth_kinds[$__berth_nth]
    else if string match -q '*+' -- "$__berth_kinds[-1]"
        set kind $__berth_kinds[-1]
    end
    set kind (string replace -r '\+$' '' -- $kind)
    __berth_names $kind
    contains -- $kind file copy; and __fish_complete_path (commandline -ct)
end
function __berth_names
    __berth_look
    set -l b berth $__berth_globals
    switch $argv[1]
        case container
            $b ps -a --format '{{.Names}}'
        case running
            $b ps --format '{{.Names}}'
        case stopped
            $b ps -a -f status=created -f status=exited --format '{{.Names}}'
        case paused
            $b ps -f status=paused --format '{{.Names}}'
        case image
            $b images --format '{{.Repository}}:{{.Tag}}' | string match -v '*<none>*'
        case network
            $b network ls --format '{{.Name}}'
        case volume
            $b volume ls --format '{{.Name}}'
        case context
            $b context ls --format '{{.Name}}'
        case object
            __berth_names container
            __berth_names image
            __berth_names network
            __berth_names volume
        case copy
            $b ps -a --format '{{.Names}}:'
        case mount
            $b volume ls --format '{{.Name}}:'
        case 'words:*'
            string split , (string replace words: '' $argv[1])
    end 2>/dev/null
end
@TABLE@
complete -c berth -n 'not __berth_at ""' -f -a '(__berth_argument)'
