/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration → setup program. Workers: these functions read the image's passwd
 * file, make pipes, ptys, /dev and file descriptors; the decisions themselves are
 * pure (runtime/plan.c) and tested without root.
 */
#pragma once

#include "base/id_map.h"
#include "runtime/config.h"
#include "runtime/keeper_conn.h"
#include "runtime/lsm.h"

/* A mount the caller has already made detached (overlay volume, bind, file). */
struct sandbox_mount {
    int fd;             /* detached mount (open_tree/fsmount); taken */
    const char *target; /* absolute path in the container */
    bool is_file;       /* the target is made as a file, else as a directory, when missing */
    /* Of a new file system: what it takes from the folder that it covers; and then it becomes
     * read-only. */
    bool takes_mode, takes_owner, is_readonly;
};

/* Namespaces to enter instead of making new ones; -1: new (or for net: see below). */
struct sandbox_namespaces {
    int net, ipc, pid, uts; /* nsfds of another container (pid: its pidfd); taken */
    int shm;                /* pidfd of the one whose /dev/shm is shared; taken */
    int userns; /* owner of all namespaces, -1: the host's; net must be its own then; taken */
    bool host_net, host_ipc, host_pid, host_uts, host_cgroup;
    bool private_cgroup; /* a cgroup namespace of its own */
};

/* --seccomp-profile as a security option of containers: NULL for the one that is built in. Reads
 * the file. ERR_INVALID. */
struct err *sandbox_read_seccomp(struct arena *a, const char *profile, char **out) must_check;

struct sandbox_input {
    const char *id;
    const struct id_map *ids;        /* of ns.userns; NULL: none */
    const struct lsm *lsm;           /* NULL: there is none */
    const char *label, *mount_label; /* of SELinux; NULL: none */
    const struct config *config;     /* merged with the image's */
    const struct host_config *host;
    const char *hostname, *domainname;
    int root;                           /* detached mount of the root file system; taken */
    const struct sandbox_mount *mounts; /* in the order of attaching (parents first) */
    size_t n_mounts;
    struct sandbox_namespaces ns; /* ns.net: the prepared network namespace, -1 with
                                     host_net false: a new empty one */
    const int *cgroup_tasks;      /* v1: open `tasks` files; taken */
    size_t n_cgroup_tasks;
    int cgroup_dir;               /* v2: the directory; taken; -1 on v1 */
    const char *cgroup_v1_mounts; /* reserved, NULL */
    bool is_v2;                   /* unified hierarchy: /sys/fs/cgroup is a cgroup2 mount */
};

/* What the container's processes will be: needed by inspect and by exec. */
struct sandbox_user {
    uint32_t uid, gid;
    uint32_t groups[256];
    size_t n_groups;
    const char *home;
};

/* Closes everything it was given, whether it fails or not. holds in `out`: stdin,
 * stdout, stderr or pty, as config asks (no stdin pipe without OpenStdin). */
struct err *sandbox_compile(struct arena *a, struct sandbox_input *in, struct launch *out)
    must_check;

struct exec_input {
    const char *id; /* "<container>/<exec>" */
    const struct exec_config *config;
    const struct config *container;
    const struct host_config *host;
    const struct id_map *ids; /* of the container's user namespace; NULL: the host's */
    const struct lsm *lsm;    /* NULL: there is none */
    const char *label;        /* of SELinux, the container's; NULL: none */
    int pidfd;                /* of the container's pid 1; taken */
    int pid;
    const int *cgroup_tasks;
    size_t n_cgroup_tasks;
    int cgroup_dir;
};
struct err *exec_compile(struct arena *a, struct exec_input *in, struct launch *out) must_check;

/* Sentences about settings that are accepted and do nothing, or not on this kernel. Pure. */
void sandbox_warnings(struct arena *a, const struct host_config *h, struct strs *out);
/* The one of them that update says, too: a kernel memory limit is never applied. */
void sandbox_warn_kernel_memory(struct arena *a, const struct host_config *h, struct strs *out);
/* At an exec's create: its variables and the numbers of its user. Pure. */
struct err *sandbox_check_exec(struct arena *a, const struct exec_config *x) must_check;
/* Worker. ERR_INVALID for what this host does not let the engine set: limits, kernel settings. */
struct err *sandbox_check_host(struct arena *a, const struct host_config *h) must_check;
/* ERR_INVALID for what can be refused at create (unknown capabilities, devices,
 * security options, conflicting modes, bad ulimits …), in Docker's words. Pure. */
struct err *sandbox_check(struct arena *a, const struct config *c, const struct host_config *h)
    must_check;
/* StorageOpt: bytes of the writable part, 0 without a limit. ERR_INVALID for other options. Pure.
 */
struct err *sandbox_storage_limit(const struct host_config *h, int64_t *out) must_check;
/* Docker's masked and read-only path defaults for inspect. */
extern const char *const sandbox_masked_paths[]; /* NULL-terminated */
extern const char *const sandbox_readonly_paths[];

/* Of a start, with the files of /etc: each is a descriptor that goes to the keeper. */
#define SANDBOX_MOUNTS_MAX 103

/* What the device cgroup should say, in order; the last match decides. */
struct device_rule {
    char type;            /* 'a' every device, 'b' or 'c' */
    int64_t major, minor; /* -1: any */
    char access[4];       /* of "rwm" */
    bool allow;
};
/* Defaults, requested devices, DeviceCgroupRules; privileged: allow everything. Worker:
 * it looks at the host's device nodes. */
struct err *sandbox_device_rules(struct arena *a, const struct host_config *h,
                                 struct device_rule **out, size_t *out_n) must_check;

/* Builds the seccomp filter of an ordinary container (~25 ms) before the first one needs
 * it. Worker, at start-up; a failure shows at the first container. */
void sandbox_warm(void);
