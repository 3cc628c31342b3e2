/* SPDX-License-Identifier: Apache-2.0 */
/* A reply that is a stream of JSON objects, one a line: events, stats. */
#pragma once

#include "base/json.h"

struct http_conn;

typedef struct err *(*jsonlines_fn)(void *ctx, struct arena *a, const struct json *object);
/* Calls fn for each object until the stream ends. The arena given to fn lives for that call. */
struct err *jsonlines_each(struct http_conn *c, jsonlines_fn fn, void *ctx) must_check;
