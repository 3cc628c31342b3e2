/* SPDX-License-Identifier: Apache-2.0 */
/* What the records of one program share while they run. One child, one thread. */
#pragma once

#include "init/init.h"

#include <stdint.h>

/* What program_check has promised, where a broken promise would be an access out of bounds: the
 * child ends by a signal, which the keeper reports as a start that failed. libc only, and a child
 * that must not touch stdio, so base's ASSERT is not at hand. */
#define PROMISED(x) ((x) ? (void)0 : __builtin_trap())

struct init_filter {
    void *p; /* struct sock_filter[]; NULL: there is none, or it is not read yet */
    unsigned short n;
};

struct init {
    const struct init_input *in;
    const struct program_header *program;
    const struct program_op *op; /* the one that runs */
    uint32_t at;
    int root;   /* O_PATH of the container's root, -1 until known */
    int procfs; /* a procfs of our own, -1 until needed */
    bool has_root, is_pivoted, has_told_exec;
    bool has_mask_home; /* the empty directory's mount hangs on /empty */
    struct program_caps caps;
    struct init_filter filter; /* of P_SECCOMP, read before anything is confined */
    char **env;
    char **argv;
    const char *path; /* what execve gets, NULL until looked up */
    char path_buf[4096];
    uint32_t why;
    char detail[180];
};

/* A record's function: 0 or an errno; init_blame says which path or name it was. */
typedef int (*init_fn)(struct init *t);
void init_blame(struct init *t, const char *what);
void init_blame2(struct init *t, const char *what, const char *more);
void init_tell(struct init *t, uint32_t code, uint32_t at, int sys);
int init_fd(const struct init *t); /* the record's own fd */
const char *op_string(const struct program_op *op, unsigned i);
const char *op_next(const char *s); /* the string after s */

/* target.c */
enum target_make { MAKE_NOTHING, MAKE_DIR, MAKE_FILE };
struct target_owner {
    uint32_t uid, gid;
};
/* An O_PATH fd of `path` as the container sees it, made when missing and wanted. 0 or errno. */
int target_open(struct init *t, const char *path, enum target_make make,
                const struct target_owner *owner, int *out);
bool target_is(const char *path, const char *name); /* "/proc", "/proc/": exactly that one */
bool target_is_below(const char *path, const char *name);
bool target_is_safe_text(const char *path); /* absolute, no ".." */

/* procfs.c */
int procfs_write(struct init *t, const char *path, const char *text);
int procfs_open_own(struct init *t, const char *path); /* follows magic links; -1 and errno */

/* mounts.c */
int do_root(struct init *t);
int do_attach(struct init *t);
int do_mount(struct init *t);
int do_mask(struct init *t);
int do_readonly(struct init *t);
int do_pivot(struct init *t);
int do_root_readonly(struct init *t);
int do_symlink(struct init *t);

/* identity.c */
int do_cgroup(struct init *t);
int do_setns(struct init *t);
int do_unshare(struct init *t);
int do_hostname(struct init *t);
int do_domainname(struct init *t);
int do_sysctl(struct init *t);
int do_timens(struct init *t);
int do_rlimit(struct init *t);
int do_oom_score(struct init *t);
int do_umask(struct init *t);
int do_setsid(struct init *t);
int do_ctty(struct init *t);
int do_dup(struct init *t);
int do_cwd(struct init *t);
int do_keyring(struct init *t);

/* privileges.c */
int do_caps(struct init *t);
int do_user(struct init *t);
int do_no_new_privs(struct init *t);
int do_seccomp(struct init *t);
int filter_read(struct init *t, int fd); /* 0 or errno */

/* label.c */
int do_label(struct init *t);
int do_context(struct init *t);

/* execve.c */
int do_env(struct init *t);
int do_exec(struct init *t);
int do_payload(struct init *t);
/* Everything of P_EXEC that a seccomp filter could forbid. */
int exec_prepare(struct init *t);
bool exec_is_all_that_follows(const struct init *t);

/* pid1.c */
int do_init(struct init *t);
