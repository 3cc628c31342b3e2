/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine does with what it finds: the database says what should be, the
 * keeper what runs, the disk what exists. Adoption takes processes and streams over;
 * reconcile then finishes or undoes what only one of the three knows. Also: exits as
 * the keeper reports them, and life without a keeper. Loop thread, start-up.
 */
#include "object.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "start.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct container *find_exact(struct container_table *t, const char *id)
{
    return strlen(id) == 64 ? map_get(t->by_id, id) : NULL;
}

static bool is_exec_id(const char *id)
{
    return strchr(id, '/') != NULL;
}

static void close_fds(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static int fd_of_role(const struct keeper_entry *e, const int *fds, enum keeper_role role)
{
    for (uint32_t i = 0; i < e->n_holds; i++)
        if (e->roles[i] == role)
            return fds[1 + i];
    return -1;
}

static struct exit_record exit_of(const struct keeper_entry *e)
{
    return (struct exit_record){
        .is_set = true, .pid = e->pid, .status = e->status, .wall_ns = e->exited_wall_ns};
}

/* ---- adoption ---- */

/* A process nobody was told about (its start was in flight): it goes. The keeper reports the exit,
 * which is then acknowledged as that of a stranger. */
static void end_stranger(struct container_table *t, const struct keeper_entry *e, const int *fds)
{
    log_info("a process of no known container is ended", KV("id", e->id), KV_INT("pid", e->pid));
    if (e->state != KEEPER_EXITED && fds[0] >= 0)
        syscall(SYS_pidfd_send_signal, fds[0], SIGKILL, NULL, 0);
    close_fds(fds, 1 + e->n_holds);
    (void)t;
}

static void adopt_process(struct container *c, const struct keeper_entry *e, const int *fds)
{
    struct hub_streams s = {
        .in = fd_of_role(e, fds, ROLE_STDIN),
        .out = fd_of_role(e, fds, ROLE_STDOUT),
        .err = fd_of_role(e, fds, ROLE_STDERR),
        .pty = fd_of_role(e, fds, ROLE_PTY),
    };
    struct err *err = container_open_log(c);

    err_drop(err);
    c->pidfd = fds[0];
    c->doc.state.pid = e->pid;
    if (c->doc.state.status != STATUS_PAUSED)
        c->doc.state.status = STATUS_RUNNING;
    if (c->image)
        image_ref(c->image, c->doc.id, true);
    container_adopt_streams(c, &s);
    err = networks_rejoin(c);
    if (err) {
        log_error("a running container's addresses could not be taken back", KV("id", c->doc.id),
                  KV("error", err_text(err)));
        err_drop(err);
    }
}

void container_table_adopt(void *table, const struct keeper_entry *e, const int *fds)
{
    struct container_table *t = table;
    struct container *c = find_exact(t, e->id);

    if (sockets_stash(t, e, fds))
        return;
    if (!c || c->pidfd >= 0 || e->has_failed || !state_is_running(c)) {
        end_stranger(t, e, fds);
        return;
    }
    adopt_process(c, e, fds);
    if (e->state == KEEPER_EXITED)
        c->exit = exit_of(e); /* worked off by reconcile */
}

/* ---- exits ---- */

void container_table_exited(void *table, const struct keeper_entry *e)
{
    struct container_table *t = table;
    struct container *c = find_exact(t, e->id);
    struct exit_record r = exit_of(e);

    if (is_exec_id(e->id)) {
        exec_exited(t, e);
        return;
    }
    if (c && (c->pidfd >= 0 || c->is_starting) && (c->doc.state.pid == e->pid || c->is_starting)) {
        container_note_exit(c, &r);
        return;
    }
    if (c && c->is_exiting)
        return; /* acknowledged at its end */
    keeper_ack(t->parts->keeper, e->id, e->pid);
}

/* ---- without a keeper: the pidfd tells that it ended, the kernel (≥ 6.15) how ---- */

struct pidfd_info_v1 { /* include/uapi/linux/pidfd.h, PIDFD_INFO_SIZE_VER1 */
    uint64_t mask, cgroupid;
    uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
    uint32_t coredump_mask, spare;
};
#define PIDFD_GET_INFO_V1 _IOWR(0xFF, 11, struct pidfd_info_v1)
#define PIDFD_INFO_EXIT_BIT (1u << 3)

struct orphan {
    struct container *c;
    struct watch *watch;
};

static bool read_status(const struct container *c, int *status)
{
    struct pidfd_info_v1 info = {.mask = PIDFD_INFO_EXIT_BIT};

    if (waitpid(c->doc.state.pid, status, WNOHANG) == c->doc.state.pid)
        return true; /* our subreaper's child: the keeper was started by this engine */
    if (ioctl(c->pidfd, PIDFD_GET_INFO_V1, &info) != 0 || !(info.mask & PIDFD_INFO_EXIT_BIT))
        return false;
    *status = info.exit_code;
    return true;
}

static void on_orphan_exit(void *arg, int events)
{
    struct orphan *o = arg;
    struct container *c = o->c;
    struct exit_record r = {.pid = c->doc.state.pid, .wall_ns = clock_wall_ns()};

    (void)events;
    r.is_unknown = !read_status(c, &r.status);
    watch_close(o->watch);
    free(o);
    container_note_exit(c, &r);
    container_unref(c);
}

void container_watch_orphan(struct container *c)
{
    struct orphan *o = mem_new(struct orphan);

    o->c = container_ref(c);
    o->watch = watch_open(c->parts->loop, c->pidfd, UV_READABLE, on_orphan_exit, o);
}

void container_table_keeper_lost(void *table)
{
    struct container_table *t = table;
    size_t cursor = 0;
    void *value;

    while (map_next(t->by_id, &cursor, NULL, &value)) {
        struct container *c = value;

        if (c->pidfd >= 0 && !c->exit.is_set && !c->is_exiting) {
            container_watch_orphan(c);
            ports_hold(c); /* in the next one */
            dns_hold(c);
        }
    }
}

/* ---- reconcile ---- */

/* It was running when the last engine died, and the keeper knows nothing of it: the machine was
 * restarted, or the keeper is gone too. Its code is unknown, never 0. */
static void note_vanished(struct container *c)
{
    c->doc.state.status = STATUS_EXITED;
    c->doc.state.exit_code = 255;
    c->doc.state.has_unknown_code = true;
    c->doc.state.pid = 0;
    c->doc.state.finished_ns = clock_wall_ns();
    state_set_error(
        c, "the container ended while no engine and no keeper was there: its exit code is unknown");
    c->doc.published = (struct jlist){0};
    if (c->image)
        image_ref(c->image, c->doc.id, false);
    container_event(c, "die", "exitCode", "255");
    container_save(c);
}

static void on_boot_started(void *ctx, struct err *err)
{
    struct container *c = ctx;

    if (err && err_kind(err) != ERR_NOT_MODIFIED)
        log_warn("a container that should run could not be started", KV("id", c->doc.id),
                 KV("error", err_text(err)));
    err_drop(err);
    container_unref(c);
}

static void reconcile_one(struct container *c)
{
    if (c->exit.is_set) {
        container_work_off_exit(c);
        return;
    }
    if (c->pidfd >= 0) {
        ports_resume(c);
        dns_resume(c);
        return;
    }
    if (c->doc.state.status == STATUS_REMOVING || c->doc.state.status == STATUS_DEAD) {
        container_remove(c, true, false, false, NULL, NULL);
        return;
    }
    if (state_is_running(c))
        note_vanished(c);
    if (c->doc.host.auto_remove && c->doc.state.status != STATUS_CREATED) {
        container_remove(c, true, true, false, NULL, NULL);
        return;
    }
    if (c->doc.state.status == STATUS_RESTARTING)
        c->doc.state.status = STATUS_EXITED;
    if (c->doc.state.status != STATUS_CREATED && restart_policy_wants(c, true))
        container_start(c, on_boot_started, container_ref(c));
}

/* Cgroups and directories that no container owns. */
static void remove_leftovers(struct container_table *t)
{
    autoarena struct arena *a = arena_create();
    struct strs ids = {0};
    struct err *err = cgroup_list(t->parts->cgroups, a, &ids);

    for (size_t i = 0; !err && i < ids.n; i++) {
        struct container *c = find_exact(t, ids.v[i]);

        if (!c || (c->pidfd < 0 && !c->exit.is_set))
            err_drop(cgroup_remove(t->parts->cgroups, ids.v[i]));
    }
    err_drop(err);
    ids = (struct strs){0};
    err = rootfs_list(t->parts->layers, a, &ids);
    for (size_t i = 0; !err && i < ids.n; i++)
        if (!find_exact(t, ids.v[i]))
            err_drop(rootfs_remove(t->parts->layers, ids.v[i]));
    err_drop(err);
}

void container_table_reconcile(struct container_table *t)
{
    size_t cursor = 0;
    void *value;

    remove_leftovers(t);
    while (map_next(t->by_id, &cursor, NULL, &value))
        reconcile_one(value);
    sockets_drop_stash(t);
    net_rules_apply(t->parts->net, NULL, NULL);
}
