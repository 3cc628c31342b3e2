/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine does with what it finds: the database says what should be, the
 * keeper what runs, the disk what exists. Adoption takes processes and streams over;
 * reconcile then finishes or undoes what only one of the three knows. Also: exits as
 * the keeper reports them (orphan.c: those it cannot). Loop thread, start-up.
 */
#include "recover/recover.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/map.h"
#include "cgroup/cgroup.h"
#include "container/container_table.h"
#include "container/event.h"
#include "container/keeper_entry.h"
#include "container/orphan.h"
#include "container/process.h"
#include "core/settings.h"
#include "exec/exec.h"
#include "exec/health.h"
#include "image/image.h"
#include "place/dns.h"
#include "place/endpoints.h"
#include "place/published.h"
#include "place/sockets.h"
#include "run/commands.h"
#include "run/exited.h"
#include "run/file_binds.h"
#include "run/mounts.h"
#include "run/oom.h"
#include "run/restart.h"
#include "run/streams.h"
#include "run/volume_mounts.h"
#include "runtime/keeper_conn.h"
#include "storage/rootfs.h"
#include "storage/volume.h"
#include "stream/landing.h"
#include "stream/log.h"

#include "copy_sweep.h"
#include "exec_recover.h"

/* The keeper knows full ids alone, so no prefix may match. */
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

/* ---- adoption ---- */

struct stranger {
    struct list link;
    int pid;
    char id[KEEPER_ID_MAX];
};

/* Nobody will report the end of a foreign one: it is let go at once, or, while the keeper is
 * being opened, by reconcile. */
static void let_go(struct container_table *t, const struct keeper_entry *e)
{
    struct stranger *s;

    ASSERT(e->pid > 0);
    if (t->parts->keeper) {
        keeper_ack(t->parts->keeper, e->id, e->pid);
        return;
    }
    s = mem_new(struct stranger);
    s->pid = e->pid;
    memcpy(s->id, e->id, sizeof(s->id));
    list_append(&t->strangers, &s->link);
}

static void let_strangers_go(struct container_table *t)
{
    while (!list_is_empty(&t->strangers)) {
        struct stranger *s = list_first(&t->strangers, struct stranger, link);

        list_remove(&s->link);
        keeper_ack(t->parts->keeper, s->id, s->pid);
        free(s);
    }
}

/* A process nobody was told about (its start was in flight): it goes. The keeper reports the exit,
 * which is then acknowledged as that of a stranger. */
static void end_stranger(struct container_table *t, const struct keeper_entry *e, const int *fds)
{
    log_info("a process of no known container is ended", KV("id", e->id), KV_INT("pid", e->pid));
    if (e->state != KEEPER_EXITED && fds[0] >= 0 && is_exec_id(e->id))
        process_kill_group(fds[0]);
    else if (e->state != KEEPER_EXITED && fds[0] >= 0)
        syscall(SYS_pidfd_send_signal, fds[0], SIGKILL, NULL, 0);
    close_fds(fds, 1 + e->n_holds);
    if (e->state == KEEPER_FOREIGN)
        let_go(t, e);
}

/* A keeper that lives on has closed the connection and now tells again what it told before. */
static bool is_known(struct container_table *t, const struct keeper_entry *e)
{
    const struct container *c = find_exact(t, e->id);

    if (is_exec_id(e->id))
        return exec_is_known(t, e);
    return c && c->pidfd >= 0 && c->doc.state.pid == e->pid;
}

/* The process ran all the time; the engine takes its end of the streams, and the books of its
 * networks, into memory. That the engine before had not yet said "started" is made up for. */
static void adopt_process(struct container *c, const struct keeper_entry *e, const int *fds)
{
    autoarena struct arena *a = arena_create();
    const char *cgroup = container_cgroup(a, c);
    struct hub_streams s = keeper_entry_streams(e, fds);
    struct err *err = container_open_log(c);
    bool was_attached = e->stdin_attached && c->doc.config.stdin_once;

    ASSERT(c->pidfd < 0 && !c->is_streaming && e->pid > 0);
    err_drop(err);
    if (was_attached && s.in >= 0) /* the client went with the engine: its input has ended */
        close(steal_fd(&s.in));
    c->pidfd = fds[0];
    c->doc.state.pid = e->pid;
    if (c->doc.state.starting_from)
        state_begin_run(c, e->started_wall_ns);
    /* A pause or a thaw may have been in flight: the kernel knows. */
    c->doc.state.status =
        cgroup_is_frozen(c->parts->cgroups, cgroup) ? STATUS_PAUSED : STATUS_RUNNING;
    if (c->doc.state.is_paused_to_commit) /* there is nothing any more that it waits for */
        container_thaw(c);
    c->doc.state.is_paused_to_commit = false;
    images_ref(c, true);
    file_binds_begin(c);
    container_adopt_streams(c, &s);
    c->must_close_stdin = was_attached;
    err = networks_rejoin(c);
    if (err) {
        log_error("a running container's addresses could not be taken back", KV("id", c->doc.id),
                  KV("error", err_text(err)));
        err_drop(err);
    }
    container_check(c);
}

void container_table_adopt(void *table, const struct keeper_entry *e, const int *fds)
{
    struct container_table *t = table;
    struct container *c = find_exact(t, e->id);

    ASSERT_LOOP();
    if (sockets_stash(t, e, fds))
        return;
    if (is_known(t, e)) {
        close_fds(fds, 1 + e->n_holds);
        return;
    }
    if (is_exec_id(e->id)) {
        if (!exec_adopt(t, e, fds))
            end_stranger(t, e, fds);
        return;
    }
    if (!c || c->pidfd >= 0 || e->has_failed || !state_is_running(c)) {
        end_stranger(t, e, fds);
        return;
    }
    adopt_process(c, e, fds);
    if (e->state == KEEPER_FOREIGN)
        container_watch_orphan(c);
    if (e->state == KEEPER_EXITED)
        c->exit = keeper_entry_exit(e); /* worked off by reconcile */
}

/* ---- exits ---- */

void container_table_exited(void *table, const struct keeper_entry *e)
{
    struct container_table *t = table;
    struct container *c = find_exact(t, e->id);
    struct exit_record r = keeper_entry_exit(e);

    ASSERT_LOOP();
    if (is_exec_id(e->id)) {
        exec_exited(t, e);
        return;
    }
    if (c && c->pidfd >= 0 && c->doc.state.pid == e->pid) {
        container_note_exit(c, &r);
        return;
    }
    if (c && c->is_exiting && c->exit.pid == e->pid)
        return; /* acknowledged at its end */
    keeper_ack(t->parts->keeper, e->id, e->pid);
}

/* A start that was in flight when the connection was lost has come to its execve. */
void container_table_settled(void *table, const struct keeper_entry *e, int pidfd)
{
    if (is_exec_id(e->id))
        exec_settled(table, e, pidfd);
    else
        close(pidfd); /* it was adopted or killed when its entry came */
}

/* The engine goes on with its own ends of the streams; the next engine will ask the new keeper, so
 * that is given all of it. */
void container_table_keeper_lost(void *table)
{
    struct container_table *t = table;
    size_t cursor = 0, n = 0;
    void *value;

    ASSERT_LOOP();
    while (map_next(t->by_id, &cursor, NULL, &value)) {
        struct container *c = value;

        if (c->pidfd < 0)
            continue;
        container_hand_back(c);
        execs_hand_back(c);
        ports_hold(c); /* in the next one */
        dns_hold(c);
        n++;
    }
    log_warn("the keeper was killed: a new one takes over, exits are watched by the engine",
             KV_INT("containers", (int64_t)n));
}

/* ---- landing ---- */

static char *spool_dir(struct container_table *t, struct arena *a)
{
    return path_join(a, t->parts->settings->exec_root, SPOOL_DIR);
}

void container_table_land(void *table, const int *fds)
{
    struct container_table *t = table;
    autoarena struct arena *a = arena_create();
    struct err *err = landing_adopt(spool_dir(t, a), fds, &t->parts->landing);

    if (err)
        log_error("output on its way to logs is lost", KV("error", err_text(err)));
    err_drop(err);
}

struct err *container_table_open_landing(struct container_table *t)
{
    autoarena struct arena *a = arena_create();
    bool is_adopted = t->parts->landing;

    ASSERT(t->parts->keeper);
    if (!is_adopted)
        TRY(landing_create(spool_dir(t, a), &t->parts->landing));
    keeper_share_landing(t->parts->keeper, landing_fds(t->parts->landing), is_adopted);
    return NULL;
}

/* Output that an engine before this one took out of a pipe and did not write: the container's log
 * gets it, also when the container runs no more. */
static bool claim_landed(void *ctx, const char *id)
{
    struct container *c = find_exact(ctx, id);

    if (!c)
        return false;
    err_drop(container_open_log(c));
    if (c->log)
        log_recover(c->log);
    return c->log;
}

/* ---- reconcile ---- */

/* It was running when the last engine died, and the keeper knows nothing of it: the machine was
 * restarted, or the keeper is gone too. Its code is unknown, never 0. */
static void note_vanished(struct container *c)
{
    ASSERT(c->pidfd < 0 && !c->exit.is_set);
    c->doc.state.status = STATUS_EXITED;
    c->doc.state.exit_code = 255;
    c->doc.state.has_unknown_code = true;
    c->doc.state.pid = 0;
    health_stop(c);
    c->doc.state.finished_ns = clock_wall_ns();
    state_set_error(
        c, "the container ended while no engine and no keeper was there: its exit code is unknown");
    c->doc.published = (struct jlist){0};
    volume_mounts_end(c);
    images_ref(c, false);
    container_event(c, "die", "exitCode", "255");
    container_check(c);
    container_save(c);
}

/* Its start was in flight and came to nothing: nobody was told of it. The try does not count. */
static void undo_start(struct container *c)
{
    struct container_state *s = &c->doc.state;

    ASSERT(c->pidfd < 0 && s->starting_from > 0);
    s->status = s->starting_from - 1;
    s->starting_from = 0;
    volume_mounts_end(c);
    if (s->status == STATUS_RESTARTING)
        s->restart_count--;
    c->doc.published = (struct jlist){0};
    images_ref(c, false);
    container_save(c);
}

static void on_boot_started(void *ctx, struct err *err)
{
    struct container *c = container_of_ctx(ctx);

    if (err && err_kind(err) != ERR_NOT_MODIFIED)
        log_warn("a container that should run could not be started", KV("id", c->doc.id),
                 KV("error", err_text(err)));
    err_drop(err);
    container_unref(c);
}

/* In this order: an exit that was found, then a process that lives, then what is left of a removal,
 * then what the documents say of a run that nobody has seen. */
static void reconcile_one(struct container *c)
{
    execs_reconcile(c);
    if (c->exit.is_set) {
        container_work_off_exit(c);
        return;
    }
    if (c->pidfd >= 0) {
        health_resume(c);
        oom_watch_begin(c);
        if (c->must_close_stdin)
            keeper_close_hold(c->parts->keeper, c->doc.id, c->doc.state.pid, ROLE_STDIN, NULL,
                              NULL);
        c->must_close_stdin = false;
        ports_resume(c);
        dns_resume(c);
        return;
    }
    if (c->doc.state.status == STATUS_REMOVING || c->doc.state.status == STATUS_DEAD) {
        container_remove(c, true, false, false, NULL, NULL);
        return;
    }
    if (c->doc.state.starting_from)
        undo_start(c);
    if (state_is_running(c))
        note_vanished(c);
    if (c->doc.host.auto_remove && c->doc.state.status != STATUS_CREATED) {
        container_remove(c, true, true, false, NULL, NULL);
        return;
    }
    if (c->doc.state.status == STATUS_RESTARTING) {
        restart_policy_apply(c);
        return;
    }
    if (c->doc.state.status != STATUS_CREATED && restart_policy_wants(c, true))
        container_start(c, on_boot_started, container_ref(c));
}

/* A document whose directory is not there: the machine ended on a file system that had the one on
 * disk and not the other. Nothing but that was in it, or it was lost by others. */
static void remake_directories(struct container_table *t, const struct strs *ids)
{
    struct map *there = map_create();
    size_t cursor = 0;
    const char *id;
    void *value;

    for (size_t i = 0; i < ids->n; i++)
        map_put(there, ids->v[i], t);
    while (map_next(t->by_id, &cursor, &id, &value)) {
        autoerr struct err *err = NULL;

        if (map_get(there, id))
            continue;
        log_warn("the directory of a container is gone: an empty one is made", KV("id", id));
        err = rootfs_create(t->parts->layers, id);
        if (err)
            log_error("it could not be made", KV("id", id), KV("error", err_text(err)));
    }
    map_destroy(there);
}

static bool is_over(const struct container *c)
{
    return c->pidfd < 0 && !c->exit.is_set;
}

/* Cgroups of a run that is over, below a parent that the container has named. */
static void remove_elsewhere(struct container_table *t, struct arena *a)
{
    struct container *c;

    for (size_t at = 0; (c = container_next(t, &at));)
        if (!text_is_empty(c->doc.host.cgroup_parent) && is_over(c))
            err_drop(cgroup_remove(t->parts->cgroups, container_cgroup(a, c)));
}

/* Cgroups and directories that no container owns. A directory is removed only when it is known why
 * it is there. */
static void remove_leftovers(struct container_table *t)
{
    autoarena struct arena *a = arena_create();
    struct strs ids = {0};
    struct err *err = cgroup_list(t->parts->cgroups, a, &ids);

    for (size_t i = 0; !err && i < ids.n; i++) {
        struct container *c = find_exact(t, ids.v[i]);

        if (!c || is_over(c))
            err_drop(cgroup_remove(t->parts->cgroups,
                                   cgroup_place(t->parts->cgroups, a, NULL, ids.v[i])));
    }
    remove_elsewhere(t, a);
    err_drop(err);
    ids = (struct strs){0};
    err = rootfs_list(t->parts->layers, a, &ids);
    for (size_t i = 0; !err && i < ids.n; i++) {
        if (find_exact(t, ids.v[i]))
            rootfs_note_known(t->parts->layers, ids.v[i]);
        else
            rootfs_put_aside(t->parts->layers, ids.v[i], t->parts->db);
    }
    if (!err)
        remake_directories(t, &ids);
    err_drop(err);
}

void container_table_reconcile(struct container_table *t)
{
    size_t cursor = 0;
    void *value;

    ASSERT_LOOP();
    ASSERT(t->parts->keeper);
    let_strangers_go(t);
    remove_leftovers(t);
    landing_sweep(t->parts->landing, claim_landed, t);
    while (map_next(t->by_id, &cursor, NULL, &value))
        reconcile_one(value);
    copies_sweep(t);
    volume_table_reap(t->parts->volumes);
    sockets_drop_stash(t);
    net_rules_apply(t->parts->net, NULL, NULL);
}
