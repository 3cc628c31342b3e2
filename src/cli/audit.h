/* SPDX-License-Identifier: Apache-2.0 */
/* Which options of a container weaken its isolation. Pure: inspect data in, sentences out. */
#pragma once

#include "base/json.h"

/* container: one document of GET /containers/{id}/json. */
struct strs audit_container(struct arena *a, const struct json *container);
