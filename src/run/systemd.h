/* SPDX-License-Identifier: Apache-2.0 */
/* HostConfig.Systemd: a container whose first process is systemd. Pure. */
#pragma once

#include "runtime/config.h"

/* Turns "auto" into "true" or "false" by the command, and for "true" fills in what systemd needs.
 * After the image was merged and before defaults. ERR_INVALID for what contradicts it. */
struct err *systemd_apply(struct arena *a, bool is_v2, struct config *c, struct host_config *h)
    must_check;
