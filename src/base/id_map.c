/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id_map: ranges of ids, inside one behind the other from 0, as the tools that read /etc/subuid
 * give them. Pure, but for id_map_give.
 * Trap: 4294967295 is no id ((uid_t)-1 means "unchanged" to the kernel), and a range that began at
 * 0 would make the host's root somebody of the container's.
 */
#include "base/id_map.h"

#include "base/text.h"

#include <fcntl.h>

#define ID_END UINT32_MAX /* one behind the last id */
#define ID_NOBODY 65534   /* /proc/sys/kernel/overflowuid */

static bool meet(const struct id_extent *x, const struct id_extent *y)
{
    return x->outside < (uint64_t)y->outside + y->count &&
           y->outside < (uint64_t)x->outside + x->count;
}

bool id_ranges_overlap(const struct id_ranges *a, const struct id_ranges *b)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++)
            if (meet(&a->v[i], &b->v[j]))
                return true;
    return false;
}

static uint32_t end_inside(const struct id_ranges *r)
{
    return r->n ? r->v[r->n - 1].inside + r->v[r->n - 1].count : 0;
}

struct err *id_ranges_add(struct id_ranges *r, uint64_t outside, uint64_t count)
{
    struct id_ranges one = {.n = 1};

    if (outside == 0)
        return err_new(ERR_INVALID, "a range of ids begins at 0, which is the host's root");
    if (count == 0)
        return err_new(ERR_INVALID, "a range of ids is empty");
    if (outside >= ID_END || count > ID_END - outside || count > ID_END - end_inside(r))
        return err_new(ERR_INVALID, "a range of ids ends behind the last id, %u", ID_END - 1);
    if (r->n == ID_EXTENTS_MAX)
        return err_new(ERR_INVALID, "there are more than %d ranges of ids", ID_EXTENTS_MAX);
    one.v[0] = (struct id_extent){end_inside(r), (uint32_t)outside, (uint32_t)count};
    if (id_ranges_overlap(r, &one))
        return err_new(ERR_INVALID, "ranges of ids overlap at %llu", (unsigned long long)outside);
    r->v[r->n++] = one.v[0];
    return NULL;
}

bool id_to_host(const struct id_ranges *r, uint32_t inside, uint32_t *out)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct id_extent *x = &r->v[i];

        if (inside < x->inside || inside - x->inside >= x->count)
            continue;
        *out = x->outside + (inside - x->inside);
        return true;
    }
    return false;
}

bool id_to_inside(const struct id_ranges *r, uint32_t outside, uint32_t *out)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct id_extent *x = &r->v[i];

        if (outside < x->outside || outside - x->outside >= x->count)
            continue;
        *out = x->inside + (outside - x->outside);
        return true;
    }
    return false;
}

uint32_t id_map_inside(const struct id_ranges *r, uint32_t outside)
{
    uint32_t id = ID_NOBODY;

    if (!r)
        return outside;
    (void)id_to_inside(r, outside, &id);
    return id;
}

static bool are_same(const struct id_ranges *a, const struct id_ranges *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].outside != b->v[i].outside || a->v[i].count != b->v[i].count)
            return false;
    return true;
}

bool id_maps_are_same(const struct id_map *a, const struct id_map *b)
{
    return a && b ? are_same(&a->uids, &b->uids) && are_same(&a->gids, &b->gids) : a == b;
}

static uint32_t map_or_root(const struct id_ranges *r, uint32_t inside)
{
    uint32_t id = inside;

    if (!id_to_host(r, inside, &id) && r->n)
        id = r->v[0].outside;
    return id;
}

uint32_t id_map_uid(const struct id_map *m, uint32_t inside)
{
    return m ? map_or_root(&m->uids, inside) : inside;
}

uint32_t id_map_gid(const struct id_map *m, uint32_t inside)
{
    return m ? map_or_root(&m->gids, inside) : inside;
}

struct err *id_map_give(int dir, const char *name, const struct id_map *m)
{
    if (m && fchownat(dir, name, id_map_uid(m, 0), id_map_gid(m, 0),
                      AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
        return err_sys("give %s to the root of a user namespace", *name ? name : "a file system");
    return NULL;
}

char *id_ranges_text(struct arena *a, const struct id_ranges *r)
{
    autobuf struct buf b = {0};

    buf_puts(&b, "");
    for (size_t i = 0; i < r->n; i++)
        buf_printf(&b, "%u %u %u\n", r->v[i].inside, r->v[i].outside, r->v[i].count);
    return arena_strdup(a, b.data);
}

/* A saved document may be damaged: what it says is judged again. */
struct err *id_ranges_parse(const char *text, struct id_ranges *out)
{
    autoarena struct arena *a = arena_create();
    struct strs lines = text_split(a, text, '\n');
    struct id_ranges r = {0};

    for (size_t i = 0; i < lines.n; i++) {
        struct strs words = text_split(a, lines.v[i], ' ');
        uint32_t inside, outside, count;

        if (!*lines.v[i])
            continue;
        if (words.n != 3 || !text_to_u32(words.v[0], &inside) ||
            !text_to_u32(words.v[1], &outside) || !text_to_u32(words.v[2], &count) ||
            inside != end_inside(&r))
            return err_new(ERR_INVALID, "not a map of ids: %s", lines.v[i]);
        TRY(id_ranges_add(&r, outside, count));
    }
    *out = r;
    return NULL;
}
