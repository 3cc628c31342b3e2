/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the guide's security section as tables: what is given, and what it lets the
 * container do. Reads what the container was created with, so it also finds what is not used.
 */
#include "audit.h"

#include "query.h"

#include <string.h>
#include <strings.h>

struct rule {
    const char *name, *risk;
};

static const struct rule capabilities[] = {
    {"ALL", "every capability: the container can take over the host"},
    {"SYS_MODULE", "it can load kernel modules and so run code in the host's kernel"},
    {"SYS_ADMIN", "it can mount, enter namespaces and reconfigure the kernel"},
    {"NET_ADMIN", "it can reconfigure network interfaces and sniff traffic"},
    {"DAC_READ_SEARCH", "it can open any file of the host by its handle"},
    {"SYS_RAWIO", "it can write to I/O ports and memory and crash the host"},
    {"SYS_PTRACE", "it can debug processes that enter it and learn of their resources"},
    {"AUDIT_CONTROL", "it can read recorded terminal input, passwords among it"},
    {"BLOCK_SUSPEND", "it can keep the host from suspending"},
    {"WAKE_ALARM", "it can wake the host up"},
    {"IPC_LOCK", "it can lock memory without a limit"},
    {"SYSLOG", "it can read the kernel's log and with it kernel addresses"},
    {"SYS_NICE", "it can raise its priority and starve others"},
    {"SYS_RESOURCE", "it can go past disk, key and pipe limits"},
    {"SYS_TIME", "it can change the host's clock"},
    {"SYS_BOOT", "it can reboot the host or load another kernel"},
    {"BPF", "it can load programs into the kernel"},
    {"PERFMON", "it can observe the whole system"},
    {"MAC_ADMIN", "it can change the host's mandatory access control"},
};

static const struct rule namespaces[] = {
    {"PidMode", "it sees every process of the host and can signal them"},
    {"IpcMode", "it can read and change shared memory of the host's processes"},
    {"NetworkMode", "it can use every interface and local service of the host"},
    {"UTSMode", "it can change the host's name"},
    {"UsernsMode", "its root is the host's root"},
    {"CgroupnsMode", "it sees the host's cgroup tree"},
};

static const struct rule paths[] = {
    {"/", "the whole host file system"},
    {"/etc", "the host's configuration, passwords among it"},
    {"/proc", "kernel parameters and all processes of the host"},
    {"/sys", "kernel parameters and devices of the host"},
    {"/dev", "all devices of the host"},
    {"/boot", "the host's kernel"},
    {"/lib/modules", "the host's kernel modules"},
    {"/root", "the home of root, keys among it"},
    {"/usr", "the host's programs"},
    {"/bin", "the host's programs"},
    {"/sbin", "the host's programs"},
    {"/lib", "the host's libraries"},
    {"/var/lib/docker", "the data of all containers"},
    {"/var/lib/berth", "the data of all containers"},
    {"/run", "the sockets of the host's services"},
    {"/var/run", "the sockets of the host's services"},
};

static void add(struct arena *a, struct strs *out, const char *what, const char *risk)
{
    strs_add(a, out, arena_printf(a, "%s: %s", what, risk));
}

static void audit_capabilities(struct arena *a, const struct json *host, struct strs *out)
{
    for (const struct json *j = json_first(json_get(host, "CapAdd")); j; j = json_next(j)) {
        const char *name = json_str(j) ? json_str(j) : "";

        if (strncasecmp(name, "CAP_", 4) == 0)
            name += 4;
        for (size_t i = 0; i < ARRAY_LEN(capabilities); i++)
            if (strcasecmp(capabilities[i].name, name) == 0)
                add(a, out, arena_printf(a, "--cap-add %s", capabilities[i].name),
                    capabilities[i].risk);
    }
}

static void audit_namespaces(struct arena *a, const struct json *host, bool is_v1, struct strs *out)
{
    static const char *const options[] = {"--pid", "--ipc",    "--network",
                                          "--uts", "--userns", "--cgroupns"};

    for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) {
        /* cgroup v1 has the host's view by default: nobody asked for it */
        if (is_v1 && strcmp(namespaces[i].name, "CgroupnsMode") == 0)
            continue;
        if (strcmp(text_of(host, namespaces[i].name), "host") == 0)
            add(a, out, arena_printf(a, "%s host", options[i]), namespaces[i].risk);
    }
}

static void audit_security(struct arena *a, const struct json *host, struct strs *out)
{
    for (const struct json *j = json_first(json_get(host, "SecurityOpt")); j; j = json_next(j)) {
        const char *opt = json_str(j) ? json_str(j) : "";

        if (strcmp(opt, "seccomp=unconfined") == 0 || strcmp(opt, "seccomp:unconfined") == 0)
            add(a, out, "seccomp unconfined", "every system call of the kernel is within reach");
        else if (text_starts(opt, "seccomp=") && !text_starts(opt, "seccomp=builtin"))
            add(a, out, "own seccomp profile",
                "what its list leaves out is not protected as by the default one");
        else if (strstr(opt, "apparmor") && strstr(opt, "unconfined"))
            add(a, out, "apparmor unconfined", "mandatory access control is off");
        else if (strstr(opt, "label") && strstr(opt, "disable"))
            add(a, out, "label disable", "mandatory access control is off");
    }
}

static void audit_masks(struct arena *a, const struct json *host, struct strs *out)
{
    const struct json *masked = json_get(host, "MaskedPaths");
    const struct json *read_only = json_get(host, "ReadonlyPaths");

    if (json_bool(json_get(host, "Privileged")))
        return;
    if (json_type(masked) == JSON_ARRAY && !json_len(masked))
        add(a, out, "unmasked paths", "kernel memory and keys below /proc and /sys are readable");
    if (json_type(read_only) == JSON_ARRAY && !json_len(read_only))
        add(a, out, "writable /proc and /sys",
            "kernel parameters can be changed, which may "
            "let the container escape");
}

static void audit_devices(struct arena *a, const struct json *host, struct strs *out)
{
    for (const struct json *d = json_first(json_get(host, "Devices")); d; d = json_next(d))
        add(a, out, arena_printf(a, "--device %s", text_of(d, "PathOnHost")),
            "the container drives a device of the host");
    for (const struct json *d = json_first(json_get(host, "DeviceCgroupRules")); d;
         d = json_next(d))
        if (json_str(d))
            add(a, out, arena_printf(a, "--device-cgroup-rule \"%s\"", json_str(d)),
                "the container may use these devices of the host");
}

static bool is_engine_socket(const char *source)
{
    return text_ends(source, "/docker.sock") || text_ends(source, "/berth.sock") ||
           text_ends(source, "/containerd.sock");
}

static void audit_bind(struct arena *a, const char *source, bool is_writable, struct strs *out)
{
    const char *how = is_writable ? "" : " (read-only)";

    if (is_engine_socket(source)) {
        add(a, out, arena_printf(a, "bind of %s%s", source, how),
            "whoever talks to the engine is root on the host");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        size_t n = strlen(paths[i].name);

        if (strcmp(source, paths[i].name) == 0 ||
            (n > 1 && strncmp(source, paths[i].name, n) == 0 && source[n] == '/' &&
             (strcmp(paths[i].name, "/proc") == 0 || strcmp(paths[i].name, "/sys") == 0 ||
              strcmp(paths[i].name, "/dev") == 0 || strcmp(paths[i].name, "/etc") == 0))) {
            add(a, out, arena_printf(a, "bind of %s%s", source, how),
                arena_printf(a, "the container reaches %s", paths[i].risk));
            return;
        }
    }
}

struct strs audit_container(struct arena *a, const struct json *container)
{
    const struct json *host = json_get(container, "HostConfig");
    struct strs out = {0};

    if (json_bool(json_get(host, "Privileged")))
        add(a, &out, "--privileged",
            "all capabilities and devices, no seccomp: the container can take over the host");
    audit_capabilities(a, host, &out);
    audit_namespaces(a, host, access("/sys/fs/cgroup/cgroup.controllers", F_OK) != 0, &out);
    audit_security(a, host, &out);
    audit_masks(a, host, &out);
    audit_devices(a, host, &out);
    for (const struct json *m = json_first(json_get(container, "Mounts")); m; m = json_next(m))
        if (strcmp(text_of(m, "Type"), "bind") == 0)
            audit_bind(a, text_of(m, "Source"), json_bool(json_get(m, "RW")), &out);
    return out;
}
