/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See cache_folders.h. A folder has its name only when it is whole. One that goes keeps its entry
 * until a worker has renamed it into the trash, so that nobody makes the same one meanwhile.
 */
#include "cache_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "container/container_table.h"
#include "container/parts.h"
#include "container/sweeper.h"
#include "core/loop.h"
#include "core/settings.h"
#include "storage/tree.h"

#include "cache.h"

#define PLACE "build-caches"
#define NOTE ".json" /* of the file beside a folder */
enum { PRIVATE_MAX = 1000, NOTE_BYTES_MAX = 64 << 10 };

struct cache_folder {
    char name[ID_MAX];
    char *id;
    int64_t bytes, created_ns, used_ns, uses;
    int users;
    bool is_locked; /* its user wants to be alone */
    bool is_going;
};

struct cache_folders {
    struct parts *parts;
    int dir, trash;
    struct map *all;     /* name → struct cache_folder */
    struct list waiting; /* struct folder_wait */
    int64_t bytes;
    int jobs;        /* on their way */
    bool is_stopped; /* the next engine empties the trash */
};

static const struct jfield note_fields[] = {
    J(J_STR, struct cache_folder, id, "id"),
    J(J_I64, struct cache_folder, bytes, "bytes"),
    J(J_I64, struct cache_folder, created_ns, "createdNs"),
    J(J_I64, struct cache_folder, used_ns, "usedNs"),
    J(J_I64, struct cache_folder, uses, "uses"),
    J_END,
};
static const struct jtable note_json = {sizeof(struct cache_folder), note_fields};

static void folder_free(struct cache_folder *f)
{
    free(f->id);
    free(f);
}

static void forget(struct cache_folders *all, struct cache_folder *f)
{
    map_take(all->all, f->name);
    all->bytes -= f->bytes;
    folder_free(f);
}

static void wake(struct cache_folders *f)
{
    struct list due;

    list_init(&due);
    while (!list_is_empty(&f->waiting)) {
        struct folder_wait *w = list_first(&f->waiting, struct folder_wait, link);

        list_remove(&w->link);
        list_append(&due, &w->link);
    }
    while (!list_is_empty(&due)) {
        struct folder_wait *w = list_first(&due, struct folder_wait, link);

        list_remove(&w->link);
        w->fn(w);
    }
}

/* ---- what workers write ---- */

struct folder_job {
    struct job job;
    struct cache_folders *folders;
    struct cache_folder *folder; /* that goes; NULL: its note is written */
    char name[ID_MAX];
    char *note;
    struct err *err;
};

static struct folder_job *job_create(struct cache_folders *f, const char *name)
{
    struct folder_job *j = mem_new(struct folder_job);

    j->folders = f;
    snprintf(j->name, sizeof(j->name), "%s", name);
    f->jobs++;
    return j;
}

static void job_end(struct folder_job *j, const char *what)
{
    if (j->err)
        log_warn(what, KV("folder", j->name), KV("error", err_text(j->err)));
    err_drop(j->err);
    j->folders->jobs--;
    free(j->note);
    free(j);
}

static void run_note(struct job *job)
{
    struct folder_job *j = container_of(job, struct folder_job, job);
    autofree char *name = mem_printf("%s" NOTE, j->name);

    j->err = file_write_atomic(j->folders->dir, name, j->note, strlen(j->note), 0600, false);
}

static void on_noted(struct job *job)
{
    job_end(container_of(job, struct folder_job, job), "a cache of builds cannot be noted");
}

static void save(struct cache_folders *all, const struct cache_folder *f)
{
    autoarena struct arena *a = arena_create();
    struct folder_job *j = job_create(all, f->name);

    j->note = mem_strdup(json_encode(a, &note_json, f));
    j->job.run = run_note;
    j->job.done = on_noted;
    pool_submit(all->parts->pools, POOL_DISK, &j->job);
}

static struct err *put_away(const struct cache_folders *f, const char *name)
{
    autofree char *note = mem_printf("%s" NOTE, name);
    char new_name[ID_MAX];

    id_random(new_name);
    if (renameat(f->dir, name, f->trash, new_name) < 0 && errno != ENOENT)
        return err_sys("remove the cache %s of builds", name);
    unlinkat(f->dir, note, 0);
    return NULL;
}

static void run_removal(struct job *job)
{
    struct folder_job *j = container_of(job, struct folder_job, job);

    j->err = put_away(j->folders, j->name);
}

static void on_removed(struct job *job)
{
    struct folder_job *j = container_of(job, struct folder_job, job);
    struct cache_folders *all = j->folders;

    if (j->err)
        j->folder->is_going = false; /* it is still there, and of use */
    else
        forget(all, j->folder);
    job_end(j, "a cache of builds cannot be removed");
    if (!all->is_stopped)
        sweeper_ask(all->parts->containers->sweeper);
    wake(all);
}

static void drop(struct cache_folders *all, struct cache_folder *f)
{
    struct folder_job *j = job_create(all, f->name);

    f->is_going = true;
    j->folder = f;
    j->job.run = run_removal;
    j->job.done = on_removed;
    pool_submit(all->parts->pools, POOL_DISK, &j->job);
}

static bool is_idle(const struct cache_folder *f)
{
    return !f->users && !f->is_going;
}

static struct cache_folder *least_used(const struct cache_folders *all)
{
    struct cache_folder *least = NULL;
    size_t cursor = 0;
    void *v;

    while (map_next(all->all, &cursor, NULL, &v)) {
        struct cache_folder *f = v;

        if (is_idle(f) && (!least || f->used_ns < least->used_ns))
            least = f;
    }
    return least;
}

/* One at a time: the next look is when that is gone, or something else is let go. */
static void keep_bounds(struct cache_folders *all)
{
    struct cache_folder *f;

    if (all->bytes <= CACHE_FOLDERS_BYTES_MAX && map_count(all->all) <= CACHE_FOLDERS_MAX)
        return;
    f = least_used(all);
    if (f)
        drop(all, f);
}

/* ---- start-up ---- */

static struct err *read_note(struct cache_folders *all, struct arena *a, const char *name,
                             struct cache_folder *f)
{
    struct cache_folder said = {0};
    char *text;
    size_t n;

    TRY(file_read(a, all->dir, arena_printf(a, "%s" NOTE, name), NOTE_BYTES_MAX, &text, &n));
    TRY(json_decode(a, text, n, &note_json, &said));
    f->id = mem_strdup(said.id ? said.id : "");
    f->bytes = said.bytes > 0 ? said.bytes : 0;
    f->created_ns = said.created_ns;
    f->used_ns = said.used_ns;
    f->uses = said.uses;
    return NULL;
}

/* Without its note it is as good as another, but nothing is known of it. */
static void load(struct cache_folders *all, struct arena *a, const char *name)
{
    struct cache_folder *f = mem_new(struct cache_folder);
    struct err *e;

    snprintf(f->name, sizeof(f->name), "%s", name);
    e = read_note(all, a, name, f);
    if (e && !f->id)
        f->id = mem_strdup("");
    err_drop(e);
    map_put(all->all, f->name, f);
    all->bytes += f->bytes;
}

static struct err *load_all(struct cache_folders *all)
{
    autoarena struct arena *a = arena_create();
    struct strs names = {0};

    TRY(dir_names(a, all->dir, &names));
    for (size_t i = 0; i < names.n; i++) {
        const char *name = names.v[i];

        if (id_is_valid(name))
            load(all, a, name);
        else if (!text_ends(name, NOTE)) /* not finished */
            TRY(put_away(all, name));
    }
    return NULL;
}

static struct err *open_places(struct cache_folders *all, const char *data_root)
{
    autoarena struct arena *a = arena_create();
    const char *path = path_join(a, data_root, PLACE);

    TRY(dir_make_all(path, 0700));
    all->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (all->dir >= 0)
        all->trash = open(path_join(a, data_root, "trash"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return all->trash < 0 ? err_sys("open the caches of builds") : NULL;
}

struct err *cache_folders_open(struct parts *p, struct cache_folders **out)
{
    struct cache_folders *all = mem_new(struct cache_folders);
    struct err *e;

    all->parts = p;
    all->dir = all->trash = -1;
    all->all = map_create();
    list_init(&all->waiting);
    e = open_places(all, p->settings->data_root);
    if (!e)
        e = load_all(all);
    if (e) {
        cache_folders_close(all);
        return e;
    }
    *out = all;
    return NULL;
}

void cache_folders_stop(struct cache_folders *all)
{
    ASSERT_LOOP();
    all->is_stopped = true;
}

void cache_folders_close(struct cache_folders *all)
{
    size_t cursor = 0;
    void *f;

    if (!all)
        return;
    ASSERT(!all->jobs && list_is_empty(&all->waiting));
    while (map_next(all->all, &cursor, NULL, &f))
        folder_free(f);
    map_destroy(all->all);
    if (all->dir >= 0)
        close(all->dir);
    if (all->trash >= 0)
        close(all->trash);
    free(all);
}

int cache_folders_dir(const struct cache_folders *f)
{
    return f->dir;
}

/* ---- users ---- */

static void name_of(const char *id, int n, char out[ID_MAX])
{
    struct sha256 *hash = sha256_create();
    char digest[DIGEST_MAX], number[16];

    snprintf(number, sizeof(number), "%d", n);
    sha256_add(hash, id, strlen(id) + 1);
    sha256_add(hash, number, strlen(number));
    sha256_end(hash, digest);
    snprintf(out, ID_MAX, "%s", digest_hex(digest));
}

static struct cache_folder *folder_of(struct cache_folders *all, const char *id, int n)
{
    char name[ID_MAX];
    struct cache_folder *f;

    name_of(id, n, name);
    f = map_get(all->all, name);
    if (f && !*f->id) { /* its note was lost */
        free(f->id);
        f->id = mem_strdup(id);
    }
    if (f)
        return f;
    f = mem_new(struct cache_folder);
    memcpy(f->name, name, sizeof(f->name));
    f->id = mem_strdup(id);
    f->created_ns = f->used_ns = clock_wall_ns();
    map_put(all->all, f->name, f);
    return f;
}

static bool is_among(const struct folder_use *v, size_t n, const struct cache_folder *f)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].folder == f)
            return true;
    return false;
}

/* The first that nobody has, of as many as are wanted at once. */
static struct cache_folder *choose_private(struct cache_folders *all, const struct folder_use *v,
                                           size_t i)
{
    for (int n = 0; n < PRIVATE_MAX; n++) {
        struct cache_folder *f = folder_of(all, v[i].id, n);

        if (is_idle(f) && !is_among(v, i, f))
            return f;
    }
    return NULL;
}

/* NULL: not now. */
static struct cache_folder *choose(struct cache_folders *all, const struct folder_use *v, size_t i)
{
    struct cache_folder *f;

    if (v[i].sharing == SHARING_PRIVATE)
        return choose_private(all, v, i);
    f = folder_of(all, v[i].id, 0);
    if (f->is_going || f->is_locked || (v[i].sharing == SHARING_LOCKED && f->users))
        return NULL;
    return f;
}

bool cache_folders_hold(struct cache_folders *all, struct folder_use *v, size_t n,
                        struct folder_wait *w)
{
    ASSERT_LOOP();
    for (size_t i = 0; i < n; i++) {
        v[i].folder = choose(all, v, i);
        if (v[i].folder)
            continue;
        while (i-- > 0)
            v[i].folder = NULL;
        list_append(&all->waiting, &w->link);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct cache_folder *f = v[i].folder;

        f->users++;
        f->is_locked |= v[i].sharing == SHARING_LOCKED;
        f->uses++;
        f->used_ns = clock_wall_ns();
        v[i].name = f->name;
        v[i].bytes = -1;
    }
    return true;
}

void cache_folders_leave(struct folder_wait *w)
{
    if (list_is_linked(&w->link))
        list_remove(&w->link);
}

void cache_folders_let_go(struct cache_folders *all, struct folder_use *v, size_t n)
{
    bool was_held = false;

    ASSERT_LOOP();
    for (size_t i = 0; i < n; i++) {
        struct cache_folder *f = steal_ptr(&v[i].folder);

        if (!f)
            continue;
        was_held = true;
        f->is_locked &= --f->users > 0;
        if (v[i].bytes >= 0) {
            all->bytes += v[i].bytes - f->bytes;
            f->bytes = v[i].bytes;
        }
        save(all, f);
    }
    if (!was_held)
        return;
    keep_bounds(all);
    wake(all);
}

/* ---- the folder (worker) ---- */

static struct err *fill(int dir, const char *name, const struct folder_owner *owner, int content)
{
    autoclose int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return err_sys("open a cache of builds");
    if (content >= 0)
        TRY(tree_copy(content, fd));
    if (fchown(fd, owner->uid, owner->gid) < 0 || fchmod(fd, owner->mode) < 0)
        return err_sys("set the owner of a cache of builds");
    return NULL;
}

struct err *cache_folder_make(int dir, const char *name, const struct folder_owner *owner,
                              int content)
{
    char id[ID_MAX], draft[ID_MAX + 8];
    struct err *e;

    ASSERT_WORKER();
    if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return NULL;
    id_random(id);
    snprintf(draft, sizeof(draft), "new-%s", id);
    if (mkdirat(dir, draft, 0700) < 0)
        return err_sys("make a cache of builds");
    e = fill(dir, draft, owner, content);
    if (!e && renameat2(dir, draft, dir, name, RENAME_NOREPLACE) < 0 && errno != EEXIST)
        e = err_sys("name a cache of builds");
    err_drop(dir_remove_tree(dir, draft)); /* nothing, when it has its name */
    return e;
}

/* ---- what users see ---- */

static bool is_asked(const struct build_prune *p, const struct cache_folder *f)
{
    return is_idle(f) && cache_item_is_asked(p, f->name, f->used_ns);
}

static int by_use(const void *a, const void *b)
{
    int64_t left = (*(struct cache_folder *const *)a)->used_ns,
            right = (*(struct cache_folder *const *)b)->used_ns;

    return left < right ? -1 : left > right;
}

void cache_folders_prune(struct cache_folders *all, struct arena *a, const struct build_prune *p,
                         struct strs *deleted, int64_t *bytes)
{
    size_t n = 0, cursor = 0;
    struct cache_folder **asked = arena_array(a, map_count(all->all) + 1, sizeof(*asked));
    int64_t left = all->bytes;
    void *v;

    while (map_next(all->all, &cursor, NULL, &v))
        if (is_asked(p, v))
            asked[n++] = v;
    qsort(asked, n, sizeof(*asked), by_use);
    for (size_t i = 0; i < n && (!p->keep_bytes || left > p->keep_bytes); i++) {
        strs_add(a, deleted, asked[i]->name);
        *bytes += asked[i]->bytes;
        left -= asked[i]->bytes;
        drop(all, asked[i]);
    }
}

void cache_folders_write(const struct cache_folders *all, struct jw *w, int api_version)
{
    size_t cursor = 0;
    void *v;

    while (map_next(all->all, &cursor, NULL, &v)) {
        const struct cache_folder *f = v;
        const struct cache_item item = {
            .key = f->name,
            .type = "exec.cachemount",
            .what = f->id,
            .is_in_use = f->users > 0,
            .bytes = f->bytes,
            .created_ns = f->created_ns,
            .used_ns = f->used_ns,
            .uses = f->uses,
        };

        cache_item_write(&item, w, api_version);
    }
}
