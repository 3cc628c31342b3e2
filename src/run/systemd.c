/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd needs as a container's first process (systemd.io/CONTAINER_INTERFACE), without any
 * privilege: tmpfs where it keeps its state, the variable `container`, its own stop signal, and
 * cgroups of its own to write to (v2). It is put into the request at create, so that inspect shows
 * all of it; what the user has said about the same thing is kept. Pure.
 */
#include "systemd.h"

#include <string.h>

static const char *const programs[] = {
    "/sbin/init",           "/usr/sbin/init",           "/usr/local/sbin/init",
    "/lib/systemd/systemd", "/usr/lib/systemd/systemd",
};

static const struct pair folders[] = {
    {(char *)"/run", (char *)"exec,nosuid,nodev,mode=755"},
    {(char *)"/run/lock", (char *)"noexec,nosuid,nodev,mode=1777"},
    {(char *)"/tmp", (char *)"exec,nosuid,nodev,mode=1777"},
};

static bool starts_systemd(const struct config *c)
{
    const char *program = c->entrypoint.n ? c->entrypoint.v[0] : c->cmd.n ? c->cmd.v[0] : "";

    for (size_t i = 0; i < ARRAY_LEN(programs); i++)
        if (!strcmp(programs[i], program))
            return true;
    return false;
}

/* "/a:/run:ro", "/run" */
static bool bind_is_at(const char *bind, const char *path)
{
    const char *colon = strchr(bind, ':');
    const char *target = colon ? colon + 1 : bind;
    size_t n = strcspn(target, ":");

    return strlen(path) == n && strncmp(target, path, n) == 0;
}

static bool is_covered(const struct config *c, const struct host_config *h, const char *path)
{
    const struct mount_request *m = h->mounts.v;

    for (size_t i = 0; i < h->mounts.n; i++)
        if (text_same(m[i].target, path))
            return true;
    for (size_t i = 0; i < h->binds.n; i++)
        if (bind_is_at(h->binds.v[i], path))
            return true;
    return pairs_get(&h->tmpfs, path) || strs_has(&c->volumes, path);
}

static void add_env(struct arena *a, struct config *c)
{
    for (size_t i = 0; i < c->env.n; i++)
        if (text_starts(c->env.v[i], "container="))
            return;
    strs_add(a, &c->env, "container=berth");
}

static struct err *check(bool is_v2, const struct host_config *h)
{
    if (!is_v2)
        return err_new(ERR_INVALID,
                       "--systemd needs cgroup v2: on v1 what systemd may write to are "
                       "its container's own limits");
    if (h->init == 1)
        return err_new(ERR_INVALID, "conflicting options: --init and --systemd: systemd has to be "
                                    "the first process");
    if (!text_is_empty(h->pid_mode) && !text_same(h->pid_mode, "private"))
        return err_new(ERR_INVALID,
                       "conflicting options: --pid %s and --systemd: systemd has to be "
                       "the first process",
                       h->pid_mode);
    if (text_same(h->cgroupns_mode, "host"))
        return err_new(ERR_INVALID, "conflicting options: --cgroupns host and --systemd: systemd "
                                    "writes to the cgroups that it sees");
    return NULL;
}

struct err *systemd_apply(struct arena *a, bool is_v2, struct config *c, struct host_config *h)
{
    if (text_is_empty(h->systemd))
        return NULL;
    if (!text_same(h->systemd, "true") && !text_same(h->systemd, "false") &&
        !text_same(h->systemd, "auto"))
        return err_new(ERR_INVALID, "invalid value %.64s for --systemd: it is true, auto or false",
                       h->systemd);
    if (text_same(h->systemd, "auto"))
        h->systemd = arena_strdup(a, starts_systemd(c) ? "true" : "false");
    if (text_same(h->systemd, "false"))
        return NULL;
    TRY(check(is_v2, h));
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        if (!is_covered(c, h, folders[i].key))
            pairs_add(a, &h->tmpfs, folders[i].key, folders[i].value);
    add_env(a, c);
    if (text_is_empty(c->stop_signal))
        c->stop_signal = arena_strdup(a, "SIGRTMIN+3");
    h->cgroupns_mode = arena_strdup(a, "private");
    return NULL;
}
