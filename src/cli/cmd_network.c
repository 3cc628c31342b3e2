/* SPDX-License-Identifier: Apache-2.0 */
/* berth network ls, create, rm, connect, disconnect and berth volume ls, create, rm. */
#include "commands.h"

#include "api.h"
#include "options.h"
#include "query.h"
#include "rows.h"
#include "state_options.h"

#include <string.h>

static const struct pair network_titles[] = {
    {"CreatedAt", "CREATED AT"},
    {"Driver", "DRIVER"},
    {"ID", "NETWORK ID"},
    {"IPv4", "IPV4"},
    {"IPv6", "IPV6"},
    {"Internal", "INTERNAL"},
    {"Labels", "LABELS"},
    {"Name", "NAME"},
    {"Scope", "SCOPE"},
    {NULL, NULL},
};

static struct pairs network_row(struct arena *a, const struct json *n, bool no_trunc)
{
    struct pairs labels = labels_pairs(a, json_get(n, "Labels"));
    struct pairs row = {0};
    const char *id = text_of(n, "Id");

    pairs_set(a, &row, "CreatedAt", text_of(n, "Created"));
    pairs_set(a, &row, "Driver", text_of(n, "Driver"));
    pairs_set(a, &row, "ID", no_trunc ? id : short_id(a, id));
    pairs_set(a, &row, "IPv4", json_bool(json_get(n, "EnableIPv4")) ? "true" : "false");
    pairs_set(a, &row, "IPv6", json_bool(json_get(n, "EnableIPv6")) ? "true" : "false");
    pairs_set(a, &row, "Internal", json_bool(json_get(n, "Internal")) ? "true" : "false");
    pairs_set(a, &row, "Labels", labels_text(a, json_get(n, "Labels")));
    pairs_set(a, &row, "Name", text_of(n, "Name"));
    pairs_set(a, &row, "Scope", text_of(n, "Scope"));
    rows_labels(a, &row, &labels);
    return row;
}

/* As Docker lists them: sorted by name. */
static int by_name(const void *a, const void *b)
{
    return strcmp(pairs_get(a, "Name"), pairs_get(b, "Name"));
}

static struct err *print_list(struct cli *cli, struct rows *list, const struct list_options *o)
{
    autobuf struct buf out = {0};

    if (list->n)
        qsort(list->rows, list->n, sizeof(*list->rows), by_name);
    TRY(rows_print(cli->arena, list, o->format, o->quiet, &out));
    cli_print(out.data ? out.data : "", out.len);
    return NULL;
}

struct err *cmd_network_ls(struct cli *cli, const void *options, struct strs args)
{
    const struct list_options *o = options;
    struct rows list = {.table = "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
                        .quiet = "{{.ID}}",
                        .titles = network_titles};
    struct api_reply reply = {0};
    char *filters = NULL;

    (void)args;
    TRY(query_filters(cli->arena, &o->filters, &filters));
    TRY(api_get(cli, &reply, "/networks%s%s", filters[0] ? "?" : "", filters));
    list.rows = arena_array(cli->arena, json_len(reply.json) + 1, sizeof(*list.rows));
    for (const struct json *j = json_first(reply.json); j; j = json_next(j))
        list.rows[list.n++] = network_row(cli->arena, j, o->no_trunc);
    return print_list(cli, &list, o);
}

static bool is_v6(const char *addr)
{
    return strchr(addr, ':') != NULL;
}

/* The one in the list that goes with subnet i: as many of its family stand before the one as before
 * the other. NULL: none. */
static const char *beside(const struct strs *subnets, size_t i, const struct strs *list)
{
    bool v6 = is_v6(subnets->v[i]);
    size_t before = 0;

    for (size_t k = 0; k < i; k++)
        before += is_v6(subnets->v[k]) == v6;
    for (size_t k = 0; k < list->n; k++)
        if (is_v6(list->v[k]) == v6 && before-- == 0)
            return list->v[k];
    return NULL;
}

static void write_aux(struct cli *cli, const struct strs *subnets, size_t i,
                      const struct pairs *aux, struct jw *w)
{
    struct pairs ours = {0};

    for (size_t k = 0; k < i; k++)
        if (is_v6(subnets->v[k]) == is_v6(subnets->v[i]))
            return; /* all stand beside the first of the family */
    for (size_t k = 0; k < aux->n; k++)
        if (is_v6(aux->v[k].value) == is_v6(subnets->v[i]))
            pairs_set(cli->arena, &ours, aux->v[k].key, aux->v[k].value);
    if (ours.n)
        jw_pairs(w, "AuxiliaryAddresses", &ours);
}

static struct err *write_ipam(struct cli *cli, const struct network_options *o, struct jw *w)
{
    struct pairs aux = {0}, options = {0};

    TRY(pairs_parse(cli->arena, &o->aux, "aux-address", &aux));
    TRY(pairs_parse(cli->arena, &o->ipam_options, "ipam-opt", &options));
    if (!o->subnets.n && (o->gateways.n || o->ranges.n || aux.n))
        return err_new(ERR_INVALID, "every ip-range or gateway must have a corresponding subnet");
    jw_obj(w, "IPAM");
    jw_str(w, "Driver", o->ipam_driver ? o->ipam_driver : "default");
    jw_pairs(w, "Options", &options);
    jw_arr(w, "Config");
    for (size_t i = 0; i < o->subnets.n; i++) {
        const char *range = beside(&o->subnets, i, &o->ranges);
        const char *gateway = beside(&o->subnets, i, &o->gateways);

        jw_obj(w, NULL);
        jw_str(w, "Subnet", o->subnets.v[i]);
        if (range)
            jw_str(w, "IPRange", range);
        if (gateway)
            jw_str(w, "Gateway", gateway);
        write_aux(cli, &o->subnets, i, &aux, w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
    return NULL;
}

struct err *cmd_network_create(struct cli *cli, const void *options, struct strs args)
{
    const struct network_options *o = options;
    struct pairs labels = {0}, driver_options = {0};
    const struct strs none = {0};
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct api_reply reply = {0};
    const char *warning;

    TRY(labels_parse(cli->arena, &none, &o->labels, &labels));
    TRY(pairs_parse(cli->arena, &o->options, "option", &driver_options));
    jw_obj(&w, NULL);
    jw_str(&w, "Name", args.v[0]);
    jw_bool(&w, "CheckDuplicate", true);
    jw_str(&w, "Driver", o->driver ? o->driver : "bridge");
    if (o->scope)
        jw_str(&w, "Scope", o->scope);
    jw_bool(&w, "Internal", o->internal);
    jw_bool(&w, "Attachable", o->attachable);
    jw_bool(&w, "EnableIPv4", o->ipv4);
    jw_bool(&w, "EnableIPv6", o->ipv6);
    jw_bool(&w, "ConfigOnly", o->config_only);
    if (o->config_from) {
        jw_obj(&w, "ConfigFrom");
        jw_str(&w, "Network", o->config_from);
        jw_obj_end(&w);
    }
    TRY(write_ipam(cli, o, &w));
    jw_pairs(&w, "Options", &driver_options);
    jw_pairs(&w, "Labels", &labels);
    jw_obj_end(&w);
    TRY(api_post(cli, b.data, &reply, "/networks/create"));
    warning = text_of(reply.json, "Warning");
    if (!text_is_empty(warning))
        cli_say("WARNING: %s\n", warning);
    cli_printf("%s\n", text_of(reply.json, "Id"));
    return NULL;
}

struct err *cmd_network_rm(struct cli *cli, const void *options, struct strs args)
{
    const struct network_options *o = options;

    for (size_t i = 0; i < args.n; i++) {
        struct err *e = api_delete(cli, NULL, "/networks/%s", api_escape(cli, args.v[i]));

        if (e && o->force && err_kind(e) == ERR_NOT_FOUND)
            err_drop(e);
        else if (e)
            cli_complain(cli, e);
        else
            cli_printf("%s\n", args.v[i]);
    }
    return NULL;
}

struct err *cmd_network_connect(struct cli *cli, const void *options, struct strs args)
{
    const struct network_options *o = options;
    struct network_choice n = {.ip = o->ip,
                               .ip6 = o->ip6,
                               .aliases = o->aliases,
                               .links = o->links,
                               .link_local = o->link_local,
                               .gw_priority = o->gw_priority};
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    TRY(pairs_parse(cli->arena, &o->driver_options, "driver-opt", &n.driver_options));
    jw_obj(&w, NULL);
    jw_str(&w, "Container", args.v[1]);
    jw_obj(&w, "EndpointConfig");
    network_write(&w, &n);
    jw_obj_end(&w);
    jw_obj_end(&w);
    return api_post(cli, b.data, NULL, "/networks/%s/connect", api_escape(cli, args.v[0]));
}

struct err *cmd_network_disconnect(struct cli *cli, const void *options, struct strs args)
{
    const struct network_options *o = options;
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    jw_str(&w, "Container", args.v[1]);
    jw_bool(&w, "Force", o->force);
    jw_obj_end(&w);
    return api_post(cli, b.data, NULL, "/networks/%s/disconnect", api_escape(cli, args.v[0]));
}

static const struct pair volume_titles[] = {
    {"Driver", "DRIVER"},    {"Labels", "LABELS"}, {"Links", "LINKS"}, {"Mountpoint", "MOUNTPOINT"},
    {"Name", "VOLUME NAME"}, {"Scope", "SCOPE"},   {"Size", "SIZE"},   {NULL, NULL},
};

static struct pairs volume_row(struct arena *a, const struct json *v)
{
    struct pairs labels = labels_pairs(a, json_get(v, "Labels"));
    struct pairs row = {0};

    pairs_set(a, &row, "Driver", text_of(v, "Driver"));
    pairs_set(a, &row, "Labels", labels_text(a, json_get(v, "Labels")));
    pairs_set(a, &row, "Links", "N/A");
    pairs_set(a, &row, "Mountpoint", text_of(v, "Mountpoint"));
    pairs_set(a, &row, "Name", text_of(v, "Name"));
    pairs_set(a, &row, "Scope", text_of(v, "Scope"));
    pairs_set(a, &row, "Size", "N/A");
    rows_labels(a, &row, &labels);
    return row;
}

struct err *cmd_volume_ls(struct cli *cli, const void *options, struct strs args)
{
    const struct list_options *o = options;
    struct rows list = {
        .table = "table {{.Driver}}\t{{.Name}}", .quiet = "{{.Name}}", .titles = volume_titles};
    struct api_reply reply = {0};
    const struct json *volumes;
    char *filters = NULL;

    (void)args;
    TRY(query_filters(cli->arena, &o->filters, &filters));
    TRY(api_get(cli, &reply, "/volumes%s%s", filters[0] ? "?" : "", filters));
    volumes = json_get(reply.json, "Volumes");
    list.rows = arena_array(cli->arena, json_len(volumes) + 1, sizeof(*list.rows));
    for (const struct json *j = json_first(volumes); j; j = json_next(j))
        list.rows[list.n++] = volume_row(cli->arena, j);
    return print_list(cli, &list, o);
}

struct err *cmd_volume_create(struct cli *cli, const void *options, struct strs args)
{
    const struct volume_options *o = options;
    struct pairs labels = {0}, driver_options = {0};
    const struct strs none = {0};
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};
    struct api_reply reply = {0};

    TRY(labels_parse(cli->arena, &none, &o->labels, &labels));
    TRY(pairs_parse(cli->arena, &o->options, "option", &driver_options));
    jw_obj(&w, NULL);
    jw_str(&w, "Name", args.n ? args.v[0] : o->name);
    jw_str(&w, "Driver", o->driver ? o->driver : "local");
    jw_pairs(&w, "DriverOpts", &driver_options);
    jw_pairs(&w, "Labels", &labels);
    jw_obj_end(&w);
    TRY(api_post(cli, b.data, &reply, "/volumes/create"));
    cli_printf("%s\n", text_of(reply.json, "Name"));
    return NULL;
}

struct err *cmd_volume_rm(struct cli *cli, const void *options, struct strs args)
{
    const struct volume_options *o = options;

    for (size_t i = 0; i < args.n; i++) {
        struct err *e = api_delete(cli, NULL, "/volumes/%s%s", api_escape(cli, args.v[i]),
                                   o->force ? "?force=1" : "");

        if (e)
            cli_complain(cli, e);
        else
            cli_printf("%s\n", args.v[i]);
    }
    return NULL;
}
