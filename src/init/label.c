/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P_LABEL: which AppArmor profile the process has from its execve on, or from now on; P_CONTEXT:
 * which SELinux context. Through the child's own procfs, so that nothing in a container can stand
 * in for the file: a write that went elsewhere would leave the process unconfined (CVE-2019-16884,
 * CVE-2025-52881).
 */
#include "init.h"

#include <errno.h>
#include <string.h>

/* Of the thread, not of the process: what is written holds for who writes (proc(5)). */
static const char folder[] = "thread-self/attr/apparmor/";
static const char context_folder[] = "thread-self/attr/";

int do_label(struct init *t)
{
    const char *profile = t->op->data;
    bool is_now = t->op->flags & PF_NOW;
    const char *file = is_now ? "current" : "exec", *verb = is_now ? "changeprofile " : "exec ";
    char path[sizeof(folder) + 16], text[4096];

    init_blame(t, profile);
    if (strlen(profile) + strlen(verb) >= sizeof(text))
        return ENAMETOOLONG;
    memcpy(path, folder, sizeof(folder));
    memcpy(path + sizeof(folder) - 1, file, strlen(file) + 1);
    memcpy(text, verb, strlen(verb));
    memcpy(text + strlen(verb), profile, strlen(profile) + 1);
    return procfs_write(t, path, text);
}

/* What is confined at once may not read what is the keeper's any more. */
static int read_later_filter(struct init *t)
{
    const struct program_op *op = t->op;

    while (op->code != P_EXEC && op->code != P_SECCOMP)
        op = (const void *)((const char *)op + op->size);
    if (op->code != P_SECCOMP || t->filter.p)
        return 0;
    PROMISED(op->fd >= 0 && (size_t)op->fd < t->in->n_fds);
    return filter_read(t, t->in->fds[op->fd]);
}

int do_context(struct init *t)
{
    const char *file = t->op->data, *context = op_next(file);
    char path[sizeof(context_folder) + 16];
    int sys = strcmp(file, "current") ? 0 : read_later_filter(t);

    init_blame(t, context);
    if (sys)
        return sys;
    PROMISED(strlen(file) < 16);
    memcpy(path, context_folder, sizeof(context_folder));
    memcpy(path + sizeof(context_folder) - 1, file, strlen(file) + 1);
    return procfs_write(t, path, context);
}
