/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser of WWW-Authenticate (RFC 9110, 11.6.1). Pure, any thread. A header
 * is scheme [params] {, scheme [params]}: a word followed by '=' is a parameter
 * of the scheme before it, any other word begins the next challenge.
 */
#include "challenge.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { HEADER_MAX = 16384 };

static const char *skip_space(const char *s, bool and_commas)
{
    while (*s == ' ' || *s == '\t' || (and_commas && *s == ','))
        s++;
    return s;
}

static size_t word_len(const char *s)
{
    size_t n = 0;

    while (s[n] && (isalnum((unsigned char)s[n]) || strchr("!#$%&'*+-.^_`|~", s[n])))
        n++;
    return n;
}

/* A quoted string or a bare value; returns what follows, NULL when a quote never ends. */
static const char *read_value(struct arena *a, const char *s, char **out)
{
    autobuf struct buf b = {0};

    if (*s != '"') {
        size_t n = strcspn(s, ", \t");

        *out = arena_strndup(a, s, n);
        return s + n;
    }
    for (s++; *s && *s != '"'; s++) {
        if (*s == '\\' && s[1])
            s++;
        buf_putc(&b, *s);
    }
    if (!*s)
        return NULL;
    *out = arena_strndup(a, b.data ? b.data : "", b.len);
    return s + 1;
}

static enum challenge_scheme scheme_of(const char *s, size_t n)
{
    if (n == 6 && !strncasecmp(s, "bearer", n))
        return CHALLENGE_BEARER;
    if (n == 5 && !strncasecmp(s, "basic", n))
        return CHALLENGE_BASIC;
    return CHALLENGE_NONE;
}

static void set_param(struct challenge *c, const char *key, size_t n, char *value)
{
    static const struct {
        const char *name;
        size_t offset;
    } params[] = {
        {"realm", offsetof(struct challenge, realm)},
        {"service", offsetof(struct challenge, service)},
        {"scope", offsetof(struct challenge, scope)},
        {"error", offsetof(struct challenge, error)},
    };

    for (size_t i = 0; i < ARRAY_LEN(params); i++)
        if (strlen(params[i].name) == n && !strncasecmp(params[i].name, key, n))
            *(char **)((char *)c + params[i].offset) = value;
}

/* The highest scheme that we know and can follow. */
static void keep_better(struct challenge *best, const struct challenge *c)
{
    if (c->scheme == CHALLENGE_BEARER && text_is_empty(c->realm))
        return; /* nowhere to go for a token */
    if (c->scheme > best->scheme)
        *best = *c;
}

void challenge_parse(struct arena *a, const char *header, struct challenge *out)
{
    struct challenge best = {0}, c = {0};
    const char *s = header;

    *out = best;
    if (strlen(header) > HEADER_MAX)
        return;
    while (*(s = skip_space(s, true))) {
        size_t n = word_len(s);
        const char *after = skip_space(s + n, false);

        if (!n)
            break;
        if (*after == '=' && after[1] != '=') {
            char *value = NULL;

            after = read_value(a, skip_space(after + 1, false), &value);
            if (!after)
                break;
            set_param(&c, s, n, value);
            s = after;
        } else {
            keep_better(&best, &c);
            c = (struct challenge){.scheme = scheme_of(s, n)};
            s += n;
            if (c.scheme == CHALLENGE_NONE) /* its token68, if any, is not for us */
                s += strspn(skip_space(s, false), "=");
        }
    }
    keep_better(&best, &c);
    *out = best;
}
