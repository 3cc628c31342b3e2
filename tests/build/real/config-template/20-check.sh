case $LISTEN in *[!0-9]*) echo "LISTEN is no port: $LISTEN" >&2; exit 1 ;; esac
