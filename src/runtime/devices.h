/* SPDX-License-Identifier: Apache-2.0 */
/* Which device nodes a container has, and its /dev. */
#pragma once

#include "runtime/sandbox.h"

#include <sys/types.h>

struct device_node {
    const char *path; /* in the container, absolute and clean */
    const char *host; /* where it was found; NULL: a default node */
    mode_t mode;      /* type and permissions */
    uint32_t major, minor;
    uid_t uid;
    gid_t gid;
    const char *access; /* "rwm" */
};
struct device_list {
    struct device_node *v;
    size_t n, room;
};

/* What was asked for (--device, privileged: every device of the host). Looks at the
 * host's /dev. ERR_INVALID in Docker's words. */
struct err *devices_find(struct arena *a, const struct host_config *h, struct device_list *out)
    must_check;
/* Is the mapping well formed? Pure. */
struct err *devices_check(const struct device_mapping *m) must_check;
/* "c 10:* rwm". ERR_INVALID in Docker's words. Pure. */
struct err *device_rule_parse(const char *text, struct device_rule *out) must_check;

struct dev_request {
    const struct device_list *extra; /* those outside /dev are skipped */
    bool wants_console;              /* an empty file to attach the terminal to */
    const char *console_link;        /* or a link to it; NULL: none */
    bool has_shm, has_mqueue;
    const struct id_map *ids; /* whose /dev it is; NULL: the host's ids */
    const char *context;      /* "context=…" of SELinux; NULL: none */
};
/* A detached tmpfs with everything on it, and an O_PATH fd of its null device. */
struct err *dev_make(struct arena *a, const struct dev_request *r, int *out_mount, int *out_null)
    must_check;
bool device_is_below_dev(const struct device_node *d);
