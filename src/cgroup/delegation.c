/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delegation: an engine that a service manager has started in a cgroup which it gave away works
 * below that and nowhere else. systemd says so by an extended attribute on the unit's cgroup
 * (systemd.resource-control(5), Delegate=); any other manager may do the same. Without such a mark
 * above us, all that is mounted is ours. Start-up.
 */
#include "delegation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

#define CGROUP_TEXT_MAX 65536

/* Lines of "4:cpu,cpuacct:/a/b", "1:name=systemd:/a", "0::/a". */
char *delegation_own_path(struct arena *a, const char *text, const char *name)
{
    struct strs lines = text_split(a, text, '\n');

    for (size_t i = 0; i < lines.n; i++) {
        char *names = strchr(lines.v[i], ':');
        char *path = names ? strchr(names + 1, ':') : NULL;

        if (!path)
            continue;
        *path++ = '\0';
        struct strs all = text_split(a, names + 1, ',');
        if (*name ? strs_has(&all, name) : names[1] == '\0')
            return path;
    }
    return NULL;
}

/* "/" and what is above our cgroup namespace are none of ours. */
static char *own_path(struct arena *a, const struct cgroup_mount *m)
{
    char *text, *path;
    size_t len;
    struct err *e = file_read(a, AT_FDCWD, "/proc/self/cgroup", CGROUP_TEXT_MAX, &text, &len);

    if (e) {
        err_drop(e);
        return arena_strdup(a, "");
    }
    path = delegation_own_path(a, text, m->name);
    if (!path || strstr(path, "/..") || !strcmp(path, "/"))
        return arena_strdup(a, "");
    return path;
}

static bool is_given(const char *path)
{
    char value[2] = "";

    return (getxattr(path, "trusted.delegate", value, 1) == 1 && *value == '1') ||
           (getxattr(path, "user.delegate", value, 1) == 1 && *value == '1');
}

char *delegation_find(struct arena *a, const struct cgroup_mount *mounts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *path = own_path(a, &mounts[i]), *slash;

        while (*path) {
            if (is_given(arena_printf(a, "%s%s", mounts[i].path, path)))
                return path;
            slash = strrchr(path, '/');
            *slash = '\0';
        }
    }
    return arena_strdup(a, "");
}

char *delegation_in(struct arena *a, const struct cgroup_mount *m, const char *delegated)
{
    size_t n = strlen(delegated);
    const char *path = own_path(a, m);
    bool is_inside = n && text_starts(path, delegated) && (path[n] == '/' || !path[n]);

    return arena_strdup(a, is_inside ? delegated : "");
}

/* Everybody that was in there with us stays: it is not ours to move. */
struct err *delegation_step_down(struct arena *a, const struct hierarchy *h, const char *own)
{
    const char *place = arena_printf(a, "%s.engine", own);
    char *text;
    size_t len;

    if (faccessat(h->base_dir, "cgroup.type", F_OK, 0) != 0)
        return NULL; /* the root of all */
    TRY(file_read(a, h->base_dir, "cgroup.procs", 1 << 20, &text, &len));
    struct strs pids = text_split(a, text_trim(text), '\n');
    if (!strs_has(&pids, arena_printf(a, "%d", (int)getpid())))
        return NULL;
    if (mkdirat(h->base_dir, place, 0755) != 0 && errno != EEXIST)
        return err_sys("make cgroup %s/%s", h->base, place);
    TRY(knob_write(h->base_dir, place, "cgroup.procs", "0"));
    if (pids.n > 1)
        log_warn("the cgroup that was given to the engine has other processes: it passes no limits "
                 "on until they are moved into a cgroup below it",
                 KV("cgroup", h->base));
    return NULL;
}
