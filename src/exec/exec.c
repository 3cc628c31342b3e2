/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec: one more process in a running container, through the same setup programs and
 * keeper as the container itself. Here: the object, the table, what can be seen of it.
 * An exec is kept after its end for inspect, bounded in number per container. Loop thread.
 */
#include "exec/exec.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "container/container_table.h"
#include "container/event.h"
#include "container/orphan.h"
#include "core/db.h"
#include "exec/exec_object.h"
#include "stream/hub.h"

static const struct jfield exec_doc_fields[] = {
    J(J_STR, struct exec_doc, id, "Id"),
    J(J_STR, struct exec_doc, container_id, "ContainerId"),
    J(J_OBJ, struct exec_doc, config, "Config", .sub = &exec_config_json),
    J(J_BOOL, struct exec_doc, has_started, "Started", .flags = J_OMIT),
    J(J_BOOL, struct exec_doc, has_ended, "Ended", .flags = J_OMIT),
    J(J_BOOL, struct exec_doc, has_unknown_code, "UnknownCode", .flags = J_OMIT),
    J(J_INT, struct exec_doc, pid, "Pid", .flags = J_OMIT),
    J(J_INT, struct exec_doc, exit_code, "ExitCode", .flags = J_OMIT),
    J(J_I64, struct exec_doc, started_ns, "StartedAt", .flags = J_OMIT),
    J(J_I64, struct exec_doc, ended_ns, "EndedAt", .flags = J_OMIT),
    J(J_I64, struct exec_doc, ended_boot_ns, "EndedBoot", .flags = J_OMIT),
    J_END,
};
const struct jtable exec_doc_json = {sizeof(struct exec_doc), exec_doc_fields};

struct exec *exec_alloc(struct container_table *t)
{
    struct exec *e = mem_new(struct exec);

    e->magic = EXEC_MAGIC;
    e->arena = arena_create();
    e->pidfd = -1;
    e->refs = 1;
    e->parts = t->parts;
    e->table = t;
    return e;
}

/* One that has ended keeps neither a process nor anything to come. That the container's list has it
 * is what keeps it: outside of the list it lives by the references of its run. */
void exec_check(const struct exec *e)
{
    ASSERT_DEBUG(e->magic == EXEC_MAGIC && e->refs > 0);
    ASSERT_DEBUG(!e->c == !list_is_linked(&e->link));
    ASSERT_DEBUG(!e->c || (e->c->magic == CONTAINER_MAGIC && e->c->n_execs > 0));
    ASSERT_DEBUG(!exec_is_alive(e) || (e->is_started && e->hub));
    ASSERT_DEBUG(!e->is_running || !e->is_settling);
    ASSERT_DEBUG(e->pidfd < 0 || e->doc.pid > 0);
    ASSERT_DEBUG(!e->doc.has_ended || (!exec_is_alive(e) && e->pidfd < 0));
    ASSERT_DEBUG(!e->on_end || e->is_probe);
}

void exec_release(struct exec *e, size_t n_refs)
{
    ASSERT(e->magic == EXEC_MAGIC);
    ASSERT(e->refs >= n_refs);
    e->refs -= n_refs;
    if (e->refs > 0)
        return;
    orphan_forget(e->orphan);
    timer_clear(e->parts->loop, &e->saving);
    hub_destroy(e->hub);
    if (e->pidfd >= 0)
        close(e->pidfd);
    arena_destroy(e->arena);
    e->magic = 0;
    free(e);
}

/* The container's list has the reference; the table finds it by id, for clients and for the
 * keeper's words. */
void exec_insert(struct exec *e, struct container *c)
{
    ASSERT_LOOP();
    ASSERT(!e->c && !c->is_gone);
    snprintf(e->keeper_id, sizeof(e->keeper_id), "%s/%s", c->doc.id, e->doc.id);
    e->c = c;
    list_append(&c->execs, &e->link);
    c->n_execs++;
    ASSERT(!map_put(c->table->execs, e->doc.id, e));
    exec_check(e);
}

/* One that still runs (pid 1 of its namespace is not its container's) stays findable by its id, so
 * that the keeper's word of its end reaches it. */
void exec_take_out(struct exec *e)
{
    ASSERT(e->c && e->c->n_execs > 0);
    list_remove(&e->link);
    e->c->n_execs--;
    if (!exec_is_alive(e))
        map_take(e->table->execs, e->doc.id);
    e->c = NULL;
}

void exec_event(struct exec *e, const char *action, const char *exit_code)
{
    struct pair more[] = {{(char *)"execID", e->doc.id}, {(char *)"exitCode", (char *)exit_code}};

    if (e->c)
        container_event_with(e->c, action, &(struct pairs){more, exit_code ? 2 : 1});
}

/* ---- the document ---- */

/* In the background: nobody waits for it. Probes are no user's and die with their engine. */
void exec_save(struct exec *e)
{
    autoarena struct arena *a = NULL;

    if (e->is_probe || !e->c)
        return;
    a = arena_create();
    db_put(e->parts->exec_db, EXEC_KIND, e->doc.id, json_encode(a, &exec_doc_json, &e->doc), NULL,
           NULL);
}

void exec_save_for(struct exec *e, struct op *op)
{
    db_put_for(e->parts->exec_db, op, EXEC_KIND, e->doc.id,
               json_encode(op->arena, &exec_doc_json, &e->doc));
}

void exec_delete_document(struct exec *e)
{
    if (!e->is_probe)
        db_delete(e->parts->exec_db, EXEC_KIND, e->doc.id, NULL, NULL);
}

/* Most are over by then: one write less. Until then the keeper's entry alone tells. */
#define SAVE_LATER_MS 20

static void on_saving(struct timer *t)
{
    exec_save(container_of(t, struct exec, saving));
}

void exec_note_running(struct exec *e, int pid, int pidfd, int64_t started_ns)
{
    autobuf struct buf action = {0};
    struct exec_doc *d = &e->doc;

    ASSERT(pid > 0 && !e->doc.has_ended);
    e->pidfd = pidfd;
    e->is_running = true;
    e->is_settling = false;
    if (d->has_started && d->pid == pid)
        return; /* an engine before this one has told */
    d->has_started = true;
    d->pid = pid;
    d->started_ns = started_ns;
    timer_set(e->parts->loop, &e->saving, SAVE_LATER_MS, on_saving);
    buf_printf(&action, "exec_start: %s", strs_join(e->arena, &d->config.cmd, " "));
    exec_event(e, action.data, NULL);
}

/* ---- the table ---- */

struct err *exec_find(struct container_table *t, const char *id, struct exec **out)
{
    *out = map_get(t->execs, id);
    return *out ? NULL : err_new(ERR_NOT_FOUND, "No such exec instance: %s", id);
}

struct exec *exec_of_keeper_id(const struct container_table *t, const char *id)
{
    const char *slash = strchr(id, '/');

    return slash ? map_get(t->execs, slash + 1) : NULL;
}

/* The keeper repeats its entries when the connection was lost: those of execs that this engine
 * knows need nothing. */
bool exec_is_known(struct container_table *t, const struct keeper_entry *entry)
{
    const struct exec *e = exec_of_keeper_id(t, entry->id);

    return e && e->pidfd >= 0 && e->doc.pid == entry->pid;
}

void execs_running(struct container *c, struct arena *a, struct strs *out)
{
    list_each (e, &c->execs, struct exec, link)
        if (e->is_running && !e->is_probe)
            strs_add(a, out, e->doc.id);
}

/* The owner of a probe is told once, and the probe leaves the container's list, whose reference the
 * caller then has. */
size_t exec_end_probe(struct exec *e, const struct err *err, int exit_code)
{
    if (!e->on_end)
        return 0;
    e->on_end(e->end_ctx, err, exit_code);
    e->on_end = NULL;
    if (!e->c)
        return 0;
    exec_take_out(e);
    return 1;
}

void execs_drop(struct container *c)
{
    ASSERT_LOOP();
    list_each (e, &c->execs, struct exec, link) {
        exec_delete_document(e);
        exec_take_out(e);
        exec_release(e, 1);
    }
}

/* They go on running, their clients do not. A probe has been killed: its owner is told. */
void execs_close(struct container *c)
{
    list_each (e, &c->execs, struct exec, link) {
        hub_destroy(steal_ptr(&e->hub));
        if (exec_is_alive(e)) /* the run's reference and the streams' */
            e->refs -= e->is_drained ? 1 : 2;
        e->is_running = e->is_settling = false;
        if (!exec_end_probe(e, NULL, -1))
            exec_take_out(e);
        exec_release(e, 1);
    }
}

/* ---- views ---- */

/* The size is kept until the terminal is there: `docker exec -it` sends it while the start is under
 * way. */
struct err *exec_resize(struct exec *e, int rows, int cols)
{
    if (e->doc.has_ended)
        return err_new(ERR_CONFLICT, "exec process has ended");
    if (e->hub && hub_is_running(e->hub))
        return hub_resize(e->hub, rows, cols);
    e->rows = rows; /* clients resize while the start is on its way */
    e->cols = cols;
    return NULL;
}

void exec_write_json(struct exec *e, struct jw *w)
{
    const struct exec_config *x = &e->doc.config;
    struct strs arguments = {.v = x->cmd.v + 1, .n = x->cmd.n - 1};
    const char *user = text_is_empty(x->user) && e->c ? e->c->doc.config.user : x->user;

    ASSERT(x->cmd.n > 0); /* create refuses an empty command */
    jw_obj(w, NULL);
    jw_str(w, "ID", e->doc.id);
    jw_bool(w, "Running", e->is_running);
    if (e->doc.has_ended)
        jw_int(w, "ExitCode", e->doc.exit_code);
    else
        jw_null(w, "ExitCode");
    if (e->doc.has_unknown_code)
        jw_str(w, "Error", "the exit code is unknown: its keeper was killed");
    jw_obj(w, "ProcessConfig");
    jw_bool(w, "tty", x->tty);
    jw_str(w, "entrypoint", x->cmd.v[0]);
    jw_strs(w, "arguments", &arguments);
    jw_bool(w, "privileged", x->privileged);
    if (!text_is_empty(user))
        jw_str(w, "user", user);
    jw_obj_end(w);
    jw_bool(w, "OpenStdin", x->attach_stdin);
    jw_bool(w, "OpenStderr", x->attach_stderr);
    jw_bool(w, "OpenStdout", x->attach_stdout);
    jw_bool(w, "CanRemove", e->doc.has_ended);
    jw_str(w, "ContainerID", e->c ? e->c->doc.id : "");
    jw_str(w, "DetachKeys", x->detach_keys);
    jw_int(w, "Pid", e->doc.pid);
    jw_obj_end(w);
}
