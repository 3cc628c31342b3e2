#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# power.sh on xfs; few cuts, unless CUTS says otherwise ("long" does).
export FS=xfs CUTS=${CUTS:-4}
exec bash "$(dirname "$0")/power.sh"
