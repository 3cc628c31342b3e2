/* SPDX-License-Identifier: Apache-2.0 */
/* links: build */
/*
 * The first line is a path, the rest a .dockerignore: what is below a folder that need not be
 * read is left out.
 */
#include "build/go_glob.h"
#include "build/ignore.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a walk would name it: no empty part, no "." or "..". */
static bool is_clean(struct arena *a, const char *path)
{
    struct strs parts = text_split(a, path, '/');

    for (size_t i = 0; i < parts.n; i++)
        if (!*parts.v[i] || !strcmp(parts.v[i], ".") || !strcmp(parts.v[i], ".."))
            return false;
    return parts.n;
}

static void check_path(struct arena *a, const struct ignore *g, const char *path)
{
    bool is_out = ignore_excludes(g, path);

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        const char *folder = arena_strndup(a, path, (size_t)(slash - path));

        if (ignore_skips_folder(g, folder))
            ASSERT(is_out);
    }
}

static void check_glob(struct arena *a, const char *pattern, const char *path)
{
    if (!go_glob_is_valid(pattern) || !text_glob(pattern, path))
        return;
    if (!go_glob_is_wild(pattern))
        ASSERT(!strcmp(go_glob_literal(a, pattern), path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    autoarena struct arena *a = arena_create();
    char *path = arena_strndup(a, (const char *)data, size), *rest = strchr(path, '\n');
    struct ignore *g;
    struct err *e;

    if (!rest || size > 4096)
        return 0;
    *rest++ = '\0';
    e = ignore_parse(a, ".dockerignore", rest, size - (size_t)(rest - path), &g);
    if (!e && is_clean(a, path))
        check_path(a, g, path);
    err_drop(e);
    rest[strcspn(rest, "\n")] = '\0';
    if (is_clean(a, path))
        check_glob(a, rest, path);
    return 0;
}
