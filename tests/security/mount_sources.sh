#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What one container puts where the mount of another is taken from: links and foreign file systems at
# the /dev/shm that is shared.
. "$(dirname "$0")/kit.sh"
expect_500 'whose ipc namespace is joined has none to share' 'the attack'
security_up

# ---- the donor of --ipc container: can mount, and has put something else at its /dev/shm ----
donor() { # COMMAND inside: 0 when it has run
    in_host $D rm -f donor >/dev/null 2>&1
    in_host $D run -d --name donor --ipc shareable --cap-add SYS_ADMIN --security-opt seccomp=unconfined busybox sleep 100 >/dev/null 2>&1
    in_host $D exec donor sh -c "$1"
}
joiner() { run --ipc container:donor busybox sh -c 'ls -A /dev/shm; echo RAN'; }
donor 'umount /dev/shm && rmdir /dev/shm && ln -s /etc /dev/shm' || not_ok "a link is put there"
out=$(joiner)
like "a link at the donor's /dev/shm is not followed" 'error mounting in the container|none to share|[Ss]ymbolic' "$out"
same "and nothing runs" 0 "$(grep -c RAN <<<"$out")"
for from in /proc /sys /etc; do
    donor "mount --bind $from /dev/shm" || not_ok "$from is put there"
    out=$(joiner)
    like "$from at the donor's /dev/shm is not shared" 'none to share' "$out"
    same "$from: and nothing runs" 0 "$(grep -c RAN <<<"$out")"
done
donor 'mount -t tmpfs -o suid,dev,exec x /dev/shm && mknod /dev/shm/null c 1 3' || not_ok "a tmpfs with devices is put there"
like "a tmpfs of the donor's is shared without devices and programs" 'nosuid,nodev,noexec' "$(run --ipc container:donor busybox grep ' /dev/shm ' /proc/mounts)"
donor 'rm -rf /dev/shm/*; umount /dev/shm; rmdir /dev/shm' || not_ok "it is taken away"
same "no /dev/shm at all: nothing runs" 0 "$(joiner | grep -c RAN)"
in_host $D rm -f donor >/dev/null
untouched "all of it"
check "the engine is well" alive
finish
