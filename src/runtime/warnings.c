/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sentences for the API's Warnings: every option that weakens the isolation of a
 * container, and what is accepted but does nothing. Pure, any thread.
 *
 * They are shown by every client at create, so each says the risk in one line; the
 * list follows the guide's section on security.
 */
#include "runtime/sandbox.h"

#include "base/fd.h"

#include "caps.h"
#include "secopt.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static const struct {
    const char *name, *risk;
} risky_caps[] = {
    {"SYS_MODULE", "the container can load kernel modules and take over the host"},
    {"SYS_ADMIN", "the container can mount, enter namespaces and may escape to the host"},
    {"NET_ADMIN", "the container can change interfaces and capture traffic of its network"},
    {"DAC_READ_SEARCH", "the container can open files of the host by handle"},
    {"SYS_RAWIO", "the container can write to I/O ports and crash the host"},
    {"SYS_PTRACE", "the container can trace processes and step around seccomp"},
    {"AUDIT_CONTROL", "the container can read terminal input recorded by the audit system"},
    {"BLOCK_SUSPEND", "the container can keep the system from suspending"},
    {"WAKE_ALARM", "the container can keep the system from suspending"},
    {"IPC_LOCK", "the container can lock memory beyond its ulimit"},
    {"SYSLOG", "the container can read the kernel's log and addresses"},
    {"SYS_NICE", "the container can change scheduling and starve other processes"},
    {"SYS_RESOURCE", "the container can exceed resource limits"},
    {"SYS_TIME", "the container can change the clock of the host"},
    {"SYS_BOOT", "the container can reboot the host"},
    {"BPF", "the container can load programs into the kernel"},
    {"PERFMON", "the container can observe the kernel and other processes"},
    {"MAC_ADMIN", "the container can change mandatory access control"},
    {"MAC_OVERRIDE", "the container can override mandatory access control"},
    {"LINUX_IMMUTABLE", "the container can change immutable files"},
    {"CHECKPOINT_RESTORE", "the container can read the memory of its processes' images"},
};

/* Below these everything is sensitive; a name that ends with '.' means hidden ones. */
static const char *const sensitive_trees[] = {
    "/proc/",
    "/sys/",
    "/etc/",
    "/dev/",
    "/boot/",
    "/root/.",
    "/var/lib/docker",
    "/var/lib/berth",
    "/var/lib/containerd",
    "/var/lib/kubelet",
};

static const char *const sensitive_folders[] = {
    "/",
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/boot",
    "/root",
    "/var/run",
    "/run",
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/sbin",
    "/var/lib",
    "/var",
    "/home",
    "/lib/modules",
    "/usr/lib/modules",
};

static void warn(struct arena *a, struct strs *out, const char *text)
{
    strs_add(a, out, text);
}

static void warn_caps(struct arena *a, const struct host_config *h, struct strs *out)
{
    for (size_t i = 0; i < h->cap_add.n; i++) {
        int number = caps_number(h->cap_add.v[i]);

        if (strcasecmp(h->cap_add.v[i], "ALL") == 0 || strcasecmp(h->cap_add.v[i], "CAP_ALL") == 0)
            warn(a, out,
                 "--cap-add ALL gives the container every capability: it can take over "
                 "the host");
        for (size_t j = 0; number >= 0 && j < ARRAY_LEN(risky_caps); j++)
            if (caps_number(risky_caps[j].name) == number)
                warn(a, out,
                     arena_printf(a, "--cap-add %s: %s", risky_caps[j].name, risky_caps[j].risk));
    }
}

static void warn_spaces(struct arena *a, const struct host_config *h, struct strs *out)
{
    const struct {
        const char *mode, *text;
    } spaces[] = {
        {h->pid_mode, "--pid host: the container sees and can kill every process of the host"},
        {h->ipc_mode, "--ipc host: the container can use the shared memory of the host"},
        {h->uts_mode, "--uts host: the container shares the host name with the host"},
        {h->network_mode, "--net host: the container uses the network of the host without "
                          "isolation"},
        {h->userns_mode, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
        if (spaces[i].text && text_same(spaces[i].mode, "host"))
            warn(a, out, spaces[i].text);
    if (text_same(h->network_mode, "host") && (h->port_bindings.n || h->publish_all_ports))
        warn(a, out, "Published ports are discarded when using host network mode");
}

static void warn_security(struct arena *a, const struct host_config *h, struct strs *out)
{
    struct secopt sec;
    struct err *e = secopt_parse(a, &h->security_opt, &sec);

    if (e) { /* sandbox_check says so */
        err_drop(e);
        return;
    }
    if (sec.filter == SECOPT_UNCONFINED)
        warn(a, out,
             "seccomp is off: every system call of the kernel can be attacked from the "
             "container");
    if (sec.filter == SECOPT_PROFILE)
        warn(a, out,
             "a seccomp profile of your own is used: system calls it forgets can be "
             "attacked from the container");
    if (sec.writable_cgroups)
        warn(a, out, "writable cgroups: the container can change its own limits");
    if (h->masked_paths.v && h->masked_paths.n == 0)
        warn(a, out,
             "no path of /proc and /sys is masked: the container can read the state of "
             "the kernel");
    if (h->readonly_paths.v && h->readonly_paths.n == 0)
        warn(a, out,
             "no path of /proc is read-only: the container can change settings of the "
             "host's kernel");
}

static void warn_folder(struct arena *a, const char *source, struct strs *out)
{
    const char *path = source && *source == '/' ? path_clean(a, source) : NULL;

    if (!path)
        return;
    if (text_ends(path, "/docker.sock") || text_ends(path, "/berth.sock") ||
        text_ends(path, "/containerd.sock")) {
        warn(a, out,
             arena_printf(a,
                          "%s is mounted: whoever is in the container controls the "
                          "engine and so the host",
                          path));
        return;
    }
    if (strcmp(path, "/etc/localtime") == 0 || strcmp(path, "/etc/timezone") == 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(sensitive_trees); i++)
        if (text_starts(path, sensitive_trees[i])) {
            warn(a, out, arena_printf(a, "%s of the host is mounted: it is sensitive", path));
            return;
        }
    for (size_t i = 0; i < ARRAY_LEN(sensitive_folders); i++)
        if (strcmp(sensitive_folders[i], path) == 0)
            warn(a, out,
                 arena_printf(a, "%s of the host is mounted: it is a sensitive directory", path));
}

static void warn_folders(struct arena *a, const struct host_config *h, struct strs *out)
{
    const struct mount_request *m = h->mounts.v;

    for (size_t i = 0; i < h->binds.n; i++)
        warn_folder(a, arena_strndup(a, h->binds.v[i], strcspn(h->binds.v[i], ":")), out);
    for (size_t i = 0; i < h->mounts.n; i++)
        if (text_same(m[i].type, "bind"))
            warn_folder(a, m[i].source, out);
}

static void warn_devices(struct arena *a, const struct host_config *h, struct strs *out)
{
    const struct device_mapping *m = h->devices.v;

    for (size_t i = 0; i < h->devices.n; i++)
        warn(a, out,
             arena_printf(a, "--device %s: the container can reach a device of the host",
                          m[i].host ? m[i].host : ""));
    for (size_t i = 0; i < h->device_cgroup_rules.n; i++)
        warn(a, out,
             arena_printf(a, "--device-cgroup-rule %s: the container can reach devices of the host",
                          h->device_cgroup_rules.v[i]));
}

/* Kernel memory was an experiment before 4.0 and is gone since 5.x, as is its part for TCP: never
 * applied. */
void sandbox_warn_kernel_memory(struct arena *a, const struct host_config *h, struct strs *out)
{
    struct utsname un;
    int major = 4;

    if (!h->kernel_memory && !h->kernel_memory_tcp)
        return;
    if (uname(&un) == 0)
        (void)!sscanf(un.release, "%d", &major);
    if (major < 4)
        warn(a, out,
             "You specified a kernel memory limit on a kernel older than 4.0. Kernel "
             "memory limits are experimental on older kernels, it won't work as expected "
             "as expected and can cause your system to be unstable.");
    else
        warn(a, out,
             "Specifying a kernel memory limit is deprecated and does nothing: the kernel memory "
             "cgroup is unstable and not to be used. --memory counts what the kernel holds for "
             "the container, too.");
}

void sandbox_warnings(struct arena *a, const struct config *c, const struct host_config *h,
                      struct strs *out)
{
    (void)c;
    if (h->privileged)
        warn(a, out,
             "--privileged: the container has every capability and device and can change "
             "/proc and /sys: it can take over the host");
    warn_caps(a, h, out);
    warn_spaces(a, h, out);
    warn_security(a, h, out);
    warn_devices(a, h, out);
    warn_folders(a, h, out);
    sandbox_warn_kernel_memory(a, h, out);
    if (!text_is_empty(h->cgroup_parent))
        warn(a, out,
             arena_printf(a,
                          "--cgroup-parent %s is not used: containers are in the engine's own "
                          "cgroup, which berthd --cgroup-parent names",
                          h->cgroup_parent));
}
