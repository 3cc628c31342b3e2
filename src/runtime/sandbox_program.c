/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's configuration → launch: makes every fd that the plan (plan.c) needs,
 * lets it write the program, seals it. Workers.
 *
 * Every fd of the input is either moved into the launch or closed here, on every way
 * out; the order of taking matters only for the mounts and cgroups, which are arrays
 * of the caller and therefore counted.
 */
#include "runtime/sandbox.h"

#include "base/fd.h"

#include "confine.h"
#include "detached.h"
#include "devices.h"
#include "runtime/users.h"
#include "time_offsets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define SHM_DEFAULT (64 << 20)
#define TTY_GROUP 5
#define FDS_BEFORE_REST (PROGRAM_FDS_MAX - PLAN_CGROUPS_MAX - 8) /* room for take_rest */
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#define CGROUP_ROOT "/sys/fs/cgroup/"

struct sandbox_compile {
    struct arena *a;
    struct sandbox_input *in;
    struct launch *l;
    struct plan_sandbox plan;
    struct device_list devices;
    size_t n_mounts_taken, n_cgroups_taken;
};

static int take(struct launch *l, int *fd)
{
    return *fd >= 0 ? launch_add_fd(l, steal_fd(fd)) : -1;
}

/* What was not moved into the launch. Mounts and cgroups are counted as they are taken. */
static void close_input(struct sandbox_compile *c)
{
    struct sandbox_input *in = c->in;
    int *single[] = {&in->root,   &in->ns.net,     &in->ns.ipc, &in->ns.pid,
                     &in->ns.uts, &in->cgroup_dir, &in->ns.shm, &in->ns.userns};

    ASSERT(c->n_mounts_taken <= in->n_mounts && c->n_cgroups_taken <= in->n_cgroup_tasks);
    for (size_t i = 0; i < ARRAY_LEN(single); i++)
        if (*single[i] >= 0)
            close(steal_fd(single[i]));
    for (size_t i = c->n_mounts_taken; i < in->n_mounts; i++)
        if (in->mounts[i].fd >= 0)
            close(in->mounts[i].fd);
    for (size_t i = c->n_cgroups_taken; i < in->n_cgroup_tasks; i++)
        if (in->cgroup_tasks[i] >= 0)
            close(in->cgroup_tasks[i]);
}

/* ---- the user namespace: what is made here is the host's root's, unless it is given away ---- */

/* Of all files of a new file system; NULL: none is set, and it is the last of the options. */
static const char *context_option(const struct sandbox_compile *c)
{
    return c->in->mount_label ? arena_printf(c->a, "context=%s", c->in->mount_label) : NULL;
}

/* A tmpfs whose root directory is the container's root's. */
static struct err *new_tmpfs(const struct sandbox_compile *c, const char *source, const char *mode,
                             const char *size, unsigned attrs, int *out)
{
    const struct id_map *ids = c->in->ids;
    const char *options[7] = {source, mode, size};
    size_t n = 3;

    if (ids) {
        options[n++] = arena_printf(c->a, "uid=%u", id_map_uid(ids, 0));
        options[n++] = arena_printf(c->a, "gid=%u", id_map_gid(ids, 0));
    }
    options[n] = context_option(c);
    return detached_new("tmpfs", options, attrs, out);
}

/* ---- who and what ---- */

/* It would hang or end without a word. Who says "false" has made it work in another way. */
static struct err *check_systemd(const struct sandbox_compile *c, const char *program)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    const struct host_config *h = c->in->host;
    char path[PATH_MAX];
    ssize_t n;

    if (!text_is_empty(h->systemd) || h->privileged || *program != '/')
        return NULL;
    autoclose int fd = (int)syscall(SYS_openat2, c->in->root, program, &how, sizeof(how));
    if (fd < 0)
        return NULL; /* execve will say so */
    n = readlink(arena_printf(c->a, "/proc/self/fd/%d", fd), path, sizeof(path) - 1);
    path[n < 0 ? 0 : n] = '\0';
    if (!text_ends(path, "/systemd/systemd"))
        return NULL;
    return err_new(ERR_INVALID,
                   "%s is systemd, which cannot run in an ordinary container: for a system "
                   "container use --systemd=true (HostConfig.Systemd; false: as it is)",
                   program);
}

static struct err *resolve_process(struct sandbox_compile *c)
{
    const struct sandbox_input *in = c->in;
    struct plan_process *x = &c->plan.process;
    struct process_limit *limits;
    struct user_files files;

    x->host = in->host;
    TRY(process_argv(c->a, in->config, &x->argv));
    TRY(check_systemd(c, x->argv.n ? x->argv.v[0] : ""));
    TRY(user_files_read(c->a, in->root, &files));
    TRY(user_resolve(c->a, &files, in->config->user, &in->host->group_add, &x->user));
    TRY(user_check_ids(&x->user, in->ids));
    TRY(process_limits(c->a, &in->host->ulimits, &limits));
    x->limits = limits;
    x->n_limits = in->host->ulimits.n;
    x->env = process_env(c->a, in->config, in->hostname, NULL, in->config->tty, x->user.home);
    x->cwd =
        path_clean(c->a, text_is_empty(in->config->working_dir) ? "/" : in->config->working_dir);
    x->makes_cwd = true;
    x->context = in->label;
    x->has_init = in->host->init == 1 && !in->ns.host_pid && in->ns.pid < 0;
    return confine(c->a, in->host, in->lsm, c->l, x);
}

/* A symlink at these places would send our file systems somewhere else. */
static struct err *check_root(const struct sandbox_compile *c)
{
    static const char *const names[] = {"dev", "proc", "sys"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct stat st;

        if (fstatat(c->in->root, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
            return err_new(ERR_INVALID, "/%s of the image is not a directory", names[i]);
    }
    return NULL;
}

/* ---- terminal and /dev ---- */

/* An instance of its own: terminals of the host and of other containers are not in it (devpts,
 * "newinstance" is the rule since Linux 4.7). gid 5 is tty in Debian and Fedora alike. */
static struct err *make_pts(struct sandbox_compile *c, int *out)
{
    const struct id_map *ids = c->in->ids;
    const char *options[] = {
        "newinstance",     "ptmxmode=0666",
        "mode=0620",       arena_printf(c->a, "gid=%u", id_map_gid(ids, TTY_GROUP)),
        context_option(c), NULL};
    autoclose int pts = -1;

    TRY(detached_new("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &pts));
    TRY(id_map_give(pts, "", ids));
    TRY(id_map_give(pts, "ptmx", ids));
    *out = steal_fd(&pts);
    return NULL;
}

/* Opened in the container's devpts, so that the terminal has a name inside (ttyname(3)). */
static struct err *make_terminal(struct sandbox_compile *c, int pts, struct streams *out)
{
    int ptmx = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (ptmx < 0)
        return err_sys("open a new terminal");
    TRY(streams_relay(c->l));
    return streams_terminal(ptmx, id_map_uid(c->in->ids, c->plan.process.user.uid),
                            c->in->host->console_size, c->l, out);
}

/* /dev/console is the terminal's node itself; a kernel that cannot clone a detached
 * mount (before 6.15) gets a link instead. */
static struct err *make_console(struct sandbox_compile *c, int pts, const struct streams *s,
                                struct dev_request *r)
{
    unsigned number = 0;
    char *name;
    int fd;
    struct err *e;

    ASSERT(c->l->n_holds > 0 || s->tty < 0);
    if (s->tty < 0)
        return NULL;
    if (ioctl(c->l->holds[c->l->n_holds - 1], TIOCGPTN, &number) < 0) /* the master */
        return err_sys("number of a terminal");
    name = arena_printf(c->a, "%u", number);
    e = detached_clone(pts, name, 0, &fd);
    r->wants_console = !e;
    r->console_link = e ? arena_printf(c->a, "pts/%s", name) : NULL;
    c->plan.console = e ? -1 : launch_add_fd(c->l, fd);
    err_drop(e);
    return NULL;
}

static struct err *make_streams(struct sandbox_compile *c, int pts, struct dev_request *r)
{
    const struct config *config = c->in->config;
    autostreams struct streams s = STREAMS_NONE;
    struct streams_request streams = {.has_stdin = config->open_stdin,
                                      .has_stdout = true,
                                      .has_stderr = true,
                                      .uid = id_map_uid(c->in->ids, c->plan.process.user.uid)};

    if (config->tty)
        TRY(make_terminal(c, pts, &s));
    else
        TRY(streams_pipes(&streams, c->l, &s));
    TRY(make_console(c, pts, &s, r));
    confine_streams(&s, c->l, &c->plan.process);
    return NULL;
}

static struct err *make_dev(struct sandbox_compile *c)
{
    struct dev_request r = {
        .extra = &c->devices,
        .has_shm = !text_same(c->in->host->ipc_mode, "none"),
        .has_mqueue = true,
        .ids = c->in->ids,
        .context = context_option(c),
    };
    int pts, dev, null;

    TRY(devices_find(c->a, c->in->host, &c->devices));
    TRY(make_pts(c, &pts));
    c->plan.pts = launch_add_fd(c->l, pts);
    TRY(make_streams(c, pts, &r));
    TRY(dev_make(c->a, &r, &dev, &null));
    c->plan.dev = launch_add_fd(c->l, dev);
    c->plan.null = launch_add_fd(c->l, null);
    return NULL;
}

/* Private to the container, the host's with --ipc=host, another one's with --ipc=container (the
 * child clones it where it is), none with --ipc=none. */
static struct err *make_shm(struct sandbox_compile *c)
{
    int64_t size = c->in->host->shm_size > 0 ? c->in->host->shm_size : SHM_DEFAULT;
    int fd;

    c->plan.shm_donor = take(c->l, &c->in->ns.shm);
    if (c->plan.shm_donor >= 0 || text_same(c->in->host->ipc_mode, "none"))
        return NULL;
    if (c->in->ns.host_ipc)
        TRY(detached_clone(AT_FDCWD, "/dev/shm", 0, &fd));
    else
        TRY(new_tmpfs(c, "source=shm", "mode=1777",
                      arena_printf(c->a, "size=%lld", (long long)size),
                      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, &fd));
    c->plan.shm = launch_add_fd(c->l, fd);
    return NULL;
}

/* The host's message queues, that a user namespace may not mount. */
static struct err *make_mqueue(struct sandbox_compile *c)
{
    int fd;

    if (!c->in->ids || !c->in->ns.host_ipc)
        return NULL;
    TRY(detached_new("mqueue", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                     &fd));
    c->plan.mqueue = launch_add_fd(c->l, fd);
    return NULL;
}

/* The one empty directory that covers every masked directory. */
static struct err *make_mask(struct sandbox_compile *c)
{
    const char *options[] = {"mode=755", "size=4k", "nr_inodes=2", context_option(c), NULL};
    int fd;

    TRY(detached_new("tmpfs", options,
                     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                     &fd));
    c->plan.mask = launch_add_fd(c->l, fd);
    return NULL;
}

/* Counters of real processors that tell containers about each other's heat. */
static void find_extra_masks(struct sandbox_compile *c)
{
    long n = sysconf(_SC_NPROCESSORS_CONF);

    for (long i = 0; i < n; i++) {
        char *path = arena_printf(c->a, "/sys/devices/system/cpu/cpu%ld/thermal_throttle", i);

        if (access(path, F_OK) < 0)
            return; /* all processors have them or none */
        strs_add(c->a, &c->plan.extra_masks, path);
    }
}

/* ---- /sys/fs/cgroup on v1: a read-only tmpfs, on it the container's own directories; on v2 it is
 * mounted by the program, or cloned from the host ---- */

static void add_cgroup_mount(struct sandbox_compile *c, int fd, const char *target)
{
    ASSERT(c->plan.cgroup_mounts && fd >= 0);
    c->plan.cgroup_mounts[c->plan.n_cgroup_mounts++] =
        (struct plan_attach){.fd = launch_add_fd(c->l, fd), .target = target};
}

/* "cpu,cpuacct" is one hierarchy: programs look for cpu and for cpuacct. */
static struct err *link_controllers(struct sandbox_compile *c, int dir, const char *hierarchy)
{
    struct strs names = text_split(c->a, hierarchy, ',');

    for (size_t i = 0; names.n > 1 && i < names.n; i++)
        if (symlinkat(hierarchy, dir, names.v[i]) < 0 && errno != EEXIST)
            return err_sys("link cgroup controller %s", names.v[i]);
    return NULL;
}

/* From an open `tasks` file: the directory it is in, and its hierarchy's name. */
static bool find_cgroup_dir(struct sandbox_compile *c, int tasks, char **out_dir,
                            char **out_hierarchy)
{
    char path[PATH_MAX], *rest, *slash;
    ssize_t n = readlink(arena_printf(c->a, "/proc/self/fd/%d", tasks), path, sizeof(path) - 1);

    if (n <= 0)
        return false;
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (!text_starts(path, CGROUP_ROOT) || slash < path + strlen(CGROUP_ROOT))
        return false; /* mounted elsewhere: not shown inside */
    *slash = '\0';
    rest = path + strlen(CGROUP_ROOT);
    *out_hierarchy = arena_strndup(c->a, rest, strcspn(rest, "/"));
    *out_dir = arena_strdup(c->a, path);
    return true;
}

static struct err *make_cgroup_mount(struct sandbox_compile *c, int tasks, int dir, uint64_t attrs)
{
    char *path, *hierarchy;
    int fd;

    if (!find_cgroup_dir(c, tasks, &path, &hierarchy))
        return NULL;
    if (mkdirat(dir, hierarchy, 0755) < 0 && errno != EEXIST)
        return err_sys("make a directory for cgroup hierarchy %s", hierarchy);
    TRY(link_controllers(c, dir, hierarchy));
    TRY(detached_clone(AT_FDCWD, path, attrs, &fd));
    add_cgroup_mount(c, fd, arena_printf(c->a, CGROUP_ROOT "%s", hierarchy));
    return NULL;
}

/* Mounting cgroup2 anew in the host's cgroup namespace would set the options of the host's own
 * mount (nsdelegate, memory_recursiveprot) to ours: a clone of that mount sets nothing. */
static struct err *make_host_cgroup_mount(struct sandbox_compile *c, uint64_t attrs)
{
    struct statfs fs;
    int fd;

    if (statfs(CGROUP_ROOT, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
        return NULL; /* mounted elsewhere: not shown inside */
    c->plan.cgroup_mounts = arena_array(c->a, 1, sizeof(struct plan_attach));
    TRY(detached_clone(AT_FDCWD, CGROUP_ROOT, attrs, &fd));
    add_cgroup_mount(c, fd, "/sys/fs/cgroup");
    return NULL;
}

static struct err *make_cgroup_mounts(struct sandbox_compile *c)
{
    const struct sandbox_input *in = c->in;
    uint64_t attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    bool is_writable = in->host->privileged || c->plan.has_writable_cgroups;
    int dir;

    if (in->is_v2 && in->ns.host_cgroup)
        return make_host_cgroup_mount(c, attrs | (is_writable ? 0 : MOUNT_ATTR_RDONLY));
    if (in->is_v2 || in->n_cgroup_tasks == 0)
        return NULL;
    c->plan.cgroup_mounts = arena_array(c->a, in->n_cgroup_tasks + 1, sizeof(struct plan_attach));
    TRY(new_tmpfs(c, "source=tmpfs", "mode=755", "size=64k", (unsigned)attrs, &dir));
    add_cgroup_mount(c, dir, "/sys/fs/cgroup");
    for (size_t i = 0; i < in->n_cgroup_tasks; i++)
        TRY(make_cgroup_mount(c, in->cgroup_tasks[i], dir,
                              attrs | (is_writable ? 0 : MOUNT_ATTR_RDONLY)));
    return detached_make_readonly(dir);
}

/* ---- the caller's fds ---- */

static uint16_t attach_flags(const struct sandbox_mount *m)
{
    return (uint16_t)((m->is_file ? PF_MAKE_FILE : PF_MAKE_DIR) |
                      (m->takes_mode ? PF_TAKE_MODE : 0) | (m->takes_owner ? PF_TAKE_OWNER : 0));
}

static struct err *take_mounts(struct sandbox_compile *c)
{
    const struct sandbox_input *in = c->in;
    struct plan_attach *list;

    if (in->n_mounts > SANDBOX_MOUNTS_MAX)
        return err_new(ERR_INVALID, "more than %d mounts in one container", SANDBOX_MOUNTS_MAX);
    list = arena_array(c->a, in->n_mounts + c->devices.n + 1, sizeof(*list));
    c->plan.mounts = list;
    for (size_t i = 0; i < in->n_mounts; i++) {
        const struct sandbox_mount *m = &in->mounts[i];
        char *target = path_clean(c->a, m->target);

        TRY(plan_check_target(target));
        list[c->plan.n_mounts++] = (struct plan_attach){
            .fd = launch_add_fd(c->l, m->fd),
            .target = target,
            .flags = attach_flags(m),
            .attrs = m->is_readonly ? MOUNT_ATTR_RDONLY : 0,
        };
        c->n_mounts_taken++;
    }
    return NULL;
}

/* Devices asked for outside /dev are binds of the host's nodes. */
static struct err *add_far_devices(struct sandbox_compile *c)
{
    for (size_t i = 0; i < c->devices.n; i++) {
        const struct device_node *d = &c->devices.v[i];
        int fd;

        if (device_is_below_dev(d))
            continue;
        if (c->l->n_fds >= FDS_BEFORE_REST)
            return err_new(ERR_INVALID, "too many mounts and devices in one container");
        TRY(detached_clone(AT_FDCWD, d->host, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &fd));
        c->plan.mounts[c->plan.n_mounts++] = (struct plan_attach){
            .fd = launch_add_fd(c->l, fd), .target = d->path, .flags = PF_MAKE_FILE};
    }
    return NULL;
}

/* The order of the launch's descriptors means nothing: the plan names them by their index. */
static struct err *take_rest(struct sandbox_compile *c)
{
    struct sandbox_input *in = c->in;
    struct plan_sandbox *plan = &c->plan;

    TRY(confine_cgroups(in->cgroup_tasks, in->n_cgroup_tasks, c->l, plan->cgroups, &plan->n_cgroups,
                        &c->n_cgroups_taken));
    plan->own_spaces = plan_own_spaces(in);
    c->l->clone_flags = in->ns.userns >= 0 ? CLONE_NEWNS : plan->own_spaces;
    c->l->cgroup_at = take(c->l, &in->cgroup_dir);
    if (c->l->cgroup_at >= 0)
        c->l->clone_flags |= CLONE_INTO_CGROUP;
    plan->net = take(c->l, &in->ns.net);
    plan->ipc = take(c->l, &in->ns.ipc);
    plan->pid = take(c->l, &in->ns.pid);
    plan->uts = take(c->l, &in->ns.uts);
    plan->userns = take(c->l, &in->ns.userns);
    plan->root = take(c->l, &in->root);
    return NULL;
}

/* Its process is the child of who entered the user namespace. */
static bool has_birth_in_userns(const struct sandbox_compile *c)
{
    return c->plan.userns >= 0 && c->plan.own_spaces & CLONE_NEWPID;
}

/* Everything that can fail because of the host or the request happens here, on a worker, where the
 * error can be a sentence; the child only carries out. */
static struct err *compile(struct sandbox_compile *c)
{
    autoprogram struct program program = {0};
    struct secopt sec;

    if (strlen(c->in->id) >= sizeof(c->l->id))
        return err_new(ERR_INTERNAL, "id %s is too long", c->in->id);
    snprintf(c->l->id, sizeof(c->l->id), "%s", c->in->id);
    TRY(secopt_parse(c->a, &c->in->host->security_opt, &sec));
    c->plan.has_writable_cgroups = sec.writable_cgroups || text_same(c->in->host->systemd, "true");
    TRY(check_root(c));
    TRY(resolve_process(c));
    TRY(make_dev(c));
    TRY(make_shm(c));
    TRY(make_mqueue(c));
    TRY(make_mask(c));
    find_extra_masks(c);
    if (c->in->host->time_offsets.n) {
        char *clocks;

        TRY(time_offsets_text(c->a, c->in->host, &clocks));
        c->plan.clocks = clocks;
    }
    TRY(make_cgroup_mounts(c));
    TRY(take_mounts(c));
    TRY(add_far_devices(c));
    TRY(take_rest(c));
    c->plan.process.is_payload = c->plan.pid >= 0;
    c->l->flags = c->plan.process.is_payload || has_birth_in_userns(c) ? KS_EXEC : 0;
    plan_sandbox(c->a, &c->plan, &program);
    return program_seal(&program, c->l->n_fds, &c->l->program_fd);
}

struct err *sandbox_compile(struct arena *a, struct sandbox_input *in, struct launch *out)
{
    struct sandbox_compile c = {.a = a, .in = in, .l = out};
    struct plan_sandbox *plan = &c.plan;
    struct err *e;

    launch_init(out);
    plan->in = in;
    plan->net = plan->ipc = plan->pid = plan->uts = plan->userns = -1;
    plan->root = plan->dev = plan->pts = plan->shm = plan->console = plan->mask = plan->null = -1;
    plan->shm_donor = plan->mqueue = -1;
    e = compile(&c);
    close_input(&c);
    if (e)
        launch_close(out);
    return e;
}
