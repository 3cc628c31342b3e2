#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The databases with wrong bits, cut off or gone after a SIGKILL: the engine either knows everything,
# or says what is wrong and starts with everything after --recover. Nothing is removed because no
# document knows it. See damage.py; of the same without an engine, but far more often,
# tests/unit/test_damage.c.   TRIALS=n SEED=n damage.sh
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/py_tap.sh
seed
py_up
py_run damage.py
same "no sanitizer report, no failed assertion" 0 \
    "$(grep -cE 'ERROR: .*Sanitizer|runtime error:|assertion' "$HOST/engine.log")"
finish
