/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who replaces the source of a bind of one file (an editor's rename) leaves host and container with
 * different files. inotify tells of names in the folders of such sources; then a worker looks at
 * the inode behind the name, and the loop compares. Loop thread but for that look.
 *
 * Everything is bounded: folders that are watched, bytes that are read before a rest, names of one
 * look, containers that are told in one turn. The instance counts for a user of its own, so that no
 * container can use up what it needs.
 * Trap: a look may hang with its file system; it is then given up and tried again, but never are
 * more than LOOKS_MAX workers waited for. A watch that nobody has noted makes itself known by its
 * events.
 */
#include "run/file_binds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/own_user.h"
#include "container/event.h"
#include "container/object.h"
#include "core/loop.h"

#include "file_follow.h"

enum {
    FOLDERS_MAX = 1024,
    READ_BYTES = 4096,
    REST_MS = 100,
    LOOK_FILES_MAX = 64,
    LOOK_DEADLINE_MS = 10000,
    LOOKS_MAX = 2, /* the one that is on, and one that hangs */
    RETRY_MS = 1000,
    TELL_SLICE = 8, /* each writes a document */
};

#define FOLDER_EVENTS                                                                              \
    (IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |         \
     IN_ONLYDIR)
#define FOLDER_ENDS (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

struct folder {
    char *path;
    int wd; /* -1: not watched yet */
    struct map *files;
};

struct watched_file {
    char *name, *path;
    struct folder *folder;
    struct list users;
    struct list dirty_link; /* in file_binds.dirty: to be looked at */
};

struct bind_user { /* one mount of one run */
    struct list link, tell_link;
    struct container *c;
    struct watched_file *file;
    size_t at;
    bool is_replaced, is_there; /* as it was seen last */
};

struct file_binds {
    struct parts *parts;
    struct loop *loop;
    int fd; /* inotify; -1: there is none */
    struct watch *watch;
    struct timer rest, retry;
    struct map *failed; /* folders whose look came to nothing */
    int n_looks;        /* whose worker has not returned */
    struct map *folders, *by_wd;
    struct list dirty, to_tell;
    bool is_looking, is_telling, has_said_full;
};

/* ---- what is watched ---- */

static void wd_key(int wd, char out[16])
{
    snprintf(out, 16, "%d", wd);
}

static void folder_unwatch(struct file_binds *f, struct folder *d, bool is_gone)
{
    char key[16];

    if (d->wd < 0)
        return;
    wd_key(d->wd, key);
    map_take(f->by_wd, key);
    if (!is_gone)
        inotify_rm_watch(f->fd, d->wd);
    d->wd = -1;
}

static void folder_free(struct file_binds *f, struct folder *d)
{
    ASSERT(map_count(d->files) == 0);
    folder_unwatch(f, d, false);
    map_take(f->folders, d->path);
    map_destroy(d->files);
    free(d->path);
    free(d);
}

static void file_free(struct file_binds *f, struct watched_file *w)
{
    struct folder *d = w->folder;

    ASSERT(list_is_empty(&w->users));
    list_remove(&w->dirty_link);
    map_take(d->files, w->name);
    free(w->name);
    free(w->path);
    free(w);
    if (map_count(d->files) == 0)
        folder_free(f, d);
}

static struct folder *folder_get(struct file_binds *f, const char *path)
{
    struct folder *d = map_get(f->folders, path);

    if (d || map_count(f->folders) >= FOLDERS_MAX)
        return d;
    d = mem_new(struct folder);
    *d = (struct folder){.path = mem_strdup(path), .wd = -1, .files = map_create()};
    map_put(f->folders, path, d);
    return d;
}

/* NULL: there are too many folders. */
static struct watched_file *file_get(struct file_binds *f, const char *path)
{
    const char *slash = strrchr(path, '/');
    autofree char *parent = mem_printf("%.*s", slash == path ? 1 : (int)(slash - path), path);
    struct folder *d = folder_get(f, parent);
    struct watched_file *w = d ? map_get(d->files, slash + 1) : NULL;

    if (w || !d)
        return w;
    w = mem_new(struct watched_file);
    w->name = mem_strdup(slash + 1);
    w->path = mem_strdup(path);
    w->folder = d;
    list_init(&w->users);
    map_put(d->files, w->name, w);
    return w;
}

/* ---- telling ---- */

static void tell_one(struct bind_user *u)
{
    struct container *c = u->c;
    struct mount_point *m = c->doc.mounts.v;

    m += u->at;
    if (m->is_replaced == u->is_replaced)
        return;
    m->is_replaced = u->is_replaced;
    container_save(c);
    if (!u->is_replaced)
        return;
    log_info("the source of a bind was replaced: the container has the old file",
             KV("id", c->doc.id), KV("source", m->source), KV("destination", m->destination));
    container_event(c, "bind-replaced", "destination", m->destination);
}

static void tell_some(void *arg)
{
    struct file_binds *f = arg;
    struct bind_user *u;

    for (int i = 0; i < TELL_SLICE && (u = list_first(&f->to_tell, struct bind_user, tell_link));
         i++) {
        const struct mount_point *m = u->c->doc.mounts.v;

        list_remove(&u->tell_link);
        tell_one(u);
        if (u->is_replaced && u->is_there && m[u->at].follow)
            file_follow(u->c, u->at);
    }
    f->is_telling = !list_is_empty(&f->to_tell);
    if (f->is_telling)
        loop_post(f->loop, tell_some, f);
}

/* ---- a look: at files of one folder ---- */

struct look_item {
    const char *name, *path;
    bool is_there;
    int64_t dev, ino;
};

struct look {
    struct op op;
    struct file_binds *f; /* loop steps only */
    const char *folder;
    int fd, wd;
    bool wants_watch;
    struct look_item *items;
    size_t n;
};

static void go(struct file_binds *f);
static void on_retry(struct timer *t);

/* The watch first: what happens behind the stat is told. */
static struct err *look(struct op *op)
{
    struct look *l = (struct look *)op;

    if (l->wants_watch)
        l->wd = inotify_add_watch(l->fd, l->folder, FOLDER_EVENTS);
    if (l->wants_watch && l->wd < 0)
        log_debug("a folder cannot be watched", KV("path", l->folder),
                  KV("error", strerror(errno)));
    for (size_t i = 0; i < l->n; i++) {
        struct stat st;

        l->items[i].is_there = stat(l->items[i].path, &st) == 0;
        if (l->items[i].is_there) {
            l->items[i].dev = (int64_t)st.st_dev;
            l->items[i].ino = (int64_t)st.st_ino;
        }
    }
    return NULL;
}

static void compare_file(struct file_binds *f, struct watched_file *w, const struct look_item *it)
{
    list_each (u, &w->users, struct bind_user, link) {
        const struct mount_point *m = u->c->doc.mounts.v;

        m += u->at;
        u->is_there = it->is_there;
        u->is_replaced = !it->is_there || it->dev != m->source_dev || it->ino != m->source_ino;
        if ((u->is_replaced != m->is_replaced || (u->is_replaced && m->follow)) &&
            !list_is_linked(&u->tell_link))
            list_append(&f->to_tell, &u->tell_link);
    }
}

static struct err *compare(struct op *op)
{
    struct look *l = (struct look *)op;
    struct file_binds *f = l->f;
    struct folder *d = map_get(f->folders, l->folder);
    char key[16];

    if (d && d->wd < 0 && l->wd >= 0) {
        d->wd = l->wd;
        wd_key(l->wd, key);
        map_put(f->by_wd, key, d);
    } else if (!d && l->wd >= 0) {
        inotify_rm_watch(f->fd, l->wd); /* nobody has it any more */
    }
    for (size_t i = 0; d && i < l->n; i++) {
        struct watched_file *w = map_get(d->files, l->items[i].name);

        if (w)
            compare_file(f, w, &l->items[i]);
    }
    if (!list_is_empty(&f->to_tell) && !f->is_telling) {
        f->is_telling = true;
        loop_post(f->loop, tell_some, f);
    }
    return NULL;
}

static const struct op_step look_steps[] = {
    {"look", ON_DISK, look, NULL, LOOK_DEADLINE_MS},
    {"compare", ON_LOOP, compare, NULL, 0},
    {0},
};
/* When the worker has returned, however late. */
static void finish(struct op *op)
{
    struct look *l = (struct look *)op;

    ASSERT(l->f->n_looks > 0);
    l->f->n_looks--;
}

static const struct op_type look_type = {"binds/look", OP_INTERNAL, sizeof(struct look), look_steps,
                                         finish};
OP_LISTED(look_type);

static void on_looked(struct op *op, struct err *err, void *ctx)
{
    struct file_binds *f = ctx;

    f->is_looking = false;
    if (err) {
        log_warn("sources of binds could not be looked at", KV("path", op->subject),
                 KV("error", err_text(err)));
        map_put(f->failed, op->subject, f);
        timer_set(f->loop, &f->retry, RETRY_MS, on_retry);
    }
    err_drop(err);
    go(f);
}

/* All dirty files of the folder of the first, as far as one look goes. */
static void go(struct file_binds *f)
{
    struct watched_file *first = list_first(&f->dirty, struct watched_file, dirty_link);
    struct look *l;

    if (!first || f->is_looking || f->rest.due_ns)
        return;
    if (f->n_looks >= LOOKS_MAX) { /* others hang: later */
        timer_set(f->loop, &f->retry, RETRY_MS, on_retry);
        return;
    }
    l = (struct look *)op_create(f->parts->ops, &look_type);
    l->f = f;
    l->fd = f->fd;
    l->wd = -1;
    l->folder = arena_strdup(l->op.arena, first->folder->path);
    l->wants_watch = first->folder->wd < 0;
    l->items = arena_array(l->op.arena, LOOK_FILES_MAX, sizeof(*l->items));
    l->op.subject = l->folder;
    list_each (w, &f->dirty, struct watched_file, dirty_link) {
        if (w->folder != first->folder || l->n == LOOK_FILES_MAX)
            continue;
        l->items[l->n++] = (struct look_item){.name = arena_strdup(l->op.arena, w->name),
                                              .path = arena_strdup(l->op.arena, w->path)};
        list_remove(&w->dirty_link);
    }
    f->is_looking = true;
    f->n_looks++;
    op_start(&l->op, on_looked, f);
}

/* ---- what inotify tells ---- */

static void mark(struct file_binds *f, struct watched_file *w)
{
    if (!list_is_linked(&w->dirty_link))
        list_append(&f->dirty, &w->dirty_link);
}

static void mark_folder(struct file_binds *f, struct folder *d)
{
    size_t cursor = 0;
    void *w;

    while (map_next(d->files, &cursor, NULL, &w))
        mark(f, w);
}

static void mark_all(struct file_binds *f)
{
    size_t cursor = 0;
    void *d;

    while (map_next(f->folders, &cursor, NULL, &d))
        mark_folder(f, d);
}

static void mark_unwatched(struct file_binds *f)
{
    size_t cursor = 0;
    void *d;

    while (map_next(f->folders, &cursor, NULL, &d))
        if (((struct folder *)d)->wd < 0)
            mark_folder(f, d);
}

static void on_retry(struct timer *t)
{
    struct file_binds *f = container_of(t, struct file_binds, retry);
    size_t cursor = 0;
    const char *path;
    void *ignored;

    while (map_next(f->failed, &cursor, &path, &ignored)) {
        struct folder *d = map_get(f->folders, path);

        if (d)
            mark_folder(f, d);
    }
    map_destroy(f->failed);
    f->failed = map_create();
    go(f);
}

static void take_event(struct file_binds *f, const struct inotify_event *e)
{
    struct watched_file *w;
    struct folder *d;
    char key[16];

    if (e->mask & IN_Q_OVERFLOW) {
        mark_all(f);
        return;
    }
    wd_key(e->wd, key);
    d = map_get(f->by_wd, key);
    if (!d) {
        if (!f->is_looking && !(e->mask & IN_IGNORED))
            inotify_rm_watch(f->fd, e->wd);
        mark_unwatched(f);
        return;
    }
    if (e->mask & FOLDER_ENDS) { /* another folder may have its name by now */
        folder_unwatch(f, d, e->mask & IN_IGNORED);
        mark_folder(f, d);
        return;
    }
    w = e->len ? map_get(d->files, e->name) : NULL;
    if (w)
        mark(f, w);
}

static void on_rested(struct timer *t)
{
    struct file_binds *f = container_of(t, struct file_binds, rest);

    watch_set(f->watch, UV_READABLE);
    go(f);
}

/* A folder may change all the time: after each read there is a rest. */
static void on_readable(void *arg, int events)
{
    struct file_binds *f = arg;
    char bytes[READ_BYTES] __attribute__((aligned(8)));
    ssize_t n = read(f->fd, bytes, sizeof(bytes));

    (void)events;
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *e = (const struct inotify_event *)(bytes + at);

        take_event(f, e);
        at += (ssize_t)(sizeof(*e) + e->len);
    }
    watch_set(f->watch, 0);
    timer_set(f->loop, &f->rest, REST_MS, on_rested);
}

/* ---- runs ---- */

static bool is_file_bind(const struct mount_point *m)
{
    return m->source_ino && strcmp(m->type, "bind") == 0;
}

static void add_user(struct file_binds *f, struct bind_user *u, struct container *c, size_t at)
{
    const struct mount_point *m = c->doc.mounts.v;

    u->c = c;
    u->at = at;
    u->file = file_get(f, m[at].source);
    if (u->file) {
        list_append(&u->file->users, &u->link);
        mark(f, u->file);
    } else if (!f->has_said_full) {
        f->has_said_full = true;
        log_warn("sources of binds of files are in more folders than are watched",
                 KV_INT("max", FOLDERS_MAX));
    }
}

void file_binds_begin(struct container *c)
{
    struct file_binds *f = c->parts->file_binds;
    const struct mount_point *m = c->doc.mounts.v;
    size_t n = 0;

    ASSERT_LOOP();
    for (size_t i = 0; i < c->doc.mounts.n; i++)
        n += is_file_bind(&m[i]);
    if (n == 0 || !f || f->fd < 0 || c->bind_users)
        return;
    c->bind_users = mem_array(n, sizeof(*c->bind_users));
    for (size_t i = 0; i < c->doc.mounts.n; i++)
        if (is_file_bind(&m[i]))
            add_user(f, &c->bind_users[c->n_bind_users++], c, i);
    go(f);
}

void file_binds_end(struct container *c)
{
    for (size_t i = 0; i < c->n_bind_users; i++) {
        struct bind_user *u = &c->bind_users[i];

        list_remove(&u->tell_link);
        list_remove(&u->link);
        if (u->file && list_is_empty(&u->file->users))
            file_free(c->parts->file_binds, u->file);
    }
    free(c->bind_users);
    c->bind_users = NULL;
    c->n_bind_users = 0;
}

struct file_binds *file_binds_create(struct parts *p)
{
    struct file_binds *f = mem_new(struct file_binds);
    uid_t was = own_user_begin();

    f->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    own_user_end(was);
    f->parts = p;
    f->loop = p->loop;
    f->folders = map_create();
    f->by_wd = map_create();
    f->failed = map_create();
    list_init(&f->dirty);
    list_init(&f->to_tell);
    if (f->fd >= 0)
        f->watch = watch_open(f->loop, f->fd, UV_READABLE, on_readable, f);
    else
        log_warn("sources of binds are not watched: no inotify", KV("error", strerror(errno)));
    return f;
}

void file_binds_close(struct file_binds *f)
{
    if (!f)
        return;
    ASSERT(map_count(f->folders) == 0);
    timer_clear(f->loop, &f->rest);
    timer_clear(f->loop, &f->retry);
    watch_close(f->watch);
    if (f->fd >= 0)
        close(f->fd);
    map_destroy(f->folders);
    map_destroy(f->by_wd);
    map_destroy(f->failed);
    free(f);
}
