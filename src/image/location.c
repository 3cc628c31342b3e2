/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses by libcurl's own parser: two parsers could be of two opinions about which host a text
 * means, and a password would go to the other one.
 */
#include "location.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

static void free_url(CURLU **u)
{
    curl_url_cleanup(*u);
}
#define autourl __attribute__((cleanup(free_url)))

static void free_part(char **s)
{
    curl_free(*s);
}
#define autopart __attribute__((cleanup(free_part)))

static CURLU *parse(const char *text)
{
    CURLU *u = curl_url();

    ASSERT(u);
    if (strlen(text) <= LOCATION_MAX && curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK)
        return u;
    curl_url_cleanup(u);
    return NULL;
}

static char *part(CURLU *u, CURLUPart what, unsigned flags)
{
    char *s = NULL;

    return curl_url_get(u, what, &s, flags) == CURLUE_OK ? s : NULL;
}

static bool is_web(CURLU *u)
{
    autopart char *scheme = part(u, CURLUPART_SCHEME, 0), *user = part(u, CURLUPART_USER, 0),
                  *password = part(u, CURLUPART_PASSWORD, 0);

    return scheme && (!strcasecmp(scheme, "http") || !strcasecmp(scheme, "https")) && !user &&
           !password;
}

static bool is_plain(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
            return false;
    return true;
}

struct err *location_join(struct arena *a, const char *base, const char *location, char **out)
{
    autourl CURLU *u = parse(base);
    autopart char *whole = NULL;
    bool is_taken = u && !text_is_empty(location) && strlen(location) <= LOCATION_MAX &&
                    is_plain(location) &&
                    curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK && is_web(u);

    if (is_taken)
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    if (is_taken)
        whole = part(u, CURLUPART_URL, 0);
    if (!whole || strlen(whole) > LOCATION_MAX)
        return err_new(ERR_INVALID, "the registry sends us to \"%.300s\", which is no web address",
                       location && is_plain(location) ? location : "");
    *out = arena_strdup(a, whole);
    return NULL;
}

bool location_is_same_host(const char *left, const char *right)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    autourl CURLU *l = parse(left), *r = parse(right);

    for (size_t i = 0; l && r && i < ARRAY_LEN(parts); i++) {
        autopart char *x = part(l, parts[i], CURLU_DEFAULT_PORT),
                      *y = part(r, parts[i], CURLU_DEFAULT_PORT);

        if (!x || !y || strcasecmp(x, y) != 0)
            return false;
    }
    return l && r;
}

char *location_keep_tls(struct arena *a, const char *base, const char *url)
{
    const char *rest = text_starts(url, "http://") ? url + 7 : NULL;
    char *with_tls = rest ? arena_printf(a, "https://%s", rest) : NULL;

    return with_tls && location_is_same_host(base, with_tls) ? with_tls : arena_strdup(a, url);
}

char *location_add_query(struct arena *a, const char *url, const char *key, const char *value)
{
    return arena_printf(a, "%s%s%s=%s", url, strchr(url, '?') ? "&" : "?", key,
                        text_to_query(a, value));
}

bool location_range(const char *range, int64_t *out_bytes)
{
    const char *dash;
    int64_t last;

    if (!range)
        return false;
    if (text_starts(range, "bytes=") || text_starts(range, "bytes "))
        range += 6;
    dash = strchr(range, '-');
    if (!dash || dash != range + 1 || *range != '0' || dash[1] < '0' || dash[1] > '9' ||
        !text_to_i64(dash + 1, &last) || last < 0 || last == INT64_MAX)
        return false;
    *out_bytes = last ? last + 1 : 0;
    return true;
}
