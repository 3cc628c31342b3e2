#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# power.sh on btrfs; few cuts, unless CUTS says otherwise ("long" does).
export FS=btrfs CUTS=${CUTS:-4}
exec bash "$(dirname "$0")/power.sh"
