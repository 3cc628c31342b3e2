/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See copy.h. Two passes: what is copied is found and hashed, for the cache; and it is copied, when
 * the cache has nothing. In between nobody changes the sources: the context is the engine's own,
 * and layers never change.
 * Trap: the root that is written to is an image's, which may have links anywhere. A folder is
 * opened in the root before anything is put into it, and what is put is named there by one part.
 */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "build/go_glob.h"
#include "build/ignore.h"
#include "core/loop.h"
#include "runtime/users.h"
#include "storage/bounds.h"
#include "storage/rootfs.h"
#include "storage/space.h"
#include "tar/decoder.h"
#include "tar/pack.h"
#include "tar/place.h"

#include "remote_files.h"

enum {
    PIECE_BYTES = 256 << 10,
    ITEMS_MAX = 100000, /* that the sources of one instruction match */
};

struct copy_item {
    const char *path; /* in its root, absolute; as it was asked for */
    const char *name; /* what a file is called in a folder */
    const char *text; /* of a heredoc; NULL: a file or folder at `path` */
    const char *kept; /* with --parents: the part of `path` that the target has, too */
    bool is_dir, is_tar;
    bool is_fetched; /* `path` is in the folder of what was fetched */
};

/* ---- where things are ---- */

static struct err *open_sources(const struct copy_task *t, int *out)
{
    bool is_file;

    if (t->from_chain && t->from_chain->n == 0)
        return err_new(ERR_INVALID, "%s failed: it copies from an image without any files",
                       t->verb);
    if (t->from_chain)
        return image_mount_open(t->store, t->from_chain, NULL, NULL, out, &is_file);
    *out = fcntl(t->context, F_DUPFD_CLOEXEC, 0);
    return *out < 0 ? err_sys("open the build context") : NULL;
}

static const char *last_part(const char *clean)
{
    return strrchr(clean, '/') + 1;
}

/* A path that leaves the root by its text is refused in Docker's words: it cannot mean a file. */
static struct err *source_path(const struct copy_task *t, const char *source, const char **out)
{
    struct strs parts = text_split(t->arena, source, '/');
    int depth = 0;

    for (size_t i = 0; i < parts.n; i++) {
        if (!strcmp(parts.v[i], ".."))
            depth--;
        else if (*parts.v[i] && strcmp(parts.v[i], ".") != 0)
            depth++;
        if (depth < 0)
            return err_new(ERR_INVALID,
                           "%s failed: forbidden path outside the build context: %s ()", t->verb,
                           source);
    }
    *out = path_clean(t->arena, source);
    return NULL;
}

static struct err *not_found(const struct copy_task *t, const char *path)
{
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        return err_sys("%s failed: open %s", t->verb, path);
    if (t->from_chain)
        return err_new(ERR_INVALID, "%s failed: stat %s: file does not exist", t->verb, path + 1);
    return err_new(ERR_INVALID,
                   "%s failed: file not found in build context or excluded by .dockerignore: stat "
                   "%s: file does not exist",
                   t->verb, path + 1);
}

static int open_source(const struct copy_task *t, int root, const struct copy_item *item)
{
    return fd_open_in_root(item->is_fetched ? remote_files_dir(t->remote) : root, item->path,
                           O_PATH, 0);
}

/* ---- sources ---- */

static struct copy_item *add_item(struct copy_task *t, size_t *room)
{
    t->items = arena_grow(t->arena, t->items, t->n_items, room, sizeof(*t->items));
    return &t->items[t->n_items++];
}

/* What is behind so many parts. */
static const char *behind(const char *path, size_t n_parts)
{
    for (; n_parts && *path; n_parts--)
        path = strchrnul(path + 1, '/');
    return *path ? path : "/";
}

/* --parents keeps what is behind "/./" of a source, or all of it. A match has as many parts as its
 * pattern. */
static size_t parts_before_pivot(struct arena *a, const char *source)
{
    const char *pivot = strstr(source, "/./");

    if (!pivot)
        return 0;
    return text_split(a, path_clean(a, arena_strndup(a, source, (size_t)(pivot - source))) + 1, '/')
        .n;
}

static struct err *add_path(struct copy_task *t, int root, const char *path, size_t n_dropped,
                            size_t *room)
{
    struct copy_item item = {
        .path = path, .name = last_part(path), .kept = behind(path, n_dropped)};
    autoclose int fd = open_source(t, root, &item), content = -1;
    struct stat st;

    if (fd < 0)
        return not_found(t, path);
    if (fstat(fd, &st) < 0)
        return err_sys("stat %s", path);
    if (t->n_items == ITEMS_MAX)
        return err_new(ERR_TOO_LARGE, "%s failed: more than %d files match", t->verb, ITEMS_MAX);
    item.is_dir = S_ISDIR(st.st_mode);
    if (t->is_add && S_ISREG(st.st_mode) && t->args->unpack >= 0) {
        content = fd_reopen(fd, S_IFREG, O_RDONLY);
        if (content < 0)
            return err_sys("open %s", path);
        item.is_tar = decoder_is_tar(content);
    }
    *add_item(t, room) = item;
    return NULL;
}

/* What of the folders in `at` matches one part of a pattern. A pattern has as many parts as what it
 * matches. */
static struct err *match_part(struct copy_task *t, int root, const struct strs *at,
                              const char *part, struct strs *out)
{
    for (size_t i = 0; i < at->n; i++) {
        autoclose int dir = fd_open_in_root(root, at->v[i], O_RDONLY | O_DIRECTORY, 0);
        struct strs names = {0};

        if (dir < 0)
            continue;
        TRY(dir_names(t->arena, dir, &names));
        for (size_t k = 0; k < names.n; k++)
            if (text_glob(part, names.v[k]))
                strs_add(t->arena, out, path_join(t->arena, at->v[i], names.v[k]));
        if (out->n > ITEMS_MAX)
            return err_new(ERR_TOO_LARGE, "%s failed: more than %d files match", t->verb,
                           ITEMS_MAX);
    }
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct err *add_matches(struct copy_task *t, int root, const char *clean, size_t n_dropped,
                               size_t *room)
{
    struct strs parts = text_split(t->arena, clean + 1, '/'), at = {0};

    strs_add(t->arena, &at, "/");
    for (size_t i = 0; i < parts.n; i++) {
        struct strs found = {0};

        TRY(match_part(t, root, &at, parts.v[i], &found));
        at = found;
    }
    if (at.n)
        qsort(at.v, at.n, sizeof(*at.v), by_text);
    for (size_t i = 0; i < at.n; i++)
        TRY(add_path(t, root, at.v[i], n_dropped, room));
    return NULL;
}

static struct err *check_sum(const struct copy_task *t, const struct remote_file *f)
{
    const char *wanted = t->args->checksum;

    if (text_is_empty(wanted) || !strcmp(wanted, f->digest))
        return NULL;
    return err_new(ERR_INVALID, "ADD failed: digest mismatch of %s: got %s, expected %s", f->url,
                   f->digest, wanted);
}

/* It is unpacked only if that is said. */
static struct err *add_fetched(struct copy_task *t, const char *url, size_t *room)
{
    const struct remote_file *f = t->remote->v;
    struct copy_item item = {.is_fetched = true, .is_tar = t->args->unpack > 0};

    while (strcmp(f->url, url) != 0)
        f++;
    TRY(check_sum(t, f));
    item.path = item.kept = arena_printf(t->arena, "/%s", f->file);
    item.name = f->name;
    if (!*item.name && path_means_directory(t->args->dest))
        return err_new(ERR_INVALID,
                       "ADD failed: cannot determine filename from url: %s: name the file, and not "
                       "a folder",
                       url);
    *add_item(t, room) = item;
    return NULL;
}

static struct err *find_items(struct copy_task *t, int root)
{
    const struct copy_args *args = t->args;
    size_t room = 0;

    for (size_t i = 0; i < args->sources.n; i++) {
        const char *source = args->sources.v[i], *clean;
        size_t n_dropped = parts_before_pivot(t->arena, source);

        if (t->is_add && remote_is_url(source)) {
            TRY(add_fetched(t, source, &room));
            continue;
        }
        TRY(source_path(t, source, &clean));
        if (t->is_literal)
            TRY(add_path(t, root, clean, n_dropped, &room));
        else if (go_glob_is_wild(source))
            TRY(add_matches(t, root, clean, n_dropped, &room));
        else
            TRY(add_path(t, root, path_clean(t->arena, go_glob_literal(t->arena, clean)), n_dropped,
                         &room));
    }
    for (size_t i = 0; i < args->n_contents; i++) {
        struct copy_item *item = add_item(t, &room);

        *item = (struct copy_item){.name = args->contents[i]->name,
                                   .text = heredoc_text(t->arena, args->contents[i])};
    }
    return NULL;
}

static struct err *find_dest(struct copy_task *t)
{
    const char *dest = t->args->dest;
    bool is_folder = path_means_directory(dest);
    char *clean;

    if (t->n_items > 1 && !is_folder)
        return err_new(ERR_INVALID,
                       "When using %s with more than one source file, the destination must be a "
                       "directory and end with a /",
                       t->verb);
    if (*dest != '/')
        dest = path_join(t->arena, text_is_empty(t->working_dir) ? "/" : t->working_dir, dest);
    clean = path_clean(t->arena, dest);
    t->dest = is_folder && clean[1] ? arena_printf(t->arena, "%s/", clean) : clean;
    return NULL;
}

/* ---- --exclude ---- */

static enum tar_pack_choice choose(void *ctx, const char *name, bool is_dir)
{
    const struct copy_task *t = ctx;

    if (!ignore_excludes(t->excludes, name))
        return TAR_PACK_TAKES;
    return is_dir && !ignore_skips_folder(t->excludes, name) ? TAR_PACK_OMITS : TAR_PACK_SKIPS;
}

/* Sources that are files themselves are left out here, what is in folders when they are packed. */
static struct err *exclude_items(struct copy_task *t)
{
    size_t n = 0;

    if (!t->args->excludes.n)
        return NULL;
    TRY(ignore_from_list(t->arena, &t->args->excludes, &t->excludes));
    for (size_t i = 0; i < t->n_items; i++)
        if (t->items[i].is_dir || t->items[i].text ||
            !ignore_excludes(t->excludes, t->items[i].path + 1))
            t->items[n++] = t->items[i];
    t->n_items = n;
    return NULL;
}

static struct tar_pack *pack_of(const struct copy_task *t, int fd, bool is_dir, const char *name,
                                bool is_for_digest)
{
    return tar_pack_create(&(struct tar_pack_plan){.source = fd,
                                                   .root_name = is_dir ? "./" : name,
                                                   .prefix = "",
                                                   .is_for_digest = is_for_digest,
                                                   .choose = t->excludes ? choose : NULL,
                                                   .ctx = (void *)t});
}

/* ---- their digest ---- */

static struct err *check_cancelled(const struct copy_task *t)
{
    return *t->is_cancelled ? err_new(ERR_CANCELLED, "the build was cancelled") : NULL;
}

static struct err *hash_tree(const struct copy_task *t, int fd, const struct copy_item *item,
                             struct sha256 *hash)
{
    struct tar_pack *pack = pack_of(t, fd, item->is_dir, item->name, true);
    autobuf struct buf piece = {0};
    bool is_end = false;
    struct err *e = NULL;

    while (!e && !is_end) {
        piece.len = 0;
        e = check_cancelled(t);
        if (!e)
            e = tar_pack_more(pack, PIECE_BYTES, &piece, &is_end);
        if (!e)
            sha256_add(hash, piece.data, piece.len);
    }
    tar_pack_destroy(pack);
    return e;
}

static struct err *hash_item(const struct copy_task *t, int root, const struct copy_item *item,
                             char out[DIGEST_MAX])
{
    autoclose int fd = -1;
    struct sha256 *hash;
    struct err *e;

    if (item->text) {
        digest_of(item->text, strlen(item->text), out);
        return NULL;
    }
    fd = open_source(t, root, item);
    if (fd < 0)
        return not_found(t, item->path);
    hash = sha256_create();
    e = hash_tree(t, fd, item, hash);
    if (e)
        sha256_destroy(hash);
    else
        sha256_end(hash, out);
    return e;
}

static const char *join_names(const struct copy_task *t)
{
    autobuf struct buf b = {0};

    for (size_t i = 0; i < t->n_items; i++)
        buf_printf(&b, "%s/",
                   t->args->parents && !t->items[i].text ? t->items[i].kept
                   : t->items[i].is_dir                  ? ""
                                                         : t->items[i].name);
    return arena_strdup(t->arena, b.data);
}

/* The names count, too: they are what the files are called. */
static struct err *hash_items(struct copy_task *t, int root)
{
    struct sha256 *all = sha256_create();
    char one[DIGEST_MAX] = "", sum[DIGEST_MAX];
    struct err *e = NULL;

    for (size_t i = 0; !e && i < t->n_items; i++) {
        const struct copy_item *item = &t->items[i];

        e = hash_item(t, root, item, one);
        sha256_add(all, item->name, strlen(item->name) + 1);
        sha256_add(all, one, strlen(one) + 1);
    }
    sha256_end(all, sum);
    if (!e)
        snprintf(t->digest, sizeof(t->digest), "%s:%s",
                 t->n_items > 1       ? "multi"
                 : t->items[0].is_dir ? "dir"
                                      : "file",
                 digest_hex(t->n_items > 1 ? sum : one));
    return e;
}

struct err *copy_digest(struct copy_task *t)
{
    autoclose int root = -1;

    ASSERT_WORKER();
    TRY(open_sources(t, &root));
    TRY(find_items(t, root));
    TRY(exclude_items(t));
    if (t->n_items == 0)
        return err_new(ERR_INVALID, "%s failed: no source files were specified", t->verb);
    TRY(find_dest(t));
    t->names = join_names(t);
    return hash_items(t, root);
}

/* ---- the other side ---- */

struct owner {
    bool is_set;
    uint32_t uid, gid;
};

struct target {
    const struct copy_task *task;
    int root;
    struct owner owner; /* who gets what is made */
    mode_t mode;
    bool has_mode;
};

/* Each missing part is made below the one before, as the image's links lead: 0755, the owner's. */
static struct err *make_folders(int root, const char *path, const struct owner *owner, int *out)
{
    autofree char *prefix = mem_strdup(path);
    autoclose int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);

    for (char *part = prefix + 1; dir >= 0 && *part;) {
        char *slash = strchrnul(part, '/'), was = *slash;
        autoclose int above = dir;

        *slash = '\0';
        dir = fd_open_in_root(root, prefix, O_PATH | O_DIRECTORY, 0);
        if (dir < 0 && errno == ENOENT) {
            if (mkdirat(above, part, 0755) < 0)
                return err_sys("mkdir %s", prefix);
            if (owner->is_set &&
                fchownat(above, part, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return err_sys("chown %s", prefix);
            dir = fd_open_in_root(root, prefix, O_PATH | O_DIRECTORY, 0);
        }
        if (dir < 0)
            return errno == ENOTDIR
                       ? err_new(ERR_INVALID, "cannot mkdir: %s is not a directory", prefix)
                       : err_sys("open %s", prefix);
        *slash = was;
        part = slash + (was != '\0');
    }
    if (dir < 0)
        return err_sys("open %s", path);
    *out = steal_fd(&dir);
    return NULL;
}

struct flow { /* of one item */
    const struct target *target;
    struct tar_pack *pack;
    struct buf piece;
    bool is_end;
    struct unpack_limits limits;
    struct space_meter space;
    int64_t plain;
};

static struct err *more(void *ctx, const void **p, size_t *n)
{
    struct flow *f = ctx;

    f->piece.len = 0;
    if (!f->is_end)
        TRY(tar_pack_more(f->pack, PIECE_BYTES, &f->piece, &f->is_end));
    *p = f->piece.data;
    *n = f->piece.len;
    return NULL;
}

static struct err *look(void *ctx, int64_t packed, int64_t plain)
{
    struct flow *f = ctx;

    TRY(check_cancelled(f->target->task));
    TRY(bounds_check(&f->limits, "the archive", packed, plain));
    TRY(space_take(&f->space, f->target->root, plain - f->plain, 1, "the copy needs"));
    f->plain = plain;
    return NULL;
}

static struct tar_place_plan plan_of(struct flow *f, int dir)
{
    const struct target *g = f->target;

    return (struct tar_place_plan){
        .dir = dir,
        .root = g->root,
        .dir_path = "/",
        .has_owner = true,
        .uid = g->owner.uid,
        .gid = g->owner.gid,
        .has_mode = g->has_mode,
        .mode = g->mode,
        .max_bytes = f->limits.max_bytes,
        .max_entries = f->limits.max_entries,
        .more = more,
        .look = look,
        .ctx = f,
    };
}

static struct err *put_tree(const struct target *g, int source, bool is_dir, const char *name,
                            int dir)
{
    struct flow f = {.target = g, .limits = bounds_fill(NULL)};
    struct tar_place_plan plan = plan_of(&f, dir);
    struct err *e;

    f.pack = pack_of(g->task, source, is_dir, name, false);
    e = tar_place(-1, &plan);
    tar_pack_destroy(f.pack);
    buf_finish(&f.piece);
    return e;
}

/* Owners and modes are the archive's. */
static struct err *put_archive(const struct target *g, int source, int dir)
{
    autoclose int fd = fd_reopen(source, S_IFREG, O_RDONLY);
    struct flow f = {.target = g, .limits = bounds_fill(NULL)};
    struct tar_place_plan plan = plan_of(&f, dir);

    if (fd < 0)
        return err_sys("open an archive");
    plan.has_owner = plan.has_mode = false;
    return tar_place(fd, &plan);
}

static struct err *put_text(const struct target *g, const char *text, const char *name, int dir)
{
    autoclose int fd = memfd_create(name, MFD_CLOEXEC);
    mode_t mode = 0644;

    if (fd < 0 || fchmod(fd, mode) < 0)
        return err_sys("make a file for a heredoc");
    TRY(fd_write_all(fd, text, strlen(text)));
    return put_tree(g, fd, false, name, dir);
}

static bool is_folder(int root, const char *path)
{
    autoclose int fd = fd_open_in_root(root, path, O_PATH | O_DIRECTORY, 0);

    return fd >= 0;
}

/* What the last link of `path` leads to, as a path in the root; as it is when there is none. */
static const char *resolved(struct arena *a, int root, const char *path)
{
    autoclose int fd = fd_open_in_root(root, path, O_PATH, 0);
    char link[32], target[PATH_MAX];
    ssize_t n;

    if (fd < 0)
        return path;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, target, sizeof(target));
    return n > 0 && n < (ssize_t)sizeof(target) && target[0] == '/'
               ? arena_strndup(a, target, (size_t)n)
               : path;
}

static struct err *open_dest(const struct target *g, const struct copy_item *item,
                             const char **name, int *out)
{
    const struct copy_task *t = g->task;
    bool is_into =
        item->is_dir || item->is_tar || text_ends(t->dest, "/") || is_folder(g->root, t->dest);
    const char *path = t->dest;

    *name = item->name;
    if (t->args->parents && !item->text) {
        size_t n = strlen(item->kept) - (item->is_dir ? 0 : strlen(item->name));

        path = arena_printf(t->arena, "%s/%.*s", path, (int)n, item->kept);
    } else if (!is_into) {
        path = resolved(t->arena, g->root, path);
        *name = last_part(path);
        path = arena_strndup(t->arena, path, (size_t)(*name - path));
    }
    return make_folders(g->root, path_clean(t->arena, path), &g->owner, out);
}

static struct err *put_item(const struct target *g, int sources, const struct copy_item *item)
{
    autoclose int source = item->text ? -1 : open_source(g->task, sources, item), dir = -1;
    const char *name;

    if (!item->text && source < 0)
        return not_found(g->task, item->path);
    TRY(open_dest(g, item, &name, &dir));
    if (item->text)
        return put_text(g, item->text, name, dir);
    return item->is_tar ? put_archive(g, source, dir)
                        : put_tree(g, source, item->is_dir, name, dir);
}

/* ---- --chown, --chmod ---- */

static struct err *find_owner(struct copy_task *t, int root, struct owner *out)
{
    struct user_files files;
    struct sandbox_user user = {0};
    struct strs none = {0};
    struct err *e;

    *out = (struct owner){0};
    if (text_is_empty(t->args->chown))
        return NULL;
    TRY(user_files_read(t->arena, root, &files));
    e = user_resolve(t->arena, &files, t->args->chown, &none, &user);
    if (e)
        return err_wrap(err_as(e, ERR_INVALID),
                        "unable to convert uid/gid chown string to host mapping");
    *out = (struct owner){true, user.uid, user.gid};
    if (text_to_u32(t->args->chown, &out->uid)) /* a number alone is both, as Docker says */
        out->gid = out->uid;
    return NULL;
}

static struct err *find_mode(struct target *g, const char *chmod)
{
    char *end;
    unsigned long mode;

    if (text_is_empty(chmod))
        return NULL;
    mode = strtoul(chmod, &end, 8);
    if (*end || chmod[0] < '0' || chmod[0] > '7' || mode > 07777)
        return err_new(ERR_INVALID,
                       "invalid chmod parameter: '%s'. it should be octal string and between 0 and "
                       "07777",
                       chmod);
    g->has_mode = true;
    g->mode = (mode_t)mode;
    return NULL;
}

struct err *copy_run(struct copy_task *t, const char *id, const struct strs *chain)
{
    struct target g = {.task = t, .root = -1};
    autoclose int sources = -1, root = -1;

    ASSERT_WORKER();
    TRY(open_sources(t, &sources));
    TRY(rootfs_mount(t->store, id, chain, true, NULL, &root));
    g.root = root;
    TRY(find_owner(t, root, &g.owner));
    TRY(find_mode(&g, t->args->chmod));
    for (size_t i = 0; i < t->n_items; i++) {
        struct err *e = put_item(&g, sources, &t->items[i]);

        if (e)
            return err_kind(e) == ERR_CANCELLED ? e : err_wrap(e, "%s failed", t->verb);
    }
    return NULL;
}

struct err *copy_make_folder(struct layer_store *s, const char *id, const struct strs *chain,
                             const char *path)
{
    const struct owner nobody = {0};
    autoclose int root = -1, dir = -1;

    ASSERT_WORKER();
    TRY(rootfs_mount(s, id, chain, true, NULL, &root));
    return make_folders(root, path, &nobody, &dir);
}
