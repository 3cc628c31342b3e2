/* SPDX-License-Identifier: Apache-2.0 */
/*
 * argv, environment, limits and sysctls of a payload, from configuration that has
 * already been merged with the image's. Pure, any thread.
 *
 * Later entries of an environment win but keep the place of the first, and an entry
 * without '=' removes the variable: that is what users see in `env`.
 */
#include "process.h"

#include "base/map.h"

#include <ctype.h>
#include <string.h>
#include <sys/resource.h>

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct {
    const char *name;
    int resource;
} limit_names[] = {
    {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

struct err *process_argv(struct arena *a, const struct config *c, struct strs *out)
{
    struct strs argv = {0};

    for (size_t i = 0; i < c->entrypoint.n; i++)
        if (i > 0 || *c->entrypoint.v[0]) /* [""] resets the image's */
            strs_add(a, &argv, c->entrypoint.v[i]);
    for (size_t i = 0; i < c->cmd.n; i++)
        strs_add(a, &argv, c->cmd.v[i]);
    if (argv.n == 0)
        return err_new(ERR_INVALID, "no command specified");
    *out = argv;
    return NULL;
}

/* An environment under construction: strangers' variables come in any number, so they are looked
 * up. What was removed leaves a hole. */
struct env {
    struct arena *a;
    struct strs list;
    struct map *places; /* name → place + 1 */
};

static void env_put(struct env *env, const char *entry)
{
    size_t n = strcspn(entry, "=");
    const char *name = arena_strndup(env->a, entry, n);
    size_t place = (size_t)map_get(env->places, name);

    if (entry[n] == '\0' && place) {
        env->list.v[place - 1] = NULL;
        map_take(env->places, name);
    } else if (entry[n] == '\0') {
        return;
    } else if (place) {
        env->list.v[place - 1] = arena_strdup(env->a, entry);
    } else {
        strs_add(env->a, &env->list, entry);
        map_put(env->places, name, (void *)env->list.n);
    }
}

static void env_put_all(struct env *env, const struct strs *list)
{
    for (size_t i = 0; i < list->n; i++)
        env_put(env, list->v[i]);
}

static bool env_has_value(const struct env *env, const char *name)
{
    size_t place = (size_t)map_get(env->places, name);

    return place && env->list.v[place - 1][strlen(name) + 1];
}

static struct strs env_close(struct env *env)
{
    struct strs *list = &env->list;
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        if (list->v[i])
            list->v[n++] = list->v[i];
    list->v[n] = NULL;
    list->n = n;
    map_destroy(env->places);
    return *list;
}

struct strs process_env(struct arena *a, const struct config *c, const char *hostname,
                        const struct strs *extra, bool has_tty, const char *home)
{
    struct env env = {.a = a, .places = map_create()};

    env_put(&env, DEFAULT_PATH);
    env_put(&env, arena_printf(a, "HOSTNAME=%s", hostname ? hostname : ""));
    if (has_tty)
        env_put(&env, "TERM=xterm");
    env_put_all(&env, &c->env);
    if (extra)
        env_put_all(&env, extra);
    if (!env_has_value(&env, "HOME"))
        env_put(&env, arena_printf(a, "HOME=%s", home));
    return env_close(&env);
}

/* Docker's words. -1 is "unlimited" (getrlimit(2), RLIM_INFINITY has the same bits). */
static struct err *limit_parse(const struct ulimit *u, struct process_limit *out)
{
    for (size_t i = 0; u->name && i < ARRAY_LEN(limit_names); i++) {
        if (strcmp(limit_names[i].name, u->name) != 0)
            continue;
        if (u->hard != -1 && (u->soft > u->hard || u->soft == -1))
            return err_new(
                ERR_INVALID,
                "ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
                (long long)u->soft, (long long)u->hard);
        if (u->soft < -1 || u->hard < -1)
            return err_new(ERR_INVALID, "invalid ulimit %s: a limit is a number from 0, or -1",
                           u->name);
        out->resource = limit_names[i].resource;
        out->soft = (uint64_t)u->soft; /* -1 is RLIM_INFINITY */
        out->hard = (uint64_t)u->hard;
        return NULL;
    }
    return err_new(ERR_INVALID, "invalid ulimit type: %s", u->name ? u->name : "");
}

struct err *process_limits(struct arena *a, const struct jlist *ulimits, struct process_limit **out)
{
    const struct ulimit *u = ulimits->v;
    struct process_limit *limits = arena_array(a, ulimits->n + 1, sizeof(*limits));

    for (size_t i = 0; i < ulimits->n; i++)
        TRY(limit_parse(&u[i], &limits[i]));
    *out = limits;
    return NULL;
}

static struct err *ulimit_parse(struct arena *a, const struct pair *text, struct ulimit *out)
{
    const char *colon = strchr(text->value, ':');
    size_t len = colon ? (size_t)(colon - text->value) : strlen(text->value);

    out->name = arena_strdup(a, text->key);
    if (!text_to_i64(arena_strndup(a, text->value, len), &out->soft) ||
        !text_to_i64(colon ? colon + 1 : text->value, &out->hard))
        return err_new(ERR_INVALID, "invalid ulimit %s=%s: it is like nofile=1024:2048", text->key,
                       text->value);
    return NULL;
}

struct err *ulimits_parse(struct arena *a, const struct pairs *texts, struct jlist *out)
{
    struct ulimit *v = arena_array(a, texts->n + 1, sizeof(*v));
    struct jlist list = {v, texts->n};
    struct process_limit *unused;

    for (size_t i = 0; i < texts->n; i++)
        TRY(ulimit_parse(a, &texts->v[i], &v[i]));
    TRY(process_limits(a, &list, &unused));
    *out = list;
    return NULL;
}

/* A key outside of a namespace would be the host's. */
enum sysctl_space sysctl_space(const char *key)
{
    static const char *const ipc[] = {
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
        "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
    };

    for (size_t i = 0; i < ARRAY_LEN(ipc); i++)
        if (strcmp(ipc[i], key) == 0)
            return SYSCTL_IPC;
    if (text_starts(key, "fs.mqueue."))
        return SYSCTL_IPC;
    if (text_starts(key, "net."))
        return SYSCTL_NET;
    if (strcmp(key, "kernel.domainname") == 0 || strcmp(key, "kernel.hostname") == 0)
        return SYSCTL_UTS;
    return SYSCTL_NONE;
}

char *sysctl_path(struct arena *a, const char *key)
{
    char *path = arena_strdup(a, key);

    if (path[strcspn(path, "./")] == '/') /* already written as a path */
        return path;
    for (char *p = path; *p; p++)
        *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
    return path;
}
