/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splitting references. A colon is a tag only after the last slash: before it, it is a port.
 * The engine checks references in full; here only what the client must know is decided.
 */
#include "image_name.h"

#include <ctype.h>
#include <string.h>

static bool has_registry(const char *name)
{
    size_t n = strcspn(name, "/");

    return name[n] && (memchr(name, '.', n) || memchr(name, ':', n) ||
                       (n == 9 && memcmp(name, "localhost", 9) == 0));
}

static bool has_upper(const char *s)
{
    for (; *s; s++)
        if (isupper((unsigned char)*s))
            return true;
    return false;
}

struct err *image_name_parse(struct arena *a, const char *text, struct image_name *out)
{
    struct image_name n = {.repository = arena_strdup(a, text)};
    char *at = strchr(n.repository, '@');
    char *slash, *colon;
    const char *path, *prefix = "";

    if (at) {
        *at = '\0';
        n.digest = at + 1;
    }
    slash = strrchr(n.repository, '/');
    colon = strrchr(slash ? slash : n.repository, ':');
    if (colon) {
        *colon = '\0';
        n.tag = colon + 1;
    }
    path = n.repository;
    n.registry = arena_strdup(a, "docker.io");
    if (has_registry(path)) {
        size_t len = strcspn(path, "/");

        n.registry = arena_strndup(a, path, len);
        path += len + 1;
    }
    if (!*path || (n.tag && !*n.tag) || strpbrk(text, " \t\n"))
        return err_new(ERR_INVALID, "invalid reference format");
    if (has_upper(path))
        return err_new(ERR_INVALID, "invalid reference format: repository name must be lowercase");
    if (strcmp(n.registry, "docker.io") == 0 && !strchr(path, '/'))
        prefix = "library/";
    if (n.digest)
        n.full = arena_printf(a, "%s/%s%s@%s", n.registry, prefix, path, n.digest);
    else
        n.full = arena_printf(a, "%s/%s%s:%s", n.registry, prefix, path, n.tag ? n.tag : "latest");
    *out = n;
    return NULL;
}
