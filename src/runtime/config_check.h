/* SPDX-License-Identifier: Apache-2.0 */
/* The halves of sandbox_check; pure. */
#pragma once

#include "runtime/sandbox.h"

struct err *check_resources(const struct host_config *h) must_check;
struct err *check_modes(const struct config *c, const struct host_config *h) must_check;
