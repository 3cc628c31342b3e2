/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer's tar, from its record and its files. Worker. The record is read twice: once when it is
 * opened, so that a damaged one is known before the first byte; then step by step. Between the two
 * no descriptor is held: an archive has hundreds of layers. Trap: the files are an image's, and
 * whoever could change the store could put anything in their place: each is looked at before it is
 * opened, no link is followed, and its bytes are checked when it is over.
 */
#include "storage/layer_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/fd.h"
#include "base/map.h"

#include "layer_record.h"
#include "store.h"
#include "tar_record.h"

static const char pull_anew[] = "remove the image, and pull or load it again";
static const char pull_again[] =
    "pull or load its image again, or export and import a container of it";

/* Until step `until` the path meant replaced/<n>. Those of one path in the order of the steps. */
struct replaced {
    struct replaced *next;
    int64_t until;
    unsigned n;
};

struct layer_tar {
    struct layer_store *store;
    struct arena *arena;
    char chain_id[DIGEST_MAX], diff_id[DIGEST_MAX];
    int64_t size;
    int layer, diff, record_fd; /* -1: between open and the first read */
    struct map *replaced;       /* path → struct replaced, the first one */
    struct tar_record_reader *record;
    int64_t step; /* how many have been read */
    struct sha256 *hash;
    bool has_no_record, is_over;
    bool is_raw; /* of the step that is being given: else it is data */
    int file;
    char path[sizeof(((struct tar_step *)NULL)->path)];
    uint32_t crc;
    int64_t at, left; /* of a data step */
};

static struct err *changed(const struct layer_tar *t, const char *how)
{
    return err_new(
        ERR_CONFLICT,
        "the file %s of layer %.19s… %s since it was unpacked: what lies in the data root "
        "is not to be changed; %s",
        t->path, t->chain_id, how, pull_anew);
}

static void close_if_open(int *fd)
{
    if (*fd >= 0)
        close(steal_fd(fd));
}

static void close_files(struct layer_tar *t)
{
    tar_record_close(steal_ptr(&t->record));
    close_if_open(&t->file);
    close_if_open(&t->record_fd);
    close_if_open(&t->diff);
    close_if_open(&t->layer);
}

/* ---- open ---- */

static struct err *open_record(struct layer_tar *t)
{
    t->record_fd =
        openat(t->layer, TAR_RECORD_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    t->has_no_record = t->record_fd < 0 && errno == ENOENT;
    if (t->has_no_record)
        return err_new(ERR_CONFLICT,
                       "an older engine has unpacked it and kept no record of its archive");
    if (t->record_fd < 0)
        return err_sys("open the record of layer %.19s…", t->chain_id);
    return tar_record_open(t->record_fd, &t->record);
}

static struct err *open_files(struct layer_tar *t)
{
    t->layer = openat(t->store->layers, digest_hex(t->chain_id),
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (t->layer < 0)
        return err_sys("open layer %.19s…", t->chain_id);
    t->diff = openat(t->layer, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (t->diff < 0)
        return err_sys("open the files of layer %.19s…", t->chain_id);
    return open_record(t);
}

static struct err *read_about(struct layer_tar *t)
{
    struct layer_record about = {0};

    if (!layer_exists(t->store, t->chain_id))
        return err_new(ERR_NOT_FOUND, "there is no layer %s", t->chain_id);
    TRY(layer_record_read(t->arena, t->store->layers, digest_hex(t->chain_id), &about));
    if (!about.diff_id || !digest_is_valid(about.diff_id) || about.tar_bytes < 0)
        return err_new(ERR_CONFLICT, "layer %.19s… has a damaged layer.json: %s", t->chain_id,
                       pull_anew);
    snprintf(t->diff_id, sizeof(t->diff_id), "%s", about.diff_id);
    t->size = about.tar_bytes;
    return NULL;
}

/* In the order of the steps. */
static void note_replaced(struct layer_tar *t, const struct tar_step *s)
{
    struct replaced *r = arena_new(t->arena, struct replaced),
                    *first = map_get(t->replaced, s->path);

    r->until = t->step;
    r->n = (unsigned)s->n;
    if (!first) {
        map_put(t->replaced, s->path, r);
        return;
    }
    while (first->next)
        first = first->next;
    first->next = r;
}

static struct err *look_at(struct layer_tar *t, const struct tar_step *s)
{
    switch (s->kind) {
    case TAR_STEP_REPLACED:
        note_replaced(t, s);
        return NULL;
    case TAR_STEP_REFUSAL:
        return err_new(ERR_CONFLICT, "there is no record of its archive, since %s", s->path);
    case TAR_STEP_END:
        if (s->n != t->size)
            return err_new(ERR_CONFLICT, "the record of its archive is damaged: it is of another");
        return NULL;
    default:
        return NULL;
    }
}

static struct err *look_through(struct layer_tar *t)
{
    struct tar_step s = {.kind = TAR_STEP_RAW};

    while (s.kind != TAR_STEP_END) {
        TRY(tar_record_next(t->record, &s));
        t->step++;
        TRY(look_at(t, &s));
    }
    t->step = 0;
    return NULL;
}

/* A fault of the disk's is not the record's. Takes e. */
static struct err *explain(const struct layer_tar *t, struct err *e)
{
    autoerr struct err *bad = e;

    if (!e || err_kind(e) != ERR_CONFLICT)
        return steal_ptr(&bad);
    return err_new(ERR_CONFLICT, "layer %.19s… cannot be given back as it came: %s; %s",
                   t->chain_id, err_text(e), t->has_no_record ? pull_again : pull_anew);
}

struct err *layer_tar_open(struct layer_store *s, const char *chain_id, struct layer_tar **out)
{
    struct layer_tar *t;
    struct err *e;

    if (!digest_is_valid(chain_id))
        return err_new(ERR_INVALID, "invalid layer id %s", chain_id);
    t = mem_new(struct layer_tar);
    t->store = s;
    t->arena = arena_create();
    t->layer = t->diff = t->record_fd = t->file = -1;
    t->replaced = map_create();
    snprintf(t->chain_id, sizeof(t->chain_id), "%s", chain_id);
    e = read_about(t);
    if (!e)
        e = explain(t, open_files(t));
    if (!e)
        e = explain(t, look_through(t));
    close_files(t);
    if (e) {
        layer_tar_close(t);
        return e;
    }
    *out = t;
    return NULL;
}

int64_t layer_tar_size(const struct layer_tar *t)
{
    return t->size;
}

const char *layer_tar_diff_id(const struct layer_tar *t)
{
    return t->diff_id;
}

void layer_tar_close(struct layer_tar *t)
{
    if (!t)
        return;
    close_files(t);
    sha256_destroy(t->hash);
    map_destroy(t->replaced);
    arena_destroy(t->arena);
    free(t);
}

/* ---- read ---- */

static const struct replaced *find_replaced(const struct layer_tar *t)
{
    const struct replaced *r = map_get(t->replaced, t->path);

    while (r && r->until < t->step)
        r = r->next;
    return r;
}

static int look(const struct layer_tar *t)
{
    const struct replaced *r = find_replaced(t);
    char path[32];

    if (!r)
        return fd_open_beneath(t->diff, t->path, O_PATH | O_NOFOLLOW, 0);
    snprintf(path, sizeof(path), TAR_REPLACED_NAME "/%u", r->n);
    return fd_open_beneath(t->layer, path, O_PATH | O_NOFOLLOW, 0);
}

static struct err *begin_file(struct layer_tar *t, const char *path)
{
    autoclose int seen = -1;

    snprintf(t->path, sizeof(t->path), "%s", path);
    t->crc = 0;
    seen = look(t);
    if (seen < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV))
        return changed(t, "has gone");
    if (seen < 0)
        return err_sys("open %s of layer %.19s…", t->path, t->chain_id);
    t->file = fd_reopen(seen, S_IFREG, O_RDONLY | O_NONBLOCK);
    if (t->file < 0 && errno == EINVAL)
        return changed(t, "has become no file");
    return t->file < 0 ? err_sys("open %s of layer %.19s…", t->path, t->chain_id) : NULL;
}

static struct err *end_file(struct layer_tar *t, uint32_t crc)
{
    close(steal_fd(&t->file));
    return t->crc == crc ? NULL : changed(t, "has got other content");
}

static struct err *end_tar(struct layer_tar *t)
{
    char is[DIGEST_MAX];

    t->is_over = true;
    close_files(t);
    sha256_end(steal_ptr(&t->hash), is);
    if (!strcmp(is, t->diff_id))
        return NULL;
    return err_new(ERR_CONFLICT,
                   "layer %.19s… cannot be given back as it came: its archive has the digest %s, "
                   "and had %s; %s",
                   t->chain_id, is, t->diff_id, pull_anew);
}

static struct err *begin_step(struct layer_tar *t)
{
    struct tar_step s;

    TRY(explain(t, tar_record_next(t->record, &s)));
    t->step++;
    switch (s.kind) {
    case TAR_STEP_RAW:
        t->is_raw = true;
        t->left = s.n;
        return NULL;
    case TAR_STEP_FILE:
        return begin_file(t, s.path);
    case TAR_STEP_DATA:
        t->is_raw = false;
        t->at = s.at;
        t->left = s.n;
        return NULL;
    case TAR_STEP_CHECK:
        return end_file(t, s.crc);
    case TAR_STEP_END:
        return end_tar(t);
    default: /* known since it was opened */
        return NULL;
    }
}

static struct err *read_data(struct layer_tar *t, void *p, size_t size, size_t *n)
{
    ssize_t got;

    do
        got = pread(t->file, p, size, t->at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_sys("read %s of layer %.19s…", t->path, t->chain_id);
    if (got == 0)
        return changed(t, "has become shorter");
    t->crc = (uint32_t)crc32_z(t->crc, p, (size_t)got);
    t->at += got;
    *n = (size_t)got;
    return NULL;
}

struct err *layer_tar_read(struct layer_tar *t, void *p, size_t size, size_t *n)
{
    size_t done = 0;

    if (!t->hash && !t->is_over) { /* the first one */
        t->hash = sha256_create();
        TRY(explain(t, open_files(t)));
    }
    while (done < size && !t->is_over) {
        char *to = (char *)p + done;
        size_t some, want = size - done;

        if (!t->left) {
            TRY(begin_step(t));
            continue;
        }
        want = t->left < (int64_t)want ? (size_t)t->left : want;
        if (t->is_raw)
            TRY(tar_record_read_raw(t->record, to, want, &some));
        else
            TRY(read_data(t, to, want, &some));
        sha256_add(t->hash, to, some);
        t->left -= (int64_t)some;
        done += some;
    }
    *n = done;
    return NULL;
}
