/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Execs and the next engine: documents are loaded after the containers, the keeper's entries meet
 * them at adoption, and reconcile ends what neither the keeper nor a container knows. An entry
 * without a document (a probe, an exec that was dropped) is a stranger and is killed.
 *
 * Trap: an entry that is still starting is its helper's, the payload has another pid. It is
 * settled by the keeper's word, later: running, or failed and as if it had never been started.
 */
#include "exec_recover.h"

#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/map.h"
#include "container/container_table.h"
#include "container/keeper_entry.h"
#include "container/process.h"
#include "core/db.h"
#include "exec/exec_object.h"
#include "runtime/keeper_conn.h"

/* ---- documents ---- */

/* A document whose container is gone, or that is damaged, is forgotten: nobody can ask for it. */
static struct err *load_one(void *ctx, const char *id, const char *json)
{
    struct container_table *t = ctx;
    struct exec *e = exec_alloc(t);
    struct exec_doc *d = &e->doc;
    struct err *err = json_decode(e->arena, json, strlen(json), &exec_doc_json, d);
    struct container *c = err || !d->container_id ? NULL : map_get(t->by_id, d->container_id);

    if (!err && c && text_same(d->id, id) && id_is_valid(id) && d->config.cmd.n > 0) {
        e->is_started = d->has_started || d->has_ended; /* one that failed has not */
        e->is_recorded = d->has_ended;
        exec_insert(e, c);
        return NULL;
    }
    log_debug("an exec of no container is forgotten", KV("id", id));
    err_drop(err);
    db_delete(t->parts->exec_db, EXEC_KIND, id, NULL, NULL);
    exec_release(e, 1);
    return NULL;
}

struct err *execs_load(struct container_table *t)
{
    return db_each(t->parts->exec_db, EXEC_KIND, load_one, t);
}

/* ---- adoption ---- */

/* The client went with the engine: its input has ended, as that of a container with StdinOnce. The
 * keeper finds its duplicate by the pid, so it is asked when that is known. */
static void close_adopted_stdin(struct exec *e)
{
    ASSERT(!e->must_close_stdin || e->is_settling || e->doc.pid > 0);
    if (!e->must_close_stdin || e->is_settling)
        return;
    e->must_close_stdin = false;
    keeper_close_hold(e->parts->keeper, e->keeper_id, e->doc.pid, ROLE_STDIN, NULL, NULL);
}

/* As with a container: the engine's end of stdin is closed, since the client that wrote to it went
 * with the engine before. */
static void adopt_streams(struct exec *e, const struct keeper_entry *entry, const int *fds)
{
    struct hub_streams s = keeper_entry_streams(entry, fds);

    if (s.in >= 0) {
        close(steal_fd(&s.in));
        e->must_close_stdin = true;
    }
    exec_run_streams(e, &s);
}

/* False: the exec is unknown, over, or did not come to its execve. What the entry brought is then
 * the caller's. */
bool exec_adopt(struct container_table *t, const struct keeper_entry *entry, const int *fds)
{
    struct exec *e = exec_of_keeper_id(t, entry->id);
    int pidfd = fds[0];

    ASSERT_LOOP();
    if (!e || !e->c || e->doc.has_ended || exec_is_alive(e) || entry->has_failed)
        return false;
    e->is_started = true;
    if (entry->state == KEEPER_STARTING) {
        e->is_settling = true;
        if (pidfd >= 0)
            close(pidfd);
    } else {
        exec_note_running(e, entry->pid, pidfd, entry->started_wall_ns);
    }
    adopt_streams(e, entry, fds);
    exec_check(e);
    if (entry->state == KEEPER_FOREIGN)
        exec_watch_orphan(e);
    if (t->parts->keeper) /* it only closed the connection: no reconcile follows */
        close_adopted_stdin(e);
    else if (entry->state == KEEPER_EXITED) /* worked off by reconcile */
        e->exit = keeper_entry_exit(entry);
    return true;
}

void exec_settled(struct container_table *t, const struct keeper_entry *entry, int pidfd)
{
    struct exec *e = exec_of_keeper_id(t, entry->id);

    ASSERT_LOOP();
    if (e && e->is_settling) {
        exec_note_running(e, entry->pid, pidfd, entry->started_wall_ns);
        close_adopted_stdin(e);
        if (!e->c || e->c->pidfd < 0)
            process_kill_group(e->pidfd);
        return;
    }
    if (!e || e->doc.pid != entry->pid)
        process_kill_group(pidfd);
    close(pidfd);
}

/* ---- reconcile ---- */

/* It ran, and neither has the keeper an entry nor was an end written: both died. */
static void note_vanished(struct exec *e)
{
    ASSERT(!exec_is_alive(e) && !e->doc.has_ended);
    e->doc.has_ended = e->doc.has_unknown_code = e->is_recorded = true;
    e->doc.exit_code = 255;
    e->doc.ended_ns = clock_wall_ns();
    e->doc.ended_boot_ns = clock_boot_ns();
    exec_event(e, "exec_die", "255");
    exec_save(e);
}

void execs_reconcile(struct container *c)
{
    list_each (e, &c->execs, struct exec, link) {
        exec_check(e);
        close_adopted_stdin(e);
        if (e->is_running && e->exit.is_set)
            exec_work_off_exit(e);
        else if (e->is_started && !exec_is_alive(e) && !e->doc.has_ended)
            note_vanished(e);
    }
    if (c->pidfd < 0)
        execs_end(c);
}
