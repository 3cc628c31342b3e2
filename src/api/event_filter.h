/* SPDX-License-Identifier: Apache-2.0 */
/* Which events a client of GET /events wants, and how they look. Pure. */
#pragma once

#include "base/json.h"
#include "core/events.h"
#include "view/filters.h"

struct err *event_filters_parse(struct arena *a, const char *json, struct filters *out) must_check;
bool event_matches(const struct event *e, const struct filters *f);
/* One object, without newline. Versions before 1.52 have status, id and from on top. */
void event_write(const struct event *e, struct jw *w, int api_version);
