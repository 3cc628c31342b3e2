/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parent "a-b.slice" on a host where systemd is the manager. A slice is systemd's own, nobody
 * else may make cgroups in it; what it gives away is the cgroup of a unit with Delegate=yes, as
 * long as there is a process in it. So for each slice there is one service ("berth-a-b.service")
 * that sleeps, and containers are beside the sleeper: it is moved one cgroup down ("hold"), as
 * a cgroup with processes passes no controllers on. systemd is asked when the first container
 * comes and after the last one went, not for each. Names of slices make their path
 * (systemd.slice(5)).
 */
#include "slice.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"

#include "place.h"

#define SUFFIX ".slice"
#define HOLD "hold"
#define NAME_MAX_UNIT 200 /* of systemd's 255, with our prefix */

bool slice_is(const char *parent)
{
    return parent && text_ends(parent, SUFFIX);
}

/* Letters, digits, ":_.\\-"; no empty part between dashes. */
static bool is_slice_name(const char *s)
{
    size_t n = strlen(s) - strlen(SUFFIX);
    static const char chars[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-";

    return n > 0 && n <= NAME_MAX_UNIT && strspn(s, chars) == strlen(s) && *s != '-' && *s != '.' &&
           s[n - 1] != '-' && !strstr(s, "--");
}

struct err *slice_check(const struct cgroup_tree *t, const char *parent)
{
    if (!is_slice_name(parent))
        return err_new(ERR_INVALID,
                       "invalid cgroup-parent %s: a slice is a name without a path, as in "
                       "\"batch.slice\" or \"batch-night.slice\"",
                       parent);
    if (!t->features.is_v2)
        return err_new(ERR_INVALID,
                       "cgroup-parent %s: slices need cgroup v2, and this host has v1; name a "
                       "path, as in /batch",
                       parent);
    if (access("/run/systemd/system", F_OK) != 0)
        return err_new(ERR_INVALID,
                       "cgroup-parent %s: slices are systemd's, which does not manage this host; "
                       "name a path, as in /batch",
                       parent);
    if (!slice_bus_is_built())
        return err_new(ERR_INVALID,
                       "cgroup-parent %s: this berthd was built without libsystemd, which asks "
                       "systemd for slices",
                       parent);
    return NULL;
}

static char *service_of(const struct cgroup_tree *t, struct arena *a, const char *slice)
{
    char *own = arena_strdup(a, t->own);

    for (char *s = own; *s; s++)
        *s = *s == '/' ? '-' : *s;
    return arena_printf(a, "%s-%.*s.service", own, (int)(strlen(slice) - strlen(SUFFIX)), slice);
}

char *slice_place(const struct cgroup_tree *t, struct arena *a, const char *parent)
{
    struct strs names = {0};
    size_t n = strlen(parent) - strlen(SUFFIX);

    for (size_t i = 1; i <= n; i++)
        if (parent[i] == '-' || i == n)
            strs_add(a, &names, arena_printf(a, "%.*s" SUFFIX, (int)i, parent));
    strs_add(a, &names, service_of(t, a, parent));
    return strs_join(a, &names, "/");
}

char *slice_of_place(const struct cgroup_tree *t, struct arena *a, const char *place)
{
    struct strs names = text_split(a, place, '/');

    for (size_t i = 0; t->features.is_v2 && i + 2 < names.n; i++)
        if (slice_is(names.v[i]) && !strcmp(names.v[i + 1], service_of(t, a, names.v[i])))
            return names.v[i];
    return NULL;
}

static int open_service(const struct cgroup_tree *t, struct arena *a, const char *slice)
{
    return openat(t->h[0].base_dir, slice_place(t, a, slice), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Cgroups below it but the sleeper's: containers of ours. */
static bool is_used(int dir)
{
    DIR *d = fdopendir(dup(dir));
    struct dirent *e;
    bool found = false;

    while (d && !found && (e = readdir(d)))
        found = e->d_type == DT_DIR && e->d_name[0] != '.' && strcmp(e->d_name, HOLD) != 0;
    if (d)
        closedir(d);
    return found;
}

/* Whoever is in the service's own cgroup: nobody but the sleeper. */
static struct err *move_down(struct arena *a, int dir)
{
    struct strs pids;
    char *text;
    size_t len;

    TRY(file_read(a, dir, "cgroup.procs", 65536, &text, &len));
    pids = text_split(a, text_trim(text), '\n');
    if (pids.n && mkdirat(dir, HOLD, 0755) != 0 && errno != EEXIST)
        return err_sys("make cgroup " HOLD " of a slice's service");
    for (size_t i = 0; i < pids.n; i++)
        TRY(knob_write(dir, HOLD, "cgroup.procs", pids.v[i]));
    return NULL;
}

static struct err *begin(struct cgroup_tree *t, struct arena *a, const char *slice)
{
    autoclose int dir = open_service(t, a, slice);

    if (dir >= 0)
        return move_down(a, dir); /* an engine may have died before it did */
    TRY(slice_bus_start(service_of(t, a, slice), slice));
    dir = open_service(t, a, slice);
    if (dir < 0)
        return err_sys("open the cgroup of %s, which systemd has started", service_of(t, a, slice));
    return move_down(a, dir);
}

/* A service that somebody else has stopped leaves its cgroup to containers, and then to us. */
static struct err *end(struct cgroup_tree *t, struct arena *a, const char *slice, int dir)
{
    TRY(slice_bus_stop(service_of(t, a, slice)));
    if (dir >= 0)
        unlinkat(dir, HOLD, AT_REMOVEDIR);
    unlinkat(t->h[0].base_dir, slice_place(t, a, slice), AT_REMOVEDIR);
    return NULL;
}

struct err *slice_make(struct cgroup_tree *t, struct arena *a, const char *slice)
{
    struct err *e;

    pthread_mutex_lock(&t->slices);
    e = begin(t, a, slice);
    pthread_mutex_unlock(&t->slices);
    return e;
}

void slice_leave(struct cgroup_tree *t, struct arena *a, const char *slice)
{
    struct err *e = NULL;

    pthread_mutex_lock(&t->slices);
    autoclose int dir = open_service(t, a, slice);
    if (dir < 0 || !is_used(dir))
        e = end(t, a, slice, dir);
    pthread_mutex_unlock(&t->slices);
    if (e)
        log_warn("a slice cannot be given back", KV("slice", slice), KV("error", err_text(e)));
    err_drop(e);
}
