/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a setup program says, once every fd exists and every decision is made: the
 * last, pure half of compiling. Indexes are into the launch's fds, -1: none.
 */
#pragma once

#include "process.h"
#include "program_writer.h"

#define PLAN_CGROUPS_MAX 24

struct plan_attach {
    int fd;
    const char *target;
    uint16_t flags; /* PF_MAKE_…, PF_TAKE_… */
    uint32_t attrs; /* MOUNT_ATTR_* that it gets when it has taken them */
};

struct plan_process { /* the payload: container and exec alike */
    const struct host_config *host;
    struct sandbox_user user;
    uint64_t caps; /* bounding set */
    bool no_new_privs;
    const char *profile; /* of AppArmor; NULL: none */
    const char *context; /* of SELinux; NULL: none */
    int filter;
    unsigned filter_flags;
    struct strs argv, env;
    const char *cwd;
    bool makes_cwd;
    const struct process_limit *limits;
    size_t n_limits;
    int stdio[3], tty;
    bool is_payload; /* of an exec: made by P_PAYLOAD when all else is done */
    bool has_init;
};

struct plan_sandbox {
    const struct sandbox_input *in;
    struct plan_process process;
    int cgroups[PLAN_CGROUPS_MAX];
    size_t n_cgroups;
    int net, ipc, pid, uts, userns; /* userns: it owns all that is made, -1: the host's */
    int root, dev, pts, shm, console, mask, null, mqueue;
    int shm_donor;                     /* pidfd: its /dev/shm instead of `shm` */
    struct plan_attach *cgroup_mounts; /* v1: /sys/fs/cgroup and its hierarchies */
    size_t n_cgroup_mounts;
    bool has_writable_cgroups;
    uint64_t own_spaces;        /* made by the clone, or in the user namespace when there is one */
    const char *clocks;         /* of a time namespace; NULL: the host's */
    struct strs extra_masks;    /* of this machine, beside the default ones */
    struct plan_attach *mounts; /* the caller's */
    size_t n_mounts;
};

/* CLONE_NEW* of what is made for the container alone. */
uint64_t plan_own_spaces(const struct sandbox_input *in);
/* Paths a container may not mount over, in runc's words. */
struct err *plan_check_target(const char *target) must_check;
struct err *plan_check_length(const char *path) must_check; /* below PATH_MAX */
void plan_sandbox(struct arena *a, const struct plan_sandbox *plan, struct program *out);

struct plan_exec {
    struct plan_process process;
    int cgroups[PLAN_CGROUPS_MAX];
    size_t n_cgroups;
    int pidfd;
    bool has_userns;
};
void plan_exec(const struct plan_exec *plan, struct program *out);
/* CLONE_NEW* that an exec enters. */
unsigned plan_exec_spaces(const struct host_config *h, bool has_userns);
