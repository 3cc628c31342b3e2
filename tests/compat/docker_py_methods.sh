#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docker-py's methods, one by one, against what dockerd gave (recorded.py).
cd "$(dirname "$0")" && . ../lib/host.sh && . ../lib/tap.sh && . ../lib/census.sh && . ../lib/qa.sh && . ../lib/methods.sh
expect_500 '/auth .*dial tcp 127.0.0.1:1: connect' 'as Docker: a login at a server that is not there'
expect_500 '/images/search .*dial tcp 127.0.0.1:1: connect' 'as Docker: a search at one'
expect_500 'path=/images/create error="Get .*127.0.0.1:1/x.tar.*connection refused' 'as Docker: nobody serves it'
methods_up
methods_run docker-py in_host timeout 90 /usr/bin/python3 docker_py_methods.py "$SOCK" replay
engine_sound
finish
