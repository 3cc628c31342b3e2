/* SPDX-License-Identifier: Apache-2.0 */
/* One container of GET /containers/json as fields for `ps`. Pure. */
#pragma once

#include "base/json.h"

struct pairs ps_row(struct arena *a, const struct json *summary, bool truncates);
/* "0.0.0.0:8080->80/tcp, :::8080->80/tcp", ranges joined. */
char *ps_ports(struct arena *a, const struct json *ports);
