/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers for queries and lists of people: filters, times, shortened ids. */
#pragma once

#include "base/json.h"

/* --filter k=v … as "filters={…}", URL-encoded; "" when there is none. */
struct err *query_filters(struct arena *a, const struct strs *filters, char **out) must_check;
/* "linux/arm64/v8" as queries have it: JSON, URL-encoded. */
char *query_platform(struct arena *a, const char *text);
/* --since/--until: RFC3339, unix seconds or a Go duration before now → "sec.nanos". */
struct err *query_since(struct arena *a, const char *text, char **out) must_check;

/* As text_size, with four significant digits: where Docker prints them so. */
char *size_fine(struct arena *a, int64_t bytes);
char *short_id(struct arena *a, const char *id); /* 12 digits, without "sha256:" */
/* "3 minutes ago"; "N/A" for 0. */
char *ago(struct arena *a, int64_t unix_seconds);
/* "2026-11-22 06:40:49 +0000 UTC", in local time. */
char *local_time(struct arena *a, int64_t unix_seconds);
/* At most n characters, the last one "…". */
char *ellipsis(struct arena *a, const char *s, size_t n);
/* "k=v,k2=v2" sorted by key. */
char *labels_text(struct arena *a, const struct json *labels);
struct pairs labels_pairs(struct arena *a, const struct json *labels);
const char *text_of(const struct json *object, const char *key); /* "" when absent */
