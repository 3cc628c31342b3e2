/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See settings_reload.h. What was read stays in memory until the engine ends: operations under way
 * may hold its texts. That is some KB for each reload that changed something, which root asked for.
 */
#include "settings_reload.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "core/events.h"
#include "core/loop.h"
#include "image/image.h"

#include "engine.h"

struct settings_reload {
    struct job job;
    struct list link; /* of the engine, once it counts */
    struct engine *engine;
    struct arena *arena;
    struct settings settings;
    struct err *err;
    struct strs taken, later; /* "debug: false -> true" */
};

static void free_reload(struct settings_reload *r)
{
    list_remove(&r->link);
    arena_destroy(r->arena);
    free(r);
}

static void read_again(struct job *job)
{
    struct settings_reload *r = container_of(job, struct settings_reload, job);
    const struct engine *e = r->engine;

    r->err = engine_read_settings(r->arena, e->argc, e->argv, &r->settings);
}

static void note_change(void *ctx, const struct settings_change *c)
{
    struct settings_reload *r = ctx;

    strs_add(r->arena, c->is_taken ? &r->taken : &r->later,
             arena_printf(r->arena, "%s: %s -> %s", c->key, c->from, c->to));
}

/* ---- the event, as dockerd's ---- */

static const char *bool_text(bool is_on)
{
    return is_on ? "true" : "false";
}

/* A list as Go's JSON has it: "[]", "[\"a\",\"b\"]". */
static char *list_text(struct arena *a, const struct strs *list)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_arr(&w, NULL);
    for (size_t i = 0; i < list->n; i++)
        jw_str(&w, NULL, list->v[i]);
    jw_arr_end(&w);
    return arena_strdup(a, b.data);
}

static void publish(struct engine *e)
{
    const struct settings *s = &e->settings;
    autoarena struct arena *a = arena_create();
    struct event ev = {.type = "daemon", .action = "reload", .id = e->parts.engine_id};
    struct pairs *to = &ev.attrs;
    char host[HOST_NAME_MAX + 1] = "";

    gethostname(host, sizeof(host) - 1);
    pairs_set(a, to, "allow-nondistributable-artifacts", "[]");
    pairs_set(a, to, "debug", bool_text(s->debug));
    pairs_set(a, to, "default-ipc-mode", s->ipc_mode);
    pairs_set(a, to, "default-runtime", "runc");
    pairs_set(
        a, to, "default-shm-size",
        arena_printf(a, "%lld", s->shm_size.is_set ? (long long)s->shm_size.value : 64ll << 20));
    pairs_set(a, to, "insecure-registries", list_text(a, &s->insecure_registries));
    pairs_set(a, to, "labels", list_text(a, &s->labels));
    pairs_set(a, to, "live-restore", "true");
    pairs_set(a, to, "log-level", s->log_level);
    pairs_set(a, to, "max-concurrent-downloads",
              arena_printf(a, "%d", s->max_concurrent_downloads));
    pairs_set(a, to, "max-concurrent-uploads", arena_printf(a, "%d", s->max_concurrent_uploads));
    pairs_set(a, to, "max-download-attempts", arena_printf(a, "%d", s->max_download_attempts));
    pairs_set(a, to, "name", host);
    pairs_set(a, to, "registry-mirrors", list_text(a, &s->registry_mirrors));
    pairs_set(a, to, "runtimes", "runc:{\"path\":\"berth-keeper\"}");
    pairs_set(a, to, "shutdown-timeout", arena_printf(a, "%d", s->shutdown_timeout_s));
    events_publish(e->parts.events, &ev);
}

/* ---- what was read ---- */

/* At whichever of the two levels shows it: who silences the log wants to know that, too. */
static void say(const struct settings_reload *r)
{
    const struct settings *s = &r->engine->settings;
    bool was_on = log_is_on(LOG_LEVEL_INFO);

    if (!was_on)
        settings_set_log_level(s);
    log_info("the configuration was read again", KV("file", s->config_file),
             KV("changed", r->taken.n ? strs_join(r->arena, &r->taken, ", ") : "nothing"));
    settings_set_log_level(s);
}

static void take(struct settings_reload *r)
{
    struct engine *e = r->engine;
    struct settings before = e->settings;

    settings_each_change(r->arena, &e->settings, &r->settings, note_change, r);
    if (r->taken.n)
        settings_take(&e->settings, &r->settings);
    else
        memcpy(e->settings.given, r->settings.given, sizeof(e->settings.given));
    image_table_reload(e->parts.images);
    say(r);
    if (r->later.n)
        log_warn("what is changed besides counts from the next start on",
                 KV("settings", strs_join(r->arena, &r->later, ", ")));
    settings_log_remarks(&e->settings, &before);
    publish(e);
    if (r->taken.n)
        list_append(&e->reloads, &r->link);
    else
        free_reload(r);
}

static void begin(struct engine *e);

static void on_read(struct job *job)
{
    struct settings_reload *r = container_of(job, struct settings_reload, job);
    struct engine *e = r->engine;
    bool is_last = e->n_reloads == 1;

    ASSERT_LOOP();
    if (r->err) {
        log_error("the configuration stays as it was", KV("error", err_text(r->err)));
        err_drop(r->err);
        free_reload(r);
    } else {
        take(r);
    }
    e->n_reloads = 0;
    if (!is_last)
        begin(e);
}

/* One at a time: the pool's threads may end in another order. */
static void begin(struct engine *e)
{
    struct settings_reload *r;

    if (e->n_reloads++ > 0)
        return;
    r = mem_new(struct settings_reload);
    list_init(&r->link);
    r->engine = e;
    r->arena = arena_create();
    r->job.run = read_again;
    r->job.done = on_read;
    pool_submit(e->parts.pools, POOL_DISK, &r->job);
}

void settings_reload(struct engine *e)
{
    ASSERT_LOOP();
    begin(e);
}

void settings_reload_forget(struct engine *e)
{
    while (!list_is_empty(&e->reloads))
        free_reload(list_first(&e->reloads, struct settings_reload, link));
}
