/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One interface over cgroup v1 and v2. A tree is the engine's own sub-cgroup in
 * every hierarchy; each container has one cgroup in it. The limits are planned
 * by a pure function (what is written where, what this kernel cannot do) and
 * then written. Workers, unless said otherwise; no state but the kernel's.
 */
#pragma once

#include "base/text.h"

struct cgroup_device { /* allow or deny, in order; the plan starts from "deny all" */
    char type;         /* 'a', 'b', 'c' */
    int major, minor;  /* -1: any */
    char access[4];    /* "rwm" */
    bool allow;
};
/* Whose weights a disk honours: its scheduler's, or iocost's, which works beside any (v2). */
enum cgroup_weigher { WEIGHER_NONE, WEIGHER_CFQ, WEIGHER_BFQ, WEIGHER_COST };
struct cgroup_device_value { /* per block device: weight or rate */
    int major, minor;
    int64_t value;
    enum cgroup_weigher by; /* of a weight; looked up by cgroup/, when it is written */
};

struct cgroup_hugetlb {
    int64_t page_bytes; /* 0: the kernel's default size */
    int64_t limit;      /* bytes; 0: no huge page at all */
};

struct cgroup_limits {  /* zero: no limit, except where said */
    const char *parent; /* HostConfig.CgroupParent: some limits are a part of the parent's */
    bool is_nested; /* v2: the container is in a cgroup below the limits, which is its to write */
    int64_t memory, memory_swap /* -1 unlimited */, memory_reservation;
    int64_t swappiness;   /* -1: unset */
    int oom_kill_disable; /* > 0: yes; < 0: undo it, in an update */
    int64_t cpu_shares, nano_cpus, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime;
    const char *cpuset_cpus, *cpuset_mems;
    int64_t pids; /* <= 0: unlimited */
    int blkio_weight;
    const struct cgroup_device_value *weight_devices, *read_bps, *write_bps, *read_iops,
        *write_iops;
    size_t n_weight_devices, n_read_bps, n_write_bps, n_read_iops, n_write_iops;
    const struct cgroup_hugetlb *hugetlbs;
    size_t n_hugetlbs;
    const struct cgroup_device *devices;
    size_t n_devices;
};

struct cgroup_tree;
/* Finds the hierarchies and what of each was given to us (docs/CGROUPS.md, "Delegation"), and makes
 * the engine's own cgroup there ("berth", "berth-1a2b3c", "a/b"). Start-up. On hybrid hosts (v1
 * controllers and an empty v2) v1 is used. */
struct err *cgroup_tree_open(const char *own, struct cgroup_tree **out) must_check;
/* A real-time budget for the engine's own cgroup, in us; zeros: none. Start-up. */
struct err *cgroup_tree_give_realtime(struct cgroup_tree *t, int64_t period, int64_t runtime)
    must_check;
void cgroup_tree_close(struct cgroup_tree *t); /* removes the sub-cgroups when they are empty */
bool cgroup_is_v2(const struct cgroup_tree *t);
/* Controllers that exist, for /info: "memory", "cpu", "cpuset", "pids", "blkio"/"io",
 * "devices", "freezer"; and single knobs: "blkio.weight", "blkio.weight_device", "memory.swap",
 * "cpu.rt_runtime", "memory.oom_control", … */
bool cgroup_has(const struct cgroup_tree *t, const char *feature);

/* Limits this kernel cannot honour, as Docker's warning sentences ("Your kernel does not
 * support … discarded."), and ERR_INVALID where running without would betray the user (the guide's
 * blkio-weight case: only weight_device exists → "blkio.weight not supported, use
 * weight_device instead"). Reads /sys where disks are named or weighed, a worker's then; else any
 * thread. */
struct err *cgroup_check(const struct cgroup_tree *t, struct arena *a,
                         const struct cgroup_limits *l, struct strs *warnings) must_check;

/* ---- where a container's cgroup is: its "place", a path below what was given to us ---- */

/* Of HostConfig.CgroupParent (empty: the engine's own cgroup; "/a/b": below what was given to us;
 * "a/b": below the engine's own; "a-b.slice": systemd's) and a container's id. Pure. */
char *cgroup_place(const struct cgroup_tree *t, struct arena *a, const char *parent,
                   const char *id);
/* Whether a container may be there: ERR_INVALID with the reason. Looks at the cgroup when `parent`
 * is not empty, a worker's then. */
struct err *cgroup_parent_check(const struct cgroup_tree *t, struct arena *a, const char *parent)
    must_check;

/* What a child needs to join. Owned by the caller after success. */
struct cgroup_join {
    int tasks[16]; /* v1: open `tasks` files, O_WRONLY */
    size_t n_tasks;
    int dir; /* v2: directory for CLONE_INTO_CGROUP; -1 on v1 */
};
/* Makes the cgroup, and its parents as far as they are missing, and writes the limits. Leaves
 * nothing when it fails. */
struct err *cgroup_create(struct cgroup_tree *t, const char *place, const struct cgroup_limits *l,
                          struct cgroup_join *out) must_check;
/* Opens the join fds of an existing cgroup (exec). */
struct err *cgroup_open(struct cgroup_tree *t, const char *place, struct cgroup_join *out)
    must_check;
/* The same, where its process `pid` is: a v2 cgroup that delegates controllers to cgroups which
 * the container made (systemd does) takes no process itself. */
struct err *cgroup_open_beside(struct cgroup_tree *t, const char *place, int pid,
                               struct cgroup_join *out) must_check;
void cgroup_join_close(struct cgroup_join *j);
struct err *cgroup_update(struct cgroup_tree *t, const char *place, const struct cgroup_limits *l)
    must_check;
/* Kills whatever is left inside (cgroup.kill, or a freeze-free kill loop on v1) and removes it;
 * retries EBUSY for up to 2 s. Absent is success. Parents that were made for it and are empty go,
 * too. */
struct err *cgroup_remove(struct cgroup_tree *t, const char *place) must_check;
/* Does not wait on v2. A killed cgroup takes no new process (some 6.1 kernels kill on arrival
 * whatever CLONE_INTO_CGROUP puts there later): remove it and make another. */
struct err *cgroup_kill(struct cgroup_tree *t, const char *place) must_check;
bool cgroup_exists(const struct cgroup_tree *t, const char *place);
struct err *cgroup_freeze(struct cgroup_tree *t, const char *place, bool frozen) must_check;
/* Whether it was asked to freeze; false when there is no such cgroup. A short read: any thread. */
bool cgroup_is_frozen(struct cgroup_tree *t, const char *place);
struct err *cgroup_pids(struct cgroup_tree *t, const char *place, struct arena *a, int **out,
                        size_t *n) must_check;
/* Processes that the OOM killer has ended; read it before the cgroup is removed. */
int64_t cgroup_oom_kills(struct cgroup_tree *t, const char *place);
/* Asked after a pidfd of it was opened: that is a member's, or a dead one's. */
bool cgroup_has_pid(struct cgroup_tree *t, const char *place, int pid);
/* Containers' ids in the engine's own cgroup (reconciling at start-up). Parents that were made
 * there and are empty are removed. */
struct err *cgroup_list(struct cgroup_tree *t, struct arena *a, struct strs *out) must_check;

struct cgroup_stats {
    int64_t cpu_ns, cpu_user_ns, cpu_system_ns, throttled_periods, periods, throttled_ns;
    int64_t memory_bytes, memory_max_bytes, memory_limit, memory_cache_bytes, memory_inactive_file;
    int64_t pids, pids_limit, read_bytes, write_bytes, oom_kills;
};
struct err *cgroup_stats(struct cgroup_tree *t, const char *place, struct cgroup_stats *out)
    must_check;

/* psi.rst; v1 has none, nor has a kernel without PSI. */
struct cgroup_stall {
    int64_t total_ns;
    double avg10, avg60, avg300; /* percent of the last so many seconds */
};
struct cgroup_pressure { /* some, or all, of the tasks wait */
    bool is_known;
    struct cgroup_stall some, full;
};
/* resource: "cpu", "memory", "io". */
void cgroup_pressure(struct cgroup_tree *t, const char *place, const char *resource,
                     struct cgroup_pressure *out);

/* What is shown of a cgroup beside that, as its files have it. */
struct cgroup_io {
    unsigned major, minor;
    char op[16]; /* v1: "Read"; v2: "read" */
    int64_t value;
};
struct cgroup_detail {
    struct cgroup_stats usage;
    struct pairs memory; /* all of memory.stat */
    struct cgroup_io *io_bytes, *io_count;
    size_t n_io_bytes, n_io_count;
    int64_t *cpus; /* v1: ns of each processor; NULL: v2 has none */
    size_t n_cpus;
    int64_t memory_failures; /* v1 */
};
/* Files that stay open between two looks at one cgroup, up to CGROUP_KEPT_FILES of them. For one
 * thread at a time. */
enum { CGROUP_KEPT_FILES = 16 };
struct cgroup_kept;
struct cgroup_kept *cgroup_kept_create(void);
void cgroup_kept_destroy(struct cgroup_kept *k); /* accepts NULL */
/* Without oom_kills, read_bytes and write_bytes of `usage`. kept NULL: nothing stays open. */
struct err *cgroup_detail(struct cgroup_tree *t, const char *place, struct cgroup_kept *kept,
                          struct arena *a, struct cgroup_detail *out) must_check;
