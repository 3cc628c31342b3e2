/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals of a registry: {"errors":[{"code":…,"message":…}]} and what other
 * servers send instead. Pure. The text is Docker's "code in small letters: message".
 */
#include "fetch.h"

#include "base/json.h"

#include <string.h>

enum { TEXT_MAX = 300 };

static const struct known_status {
    int status;
    const char *code, *text;
    enum err_kind kind;
} known_statuses[] = {
    {401, "UNAUTHORIZED", "unauthorized: authentication required", ERR_UNAUTHORIZED},
    {403, "DENIED", "denied: requested access to the resource is denied", ERR_FORBIDDEN},
    {404, "", "not found", ERR_NOT_FOUND},
    {429, "TOOMANYREQUESTS", "toomanyrequests: too many requests", ERR_UNAVAILABLE},
};

/* A stranger's text in our sentence: short and printable. */
static char *tame(struct arena *a, const char *s)
{
    char *copy = arena_strndup(a, s, strnlen(s, TEXT_MAX));

    for (char *p = copy; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    return text_trim(copy);
}

static char *small_words(struct arena *a, const char *code)
{
    char *words = arena_strdup(a, code);

    text_lower(words);
    for (char *p = words; *p; p++)
        if (*p == '_')
            *p = ' ';
    return words;
}

/* The first error of the document, NULL when it is none. */
static char *said(struct arena *a, const struct buf *body, const char **out_code)
{
    const struct json *doc = NULL, *first;
    autoerr struct err *e = json_parse(a, body->data ? body->data : "", body->len, &doc);
    const char *code, *message;

    if (e)
        return NULL;
    first = json_first(json_get(doc, "errors"));
    code = json_str(json_get(first, "code"));
    message = json_str(json_get(first, "message"));
    if (!code) { /* the token service of Docker Hub */
        message = json_str(json_get(doc, "details"));
        return message ? arena_printf(a, "unauthorized: %s", tame(a, message)) : NULL;
    }
    *out_code = tame(a, code);
    return arena_printf(a, "%s: %s", small_words(a, *out_code), message ? tame(a, message) : "");
}

struct err *registry_err(struct arena *a, int status, const char *url, const struct buf *body,
                         const char **out_code)
{
    const struct known_status *known = NULL;
    char *text;

    *out_code = "";
    for (size_t i = 0; i < ARRAY_LEN(known_statuses); i++)
        if (known_statuses[i].status == status)
            known = &known_statuses[i];
    if (known)
        *out_code = known->code;
    text = said(a, body, out_code);
    if (text)
        return err_new(known ? known->kind : ERR_INTERNAL, "%s", text);
    if (known && *known->code)
        return err_new(known->kind, "%s", known->text);
    return err_new(known ? known->kind : ERR_INTERNAL,
                   "received unexpected HTTP status from \"%s\": %d", url, status);
}
