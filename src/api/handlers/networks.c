/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: list, inspect, create, remove. Loop thread. */
#include "api.h"

#include <string.h>

static const char *const known_filters[] = {"dangling", "driver", "id",   "label",
                                            "name",     "scope",  "type", NULL};

static bool is_predefined(const struct network *n)
{
    static const char *const names[] = {"bridge", "host", "none"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(network_name(n), names[i]))
            return true;
    return false;
}

/* Any of the values is part of the text. */
static bool matches_part(const struct filters *f, const char *key, const char *text)
{
    const struct strs *values = filters_get(f, key);

    for (size_t i = 0; values && i < values->n; i++)
        if (strstr(text, values->v[i]))
            return true;
    return !values;
}

static bool network_matches(const struct network *n, const struct filters *f)
{
    return filters_has(f, "driver", network_driver(n)) && filters_has(f, "scope", "local") &&
           filters_has(f, "type", is_predefined(n) ? "builtin" : "custom") &&
           filters_has_prefix_of(f, "id", network_id(n)) &&
           matches_part(f, "name", network_name(n)) && filters_match_labels(f, network_labels(n));
}

void handle_network_list(struct request *r)
{
    struct buf b = {0};
    struct jw w = {.out = &b};
    struct filters f;
    struct network *n;
    size_t cursor = 0;

    if (reply_failed(r, filters_parse(r->arena, request_param(r, "filters"), known_filters, &f)))
        return;
    jw_arr(&w, NULL);
    while ((n = network_next(parts_of(r)->networks, &cursor)))
        if (network_matches(n, &f))
            network_write_json(n, &w, false);
    jw_arr_end(&w);
    reply_json(r, 200, &b);
}

void handle_network_inspect(struct request *r)
{
    struct buf b = {0};
    struct jw w = {.out = &b};
    struct network *n;

    if (reply_failed(r, network_find(parts_of(r)->networks, request_arg(r, 0), &n)))
        return;
    network_write_json(n, &w, true);
    reply_json(r, 200, &b);
}

static void on_created(void *ctx, struct err *err, const char *id)
{
    struct request *r = ctx;
    struct buf b = {0};
    struct jw w = {.out = &b};

    if (reply_failed(r, err))
        return;
    jw_obj(&w, NULL);
    jw_str(&w, "Id", id);
    jw_str(&w, "Warning", "");
    jw_obj_end(&w);
    reply_json(r, 201, &b);
}

void handle_network_create(struct request *r)
{
    struct network_request *request = arena_new(r->arena, struct network_request);
    const char *body;
    size_t len;

    if (reply_failed(r, request_need_json(r, &body, &len)) ||
        reply_failed(r, json_decode(r->arena, body, len, &network_request_json, request)))
        return;
    network_create(parts_of(r)->networks, request, on_created, r);
}

void handle_network_remove(struct request *r)
{
    network_remove(parts_of(r)->networks, request_arg(r, 0), reply_done, r);
}
