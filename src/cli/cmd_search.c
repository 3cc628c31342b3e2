/* SPDX-License-Identifier: Apache-2.0 */
/* berth search. */
#include "commands.h"

#include "api.h"
#include "auth.h"
#include "query.h"
#include "rows.h"
#include "state_options.h"

#include <stdlib.h>
#include <string.h>

enum { DESCRIPTION_WIDTH = 45 };

static const struct pair search_titles[] = {
    {"Description", "DESCRIPTION"}, {"IsAutomated", "AUTOMATED"},
    {"IsOfficial", "OFFICIAL"},     {"Name", "NAME"},
    {"StarCount", "STARS"},         {NULL, NULL},
};

static const char *mark(const struct json *j, const char *key)
{
    return json_bool(json_get(j, key)) ? "[OK]" : "";
}

static struct pairs search_row(struct arena *a, const struct json *j, bool is_whole)
{
    char *text = arena_strdup(a, text_of(j, "description"));
    struct pairs row = {0};

    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    pairs_set(a, &row, "Description", is_whole ? text : ellipsis(a, text, DESCRIPTION_WIDTH));
    pairs_set(a, &row, "IsAutomated", mark(j, "is_automated"));
    pairs_set(a, &row, "IsOfficial", mark(j, "is_official"));
    pairs_set(a, &row, "Name", text_of(j, "name"));
    pairs_set(a, &row, "StarCount",
              arena_printf(a, "%lld", (long long)json_int(json_get(j, "star_count"))));
    return row;
}

static int most_stars_first(const void *a, const void *b)
{
    int64_t left = json_int(json_get(*(const struct json *const *)a, "star_count")),
            right = json_int(json_get(*(const struct json *const *)b, "star_count"));

    return left < right ? 1 : left > right ? -1 : 0;
}

/* Whom the engine will ask; NULL: Docker Hub. */
static char *registry_of(struct arena *a, const char *term)
{
    const char *slash = strchr(term, '/');
    char *first = arena_strndup(a, term, slash ? (size_t)(slash - term) : 0);

    return strpbrk(first, ".:") || !strcmp(first, "localhost") ? first : NULL;
}

static struct err *ask(struct cli *cli, const struct search_options *o, const char *term,
                       struct api_reply *out)
{
    char *filters = NULL;

    TRY(query_filters(cli->arena, &o->filters, &filters));
    return api_get_as(
        cli, auth_header(cli, registry_of(cli->arena, term)), out, "/images/search?term=%s%s%s%s%s",
        text_to_query(cli->arena, term), o->limit.is_set ? "&limit=" : "",
        o->limit.is_set ? arena_printf(cli->arena, "%lld", (long long)o->limit.value) : "",
        *filters ? "&" : "", filters);
}

struct err *cmd_search(struct cli *cli, const void *options, struct strs args)
{
    const struct search_options *o = options;
    struct rows list = {.table =
                            "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
                        .titles = search_titles};
    autobuf struct buf out = {0};
    struct api_reply reply = {0};
    const struct json **sorted;
    size_t n = 0;

    TRY(ask(cli, o, args.v[0], &reply));
    sorted = arena_array(cli->arena, json_len(reply.json) + 1, sizeof(struct json *));
    for (const struct json *j = json_first(reply.json); j; j = json_next(j))
        sorted[n++] = j;
    qsort(sorted, n, sizeof(struct json *), most_stars_first);
    list.rows = arena_array(cli->arena, n + 1, sizeof(*list.rows));
    for (; list.n < n; list.n++)
        list.rows[list.n] = search_row(cli->arena, sorted[list.n], o->no_trunc);
    TRY(rows_print(cli->arena, &list, o->format, false, &out));
    cli_print(out.data ? out.data : "", out.len);
    return NULL;
}
