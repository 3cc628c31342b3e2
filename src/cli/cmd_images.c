/* SPDX-License-Identifier: Apache-2.0 */
/* berth images, history, tag, rmi. */
#include "commands.h"

#include "base/clock.h"
#include "base/ref.h"

#include "api.h"
#include "query.h"
#include "rows.h"
#include "state_options.h"

#include <string.h>

#define COLUMNS "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
#define COLUMNS_DIGEST                                                                             \
    "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"

static const struct pair image_titles[] = {
    {"Containers", "CONTAINERS"},
    {"CreatedAt", "CREATED AT"},
    {"CreatedSince", "CREATED"},
    {"Digest", "DIGEST"},
    {"ID", "IMAGE ID"},
    {"Repository", "REPOSITORY"},
    {"SharedSize", "SHARED SIZE"},
    {"Size", "SIZE"},
    {"Tag", "TAG"},
    {"UniqueSize", "UNIQUE SIZE"},
    {"VirtualSize", "SIZE"},
    {NULL, NULL},
};

static char *count_text(struct arena *a, const struct json *n)
{
    int64_t v = json_int(n);

    return json_type(n) == JSON_NUMBER && v >= 0 ? arena_printf(a, "%lld", (long long)v)
                                                 : arena_strdup(a, "N/A");
}

static struct pairs image_row(struct arena *a, const struct json *s, const struct list_options *o,
                              const char *repository, const char *tag, const char *digest)
{
    int64_t created = json_int(json_get(s, "Created"));
    const char *id = text_of(s, "Id");
    struct pairs row = {0};

    pairs_set(a, &row, "Containers", count_text(a, json_get(s, "Containers")));
    pairs_set(a, &row, "CreatedAt", local_time(a, created));
    pairs_set(a, &row, "CreatedSince", ago(a, created));
    pairs_set(a, &row, "Digest", digest);
    pairs_set(a, &row, "ID", o->no_trunc ? id : short_id(a, id));
    pairs_set(a, &row, "Repository", repository);
    pairs_set(a, &row, "SharedSize", "N/A");
    pairs_set(a, &row, "Size", text_size(a, json_int(json_get(s, "Size"))));
    pairs_set(a, &row, "Tag", tag);
    pairs_set(a, &row, "UniqueSize", "N/A");
    pairs_set(a, &row, "VirtualSize", text_size(a, json_int(json_get(s, "Size"))));
    return row;
}

static const char *digest_of_repository(const struct json *digests, const char *repository)
{
    size_t n = strlen(repository);

    for (const struct json *j = json_first(digests); j; j = json_next(j))
        if (json_str(j) && strncmp(json_str(j), repository, n) == 0 && json_str(j)[n] == '@')
            return json_str(j) + n + 1;
    return "<none>";
}

static void add_image(struct arena *a, struct rows *list, const struct json *s,
                      const struct list_options *o)
{
    const struct json *tags = json_get(s, "RepoTags"), *digests = json_get(s, "RepoDigests");
    size_t before = list->n;

    for (const struct json *j = json_first(tags); j; j = json_next(j)) {
        char *name = arena_strdup(a, json_str(j) ? json_str(j) : ""), *colon = strrchr(name, ':');

        if (!colon || strcmp(name, "<none>:<none>") == 0)
            continue;
        *colon = '\0';
        list->rows[list->n++] =
            image_row(a, s, o, name, colon + 1, digest_of_repository(digests, name));
    }
    for (const struct json *j = json_first(digests); j && list->n == before; j = json_next(j)) {
        char *name = arena_strdup(a, json_str(j) ? json_str(j) : ""), *at = strchr(name, '@');

        if (!at || text_starts(name, "<none>"))
            continue;
        *at = '\0';
        list->rows[list->n++] = image_row(a, s, o, name, "<none>", at + 1);
    }
    if (list->n == before)
        list->rows[list->n++] = image_row(a, s, o, "<none>", "<none>", "<none>");
}

static struct err *images_query(struct cli *cli, const struct list_options *o, struct strs args,
                                char **out)
{
    struct strs filters = strs_copy(cli->arena, &o->filters);
    char *query = NULL;

    if (args.n)
        strs_add(cli->arena, &filters, arena_printf(cli->arena, "reference=%s", args.v[0]));
    TRY(query_filters(cli->arena, &filters, &query));
    *out = arena_printf(cli->arena, "%s%s%s%s", o->all || query[0] ? "?" : "",
                        o->all ? "all=1" : "", o->all && query[0] ? "&" : "", query);
    return NULL;
}

struct err *cmd_images(struct cli *cli, const void *options, struct strs args)
{
    const struct list_options *o = options;
    struct rows list = {
        .table = o->digests ? COLUMNS_DIGEST : COLUMNS, .quiet = "{{.ID}}", .titles = image_titles};
    autobuf struct buf out = {0};
    struct api_reply reply = {0};
    char *query = NULL;
    size_t room = 1;

    TRY(images_query(cli, o, args, &query));
    TRY(api_get(cli, &reply, "/images/json%s", query));
    for (const struct json *j = json_first(reply.json); j; j = json_next(j))
        room += json_len(json_get(j, "RepoTags")) + json_len(json_get(j, "RepoDigests")) + 1;
    list.rows = arena_array(cli->arena, room, sizeof(*list.rows));
    for (const struct json *j = json_first(reply.json); j; j = json_next(j))
        add_image(cli->arena, &list, j, o);
    TRY(rows_print(cli->arena, &list, o->format, o->quiet, &out));
    cli_print(out.data ? out.data : "", out.len);
    return NULL;
}

static const struct pair history_titles[] = {
    {"Comment", "COMMENT"},
    {"CreatedAt", "CREATED AT"},
    {"CreatedBy", "CREATED BY"},
    {"CreatedSince", "CREATED"},
    {"ID", "IMAGE"},
    {"Size", "SIZE"},
    {NULL, NULL},
};

static struct pairs history_row(struct arena *a, const struct json *j, const struct list_options *o)
{
    int64_t created = json_int(json_get(j, "Created"));
    const char *by = text_of(j, "CreatedBy"), *id = text_of(j, "Id");
    int64_t size = json_int(json_get(j, "Size"));
    char stamp[RFC3339_MAX];
    struct pairs row = {0};

    clock_rfc3339(created * NS_PER_S, stamp);
    pairs_set(a, &row, "Comment", text_of(j, "Comment"));
    pairs_set(a, &row, "CreatedAt", stamp);
    pairs_set(a, &row, "CreatedBy", o->no_trunc ? by : ellipsis(a, by, 45));
    pairs_set(a, &row, "CreatedSince", o->human ? ago(a, created) : stamp);
    pairs_set(a, &row, "ID", o->no_trunc || text_starts(id, "<") ? id : short_id(a, id));
    pairs_set(a, &row, "Size",
              o->human ? text_size(a, size) : arena_printf(a, "%lld", (long long)size));
    return row;
}

struct err *cmd_history(struct cli *cli, const void *options, struct strs args)
{
    const struct list_options *o = options;
    struct rows list = {
        .table = "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
        .quiet = "{{.ID}}",
        .titles = history_titles};
    autobuf struct buf out = {0};
    struct api_reply reply = {0};

    TRY(api_get(cli, &reply, "/images/%s/history%s%s", api_escape(cli, args.v[0]),
                text_is_empty(o->platform) ? "" : "?platform=",
                text_is_empty(o->platform) ? "" : query_platform(cli->arena, o->platform)));
    list.rows = arena_array(cli->arena, json_len(reply.json) + 1, sizeof(*list.rows));
    for (const struct json *j = json_first(reply.json); j; j = json_next(j))
        list.rows[list.n++] = history_row(cli->arena, j, o);
    TRY(rows_print(cli->arena, &list, o->format, o->quiet, &out));
    cli_print(out.data ? out.data : "", out.len);
    return NULL;
}

struct err *cmd_tag(struct cli *cli, const void *options, struct strs args)
{
    struct ref n = {0};
    struct err *e = ref_parse(cli->arena, args.v[1], &n);

    (void)options;
    if (e)
        return err_wrap(e, "Error parsing reference: \"%s\" is not a valid repository/tag",
                        args.v[1]);
    if (n.digest)
        return err_new(ERR_INVALID, "refusing to create a tag with a digest reference");
    return api_post(cli, NULL, NULL, "/images/%s/tag?repo=%s&tag=%s", api_escape(cli, args.v[0]),
                    text_to_query(cli->arena, ref_familiar_name(cli->arena, &n)),
                    text_to_query(cli->arena, n.tag ? n.tag : "latest"));
}

static struct err *remove_image(struct cli *cli, const char *name, const struct rmi_options *o)
{
    struct api_reply reply = {0};

    TRY(api_delete(cli, &reply, "/images/%s%s%s%s", api_escape(cli, name),
                   o->force || o->no_prune ? "?" : "", o->force ? "force=1" : "",
                   o->no_prune ? "&noprune=1" : ""));
    for (const struct json *j = json_first(reply.json); j; j = json_next(j)) {
        if (text_of(j, "Deleted")[0])
            cli_printf("Deleted: %s\n", text_of(j, "Deleted"));
        else
            cli_printf("Untagged: %s\n", text_of(j, "Untagged"));
    }
    return NULL;
}

struct err *cmd_rmi(struct cli *cli, const void *options, struct strs args)
{
    const struct rmi_options *o = options;

    for (size_t i = 0; i < args.n; i++) {
        struct err *e = remove_image(cli, args.v[i], o);

        if (e && o->force && err_kind(e) == ERR_NOT_FOUND)
            err_drop(e);
        else if (e)
            cli_complain(cli, e);
    }
    return NULL;
}
