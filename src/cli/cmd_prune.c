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
    const char *warning;
};
static const struct prune_kind kinds[] = {
    {"container", "/containers/prune", "ContainersDeleted",
     "Deleted Containers:", "WARNING! This will remove all stopped containers."},
    {"network", "/networks/prune", "NetworksDeleted", "Deleted Networks:",
     "WARNING! This will remove all custom networks not used by at least one container."},
    {"volume", "/volumes/prune", "VolumesDeleted", "Deleted Volumes:",
     "WARNING! This will remove anonymous local volumes not used by at least one container."},
    {"builder", "/build/prune", "CachesDeleted",
     "Deleted build cache objects:", "WARNING! This will remove all dangling build cache."},
    {"image", "/images/prune", "ImagesDeleted",
     "Deleted Images:", "WARNING! This will remove all dangling images."},
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
                         int64_t *reclaimed)
{
    struct strs filters = strs_copy(cli->arena, &o->filters);
    struct api_reply reply = {0};
    char *query = NULL;

    if (o->all && strcmp(k->group, "image") == 0)
        strs_add(cli->arena, &filters, "dangling=false");
    if (o->all && strcmp(k->group, "volume") == 0)
        strs_add(cli->arena, &filters, "all=true");
    TRY(query_filters(cli->arena, &filters, &query));
    if (o->all && strcmp(k->group, "builder") == 0)
        query = arena_printf(cli->arena, "all=1%s%s", query[0] ? "&" : "", query);
    TRY(api_post(cli, NULL, &reply, "%s%s%s", k->path, query[0] ? "?" : "", query));
    print_deleted(k, json_get(reply.json, k->list));
    *reclaimed += json_int(json_get(reply.json, "SpaceReclaimed"));
    return NULL;
}

static bool may_prune(const struct prune_options *o, const char *warning)
{
    autoarena struct arena *a = arena_create();

    return o->force ||
           cli_confirm(arena_printf(a, "%s\nAre you sure you want to continue?", warning));
}

struct err *cmd_prune(struct cli *cli, const void *options, struct strs args)
{
    const struct prune_options *o = options;
    const char *name = cli->command->name;
    const struct prune_kind *k = kind_of(arena_strndup(cli->arena, name, strcspn(name, " ")));
    int64_t reclaimed = 0;

    (void)args;
    if (!may_prune(o, k->warning))
        return NULL;
    TRY(prune(cli, k, o, &reclaimed));
    if (strcmp(k->group, "network") != 0)
        cli_printf("Total reclaimed space: %s\n", text_size(cli->arena, reclaimed));
    return NULL;
}

struct err *cmd_system_prune(struct cli *cli, const void *options, struct strs args)
{
    const struct prune_options *o = options;
    int64_t reclaimed = 0;

    (void)args;
    if (!may_prune(o, "WARNING! This will remove all stopped containers, all networks not used by "
                      "at least one container and all unused images as asked for."))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (o->volumes || strcmp(kinds[i].group, "volume") != 0)
            TRY(prune(cli, &kinds[i], o, &reclaimed));
    cli_printf("Total reclaimed space: %s\n", text_size(cli->arena, reclaimed));
    return NULL;
}
