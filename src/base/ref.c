/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image references: Docker's grammar and its normalisation. Pure, any thread.
 * The one thing to know: the first part of a name is a registry only if it has a
 * dot, a colon or an upper case letter, or is "localhost"; everything else
 * belongs to docker.io, and single names there live under library/.
 */
#include <ctype.h>
#include <string.h>

#include "base/digest.h"
#include "base/ref.h"

#include "base/digest.h"
#include "base/text.h"

#define HUB "docker.io"
#define HUB_OLD "index.docker.io"
#define HUB_LIBRARY "library/"
#define BAD "invalid reference format"

enum { NAME_MAX_LEN = 255, TAG_MAX_LEN = 128, REF_MAX_LEN = 512 };

static bool is_path_char(char c)
{
    return islower((unsigned char)c) || isdigit((unsigned char)c);
}

/* Length of a separator inside a path component: one of . _ __ or any number of -. */
static size_t separator_len(const char *s)
{
    if (*s == '-')
        return strspn(s, "-");
    if (*s == '_')
        return s[1] == '_' ? 2 : 1;
    return *s == '.';
}

static bool component_is_valid(const char *s)
{
    if (!is_path_char(*s))
        return false;
    while (*s) {
        while (is_path_char(*s))
            s++;
        if (!*s)
            return true;
        s += separator_len(s);
        if (!is_path_char(*s))
            return false;
    }
    return true;
}

static bool path_is_valid(struct arena *a, const char *path)
{
    struct strs parts = text_split(a, path, '/');

    for (size_t i = 0; i < parts.n; i++)
        if (!component_is_valid(parts.v[i]))
            return false;
    return parts.n > 0;
}

static bool port_is_valid(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

static bool label_is_valid(const char *s, size_t n)
{
    if (!n || s[0] == '-' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '-')
            return false;
    return true;
}

static bool ipv6_domain_is_valid(const char *s)
{
    size_t n = strspn(s + 1, "0123456789abcdefABCDEF:");

    if (!n || s[n + 1] != ']')
        return false;
    s += n + 2;
    return !*s || (*s == ':' && port_is_valid(s + 1));
}

static bool domain_is_valid(const char *s)
{
    if (*s == '[')
        return ipv6_domain_is_valid(s);
    for (;;) {
        size_t n = strcspn(s, ".:");

        if (!label_is_valid(s, n))
            return false;
        s += n;
        if (*s != '.')
            break;
        s++;
    }
    return !*s || port_is_valid(s + 1);
}

static bool tag_is_valid(const char *s)
{
    size_t n = strlen(s);

    if (!n || n > TAG_MAX_LEN || *s == '.' || *s == '-')
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
            return false;
    return true;
}

static bool has_upper(const char *s)
{
    for (; *s; s++)
        if (isupper((unsigned char)*s))
            return true;
    return false;
}

static bool is_domain(const char *first)
{
    return strpbrk(first, ".:[") || !strcmp(first, "localhost") || has_upper(first);
}

/* Splits "host/path" and gives docker.io's names their long form. */
static void split_domain(struct arena *a, const char *name, struct ref *out)
{
    const char *slash = strchr(name, '/');

    out->domain = slash ? arena_strndup(a, name, (size_t)(slash - name)) : NULL;
    if (out->domain && is_domain(out->domain)) {
        out->path = arena_strdup(a, slash + 1);
    } else {
        out->domain = arena_strdup(a, HUB);
        out->path = arena_strdup(a, name);
    }
    if (!strcmp(out->domain, HUB_OLD))
        out->domain = arena_strdup(a, HUB);
    if (!strcmp(out->domain, HUB) && !strchr(out->path, '/'))
        out->path = arena_printf(a, HUB_LIBRARY "%s", out->path);
}

static struct err *check_name(struct arena *a, const char *name, const struct ref *r)
{
    if (text_is_hex(name, 64))
        return err_new(ERR_INVALID,
                       "invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
                       name);
    if (has_upper(r->path))
        return err_new(ERR_INVALID, BAD ": repository name must be lowercase");
    if (!domain_is_valid(r->domain) || !path_is_valid(a, r->path))
        return err_new(ERR_INVALID, BAD);
    if (strlen(r->domain) + 1 + strlen(r->path) > NAME_MAX_LEN)
        return err_new(ERR_INVALID, "repository name must not be more than %d characters",
                       NAME_MAX_LEN);
    return NULL;
}

struct err *ref_parse(struct arena *a, const char *s, struct ref *out)
{
    struct ref r = {0};
    char *name, *mark;

    if (strlen(s) > REF_MAX_LEN)
        return err_new(ERR_INVALID, BAD);
    name = arena_strdup(a, s);
    mark = strchr(name, '@');
    if (mark) {
        *mark = '\0';
        r.digest = mark + 1;
        if (!digest_is_valid(r.digest))
            return err_new(ERR_INVALID, BAD);
    }
    mark = strrchr(name, ':');
    if (mark && !strchr(mark, '/')) {
        *mark = '\0';
        r.tag = mark + 1;
        if (!tag_is_valid(r.tag))
            return err_new(ERR_INVALID, BAD);
    }
    split_domain(a, name, &r);
    TRY(check_name(a, name, &r));
    *out = r;
    return NULL;
}

struct err *ref_set_tag(struct arena *a, struct ref *r, const char *tag)
{
    if (!tag_is_valid(tag))
        return err_new(ERR_INVALID, "invalid tag format");
    r->tag = arena_strdup(a, tag);
    return NULL;
}

char *ref_familiar_name(struct arena *a, const struct ref *r)
{
    const char *path = r->path, *rest;

    if (strcmp(r->domain, HUB) != 0)
        return arena_printf(a, "%s/%s", r->domain, path);
    rest = text_starts(path, HUB_LIBRARY) ? path + strlen(HUB_LIBRARY) : "/";
    if (!strchr(rest, '/') && !text_is_hex(rest, 64)) /* 64 digits alone would be an id */
        path = rest;
    else if (is_domain(arena_strndup(a, path, strcspn(path, "/"))))
        return arena_printf(a, HUB "/%s", path); /* else its first part would be the registry */
    return arena_strdup(a, path);
}

static char *with_suffixes(struct arena *a, const char *name, const struct ref *r)
{
    return arena_printf(a, "%s%s%s%s%s", name, r->tag ? ":" : "", r->tag ? r->tag : "",
                        r->digest ? "@" : "", r->digest ? r->digest : "");
}

char *ref_familiar(struct arena *a, const struct ref *r)
{
    return with_suffixes(a, ref_familiar_name(a, r), r);
}

char *ref_full(struct arena *a, const struct ref *r)
{
    return with_suffixes(a, arena_printf(a, "%s/%s", r->domain, r->path), r);
}
