/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of `ps`. Ports are sorted and neighbours joined into ranges, the address in front.
 * The age is of creation; the status text is the engine's.
 */
#include "ps_row.h"

#include "query.h"
#include "rows.h"

#include <string.h>

struct port {
    const char *ip, *type;
    int64_t inside, outside;
};

static int by_port(const void *a, const void *b)
{
    const struct port *x = a, *y = b;

    if (x->inside != y->inside)
        return x->inside < y->inside ? -1 : 1;
    if (strcmp(x->ip, y->ip) != 0)
        return strcmp(x->ip, y->ip);
    if (x->outside != y->outside)
        return x->outside < y->outside ? -1 : 1;
    return strcmp(x->type, y->type);
}

/* Both sides go on by one, or neither is published: "8000-8002->80-82/tcp" is one range. */
static bool continues(const struct port *last, const struct port *next)
{
    bool outside = last->outside ? next->outside == last->outside + 1 : !next->outside;

    return outside && next->inside == last->inside + 1 && strcmp(last->ip, next->ip) == 0 &&
           strcmp(last->type, next->type) == 0;
}

static void add_range(struct buf *b, const struct port *first, const struct port *last)
{
    if (b->len)
        buf_puts(b, ", ");
    if (first->outside) {
        bool is_v6 = strchr(first->ip, ':') && strcmp(first->ip, "::") != 0;

        buf_printf(b, is_v6 ? "[%s]:%lld" : "%s:%lld", strcmp(first->ip, "::") ? first->ip : "[::]",
                   (long long)first->outside);
        if (last != first)
            buf_printf(b, "-%lld", (long long)last->outside);
        buf_puts(b, "->");
    }
    buf_printf(b, "%lld", (long long)first->inside);
    if (last != first)
        buf_printf(b, "-%lld", (long long)last->inside);
    buf_printf(b, "/%s", first->type);
}

/* One address at a time, so that the ranges of 0.0.0.0 are not cut by those of ::. */
static int by_address(const void *a, const void *b)
{
    const struct port *x = a, *y = b;
    int order = strcmp(x->ip, y->ip);

    if (!order)
        order = strcmp(x->type, y->type);
    return order ? order : by_port(a, b);
}

struct port_span {
    const struct port *first, *last;
};

static int by_first(const void *a, const void *b)
{
    return by_port(((const struct port_span *)a)->first, ((const struct port_span *)b)->first);
}

char *ps_ports(struct arena *a, const struct json *ports)
{
    size_t n = json_len(ports), i = 0, n_ranges = 0;
    struct port *p = arena_array(a, n + 1, sizeof(*p));
    struct port_span *ranges = arena_array(a, n + 1, sizeof(*ranges));
    autobuf struct buf b = {0};

    for (const struct json *j = json_first(ports); j; j = json_next(j))
        p[i++] = (struct port){.ip = text_of(j, "IP"),
                               .type = text_of(j, "Type"),
                               .inside = json_int(json_get(j, "PrivatePort")),
                               .outside = json_int(json_get(j, "PublicPort"))};
    qsort(p, n, sizeof(*p), by_address);
    for (i = 0; i < n; i++) {
        if (i && continues(&p[i - 1], &p[i]))
            ranges[n_ranges - 1].last = &p[i];
        else
            ranges[n_ranges++] = (struct port_span){&p[i], &p[i]};
    }
    qsort(ranges, n_ranges, sizeof(*ranges), by_first);
    for (i = 0; i < n_ranges; i++)
        add_range(&b, ranges[i].first, ranges[i].last);
    return arena_strdup(a, b.data ? b.data : "");
}

/* Names come with the slash in front that Docker stores them with. */
static char *names_text(struct arena *a, const struct json *names, bool truncates)
{
    autobuf struct buf b = {0};

    for (const struct json *j = json_first(names); j; j = json_next(j)) {
        const char *name = json_str(j) ? json_str(j) : "";

        name += name[0] == '/';
        if (truncates && strchr(name, '/'))
            continue; /* a link's alias */
        buf_printf(&b, "%s%s", b.len ? "," : "", name);
    }
    return arena_strdup(a, b.data ? b.data : "");
}

/* A name with a digest is shown without it, as Docker does; a bare id is cut to twelve digits. */
static char *image_text(struct arena *a, const struct json *s, bool truncates)
{
    const char *image = text_of(s, "Image"), *id = text_of(s, "ImageID");
    const char *digest;

    if (!image[0])
        return arena_strdup(a, "<no image>");
    if (!truncates)
        return arena_strdup(a, image);
    if (strcmp(image, id) == 0 || text_starts(image, "sha256:"))
        return short_id(a, image);
    digest = strstr(image, "@sha256:");
    return digest ? arena_strndup(a, image, (size_t)(digest - image)) : arena_strdup(a, image);
}

static char *size_text(struct arena *a, const struct json *s)
{
    int64_t root = json_int(json_get(s, "SizeRootFs"));
    char *own = text_size(a, json_int(json_get(s, "SizeRw")));

    return root > 0 ? arena_printf(a, "%s (virtual %s)", own, text_size(a, root)) : own;
}

static char *command_text(struct arena *a, const char *command, bool truncates)
{
    autobuf struct buf b = {0};
    const char *shown = truncates ? ellipsis(a, command, 20) : command;

    json_quote(&b, shown, strlen(shown));
    return arena_strdup(a, b.data);
}

static void add_lists(struct arena *a, const struct json *s, bool truncates, struct pairs *row)
{
    autobuf struct buf mounts = {0}, networks = {0};
    int64_t locals = 0;

    for (const struct json *j = json_first(json_get(s, "Mounts")); j; j = json_next(j)) {
        const char *name = text_of(j, "Name")[0] ? text_of(j, "Name") : text_of(j, "Source");

        locals += strcmp(text_of(j, "Driver"), "local") == 0;
        if (truncates)
            name = ellipsis(a, name, 15);
        buf_printf(&mounts, "%s%s", mounts.len ? "," : "", name);
    }
    for (const struct json *j = json_first(json_get(json_get(s, "NetworkSettings"), "Networks")); j;
         j = json_next(j))
        buf_printf(&networks, "%s%s", networks.len ? "," : "", json_key(j));
    pairs_set(a, row, "LocalVolumes", arena_printf(a, "%lld", (long long)locals));
    pairs_set(a, row, "Mounts", mounts.data ? mounts.data : "");
    pairs_set(a, row, "Names", names_text(a, json_get(s, "Names"), truncates));
    pairs_set(a, row, "Networks", networks.data ? networks.data : "");
}

struct pairs ps_row(struct arena *a, const struct json *s, bool truncates)
{
    int64_t created = json_int(json_get(s, "Created"));
    const char *id = text_of(s, "Id");
    struct pairs labels = labels_pairs(a, json_get(s, "Labels"));
    struct pairs row = {0};

    pairs_set(a, &row, "Command", command_text(a, text_of(s, "Command"), truncates));
    pairs_set(a, &row, "CreatedAt", local_time(a, created));
    pairs_set(a, &row, "ID", truncates ? short_id(a, id) : id);
    pairs_set(a, &row, "Image", image_text(a, s, truncates));
    pairs_set(a, &row, "Labels", labels_text(a, json_get(s, "Labels")));
    add_lists(a, s, truncates, &row);
    pairs_set(a, &row, "Ports", ps_ports(a, json_get(s, "Ports")));
    pairs_set(a, &row, "RunningFor", ago(a, created));
    pairs_set(a, &row, "Size", size_text(a, s));
    pairs_set(a, &row, "State", text_of(s, "State"));
    pairs_set(a, &row, "Status", text_of(s, "Status"));
    rows_labels(a, &row, &labels);
    return row;
}
