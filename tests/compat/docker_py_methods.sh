#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker-py's methods, one by one, against what dockerd gave (recorded.py).
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/methods.sh
methods_up
methods_run docker-py in_host timeout 90 /usr/bin/python3 docker_py_methods.py "$SOCK" replay
engine_sound
finish
