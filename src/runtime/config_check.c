/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be refused when a container is created, in Docker's words. It asks the
 * kernel only which capabilities the engine holds; everything else is pure. Any thread.
 *
 * Messages are compared by clients: change one only for a newer Docker's.
 */
#include "config_check.h"

#include "caps.h"
#include "devices.h"
#include "plan.h"
#include "secopt.h"
#include "syscall_filter.h"
#include "time_offsets.h"

#include "runtime/cdi.h"
#include "runtime/sandbox.h"
#include "runtime/users.h"

#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <string.h>

#define SECCOMP_BYTES_MAX (1u << 20)

static struct err *check_env(const struct strs *env)
{
    for (size_t i = 0; i < env->n; i++)
        if (env->v[i][0] == '=' || env->v[i][0] == '\0')
            return err_new(ERR_INVALID, "invalid environment variable: %s", env->v[i]);
    return NULL;
}

static struct err *check_health_time(const char *name, int64_t ns)
{
    if (ns != 0 && ns < NS_PER_MS)
        return err_new(ERR_INVALID, "%s in Healthcheck cannot be less than 1ms", name);
    return NULL;
}

static struct err *check_health(const struct health_config *h)
{
    if (!h)
        return NULL;
    TRY(check_health_time("Interval", h->interval_ns));
    TRY(check_health_time("Timeout", h->timeout_ns));
    TRY(check_health_time("StartPeriod", h->start_period_ns));
    TRY(check_health_time("StartInterval", h->start_interval_ns));
    if (h->retries < 0)
        return err_new(ERR_INVALID, "Retries in Healthcheck cannot be negative");
    return NULL;
}

static struct err *check_config(const struct config *c)
{
    TRY(check_env(&c->env));
    TRY(check_health(c->healthcheck));
    if (!text_is_empty(c->working_dir) && c->working_dir[0] != '/')
        return err_new(ERR_INVALID,
                       "the working directory '%s' is invalid, it needs to be an absolute path",
                       c->working_dir);
    return text_is_empty(c->working_dir) ? NULL : plan_check_length(c->working_dir);
}

static struct err *check_restart(const struct host_config *h)
{
    const char *name = h->restart.name ? h->restart.name : "";
    bool is_on_failure = strcmp(name, "on-failure") == 0;
    bool is_none = *name == '\0' || strcmp(name, "no") == 0;

    if (!is_none && !is_on_failure && strcmp(name, "always") != 0 &&
        strcmp(name, "unless-stopped") != 0)
        return err_new(ERR_INVALID,
                       "invalid restart policy: unknown policy '%s'; use one of 'no', 'always', "
                       "'on-failure', or 'unless-stopped'",
                       name);
    if (!is_on_failure && h->restart.max_retry != 0)
        return err_new(ERR_INVALID, "invalid restart policy: maximum retry count can only be used "
                                    "with 'on-failure'");
    if (h->restart.max_retry < 0)
        return err_new(ERR_INVALID,
                       "invalid restart policy: maximum retry count cannot be negative");
    if (h->auto_remove && !is_none)
        return err_new(ERR_INVALID, "can't create 'AutoRemove' container with restart policy");
    return NULL;
}

static struct err *check_devices(const struct host_config *h)
{
    const struct device_mapping *m = h->devices.v;
    const struct device_request *r = h->device_requests.v;
    struct device_rule rule;

    for (size_t i = 0; i < h->devices.n; i++)
        TRY(devices_check(&m[i]));
    for (size_t i = 0; i < h->device_cgroup_rules.n; i++)
        TRY(device_rule_parse(h->device_cgroup_rules.v[i], &rule));
    for (size_t i = 0; i < h->device_requests.n; i++) {
        if (!cdi_is_driver(&r[i]))
            return err_new(
                ERR_INVALID, "could not select device driver \"%s\" with capabilities: %s",
                r[i].driver ? r[i].driver : "", r[i].capabilities ? r[i].capabilities : "[]");
        TRY(cdi_check(&r[i]));
    }
    return NULL;
}

static struct err *check_sysctls(const struct host_config *h)
{
    for (size_t i = 0; i < h->sysctls.n; i++) {
        const char *key = h->sysctls.v[i].key;
        enum sysctl_space space = sysctl_space(key);

        if (key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "0123456789._-/:@")] ||
            strstr(key, "..") || key[0] == '/')
            return err_new(ERR_INVALID, "invalid sysctl name: %s", key);
        if (space == SYSCTL_NET && text_same(h->network_mode, "host"))
            return err_new(ERR_INVALID, "sysctl '%s' not allowed in host network namespace", key);
        if (space == SYSCTL_IPC && text_same(h->ipc_mode, "host"))
            return err_new(ERR_INVALID, "sysctl '%s' not allowed in host ipc namespace", key);
        if (space == SYSCTL_UTS)
            return err_new(ERR_INVALID,
                           "sysctl \"%s\" is not allowed: use --hostname or "
                           "--domainname",
                           key);
        if (space == SYSCTL_NONE)
            return err_new(ERR_INVALID, "sysctl \"%s\" is not in a separate kernel namespace", key);
    }
    return NULL;
}

static struct err *check_privileges(struct arena *a, const struct host_config *h)
{
    struct caps_request caps = {
        .add = &h->cap_add,
        .drop = &h->cap_drop,
        .is_privileged = h->privileged,
        .held = caps_held(),
    };
    struct syscall_filter_profile profile;
    struct secopt sec;
    uint64_t set;

    TRY(caps_plan(a, &caps, &set));
    TRY(secopt_parse(a, &h->security_opt, &sec));
    return sec.profile ? syscall_filter_parse(a, sec.profile, &profile) : NULL;
}

struct err *sandbox_read_seccomp(struct arena *a, const char *profile, char **out)
{
    struct syscall_filter_profile unused;
    struct err *err;
    size_t len;
    char *text;

    *out = NULL;
    if (text_is_empty(profile) || !strcmp(profile, "builtin"))
        return NULL;
    if (!strcmp(profile, "unconfined")) {
        *out = arena_strdup(a, "seccomp=unconfined");
        return NULL;
    }
    err = file_read(a, AT_FDCWD, profile, SECCOMP_BYTES_MAX, &text, &len);
    if (!err)
        err = syscall_filter_parse(a, text, &unused);
    if (err)
        return err_wrap(err_as(err, ERR_INVALID), "the seccomp profile %s", profile);
    *out = arena_printf(a, "seccomp=%s", text);
    return NULL;
}

static struct err *check_volume_driver(const char *driver)
{
    if (text_is_empty(driver) || strcmp(driver, "local") == 0)
        return NULL;
    return err_new(ERR_INVALID,
                   "error looking up volume plugin %s: plugin \"%s\" not found: there is only the "
                   "driver \"local\"",
                   driver, driver);
}

static struct err *check_targets(struct arena *a, const struct host_config *h)
{
    const struct mount_request *m = h->mounts.v;

    for (size_t i = 0; i < h->mounts.n; i++) {
        if (m[i].source)
            TRY(plan_check_length(m[i].source));
        if (!text_is_empty(m[i].target) && m[i].target[0] == '/')
            TRY(plan_check_target(path_clean(a, m[i].target)));
    }
    for (size_t i = 0; i < h->tmpfs.n; i++)
        if (h->tmpfs.v[i].key[0] == '/')
            TRY(plan_check_target(path_clean(a, h->tmpfs.v[i].key)));
    for (size_t i = 0; i < h->binds.n; i++) {
        struct strs parts = text_split(a, h->binds.v[i], ':');

        if (parts.n > 0)
            TRY(plan_check_length(parts.v[0]));
        if (parts.n > 1 && parts.v[1][0] == '/')
            TRY(plan_check_target(path_clean(a, parts.v[1])));
    }
    return NULL;
}

struct err *sandbox_storage_limit(const struct host_config *h, int64_t *out)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < h->storage_opt.n; i++) {
        const char *key = h->storage_opt.v[i].key, *value = h->storage_opt.v[i].value;

        if (strcmp(key, "size") != 0)
            return err_new(ERR_INVALID, "unknown option in --storage-opt: %s (there is only size)",
                           key);
        if (!text_to_bytes(value, &bytes) || bytes <= 0)
            return err_new(ERR_INVALID, "invalid size in --storage-opt: %s", value);
    }
    *out = bytes;
    return NULL;
}

struct err *sandbox_check(struct arena *a, const struct config *c, const struct host_config *h)
{
    struct process_limit *limits;
    int64_t storage_limit;
    char *clocks;

    TRY(check_config(c));
    TRY(user_check(a, c->user, &h->group_add));
    TRY(check_modes(c, h));
    TRY(check_restart(h));
    TRY(check_resources(h));
    TRY(check_privileges(a, h));
    TRY(check_devices(h));
    TRY(check_sysctls(h));
    TRY(time_offsets_text(a, h, &clocks));
    TRY(check_targets(a, h));
    TRY(check_volume_driver(h->volume_driver));
    TRY(sandbox_storage_limit(h, &storage_limit));
    return process_limits(a, &h->ulimits, &limits);
}

struct err *sandbox_check_exec(struct arena *a, const struct exec_config *x)
{
    TRY(check_env(&x->env));
    return user_check(a, x->user, NULL);
}
