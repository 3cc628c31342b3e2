#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each numbered item of the guide's security section as a default, a warning or a refusal of create.
. "$(dirname "$0")/kit.sh"
security_up >/dev/null
python3 create_warnings.py "$SOCK" busybox
