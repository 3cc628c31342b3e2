/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of the OOM killer in one container's cgroup. No state but the descriptors'. */
#pragma once

#include "cgroup/cgroup.h"

struct cgroup_oom {
    int notice;  /* v1: an eventfd, readable when memory is out; -1 on v2 */
    int counter; /* the file with the counter; v2: POLLPRI when it has changed */
};
#define CGROUP_OOM_CLOSED ((struct cgroup_oom){-1, -1})

/* A few system calls on cgroupfs, which does not block. ERR_NOT_FOUND without the controller. */
struct err *cgroup_oom_open(const struct cgroup_tree *t, const char *id, struct cgroup_oom *out)
    must_check;
void cgroup_oom_close(struct cgroup_oom *o);
/* Kills so far, of processes of the container and of cgroups below it. Takes the notice. Any
 * thread. */
int64_t cgroup_oom_count(const struct cgroup_oom *o);
/* v1: processes wait for memory, since the killer is off. */
bool cgroup_oom_is_waiting(const struct cgroup_oom *o);
