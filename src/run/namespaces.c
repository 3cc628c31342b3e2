/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining other containers' namespaces: the moments, status codes and words are Docker's, but that
 * what is the request's fault or of the moment is no 500. Loop thread.
 */
#include "namespaces.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "container/ids.h"
#include "container/object.h"
#include "container/process.h"
#include "place/networks.h"
#include "runtime/sandbox.h"

const struct sandbox_namespaces namespaces_none = {
    .net = -1, .ipc = -1, .pid = -1, .uts = -1, .shm = -1, .userns = -1};

static struct err *name(struct container_table *t, struct arena *a, char **mode)
{
    struct container *other;

    TRY(mode_container(t, *mode, &other));
    if (other)
        *mode = arena_printf(a, "container:%s", other->doc.id);
    return NULL;
}

struct err *namespaces_name(struct container_table *t, struct arena *a, struct host_config *h)
{
    err_drop(name(t, a, &h->network_mode));
    TRY(name(t, a, &h->ipc_mode));
    return name(t, a, &h->pid_mode);
}

/* ---- joining ---- */

struct joined {
    const char *kind;    /* as in /proc/PID/ns */
    struct container *c; /* NULL: it joins nobody */
};

static struct err *check_net(const struct joined *j)
{
    if (!container_is_up(j->c))
        return err_new(ERR_CONFLICT, "cannot join network of a non running container: %s",
                       j->c->doc.id);
    return container_check_runs(j->c);
}

static struct err *check_pid(const struct joined *j)
{
    return container_check_runs(j->c);
}

static struct err *check_ipc(const struct joined *j)
{
    const char *mode = j->c->doc.host.ipc_mode;
    struct err *err = container_check_runs(j->c);

    if (err)
        return err_wrap(err, "can't join IPC of container %s", j->c->doc.id);
    if (!text_same(mode, "shareable") && !text_same(mode, "host"))
        return err_new(ERR_INVALID,
                       "can't join IPC of container %s: non-shareable IPC (hint: use "
                       "IpcMode:shareable for the donor container)",
                       j->c->doc.id);
    return NULL;
}

/* The number of a process may have become another's between two looks: the namespace is opened
 * by number, and then its pidfd is asked whether it still lives (pidfd_send_signal(2) with
 * signal 0). */
static struct err *open_of(const struct joined *j, int *out)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", j->c->doc.state.pid, j->kind);
    *out = strcmp(j->kind, "pid") == 0 ? fcntl(j->c->pidfd, F_DUPFD_CLOEXEC, 3)
                                       : open(path, O_RDONLY | O_CLOEXEC);
    if (syscall(SYS_pidfd_send_signal, j->c->pidfd, 0, NULL, 0) == 0)
        return *out >= 0 ? NULL
                         : err_sys("open the %s namespace of container %s", j->kind, j->c->name);
    if (*out >= 0)
        close(steal_fd(out));
    return err_new(ERR_CONFLICT, "cannot join the %s namespace of container %s: it has just ended",
                   j->kind, j->c->doc.id);
}

static struct err *join(struct container *c, const char *kind, const char *mode,
                        struct err *(*check)(const struct joined *j), int *out)
{
    struct joined j = {.kind = kind};

    TRY(mode_container(c->table, mode, &j.c));
    if (!j.c)
        return NULL;
    if (j.c == c)
        return err_new(ERR_CONFLICT, "cannot join own %s",
                       strcmp(kind, "net") == 0 ? "network" : kind);
    TRY(check(&j));
    return open_of(&j, out);
}

/* With a mount of its own there it has none to share, as Docker. */
static bool has_shm(const struct container *c)
{
    const struct mount_point *m = c->doc.mounts.v;

    for (size_t i = 0; i < c->doc.mounts.n; i++)
        if (strcmp(m[i].destination, "/dev/shm") == 0 || strcmp(m[i].destination, "/dev") == 0)
            return false;
    return true;
}

/* The segments of POSIX are files there, so that the namespace alone would be half of it. */
static struct err *share_shm(struct container *c, const char *ipc_mode, int *out)
{
    struct container *other;

    TRY(mode_container(c->table, ipc_mode, &other));
    if (!other || !has_shm(other))
        return NULL;
    *out = fcntl(other->pidfd, F_DUPFD_CLOEXEC, 3);
    return *out < 0 ? err_sys("open container %s", other->name) : NULL;
}

/* What owns the other's namespaces has to own the rest, too, and there is one owner only. */
static struct err *join_userns(struct container *c, const char *mode, struct sandbox_namespaces *ns)
{
    struct joined j = {.kind = "user"};
    autoclose int fd = -1;
    struct stat st, had;

    TRY(mode_container(c->table, mode, &j.c));
    if (!j.c || text_is_empty(c->doc.uid_map))
        return NULL;
    if (!ids_are_same(&c->doc, &j.c->doc))
        return err_new(ERR_CONFLICT,
                       "cannot share namespaces with container %s: it has other ids (user "
                       "namespace); start both with the same --userns",
                       j.c->name);
    TRY(open_of(&j, &fd));
    if (ns->userns < 0) {
        ns->userns = steal_fd(&fd);
        return NULL;
    }
    if (fstat(fd, &st) < 0 || fstat(ns->userns, &had) < 0)
        return err_sys("look at a user namespace");
    if (st.st_dev == had.st_dev && st.st_ino == had.st_ino)
        return NULL;
    return err_new(ERR_CONFLICT,
                   "cannot share namespaces with several containers whose user namespaces are not "
                   "the same; use --userns host");
}

/* Who shares a network shares the name that it has there. */
static void take_hostname(struct container *c)
{
    struct container *other = NULL;

    err_drop(mode_container(c->table, c->doc.host.network_mode, &other));
    if (other && !text_same(c->doc.config.hostname, other->doc.hostname)) {
        c->doc.config.hostname = arena_strdup(c->arena, other->doc.hostname);
        c->doc.hostname = c->doc.config.hostname;
    }
}

struct err *namespaces_open(struct container *c, struct sandbox_namespaces *out)
{
    const struct host_config *h = &c->doc.host;

    *out = namespaces_none;
    out->host_net = network_mode_is(h, "host");
    out->host_ipc = text_same(h->ipc_mode, "host");
    out->host_pid = text_same(h->pid_mode, "host");
    out->host_uts = text_same(h->uts_mode, "host");
    out->private_cgroup = text_same(h->cgroupns_mode, "private");
    out->host_cgroup = !out->private_cgroup;
    TRY(join(c, "net", h->network_mode, check_net, &out->net));
    TRY(join(c, "ipc", h->ipc_mode, check_ipc, &out->ipc));
    TRY(share_shm(c, h->ipc_mode, &out->shm));
    TRY(join(c, "pid", h->pid_mode, check_pid, &out->pid));
    TRY(join_userns(c, h->network_mode, out));
    TRY(join_userns(c, h->ipc_mode, out));
    TRY(join_userns(c, h->pid_mode, out));
    take_hostname(c);
    return NULL;
}

void namespaces_close(struct sandbox_namespaces *ns)
{
    int *fds[] = {&ns->net, &ns->ipc, &ns->pid, &ns->uts, &ns->shm, &ns->userns};

    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (*fds[i] >= 0)
            close(steal_fd(fds[i]));
}
