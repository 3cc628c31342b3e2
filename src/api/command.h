/* SPDX-License-Identifier: Apache-2.0 */
/* The trail's side of requests. Loop thread. */
#pragma once

#include "request.h"

/* "container start", "exec create": what policies and the trail call a request. */
char *command_of_request(struct arena *a, const struct request *r);
/* Before the handler: who asks is looked at while he is there, the object while it has its name. */
void trail_begin(struct request *r);
/* At its end, once. */
void trail_end(struct request *r);
