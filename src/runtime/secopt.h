/* SPDX-License-Identifier: Apache-2.0 */
/* HostConfig.SecurityOpt as decisions. Pure. */
#pragma once

#include "runtime/config.h"
#include "runtime/label.h"

enum secopt_filter { SECOPT_DEFAULT, SECOPT_UNCONFINED, SECOPT_PROFILE };

struct secopt {
    enum secopt_filter filter;
    const char *profile;  /* JSON, with SECOPT_PROFILE */
    bool filter_is_given; /* privileged containers have none unless it was asked for */
    bool no_new_privs;
    bool writable_cgroups;
    const char *apparmor; /* NULL: not given */
    struct label_options label;
    const char *first_label; /* that is asked for, but for "disable"; NULL: none */
};
struct err *secopt_parse(struct arena *a, const struct strs *options, struct secopt *out)
    must_check;
