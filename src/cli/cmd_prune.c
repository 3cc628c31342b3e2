/* SPDX-License-Identifier: Apache-2.0 */
/* The prune commands: one table of kinds, each asked for before it is done unless -f. */
#include "commands.h"

#include "api.h"
#include "query.h"
#include "state_options.h"

#include <string.h>

struct prune_kind {
    const char *group; /* first word of the command */
    const char *path, *list, *title;
    const char *what, *what_of_all; /* goes, without -a and with it */
};
/* In the order of system prune: what containers use is unused when they are gone. */
static const struct prune_kind kinds[] = {
    {"container", "/containers/prune", "ContainersDeleted",
     "Deleted Containers:", "all stopped containers", NULL},
    {"network", "/networks/prune", "NetworksDeleted",
     "Deleted Networks:", "all custom networks not used by at least one container", NULL},
    {"volume", "/volumes/prune", "VolumesDeleted",
     "Deleted Volumes:", "anonymous local volumes not used by at least one container",
     "all local volumes not used by at least one container, with the names that were given to "
     "them"},
    {"builder", "/build/prune", "CachesDeleted",
     "Deleted build cache objects:", "all dangling build cache", "all build cache"},
    {"image", "/images/prune", "ImagesDeleted", "Deleted Images:", "all dangling images",
     "all images without at least one container associated to them"},
};

static const struct prune_kind *kind_of(const char *group)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].group, group) == 0)
            return &kinds[i];
    return NULL;
}

static void print_deleted(const struct prune_kind *k, const struct json *list)
{
    if (!json_len(list))
        return;
    cli_printf("%s\n", k->title);
    for (const struct json *j = json_first(list); j; j = json_next(j)) {
        if (json_str(j))
            cli_printf("%s\n", json_str(j));
        else if (text_of(j, "Deleted")[0])
            cli_printf("deleted: %s\n", text_of(j, "Deleted"));
        else
            cli_printf("untagged: %s\n", text_of(j, "Untagged"));
    }
    cli_printf("\n");
}

static struct err *prune(struct cli *cli, const struct prune_kind *k, const struct prune_options *o,
                         bool all, int64_t *reclaimed)
{
    struct strs filters = strs_copy(cli->arena, &o->filters);
    struct api_reply reply = {0};
    char *query = NULL;

    if (all && strcmp(k->group, "image") == 0)
        strs_add(cli->arena, &filters, "dangling=false");
    if (all && strcmp(k->group, "volume") == 0)
        strs_add(cli->arena, &filters, "all=true");
    TRY(query_filters(cli->arena, &filters, &query));
    if (all && strcmp(k->group, "builder") == 0)
        query = arena_printf(cli->arena, "all=1%s%s", query[0] ? "&" : "", query);
    if (o->keep.is_set)
        query = arena_printf(cli->arena, "%s%skeep-storage=%lld", query, query[0] ? "&" : "",
                             (long long)o->keep.value);
    TRY(api_post(cli, NULL, &reply, "%s%s%s", k->path, query[0] ? "?" : "", query));
    print_deleted(k, json_get(reply.json, k->list));
    *reclaimed += json_int(json_get(reply.json, "SpaceReclaimed"));
    return NULL;
}

static const char *what_goes(const struct prune_kind *k, bool all)
{
    return all && k->what_of_all ? k->what_of_all : k->what;
}

static bool may_prune(struct cli *cli, const struct prune_options *o, struct buf *warning)
{
    if (o->force)
        return true;
    if (o->filters.n)
        buf_puts(warning, "\n  Items to be pruned will be filtered with:\n");
    for (size_t i = 0; i < o->filters.n; i++)
        buf_printf(warning, "  - %s\n", o->filters.v[i]);
    return cli_confirm(arena_printf(cli->arena,
                                    "WARNING! This will remove%sAre you sure you want to continue?",
                                    warning->data));
}

struct err *cmd_prune(struct cli *cli, const void *options, struct strs args)
{
    const struct prune_options *o = options;
    const char *name = cli->command->name;
    const struct prune_kind *k = kind_of(arena_strndup(cli->arena, name, strcspn(name, " ")));
    autobuf struct buf warning = {0};
    int64_t reclaimed = 0;

    (void)args;
    buf_printf(&warning, " %s.\n", what_goes(k, o->all));
    if (!may_prune(cli, o, &warning))
        return NULL;
    TRY(prune(cli, k, o, o->all, &reclaimed));
    if (strcmp(k->group, "network") != 0)
        cli_printf("Total reclaimed space: %s\n", text_size(cli->arena, reclaimed));
    return NULL;
}

/* ---- all kinds ---- */

static bool has_filter(const struct prune_options *o, const char *name)
{
    for (size_t i = 0; i < o->filters.n; i++)
        if (text_starts(o->filters.v[i], name))
            return true;
    return false;
}

/* Of volumes those without a name alone, as with docker, also with -a: that is said of images and
 * of the cache. The cache has no labels, so with a filter for one nothing of it goes. */
static bool is_meant(const struct prune_options *o, const struct prune_kind *k)
{
    if (strcmp(k->group, "volume") == 0)
        return o->volumes;
    return strcmp(k->group, "builder") != 0 || !has_filter(o, "label");
}

static bool goes_whole(const struct prune_options *o, const struct prune_kind *k)
{
    return o->all && strcmp(k->group, "volume") != 0;
}

struct err *cmd_system_prune(struct cli *cli, const void *options, struct strs args)
{
    const struct prune_options *o = options;
    autobuf struct buf warning = {0};
    int64_t reclaimed = 0;

    (void)args;
    if (o->volumes && has_filter(o, "until="))
        return err_new(ERR_INVALID,
                       "ERROR: The \"until\" filter is not supported with \"--volumes\"");
    buf_puts(&warning, ":\n");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (is_meant(o, &kinds[i]))
            buf_printf(&warning, "  - %s\n", what_goes(&kinds[i], goes_whole(o, &kinds[i])));
    if (!may_prune(cli, o, &warning))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (is_meant(o, &kinds[i]))
            TRY(prune(cli, &kinds[i], o, goes_whole(o, &kinds[i]), &reclaimed));
    cli_printf("Total reclaimed space: %s\n", text_size(cli->arena, reclaimed));
    return NULL;
}
