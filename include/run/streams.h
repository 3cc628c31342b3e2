/* SPDX-License-Identifier: Apache-2.0 */
/* A container's hub and log. Loop thread. */
#pragma once

#include "base/err.h"

struct container;
struct hub_streams;
struct launch;

struct err *container_open_log(struct container *c) must_check; /* unless it is open */
/* Gives the streams of a launch (or adopted fds) to the hub. */
void container_run_streams(struct container *c, struct launch *l);
void container_adopt_streams(struct container *c, const struct hub_streams *s);
