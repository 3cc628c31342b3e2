/* SPDX-License-Identifier: Apache-2.0 */
/* A container's health check: when it is probed, what of it is shown. Loop thread. */
#pragma once

#include <stdbool.h>

struct container;
struct jw;

void health_start(struct container *c); /* a run has begun */
void health_stop(struct container *c);  /* it has ended */
void health_pause(struct container *c, bool is_paused);
void health_load(struct container *c);    /* after the document */
void health_resume(struct container *c);  /* a run was adopted */
void health_suspend(struct container *c); /* the engine ends */
void health_free(struct container *c);
const char *health_name(const struct container *c);                 /* "none" without a check */
void health_write(const struct container *c, struct jw *w);         /* inspect's Health */
void health_write_summary(const struct container *c, struct jw *w); /* that of the list */
