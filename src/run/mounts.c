/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container mounts: Binds, Mounts, Tmpfs, VolumesFrom and the image's
 * volumes become one list of mount points, parents first. A decision only: start
 * opens them. Loop thread (look-ups of volumes and containers), but for the look
 * at the host's files, which may hang: that is a worker's.
 */
#include "run/mounts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "container/container.h"
#include "container/container_table.h"
#include "container/doc.h"
#include "container/object.h"
#include "core/loop.h"
#include "image/image.h"
#include "place/files.h"
#include "runtime/risk.h"
#include "runtime/sandbox.h"
#include "storage/rootfs.h"
#include "storage/volume.h"

#include "mount_spec.h"

#define MOUNTS_MAX (SANDBOX_MOUNTS_MAX - ETC_FILES) /* what a start has room for */

/* A list under construction: what the request itself names comes first, then what it takes over,
 * then what the image wants. */
struct mount_plan {
    struct container_table *table;
    struct image_table *images;
    struct arena *a;
    struct mount_point *v;
    size_t n, room;
    size_t n_own;
};

static struct mount_point *mount_plan_find(struct mount_plan *p, const char *destination)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->v[i].destination, destination) == 0)
            return &p->v[i];
    return NULL;
}

static struct mount_point *mount_plan_add(struct mount_plan *p)
{
    p->v = arena_grow(p->a, p->v, p->n, &p->room, sizeof(*p->v));
    return &p->v[p->n++];
}

static struct err *check_number(size_t n)
{
    return n <= MOUNTS_MAX ? NULL
                           : err_new(ERR_INVALID, "a container has at most %d mounts", MOUNTS_MAX);
}

/* ---- its own ---- */

static struct err *add_own(struct mount_plan *p, const struct mount_point *m)
{
    if (mount_plan_find(p, m->destination))
        return err_new(ERR_INVALID, "Duplicate mount point: %s", m->destination);
    TRY(check_number(p->n + 1));
    *mount_plan_add(p) = *m;
    p->n_own = p->n;
    return NULL;
}

/* By its id from now on: the name may be another's at the start. */
static struct err *find_image(struct mount_plan *p, struct mount_point *m)
{
    struct image *image;

    TRY(image_find(p->images, m->source, &image));
    m->image = arena_strdup(p->a, image_id(image));
    return NULL;
}

static struct err *add_all_own(struct mount_plan *p, const struct host_config *host)
{
    const struct mount_request *requests = host->mounts.v;
    struct mount_point m;

    for (size_t i = 0; i < host->binds.n; i++) {
        TRY(mount_from_bind(p->a, host->binds.v[i], host->volume_driver, &m));
        TRY(add_own(p, &m));
    }
    for (size_t i = 0; i < host->mounts.n; i++) {
        TRY(mount_from_request(p->a, &requests[i], &m));
        if (strcmp(m.type, "image") == 0)
            TRY(find_image(p, &m));
        TRY(add_own(p, &m));
    }
    for (size_t i = 0; i < host->tmpfs.n; i++) {
        TRY(mount_from_tmpfs(p->a, &host->tmpfs.v[i], &m));
        TRY(add_own(p, &m));
    }
    return NULL;
}

/* ---- VolumesFrom ---- */

/* What is read-only there stays so, whatever the mode says; how mounts propagate and what is copied
 * are the other container's business. */
static struct err *parse_from(struct mount_plan *p, const char *spec, char **name,
                              struct mount_mode *mode)
{
    const char *colon = strchr(spec, ':'), *text = colon ? colon + 1 : "";

    if (!*spec)
        return err_new(ERR_INVALID, "volumes-from specification cannot be an empty string");
    *name = colon ? arena_strndup(p->a, spec, (size_t)(colon - spec)) : arena_strdup(p->a, spec);
    if (!mount_mode_parse(p->a, text, mode) || mode->propagation || mode->no_copy || mode->follow)
        return err_new(ERR_INVALID, "invalid mode: %s (in volumes-from specification '%s')", text,
                       spec);
    return NULL;
}

static void take_over(struct mount_plan *p, const struct mount_point *theirs, bool is_readonly)
{
    struct mount_point *m = mount_plan_find(p, theirs->destination);

    if (theirs->is_plain_tmpfs || (m && m < p->v + p->n_own))
        return;
    if (!m)
        m = mount_plan_add(p);
    mount_point_copy(p->a, theirs, m); /* over that of an earlier one: the last counts */
    m->source_dev = m->source_ino = 0;
    m->led_to = NULL;
    m->is_replaced = false;
    m->rw = theirs->rw && !is_readonly;
    m->no_copy = true;
}

static struct err *add_volumes_from(struct mount_plan *p, const char *spec)
{
    const struct mount_point *theirs;
    struct mount_mode mode;
    struct container *other;
    char *name;

    TRY(parse_from(p, spec, &name, &mode));
    TRY(container_find(p->table, name, &other));
    theirs = other->doc.mounts.v;
    for (size_t i = 0; i < other->doc.mounts.n; i++)
        take_over(p, &theirs[i], mode.is_readonly);
    return check_number(p->n);
}

/* ---- volumes without a name ---- */

/* The image's may lack the slash: what is in the wild is below the root. */
static void add_anonymous(struct mount_plan *p, const char *destination, const char *driver)
{
    struct mount_point *m;
    char *clean = path_clean(p->a, path_join(p->a, "/", destination));

    if (mount_plan_find(p, clean) || strcmp(clean, "/") == 0)
        return;
    m = mount_plan_add(p);
    mount_point_init(m, "volume", clean);
    m->is_anonymous = true;
    m->driver = arena_strdup(p->a, text_is_empty(driver) ? "local" : driver);
}

struct err *mounts_check_volumes(const struct config *asked)
{
    for (size_t i = 0; i < asked->volumes.n; i++)
        if (asked->volumes.v[i][0] != '/')
            return err_new(ERR_INVALID,
                           "invalid volume specification: '%s': mount path must be absolute",
                           asked->volumes.v[i]);
    return NULL;
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
                        const struct host_config *host, const struct jlist *own, struct jlist *out)
{
    const struct mount_point *given = own ? own->v : NULL;
    struct mount_plan p = {.table = t, .images = t->parts->images, .a = a};

    TRY(check_number(host->volumes_from.n)); /* each may bring nothing new, but is gone through */
    TRY(add_all_own(&p, host));
    for (size_t i = 0; own && i < own->n; i++)
        TRY(add_own(&p, &given[i]));
    for (size_t i = 0; i < host->volumes_from.n; i++)
        TRY(add_volumes_from(&p, host->volumes_from.v[i]));
    for (size_t i = 0; i < config->volumes.n; i++) {
        add_anonymous(&p, config->volumes.v[i], host->volume_driver);
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
    if (S_ISREG(st->st_mode) && !m->follow && m->rw) /* everybody mounts /etc/localtime:ro */
        strs_add(a, warnings,
                 arena_printf(a,
                              "the bind mount of the single file %s follows its inode: editors "
                              "that replace the file (vi, sed -i) leave host and container with "
                              "different ones; mount its folder instead, or use bind-follow",
                              m->source));
}

struct err *mounts_check_sources(struct arena *a, const struct jlist *mounts, struct strs *warnings)
{
    const struct mount_point *m = mounts->v;

    ASSERT_WORKER();
    for (size_t i = 0; i < mounts->n; i++) {
        struct stat st;
        bool is_there;

        if (strcmp(m[i].type, "bind") != 0 || m[i].is_own)
            continue;
        is_there = stat(m[i].source, &st) == 0;
        if (is_there)
            warn_about_source(a, &m[i], &st, warnings);
        if (m[i].follow && (!is_there || S_ISDIR(st.st_mode)))
            return err_new(
                ERR_INVALID,
                "invalid mount config for type \"bind\": only a file can be followed, "
                "and %s is a directory or missing: what is in a directory is seen anyway",
                m[i].source);
        if (!is_there && !m[i].create_source)
            return err_new(
                ERR_INVALID,
                "invalid mount config for type \"bind\": bind source path does not exist: %s",
                m[i].source);
    }
    return NULL;
}

struct err *mounts_check_relabel(const struct jlist *mounts)
{
    const struct mount_point *m = mounts->v;

    ASSERT_WORKER();
    for (size_t i = 0; i < mounts->n; i++) {
        autoclose int place = -1;

        if (strcmp(m[i].type, "bind") != 0 || m[i].is_own || !mount_label_word(m[i].mode))
            continue;
        place = open(m[i].source, O_PATH | O_CLOEXEC);
        if (place >= 0) /* else a start makes it */
            TRY(relabel_check(place, m[i].source));
    }
    return NULL;
}

static void add_sources(struct parts *p, struct arena *a, const struct mount_point *m,
                        struct risk_sources *out)
{
    const struct volume *v;

    if (m->is_own)
        return;
    if (strcmp(m->type, "bind") == 0)
        risk_sources_add_bind(a, out, m->source, m->rw, !m->non_recursive);
    if (strcmp(m->type, "volume") != 0)
        return;
    v = text_is_empty(m->name) ? NULL : volume_find(p->volumes, m->name);
    if (v || m->volume_options.n)
        risk_sources_add_volume(a, out, m->name, v ? volume_path(v) : "",
                                v ? volume_options(v) : &m->volume_options, m->rw);
}

void mounts_risk_sources(struct parts *p, struct arena *a, const struct jlist *mounts,
                         struct risk_sources *out)
{
    const struct mount_point *m = mounts->v;

    ASSERT_LOOP();
    for (size_t i = 0; i < mounts->n; i++) {
        size_t first = out->n;

        add_sources(p, a, &m[i], out);
        for (size_t k = first; k < out->n; k++)
            out->v[k].at = i;
    }
}

struct strs mounts_image_names(struct parts *p, struct arena *a, const struct jlist *mounts,
                               size_t i)
{
    const struct mount_point *m = (const struct mount_point *)mounts->v + i;
    struct image *image = NULL;
    struct strs names = {0};

    ASSERT_LOOP();
    if (strcmp(m->type, "image") != 0)
        return names;
    err_drop(image_find(p->images, m->image, &image));
    if (image)
        names = strs_copy(a, image_tags(image));
    strs_add(a, &names, m->source ? m->source : "");
    strs_add(a, &names, m->image ? m->image : "");
    return names;
}

/* ---- images and volumes in use ---- */

static struct image *image_at(const struct container *c, size_t i)
{
    const struct mount_point *m = c->doc.mounts.v;
    struct image *image = NULL;

    if (!text_is_empty(m[i].image))
        err_drop(image_find(c->parts->images, m[i].image, &image));
    return image;
}

void images_ref(struct container *c, bool is_running)
{
    ASSERT_LOOP();
    if (c->image)
        image_ref(c->image, c->doc.id, is_running);
    for (size_t i = 0; i < c->doc.mounts.n; i++) {
        struct image *image = image_at(c, i);

        if (image)
            image_ref(image, c->doc.id, is_running);
    }
}

/* The own one last: what is mounted may be the same, and goes with its last reference. */
static void unref_images(struct container *c)
{
    for (size_t i = 0; i < c->doc.mounts.n; i++) {
        struct image *image = image_at(c, i);

        if (image && image != c->image)
            image_unref(image, c->doc.id);
    }
}

struct strs mounts_image_chain(const struct container *c, size_t i, struct arena *a)
{
    struct image *image = image_at(c, i);

    return image ? strs_copy(a, image_chain(image)) : (struct strs){0};
}

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
    unref_images(c);
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
