#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# src/storage on a real kernel: layers, mounts, volumes, crashes (storage_probe.c).
# usage: storage.sh; prints TAP. Needs root.
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${BERTH_BIN:-$here/../../build/bin}" && pwd) || exit 1
exec timeout 60 unshare --mount --propagation private "$bin/storage_probe"
