#!/bin/bash
# A host that drops what is forwarded by default is told of in the log, one that does not is not.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/lib/host.sh
trap host_down EXIT
host_up
engine_start || exit 1
same "no word of an open host" 0 "$(grep -c 'drops forwarded packets' "$HOST/engine.log")"
engine_stop
in_host nft -f - <<'NFT'
table ip filter {
    chain FORWARD {
        type filter hook forward priority 0; policy drop;
    }
    chain other {
    }
}
table ip6 six {
    chain f {
        type filter hook forward priority 0; policy drop;
    }
}
table inet local {
    chain in {
        type filter hook input priority 0; policy drop;
        iifname lo accept
    }
}
NFT
engine_start || exit 1
check "the chain is named" grep -q 'drops forwarded packets.*chains="filter FORWARD"' "$HOST/engine.log"
check "the host's chain is as it was" eval 'in_host nft list chain ip filter FORWARD | grep -q "policy drop"'
finish
