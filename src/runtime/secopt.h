/* SPDX-License-Identifier: Apache-2.0 */
/* HostConfig.SecurityOpt as decisions. Pure. */
#pragma once

#include "runtime/config.h"

enum secopt_filter { SECOPT_DEFAULT, SECOPT_UNCONFINED, SECOPT_PROFILE };

struct secopt {
    enum secopt_filter filter;
    const char *profile;  /* JSON, with SECOPT_PROFILE */
    bool filter_is_given; /* privileged containers have none unless it was asked for */
    bool no_new_privs;
    bool writable_cgroups;
    const char *apparmor; /* NULL: not given */
    const char *label;    /* the first SELinux label that is asked for; NULL: none */
};
struct err *secopt_parse(struct arena *a, const struct strs *options, struct secopt *out)
    must_check;
