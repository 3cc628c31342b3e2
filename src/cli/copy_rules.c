/* SPDX-License-Identifier: Apache-2.0 */
/* docker cp's rules, the same in both directions. Pure. */
#include "copy_rules.h"

#include <string.h>

#include "base/fd.h"

bool copy_split(struct arena *a, const char *arg, const char **out_container, const char **out_path)
{
    const char *colon = strchr(arg, ':');

    if (arg[0] == '/' || arg[0] == '.' || !colon || colon == arg)
        return false;
    *out_container = arena_strndup(a, arg, (size_t)(colon - arg));
    *out_path = colon + 1;
    return true;
}

const char *copy_name(struct arena *a, const char *path)
{
    size_t n = strlen(path);
    const char *clean = path_clean(a, path);

    if (!clean[1] || (n && path[n - 1] == '.' && path_means_directory(path)))
        return ".";
    return strrchr(clean, '/') + 1;
}

static const char *dir_of(struct arena *a, const char *path)
{
    const char *clean = path_clean(a, path), *slash = strrchr(clean, '/');

    return slash == clean ? "/" : arena_strndup(a, clean, (size_t)(slash - clean));
}

struct err *copy_place(struct arena *a, const char *source_name, bool source_is_dir,
                       const struct copy_end *to, const char **out_dir, const char **out_name)
{
    if (to->exists && to->is_dir) {
        *out_dir = to->path;
        *out_name = source_name;
        return NULL;
    }
    if (to->exists && source_is_dir)
        return err_new(ERR_INVALID, "cannot copy directory: %s is no directory", to->path);
    if (path_means_directory(to->path) && !source_is_dir)
        return err_new(ERR_INVALID, to->exists ? "not a directory: %s" : "no such directory: %s",
                       to->path);
    *out_dir = dir_of(a, to->path);
    *out_name = copy_name(a, path_clean(a, to->path));
    return NULL;
}
