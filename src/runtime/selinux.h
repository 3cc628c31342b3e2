/* SPDX-License-Identifier: Apache-2.0 */
/* The SELinux of this host, through libselinux. */
#pragma once

#include "runtime/label.h"

/* What its policy has for containers. ERR_INVALID: it is off, knows none, or berthd was built
 * without libselinux. Start-up; reads files. */
struct err *selinux_open(struct arena *a, struct label_base *out) must_check;
/* ERR_INVALID: the policy has no such context. Writes to selinuxfs. */
struct err *selinux_check(const char *context) must_check;
