/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching of paths. Image names contain slashes, colons and ports, and a container has names of
 * links ("web/db"), so "{*}" is greedy and the
 * pattern's rest is matched at the end of the path; the table lists special cases first. Pure.
 */
#include "router.h"

#include <ctype.h>
#include <string.h>

static bool match_segment(struct arena *a, const char **pattern, const char **path, char **arg)
{
    size_t n = strcspn(*path, "/");

    if (n == 0)
        return false;
    *arg = arena_strndup(a, *path, n);
    *pattern += strlen("{}");
    *path += n;
    return true;
}

/* Names have slashes: "{*}" takes all up to the fixed end of the pattern. */
static bool match_greedy(struct arena *a, const char *suffix, const char *path, char **arg)
{
    size_t len = strlen(path), suffix_len = strlen(suffix);

    if (len <= suffix_len || strcmp(path + len - suffix_len, suffix) != 0)
        return false;
    *arg = arena_strndup(a, path, len - suffix_len);
    return true;
}

static bool match_path(struct arena *a, const char *pattern, const char *path,
                       char *args[ROUTE_ARGS_MAX])
{
    size_t n = 0;

    ASSERT(pattern[0] == '/');
    while (*pattern) {
        if (text_starts(pattern, "{*}"))
            return match_greedy(a, pattern + strlen("{*}"), path, &args[n]);
        if (text_starts(pattern, "{}")) {
            if (!match_segment(a, &pattern, &path, &args[n++]))
                return false;
            continue;
        }
        if (*pattern++ != *path++)
            return false;
    }
    return !*path;
}

bool router_match(struct arena *a, const struct route *table, const char *method, const char *path,
                  struct route_match *out)
{
    for (const struct route *r = table; r->method; r++) {
        struct route_match m = {.route = r};

        if (strcmp(r->method, method) != 0 || !match_path(a, r->pattern, path, m.args))
            continue;
        *out = m;
        return true;
    }
    return false;
}

/* Up to three digits, as more than any version needs; -1 when there is none. */
static int take_number(const char **s)
{
    int n = -1;

    for (int digits = 0; digits < 3 && isdigit((unsigned char)**s); digits++, (*s)++)
        n = (n < 0 ? 0 : n) * 10 + (**s - '0');
    return n;
}

struct err *router_version(const char **path, int oldest, int newest, int *out)
{
    const char *text = *path + 2, *s = text;
    size_t len;
    int major, minor = 0;

    *out = newest;
    if (!text_starts(*path, "/v") || !isdigit((unsigned char)*text))
        return NULL;
    len = strspn(text, "0123456789.");
    if (text[len] != '/')
        return NULL;
    major = take_number(&s);
    if (*s == '.') {
        s++;
        minor = take_number(&s);
    }
    *path = text + len;
    *out = major * 100 + (minor < 0 ? 0 : minor > 99 ? 99 : minor);
    if (*out < oldest)
        return err_new(ERR_INVALID,
                       "client version %.*s is too old. Minimum supported API version is %d.%d, "
                       "please upgrade your client to a newer version",
                       (int)len, text, oldest / 100, oldest % 100);
    if (*out > newest)
        return err_new(ERR_INVALID,
                       "client version %.*s is too new. Maximum supported API version is %d.%d",
                       (int)len, text, newest / 100, newest % 100);
    return NULL;
}
