/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind-follow: the file that has taken the place of a bind's source is bound into the running
 * container. An operation without a client: what fails is in the log, and the mount stays told as
 * replaced.
 */
#include "file_follow.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "container/event.h"
#include "container/ids.h"
#include "container/labels.h"
#include "container/object.h"
#include "core/loop.h"
#include "storage/rootfs.h"

#include "prepare.h"

struct follow {
    struct op op;
    struct container *c; /* loop steps only; a reference */
    size_t at;
    struct mount_point m; /* a copy, with the inode that the container has */
    struct stat now;
    int pidfd;
    struct id_shift owners; /* map NULL: the host's */
    const char *context;    /* SELinux's, NULL: none */
    bool is_done;           /* the worker's; read when it has returned */
};

static struct err *replace(struct op *op)
{
    struct follow *o = (struct follow *)op;
    const struct mount_as as = {o->owners.map ? &o->owners : NULL, o->context};
    struct bind_options_plan plan = prep_bind_plan(op->arena, &o->m, &as, true);
    autoclose int mount = -1;
    bool is_file;

    /* A container that has the folder, too, may put a link there, to anything of the host. */
    if (text_is_empty(o->m.led_to))
        return err_new(ERR_CONFLICT, "it is not known where %s led at the start", o->m.source);
    plan.must_be = o->m.led_to;
    plan.create_dir = false;
    TRY(bind_open(o->m.source, &plan, &mount, &is_file));
    if (!is_file)
        return err_new(ERR_INVALID, "%s is a directory now", o->m.source);
    if (fstat(mount, &o->now) < 0)
        return err_sys("stat %s", o->m.source);
    TRY(bind_replace(o->pidfd, mount, o->m.destination, (dev_t)o->m.source_dev,
                     (ino_t)o->m.source_ino));
    o->is_done = true;
    return NULL;
}

static void note(struct follow *o)
{
    struct container *c = o->c;
    struct mount_point *m = c->doc.mounts.v;

    m += o->at;
    if (c->is_gone || c->pidfd < 0 || m->source_ino != o->m.source_ino)
        return; /* another run */
    m->source_dev = (int64_t)o->now.st_dev;
    m->source_ino = (int64_t)o->now.st_ino;
    m->is_replaced = false;
    container_save(c);
    log_info("a bind follows its source", KV("id", c->doc.id), KV("source", m->source));
    container_event(c, "bind-followed", "destination", m->destination);
}

/* Here, since it is true of the container even if it came too late for the operation. */
static void finish(struct op *op)
{
    struct follow *o = (struct follow *)op;

    if (o->is_done)
        note(o);
    close(o->pidfd);
    if (o->owners.userns >= 0)
        close(o->owners.userns);
    container_unref(o->c);
}

static const struct op_step follow_steps[] = {
    {"replace", ON_WORKER, replace, NULL, 0},
    {0},
};
static const struct op_type follow_type = {"binds/follow", OP_INTERNAL, sizeof(struct follow),
                                           follow_steps, finish};
OP_LISTED(follow_type);

/* Of the process that pidfd is: a number of another one later does no harm, since the worker enters
 * by pidfd. */
static struct err *open_owners(struct follow *o)
{
    char path[40];

    TRY(ids_of(o->op.arena, &o->c->doc, &o->owners.map));
    if (!o->owners.map)
        return NULL;
    snprintf(path, sizeof(path), "/proc/%d/ns/user", o->c->doc.state.pid);
    o->owners.userns = open(path, O_RDONLY | O_CLOEXEC);
    return o->owners.userns < 0 ? err_sys("open %s", path) : NULL;
}

void file_follow(struct container *c, size_t at)
{
    const struct mount_point *m = c->doc.mounts.v;
    int pidfd = c->pidfd >= 0 ? fcntl(c->pidfd, F_DUPFD_CLOEXEC, 3) : -1;
    struct follow *o;
    struct err *e;

    ASSERT_LOOP();
    if (pidfd < 0)
        return;
    o = (struct follow *)op_create(c->parts->ops, &follow_type);
    o->c = container_ref(c);
    o->at = at;
    o->pidfd = pidfd;
    o->owners.userns = -1;
    e = open_owners(o);
    if (e) {
        log_warn("a bind cannot follow its source", KV("id", c->doc.id), KV("error", err_text(e)));
        err_drop(e);
        finish(&o->op);
        op_destroy_unstarted(&o->op);
        return;
    }
    mount_point_copy(o->op.arena, &m[at], &o->m);
    o->context = arena_strdup(o->op.arena, labels_mount(c));
    o->op.subject = arena_strdup(o->op.arena, c->doc.id);
    op_start(&o->op, NULL, NULL);
}
