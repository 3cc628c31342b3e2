/* SPDX-License-Identifier: Apache-2.0 */
/* Filters and times on their way to the engine, ids and times on their way to people. */
#include "query.h"

#include "base/clock.h"
#include "base/digest.h"

#include <string.h>
#include <time.h>

/* Filters of one key go into one list, at the place of the first. */
static bool is_key_before(const struct strs *filters, size_t at, const char *key)
{
    size_t n = strlen(key);

    for (size_t i = 0; i < at; i++)
        if (strncmp(filters->v[i], key, n) == 0 && filters->v[i][n] == '=')
            return true;
    return false;
}

struct err *query_filters(struct arena *a, const struct strs *filters, char **out)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    *out = arena_strdup(a, "");
    if (!filters->n)
        return NULL;
    jw_obj(&w, NULL);
    for (size_t i = 0; i < filters->n; i++) {
        const char *sign = strchr(filters->v[i], '=');
        const char *key;

        if (!sign)
            return err_new(ERR_INVALID,
                           "invalid argument \"%s\" for \"-f, --filter\" flag: bad format of "
                           "filter (expected name=value)",
                           filters->v[i]);
        key = arena_strndup(a, filters->v[i], (size_t)(sign - filters->v[i]));
        if (is_key_before(filters, i, key))
            continue;
        jw_arr(&w, key);
        for (size_t k = i; k < filters->n; k++)
            if (text_starts(filters->v[k], key) && filters->v[k][strlen(key)] == '=')
                jw_str(&w, NULL, filters->v[k] + strlen(key) + 1);
        jw_arr_end(&w);
    }
    jw_obj_end(&w);
    *out = arena_printf(a, "filters=%s", text_to_query(a, b.data));
    return NULL;
}

/* A duration counts back from now; the rest is a time as Docker's CLI takes them. */
struct err *query_since(struct arena *a, const char *text, char **out)
{
    int64_t ns;

    if (text_starts(text, "-") && clock_from_duration(text + 1, &ns))
        ns = clock_wall_ns() + ns;
    else if (clock_from_duration(text, &ns) && strpbrk(text, "hmsµun"))
        ns = clock_wall_ns() - ns;
    else if (!clock_from_unix(text, &ns) && !clock_from_rfc3339(text, &ns) &&
             !clock_from_rfc3339(arena_printf(a, "%sZ", text), &ns) &&
             !clock_from_rfc3339(arena_printf(a, "%sT00:00:00Z", text), &ns))
        return err_new(ERR_INVALID, "failed to parse value as time or duration: \"%s\"", text);
    *out = arena_printf(a, "%lld.%09lld", (long long)(ns / NS_PER_S), (long long)(ns % NS_PER_S));
    return NULL;
}

char *size_fine(struct arena *a, int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double size = (double)bytes;
    size_t unit = 0;

    while (size >= 1000 && unit + 1 < ARRAY_LEN(units)) {
        size /= 1000;
        unit++;
    }
    return arena_printf(a, "%.4g%s", size, units[unit]);
}

char *short_id(struct arena *a, const char *id)
{
    if (text_starts(id, "sha256:"))
        id += strlen("sha256:");
    return arena_strndup(a, id, strnlen(id, ID_SHORT));
}

char *ago(struct arena *a, int64_t unix_seconds)
{
    if (unix_seconds <= 0)
        return arena_strdup(a, "N/A");
    return arena_printf(a, "%s ago", text_ago(a, clock_wall_ns() / NS_PER_S - unix_seconds));
}

char *local_time(struct arena *a, int64_t unix_seconds)
{
    time_t t = (time_t)unix_seconds;
    char text[64];
    struct tm tm;

    localtime_r(&t, &tm);
    if (!strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm))
        text[0] = '\0';
    return arena_strdup(a, text);
}

/* In characters, not bytes. */
char *ellipsis(struct arena *a, const char *s, size_t n)
{
    size_t count = 0, cut = 0;

    for (const char *p = s; *p; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue;
        if (count == n - 1)
            cut = (size_t)(p - s);
        count++;
    }
    if (count <= n)
        return arena_strdup(a, s);
    return arena_printf(a, "%.*s…", (int)cut, s);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

struct pairs labels_pairs(struct arena *a, const struct json *labels)
{
    struct pairs p = {0};

    for (const struct json *m = json_first(labels); m; m = json_next(m))
        pairs_add(a, &p, json_key(m), json_str(m) ? json_str(m) : "");
    if (p.n)
        qsort(p.v, p.n, sizeof(*p.v), by_key);
    return p;
}

char *labels_text(struct arena *a, const struct json *labels)
{
    struct pairs p = labels_pairs(a, labels);
    autobuf struct buf b = {0};

    for (size_t i = 0; i < p.n; i++)
        buf_printf(&b, "%s%s=%s", i ? "," : "", p.v[i].key, p.v[i].value);
    return arena_strdup(a, b.data ? b.data : "");
}

const char *text_of(const struct json *object, const char *key)
{
    const char *s = json_str(json_get(object, key));

    return s ? s : "";
}

char *query_platform(struct arena *a, const char *text)
{
    static const char *const keys[] = {"os", "architecture", "variant"};
    struct strs parts = text_split(a, text, '/');
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    jw_obj(&w, NULL);
    for (size_t i = 0; i < parts.n && i < ARRAY_LEN(keys); i++)
        jw_str(&w, keys[i], parts.v[i]);
    jw_obj_end(&w);
    return text_to_query(a, parts.n > ARRAY_LEN(keys) ? text : b.data);
}
