/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices by name ("vendor.com/class=name", the Container Device Interface): specs that a vendor
 * has put into folders (/etc/cdi and /var/run/cdi) say which nodes, mounts, variables and groups
 * they are.
 */
#pragma once

#include "base/text.h"

#include <stdbool.h>

struct config;
struct device_request;
struct host_config;

bool cdi_is_driver(const struct device_request *r);
/* Of a request for it: names alone, well formed. Pure. */
struct err *cdi_check(const struct device_request *r) must_check;
bool cdi_is_asked(const struct host_config *h);
/* What the names stand for joins the configuration as if the user had asked for it, so that all
 * checks, risks and policies see it; what is there already is not added again. Worker: reads the
 * specs. ERR_INVALID names the device. */
struct err *cdi_apply(struct arena *a, const struct strs *folders, struct config *c,
                      struct host_config *h, struct strs *warnings) must_check;
