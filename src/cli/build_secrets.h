/* SPDX-License-Identifier: Apache-2.0 */
/* --secret of build: files and variables that only RUN --mount=type=secret shows. */
#pragma once

#include "base/text.h"

#define BUILD_SECRETS_BYTES_MAX (32u << 10) /* of all values: they go in one header */

/* "id=x,src=/file", "id=x,env=VAR" or "id=x" as the header's text; NULL when there are none. */
struct err *build_secrets_read(struct arena *a, const struct strs *specs, char **out) must_check;
