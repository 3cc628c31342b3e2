/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a registry sends us: Location, and how far it has come: Range. Pure, any thread. Both are a
 * stranger's text; who may be told who we are is decided by location_is_same_host.
 */
#pragma once

#include "base/text.h"

#define LOCATION_MAX 16384 /* bytes of an address */

/* Where `location`, absolute or relative, leads from `base`, without a fragment. ERR_INVALID for
 * what is no address of the web, or has a user in it. */
struct err *location_join(struct arena *a, const char *base, const char *location, char **out)
    must_check;
/* The same scheme, host and port. What is no address is the same as nothing. */
bool location_is_same_host(const char *left, const char *right);
/* http://x of the x that `base` speaks TLS to, as registries behind a proxy write it: https://x. */
char *location_keep_tls(struct arena *a, const char *base, const char *url);
/* With one more pair in its query; the value is escaped. */
char *location_add_query(struct arena *a, const char *url, const char *key, const char *value);
/* "0-499", "bytes=0-499", "bytes 0-499" → 500: how many bytes there are. "0-0" may be one or none
 * (registries say so of an upload that is empty): 0. NULL or anything else: false. */
bool location_range(const char *range, int64_t *out_bytes);
