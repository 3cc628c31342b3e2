/* SPDX-License-Identifier: Apache-2.0 */
/* The risks that a container's configuration takes, but for what it mounts. Pure, any thread; it
 * asks the kernel only which security modules there are. */
#include "runtime/lsm.h"
#include "runtime/risk.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/sandbox.h"

#include "caps.h"
#include "secopt.h"
#include "syscall_filter.h"

#include <seccomp.h>

static const char *const risky_caps[] = {
    "SYS_MODULE",      "SYS_ADMIN",          "NET_ADMIN",     "DAC_READ_SEARCH",
    "SYS_RAWIO",       "SYS_PTRACE",         "AUDIT_CONTROL", "BLOCK_SUSPEND",
    "WAKE_ALARM",      "IPC_LOCK",           "SYSLOG",        "SYS_NICE",
    "SYS_RESOURCE",    "SYS_TIME",           "SYS_BOOT",      "BPF",
    "PERFMON",         "MAC_ADMIN",          "MAC_OVERRIDE",  "AUDIT_WRITE",
    "LINUX_IMMUTABLE", "CHECKPOINT_RESTORE",
};

static bool is_all(const char *name)
{
    return strcasecmp(name, "ALL") == 0 || strcasecmp(name, "CAP_ALL") == 0;
}

/* "AUDIT_WRITE" → "cap-audit-write" */
static char *cap_risk(struct arena *a, const char *name)
{
    char *out = arena_printf(a, "cap-%s", name);

    text_lower(out);
    for (char *p = out; *p; p++)
        if (*p == '_')
            *p = '-';
    return out;
}

static uint64_t caps_of(const struct strs *names, bool *out_all)
{
    uint64_t set = 0;

    *out_all = false;
    for (size_t i = 0; i < names->n; i++) {
        int number = caps_number(names->v[i]);

        *out_all |= is_all(names->v[i]);
        if (number >= 0)
            set |= CAPS_BIT(number);
    }
    return set;
}

/* What is added is asked for; of the default set only what floods a log is told, as a default. */
static void find_caps(struct arena *a, const struct host_config *h, struct risk_findings *out)
{
    bool adds_all, drops_all;
    uint64_t added = caps_of(&h->cap_add, &adds_all), dropped = caps_of(&h->cap_drop, &drops_all);

    if (adds_all)
        risk_add(a, out, "cap-all", "--cap-add ALL");
    for (size_t i = 0; i < ARRAY_LEN(risky_caps); i++) {
        uint64_t bit = CAPS_BIT(caps_number(risky_caps[i]));

        if (added & bit) {
            risk_add(a, out, cap_risk(a, risky_caps[i]),
                     arena_printf(a, "--cap-add %s", risky_caps[i]));
        } else if ((caps_default() & bit) && !drops_all && !(dropped & bit) && !adds_all &&
                   !h->privileged) {
            risk_add(a, out, cap_risk(a, risky_caps[i]),
                     arena_printf(a, "%s is given by default", risky_caps[i]));
            out->v[out->n - 1].is_default = true;
        }
    }
}

/* On cgroup v1 everybody sees the host's cgroups by default. */
static bool asks_for_host_cgroup(const struct host_config *h)
{
    return text_same(h->cgroupns_mode, "host") &&
           access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}

static void find_spaces(struct arena *a, const struct host_config *h, struct risk_findings *out)
{
    const struct {
        const char *mode, *risk, *what;
    } spaces[] = {
        {h->pid_mode, "host-pid", "--pid host"},
        {h->ipc_mode, "host-ipc", "--ipc host"},
        {h->uts_mode, "host-uts", "--uts host"},
        {h->network_mode, "host-network", "--net host"},
        {h->userns_mode, "host-userns", "--userns host"},
    };

    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        if (text_same(spaces[i].mode, "host")) {
            risk_add(a, out, spaces[i].risk, spaces[i].what);
            out->v[out->n - 1].is_default = spaces[i].mode == h->userns_mode;
        }
    if (asks_for_host_cgroup(h))
        risk_add(a, out, "host-cgroup", "--cgroupns host");
}

/* ---- seccomp profiles ---- */

/* Calls that the default profile keeps from a container without the capability for them. */
static const struct {
    const char *call, *cap;
} guarded_calls[] = {
    {"bpf", "BPF"},
    {"clock_settime", "SYS_TIME"},
    {"delete_module", "SYS_MODULE"},
    {"finit_module", "SYS_MODULE"},
    {"init_module", "SYS_MODULE"},
    {"ioperm", "SYS_RAWIO"},
    {"iopl", "SYS_RAWIO"},
    {"kexec_file_load", "SYS_BOOT"},
    {"kexec_load", "SYS_BOOT"},
    {"keyctl", NULL},
    {"mount", "SYS_ADMIN"},
    {"move_mount", "SYS_ADMIN"},
    {"open_by_handle_at", "DAC_READ_SEARCH"},
    {"perf_event_open", "PERFMON"},
    {"pivot_root", NULL},
    {"reboot", "SYS_BOOT"},
    {"setns", "SYS_ADMIN"},
    {"swapon", NULL},
    {"unshare", "SYS_ADMIN"},
    {"userfaultfd", NULL},
};
#define CALLS_SHOWN 4

static bool lets_through(uint32_t action)
{
    return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG;
}

struct judged_profile {
    const struct syscall_filter_profile *profile;
    uint64_t caps;
    int major, minor;
};

/* By a rule without conditions on arguments, or by the default. */
static bool profile_allows(const struct judged_profile *j, const char *call)
{
    bool is_named = false;

    for (size_t i = 0; i < j->profile->n_rules; i++) {
        const struct syscall_filter_rule *r = &j->profile->rules[i];

        if (!syscall_filter_rule_applies(r, j->caps, syscall_filter_native_arch(), j->major,
                                         j->minor))
            continue;
        for (const char *const *name = r->names; *name; name++) {
            if (strcmp(*name, call) != 0)
                continue;
            if (lets_through(r->action) && r->n_args == 0)
                return true;
            is_named |= !lets_through(r->action) && r->n_args == 0;
        }
    }
    return !is_named && lets_through(j->profile->default_action);
}

static void find_holes(struct arena *a, const struct judged_profile *j, struct risk_findings *out)
{
    struct strs holes = {0};
    size_t more = 0;

    for (size_t i = 0; i < ARRAY_LEN(guarded_calls); i++) {
        const char *cap = guarded_calls[i].cap;
        bool is_due = cap && (j->caps & CAPS_BIT(caps_number(cap)));

        if (is_due || !profile_allows(j, guarded_calls[i].call))
            continue;
        if (holes.n < CALLS_SHOWN)
            strs_add(a, &holes, guarded_calls[i].call);
        else
            more++;
    }
    if (!holes.n)
        return;
    risk_add(a, out, "seccomp-holey",
             more ? arena_printf(a, "the profile allows %s and %zu more",
                                 strs_join(a, &holes, ", "), more)
                  : arena_printf(a, "the profile allows %s", strs_join(a, &holes, ", ")));
}

static void find_in_profile(struct arena *a, const struct host_config *h, const char *text,
                            struct risk_findings *out)
{
    const struct caps_request caps = {&h->cap_add, &h->cap_drop, h->privileged, caps_held()};
    struct syscall_filter_profile profile;
    struct judged_profile j = {.profile = &profile, .major = 5};
    struct utsname un;
    struct err *err;

    risk_add(a, out, "seccomp-profile", "--security-opt seccomp");
    if (uname(&un) == 0)
        (void)!sscanf(un.release, "%d.%d", &j.major, &j.minor);
    err = syscall_filter_parse(a, text, &profile);
    if (!err)
        err = caps_plan(a, &caps, &j.caps);
    if (!err)
        find_holes(a, &j, out);
    err_drop(err); /* sandbox_check has said so */
}

/* ---- other security options ---- */

static bool has_option(const struct strs *options, const char *key, const char *value)
{
    size_t n = strlen(key);

    for (size_t i = 0; i < options->n; i++)
        if (text_starts(options->v[i], key) && strchr("=:", options->v[i][n]) && options->v[i][n] &&
            strcmp(options->v[i] + n + 1, value) == 0)
            return true;
    return false;
}

static void find_modules(struct arena *a, const struct host_config *h, struct risk_findings *out)
{
    const struct strs *options = &h->security_opt;

    if (has_option(options, "apparmor", "unconfined") && lsm_has_apparmor())
        risk_add(a, out, "apparmor-unconfined", "--security-opt apparmor=unconfined");
    if ((has_option(options, "label", "disable") || strs_has(options, "disable")) &&
        lsm_has_selinux())
        risk_add(a, out, "label-disable", "--security-opt label=disable");
}

/* A list of one's own that leaves out some of the default's counts as none. */
static bool leaves_out(struct arena *a, const struct strs *given, const char *const *defaults,
                       size_t *out)
{
    struct strs all = {0};

    *out = 0;
    if (!given->v)
        return false;
    strs_merge(a, &all, given);
    for (; *defaults; defaults++)
        *out += !strs_has(&all, *defaults);
    return *out > 0;
}

static void find_paths(struct arena *a, const struct host_config *h, struct risk_findings *out)
{
    size_t n;

    if (h->privileged)
        return;
    if (leaves_out(a, &h->masked_paths, sandbox_masked_paths, &n))
        risk_add(a, out, "unmasked-paths",
                 h->masked_paths.n
                     ? arena_printf(a, "%zu of the paths of /proc and /sys are not masked", n)
                     : "no path of /proc and /sys is masked");
    if (leaves_out(a, &h->readonly_paths, sandbox_readonly_paths, &n))
        risk_add(a, out, "writable-proc",
                 h->readonly_paths.n
                     ? arena_printf(a, "%zu of the paths of /proc are not read-only", n)
                     : "no path of /proc is read-only");
}

static void find_security(struct arena *a, const struct host_config *h, struct risk_findings *out)
{
    struct secopt sec;
    struct err *err = secopt_parse(a, &h->security_opt, &sec);

    if (err) { /* sandbox_check says so */
        err_drop(err);
        return;
    }
    if (sec.filter == SECOPT_UNCONFINED)
        risk_add(a, out, "seccomp-unconfined", "--security-opt seccomp=unconfined");
    if (sec.filter == SECOPT_PROFILE)
        find_in_profile(a, h, sec.profile, out);
    if (sec.writable_cgroups)
        risk_add(a, out, "writable-cgroups", "--security-opt writable-cgroups");
    find_modules(a, h, out);
    find_paths(a, h, out);
}

static void find_devices(struct arena *a, const struct host_config *h, struct risk_findings *out)
{
    const struct device_mapping *m = h->devices.v;

    for (size_t i = 0; i < h->devices.n; i++)
        risk_add(a, out, "host-device", arena_printf(a, "--device %s", m[i].host ? m[i].host : ""));
    for (size_t i = 0; i < h->device_cgroup_rules.n; i++)
        risk_add(a, out, "device-rule",
                 arena_printf(a, "--device-cgroup-rule %s", h->device_cgroup_rules.v[i]));
}

void risks_of_config(struct arena *a, const struct host_config *h, struct risk_findings *out)
{
    if (h->privileged)
        risk_add(a, out, "privileged", "--privileged");
    find_caps(a, h, out);
    find_spaces(a, h, out);
    find_security(a, h, out);
    find_devices(a, h, out);
}
