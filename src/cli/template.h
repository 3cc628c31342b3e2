/* SPDX-License-Identifier: Apache-2.0 */
/* The part of Go's text/template that people use in --format, over JSON documents. Pure. */
#pragma once

#include "base/json.h"

#define TEMPLATE_DEPTH_MAX 32 /* nested blocks and parentheses */

struct go_template;
struct err *template_parse(struct arena *a, const char *text, struct go_template **out) must_check;
/* Missing keys are errors with Go's sentence. Appends to `out`. */
struct err *template_run(struct arena *a, const struct go_template *t, const struct json *root,
                         struct buf *out) must_check;
