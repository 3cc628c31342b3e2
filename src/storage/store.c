/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the store's directories and answers what layers there are. Workers and start-up.
 * Trap: a layer's directory appears under its chain id only by layer_commit's rename, after
 * syncfs; whatever lies in layers/tmp at start-up is a crash's left-over and goes to the trash,
 * where a worker removes it in the background.
 */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "core/quarantine.h"

#include "layer_record.h"
#include "overlay.h"
#include "tar_record.h"
#include "trash.h"

enum { DATA_ROOT_MODE = 0710, INNER_MODE = 0700 };

/* 128 random bits: no name of a crash, and none that a container could guess. */
void store_tmp_name(char out[TMP_NAME_MAX])
{
    char id[ID_MAX];

    id_random(id);
    snprintf(out, TMP_NAME_MAX, "%.32s", id);
}

static bool is_new(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
           (st.st_mode & S_ISVTX);
}

void store_note_known(int dir, const char *name)
{
    if (is_new(dir, name))
        (void)!fchmodat(dir, name, INNER_MODE, 0);
}

bool store_is_left_behind(int dir, const char *name, enum db_evidence evidence)
{
    return evidence == DB_WAS_GOING || (evidence == DB_KNOWS_NOTHING && is_new(dir, name));
}

struct err *store_open_dir(int dir, const char *name, int *out)
{
    int fd;

    ASSERT(dir >= 0);
    if (mkdirat(dir, name, INNER_MODE) < 0 && errno != EEXIST)
        return err_sys("make directory %s", name);
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys("open directory %s", name);
    *out = fd;
    return NULL;
}

/* ---- the init layer: what every root file system must have, below the image's own ---- */

struct init_entry {
    const char *path, *link;
    unsigned mode; /* with the type */
};

static const struct init_entry init_entries[] = {
    {"dev", NULL, S_IFDIR | 0755},
    {"proc", NULL, S_IFDIR | 0755},
    {"sys", NULL, S_IFDIR | 0755},
    {"etc", NULL, S_IFDIR | 0755},
    {"etc/hosts", NULL, S_IFREG | 0644},
    {"etc/hostname", NULL, S_IFREG | 0644},
    {"etc/resolv.conf", NULL, S_IFREG | 0644},
    {"etc/mtab", "/proc/mounts", S_IFLNK},
    {".dockerenv", NULL, S_IFREG | 0755},
};

/* An entry that a crash left half made gets its mode now. */
static int make_init_entry(int root, const struct init_entry *entry)
{
    int made = S_ISLNK(entry->mode)   ? symlinkat(entry->link, root, entry->path)
               : S_ISDIR(entry->mode) ? mkdirat(root, entry->path, 0700)
                                      : mknodat(root, entry->path, entry->mode, 0);

    if (made < 0 && errno != EEXIST)
        return -1;
    return S_ISLNK(entry->mode) ? 0 : fchmodat(root, entry->path, entry->mode & 07777, 0);
}

static struct err *make_init_layer(struct layer_store *s)
{
    autoclose int top = -1, root = -1, empty = -1;

    TRY(store_open_dir(s->layers, "init", &top));
    TRY(store_open_dir(top, "empty", &empty));
    TRY(store_open_dir(top, "diff", &root));
    if (fchmod(root, 0755) < 0)
        return err_sys("set the mode of the init layer");
    for (size_t i = 0; i < ARRAY_LEN(init_entries); i++)
        if (make_init_entry(root, &init_entries[i]) < 0)
            return err_sys("make %s in the init layer", init_entries[i].path);
    return NULL;
}

/* ---- start-up ---- */

/* Nothing in tmp/ has an owner when an engine starts. The trash is emptied later, in the
 * background: a start does not wait for it. */
static struct err *put_leftovers_aside(struct layer_store *s)
{
    autoarena struct arena *a = arena_create();
    struct strs names = {0};

    TRY(dir_names(a, s->tmp, &names));
    for (size_t i = 0; i < names.n; i++)
        TRY(trash_put(s->tmp, names.v[i], s->trash));
    return NULL;
}

static struct err *open_store_dirs(struct layer_store *s)
{
    autoclose int root = -1;

    TRY(dir_make_all(s->data_root, DATA_ROOT_MODE));
    root = open(s->data_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys("open the data root %s", s->data_root);
    TRY(store_open_dir(root, "layers", &s->layers));
    TRY(store_open_dir(s->layers, "tmp", &s->tmp));
    TRY(store_open_dir(root, "containers", &s->containers));
    TRY(store_open_dir(root, "trash", &s->trash));
    TRY(store_open_dir(root, "copies", &s->copies));
    TRY(make_init_layer(s));
    return put_leftovers_aside(s);
}

struct err *layer_store_open(const char *data_root, struct layer_store **out)
{
    struct layer_store *s;
    struct err *e;

    if (data_root[0] != '/')
        return err_new(ERR_INVALID, "the data root must be an absolute path: %s", data_root);
    s = mem_new(struct layer_store);
    s->magic = STORE_MAGIC;
    s->data_root = mem_strdup(data_root);
    s->overlay_way = overlay_way_of_kernel();
    s->layers = s->tmp = s->containers = s->trash = s->copies = -1;
    e = open_store_dirs(s);
    if (e) {
        layer_store_close(s);
        return err_wrap(e, "open the layer store");
    }
    *out = s;
    return NULL;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void layer_store_close(struct layer_store *s)
{
    if (!s)
        return;
    ASSERT(s->magic == STORE_MAGIC);
    s->magic = 0;
    close_if_open(s->layers);
    close_if_open(s->tmp);
    close_if_open(s->containers);
    close_if_open(s->trash);
    close_if_open(s->copies);
    free(s->data_root);
    free(s);
}

/* ---- layers ---- */

/* The OCI image specification's ChainID (of the configuration, "Layer ChainID"): what the layers up
 * to this one are, not this one alone. */
void layer_chain_id(const char *parent, const char *diff_id, char out[DIGEST_MAX])
{
    char text[2 * DIGEST_MAX];

    if (text_is_empty(parent)) {
        snprintf(out, DIGEST_MAX, "%s", diff_id);
        return;
    }
    snprintf(text, sizeof(text), "%s %s", parent, diff_id);
    digest_of(text, strlen(text), out);
}

/* layer.json is written before the directory gets its name, so it is there or the layer is not
 * whole. */
bool layer_exists(struct layer_store *s, const char *chain_id)
{
    char path[DIGEST_MAX + 16];

    ASSERT(s->magic == STORE_MAGIC && s->layers >= 0);
    if (!digest_is_valid(chain_id))
        return false;
    snprintf(path, sizeof(path), "%s/" LAYER_RECORD_NAME, digest_hex(chain_id));
    return faccessat(s->layers, path, F_OK, 0) == 0;
}

bool layer_has_record(struct layer_store *s, const char *chain_id)
{
    char path[DIGEST_MAX + 16];

    snprintf(path, sizeof(path), "%s/" TAR_RECORD_NAME, digest_hex(chain_id));
    return faccessat(s->layers, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int64_t layer_size(struct layer_store *s, const char *chain_id)
{
    autoarena struct arena *a = arena_create();
    struct layer_record record = {0};
    struct err *e;

    if (!digest_is_valid(chain_id))
        return -1;
    e = layer_record_read(a, s->layers, digest_hex(chain_id), &record);
    if (!e)
        return record.size;
    err_drop(e);
    return -1;
}

/* Its record first: what has none is no layer. */
static struct err *remove_in_place(struct layer_store *s, const char *hex)
{
    autofree char *record = mem_printf("%s/" LAYER_RECORD_NAME, hex);

    if (unlinkat(s->layers, record, 0) < 0 && errno != ENOENT)
        return err_sys("remove %s", record);
    return dir_remove_tree(s->layers, hex);
}

/* Out of sight by a rename first, durably: a layer whose files are half gone must never have its
 * name. */
struct err *layer_remove(struct layer_store *s, const char *chain_id)
{
    char name[TMP_NAME_MAX];

    ASSERT(s->magic == STORE_MAGIC);
    if (!digest_is_valid(chain_id))
        return err_new(ERR_INVALID, "invalid layer id %s", chain_id);
    store_tmp_name(name);
    if (renameat(s->layers, digest_hex(chain_id), s->tmp, name) < 0) {
        if (errno == ENOSPC || errno == EDQUOT) /* tmp/ had to grow */
            return remove_in_place(s, digest_hex(chain_id));
        return errno == ENOENT ? NULL : err_sys("remove layer %s", chain_id);
    }
    if (fsync(s->layers) < 0)
        return err_sys("remove layer %s", chain_id);
    return dir_remove_tree(s->tmp, name);
}

void layer_note_known(struct layer_store *s, const char *chain_id)
{
    store_note_known(s->layers, digest_hex(chain_id));
}

bool layer_is_left_behind(struct layer_store *s, const char *chain_id, enum db_evidence evidence)
{
    return store_is_left_behind(s->layers, digest_hex(chain_id), evidence);
}

void layer_quarantine(struct layer_store *s, const char *chain_id, struct quarantine *q)
{
    quarantine_put(q, s->layers, digest_hex(chain_id), "layer", digest_hex(chain_id));
}

struct err *layer_list(struct layer_store *s, struct arena *a, struct strs *out)
{
    struct strs names = {0}, found = {0};

    ASSERT(s->magic == STORE_MAGIC);
    TRY(dir_names(a, s->layers, &names));
    for (size_t i = 0; i < names.n; i++)
        if (id_is_valid(names.v[i]))
            strs_add(a, &found, arena_printf(a, "sha256:%s", names.v[i]));
    *out = found;
    return NULL;
}
