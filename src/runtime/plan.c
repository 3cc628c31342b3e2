/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a setup program. Pure; read plan_sandbox first, it is the whole story
 * of how a container comes to be.
 *
 * Two orders look odd and are on purpose: a filter is loaded while CAP_SYS_ADMIN is
 * still there (before P_USER) unless no-new-privileges makes that unnecessary, and the
 * working directory is entered before either, as root, where both could forbid it.
 */
#include "plan.h"

#include "base/fd.h"

#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>

#define NO_ARGS                                                                                    \
    (struct program_args)                                                                          \
    {                                                                                              \
        NO_FD                                                                                      \
    }
#define WITH_FD(index)                                                                             \
    (struct program_args)                                                                          \
    {                                                                                              \
        .fd = (index)                                                                              \
    }
#define MOUNT_SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

const char *const sandbox_masked_paths[] = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    NULL,
};
const char *const sandbox_readonly_paths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

/* lxcfs and the like cover single files of /proc; everything else there is refused. */
static const char *const proc_exceptions[] = {
    "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo",  "/proc/stat",    "/proc/swaps",
    "/proc/uptime",  "/proc/loadavg",   "/proc/slabinfo", "/proc/net/dev",
};

/* A mount namespace always; of the others those that are neither the host's nor another
 * container's. */
uint64_t plan_own_spaces(const struct sandbox_input *in)
{
    const struct sandbox_namespaces *ns = &in->ns;
    uint64_t flags = CLONE_NEWNS;

    if (!ns->host_pid && ns->pid < 0)
        flags |= CLONE_NEWPID;
    if (!ns->host_net && ns->net < 0)
        flags |= CLONE_NEWNET;
    if (!ns->host_ipc && ns->ipc < 0)
        flags |= CLONE_NEWIPC;
    if (!ns->host_uts && ns->uts < 0)
        flags |= CLONE_NEWUTS;
    return flags;
}

struct err *plan_check_length(const char *path)
{
    if (strlen(path) < PATH_MAX)
        return NULL;
    return err_new(ERR_INVALID, "the path %.60s... is too long: a path has at most %d bytes", path,
                   PATH_MAX - 1);
}

struct err *plan_check_target(const char *target)
{
    TRY(plan_check_length(target));
    if (strcmp(target, "/") == 0)
        return err_new(ERR_INVALID, "invalid volume specification: destination can't be '/'");
    if (strcmp(target, "/proc") == 0)
        return err_new(ERR_INVALID, "\"/proc\" cannot be mounted because it is not of type proc");
    if (!text_starts(target, "/proc/"))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(proc_exceptions); i++)
        if (strcmp(proc_exceptions[i], target) == 0)
            return NULL;
    return err_new(ERR_INVALID, "\"%s\" cannot be mounted because it is inside /proc", target);
}

/* ---- file systems ---- */

/* A volume at the very place replaces the file system of ours, as Docker has it; so does one on
 * /dev all that is below. */
static bool is_covered(const struct plan_sandbox *plan, const char *target)
{
    for (size_t i = 0; i < plan->n_mounts; i++)
        if (strcmp(plan->mounts[i].target, target) == 0)
            return true;
    return text_starts(target, "/dev/") && is_covered(plan, "/dev");
}

static void attach(struct program *p, const struct plan_attach *m)
{
    program_add_str(p, P_ATTACH,
                    (struct program_args){.fd = m->fd, .flags = m->flags, .a = m->attrs}, m->target,
                    NULL);
}

/* Unless the user mounts something there. */
static void attach_own(const struct plan_sandbox *plan, struct program *p, int fd,
                       const char *target, uint16_t flags)
{
    if (fd >= 0 && !is_covered(plan, target))
        attach(p, &(struct plan_attach){.fd = fd, .target = target, .flags = flags});
}

/* option: NULL, or one. */
static void mount_with(const struct plan_sandbox *plan, struct program *p, const char *type,
                       const char *target, uint32_t attrs, int fd, const char *option)
{
    autobuf struct buf data = {0};

    ASSERT(type && target[0] == '/');
    if (is_covered(plan, target))
        return;
    buf_add(&data, type, strlen(type) + 1);
    buf_add(&data, target, strlen(target) + 1);
    if (option)
        buf_add(&data, option, strlen(option) + 1);
    buf_add(&data, "", 1);
    program_add_bytes(p, P_MOUNT, (struct program_args){.fd = fd, .a = attrs, .flags = PF_MAKE_DIR},
                      data.data, data.len);
}

static void mount_own(const struct plan_sandbox *plan, struct program *p, const char *type,
                      const char *target, uint32_t attrs, int fd)
{
    mount_with(plan, p, type, target, attrs, fd, NULL);
}

/* That of an ipc namespace that was there before has a label already, and the host's is none of
 * ours. */
static void mount_mqueue(struct arena *a, const struct plan_sandbox *plan, struct program *p)
{
    const char *label = plan->own_spaces & CLONE_NEWIPC ? plan->in->mount_label : NULL;

    mount_with(plan, p, "mqueue", "/dev/mqueue", MOUNT_SAFE, -1,
               label ? arena_printf(a, "rootcontext=%s", label) : NULL);
}

static void add_cgroup_mounts(const struct plan_sandbox *plan, struct program *p,
                              uint32_t read_only)
{
    if (is_covered(plan, "/sys") || is_covered(plan, "/sys/fs/cgroup"))
        return;
    if (plan->in->is_v2 && !plan->in->ns.host_cgroup)
        mount_own(plan, p, "cgroup2", "/sys/fs/cgroup", MOUNT_SAFE | read_only, -1);
    for (size_t i = 0; i < plan->n_cgroup_mounts; i++)
        attach(p, &plan->cgroup_mounts[i]);
}

static void add_file_systems(struct arena *a, const struct plan_sandbox *plan, struct program *p)
{
    uint32_t read_only = plan->in->host->privileged ? 0 : MOUNT_ATTR_RDONLY;

    mount_own(plan, p, "proc", "/proc", MOUNT_SAFE, plan->pid);
    /* Also below a mount of the user's: what masks files is cloned from there, and before
     * Linux 6.15 only a mount that hangs somewhere can be cloned. */
    if (plan->dev >= 0)
        attach(p, &(struct plan_attach){.fd = plan->dev, .target = "/dev", .flags = PF_MAKE_DIR});
    attach_own(plan, p, plan->pts, "/dev/pts", 0);
    attach_own(plan, p, plan->shm, "/dev/shm", 0);
    if (plan->shm_donor >= 0)
        mount_own(plan, p, "tmpfs", "/dev/shm", MOUNT_SAFE, plan->shm_donor);
    if (plan->mqueue >= 0)
        attach_own(plan, p, plan->mqueue, "/dev/mqueue", 0);
    else
        mount_mqueue(a, plan, p);
    attach_own(plan, p, plan->console, "/dev/console", 0);
    mount_own(plan, p, "sysfs", "/sys", MOUNT_SAFE | read_only, -1);
    add_cgroup_mounts(plan, p, plan->has_writable_cgroups ? 0 : read_only);
    for (size_t i = 0; i < plan->n_mounts; i++)
        attach(p, &plan->mounts[i]);
}

static void mask(const struct plan_sandbox *plan, struct program *p, const char *path)
{
    program_add_str(p, P_MASK, (struct program_args){.fd = plan->mask, .b = (uint64_t)plan->null},
                    path, NULL);
}

static void readonly(const struct plan_sandbox *plan, struct program *p, const char *path)
{
    (void)plan;
    program_add_str(p, P_READONLY, NO_ARGS, path, NULL);
}

/* Given lists replace the defaults; a privileged container has no defaults. */
static void add_guarded(struct arena *a, const struct plan_sandbox *plan, struct program *p,
                        const struct strs *given, const char *const *defaults,
                        void (*add)(const struct plan_sandbox *, struct program *, const char *))
{
    for (size_t i = 0; i < given->n; i++)
        add(plan, p, path_clean(a, given->v[i]));
    if (!given->v && !plan->in->host->privileged)
        for (; *defaults; defaults++)
            add(plan, p, *defaults);
}

/* ---- kernel settings ---- */

static void add_sysctl(struct arena *a, struct program *p, const char *key, const char *value,
                       uint16_t flags)
{
    program_add_str(p, P_SYSCTL, (struct program_args){NO_FD, .flags = flags}, sysctl_path(a, key),
                    value);
}

/* Docker's defaults: ping without privileges, and every port for everybody. PF_OPTIONAL, since an
 * older kernel may not have them in a namespace. */
static void add_sysctls(struct arena *a, const struct plan_sandbox *plan, struct program *p)
{
    static const struct pair defaults[] = {
        {"net.ipv4.ping_group_range", "0 2147483647"},
        {"net.ipv4.ip_unprivileged_port_start", "0"},
    };
    const struct host_config *h = plan->in->host;
    bool has_own_net =
        !plan->in->ns.host_net && !(h->network_mode && text_starts(h->network_mode, "container:"));

    for (size_t i = 0; has_own_net && i < ARRAY_LEN(defaults); i++)
        if (!pairs_get(&h->sysctls, defaults[i].key))
            add_sysctl(a, p, defaults[i].key, defaults[i].value, PF_OPTIONAL);
    for (size_t i = 0; i < h->sysctls.n; i++)
        add_sysctl(a, p, h->sysctls.v[i].key, h->sysctls.v[i].value, 0);
}

/* In a shared UTS namespace the name is not ours to set. */
static void add_names(const struct plan_sandbox *plan, struct program *p)
{
    const struct sandbox_input *in = plan->in;

    if (in->ns.host_uts || in->ns.uts >= 0 || plan->uts >= 0)
        return;
    if (!text_is_empty(in->hostname))
        program_add_str(p, P_HOSTNAME, NO_ARGS, in->hostname, NULL);
    if (!text_is_empty(in->domainname))
        program_add_str(p, P_DOMAINNAME, NO_ARGS, in->domainname, NULL);
}

static void enter(struct program *p, int fd, uint32_t space)
{
    ASSERT(space);
    if (fd >= 0)
        program_add(p, P_SETNS, (struct program_args){.fd = fd, .a = space});
}

static void join_cgroups(struct program *p, const int *cgroups, size_t n)
{
    for (size_t i = 0; i < n; i++)
        program_add(p, P_CGROUP, WITH_FD(cgroups[i]));
}

/* ---- the payload ---- */

static void add_stdio(struct program *p, const struct plan_process *x)
{
    for (uint32_t i = 0; i < 3; i++)
        program_add(p, P_DUP,
                    (struct program_args){.fd = x->tty >= 0 ? x->tty : x->stdio[i], .a = i});
}

/* setsid(2) gives the terminal up, TIOCSCTTY takes it: a container's shell has job control. */
static void add_session(struct program *p, const struct plan_process *x)
{
    program_add(p, P_SETSID, NO_ARGS);
    if (x->tty >= 0)
        program_add(p, P_CTTY, WITH_FD(x->tty));
}

/* The session is the payload's own: were its leader the helper, the helper's end would hang up
 * the terminal. Up to P_ENV only records may follow that init/ can run with every fd closed
 * (P_CTTY then takes descriptor 0), so that the payload never holds one of the host. */
static void add_payload(struct program *p, const struct plan_process *x)
{
    program_add(p, P_PAYLOAD, NO_ARGS);
    if (x->tty >= 0)
        add_session(p, x);
}

/* Only root has capabilities from the start: for others they are in the bounding set and come with
 * set-id programs (capabilities(7)), as with Docker. */
static void add_caps(struct program *p, const struct plan_process *x)
{
    uint64_t now = x->user.uid == 0 ? x->caps : 0;
    struct program_caps caps = {.bounding = x->caps, .permitted = now, .effective = now};

    program_add_bytes(p, P_CAPS, NO_ARGS, &caps, sizeof(caps));
}

static void add_filter(struct program *p, const struct plan_process *x)
{
    if (x->filter >= 0)
        program_add(p, P_SECCOMP, (struct program_args){.fd = x->filter, .a = x->filter_flags});
}

/* The init process that stays behind never comes to an execve. */
static void add_profile(struct program *p, const struct plan_process *x)
{
    if (x->profile)
        program_add_str(p, P_LABEL, (struct program_args){NO_FD, .flags = x->has_init ? PF_NOW : 0},
                        x->profile, NULL);
}

static void add_context(struct program *p, const struct plan_process *x)
{
    if (x->context)
        program_add_str(p, P_CONTEXT, NO_ARGS, x->has_init ? "current" : "exec", x->context);
}

static void add_identity(struct program *p, const struct plan_process *x)
{
    add_profile(p, x);
    add_context(p, x);
    add_caps(p, x);
    program_add_str(p, P_CWD, (struct program_args){NO_FD, .flags = x->makes_cwd ? PF_MAKE_DIR : 0},
                    x->cwd, NULL);
    if (!x->no_new_privs)
        add_filter(p, x);
    program_add_bytes(
        p, P_USER,
        (struct program_args){NO_FD, .a = x->user.uid, .b = x->user.gid, .c = x->user.n_groups},
        x->user.groups, x->user.n_groups * sizeof(x->user.groups[0]));
    if (x->no_new_privs) {
        program_add(p, P_NO_NEW_PRIVS, NO_ARGS);
        add_filter(p, x);
    }
}

static void add_limits(struct program *p, const struct plan_process *x, uint16_t flags)
{
    for (size_t i = 0; i < x->n_limits; i++)
        program_add(p, P_RLIMIT,
                    (struct program_args){NO_FD, .a = (uint32_t)x->limits[i].resource,
                                          .b = x->limits[i].soft, .c = x->limits[i].hard,
                                          .flags = flags});
}

static void add_oom_score(struct program *p, const struct plan_process *x)
{
    int32_t score = x->host->oom_score_adj;

    program_add(
        p, P_OOM_SCORE,
        (struct program_args){NO_FD, .a = (uint32_t)score, .flags = score ? 0 : PF_OPTIONAL});
}

/* What only the root of the host may do, before it is that no more. */
static void add_host_rights(struct program *p, const struct plan_process *x)
{
    add_limits(p, x, PF_RAISE);
    add_oom_score(p, x);
}

static void add_process(struct program *p, const struct plan_process *x, bool has_userns)
{
    add_limits(p, x, 0);
    if (!has_userns)
        add_oom_score(p, x);
    program_add(p, P_UMASK, (struct program_args){NO_FD, .a = 0022});
    if (x->context)
        program_add_str(p, P_CONTEXT, NO_ARGS, "keycreate", x->context);
    program_add(p, P_KEYRING, NO_ARGS);
    add_stdio(p, x);
    if (!x->is_payload)
        add_session(p, x);
    add_identity(p, x);
    if (x->is_payload)
        add_payload(p, x);
    if (x->has_init)
        program_add(p, P_INIT, NO_ARGS);
    program_add_strs(p, P_ENV, (struct program_args){NO_FD, .a = (uint32_t)x->env.n}, &x->env);
    if (x->is_payload && x->tty < 0)
        program_add(p, P_SETSID, (struct program_args){NO_FD, .flags = PF_OPTIONAL});
    program_add_strs(p, P_EXEC, (struct program_args){NO_FD, .a = (uint32_t)x->argv.n}, &x->argv);
}

/* In a mount namespace of a user namespace proc and sysfs can be mounted only where both are to be
 * seen whole already (mount_too_revealing in the kernel). The keeper's root has neither, so they
 * come on its two places; the container's root goes over them, and P_PIVOT drops all. */
static void show_kernel(struct program *p)
{
    static const char proc[] = "proc\0/root\0", sys[] = "sysfs\0/empty\0";
    const struct program_args args = {NO_FD, .a = MOUNT_SAFE};

    program_add_bytes(p, P_MOUNT, args, proc, sizeof(proc));
    program_add_bytes(p, P_MOUNT, args, sys, sizeof(sys));
}

/* A process is in a pid namespace from its birth on, so the rest is a child's. */
static void enter_userns(const struct plan_sandbox *plan, struct program *out)
{
    uint64_t spaces = plan->own_spaces;

    show_kernel(out);
    add_host_rights(out, &plan->process);
    enter(out, plan->userns, CLONE_NEWUSER);
    if (plan->in->ns.private_cgroup && !plan->in->ns.host_cgroup)
        spaces |= CLONE_NEWCGROUP;
    program_add(out, P_UNSHARE, (struct program_args){NO_FD, .a = (uint32_t)spaces});
    if (spaces & CLONE_NEWPID)
        program_add(out, P_PAYLOAD, NO_ARGS);
}

void plan_sandbox(struct arena *a, const struct plan_sandbox *plan, struct program *out)
{
    const struct host_config *h = plan->in->host;

    join_cgroups(out, plan->cgroups, plan->n_cgroups);
    enter(out, plan->net, CLONE_NEWNET);
    enter(out, plan->ipc, CLONE_NEWIPC);
    enter(out, plan->uts, CLONE_NEWUTS);
    enter(out, plan->pid, CLONE_NEWPID); /* of children: the payload alone will be in there */
    if (plan->userns >= 0)
        enter_userns(plan, out);
    else if (plan->in->ns.private_cgroup && !plan->in->ns.host_cgroup)
        program_add(out, P_UNSHARE, (struct program_args){NO_FD, .a = CLONE_NEWCGROUP});
    program_add(out, P_ROOT, WITH_FD(plan->root));
    add_file_systems(a, plan, out);
    add_guarded(a, plan, out, &h->masked_paths, sandbox_masked_paths, mask);
    if (!h->masked_paths.v && !h->privileged)
        for (size_t i = 0; i < plan->extra_masks.n; i++)
            mask(plan, out, plan->extra_masks.v[i]);
    add_guarded(a, plan, out, &h->readonly_paths, sandbox_readonly_paths, readonly);
    add_sysctls(a, plan, out);
    add_names(plan, out);
    if (plan->clocks)
        program_add_str(out, P_TIMENS, NO_ARGS, plan->clocks, NULL);
    program_add(out, P_PIVOT, NO_ARGS);
    if (h->readonly_rootfs)
        program_add(out, P_ROOT_READONLY, NO_ARGS);
    add_process(out, &plan->process, plan->userns >= 0);
}

unsigned plan_exec_spaces(const struct host_config *h, bool has_userns)
{
    unsigned spaces = CLONE_NEWNS | CLONE_NEWCGROUP | (has_userns ? CLONE_NEWUSER : 0);

    if (!text_same(h->pid_mode, "host"))
        spaces |= CLONE_NEWPID;
    if (!text_same(h->network_mode, "host"))
        spaces |= CLONE_NEWNET;
    if (!text_same(h->ipc_mode, "host"))
        spaces |= CLONE_NEWIPC;
    if (!text_same(h->uts_mode, "host"))
        spaces |= CLONE_NEWUTS;
    if (h->time_offsets.n)
        spaces |= CLONE_NEWTIME;
    return spaces;
}

void plan_exec(const struct plan_exec *plan, struct program *out)
{
    unsigned spaces = plan_exec_spaces(plan->process.host, plan->has_userns);

    join_cgroups(out, plan->cgroups, plan->n_cgroups);
    if (plan->has_userns)
        add_host_rights(out, &plan->process);
    program_add(out, P_SETNS, (struct program_args){.fd = plan->pidfd, .a = spaces});
    add_process(out, &plan->process, plan->has_userns);
}
