/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container mounts: Binds, Mounts, Tmpfs, VolumesFrom and the image's
 * volumes become one list of mount points, parents first. A decision only: start
 * opens them. Loop thread (look-ups of volumes and containers), but for the look
 * at the host's files, which may hang: that is a worker's.
 */
#include "run/mounts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "container/container.h"
#include "container/doc.h"
#include "container/object.h"
#include "core/loop.h"
#include "place/files.h"
#include "runtime/risk.h"
#include "runtime/sandbox.h"
#include "storage/volume.h"

#define MOUNTS_MAX (SANDBOX_MOUNTS_MAX - ETC_FILES) /* what a start has room for */

/* A list under construction; later entries for the same destination are refused or skipped. */
struct mount_plan {
    struct container_table *table;
    struct arena *a;
    struct mount_point *v;
    size_t n, room;
};

static struct mount_point *mount_plan_find(struct mount_plan *p, const char *destination)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->v[i].destination, destination) == 0)
            return &p->v[i];
    return NULL;
}

static struct mount_point *mount_plan_add(struct mount_plan *p, const char *type,
                                          const char *destination)
{
    struct mount_point *m;

    p->v = arena_grow(p->a, p->v, p->n, &p->room, sizeof(*p->v));
    m = &p->v[p->n++];
    m->type = arena_strdup(p->a, type);
    m->destination = arena_strdup(p->a, destination);
    m->name = m->source = m->driver = m->mode = m->propagation = "";
    m->rw = true;
    return m;
}

static struct err *check_number(size_t n)
{
    return n <= MOUNTS_MAX ? NULL
                           : err_new(ERR_INVALID, "a container has at most %d mounts", MOUNTS_MAX);
}

static struct err *check_destination(struct mount_plan *p, const char *destination, char **out)
{
    if (text_is_empty(destination) || *destination != '/')
        return err_new(ERR_INVALID, "invalid mount path: '%s' mount path must be absolute",
                       destination ? destination : "");
    *out = path_clean(p->a, destination);
    if (strcmp(*out, "/") == 0)
        return err_new(ERR_INVALID, "invalid specification: destination can't be '/'");
    if (mount_plan_find(p, *out))
        return err_new(ERR_INVALID, "Duplicate mount point: %s", *out);
    return check_number(p->n + 1);
}

/* ---- Binds: "source:destination[:mode]" ---- */

static bool is_propagation(const char *s)
{
    static const char *const known[] = {"shared", "rshared", "slave",
                                        "rslave", "private", "rprivate"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(s, known[i]) == 0)
            return true;
    return false;
}

static struct err *parse_mode(struct mount_plan *p, struct mount_point *m, const char *spec,
                              const char *mode, bool is_bind)
{
    struct strs parts = text_split(p->a, mode, ',');

    m->mode = arena_strdup(p->a, mode);
    for (size_t i = 0; i < parts.n; i++) {
        const char *part = parts.v[i];

        if (strcmp(part, "ro") == 0 || strcmp(part, "readonly") == 0)
            m->rw = false;
        else if (strcmp(part, "rw") == 0)
            m->rw = true;
        else if (is_bind && is_propagation(part))
            m->propagation = arena_strdup(p->a, part);
        else if (!is_bind && strcmp(part, "nocopy") == 0)
            m->no_copy = true;
        else if (strcmp(part, "nocopy") == 0)
            return err_new(ERR_INVALID,
                           "invalid volume specification: '%s': nocopy is for volumes: what a bind "
                           "mount hides is never copied (invalid mount config for type \"bind\": "
                           "field VolumeOptions must not be specified)",
                           spec);
        else if (strcmp(part, "z") != 0 && strcmp(part, "Z") != 0)
            return err_new(ERR_INVALID, "invalid mode: %s (in volume specification '%s')", mode,
                           spec);
    }
    return NULL;
}

static struct err *add_bind(struct mount_plan *p, const char *spec)
{
    struct strs parts = text_split(p->a, spec, ':');
    struct mount_point *m;
    bool is_bind;
    char *destination = NULL;

    if (parts.n < 2 || parts.n > 3 || !*parts.v[0] || !*parts.v[1])
        return err_new(ERR_INVALID, "invalid volume specification: '%s'", spec);
    is_bind = parts.v[0][0] == '/';
    TRY(check_destination(p, parts.v[1], &destination));
    m = mount_plan_add(p, is_bind ? "bind" : "volume", destination);
    if (is_bind) {
        m->source = path_clean(p->a, parts.v[0]);
        m->propagation = "rprivate";
        m->create_source = true;
    } else {
        m->name = arena_strdup(p->a, parts.v[0]);
        m->driver = "local";
        m->mode = "z";
    }
    if (parts.n == 3)
        TRY(parse_mode(p, m, spec, parts.v[2], is_bind));
    return NULL;
}

/* ---- Mounts: structured ---- */

static struct err *refuse(const struct mount_request *r, const char *why)
{
    return err_new(ERR_INVALID, "invalid mount config for type \"%s\": %s", r->type, why);
}

static struct err *add_bind_mount(struct mount_plan *p, const struct mount_request *r,
                                  const char *destination)
{
    const struct bind_options *o = r->bind;
    struct mount_point *m;

    if (text_is_empty(r->source))
        return refuse(r, "field Source must not be empty");
    if (*r->source != '/')
        return refuse(r, "invalid mount path: mount path must be absolute");
    if (r->volume)
        return refuse(r, "field VolumeOptions must not be specified");
    if (o && !text_is_empty(o->propagation) && !is_propagation(o->propagation))
        return refuse(r, "invalid propagation mode");
    m = mount_plan_add(p, "bind", destination);
    m->source = path_clean(p->a, r->source);
    m->rw = !r->read_only;
    m->propagation =
        o && !text_is_empty(o->propagation) ? arena_strdup(p->a, o->propagation) : "rprivate";
    m->create_source = o && o->create_mountpoint;
    m->non_recursive = o && o->non_recursive;
    m->readonly_non_recursive = o && o->readonly_non_recursive;
    return NULL;
}

static struct err *add_volume_mount(struct mount_plan *p, const struct mount_request *r,
                                    const char *destination)
{
    struct mount_point *m;

    if (r->bind)
        return refuse(r, "field BindOptions must not be specified");
    if (r->source && *r->source == '/')
        return refuse(r, "the Source of a volume is its name, not a path");
    m = mount_plan_add(p, "volume", destination);
    m->name = r->source ? arena_strdup(p->a, r->source) : "";
    m->is_anonymous = text_is_empty(r->source);
    m->driver = "local";
    m->mode = "z";
    m->rw = !r->read_only;
    if (r->volume) {
        m->no_copy = r->volume->no_copy;
        m->subpath = arena_strdup(p->a, r->volume->subpath);
    }
    return NULL;
}

static struct err *add_tmpfs_mount(struct mount_plan *p, const struct mount_request *r,
                                   const char *destination)
{
    struct mount_point *m;
    autobuf struct buf options = {0};

    if (!text_is_empty(r->source))
        return refuse(r, "field Source must not be specified");
    m = mount_plan_add(p, "tmpfs", destination);
    m->rw = !r->read_only;
    buf_puts(&options, "noexec,nosuid,nodev");
    if (r->tmpfs && r->tmpfs->size_bytes > 0)
        buf_printf(&options, ",size=%lld", (long long)r->tmpfs->size_bytes);
    if (r->tmpfs && r->tmpfs->mode > 0)
        buf_printf(&options, ",mode=%o", (unsigned)r->tmpfs->mode);
    m->options = arena_strdup(p->a, options.data);
    return NULL;
}

static struct err *add_mount(struct mount_plan *p, const struct mount_request *r)
{
    char *destination = NULL;
    const char *type = r->type ? r->type : "";

    TRY(check_destination(p, r->target, &destination));
    if (strcmp(type, "bind") == 0)
        return add_bind_mount(p, r, destination);
    if (strcmp(type, "volume") == 0)
        return add_volume_mount(p, r, destination);
    if (strcmp(type, "tmpfs") == 0)
        return add_tmpfs_mount(p, r, destination);
    return err_new(ERR_INVALID, "mount type unknown: \"%s\"", type);
}

/* ---- the rest ---- */

static struct err *add_tmpfs(struct mount_plan *p, const struct pair *t)
{
    char *destination = NULL;
    struct mount_point *m;

    TRY(check_destination(p, t->key, &destination));
    m = mount_plan_add(p, "tmpfs", destination);
    m->options = arena_strdup(p->a, t->value ? t->value : "");
    return NULL;
}

static struct err *add_volumes_from(struct mount_plan *p, const char *spec)
{
    struct strs parts = text_split(p->a, spec, ':');
    const struct mount_point *theirs;
    struct container *other;

    if (parts.n < 1 || parts.n > 2)
        return err_new(ERR_INVALID, "invalid volumes-from specification: %s", spec);
    TRY(container_find(p->table, parts.v[0], &other));
    if (parts.n == 2) { /* a bad mode is one even where there is nothing to take */
        struct mount_point any = {0};

        TRY(parse_mode(p, &any, spec, parts.v[1], true));
    }
    theirs = other->doc.mounts.v;
    for (size_t i = 0; i < other->doc.mounts.n; i++) {
        struct mount_point *m;

        if (mount_plan_find(p, theirs[i].destination))
            continue;
        m = mount_plan_add(p, theirs[i].type, theirs[i].destination);
        m->name = arena_strdup(p->a, theirs[i].name);
        m->source = arena_strdup(p->a, theirs[i].source);
        m->driver = arena_strdup(p->a, theirs[i].driver);
        m->mode = arena_strdup(p->a, theirs[i].mode);
        m->propagation = arena_strdup(p->a, theirs[i].propagation);
        m->options = arena_strdup(p->a, theirs[i].options);
        m->rw = theirs[i].rw;
        m->create_source = theirs[i].create_source;
        m->no_copy = true;
        if (parts.n == 2)
            TRY(parse_mode(p, m, spec, parts.v[1], strcmp(m->type, "bind") == 0));
    }
    return check_number(p->n);
}

static void add_anonymous(struct mount_plan *p, const char *destination)
{
    struct mount_point *m;
    char *clean = path_clean(p->a, destination);

    if (mount_plan_find(p, clean) || strcmp(clean, "/") == 0)
        return;
    m = mount_plan_add(p, "volume", clean);
    m->is_anonymous = true;
    m->driver = "local";
}

static size_t depth(const char *path)
{
    size_t n = 0;

    for (; *path; path++)
        n += *path == '/';
    return n;
}

static int parents_first(const void *x, const void *y)
{
    const struct mount_point *a = x, *b = y;
    size_t da = depth(a->destination), db = depth(b->destination);

    return da != db ? (da < db ? -1 : 1) : strcmp(a->destination, b->destination);
}

struct err *mounts_plan(struct container_table *t, struct arena *a, const struct config *config,
                        const struct host_config *host, struct jlist *out)
{
    struct mount_plan p = {.table = t, .a = a};
    const struct mount_request *requests = host->mounts.v;

    TRY(check_number(host->volumes_from.n)); /* each may bring nothing new, but is gone through */
    for (size_t i = 0; i < host->binds.n; i++)
        TRY(add_bind(&p, host->binds.v[i]));
    for (size_t i = 0; i < host->mounts.n; i++)
        TRY(add_mount(&p, &requests[i]));
    for (size_t i = 0; i < host->tmpfs.n; i++)
        TRY(add_tmpfs(&p, &host->tmpfs.v[i]));
    for (size_t i = 0; i < host->volumes_from.n; i++)
        TRY(add_volumes_from(&p, host->volumes_from.v[i]));
    for (size_t i = 0; i < config->volumes.n; i++) {
        if (config->volumes.v[i][0] != '/')
            return err_new(ERR_INVALID,
                           "invalid volume specification: '%s': mount path must be absolute",
                           config->volumes.v[i]);
        add_anonymous(&p, config->volumes.v[i]);
        TRY(check_number(p.n));
    }
    if (p.n)
        qsort(p.v, p.n, sizeof(*p.v), parents_first);
    out->v = p.v;
    out->n = p.n;
    return NULL;
}

/* ---- the host's files ---- */

static void warn_about_source(struct arena *a, const struct mount_point *m, const struct stat *st,
                              struct strs *warnings)
{
    if (S_ISREG(st->st_mode))
        strs_add(a, warnings,
                 arena_printf(a,
                              "the bind mount of the single file %s follows its inode: editors "
                              "that replace the file (vi, sed -i) leave host and container with "
                              "different ones; mount its folder instead",
                              m->source));
}

struct err *mounts_check_sources(struct arena *a, const struct jlist *mounts, struct strs *warnings)
{
    const struct mount_point *m = mounts->v;

    ASSERT_WORKER();
    for (size_t i = 0; i < mounts->n; i++) {
        struct stat st;

        if (strcmp(m[i].type, "bind") != 0)
            continue;
        if (stat(m[i].source, &st) == 0)
            warn_about_source(a, &m[i], &st, warnings);
        else if (!m[i].create_source)
            return err_new(
                ERR_INVALID,
                "invalid mount config for type \"bind\": bind source path does not exist: %s",
                m[i].source);
    }
    return NULL;
}

void mounts_risk_sources(struct parts *p, struct arena *a, const struct jlist *mounts,
                         struct risk_sources *out)
{
    const struct mount_point *m = mounts->v;
    const struct pairs none = {0};

    ASSERT_LOOP();
    for (size_t i = 0; i < mounts->n; i++) {
        const struct volume *v;

        if (strcmp(m[i].type, "bind") == 0)
            risk_sources_add_bind(a, out, m[i].source, m[i].rw, !m[i].non_recursive);
        if (strcmp(m[i].type, "volume") != 0)
            continue;
        v = volume_find(p->volumes, m[i].name);
        risk_sources_add_volume(a, out, m[i].name, m[i].source, v ? volume_options(v) : &none,
                                m[i].rw);
    }
}

/* ---- volumes in use ---- */

static void each_volume(struct container *c, void (*fn)(struct volume *v, const char *id))
{
    const struct mount_point *m = c->doc.mounts.v;

    for (size_t i = 0; i < c->doc.mounts.n; i++) {
        struct volume *v =
            text_is_empty(m[i].name) ? NULL : volume_find(c->parts->volumes, m[i].name);

        if (v)
            fn(v, c->doc.id);
    }
}

void mounts_ref(struct container *c)
{
    ASSERT_LOOP();
    each_volume(c, volume_ref);
}

void mounts_unref(struct container *c)
{
    ASSERT_LOOP();
    each_volume(c, volume_unref);
}

bool mounts_are_doomed(const struct container *c)
{
    const struct mount_point *m = c->doc.mounts.v;

    for (size_t i = 0; i < c->doc.mounts.n; i++) {
        const struct volume *v =
            text_is_empty(m[i].name) ? NULL : volume_find(c->parts->volumes, m[i].name);

        if (v && volume_is_anonymous(v) && volume_is_doomed(v))
            return true;
    }
    return false;
}

void mounts_doom_anonymous(struct container *c, bool is_doomed)
{
    const struct mount_point *m = c->doc.mounts.v;

    ASSERT_LOOP();
    for (size_t i = 0; i < c->doc.mounts.n; i++) {
        struct volume *v =
            text_is_empty(m[i].name) ? NULL : volume_find(c->parts->volumes, m[i].name);

        if (v && volume_is_anonymous(v) && volume_users(v) <= 1)
            volume_doom(v, is_doomed);
    }
}
