/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts of layers: made, named or thrown away. Workers.
 * Trap: the order in layer_commit is what survives a power cut. Files, then layer.json, then
 * syncfs (one for the whole layer), then the rename, then fsync of the directory: a layer with a
 * name is whole, and the caller may write the name into the database.
 */
#include "draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"

#include "layer_record.h"
#include "tar_record.h"
#include "trash.h"

/* Its files stay: committed ones have a name, and those of a draft are removed by layer_abort or by
 * the next start. */
static void destroy(struct layer_draft *d)
{
    ASSERT(d->magic == DRAFT_MAGIC);
    d->magic = 0;
    if (d->dir >= 0)
        close(d->dir);
    if (d->diff >= 0)
        close(d->diff);
    free(d);
}

/* The root of a rootfs is 0755 whatever the umask; an entry "./" of the archive may say
 * otherwise. */
static struct err *open_dirs(struct layer_draft *d)
{
    TRY(store_open_dir(d->store->tmp, d->name, &d->dir));
    if (fchmod(d->dir, STORE_NEW_MODE) < 0)
        return err_sys("set mode of a new layer");
    TRY(store_open_dir(d->dir, "diff", &d->diff));
    return fchmod(d->diff, 0755) < 0 ? err_sys("set mode of a new layer") : NULL;
}

struct err *draft_create(struct layer_store *s, struct layer_draft **out)
{
    struct layer_draft *d = mem_new(struct layer_draft);
    struct err *e;

    d->magic = DRAFT_MAGIC;
    d->store = s;
    d->dir = d->diff = -1;
    store_tmp_name(d->name);
    e = open_dirs(d);
    if (e) {
        layer_abort(d);
        return e;
    }
    *out = d;
    return NULL;
}

void layer_leave(struct layer_draft *d)
{
    if (d)
        destroy(d);
}

void layer_abort(struct layer_draft *d)
{
    struct err *e;

    if (!d)
        return;
    e = dir_remove_tree(d->store->tmp, d->name);
    if (e) /* the next start-up will */
        log_debug("draft of a layer stays", KV("name", d->name), KV("error", err_text(e)));
    err_drop(e);
    destroy(d);
}

/* syncfs(2) and not an fsync for each file: a layer has tens of thousands of them, and most are in
 * the page cache of one file system. */
static struct err *make_durable(struct layer_draft *d, const char *parent, const char *chain_id,
                                const struct unpack_result *r)
{
    const struct layer_record record = {
        .chain = (char *)chain_id,
        .parent = (char *)parent,
        .diff_id = (char *)r->diff_id,
        .blob = (char *)r->blob_digest,
        .size = r->file_bytes,
        .tar_bytes = r->tar_bytes,
        .blob_bytes = r->blob_bytes,
        .entries = r->entries,
    };

    ASSERT(r->file_bytes >= 0 && r->entries >= 0);
    TRY(layer_record_write(d->dir, &record));
    return syncfs(d->dir) < 0 ? err_sys("write layer %s to the disk", chain_id) : NULL;
}

/* RENAME_NOREPLACE: two pulls may finish the same layer at once; the first one's stays. */
static int rename_draft(struct layer_draft *d, const char *hex)
{
    return renameat2(d->store->tmp, d->name, d->store->layers, hex, RENAME_NOREPLACE);
}

/* EEXIST: the layer is there already. What has the name but is no whole layer makes room. */
static struct err *give_name(struct layer_draft *d, const char *chain_id)
{
    struct layer_store *s = d->store;
    const char *hex = digest_hex(chain_id);
    int r = rename_draft(d, hex);

    if (r < 0 && errno == EEXIST && !layer_exists(s, chain_id)) {
        TRY(trash_put(s->layers, hex, s->trash));
        r = rename_draft(d, hex);
    }
    if (r < 0)
        return err_sys("name layer %s", chain_id);
    if (fsync(s->layers) < 0)
        return err_sys("write the name of layer %s to the disk", chain_id);
    return NULL;
}

/* A layer of an older engine's, with the same files. What was replaced first: a record without it
 * would be a damaged one. */
static struct err *give_record(struct layer_draft *d, const char *chain_id)
{
    static const char *const names[] = {TAR_REPLACED_NAME, TAR_RECORD_NAME};
    autoclose int layer = openat(d->store->layers, digest_hex(chain_id),
                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (layer < 0)
        return err_sys("open layer %s", chain_id);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (renameat2(d->dir, names[i], layer, names[i], RENAME_NOREPLACE) < 0 && errno != ENOENT &&
            errno != EEXIST)
            return err_sys("give layer %s its record", chain_id);
    return fsync(layer) < 0 ? err_sys("give layer %s its record", chain_id) : NULL;
}

struct err *layer_commit(struct layer_draft *d, const char *parent, const char *chain_id,
                         const struct unpack_result *r)
{
    struct err *e;

    ASSERT(d->magic == DRAFT_MAGIC && d->dir >= 0 && d->diff >= 0);
    if (!digest_is_valid(chain_id)) {
        layer_abort(d);
        return err_new(ERR_INVALID, "invalid layer id %s", chain_id);
    }
    e = make_durable(d, parent, chain_id, r);
    if (!e)
        e = give_name(d, chain_id);
    if (!e) {
        destroy(d);
        return NULL;
    }
    if (err_errno(e) == EEXIST) {
        err_drop(steal_ptr(&e));
        if (!layer_has_record(d->store, chain_id))
            e = give_record(d, chain_id);
    }
    layer_abort(d);
    return e;
}
