#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Power cuts: the data root is on a disk of the test's own that knows what was flushed. Whatever was
# acknowledged before the cut is whole after it, and the engine starts. See power.py, power_disk.py.
#   CUTS=n SEED=n FS=ext4|xfs|btrfs power.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/py_tap.sh
seed
[ -e /dev/fuse ] && [ -e /dev/loop-control ] || { echo "1..0 # SKIP there is no /dev/fuse or no loop device"; exit 0; }
FS=${FS:-ext4}
grep -qw "$FS" /proc/filesystems && command -v "mkfs.$FS" >/dev/null || { echo "1..0 # SKIP there is no $FS"; exit 0; }
export FS
py_down() {
    [ -z "$(ls "$HOST/data" 2>/dev/null)" ] || umount -l "$HOST/data" 2>/dev/null
    umount -l "$HOST/fuse" 2>/dev/null
}
py_up
py_run power.py
finish
