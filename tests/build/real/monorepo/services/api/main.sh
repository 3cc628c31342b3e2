. libs/log/src/log.sh
. libs/time/src/time.sh
log "api at $(now)"
find . -type f | sort
