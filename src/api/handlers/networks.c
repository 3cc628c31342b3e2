/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: list, inspect, create, remove, connect, disconnect, prune. Loop thread. */
#include <string.h>

#include "net/network.h"
#include "place/connect.h"
#include "runtime/config.h"

#include "judge.h"
#include "prune.h"

static const char *const known_filters[] = {"dangling", "driver", "id",   "label",
                                            "name",     "scope",  "type", NULL};

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
           filters_has(f, "type", network_is_predefined(n) ? "builtin" : "custom") &&
           filters_has_prefix_of(f, "id", network_id(n)) &&
           matches_part(f, "name", network_name(n)) && filters_match_labels(f, network_labels(n));
}

static struct err *check_type(const struct filters *f)
{
    const struct strs *values = filters_get(f, "type");

    for (size_t i = 0; values && i < values->n; i++)
        if (strcmp(values->v[i], "builtin") != 0 && strcmp(values->v[i], "custom") != 0)
            return err_new(ERR_INVALID, "invalid filter: 'type'='%s'", values->v[i]);
    return NULL;
}

/* Made by a user, and nobody is in it. */
static bool is_dangling(const struct network *n)
{
    return !network_is_predefined(n) && network_count_endpoints(n) == 0;
}

void handle_network_list(struct request *r)
{
    struct buf b = {0};
    struct jw w = {.out = &b};
    struct filters f;
    struct network *n;
    size_t cursor = 0;
    bool dangling = false;

    if (reply_failed(r, filters_parse(r->arena, request_param(r, "filters"), known_filters, &f)) ||
        reply_failed(r, filters_bool(&f, "dangling", &dangling)) || reply_failed(r, check_type(&f)))
        return;
    jw_arr(&w, NULL);
    while ((n = network_next(parts_of(r)->networks, &cursor)))
        if (network_matches(n, &f) && (!filters_get(&f, "dangling") || is_dangling(n) == dangling))
            network_write_json(n, &w, false);
    jw_arr_end(&w);
    reply_json(r, 200, &b);
}

/* `verbose` is of a swarm's services, and here there is only the scope "local". */
static struct err *find_to_inspect(struct request *r, struct network **out)
{
    const char *verbose = request_param(r, "verbose"), *scope = request_param(r, "scope");
    bool is_verbose;

    if (*verbose && !text_to_bool(verbose, &is_verbose))
        return err_new(ERR_INVALID, "invalid value for verbose: %.100s", verbose);
    if (*scope && strcmp(scope, "local") != 0)
        return err_new(ERR_NOT_FOUND, "network %s not found in the scope %.100s", request_arg(r, 0),
                       scope);
    return network_find(parts_of(r)->networks, request_arg(r, 0), out);
}

void handle_network_inspect(struct request *r)
{
    struct buf b = {0};
    struct jw w = {.out = &b};
    struct network *n;

    if (reply_failed(r, find_to_inspect(r, &n)))
        return;
    network_write_json(n, &w, true);
    reply_json(r, 200, &b);
}

/* What is weaker than by default is said. */
static const char *warning_of(struct network_table *t, const char *id)
{
    struct network *n = NULL;
    struct err *err = network_find(t, id, &n);

    err_drop(err);
    if (err || !network_bridge(n) || !network_bridge(n)->any_source)
        return "";
    return "berth.bridge.any_source: containers of this network can send from each other's "
           "addresses and from any other";
}

struct network_creation {
    struct request *request;
    struct network_request asked;
    struct strs warnings;
};

static void on_created(void *ctx, struct err *err, const char *id)
{
    struct network_creation *c = ctx;
    struct request *r = c->request;
    struct buf b = {0};
    struct jw w = {.out = &b};
    const char *weaker;

    if (reply_failed(r, err))
        return;
    weaker = warning_of(parts_of(r)->networks, id);
    if (*weaker)
        strs_add(r->arena, &c->warnings, weaker);
    jw_obj(&w, NULL);
    jw_str(&w, "Id", id);
    jw_str(&w, "Warning", strs_join(r->arena, &c->warnings, "; "));
    jw_obj_end(&w);
    reply_json(r, 201, &b);
}

/* Docker's CLI always names the bridge. */
static void warn_of_driver(struct network_creation *c)
{
    const char *driver = c->asked.driver;

    if (c->asked.config_only && !text_is_empty(driver) && strcmp(driver, "bridge") != 0 &&
        strcmp(driver, "null") != 0)
        strs_add(c->request->arena, &c->warnings,
                 arena_printf(c->request->arena,
                              "driver %s is not kept: a configuration-only network has none, and "
                              "who takes its configuration names one",
                              driver));
}

/* A driver is known to policies as "driver:macvlan"; NULL: nothing is made. */
static struct err *judge_network(struct request *r, const char *name, const char *driver)
{
    struct policy_case asked = {0};
    struct strs *networks = &asked.items[POLICY_NETWORKS];

    strs_add(r->arena, networks, name ? name : "");
    if (driver)
        strs_add(r->arena, networks,
                 arena_printf(r->arena, "driver:%s", *driver ? driver : "bridge"));
    return judge_case(r, &asked);
}

/* Who takes its configuration uses that network, too. */
static struct err *judge_lender(struct request *r, const struct network_reference *from)
{
    return text_is_empty(from->network) ? NULL : judge_network(r, from->network, NULL);
}

/* Of what is made: a configuration alone is nothing yet. */
static const char *driver_of(const struct network_request *asked)
{
    if (asked->config_only)
        return NULL;
    return asked->driver ? asked->driver : "";
}

void handle_network_create(struct request *r)
{
    struct network_creation *c = arena_new(r->arena, struct network_creation);

    c->request = r;
    if (reply_failed(r, request_read_warned(r, &network_request_json, &c->asked, &c->warnings)) ||
        reply_failed(r, judge_network(r, c->asked.name, driver_of(&c->asked))) ||
        reply_failed(r, judge_lender(r, &c->asked.config_from)))
        return;
    warn_of_driver(c);
    network_create(parts_of(r)->networks, &c->asked, on_created, c);
}

void handle_network_remove(struct request *r)
{
    network_remove(parts_of(r)->networks, request_arg(r, 0), reply_done, r);
}

/* ---- connect, disconnect ---- */

struct connect_request { /* the body of both */
    char *container;
    bool force;
    struct endpoint_config endpoint;
};
static const struct jfield link_fields[] = {
    J(J_STR, struct connect_request, container, "Container"),
    J(J_BOOL, struct connect_request, force, "Force"),
    J(J_OBJ, struct connect_request, endpoint, "EndpointConfig", .flags = J_NULL_OBJ,
      .sub = &endpoint_config_json),
    J_END,
};
static const struct jtable link_json = {sizeof(struct connect_request), link_fields};

static bool read_connect_request(struct request *r, struct connect_request *out,
                                 struct container **c)
{
    return !reply_failed(r, request_read(r, &link_json, out)) &&
           !reply_failed(
               r, container_find(parts_of(r)->containers, out->container ? out->container : "", c));
}

/* 200 without a body, as Docker has it. */
static void on_connected(void *ctx, struct err *err)
{
    if (!reply_failed(ctx, err))
        reply_empty(ctx, 200);
}

static void connect_judged(struct request *r, struct container *c)
{
    struct connect_request asked = {0};

    if (read_connect_request(r, &asked, &c))
        container_connect(c, request_arg(r, 0), &asked.endpoint, on_connected, r);
}

static struct err *judge_connect(struct request *r)
{
    struct network *n = NULL;
    struct err *err = network_find(parts_of(r)->networks, request_arg(r, 0), &n);

    err_drop(err); /* container_connect says so */
    return judge_network(r, n ? network_name(n) : request_arg(r, 0), NULL);
}

void handle_network_connect(struct request *r)
{
    struct connect_request asked = {0};
    struct container *c;

    if (read_connect_request(r, &asked, &c) && !reply_failed(r, judge_connect(r)))
        judge_container(r, c, connect_judged);
}

void handle_network_disconnect(struct request *r)
{
    struct connect_request asked = {0};
    struct container *c;

    if (read_connect_request(r, &asked, &c))
        container_disconnect(c, request_arg(r, 0), on_connected, r);
}

/* ---- prune ---- */

static const char *const prune_filters[] = {"label", "label!", "until", NULL};

static void remove_network(struct prune *p, const char *name)
{
    network_remove(parts_of(p->request)->networks, name, prune_removed, p);
}

static void write_pruned(const struct prune *p, struct jw *w)
{
    jw_strs_or_null(w, "NetworksDeleted", &p->deleted);
}

void handle_network_prune(struct request *r)
{
    struct prune *p = arena_new(r->arena, struct prune);
    struct filters f;
    struct network *n;
    int64_t until = 0;
    size_t cursor = 0;

    if (reply_failed(r, filters_parse(r->arena, request_param(r, "filters"), prune_filters, &f)) ||
        reply_failed(r, filters_until(&f, &until)))
        return;
    *p = (struct prune){.request = r, .remove = remove_network, .write = write_pruned};
    while ((n = network_next(parts_of(r)->networks, &cursor)))
        if (is_dangling(n) && !network_is_config_only(n) &&
            filters_match_labels(&f, network_labels(n)) &&
            (!until || network_created_ns(n) < until))
            strs_add(r->arena, &p->names, network_name(n));
    prune_run(p);
}
