/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct container;

/* The keeper was killed, and a start with it: ends the process that it may have begun. */
void exec_end_strays(struct container *c, void (*done)(void *ctx), void *ctx);
