/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start needs as fds before the clone: network namespace, mounts, root file system, cgroup,
 * and the compiled setup program. Worker.
 */
#include "prepare.h"

#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "container/doc.h"
#include "container/parts.h"
#include "net/net.h"
#include "storage/rootfs.h"
#include "storage/volume.h"

#include "limits.h"

/* 0: none was asked for; bind_open makes it rprivate, as Docker. */
static unsigned long propagation_flags(const char *name)
{
    static const struct {
        const char *name;
        unsigned long flags;
    } known[] = {
        {"private", MS_PRIVATE}, {"rprivate", MS_PRIVATE | MS_REC},
        {"slave", MS_SLAVE},     {"rslave", MS_SLAVE | MS_REC},
        {"shared", MS_SHARED},   {"rshared", MS_SHARED | MS_REC},
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (text_same(name, known[i].name))
            return known[i].flags;
    return 0;
}

static struct err *open_tmpfs(const struct mount_point *m, struct sandbox_mount *out)
{
    struct tmpfs_mount t;

    TRY(tmpfs_open(m->options ? m->options : "", &t));
    out->fd = t.fd;
    out->takes_mode = !t.has_mode;
    out->takes_owner = !t.has_owner;
    out->is_readonly = t.is_readonly || !m->rw;
    return NULL;
}

static struct err *open_image(const struct prep *p, size_t i, struct sandbox_mount *out)
{
    const struct mount_point *m = &p->mounts[i];

    if (p->image_chains[i].n == 0)
        return err_new(ERR_NOT_FOUND,
                       "No such image: %s (it was removed while the container existed)", m->source);
    return image_mount_open(p->parts->layers, &p->image_chains[i], m->subpath, &out->fd,
                            &out->is_file);
}

static struct err *open_mount(const struct prep *p, size_t i, struct sandbox_mount *out)
{
    const struct mount_point *m = &p->mounts[i];
    struct bind_options_plan plan = {
        .read_only = !m->rw,
        .non_recursive = m->non_recursive,
        .create_dir = m->create_source,
        .readonly_non_recursive = m->readonly_non_recursive,
        .propagation = propagation_flags(m->propagation),
    };

    ASSERT(i < p->n_mounts);
    *out = (struct sandbox_mount){.fd = -1, .target = m->destination};
    if (strcmp(m->type, "tmpfs") == 0)
        return open_tmpfs(m, out);
    if (strcmp(m->type, "volume") == 0)
        return volume_open_mount(m->source, &p->volume_options[i], !m->rw, m->subpath, &out->fd,
                                 &out->is_file);
    if (strcmp(m->type, "image") == 0)
        return open_image(p, i, out);
    return bind_open(m->source, &plan, &out->fd, &out->is_file);
}

struct mount_list {
    struct sandbox_mount *v;
    size_t n;
};

/* A detached mount is unmounted when its last descriptor goes (open_tree(2)). */
static void close_mounts(struct mount_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        close(l->v[i].fd);
    l->n = 0;
}

static struct err *open_mounts(struct arena *a, const struct prep *p, struct mount_list *l)
{
    struct err *err = NULL;
    size_t n_etc = 0;

    for (size_t i = 0; i < p->n_mounts && !err; i++) {
        err = open_mount(p, i, &l->v[l->n]);
        if (!err)
            l->n++;
    }
    if (!err) /* last: something may be mounted at /etc */
        err = etc_files_open(a, p->dir, &p->files, p->mounts, p->n_mounts, l->v + l->n, &n_etc);
    l->n += n_etc;
    if (err)
        close_mounts(l);
    return err;
}

/* Sockets of published ports first: a port that is taken is the most usual failure, and nothing has
 * to be undone for it. */
static struct err *open_network(struct prep *p)
{
    if (p->ports)
        TRY(ports_bind(p->ports));
    if (p->ns.net >= 0 || p->ns.host_net)
        return NULL;
    TRY(netns_open(p->parts->net, p->specs, p->n_specs, &p->ns.net));
    return dns_start_open(&p->dns, p->parts->net, p->ns.net);
}

/* Descriptors of `ns`, the mounts and the cgroup are taken by sandbox_compile, whether it succeeds
 * or not. */
static struct err *compile(struct arena *a, struct prep *p, struct mount_list *l,
                           struct cgroup_join *join)
{
    struct sandbox_input in = {
        .id = p->id,
        .config = p->config,
        .host = p->host,
        .hostname = p->config->hostname,
        .domainname = p->config->domainname,
        .root = -1,
        .mounts = l->v,
        .n_mounts = l->n,
        .ns = p->ns,
        .cgroup_tasks = join->tasks,
        .n_cgroup_tasks = join->n_tasks,
        .cgroup_dir = join->dir,
        .is_v2 = cgroup_is_v2(p->parts->cgroups),
    };
    struct err *err =
        rootfs_mount(p->parts->layers, p->id, &p->chain, p->host->auto_remove, &in.root);

    if (err) {
        cgroup_join_close(join);
        close_mounts(l);
        return err;
    }
    p->ns.net = p->ns.ipc = p->ns.pid = p->ns.uts = p->ns.shm = -1; /* taken, whatever happens */
    return sandbox_compile(a, &in, &p->launch);
}

struct err *prep_make(struct arena *a, struct prep *p)
{
    struct cgroup_limits limits = {0};
    struct cgroup_join join = {.dir = -1};
    struct mount_list mounts = {0};
    struct err *err;

    ASSERT_WORKER();
    ASSERT(p->id && p->config && p->host);
    launch_init(&p->launch);
    mounts.v = arena_array(a, p->n_mounts + ETC_FILES, sizeof(*mounts.v));
    TRY(limits_plan(a, p->host, p->config, &limits));
    TRY(open_network(p));
    TRY(open_mounts(a, p, &mounts));
    err = cgroup_create(p->parts->cgroups, p->cgroup, &limits, &join);
    if (err) {
        close_mounts(&mounts);
        return err;
    }
    err = compile(a, p, &mounts, &join);
    if (err)
        err_drop(cgroup_remove(p->parts->cgroups, p->cgroup));
    return err;
}

void prep_discard(struct prep *p)
{
    ASSERT_WORKER();
    launch_close(&p->launch);
    err_drop(cgroup_remove(p->parts->cgroups, p->cgroup));
}
