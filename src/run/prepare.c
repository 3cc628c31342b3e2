/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start needs as fds before the clone: network namespace, mounts, root file system, cgroup,
 * and the compiled setup program. Worker.
 */
#include "prepare.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "container/labels.h"
#include "container/object.h"
#include "image/image.h"
#include "net/net.h"
#include "run/mounts.h"
#include "runtime/label.h"
#include "runtime/userns.h"
#include "storage/rootfs.h"
#include "storage/volume.h"

#include "limits.h"
#include "mount_spec.h"

struct err *prep_plan_root(struct arena *a, struct container *c, struct prep *p)
{
    const struct mount_point *m = c->doc.mounts.v;

    ASSERT_LOOP();
    if (!c->image)
        return err_new(ERR_NOT_FOUND,
                       "No such image: %s (it was removed while the container existed)",
                       c->doc.image_name);
    p->parts = c->parts;
    p->id = c->doc.id;
    p->dir = rootfs_dir(c->parts->layers, a, c->doc.id);
    p->host = &c->doc.host;
    p->as.context = labels_mount(c);
    p->label = labels_process(c);
    p->chain = strs_copy(a, image_chain(c->image));
    p->mounts = m;
    p->n_mounts = c->doc.mounts.n;
    p->volume_options = arena_array(a, p->n_mounts + 1, sizeof(struct pairs));
    p->image_chains = arena_array(a, p->n_mounts + 1, sizeof(struct strs));
    p->file_ids = arena_array(a, p->n_mounts + 1, sizeof(*p->file_ids));
    for (size_t i = 0; i < p->n_mounts; i++) {
        struct volume *v =
            text_is_empty(m[i].name) ? NULL : volume_find(c->parts->volumes, m[i].name);

        p->image_chains[i] = mounts_image_chain(c, i, a);
        if (v)
            p->volume_options[i] = pairs_copy(a, volume_options(v));
    }
    return NULL;
}

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

static struct err *open_tmpfs(const struct prep *p, const struct mount_point *m, bool for_view,
                              struct sandbox_mount *out)
{
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    struct tmpfs_mount t;

    TRY(tmpfs_open(m->options ? m->options : "", &p->as, &t));
    if (for_view && mount_setattr(t.fd, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) < 0) {
        close(t.fd);
        return err_sys("make a tmpfs read-only");
    }
    out->fd = t.fd;
    out->takes_mode = !t.has_mode;
    out->takes_owner = !t.has_owner;
    out->is_readonly = t.is_readonly || !m->rw;
    return NULL;
}

/* Volumes are everybody's unless Z says otherwise; of binds only those that ask for it. NULL: the
 * files stay as they are. */
static const char *label_of(struct arena *a, const struct mount_point *m, const char *context)
{
    char word = mount_label_word(m->mode);

    if (!context || (!word && strcmp(m->type, "volume") != 0))
        return NULL;
    return word == 'Z' ? context : label_shared(a, context);
}

struct bind_options_plan prep_bind_plan(struct arena *a, const struct mount_point *m,
                                        const struct mount_as *as, bool relabels)
{
    return (struct bind_options_plan){
        .read_only = !m->rw || m->discards,
        .non_recursive = m->non_recursive,
        .create_dir = m->create_source,
        .readonly_non_recursive = m->readonly_non_recursive,
        .must_be = m->judged,
        .propagation = propagation_flags(m->propagation),
        .as = {as->shift, relabels ? label_of(a, m, as->context) : NULL},
    };
}

/* Which file it is, and where its name led. */
static void look_at_file(const char *source, int mount, struct file_id *out)
{
    autoclose int place = open(source, O_PATH | O_CLOEXEC);
    struct stat st, seen;
    char link[64];
    ssize_t n;

    if (fstat(mount, &st) < 0)
        return;
    out->dev = (int64_t)st.st_dev;
    out->ino = (int64_t)st.st_ino;
    if (place < 0 || fstat(place, &seen) < 0 || seen.st_dev != st.st_dev ||
        seen.st_ino != st.st_ino)
        return; /* exchanged meanwhile: nothing is known of where it led */
    snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
    n = readlink(link, out->led_to, sizeof(out->led_to) - 1);
    out->led_to[n < 0 ? 0 : n] = '\0';
}

static struct err *open_bind(struct arena *a, const struct prep *p, size_t i,
                             struct sandbox_mount *out)
{
    const struct bind_options_plan plan = prep_bind_plan(a, &p->mounts[i], &p->as, p->relabels);

    TRY(bind_open(p->mounts[i].source, &plan, &out->fd, &out->is_file));
    if (out->is_file)
        look_at_file(p->mounts[i].source, out->fd, &p->file_ids[i]);
    return NULL;
}

static struct err *open_image(const struct prep *p, size_t i, struct sandbox_mount *out)
{
    const struct mount_point *m = &p->mounts[i];

    if (p->image_chains[i].n == 0)
        return err_new(ERR_NOT_FOUND,
                       "No such image: %s (it was removed while the container existed)", m->source);
    return image_mount_open(p->parts->layers, &p->image_chains[i], m->subpath, &p->as, &out->fd,
                            &out->is_file);
}

static struct err *open_volume(struct arena *a, const struct prep *p, size_t i,
                               struct sandbox_mount *out)
{
    const struct mount_point *m = &p->mounts[i];
    const struct mount_as as = {p->as.shift, p->relabels ? label_of(a, m, p->as.context) : NULL};

    return volume_open_mount(m->source, &p->volume_options[i], !m->rw, m->subpath, m->judged, &as,
                             &out->fd, &out->is_file);
}

static struct err *open_what_is_shown(struct arena *a, const struct prep *p, size_t i,
                                      bool for_view, struct sandbox_mount *out)
{
    const struct mount_point *m = &p->mounts[i];

    if (strcmp(m->type, "tmpfs") == 0)
        return open_tmpfs(p, m, for_view, out);
    if (strcmp(m->type, "volume") == 0)
        return open_volume(a, p, i, out);
    if (strcmp(m->type, "image") == 0)
        return open_image(p, i, out);
    return open_bind(a, p, i, out);
}

static struct err *drop_writes(struct arena *a, const struct prep *p, size_t i,
                               struct sandbox_mount *out)
{
    autoclose int lower = steal_fd(&out->fd);

    return discard_open(lower, arena_printf(a, "%s/discard-%zu", p->dir, i), &p->as, &out->fd);
}

static struct err *open_mount(struct arena *a, const struct prep *p, size_t i, bool for_view,
                              struct sandbox_mount *out)
{
    const struct mount_point *m = &p->mounts[i];

    ASSERT(i < p->n_mounts);
    *out = (struct sandbox_mount){.fd = -1, .target = m->destination};
    TRY(open_what_is_shown(a, p, i, for_view, out));
    return m->discards ? drop_writes(a, p, i, out) : NULL;
}

struct err *prep_open_mounts(struct arena *a, const struct prep *p, bool for_view,
                             struct sandbox_mount *out, size_t *n)
{
    for (size_t i = 0; i < p->n_mounts; i++) {
        TRY(open_mount(a, p, i, for_view, &out[*n]));
        ++*n;
    }
    return NULL;
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

    err = prep_open_mounts(a, p, false, l->v, &l->n);
    if (!err) /* last: something may be mounted at /etc */
        err = etc_files_open(a, p->dir, &p->files, p->mounts, p->n_mounts, &p->as, l->v + l->n,
                             &n_etc);
    l->n += n_etc;
    if (err)
        close_mounts(l);
    return err;
}

/* One of another container's comes with its network namespace, or without. */
static struct err *open_owned_network(struct prep *p)
{
    TRY(userns_make(p->parts->keeper_binary, p->ids, &p->ns.userns, &p->ns.net));
    return netns_open_in(p->parts->net, p->specs, p->n_specs, &p->ns.net);
}

/* Sockets of published ports first: a port that is taken is the most usual failure, and nothing has
 * to be undone for it. */
static struct err *open_network(struct prep *p)
{
    if (p->ports)
        TRY(ports_bind(p->ports));
    if (p->ns.net >= 0 || p->ns.host_net)
        return NULL;
    if (p->ids)
        TRY(open_owned_network(p));
    else
        TRY(netns_open(p->parts->net, p->specs, p->n_specs, &p->ns.net));
    return dns_start_open(&p->dns, p->parts->net, p->ns.net);
}

struct err *prep_mount_root(struct prep *p, int *out)
{
    if (p->has_other_owners) /* it is mounted once only, with these owners or those */
        return err_new(ERR_CONFLICT,
                       "the files of container %.12s are in use by another command (cp, export), "
                       "begun before it was started or stopped; try again when that has ended",
                       p->id);
    if (p->lent_root >= 0) {
        *out = steal_fd(&p->lent_root);
        return NULL;
    }
    return rootfs_mount(p->parts->layers, p->id, &p->chain, p->host->auto_remove, &p->as, out);
}

/* Descriptors of `ns`, the mounts and the cgroup are taken by sandbox_compile, whether it succeeds
 * or not. */
static struct err *compile(struct arena *a, struct prep *p, struct mount_list *l,
                           struct cgroup_join *join)
{
    struct sandbox_input in = {
        .id = p->id,
        .ids = p->ids,
        .lsm = p->parts->lsm,
        .config = p->config,
        .host = p->host,
        .label = p->label,
        .mount_label = p->as.context,
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
    struct err *err = prep_mount_root(p, &in.root);

    if (err) {
        cgroup_join_close(join);
        close_mounts(l);
        return err;
    }
    /* taken, whatever happens */
    p->ns.net = p->ns.ipc = p->ns.pid = p->ns.uts = p->ns.shm = p->ns.userns = -1;
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
    p->owners = (struct id_shift){p->ids, p->ns.userns};
    p->as.shift = p->ids ? &p->owners : NULL;
    p->relabels = true;
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
