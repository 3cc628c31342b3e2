#!/bin/bash
# Weights of block I/O: written where the disk's scheduler honours them, refused or answered with a
# warning where nothing does; what is said names who is in the way and what to do.
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh
grep -q ' cgroup .*blkio' /proc/mounts || { echo "1..0 # SKIP cgroup v1 only (in_vm.sh has v2)"; exit 0; }
LOOP=
disk_make() { # a disk of our own, whose scheduler nobody else minds
    truncate -s 64m "$HOST/disk"
    LOOP=$(losetup -f --show "$HOST/disk") && SCHEDULER=/sys/block/${LOOP#/dev/}/queue/scheduler
    grep -q bfq "$SCHEDULER"
}
qa_up
trap '[ -z "$LOOP" ] || { echo none >"$SCHEDULER"; losetup -d "$LOOP"; }; host_down' EXIT
disk_make || { echo "1..0 # SKIP no BFQ in this kernel"; exit 0; }
number=$(cat "/sys/block/${LOOP#/dev/}/dev")
cg() { cat "/sys/fs/cgroup/blkio$(sed -n 's/^[0-9]*:blkio://p' "/proc/$(field "$1" .State.Pid)/cgroup")/$2"; }
update() { api POST /containers/weighed/update "$1"; echo "$STATUS $BODY"; }
nobody_weighs() { ! grep -qE '\[(bfq|cfq)\]' /sys/block/*/queue/scheduler; }

# ---- a scheduler without weights ----
echo mq-deadline >"$SCHEDULER"
if nobody_weighs; then
    like "--blkio-weight: no scheduler has weights" 'blkio-weight has no effect now: no disk has a scheduler with weights .*echo bfq > /sys/block/' \
        "$(d create --name none --blkio-weight 300 busybox true 2>&1)"
    d rm none >/dev/null
fi
rc "--blkio-weight-device: refused by create" 125 d run --rm --blkio-weight-device "$LOOP:300" busybox true
fails "--blkio-weight-device: the scheduler is named, and what to do" \
    "scheduler of $LOOP is mq-deadline, which has no weights; choose bfq: echo bfq > $SCHEDULER" \
    d create --blkio-weight-device "$LOOP:300" busybox true
part=${LOOP#/dev/}p1
addpart "$LOOP" 1 2048 1024
mknod "$HOST/$part" b $(tr : ' ' <"/sys/block/${LOOP#/dev/}/$part/dev")
for of in '"BlkioWeightDevice":[{"Weight":300,' '"BlkioDeviceReadBps":[{"Rate":9,' '"BlkioDeviceWriteIOps":[{"Rate":9,'; do
    api_is "a partition: ${of%%:*}" 400 "/dev/$part is a partition: .* name $LOOP\b" \
        POST /containers/create "{\"Image\":\"busybox\",\"HostConfig\":{$of\"Path\":\"$HOST/$part\"}]}}"
done
same "nothing is left of what was refused" "" "$(d ps -aq)"

# ---- BFQ ----
echo bfq >"$SCHEDULER"
same "--blkio-weight: no warning where a disk has weights" "" "$(d create --name weighed --blkio-weight 300 --blkio-weight-device "$LOOP:700" busybox sleep 100 2>&1 >/dev/null)"
d start weighed >/dev/null
same "--blkio-weight: BFQ has it" 300 "$(cg weighed blkio.bfq.weight | head -1)"
like "--blkio-weight-device: BFQ has it" "^$number 700\$" "$(cg weighed blkio.bfq.weight_device)"
like "update: both" '^200 ' "$(update '{"BlkioWeight":400,"BlkioWeightDevice":[{"Path":"'"$LOOP"'","Weight":800}]}')"
same "update: BFQ has them" "default 400 $number 800" "$(echo $(cg weighed blkio.bfq.weight_device))"
like "update: a weight of zero takes the disk's back" '^200 ' "$(update '{"BlkioWeightDevice":[{"Path":"'"$LOOP"'","Weight":0}]}')"
same "update: BFQ has none for it" "default 400" "$(echo $(cg weighed blkio.bfq.weight_device))"
update '{"BlkioWeightDevice":[{"Path":"'"$LOOP"'","Weight":500}]}' >/dev/null
d kill weighed >/dev/null
echo none >"$SCHEDULER"
like "update: the scheduler has changed" '^400 .*scheduler of .* is none' "$(update '{"BlkioWeightDevice":[{"Path":"'"$LOOP"'","Weight":600}]}')"
fails "start: the scheduler has changed" "scheduler of $LOOP is none, which has no weights" d start weighed
echo bfq >"$SCHEDULER"
check "start: and back" d start weighed
d rm -f weighed >/dev/null

# ---- and it bites ----
reads='while :; do dd if=/dev/disk of=/dev/null bs=64k iflag=direct; done 2>/dev/null'
for weight in 1000 100; do
    d run -d --name "r$weight" --device "$LOOP:/dev/disk:r" --blkio-weight-device "$LOOP:$weight" busybox sh -c "$reads" >/dev/null 2>&1
done
served() { cg "$1" blkio.bfq.io_service_bytes | awk '$2 == "Read" { n += $3 } END { printf "%d", n }'; }
heavy=$(served r1000) light=$(served r100)
much_more() { local h=$(($(served r1000) - heavy)) l=$(($(served r100) - light)); echo "$h : $l"; [ $h -gt 100000000 ] && [ $h -gt $((2 * l)) ]; }
check "ten times the weight reads a multiple" poll 10 much_more
much_more | sed 's/^/# bytes read /'
d rm -f r1000 r100 >/dev/null
engine_sound
finish
