/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Older versions of the API: dockerd's own rules (its router for create), so that a client which
 * was written for one gets what it got then. Pure.
 */
#include "older.h"

#include <string.h>

#include "container/doc.h"

static struct err *needs(const char *field, const char *version)
{
    return err_new(ERR_INVALID, "%s needs API v%s or newer", field, version);
}

static struct err *check_mount(int version, struct mount_request *m)
{
    bool is_image = text_same(m->type, "image");

    if (m->bind && version < 140)
        m->bind->non_recursive = false;
    if (m->bind && version < 142)
        m->bind->create_mountpoint = false;
    if (version < 142 && !text_same(m->type, "volume")) /* was not judged then */
        m->volume = NULL;
    if (version < 142 && !text_same(m->type, "tmpfs"))
        m->tmpfs = NULL;
    if (m->bind && m->bind->readonly_force_recursive && version < 144)
        return needs("BindOptions.ReadOnlyForceRecursive", "1.44");
    if (m->volume && !text_is_empty(m->volume->subpath) && version < 145)
        return needs("VolumeOptions.Subpath", "1.45");
    if (is_image && version < 148)
        return needs("Mount type \"Image\"", "1.48");
    return NULL;
}

/* Before 1.44 a container was created with one network, and its MAC was the container's. */
static struct err *check_networks(int version, const struct config *c, struct networking_config *n)
{
    struct endpoint_config *e = n->endpoints.v;
    autobuf struct buf names = {0};

    for (size_t i = 0; i < n->endpoints.n; i++) {
        if (version < 148)
            e[i].gw_priority = 0;
        if (version < 144 && !text_is_empty(c->mac_address))
            e[i].mac_address = NULL;
        buf_printf(&names, "%s%s", i ? ", " : "", n->endpoints.keys[i]);
    }
    if (version < 144 && n->endpoints.n > 1)
        return err_new(ERR_INVALID, "Container cannot be connected to network endpoints: %s",
                       names.data);
    return NULL;
}

struct err *older_create(int version, struct config *c, struct host_config *h,
                         struct networking_config *n)
{
    struct mount_request *m = h->mounts.v;

    if (version < 140 && text_is_empty(h->ipc_mode))
        h->ipc_mode = "shareable";
    if (version < 142)
        memset(h->console_size, 0, sizeof(h->console_size));
    if (version < 143)
        h->annotations = (struct pairs){0};
    if (version < 144 && c->healthcheck)
        c->healthcheck->start_interval_ns = 0;
    for (size_t i = 0; i < h->mounts.n; i++)
        TRY(check_mount(version, &m[i]));
    return check_networks(version, c, n);
}

void older_mounts(int version, struct jlist *mount_points)
{
    struct mount_point *m = mount_points->v;

    for (size_t i = 0; version < 144 && i < mount_points->n; i++)
        if (strcmp(m[i].type, "bind") == 0 && !m[i].rw)
            m[i].readonly_non_recursive = true;
}
