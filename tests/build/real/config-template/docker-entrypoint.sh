#!/bin/sh
set -e
for f in /docker-entrypoint.d/*.sh; do . "$f"; done
sed -e "s|@LISTEN@|$LISTEN|" -e "s|@UPSTREAM@|$UPSTREAM|" -e "s|@WORKERS@|$WORKERS|" \
    /etc/proxy/proxy.conf.tmpl >/run/proxy/proxy.conf
exec "$@"
