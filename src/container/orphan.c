/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes whose keeper was killed. They go on with their streams; the new keeper holds a
 * duplicate of everything for the next engine, and the end of each is seen here by its pidfd.
 * How it ended is told by the first that knows: wait (the engine is a child subreaper, so they
 * are its children if it had started their keeper), their zombie's stat, or PIDFD_GET_INFO
 * (≥ 6.15, after whoever is their parent has reaped them). Trap: a readable pidfd alone is a
 * zombie that pid 1 may take a while to reap, so the last is asked again for a while.
 *
 * Zombies that nobody here knows (helpers of execs, daemons of --pid=host containers, what a
 * container made for its keeper) would stay for ever as children of the engine: they are swept, a
 * slice a turn, as the keeper does it (keeper/reap.c). Loop thread.
 */
#include "container/orphan.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "container/container_table.h"
#include "container/keeper_entry.h"
#include "container/process.h"
#include "runtime/keeper_conn.h"

#define ASK_AGAIN_MS 10
#define PATIENCE_NS (5 * NS_PER_S)
#define SWEEP_MS 200 /* the first of a burst of ends */
#define SWEEP_SLICE_NS NS_PER_MS
enum { SWEEP_BATCH = 256, SWEEP_REST = 10, SWEEP_IDLE_REST = 50 /* times what it took */ };

struct orphan {
    struct list link;
    struct container_table *table;
    int pid, pidfd; /* a duplicate: the owner may close its own first */
    struct watch *watch;
    struct timer again;
    int64_t give_up_ns; /* boot clock; 0: it runs */
    orphan_fn fn;
    void *ctx;
    struct orphan **slot;
};

/* ---- how it ended ---- */

struct pidfd_info_v1 { /* include/uapi/linux/pidfd.h, PIDFD_INFO_SIZE_VER1 */
    uint64_t mask, cgroupid;
    uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
    uint32_t coredump_mask, spare;
};
#define PIDFD_GET_INFO_V1 _IOWR(0xFF, 11, struct pidfd_info_v1)
#define PIDFD_INFO_EXIT_BIT (1u << 3)

static int status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

static bool wait_for(const struct orphan *o, int *status)
{
    siginfo_t info = {0};

    if (waitid(P_PIDFD, (id_t)o->pidfd, &info, WEXITED | WNOHANG | __WALL) != 0 || !info.si_pid)
        return false;
    *status = status_of(&info);
    return true;
}

/* Field 3 is the state, field 52, the last, the status. A signal 0 afterwards tells that the pid
 * was still the zombie's. */
static bool read_zombie(const struct orphan *o, int *status)
{
    char path[32], text[1024], *name_end, *last;
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", o->pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
    }
    if (n <= 0 || syscall(SYS_pidfd_send_signal, o->pidfd, 0, NULL, 0) != 0)
        return false;
    text[n] = '\0';
    name_end = strrchr(text, ')');
    last = strrchr(text, ' ');
    if (!name_end || strncmp(name_end, ") Z ", 4) != 0)
        return false;
    *status = (int)strtol(last, NULL, 10);
    return true;
}

static bool read_info(const struct orphan *o, int *status)
{
    struct pidfd_info_v1 info = {.mask = PIDFD_INFO_EXIT_BIT};

    if (ioctl(o->pidfd, PIDFD_GET_INFO_V1, &info) != 0 || !(info.mask & PIDFD_INFO_EXIT_BIT))
        return false;
    *status = info.exit_code;
    return true;
}

/* Gone from the process table: nobody but PIDFD_GET_INFO can know. */
static bool is_reaped(const struct orphan *o)
{
    return syscall(SYS_pidfd_send_signal, o->pidfd, 0, NULL, 0) != 0 && errno == ESRCH;
}

/* ---- watching ---- */

void orphan_forget(struct orphan *o)
{
    if (!o)
        return;
    *o->slot = NULL;
    list_remove(&o->link);
    watch_close(o->watch);
    timer_clear(o->table->parts->loop, &o->again);
    close(o->pidfd);
    free(o);
}

static void look(struct orphan *o);

static void on_again(struct timer *t)
{
    look(container_of(t, struct orphan, again));
}

static void look(struct orphan *o)
{
    struct exit_record r = {.is_set = true, .pid = o->pid, .wall_ns = clock_wall_ns()};
    orphan_fn fn = o->fn;
    void *ctx = o->ctx;
    bool was_reaped = is_reaped(o);

    if (!wait_for(o, &r.status) && !read_zombie(o, &r.status) && !read_info(o, &r.status)) {
        if (!was_reaped && clock_boot_ns() < o->give_up_ns) {
            timer_set(o->table->parts->loop, &o->again, ASK_AGAIN_MS, on_again);
            return;
        }
        r.is_unknown = true;
    }
    orphan_forget(o);
    fn(ctx, &r);
}

static void on_end(void *arg, int events)
{
    struct orphan *o = arg;

    (void)events;
    watch_close(steal_ptr(&o->watch));
    o->give_up_ns = clock_boot_ns() + PATIENCE_NS;
    look(o);
}

void orphan_watch(struct container_table *t, int pid, int pidfd, orphan_fn fn, void *ctx,
                  struct orphan **slot)
{
    int own = fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
    struct orphan *o;

    if (own < 0) {
        log_error("a process without a keeper cannot be watched", KV_INT("pid", pid),
                  KV("error", strerror(errno)));
        return;
    }
    o = mem_new(struct orphan);
    *o = (struct orphan){.table = t, .pid = pid, .pidfd = own, .fn = fn, .ctx = ctx, .slot = slot};
    *slot = o;
    list_append(&t->orphans, &o->link);
    o->watch = watch_open(t->parts->loop, own, UV_READABLE, on_end, o);
}

/* ---- to the new keeper ---- */

static void on_container_exit(void *ctx, const struct exit_record *r)
{
    container_note_exit(ctx, r);
}

void container_watch_orphan(struct container *c)
{
    if (!c->orphan && !c->exit.is_set && !c->is_exiting)
        orphan_watch(c->table, c->doc.state.pid, c->pidfd, on_container_exit, c, &c->orphan);
}

void container_hand_back(struct container *c)
{
    keeper_entry_hand_back(c->parts->keeper, c->doc.id, c->doc.state.pid, c->pidfd,
                           c->doc.state.started_ns, c->hub);
    if (c->doc.config.stdin_once && c->hub && hub_has_told_stdin(c->hub))
        keeper_note_attached(c->parts->keeper, c->doc.id, c->doc.state.pid);
    container_watch_orphan(c);
}

/* ---- zombies of nobody ---- */

static bool is_watched(const struct container_table *t, int pid)
{
    list_each (o, &t->orphans, struct orphan, link)
        if (o->pid == pid)
            return true;
    return false;
}

enum found { NO_ZOMBIE, REAPED, WATCHED /* its pidfd's turn comes first */ };

static enum found reap_one(struct container_table *t)
{
    siginfo_t info = {0};

    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 || !info.si_pid)
        return NO_ZOMBIE;
    if (is_watched(t, info.si_pid))
        return WATCHED;
    waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG | __WALL);
    return REAPED;
}

static void on_sweep(struct timer *timer);

static void on_child(uv_signal_t *handle, int number)
{
    struct container_table *t = handle->data;
    int64_t rest_ms = (t->sweep_rest_ns - clock_boot_ns()) / NS_PER_MS;

    (void)number;
    uv_signal_stop(handle); /* the next burst is heard when the sweep begins */
    timer_set(t->parts->loop, &t->sweep, rest_ms > SWEEP_MS ? rest_ms : SWEEP_MS, on_sweep);
}

static void on_sweep(struct timer *timer)
{
    struct container_table *t = container_of(timer, struct container_table, sweep);
    int64_t begun = clock_boot_ns(), now = begun, rest_ms;
    enum found found = REAPED;

    uv_signal_start(t->child_signal, on_child, SIGCHLD); /* first: who ends behind the walk tells */
    for (int i = 0; i < SWEEP_BATCH && found == REAPED && now - begun < SWEEP_SLICE_NS; i++) {
        found = reap_one(t);
        now = clock_boot_ns();
    }
    t->sweep_rest_ns = now + (now - begun) * SWEEP_IDLE_REST;
    if (found == NO_ZOMBIE)
        return;
    uv_signal_stop(t->child_signal);
    rest_ms = found == WATCHED ? SWEEP_MS : 1 + (now - begun) * SWEEP_REST / NS_PER_MS;
    timer_set(t->parts->loop, &t->sweep, rest_ms, on_sweep);
}

void orphans_open(struct container_table *t)
{
    t->child_signal = mem_new(uv_signal_t);
    uv_signal_init(loop_uv(t->parts->loop), t->child_signal);
    t->child_signal->data = t;
    uv_signal_start(t->child_signal, on_child, SIGCHLD);
}

static void on_signal_closed(uv_handle_t *handle)
{
    free(handle);
}

void orphans_close(struct container_table *t)
{
    while (!list_is_empty(&t->orphans))
        orphan_forget(list_first(&t->orphans, struct orphan, link));
    timer_clear(t->parts->loop, &t->sweep);
    if (t->child_signal)
        uv_close((uv_handle_t *)steal_ptr(&t->child_signal), on_signal_closed);
}
