/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may come back: a document that was salvaged, if what it speaks of is there. A container and
 * a volume need their folder, an image all of its layers; each may lie in quarantine, from where it
 * is taken back. Folders that no document is left for go to quarantine now: the next engine must
 * not take them for a crash's left-overs. Start-up, blocking; prints to stdout.
 */
#include "recover/salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/map.h"
#include "core/db_salvage.h"
#include "core/quarantine.h"
#include "image/image.h"
#include "storage/layer.h"
#include "storage/rootfs.h"

struct rescue {
    struct arena *arena;
    const char *db_path;
    int root, quarantine; /* quarantine: -1, there is none */
    struct salvage *salvage;
    struct map *wanted; /* "kind/id" */
    struct map *names;  /* of containers that come back */
    struct map *layers; /* of images that come back: chain ids */
    int n_back, n_from_elsewhere, n_not;
};

/* ---- folders ---- */

static bool is_folder(int dir, const char *path)
{
    struct stat st;

    return dir >= 0 && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Whether root/place/name is there, or is now, out of quarantine. */
static bool has_folder(struct rescue *r, const char *place, const char *name, const char *kind)
{
    const char *path = arena_printf(r->arena, "%s/%s", place, name);
    const char *away = arena_printf(r->arena, "%s-%.200s", kind, name);

    if (is_folder(r->root, path))
        return true;
    if (!is_folder(r->quarantine, away) ||
        renameat2(r->quarantine, away, r->root, path, RENAME_NOREPLACE) < 0)
        return false;
    printf("  %s taken out of " QUARANTINE_NAME "\n", path);
    return true;
}

/* ---- documents ---- */

/* A damaged key may be of any bytes. */
static const char *title_of(struct rescue *r, const struct salvaged *d)
{
    bool is_image = !strcmp(d->kind, "image") && digest_is_valid(d->id);
    char *title = is_image             ? arena_printf(r->arena, "image %.12s", digest_hex(d->id))
                  : id_is_valid(d->id) ? arena_printf(r->arena, "%s %.12s", d->kind, d->id)
                                       : arena_printf(r->arena, "%s %.64s", d->kind, d->id);

    for (char *at = title; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return title;
}

/* What a whole database says is for its engine to judge. */
static bool is_given(const struct rescue *r, const struct salvaged *d)
{
    return !r->salvage->why && d->source == FROM_DATABASE;
}

static void refuse(struct rescue *r, const struct salvaged *d, const char *why)
{
    if (is_given(r, d))
        return;
    printf("  not brought back: %s: %s\n", title_of(r, d), why);
    r->n_not++;
}

static bool judge_container(struct rescue *r, struct salvaged *d)
{
    const struct json *j;
    autoerr struct err *err = json_parse(r->arena, d->json, strlen(d->json), &j);
    const char *name = err ? NULL : json_str(json_get(j, "Name"));

    if (!name || !id_is_valid(d->id) || !text_same(json_str(json_get(j, "Id")), d->id))
        refuse(r, d, "its document cannot be read");
    else if (map_get(r->names, name))
        refuse(r, d, arena_printf(r->arena, "another container has its name %s", name));
    else if (!has_folder(r, "containers", d->id, "container"))
        refuse(r, d, "its folder is gone");
    else
        return map_put(r->names, name, d) == NULL;
    return false;
}

static bool judge_image(struct rescue *r, struct salvaged *d)
{
    struct strs chain = {0};
    char id[DIGEST_MAX];
    autoerr struct err *err = image_document_layers(r->arena, d->json, id, &chain);

    if (err || strcmp(id, d->id) != 0) {
        refuse(r, d, "its document is not what its id says");
        return false;
    }
    for (size_t i = 0; i < chain.n; i++) {
        if (has_folder(r, "layers", digest_hex(chain.v[i]), "layer"))
            continue;
        refuse(r, d, arena_printf(r->arena, "its layer %.12s is gone", digest_hex(chain.v[i])));
        return false;
    }
    for (size_t i = 0; i < chain.n; i++)
        map_put(r->layers, chain.v[i], d);
    return true;
}

static bool judge_volume(struct rescue *r, struct salvaged *d)
{
    if (has_folder(r, "volumes", d->id, "volume"))
        return true;
    refuse(r, d, "its folder is gone");
    return false;
}

static bool judge_network(struct rescue *r, struct salvaged *d)
{
    const struct json *j;
    autoerr struct err *err = json_parse(r->arena, d->json, strlen(d->json), &j);

    if (!err && text_same(json_str(json_get(j, "Id")), d->id))
        return true;
    refuse(r, d, "its document cannot be read");
    return false;
}

static const struct {
    const char *kind;
    bool (*judge)(struct rescue *r, struct salvaged *d);
} kinds[] = {
    {"image", judge_image},
    {"volume", judge_volume},
    {"network", judge_network},
    {"container", judge_container},
};

static void judge(struct rescue *r, struct salvaged *d,
                  bool (*fn)(struct rescue *, struct salvaged *))
{
    static const char *const from[] = {
        [FROM_COPY] = "its copy",
        [FROM_QUARANTINE] = QUARANTINE_NAME,
        [FROM_DATABASE_UNCHECKED] = "a damaged page: look at it, its content may have changed",
    };

    d->is_wanted = fn(r, d) || is_given(r, d);
    if (!d->is_wanted)
        return;
    map_put(r->wanted, arena_printf(r->arena, "%s/%s", d->kind, d->id), d);
    r->n_back++;
    if (d->source == FROM_DATABASE)
        return;
    r->n_from_elsewhere++;
    printf("  %s came back from %s\n", title_of(r, d), from[d->source]);
}

/* Images first: by the order of the table, then by age. Names go to what the database says. */
static void judge_all(struct rescue *r)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        for (int is_elsewhere = 0; is_elsewhere <= 1; is_elsewhere++)
            list_each (d, &r->salvage->documents, struct salvaged, link)
                if (!strcmp(d->kind, kinds[i].kind) &&
                    (d->source != FROM_DATABASE) == (bool)is_elsewhere)
                    judge(r, d, kinds[i].judge);
}

/* ---- what no document is left for ---- */

static void put_away(struct rescue *r, const char *place, const char *name, const char *kind)
{
    struct quarantine *q = quarantine_create(r->db_path);
    autoclose int dir = openat(r->root, place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir >= 0)
        quarantine_put(q, dir, name, kind, name);
    quarantine_destroy(q);
    printf(
        "  not brought back: %s %.12s: no document of it is left; its files are in " QUARANTINE_NAME
        "/%s-%s\n",
        kind, name, kind, name);
    r->n_not++;
}

static struct err *sweep_containers(struct rescue *r, struct layer_store *store)
{
    struct strs ids = {0};

    TRY(rootfs_list(store, r->arena, &ids));
    for (size_t i = 0; i < ids.n; i++)
        if (!map_get(r->wanted, arena_printf(r->arena, "container/%s", ids.v[i])) &&
            !salvage_was_going(r->arena, r->db_path, "container", ids.v[i]))
            put_away(r, "containers", ids.v[i], "container");
    return NULL;
}

static struct err *sweep_layers(struct rescue *r, struct layer_store *store)
{
    struct strs chains = {0};

    TRY(layer_list(store, r->arena, &chains));
    for (size_t i = 0; i < chains.n; i++)
        if (!map_get(r->layers, chains.v[i]))
            put_away(r, "layers", digest_hex(chains.v[i]), "layer");
    return NULL;
}

/* Of a whole database the engine knows best what is left over. */
static struct err *sweep(struct rescue *r, const char *data_root)
{
    struct layer_store *store;
    struct err *err;

    if (!r->salvage->why)
        return NULL;
    TRY(layer_store_open(data_root, &store));
    err = sweep_containers(r, store);
    if (!err)
        err = sweep_layers(r, store);
    layer_store_close(store);
    return err;
}

/* The documents that are in the database again. */
static void clear_quarantine(struct rescue *r)
{
    list_each (d, &r->salvage->documents, struct salvaged, link)
        if (d->is_wanted && r->quarantine >= 0)
            unlinkat(r->quarantine, arena_printf(r->arena, "%s-%.200s.json", d->kind, d->id), 0);
}

/* ---- the whole ---- */

static void report(const struct rescue *r)
{
    const struct salvage *s = r->salvage;

    if (s->set_aside)
        printf("the damaged state file was set aside as %s\n", s->set_aside);
    if (!s->why && !s->set_aside && !r->n_from_elsewhere) {
        printf("nothing had to be recovered\n");
        return;
    }
    printf("%d documents are in the state file, %d of them not from the damaged one; %d did not "
           "come back\n",
           r->n_back, r->n_from_elsewhere, r->n_not);
    printf("the engine can be started as usual\n");
}

static struct err *rescue(struct rescue *r, const char *data_root)
{
    TRY(salvage_read(r->db_path, &r->salvage));
    if (r->salvage->why)
        printf("%s\n", r->salvage->why);
    judge_all(r);
    TRY(sweep(r, data_root));
    if (r->salvage->why || r->n_from_elsewhere)
        TRY(salvage_write(r->salvage, r->db_path));
    clear_quarantine(r);
    report(r);
    return NULL;
}

struct err *salvage_data_root(const char *data_root)
{
    struct rescue r = {.arena = arena_create(),
                       .wanted = map_create(),
                       .names = map_create(),
                       .layers = map_create()};
    struct err *err;

    r.db_path = path_join(r.arena, data_root, "state.db");
    r.root = open(data_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r.quarantine = openat(r.root, QUARANTINE_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err = r.root < 0 ? err_sys("open %s", data_root) : rescue(&r, data_root);
    if (r.root >= 0)
        close(r.root);
    if (r.quarantine >= 0)
        close(r.quarantine);
    salvage_destroy(r.salvage);
    map_destroy(r.wanted);
    map_destroy(r.names);
    map_destroy(r.layers);
    arena_destroy(r.arena);
    return err;
}

/* ---- before a start ---- */

struct err *salvage_check_presence(const char *data_root)
{
    autoarena struct arena *a = arena_create();
    struct layer_store *store;
    struct strs ids = {0};
    struct stat st;
    struct err *err;

    if (stat(path_join(a, data_root, "state.db"), &st) == 0 && st.st_size > 0)
        return NULL;
    TRY(layer_store_open(data_root, &store));
    err = rootfs_list(store, a, &ids);
    if (!err && !ids.n)
        err = layer_list(store, a, &ids);
    layer_store_close(store);
    if (!err && ids.n)
        err = err_new(ERR_INTERNAL,
                      "the state file of %s is missing or empty, but there are containers or "
                      "layers: run 'berthd --recover' with the same --data-root",
                      data_root);
    return err;
}
