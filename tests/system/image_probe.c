/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the image table without an engine: one command a run, on a data root of its own.
 *     image_probe DATA_ROOT pull REF [PLATFORM [AUTH]]    image_probe DATA_ROOT load FILE
 *     image_probe DATA_ROOT pull-all REPOSITORY
 *     image_probe DATA_ROOT import FILE REPO CHANGE...    image_probe DATA_ROOT tag REF REPO TAG
 *     image_probe DATA_ROOT rmi REF [force]               image_probe DATA_ROOT ls|inspect|history
 * Environment: INSECURE and MIRRORS (lists with commas), CANCEL_AFTER (progress lines), USED_BY
 * (running or stopped: a container uses what rmi is to remove), PULL_TWICE (at the same time), QUIT
 * (CANCEL_AFTER stops the loop instead, as the end of an engine would).
 * Progress lines go to stdout, the error's kind and text to stderr; exit code 1 on error.
 */
/* links: image */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/ref.h"
#include "core/db.h"
#include "core/events.h"
#include "core/loop.h"
#include "core/op.h"
#include "core/settings.h"
#include "image/image.h"
#include "storage/layer.h"

enum { LINGER_MS = 100 };

struct probe {
    struct arena *arena;
    struct loop *loop;
    struct pools *pools;
    struct ops *ops;
    struct db *db;
    struct events *events;
    struct layer_store *layers;
    struct image_table *images;
    struct settings settings;
    struct events_sub sub;
    struct image_job *job;
    struct timer timer;
    int lines, cancel_after, running, argc, failed;
    char **argv;
    struct timer linger;
};

static void need(struct err *e)
{
    if (!e)
        return;
    fprintf(stderr, "start-up: %s\n", err_text(e));
    exit(2);
}

static void on_linger(struct timer *t)
{
    loop_stop(container_of(t, struct probe, linger)->loop);
}

static void end(struct probe *p, struct err *err)
{
    if (err) {
        fprintf(stderr, "error %d: %s\n", (int)err_kind(err), err_text(err));
        p->failed = 1;
    }
    err_drop(err);
    if (--p->running == 0) /* removals in the background end first */
        timer_set(p->loop, &p->linger, LINGER_MS, on_linger);
}

static void on_progress(void *ctx, const char *json)
{
    struct probe *p = ctx;

    puts(json);
    if (!p->cancel_after || ++p->lines != p->cancel_after)
        return;
    if (getenv("QUIT")) /* the engine stops in the middle */
        loop_stop(p->loop);
    else
        image_job_cancel(p->job);
}

static void on_image(void *ctx, struct err *err, struct image *image)
{
    if (image)
        printf("# %s\n", image_id(image));
    end(ctx, err);
}

static void on_removed(void *ctx, struct err *err, const char *json)
{
    if (json)
        puts(json);
    end(ctx, err);
}

static void on_event(void *ctx, const struct event *e)
{
    (void)ctx;
    printf("# event %s %s %s\n", e->action, e->id, pairs_get(&e->attrs, "name"));
}

static void show(struct probe *p, struct image *i, const char *how)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    if (!strcmp(how, "inspect"))
        image_write_inspect(i, &w, 141);
    else if (!strcmp(how, "history"))
        image_write_history(i, &w);
    else
        image_write_summary(i,
                            &(struct image_shown){.tags = image_tags(i),
                                                  .digests = image_digests(i),
                                                  .shared_bytes = -1,
                                                  .containers = (int64_t)image_users(i),
                                                  .api_version = 151},
                            &w);
    puts(b.data);
    (void)p;
}

static void show_all(struct probe *p, const char *how)
{
    size_t cursor = 0;
    struct image *i = NULL;
    struct err *e = NULL;

    if (p->argc > 3) {
        e = image_find(p->images, p->argv[3], &i);
        if (!e)
            show(p, i, how);
    } else {
        while ((i = image_next(p->images, &cursor)))
            show(p, i, how);
    }
    end(p, e);
}

static void use_image(struct probe *p, const char *how)
{
    struct image *i;

    need(image_find(p->images, p->argv[3], &i));
    image_ref(i, "c0ffee0123456789c0ffee0123456789c0ffee0123456789c0ffee0123456789",
              !strcmp(how, "running"));
}

/* With the tag that clients add to a name alone. */
static const char *tagged(struct probe *p, const char *name)
{
    struct ref ref = {0};
    autoerr struct err *bad = ref_parse(p->arena, name, &ref);

    return bad || ref.tag || ref.digest ? name : arena_printf(p->arena, "%s:latest", name);
}

static void pull(struct probe *p, const char *name)
{
    struct registry_auth auth;
    const char *platform = p->argc > 4 && *p->argv[4] ? p->argv[4] : NULL;

    registry_auth_parse(p->arena, p->argc > 5 ? p->argv[5] : "", &auth);
    if (getenv("PULL_TWICE")) {
        p->running++;
        image_pull(p->images, name, platform, &auth, on_progress, on_image, p);
    }
    p->job = image_pull(p->images, name, platform, &auth, on_progress, on_image, p);
}

static void run_import(struct probe *p, int fd)
{
    struct image_import r = {.repo = p->argv[4], .message = "probe"};

    for (int n = 5; n < p->argc; n++)
        strs_add(p->arena, &r.changes, p->argv[n]);
    p->job = image_import(p->images, fd, &r, on_progress, on_image, p);
}

static void on_begin(struct timer *t)
{
    struct probe *p = container_of(t, struct probe, timer);
    const char *verb = p->argv[2], *user = getenv("USED_BY");
    int fd = -1;

    p->running = 1;
    if (!strcmp(verb, "load") || !strcmp(verb, "import"))
        fd = open(p->argv[3], O_RDONLY | O_CLOEXEC);
    if (user)
        use_image(p, user);
    if (!strcmp(verb, "pull"))
        pull(p, tagged(p, p->argv[3]));
    else if (!strcmp(verb, "pull-all"))
        pull(p, p->argv[3]);
    else if (!strcmp(verb, "load"))
        p->job = image_load(p->images, fd, false, NULL, on_progress, on_image, p);
    else if (!strcmp(verb, "import"))
        run_import(p, fd);
    else if (!strcmp(verb, "tag"))
        image_tag(p->images, p->argv[3], p->argv[4], p->argv[5], on_image, p);
    else if (!strcmp(verb, "rmi"))
        image_remove(p->images, p->argv[3], p->argc > 4, false, on_removed, p);
    else
        show_all(p, verb);
}

static void open_parts(struct probe *p, char *root)
{
    const char *insecure = getenv("INSECURE"), *mirrors = getenv("MIRRORS");

    if (insecure)
        p->settings.insecure_registries = text_split(p->arena, insecure, ',');
    if (mirrors)
        p->settings.registry_mirrors = text_split(p->arena, mirrors, ',');
    p->settings.max_concurrent_downloads = 3;
    p->settings.max_download_attempts = 5;
    need(dir_make_all(root, 0710));
    p->loop = loop_create();
    p->pools = pools_create(p->loop, 2, 4);
    p->ops = ops_create(p->loop, p->pools, 64);
    p->events = events_create();
    need(db_open(p->loop, path_join(p->arena, root, "state.db"), &p->db));
    need(layer_store_open(root, &p->layers));
    need(image_table_open(p->layers, p->loop, p->pools, p->ops, p->db, p->events, &p->settings,
                          root, &p->images));
    image_table_sweep(p->images);
}

static void close_parts(struct probe *p)
{
    image_table_stop(p->images);
    pools_destroy(p->pools);
    image_table_close(p->images);
    layer_store_close(p->layers);
    db_close(p->db);
    events_unsubscribe(&p->sub);
    events_destroy(p->events);
    ops_destroy(p->ops);
    loop_destroy(p->loop);
}

int main(int argc, char **argv)
{
    struct probe p = {.argc = argc, .argv = argv};
    int64_t begun_ns;

    if (argc < 3)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_set_level(getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN);
    p.arena = arena_create();
    p.cancel_after = getenv("CANCEL_AFTER") ? (int)strtol(getenv("CANCEL_AFTER"), NULL, 10) : 0;
    open_parts(&p, argv[1]);
    p.sub.fn = on_event;
    events_subscribe(p.events, &p.sub);
    begun_ns = clock_boot_ns();
    timer_set(p.loop, &p.timer, 0, on_begin);
    loop_run(p.loop);
    printf("# %lld ms\n", (long long)((clock_boot_ns() - begun_ns) / NS_PER_MS) - LINGER_MS);
    close_parts(&p);
    arena_destroy(p.arena);
    return p.failed;
}
