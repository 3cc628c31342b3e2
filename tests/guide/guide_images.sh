#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The guide's section 1, "Downloading Images", by each client.
. "$(dirname "$0")/kit.sh"
GUIDE_REGISTRY=1 guide_up --insecure-registry 192.168.1.110:5000 --registry-mirror http://127.0.0.1:5000
R=192.168.1.110:5000

nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@" 2>&1; }
downloading() {
    local out
    if nobody test -x "$CLIENT"; then
        out=$(nobody "$CLIENT" ps)
        like "1.1 $N: a common user is refused" "permission denied" "$out"
    fi
    like "1.1 $N: root is not" "CONTAINER ID" "$(c ps)"

    out=$(c pull busybox)
    like "1.2 $N: pull takes it from the official registry" "Status: Downloaded newer image for (docker.io/library/)?busybox:latest" "$out"
    like "1.2 $N: pull shows the digest" "Digest: sha256:[0-9a-f]{64}" "$out"
    like "1.3 $N: without a tag it is latest" "Using default tag: latest" "$out"
    out=$(c pull registry)
    like "1.4 $N: a layer that is here is skipped" "Already exists" "$out"
    like "1.4 $N: one that is not is downloaded" "Pull complete" "$out"
    out=$(c pull busybox)
    like "1.4 $N: so is a whole image" "Status: Image is up to date" "$out"
    out=$(c pull $R/busybox)
    like "1.5 $N: a private registry" "Status: (Downloaded newer image|Image is up to date) for $R/busybox:latest" "$out"
    c rmi busybox >/dev/null
    check "1.6 $N: tag" c tag $R/busybox busybox
    out=$(c images)
    like "1.7 $N: images lists the short name" "^busybox +latest +[0-9a-f]{12}" "$out"
    like "1.7 $N: and the registry's" "^$R/busybox +latest +[0-9a-f]{12}" "$out"
    same "1.7 $N: they are one image" 1 "$(c images -q busybox | cat - <(c images -q $R/busybox) | sort -u | wc -l)"
    c rmi busybox registry $R/busybox >/dev/null
    same "1.7 $N: rmi of every name: none is left" "" "$(c images -q)"
}

chmod 755 "$HOST" # as /run is
each downloading
finish
