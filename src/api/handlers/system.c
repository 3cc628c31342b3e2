/* SPDX-License-Identifier: Apache-2.0 */
/* Ping, version, what is in flight, and honest refusals. Loop thread. */
#include <string.h>

#include "api/server.h"
#include "core/debug.h"
#include "core/op.h"

#include "api.h"

static const char *api_text(struct request *r, int version)
{
    return arena_printf(r->arena, "%d.%d", version / 100, version % 100);
}

void handle_ping(struct request *r)
{
    struct buf b = {0};

    buf_puts(&b, "OK");
    reply_body(r, 200, TYPE_TEXT,
               "Builder-Version: 1\r\nSwarm: inactive\r\n"
               "Cache-Control: no-cache, no-store, must-revalidate\r\nPragma: no-cache\r\n",
               &b);
}

void handle_options(struct request *r)
{
    reply_empty(r, 200);
}

static void write_component(struct request *r, struct jw *w)
{
    const struct facts *f = &api_of(r)->facts;

    jw_obj(w, NULL);
    jw_str(w, "Name", "Engine");
    jw_str(w, "Version", BERTH_VERSION);
    jw_obj(w, "Details");
    jw_str(w, "ApiVersion", api_text(r, API_VERSION_MAX));
    jw_str(w, "MinAPIVersion", api_text(r, API_VERSION_MIN));
    jw_str(w, "Os", "linux");
    jw_str(w, "Arch", f->go_arch);
    jw_str(w, "KernelVersion", f->kernel);
    jw_str(w, "Experimental", "false");
    jw_obj_end(w);
    jw_obj_end(w);
}

void handle_version(struct request *r)
{
    const struct facts *f = &api_of(r)->facts;
    struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    jw_obj(&w, "Platform");
    jw_str(&w, "Name", "Berth");
    jw_obj_end(&w);
    jw_arr(&w, "Components");
    write_component(r, &w);
    jw_arr_end(&w);
    jw_str(&w, "Version", BERTH_VERSION);
    jw_str(&w, "ApiVersion", api_text(r, API_VERSION_MAX));
    jw_str(&w, "MinAPIVersion", api_text(r, API_VERSION_MIN));
    jw_str(&w, "GitCommit", "");
    jw_str(&w, "GoVersion", "");
    jw_str(&w, "Os", "linux");
    jw_str(&w, "Arch", f->go_arch);
    jw_str(&w, "KernelVersion", f->kernel);
    jw_bool(&w, "Experimental", false);
    jw_str(&w, "BuildTime", "");
    jw_obj_end(&w);
    reply_json(r, 200, &b);
}

/* ---- refusals ---- */

void handle_no_swarm(struct request *r)
{
    reply_err(r, err_new(ERR_UNAVAILABLE,
                         "This node is not a swarm manager. Berth runs containers on one host and "
                         "has no swarm mode."));
}

void handle_not_yet(struct request *r)
{
    reply_err(r, err_new(ERR_NOT_IMPLEMENTED, "%s %s is not supported by this version of berth",
                         r->method, r->path));
}

void handle_plugins(struct request *r)
{
    static const char *const known[] = {"capability", "enabled", NULL};
    struct filters f;
    bool enabled;

    if (reply_failed(r, filters_parse(r->arena, request_param(r, "filters"), known, &f)) ||
        reply_failed(r, filters_bool(&f, "enabled", &enabled)))
        return;
    reply_json_text(r, 200, "[]");
}

/* ---- debugging ---- */

void handle_debug_objects(struct request *r)
{
    struct buf b = {0};
    struct jw w = {.out = &b};

    debug_dump(parts_of(r)->debug, &w);
    reply_json(r, 200, &b);
}

void handle_debug_ops(struct request *r)
{
    struct buf b = {0};
    struct jw w = {.out = &b};

    ops_dump(parts_of(r)->ops, &w);
    reply_json(r, 200, &b);
}

void handle_debug_queue(struct request *r)
{
    struct buf b = {0};
    struct jw w = {.out = &b};

    ops_dump_queue(parts_of(r)->ops, &w);
    reply_json(r, 200, &b);
}

void handle_debug_turns(struct request *r)
{
    struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    turns_dump(parts_of(r)->loop, &w);
    jw_obj_end(&w);
    reply_json(r, 200, &b);
}
