/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar → a tree that is in use: docker cp. Every system call names one part below a directory's
 * descriptor. A parent is resolved without links below the target, and where one is a link, as the
 * container would see it (openat2, IN_ROOT of its root). The last part is never followed, and what
 * was made is changed through its descriptor alone.
 * A file has its name when it is whole: what a client did not send is never seen.
 * What fails takes back what it has made, as long as it is what it made (device and inode). What
 * was there before and was replaced is not brought back.
 */
#include "tar/place.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/id_map.h"
#include "base/text.h"
#include "tar/decoder.h"
#include "tar/meta.h"
#include "tar/tar_name.h"

#include "place_batch.h"

enum {
    READ_BYTES = 256 << 10,
    SMALL_BYTES = BATCH_BYTES,   /* such a file is taken whole before it is made */
    SMALL_RUNS_MAX = 64,         /* pieces between holes; with more it gets none */
    NOTES_BYTES_MAX = 128 << 20, /* memory for what was made; what is past it stays */
    TEMP_NAME_MAX = 32,
};

/* What was made, the last first: of directories also the times, which every file in them moves. */
struct note {
    struct note *next;
    dev_t dev;
    ino_t ino;
    bool is_dir, is_new, has_times;
    struct timespec times[2];
    char path[];
};

struct placing {
    const struct tar_place_plan *plan;
    struct archive *ar;
    int parent; /* cached; -1: none */
    char parent_path[TAR_NAME_MAX + 1];
    struct tar_name name, link; /* of the current entry */
    struct place_batch *batch;  /* small files that have come, and are not made yet */
    char *content;              /* of a small file, in the batch */
    struct small_run {
        int64_t at, end;
    } runs[SMALL_RUNS_MAX]; /* of it, what is no hole */
    size_t n_runs;
    int64_t file_bytes, entries;
    bool lacks_end;       /* it has ended with the content of an entry */
    struct err *read_err; /* what stopped plan->more: the cause of all that follows */
    struct arena *notes_arena;
    struct note *notes;
};

static void drop_parent(struct placing *x)
{
    if (x->parent >= 0)
        close(x->parent);
    x->parent = -1;
}

/* ---- parents ---- */

/* ELOOP: a part is a link. A leading slash of its target means the root, and it never leaves it. */
static int open_dir_in(const struct placing *x, const char *path)
{
    const struct tar_place_plan *p = x->plan;
    autofree char *from_root = NULL;
    int fd = fd_open_beneath(p->dir, path, O_PATH | O_DIRECTORY, 0);

    if (fd >= 0 || errno != ELOOP || p->root < 0)
        return fd;
    from_root = mem_printf("%s/%s", p->dir_path, path);
    return fd_open_in_root(p->root, from_root, O_PATH | O_DIRECTORY, 0);
}

static void note(struct placing *x, const char *path, const struct stat *st, bool is_new,
                 const struct meta *m)
{
    size_t len = strlen(path);
    struct note *n;

    if (arena_size(x->notes_arena) > NOTES_BYTES_MAX)
        return;
    n = arena_alloc(x->notes_arena, sizeof(*n) + len + 1);
    n->dev = st->st_dev;
    n->ino = st->st_ino;
    n->is_dir = S_ISDIR(st->st_mode);
    n->is_new = is_new;
    n->has_times = m != NULL;
    if (m)
        memcpy(n->times, m->times, sizeof(n->times));
    memcpy(n->path, path, len);
    n->next = x->notes;
    x->notes = n;
}

static struct err *note_fd(struct placing *x, const char *path, int fd, bool is_new,
                           const struct meta *m)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_sys("stat %s", path);
    note(x, path, &st, is_new, m);
    return NULL;
}

/* A container that runs may exchange what we have just looked at: that is no fault of the engine's.
 */
static struct err *cannot(const char *what, const char *path)
{
    if (errno == ENOTDIR || errno == ELOOP || errno == ENOENT)
        return err_new(ERR_CONFLICT, "%s was replaced while it was made", path);
    return err_sys("%s %s", what, path);
}

/* A missing parent, 0755 and root's, or of who owns all. */
static struct err *make_parent(struct placing *x, int above, const char *part, const char *path)
{
    autoclose int fd = -1;

    if (mkdirat(above, part, 0755) < 0)
        return errno == EEXIST ? NULL : cannot("make directory", path);
    fd = openat(above, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return cannot("open directory", path);
    if (x->plan->has_owner && fchown(fd, id_map_uid(x->plan->ids, x->plan->uid),
                                     id_map_gid(x->plan->ids, x->plan->gid)) < 0)
        return err_sys("set the owner of %s", path);
    return note_fd(x, path, fd, true, NULL);
}

static struct err *make_parents(struct placing *x, const char *path, int *out)
{
    autofree char *prefix = mem_strdup(path);
    autoclose int dir = fcntl(x->plan->dir, F_DUPFD_CLOEXEC, 0);
    char *part = prefix;

    while (dir >= 0 && part) {
        char *slash = strchr(part, '/');
        autoclose int above = dir;

        if (slash)
            *slash = '\0';
        dir = open_dir_in(x, prefix);
        if (dir < 0 && errno == ENOENT) {
            TRY(make_parent(x, above, part, prefix));
            dir = open_dir_in(x, prefix);
        }
        if (dir < 0)
            return errno == EROFS ? err_sys("make directory %s", prefix)
                                  : err_new(ERR_INVALID,
                                            "archive entry \"%.200s\" has a parent that is no "
                                            "directory: %s",
                                            x->name.path, strerror(errno));
        if (slash)
            *slash = '/';
        part = slash ? slash + 1 : NULL;
    }
    *out = steal_fd(&dir);
    return NULL;
}

/* The directory of a name; *out is borrowed. */
static struct err *open_parent(struct placing *x, const struct tar_name *n, bool may_make, int *out)
{
    char path[TAR_NAME_MAX + 1];
    int fd;

    *out = x->plan->dir;
    if (!n->parent_len)
        return NULL;
    memcpy(path, n->path, n->parent_len);
    path[n->parent_len] = '\0';
    *out = x->parent;
    if (x->parent >= 0 && !strcmp(path, x->parent_path))
        return NULL;
    fd = open_dir_in(x, path);
    if (fd < 0 && may_make)
        TRY(make_parents(x, path, &fd));
    if (fd < 0)
        return err_new(ERR_INVALID, "archive entry \"%.200s\" refers to \"%.200s\": %s",
                       x->name.path, n->path, strerror(errno));
    drop_parent(x);
    *out = x->parent = fd;
    memcpy(x->parent_path, path, n->parent_len + 1);
    return NULL;
}

/* ---- names that are taken ---- */

/* Makes the name free, unless both are directories, or neither is and the caller renames over it.
 */
static struct err *clear_name(struct placing *x, int dir, const char *name, bool for_dir)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? NULL : err_sys("stat %s", name);
    if (S_ISDIR(st.st_mode) && for_dir)
        return NULL;
    if (S_ISLNK(st.st_mode))
        x->parent_path[0] = '\0'; /* it may lead through what goes now */
    if (S_ISDIR(st.st_mode) != for_dir && x->plan->keeps_kind)
        return err_new(ERR_INVALID,
                       for_dir ? "cannot overwrite non-directory \"%s\" with directory \"%s\""
                               : "cannot overwrite directory \"%s\" with non-directory \"%s\"",
                       x->name.path, x->name.path);
    if (S_ISDIR(st.st_mode)) {
        drop_parent(x); /* it may be in there */
        return dir_remove_tree(dir, name);
    }
    if (for_dir && unlinkat(dir, name, 0) < 0 && errno != ENOENT)
        return err_sys("replace %s", name);
    return NULL;
}

/* Beside x->name. It is written down first: who finds that may remove the name. */
static struct err *make_temp_name(struct placing *x, char out[TEMP_NAME_MAX])
{
    const struct tar_place_plan *p = x->plan;
    autofree char *parent = NULL;
    uint64_t n = 0;

    (void)!getrandom(&n, sizeof(n), 0);
    snprintf(out, TEMP_NAME_MAX, TAR_PLACE_OURS "%016llx", (unsigned long long)n);
    if (!p->will_name)
        return NULL;
    parent = mem_printf("%s/%.*s", p->dir_path, (int)x->name.parent_len, x->name.path);
    return p->will_name(p->ctx, parent, out);
}

/* `made` gets the name `base`, and what had it is gone: at no moment is the name free. */
static struct err *take_name(struct placing *x, int dir, const char *made, const char *base)
{
    autoclose int held = fcntl(dir, F_DUPFD_CLOEXEC, 0); /* clear_name may drop the parent */
    struct err *e;

    if (held < 0)
        return err_sys("open directory");
    e = clear_name(x, held, base, false);
    if (!e && renameat(held, made, held, base) < 0)
        e = err_sys("replace %s", x->name.path);
    if (e)
        (void)!unlinkat(held, made, 0);
    return e;
}

/* ---- content ---- */

static struct err *look(struct placing *x)
{
    const struct tar_place_plan *p = x->plan;

    return p->look
               ? p->look(p->ctx, archive_filter_bytes(x->ar, -1), archive_filter_bytes(x->ar, 0))
               : NULL;
}

/* All of the entry's content was there, and nothing behind it. libarchive's word for that. */
static bool lacks_padding(const struct placing *x)
{
    const char *text = archive_error_string(x->ar);

    return x->plan->may_lack_end && !x->read_err && text && text_starts(text, "Truncated input");
}

static struct err *next_part(struct placing *x, int64_t size, int64_t end, struct content_part *out)
{
    struct err *e = decoder_next_part(x->ar, size, end, out), *stop = look(x);

    if (e && end == size && lacks_padding(x)) {
        err_drop(steal_ptr(&e));
        *out = (struct content_part){.is_end = true};
        x->lacks_end = true;
    }
    if (!stop)
        return e;
    err_drop(e);
    return stop;
}

/* Holes stay holes. */
static struct err *write_content(struct placing *x, int fd, int64_t size)
{
    struct content_part part;
    int64_t end = 0;

    for (;;) {
        TRY(next_part(x, size, end, &part));
        if (part.is_end)
            break;
        TRY(fd_write_all_at(fd, part.p, part.n, part.at));
        end = part.at + (int64_t)part.n;
    }
    if (end < size && ftruncate(fd, size) < 0)
        return err_sys("extend to %lld bytes", (long long)size);
    return NULL;
}

static void add_run(struct placing *x, int64_t at, int64_t end)
{
    struct small_run *last = x->n_runs ? &x->runs[x->n_runs - 1] : NULL;

    if (last && (last->end == at || x->n_runs == SMALL_RUNS_MAX))
        last->end = end;
    else
        x->runs[x->n_runs++] = (struct small_run){at, end};
}

static struct err *take_small(struct placing *x, int64_t size)
{
    struct content_part part;
    int64_t end = 0;

    x->n_runs = 0;
    x->content = place_batch_space(x->batch, (size_t)size);
    ASSERT(x->content);
    for (;;) {
        TRY(next_part(x, size, end, &part));
        if (part.is_end)
            return NULL;
        memset(x->content + end, 0, (size_t)(part.at - end));
        memcpy(x->content + part.at, part.p, part.n);
        end = part.at + (int64_t)part.n;
        add_run(x, part.at, end);
    }
}

/* ---- regular files ---- */

/* A file that is to be made. */
struct whole {
    struct err *(*fill)(struct placing *x, int fd, const struct whole *w);
    int64_t size;
    const struct meta *meta;
    struct archive_entry *entry; /* its attributes; NULL: none */
};

static struct err *fill_small(struct placing *x, int fd, const struct whole *w)
{
    int64_t end = 0;

    for (size_t i = 0; i < x->n_runs; i++) {
        const struct small_run *r = &x->runs[i];

        TRY(fd_write_all_at(fd, x->content + r->at, (size_t)(r->end - r->at), r->at));
        end = r->end;
    }
    return end < w->size && ftruncate(fd, w->size) < 0
               ? err_sys("extend to %lld bytes", (long long)w->size)
               : NULL;
}

static struct err *fill_large(struct placing *x, int fd, const struct whole *w)
{
    return write_content(x, fd, w->size);
}

static struct err *fill(struct placing *x, int fd, const struct whole *w, struct stat *out)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_sys("stat %s", x->name.path);
    TRY(w->fill(x, fd, w));
    TRY(meta_apply_new(fd, w->meta, w->entry, &st));
    *out = st;
    return NULL;
}

/* Without a name until it is whole (O_TMPFILE; overlay has it since Linux 6.1), so that an engine
 * that dies leaves nothing; else under one of ours. */
static struct err *put_whole(struct placing *x, int dir, const struct whole *w)
{
    autoclose int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, w->meta->mode & 0777);
    bool has_name = false;
    char temp[TEMP_NAME_MAX];
    struct err *err;
    struct stat st;

    if (fd < 0 && errno != EROFS) {
        TRY(make_temp_name(x, temp));
        has_name = true;
        fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    if (fd < 0)
        return err_sys("make file %s", x->name.path);
    err = fill(x, fd, w, &st);
    if (!err && !has_name) {
        err = place_link_temp(fd, dir, x->name.base);
        if (!err) {
            note(x, x->name.path, &st, true, NULL);
            return NULL;
        }
        if (err_errno(err) == EEXIST) {
            err_drop(err);
            TRY(make_temp_name(x, temp));
            err = place_link_temp(fd, dir, temp);
            has_name = !err;
        }
    }
    if (err) {
        if (has_name)
            (void)!unlinkat(dir, temp, 0);
        return err;
    }
    return take_name(x, dir, temp, x->name.base);
}

/* ---- small files, several at once ---- */

/* It has a name already, or cannot be without one. */
static struct err *name_made(struct placing *x, int dir, struct batch_file *f)
{
    char temp[TEMP_NAME_MAX];

    if (f->fd < 0) {
        x->content = f->content;
        x->n_runs = 0;
        add_run(x, 0, (int64_t)f->size);
        return put_whole(x, dir, &(struct whole){fill_small, (int64_t)f->size, &f->meta, NULL});
    }
    TRY(make_temp_name(x, temp));
    TRY(place_link_temp(f->fd, dir, temp));
    return take_name(x, dir, temp, x->name.base);
}

static struct err *settle(struct placing *x, struct batch_file *f)
{
    struct tar_name current = x->name; /* its `base` is a place in x->name */
    struct err *e = tar_name_clean(f->path, &x->name);
    int dir;

    if (!e)
        e = open_parent(x, &x->name, true, &dir);
    if (!e)
        e = name_made(x, dir, f);
    x->name = current;
    return e;
}

/* The first of what failed is told. What was made is noted all the same, to be taken back. */
static struct err *make_batch(struct placing *x)
{
    size_t n = place_batch_count(x->batch);
    struct batch_file *files = n ? place_batch_make(x->batch) : NULL;
    struct err *e = NULL;

    for (size_t i = 0; i < n; i++) {
        struct batch_file *f = &files[i];

        if (f->is_named)
            note(x, f->path, &f->st, true, NULL);
        else if (f->err && !e)
            e = steal_ptr(&f->err);
        else if (!e)
            e = settle(x, f);
    }
    place_batch_forget(x->batch);
    return e;
}

static bool has_holes(const struct placing *x, int64_t size)
{
    return size && (x->n_runs != 1 || x->runs[0].at || x->runs[0].end != size);
}

static void add_to_batch(struct placing *x, int dir, int64_t size, const struct meta *m)
{
    place_batch_add(
        x->batch, dir, x->name.path, x->name.parent_len,
        &(struct batch_file){
            .base = x->name.base, .content = x->content, .size = (size_t)size, .meta = *m});
}

/* Anything else comes after them: it may be one of them, or stand in front of one. */
static bool joins_batch(const struct placing *x, struct archive_entry *e)
{
    int64_t size = archive_entry_size(e);

    return archive_entry_filetype(e) == S_IFREG && !archive_entry_hardlink(e) && size >= 0 &&
           size <= SMALL_BYTES &&
           place_batch_takes(x->batch, x->name.path, x->name.parent_len, (size_t)size);
}

static struct err *put_file(struct placing *x, int dir, struct archive_entry *e,
                            const struct meta *m)
{
    int64_t size = archive_entry_size(e);

    if (size < 0 || size > x->plan->max_bytes - x->file_bytes)
        return err_new(ERR_INVALID, "the archive's files have more than %lld bytes",
                       (long long)x->plan->max_bytes);
    x->file_bytes += size;
    if (size > SMALL_BYTES)
        return put_whole(x, dir, &(struct whole){fill_large, size, m, e});
    TRY(take_small(x, size));
    TRY(open_parent(x, &x->name, true, &dir)); /* what came first may have been made meanwhile */
    if (!has_holes(x, size) && !meta_has_xattrs(e)) {
        add_to_batch(x, dir, size, m);
        return NULL;
    }
    TRY(make_batch(x));
    TRY(open_parent(x, &x->name, true, &dir));
    return put_whole(x, dir, &(struct whole){fill_small, size, m, e});
}

/* ---- other kinds ---- */

static struct err *put_dir(struct placing *x, int dir, struct archive_entry *e,
                           const struct meta *m)
{
    autoclose int fd = -1, held = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    bool is_new = false;

    if (!*x->name.path)
        return NULL; /* the target stays what it is, as with Docker */
    TRY(clear_name(x, held, x->name.base, true));
    is_new = mkdirat(held, x->name.base, 0700) == 0;
    if (!is_new && errno != EEXIST)
        return cannot("make directory", x->name.path);
    fd = openat(held, x->name.base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return cannot("open directory", x->name.path);
    TRY(note_fd(x, x->name.path, fd, is_new, m));
    return meta_apply_fd(fd, m, e);
}

/* Beside its name, with owner and mode, before it takes it. */
static struct err *put_node(struct placing *x, int dir, struct archive_entry *e,
                            const struct meta *m, mode_t type)
{
    const char *target = archive_entry_symlink(e);
    bool is_beside = false;
    char temp[TEMP_NAME_MAX];
    const char *made = x->name.base;
    struct err *err;
    struct stat st;

    if (S_ISLNK(type) && (!target || !*target || strlen(target) >= PATH_MAX))
        return err_new(ERR_INVALID, "archive entry \"%.200s\" is a link without a usable target",
                       x->name.path);
    if (meta_make_node(dir, made, e, type) < 0) {
        if (errno != EEXIST)
            return err_sys("make %s", x->name.path);
        is_beside = true;
        TRY(make_temp_name(x, temp));
        made = temp;
        if (meta_make_node(dir, made, e, type) < 0)
            return err_sys("make %s", x->name.path);
    }
    err = meta_apply_at(dir, made, m, type);
    if (err) {
        if (is_beside)
            (void)!unlinkat(dir, made, 0);
        return err;
    }
    if (is_beside)
        return take_name(x, dir, temp, x->name.base);
    if (fstatat(dir, made, &st, AT_SYMLINK_NOFOLLOW) == 0)
        note(x, x->name.path, &st, true, NULL);
    return NULL;
}

/* "from" → "to", in front of the rest. */
static struct err *rename_entry(const struct placing *x, const char *raw, struct tar_name *out)
{
    const char *from = x->plan->from;
    autofree char *renamed = NULL;
    size_t n;

    TRY(tar_name_clean(raw, out));
    if (!from)
        return NULL;
    n = strlen(from);
    if (strncmp(out->path, from, n) || (out->path[n] && out->path[n] != '/' && n))
        return NULL;
    renamed = mem_printf("%s/%s", x->plan->to, out->path + n);
    return tar_name_clean(renamed, out);
}

/* The target is looked up as a parent is: it never leaves what the archive may reach. */
static struct err *put_hard_link(struct placing *x, const char *raw)
{
    autoclose int from = -1, to = -1;
    char temp[TEMP_NAME_MAX];
    struct stat st;
    int dir;

    TRY(rename_entry(x, raw, &x->link));
    if (!*x->link.path)
        return err_new(ERR_INVALID, "archive entry \"%.200s\" links to nothing", x->name.path);
    if (!strcmp(x->link.path, x->name.path))
        return NULL;
    TRY(open_parent(x, &x->link, false, &dir));
    from = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    TRY(open_parent(x, &x->name, true, &dir));
    to = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    if (linkat(from, x->link.base, to, x->name.base, 0) == 0) {
        if (fstatat(to, x->name.base, &st, AT_SYMLINK_NOFOLLOW) == 0)
            note(x, x->name.path, &st, true, NULL);
        return NULL;
    }
    if (errno == EEXIST) {
        TRY(make_temp_name(x, temp));
        if (linkat(from, x->link.base, to, temp, 0) == 0) {
            struct err *e = take_name(x, to, temp, x->name.base);

            (void)!unlinkat(to, temp, 0); /* rename(2) of two names of one file does nothing */
            return e;
        }
    }
    if (errno == ENOENT || errno == EPERM)
        return err_new(ERR_INVALID,
                       "archive entry \"%.200s\" links to \"%.200s\", which is no file there",
                       x->name.path, x->link.path);
    return err_sys("link %s", x->name.path);
}

/* ---- entries ---- */

static struct err *owner_to_host(const struct id_map *ids, struct meta *m)
{
    uint32_t uid = m->uid, gid = m->gid;

    if (!ids || m->leaves_owner)
        return NULL;
    if (!id_to_host(&ids->uids, uid, &m->uid) || !id_to_host(&ids->gids, gid, &m->gid))
        return err_new(ERR_INVALID,
                       "an archive entry has the owner %u:%u, whom the container's user namespace "
                       "does not have",
                       uid, gid);
    return NULL;
}

static struct err *read_meta(struct placing *x, struct archive_entry *e, struct meta *m)
{
    const struct tar_place_plan *p = x->plan;

    TRY(meta_read(e, m));
    m->leaves_owner = p->leaves_owner;
    if (p->leaves_set_id)
        m->mode &= 01777;
    if (p->has_owner) {
        m->uid = p->uid;
        m->gid = p->gid;
    }
    if (p->has_mode)
        m->mode = p->mode;
    m->ids = p->ids;
    return owner_to_host(p->ids, m);
}

static struct err *put(struct placing *x, struct archive_entry *e)
{
    const char *raw = archive_entry_pathname(e), *hard_link = archive_entry_hardlink(e);
    mode_t type = archive_entry_filetype(e);
    struct meta m;
    int dir;

    if (!raw)
        return err_new(ERR_INVALID, "an archive entry has no usable name");
    TRY(rename_entry(x, raw, &x->name));
    if (!joins_batch(x, e))
        TRY(make_batch(x));
    if (!*x->name.path && (!S_ISDIR(type) || hard_link))
        return err_new(ERR_INVALID, "the archive's root is not a directory");
    if (hard_link)
        return put_hard_link(x, hard_link);
    TRY(read_meta(x, e, &m));
    TRY(open_parent(x, &x->name, true, &dir));
    switch (type) {
    case S_IFDIR:
        return put_dir(x, dir, e, &m);
    case S_IFREG:
        return put_file(x, dir, e, &m);
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
        return put_node(x, dir, e, &m, type);
    default: /* sockets have no tar form; unknown kinds are left out as Docker does */
        return NULL;
    }
}

static void set_times(struct placing *x)
{
    for (struct note *n = x->notes; n; n = n->next) {
        autoclose int fd = -1;
        struct stat st;

        if (!n->has_times)
            continue;
        fd = open_dir_in(x, n->path);
        if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == n->dev && st.st_ino == n->ino)
            (void)!utimensat(fd, "", n->times, AT_EMPTY_PATH);
    }
}

/* The last first, so that directories are empty by then: unless somebody put something there. */
static void take_back(struct placing *x)
{
    for (struct note *n = x->notes; n; n = n->next) {
        struct err *e = n->is_new ? tar_name_clean(n->path, &x->name) : NULL;
        struct stat st;
        int dir;

        if (n->is_new && !e)
            e = open_parent(x, &x->name, false, &dir);
        if (n->is_new && !e && fstatat(dir, x->name.base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_dev == n->dev && st.st_ino == n->ino)
            (void)!unlinkat(dir, x->name.base, n->is_dir ? AT_REMOVEDIR : 0);
        err_drop(e);
        if (n->is_dir)
            drop_parent(x);
    }
}

static struct err *check_bounds(struct placing *x)
{
    if (++x->entries > x->plan->max_entries)
        return err_new(ERR_INVALID, "the archive has more than %lld entries",
                       (long long)x->plan->max_entries);
    return NULL;
}

static la_ssize_t on_read(struct archive *ar, void *ctx, const void **p)
{
    struct placing *x = ctx;
    size_t n = 0;

    if (!x->read_err)
        x->read_err = make_batch(x); /* the client may take its time */
    if (!x->read_err)
        x->read_err = x->plan->more(x->plan->ctx, p, &n);
    if (!x->read_err)
        return (la_ssize_t)n;
    archive_set_error(ar, EIO, "%s", err_text(x->read_err));
    return -1;
}

static int open_input(struct placing *x, int in_fd)
{
    if (in_fd < 0)
        return archive_read_open(x->ar, x, NULL, on_read, NULL);
    return archive_read_open_fd(x->ar, in_fd, READ_BYTES);
}

static struct err *put_all(struct placing *x, int in_fd)
{
    struct archive_entry *e;
    int r;

    if (open_input(x, in_fd) != ARCHIVE_OK)
        return decoder_err(x->ar);
    while (!x->lacks_end && (r = archive_read_next_header(x->ar, &e)) != ARCHIVE_EOF) {
        TRY(look(x));
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
            return decoder_err(x->ar);
        TRY(check_bounds(x));
        TRY(put(x, e));
    }
    TRY(make_batch(x));
    return look(x); /* a client that went looks like the end */
}

struct err *tar_place(int in_fd, const struct tar_place_plan *plan)
{
    autofree struct placing *x = mem_new(struct placing);
    struct utf8_scope scope = utf8_begin();
    struct err *e;

    ASSERT(plan->max_bytes > 0 && plan->max_entries > 0);
    x->plan = plan;
    x->parent = -1;
    x->notes_arena = arena_create();
    x->batch = place_batch_create();
    e = decoder_open(DECODER_RAW_TAR, &x->ar);
    if (!e)
        e = put_all(x, in_fd);
    if (e && x->read_err) {
        err_drop(e);
        e = steal_ptr(&x->read_err);
    }
    err_drop(steal_ptr(&x->read_err));
    if (e)
        take_back(x);
    else
        set_times(x);
    drop_parent(x);
    arena_destroy(x->notes_arena);
    place_batch_destroy(x->batch);
    archive_read_free(x->ar);
    utf8_end(&scope);
    return e;
}
