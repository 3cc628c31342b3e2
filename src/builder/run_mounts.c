/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See run_mounts.h. The engine's own paths are bound, so a path of a Dockerfile is resolved in its
 * root first (RESOLVE_IN_ROOT), and where that leads to is what is bound: the context is the
 * engine's own, and nobody changes it meanwhile.
 * Trap: secrets may not reach a disk. They are files of a tmpfs: EXEC_ROOT where that is one, else
 * one of their own that is mounted nowhere, whose parts Linux binds since 6.15.
 */
#include "run_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "core/loop.h"
#include "run/mounts.h"
#include "storage/rootfs.h"
#include "storage/tree.h"

#include "copy.h"

#define SECRETS_TARGET "/run/secrets/"
#define SECRETS_PREFIX "build-secrets-"

/* ---- read ---- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static const struct build_secret *find_secret(const struct build_options *o, const char *id)
{
    for (size_t i = 0; i < o->n_secrets; i++)
        if (!strcmp(o->secrets[i].id, id))
            return &o->secrets[i];
    return NULL;
}

static struct err *read_secret(struct step_mount *m, struct arena *a,
                               const struct build_options *options)
{
    struct run_mount *r = &m->asked;

    if (!r->id)
        r->id = r->source ? r->source : arena_strdup(a, last_part(r->target ? r->target : ""));
    if (!*r->id)
        return err_new(ERR_INVALID, "invalid secret mount: it has no id");
    if (r->env)
        return err_new(ERR_NOT_IMPLEMENTED,
                       "RUN --mount=type=secret,env=%s is not supported: a container's variables "
                       "are on the disk; read the file " SECRETS_TARGET "%s",
                       r->env, last_part(r->id));
    if (!r->target)
        r->target = arena_printf(a, SECRETS_TARGET "%s", last_part(r->id));
    m->secret = find_secret(options, r->id);
    if (!m->secret && r->is_required)
        return err_new(ERR_NOT_FOUND, "secret %s: not found: give it with berth build --secret",
                       r->id);
    return NULL;
}

static struct err *read_one(struct step_mount *m, struct arena *a, const char *text,
                            const char *working_dir, const struct build_options *options)
{
    struct run_mount *r = &m->asked;

    TRY(run_mount_parse(a, text, r));
    if (r->type == RUN_MOUNT_SECRET)
        TRY(read_secret(m, a, options));
    if (r->type == RUN_MOUNT_SSH) /* Docker mounts nothing either, where no agent was given */
        return r->is_required ? err_new(ERR_NOT_IMPLEMENTED,
                                        "RUN --mount=type=ssh,required is not supported: agents "
                                        "of clients are not forwarded by this version of berth")
                              : NULL;
    m->path = path_clean(a, r->source ? r->source : "/");
    m->target = path_clean(
        a, *r->target == '/'
               ? r->target
               : path_join(a, text_is_empty(working_dir) ? "/" : working_dir, r->target));
    if (!strcmp(m->target, "/"))
        return err_new(ERR_INVALID, "invalid mount target %s: it is the root", r->target);
    if (r->type == RUN_MOUNT_CACHE && !r->from && r->source)
        return err_new(ERR_INVALID, "a cache mount with a source needs a from");
    return NULL;
}

/* Absent ones show nothing: agents and secrets that nobody has given. */
static bool is_shown(const struct step_mount *m)
{
    if (m->asked.type == RUN_MOUNT_SSH)
        return false;
    return m->asked.type != RUN_MOUNT_SECRET || m->secret;
}

struct err *run_mounts_read(struct step_mounts *m, struct arena *a, const struct strs *texts,
                            const char *working_dir, const struct build_options *options)
{
    ASSERT_WORKER();
    m->secrets_fd = -1;
    if (texts->n > RUN_MOUNTS_MAX)
        return err_new(ERR_TOO_LARGE, "an instruction has at most %d mounts", RUN_MOUNTS_MAX);
    m->v = arena_array(a, texts->n + 1, sizeof(*m->v));
    m->folders = arena_array(a, texts->n + 1, sizeof(*m->folders));
    for (size_t i = 0; i < texts->n; i++) {
        TRY(read_one(&m->v[i], a, texts->v[i], working_dir, options));
        m->n++;
        for (size_t k = 0; k < i; k++)
            if (is_shown(&m->v[i]) && is_shown(&m->v[k]) && !strcmp(m->v[i].target, m->v[k].target))
                return err_new(ERR_INVALID, "Duplicate mount point: %s", m->v[i].target);
    }
    return NULL;
}

/* ---- plan ---- */

void run_mounts_plan(struct step_mounts *m, struct build_stage *s, struct sources *out)
{
    out->v = arena_array(s->build->arena, m->n + 1, sizeof(*out->v));
    for (size_t i = 0; i < m->n; i++) {
        struct step_mount *one = &m->v[i];
        struct origin *o = &out->v[out->n];

        if (text_is_empty(one->asked.from) ||
            (one->asked.type != RUN_MOUNT_BIND && one->asked.type != RUN_MOUNT_CACHE))
            continue;
        *o = (struct origin){.stage = s,
                             .name = arena_strdup(s->build->arena, one->asked.from),
                             .platform = s->platform};
        origin_set_stage(o, dockerfile_find_stage(&s->build->file, o->name, s->index));
        one->origin = o;
        out->n++;
    }
}

static const char *image_of(const struct step_mount *m)
{
    return m->origin && m->origin->image ? image_id(m->origin->image) : "";
}

/* One whose content comes from an image is that image's, as Docker says. */
void run_mounts_name_folders(struct step_mounts *m, struct arena *a)
{
    ASSERT_LOOP();
    for (size_t i = 0; i < m->n; i++) {
        struct step_mount *one = &m->v[i];
        const struct run_mount *r = &one->asked;
        const char *id = text_is_empty(r->id) ? one->target : r->id;

        if (r->type != RUN_MOUNT_CACHE)
            continue;
        one->folder = &m->folders[m->n_folders++];
        one->folder->id =
            one->origin ? arena_printf(a, "%s from %s%s", id, image_of(one), one->path) : id;
        one->folder->sharing = r->sharing;
    }
}

/* ---- what a step depends on ---- */

static bool is_of_context(const struct step_mount *m)
{
    return m->asked.type == RUN_MOUNT_BIND && !m->origin;
}

static struct err *digest_part(struct step_mount *m, struct arena *a,
                               const struct run_mounts_places *p)
{
    struct copy_args args = {.dest = "/"};
    struct copy_task task = {
        .arena = a,
        .store = p->store,
        .verb = "RUN --mount",
        .args = &args,
        .is_literal = true,
        .working_dir = "/",
        .context = p->context,
        .is_cancelled = p->is_cancelled,
    };

    strs_add(a, &args.sources, m->path);
    TRY(copy_digest(&task));
    m->digest = arena_strdup(a, task.digest);
    return NULL;
}

struct err *run_mounts_digest(struct step_mounts *m, struct arena *a,
                              const struct run_mounts_places *p)
{
    ASSERT_WORKER();
    for (size_t i = 0; i < m->n; i++)
        if (is_of_context(&m->v[i]))
            TRY(digest_part(&m->v[i], a, p));
    return NULL;
}

static void add(struct sha256 *hash, const char *text)
{
    sha256_add(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

void run_mounts_hash(const struct step_mounts *m, struct sha256 *hash)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct step_mount *one = &m->v[i];
        autofree char *numbers = mem_printf(
            "mount %d %d %d %lld %lld %lld %lld", one->asked.type, one->asked.is_read_only,
            one->asked.sharing, (long long)one->asked.size_bytes, (long long)one->asked.mode,
            (long long)one->asked.uid, (long long)one->asked.gid);

        add(hash, numbers);
        add(hash, one->target);
        add(hash, one->path);
        add(hash, one->asked.id);
        add(hash, one->digest);
        add(hash, image_of(one));
    }
}

/* ---- open ---- */

static struct err *not_found(const char *path, const char *where)
{
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        return err_sys("RUN --mount: open %s", path);
    return err_new(ERR_INVALID, "RUN --mount: %s is not in the %s", path, where);
}

static struct err *bind_context(struct step_mount *m, struct arena *a,
                                const struct run_mounts_places *p, struct mount_point *out)
{
    autoclose int fd = fd_open_in_root(p->context, m->path, O_PATH, 0);
    char link[32], led_to[PATH_MAX];
    ssize_t n;

    if (fd < 0)
        return not_found(m->path, "build context, or excluded by .dockerignore");
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, led_to, sizeof(led_to));
    if (n <= 0 || n == (ssize_t)sizeof(led_to))
        return err_new(ERR_INVALID, "RUN --mount: the path of %s is too long", m->path);
    out->source = arena_strndup(a, led_to, (size_t)n);
    return NULL;
}

static struct err *bind_image(struct step_mount *m, struct arena *a, struct mount_point *out)
{
    if (!m->origin->image)
        return err_new(ERR_INVALID, "RUN --mount: from=%s is without any files", m->asked.from);
    out->type = "image";
    out->image = arena_strdup(a, image_id(m->origin->image));
    out->source = out->image;
    out->subpath = (char *)m->path + 1;
    return NULL;
}

static struct folder_owner owner_of(const struct run_mount *r, mode_t mode)
{
    return (struct folder_owner){
        .mode = r->mode >= 0 ? (mode_t)r->mode & 07777 : mode,
        .uid = r->uid >= 0 ? (uid_t)r->uid : 0,
        .gid = r->gid >= 0 ? (gid_t)r->gid : 0,
    };
}

/* What a cache begins with: *out is -1 when it begins empty. */
static struct err *open_content(const struct step_mount *m, struct arena *a,
                                const struct run_mounts_places *p, int *out)
{
    const struct strs chain = m->origin && m->origin->image
                                  ? strs_copy(a, image_chain(m->origin->image))
                                  : (struct strs){0};
    autoclose int root = -1;
    bool is_file;

    *out = -1;
    if (!m->origin)
        return NULL;
    if (!chain.n)
        return err_new(ERR_INVALID, "RUN --mount: from=%s is without any files", m->asked.from);
    TRY(image_mount_open(p->store, &chain, NULL, NULL, &root, &is_file));
    *out = fd_open_in_root(root, m->path, O_RDONLY | O_DIRECTORY, 0);
    return *out < 0 ? not_found(m->path, "image, or no folder") : NULL;
}

static struct err *bind_cache(struct step_mount *m, struct arena *a,
                              const struct run_mounts_places *p, struct mount_point *out)
{
    const struct folder_owner owner = owner_of(&m->asked, 0755);
    autoclose int content = -1;
    char link[32], dir[PATH_MAX];
    ssize_t n;

    if (faccessat(p->caches, m->folder->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        TRY(open_content(m, a, p, &content));
        TRY(cache_folder_make(p->caches, m->folder->name, &owner, content));
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", p->caches);
    n = readlink(link, dir, sizeof(dir));
    if (n <= 0 || n == (ssize_t)sizeof(dir))
        return err_sys("find the caches of builds");
    out->source = path_join(a, arena_strndup(a, dir, (size_t)n), m->folder->name);
    return NULL;
}

/* ---- secrets ---- */

static struct err *make_secrets_tmpfs(int *out)
{
    autoclose int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

    if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0700", 0) < 0 ||
        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return err_sys("make a file system for secrets");
    *out = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    return *out < 0 ? err_sys("make a file system for secrets") : NULL;
}

static struct err *make_secrets_dir(struct step_mounts *m, struct arena *a, const char *exec_root)
{
    char id[ID_MAX];
    char *dir;

    id_random(id);
    dir = arena_printf(a, "%s/" SECRETS_PREFIX "%.16s", exec_root, id);
    if (mkdir(dir, 0700) < 0)
        return err_sys("make a folder for secrets");
    m->secrets_dir = dir;
    m->secrets_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return m->secrets_fd < 0 ? err_sys("open a folder for secrets") : NULL;
}

static struct err *make_secrets_place(struct step_mounts *m, struct arena *a, const char *exec_root)
{
    struct statfs fs;

    if (m->secrets_fd >= 0)
        return NULL;
    if (statfs(exec_root, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
        return make_secrets_dir(m, a, exec_root);
    return make_secrets_tmpfs(&m->secrets_fd);
}

static struct err *put_secret(struct step_mounts *m, struct arena *a, size_t i,
                              const struct run_mounts_places *p, struct mount_point *out)
{
    const struct build_secret *s = m->v[i].secret;
    const struct folder_owner owner = owner_of(&m->v[i].asked, 0400);
    char *name = arena_printf(a, "%zu", i);
    autoclose int fd = -1;

    TRY(make_secrets_place(m, a, p->exec_root));
    fd = openat(m->secrets_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys("make a file for secret %s", s->id);
    TRY(fd_write_all(fd, s->value, s->n));
    if (fchown(fd, owner.uid, owner.gid) < 0 || fchmod(fd, owner.mode) < 0)
        return err_sys("set the owner of secret %s", s->id);
    out->source = m->secrets_dir ? path_join(a, m->secrets_dir, name)
                                 : arena_printf(a, "/proc/self/fd/%d/%s", m->secrets_fd, name);
    return NULL;
}

void run_mounts_close(struct step_mounts *m)
{
    ASSERT_WORKER();
    if (m->secrets_fd >= 0)
        close(m->secrets_fd);
    m->secrets_fd = -1;
    if (m->secrets_dir)
        err_drop(dir_remove_tree(AT_FDCWD, m->secrets_dir));
    m->secrets_dir = NULL;
}

struct err *run_mounts_sweep(const char *exec_root)
{
    autoarena struct arena *a = arena_create();
    autoclose int dir = open(exec_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct strs names = {0};

    if (dir < 0)
        return err_sys("open %s", exec_root);
    TRY(dir_names(a, dir, &names));
    for (size_t i = 0; i < names.n; i++)
        if (text_starts(names.v[i], SECRETS_PREFIX))
            TRY(dir_remove_tree(dir, names.v[i]));
    return NULL;
}

/* ---- all of them ---- */

static struct err *open_one(struct step_mounts *m, struct arena *a, size_t i,
                            const struct run_mounts_places *p, struct mount_point *out)
{
    struct step_mount *one = &m->v[i];
    const struct run_mount *r = &one->asked;

    mount_point_init(out, "bind", one->target);
    out->is_own = true;
    out->rw = !r->is_read_only;
    out->non_recursive = true;
    out->mode = "z";
    switch (r->type) {
    case RUN_MOUNT_TMPFS:
        out->type = "tmpfs";
        out->options =
            r->size_bytes ? arena_printf(a, "exec,size=%lld", (long long)r->size_bytes) : "exec";
        return NULL;
    case RUN_MOUNT_CACHE:
        return bind_cache(one, a, p, out);
    case RUN_MOUNT_SECRET:
        out->rw = false;
        return put_secret(m, a, i, p, out);
    default:
        out->discards = out->rw;
        return one->origin ? bind_image(one, a, out) : bind_context(one, a, p, out);
    }
}

struct err *run_mounts_open(struct step_mounts *m, struct arena *a,
                            const struct run_mounts_places *p)
{
    struct mount_point *v = arena_array(a, m->n + 1, sizeof(*v));
    struct err *e = NULL;
    size_t n = 0;

    ASSERT_WORKER();
    for (size_t i = 0; !e && i < m->n; i++)
        if (is_shown(&m->v[i]))
            e = open_one(m, a, i, p, &v[n++]);
    if (e) {
        run_mounts_close(m);
        return e;
    }
    m->points = (struct jlist){.v = v, .n = n};
    return NULL;
}

/* ---- afterwards ---- */

static bool is_in(int root, const char *path)
{
    autoclose int fd = root < 0 ? -1 : fd_open_in_root(root, path, O_PATH | O_NOFOLLOW, 0);

    return fd >= 0;
}

/* False: it stays, and so does what it is in. */
static bool remove_stub(int upper, const char *path)
{
    autoclose int above = -1;
    const char *name = last_part(path);
    autofree char *dir = mem_printf("./%.*s", (int)(name - path), path);
    struct stat st;

    above = fd_open_beneath(upper, dir, O_PATH | O_DIRECTORY, 0);
    if (above < 0 || fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (S_ISDIR(st.st_mode))
        return unlinkat(above, name, AT_REMOVEDIR) == 0;
    return S_ISREG(st.st_mode) && !st.st_size && unlinkat(above, name, 0) == 0;
}

static void remove_stubs(const char *target, int upper, int image)
{
    autofree char *path = mem_strdup(target);

    while (*path && !is_in(image, path) && remove_stub(upper, path))
        *strrchr(path, '/') = '\0';
}

struct err *run_mounts_clean(struct step_mounts *m, const struct run_mounts_places *p, int upper,
                             const struct strs *chain)
{
    autoclose int image = -1;
    bool is_file;

    ASSERT_WORKER();
    if (chain->n)
        TRY(image_mount_open(p->store, chain, NULL, NULL, &image, &is_file));
    for (size_t i = m->n; i-- > 0;) {
        struct step_mount *one = &m->v[i];

        if (is_shown(one))
            remove_stubs(one->target, upper, image);
        if (one->folder && one->folder->name)
            err_drop(tree_size(p->caches, one->folder->name, &one->folder->bytes));
    }
    run_mounts_close(m);
    return NULL;
}
