/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/err.h"

struct config;
struct host_config;

/* What goes into /etc/hosts and /etc/resolv.conf; ERR_INVALID. Pure. */
struct err *resolver_check(const struct config *c, const struct host_config *h) must_check;
