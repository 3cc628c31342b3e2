/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of risks, after the guide's section on security. Adding a risk = one row here, and its
 * finding in risk_config.c or risk_source.c. Each sentence says the risk in one line, because every
 * client shows it at create. Pure, any thread.
 */
#include "runtime/risk.h"

#include <string.h>

#define DROP "do without it, or give it to the one container that needs it and trust that one"
#define UNSHARE "leave the option out: a namespace of its own is the default"

/* clang-format off */
const struct risk risks[] = {
    {"privileged", RISK_CRITICAL,
     "the container has every capability and device and can change /proc and /sys: it can take "
     "over the host",
     "name the capabilities (--cap-add) and devices (--device) that are needed"},
    {"exec-privileged", RISK_CRITICAL,
     "the command has every capability and no seccomp filter: it can take over the host",
     "leave --privileged out; make a container with what is needed"},
    {"engine-socket", RISK_CRITICAL,
     "whoever is in the container controls the engine and so the host",
     "mount no engine's socket and no folder above it; give access through a policy"},
    {"cap-all", RISK_CRITICAL,
     "the container has every capability: it can take over the host",
     "name the capabilities that are needed"},
    {"cap-sys-module", RISK_CRITICAL,
     "the container can load kernel modules and take over the host", DROP},
    {"cap-sys-admin", RISK_CRITICAL,
     "the container can mount, enter namespaces and may escape to the host", DROP},
    {"cap-dac-read-search", RISK_CRITICAL,
     "the container can open files of the host by handle", DROP},
    {"cap-sys-rawio", RISK_CRITICAL,
     "the container can write to I/O ports and crash the host", DROP},
    {"cap-bpf", RISK_CRITICAL, "the container can load programs into the kernel", DROP},
    {"cap-net-admin", RISK_HIGH,
     "the container can change interfaces and capture traffic of its network", DROP},
    {"cap-sys-ptrace", RISK_HIGH,
     "the container can trace processes and step around seccomp", DROP},
    {"cap-audit-control", RISK_HIGH,
     "the container can read terminal input recorded by the audit system, passwords among it",
     DROP},
    {"cap-syslog", RISK_HIGH,
     "the container can read the kernel's log and addresses", DROP},
    {"cap-sys-boot", RISK_HIGH, "the container can reboot the host", DROP},
    {"cap-sys-time", RISK_HIGH, "the container can change the clock of the host", DROP},
    {"cap-perfmon", RISK_HIGH,
     "the container can observe the kernel and other processes", DROP},
    {"cap-mac-admin", RISK_HIGH,
     "the container can change mandatory access control", DROP},
    {"cap-mac-override", RISK_HIGH,
     "the container can override mandatory access control", DROP},
    {"cap-checkpoint-restore", RISK_HIGH,
     "the container can read the memory of its processes' images", DROP},
    {"cap-sys-resource", RISK_MEDIUM,
     "the container can exceed resource limits: disk quotas, keys, pipe sizes", DROP},
    {"cap-sys-nice", RISK_MEDIUM,
     "the container can change scheduling and starve other processes", DROP},
    {"cap-ipc-lock", RISK_MEDIUM,
     "the container can lock memory beyond its ulimit", DROP},
    {"cap-linux-immutable", RISK_MEDIUM,
     "the container can change immutable files", DROP},
    {"cap-block-suspend", RISK_LOW,
     "the container can keep the system from suspending", DROP},
    {"cap-wake-alarm", RISK_LOW,
     "the container can keep the system from suspending", DROP},
    {"cap-audit-write", RISK_LOW,
     "the container can write to the host's audit log and flood it",
     "--cap-drop AUDIT_WRITE, or bound the audit log of the host (auditctl -r, "
     "max_log_file_action)"},
    {"host-pid", RISK_HIGH,
     "the container sees and can kill every process of the host", UNSHARE},
    {"host-ipc", RISK_HIGH,
     "the container can use the shared memory of the host", UNSHARE},
    {"host-network", RISK_HIGH,
     "the container uses the network of the host without isolation",
     "publish the ports that are needed (-p)"},
    {"host-uts", RISK_MEDIUM,
     "the container shares the host name with the host", UNSHARE},
    {"host-cgroup", RISK_LOW,
     "the container sees the cgroups of the host", UNSHARE},
    {"host-userns", RISK_NOTE,
     "root of the container is root of the host", "run it with a user namespace, or as a user"},
    {"seccomp-unconfined", RISK_HIGH,
     "seccomp is off: every system call of the kernel can be attacked from the container",
     "use the default profile, or one that adds the calls that are missing"},
    {"seccomp-holey", RISK_HIGH,
     "a seccomp profile of your own lets dangerous system calls through",
     "start from the default profile, and deny by default (SCMP_ACT_ERRNO)"},
    {"seccomp-profile", RISK_MEDIUM,
     "a seccomp profile of your own is used: system calls it forgets can be attacked from the "
     "container",
     "use the default profile where it is enough"},
    {"apparmor-unconfined", RISK_MEDIUM,
     "AppArmor does not confine the container", "use the default profile"},
    {"label-disable", RISK_MEDIUM,
     "SELinux does not separate the container", "use a label of its own"},
    {"writable-proc", RISK_HIGH,
     "the container can change settings of the host's kernel and may escape",
     "leave /proc and /sys read-only; set what is needed by --sysctl"},
    {"unmasked-paths", RISK_MEDIUM,
     "the container can read the state of the kernel",
     "leave the masked paths as they are by default"},
    {"writable-cgroups", RISK_MEDIUM,
     "the container can change its own limits", "leave the option out"},
    {"host-device", RISK_HIGH,
     "the container can reach a device of the host",
     "name single devices, and no more of rwm than is needed"},
    {"device-rule", RISK_HIGH,
     "the container can reach devices of the host",
     "name single devices by --device"},
    {"sensitive-folder", RISK_HIGH,
     "it is sensitive", "mount the one file or folder that is needed, read-only"},
    {"setuid-share", RISK_MEDIUM,
     "users of the host can reach it: programs that the container makes set-user-ID in there give "
     "them its rights",
     "mount it read-only, take it from others (chmod o-x), or put it on a nosuid file system"},
    {NULL, RISK_NOTE, NULL, NULL},
};
/* clang-format on */

static const char *const severities[] = {"note", "low", "medium", "high", "critical"};

const struct risk *risk_find(const char *name)
{
    for (const struct risk *r = risks; r->name; r++)
        if (strcmp(r->name, name) == 0)
            return r;
    return NULL;
}

const char *risk_severity_name(enum risk_severity s)
{
    ASSERT((size_t)s < ARRAY_LEN(severities));
    return severities[s];
}

bool risk_severity_from_text(const char *s, enum risk_severity *out)
{
    for (size_t i = 0; i < ARRAY_LEN(severities); i++)
        if (strcmp(severities[i], s) == 0) {
            *out = (enum risk_severity)i;
            return true;
        }
    return false;
}

void risk_add(struct arena *a, struct risk_findings *out, const char *name, const char *what)
{
    const struct risk *r = risk_find(name);

    ASSERT(r);
    out->v = arena_grow(a, out->v, out->n, &out->room, sizeof(*out->v));
    out->v[out->n++] = (struct risk_finding){r, arena_strdup(a, what), false};
}

char *risk_sentence(struct arena *a, const struct risk_finding *f)
{
    return arena_printf(a, "%s: %s", f->what, f->risk->text);
}

struct err *risk_telling_from_text(const char *text, enum risk_telling *out)
{
    static const char *const names[] = {"all", "serious", "off"};

    if (text_is_empty(text))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], text) == 0) {
            *out = (enum risk_telling)i;
            return NULL;
        }
    return err_new(ERR_INVALID, "invalid risk-warnings: %.100s: use all, serious or off", text);
}

/* At most this many sentences are compared with one another, and told: a user decides how many
 * there are. */
#define TOLD_MAX 256

void risk_warn(struct arena *a, const struct risk_findings *all, enum risk_telling telling,
               struct strs *warnings)
{
    int least = telling == RISKS_SERIOUS ? RISK_HIGH : RISK_NOTE;

    for (int severity = RISK_CRITICAL; severity >= least && telling != RISKS_OFF; severity--)
        for (size_t i = 0; i < all->n && warnings->n < TOLD_MAX; i++) {
            const char *line;

            if (all->v[i].is_default || (int)all->v[i].risk->severity != severity)
                continue;
            line = risk_sentence(a, &all->v[i]);
            if (!strs_has(warnings, line))
                strs_add(a, warnings, line);
        }
}
