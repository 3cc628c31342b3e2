/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/net.h"

/* "80", "80/tcp", "8000-8010/udp" */
struct err *port_spec_parse(const char *s, int *first, int *last, enum port_proto *proto);
