# What land.sh and forward_land.sh share; $LAND is the program, $NONE what it says when nothing is
# lost. Sourced, after tap.sh.

clean() { # MODE SOURCE COUNT: nothing is lost
    local out rest
    out=$("$LAND" "$1" "$2" land "$3" 2>&1)
    echo "$out" | grep '^#'
    rest=${out##*kills }
    same "$1 $2: ${rest%% *} kills" "$NONE" "${rest#* }"
}
dirty() { # MODE SOURCE COUNT: something is, by the plain way
    local out
    out=$("$LAND" "$1" "$2" plain "$3" 2>/dev/null) && not_ok "$1 $2 plain fails" "$out" || ok "$1 $2 plain fails: $out"
}
