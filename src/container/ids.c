/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ids a container has. The document holds the map: of --userns auto from create to the
 * removal, of the engine's --userns-remap as of the last start, so that execs and the next engine
 * know what a container that runs was given. Loop thread, but for what is pure.
 */
#include "container/ids.h"

#include <string.h>

#include "base/text.h"
#include "container/id_pool.h"
#include "container/object.h"

static bool is_auto(const struct host_config *h)
{
    return text_same(h->userns_mode, "auto");
}

/* It gets a user namespace of its own, as the engine is set now. */
static bool are_wanted(const struct parts *p, const struct host_config *h)
{
    if (text_is_empty(h->userns_mode))
        return p->remap != NULL;
    return is_auto(h) || text_same(h->userns_mode, "remap");
}

static bool is_of_container(const char *mode)
{
    return mode && text_starts(mode, "container:");
}

static struct err *check_auto(const struct host_config *h)
{
    const struct {
        const char *mode, *kind;
    } spaces[] = {{h->network_mode, "network"}, {h->ipc_mode, "IPC"}, {h->pid_mode, "PID"}};

    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        if (is_of_container(spaces[i].mode))
            return err_new(ERR_INVALID,
                           "--userns auto gives the container a user namespace of its own, so it "
                           "cannot have the %s namespace of another container",
                           spaces[i].kind);
    return NULL;
}

static bool has_writable_cgroups(const struct host_config *h)
{
    for (size_t i = 0; i < h->security_opt.n; i++)
        if (text_starts(h->security_opt.v[i], "writable-cgroups"))
            return !text_ends(h->security_opt.v[i], "false");
    return false;
}

struct err *ids_check(const struct parts *p, const struct host_config *h)
{
    if (text_same(h->userns_mode, "remap") && !p->remap)
        return err_new(ERR_INVALID,
                       "--userns remap: the engine was started without --userns-remap; use auto, "
                       "or start berthd with --userns-remap default");
    if (!are_wanted(p, h))
        return NULL;
    if (h->privileged)
        return err_new(ERR_INVALID,
                       "privileged mode is incompatible with user namespaces.  You must run the "
                       "container in the host namespace when running privileged mode");
    if (text_same(h->network_mode, "host"))
        return err_new(ERR_INVALID, "cannot share the host's network namespace when user "
                                    "namespaces are enabled");
    if (text_same(h->pid_mode, "host"))
        return err_new(ERR_INVALID,
                       "cannot share the host PID namespace when user namespaces are enabled");
    if (has_writable_cgroups(h))
        return err_new(ERR_INVALID, "writable-cgroups cannot be had in a user namespace: the "
                                    "files are the host's root's; use --userns host");
    return is_auto(h) ? check_auto(h) : NULL;
}

void ids_warn(struct arena *a, const struct container *c, struct strs *warnings)
{
    const struct mount_point *m = c->doc.mounts.v;

    if (!are_wanted(c->parts, &c->doc.host))
        return;
    for (size_t i = 0; i < c->doc.mounts.n; i++)
        if (strcmp(m[i].type, "bind") == 0 && m[i].rw)
            strs_add(a, warnings,
                     arena_printf(a,
                                  "what the container's root makes in %s is the host's root's, "
                                  "set-user-ID files, too: a bind mount has its owners mapped. "
                                  "Make it read-only (:ro) where nothing has to be written",
                                  m[i].source));
}

static void put_map(struct container *c, const struct id_map *m)
{
    c->doc.uid_map = m ? id_ranges_text(c->arena, &m->uids) : NULL;
    c->doc.gid_map = m ? id_ranges_text(c->arena, &m->gids) : NULL;
}

struct err *ids_claim(struct container *c)
{
    struct id_map m;

    if (!is_auto(&c->doc.host))
        return NULL;
    TRY(id_pool_claim(c->parts->id_pool, &m));
    put_map(c, &m);
    c->has_id_range = true;
    return NULL;
}

static struct err *read_map(const struct doc *d, struct id_map *out)
{
    TRY(id_ranges_parse(d->uid_map, &out->uids));
    return id_ranges_parse(d->gid_map, &out->gids);
}

/* A map that cannot be read is found again by the start, which says so. */
void ids_load(struct container *c)
{
    struct id_map m = {0};
    struct err *e = is_auto(&c->doc.host) && c->doc.uid_map ? read_map(&c->doc, &m) : NULL;

    if (!e && m.uids.n && m.gids.n) {
        id_pool_take(c->parts->id_pool, &m);
        c->has_id_range = true;
    }
    err_drop(e);
}

void ids_give_back(struct container *c)
{
    struct id_map m = {0};

    if (!c->has_id_range)
        return;
    c->has_id_range = false;
    err_drop(read_map(&c->doc, &m)); /* it was read, or written, when it was taken */
    id_pool_give_back(c->parts->id_pool, &m);
}

static bool is_map(const struct doc *d, const struct id_map *m)
{
    autoarena struct arena *a = arena_create();

    return text_same(d->uid_map, id_ranges_text(a, &m->uids)) &&
           text_same(d->gid_map, id_ranges_text(a, &m->gids));
}

struct err *ids_settle(struct container *c)
{
    const struct id_map *remap = c->parts->remap;

    TRY(ids_check(c->parts, &c->doc.host)); /* the engine may have been started otherwise since */
    if (is_auto(&c->doc.host))
        return c->has_id_range
                   ? NULL
                   : err_new(ERR_INTERNAL, "the range of ids of container %s is lost", c->doc.id);
    if (!are_wanted(c->parts, &c->doc.host))
        put_map(c, NULL);
    else if (!is_map(&c->doc, remap))
        put_map(c, remap);
    return NULL;
}

struct err *ids_of(struct arena *a, const struct doc *d, const struct id_map **out)
{
    struct id_map *m;

    *out = NULL;
    if (text_is_empty(d->uid_map))
        return NULL;
    m = arena_new(a, struct id_map);
    TRY(read_map(d, m));
    *out = m;
    return NULL;
}

bool ids_are_same(const struct doc *a, const struct doc *b)
{
    return text_same(a->uid_map, b->uid_map) && text_same(a->gid_map, b->gid_map);
}
