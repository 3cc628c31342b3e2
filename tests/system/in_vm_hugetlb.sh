#!/bin/bash
# Limits of huge pages where the kernel has pages and counts them. Run by vm_hugetlb.sh inside its
# machine.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/qa.sh
trap host_down EXIT
host_up
echo 64 >/proc/sys/vm/nr_hugepages
same "the machine has huge pages" 64 "$(cat /proc/sys/vm/nr_hugepages)"
engine_start || { not_ok "engine starts"; finish; exit 1; }
b() { in_host timeout 60 "$BERTH" "$@"; }
b load -q -i "$IMAGES/busybox.tar" >/dev/null
cat >"$HOST/huge.py" <<'PY'
import mmap, sys
size, flags = int(sys.argv[1]) << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000  # MAP_HUGETLB
if sys.argv[2] == "unreserved":
    flags |= 0x4000  # MAP_NORESERVE
try:
    memory = mmap.mmap(-1, size, flags=flags)
except OSError as error:
    sys.exit("no map: %s" % error.strerror)
for at in range(0, size, 2 << 20):
    memory[at] = 1
    print("page", at >> 21, flush=True)
print("all")
PY
USR=$(for i in /usr /lib /lib64; do [ ! -e $i ] || echo "-v $i:$i:ro"; done)
huge() { # MIB reserved|unreserved OPTIONS…: the last word, and the code
    local mib=$1 how=$2 out code; shift 2
    # shellcheck disable=SC2086
    out=$(b run --rm $USR -v "$HOST/huge.py:/huge.py:ro" "$@" busybox /usr/bin/python3 /huge.py "$mib" "$how" 2>&1)
    code=$?
    echo "$(printf '%s\n' "$out" | tail -1), $code"
}
same "without a limit" "all, 0" "$(huge 16 reserved)"
same "below the limit" "all, 0" "$(huge 4 reserved --hugetlb-limit 2m:8m)"
same "exactly it" "all, 0" "$(huge 8 reserved --hugetlb-limit 2m:8m)"
same "beyond it nothing is reserved" "no map: Cannot allocate memory, 1" "$(huge 10 reserved --hugetlb-limit 2m:8m)"
same "unreserved: the page beyond it is a SIGBUS" "page 3, 135" "$(huge 10 unreserved --hugetlb-limit 2m:8m)"
same "the default size" "no map: Cannot allocate memory, 1" "$(huge 10 reserved --hugetlb-limit 8m)"
same "none at all" "no map: Cannot allocate memory, 1" "$(huge 2 reserved --hugetlb-limit 0)"
same "all pages are free again" "64 0" "$(awk '/HugePages_(Free|Rsvd)/ { printf "%s%s", n++ ? " " : "", $2 }' /proc/meminfo)"
# shellcheck disable=SC2086
b run -d --name held $USR -v "$HOST/huge.py:/huge.py:ro" --hugetlb-limit 2m:4m busybox sleep 1000 >/dev/null
inside() { b exec held /usr/bin/python3 /huge.py 8 reserved 2>&1 | tail -1; }
same "exec is counted, too" "no map: Cannot allocate memory" "$(inside)"
api POST /containers/held/update '{"Hugetlbs":[{"PageSize":"2MB","Limit":8388608}]}'
same "update" 200 "$STATUS"
same "holds at once" all "$(inside)"
same "beside one that has none left, a neighbour has its own" "all, 0" "$(huge 8 reserved --hugetlb-limit 2m:8m)"
b rm -f held >/dev/null
finish
