/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of a container: its hub and log, attach and logs. The hub exists from the
 * first attach or start on, so that a client can attach before the start. Loop thread.
 */
#include "run/streams.h"

#include <string.h>

#include "container/event.h"
#include "container/object.h"
#include "container/orphan.h"
#include "container/process.h"
#include "container/wait.h"
#include "run/commands.h"
#include "runtime/keeper_conn.h"
#include "storage/rootfs.h"
#include "stream/hub.h"
#include "stream/log.h"

static void on_detached(void *ctx)
{
    container_event(ctx, "detach", NULL, NULL);
}

/* The end of the pipe that counts is the keeper's duplicate: as long as it is open the container
 * sees no end of file. */
static void close_stdin(void *ctx)
{
    struct container *c = container_of_ctx(ctx);

    keeper_close_hold(c->parts->keeper, c->doc.id, c->doc.state.pid, ROLE_STDIN, NULL, NULL);
}

/* StdinOnce: if this engine dies, the next one has to close stdin, because the client went with
 * this one. */
static void note_stdin(void *ctx)
{
    struct container *c = container_of_ctx(ctx);

    if (c->doc.config.stdin_once)
        keeper_note_attached(c->parts->keeper, c->doc.id, c->doc.state.pid);
}

static const struct hub_hooks hub_hooks = {close_stdin, on_detached, note_stdin};

/* Made at the first attach or start: most containers that ever existed are stopped and need
 * none. */
static struct hub *hub_of(struct container *c)
{
    if (!c->hub)
        c->hub = hub_create(c->parts->loop, c->parts->pools, &hub_hooks, c);
    return c->hub;
}

struct err *container_open_log(struct container *c)
{
    autoarena struct arena *a = NULL;
    struct log_spec spec;

    if (c->log)
        return NULL;
    a = arena_create();
    spec = (struct log_spec){
        .type = c->doc.host.log.type,
        .options = &c->doc.host.log.options,
        .dir = rootfs_dir(c->parts->layers, a, c->doc.id),
        .container_id = c->doc.id,
        .container_name = c->name,
        .image_name = c->doc.image_name,
        .image_id = c->doc.image_id,
        .labels = &c->doc.config.labels,
        .env = &c->doc.config.env,
        .is_running = state_is_running(c),
        .landing = c->parts->landing,
    };
    return log_create(c->parts->loop, c->parts->pools, &spec, &c->log);
}

static void on_drained(void *ctx);

void container_adopt_streams(struct container *c, const struct hub_streams *s)
{
    struct hub_streams streams = *s;

    ASSERT_LOOP();
    ASSERT(!c->is_streaming && c->pidfd >= 0);
    streams.stdin_once = c->doc.config.stdin_once;
    streams.log = c->log;
    container_ref(c); /* until drained */
    c->is_streaming = true;
    hub_run(hub_of(c), &streams, on_drained, c);
    if (c->orphan) /* the keeper died before these were in place */
        container_hand_back(c);
}

void container_run_streams(struct container *c, struct launch *l)
{
    struct hub_streams s = {
        .in = launch_take_hold(l, ROLE_STDIN),
        .out = launch_take_hold(l, ROLE_STDOUT),
        .err = launch_take_hold(l, ROLE_STDERR),
        .pty = launch_take_hold(l, ROLE_PTY),
        .relay = {launch_take_hold(l, ROLE_RELAY_READ), launch_take_hold(l, ROLE_RELAY_WRITE)},
    };

    container_adopt_streams(c, &s);
}

/* The exit that waits for the last output goes on; the reference kept the container while its
 * streams were open. */
static void on_drained(void *ctx)
{
    struct container *c = container_of_ctx(ctx);

    ASSERT(c->is_streaming && !hub_is_running(c->hub));
    c->is_streaming = false;
    container_streams_drained(c);
    container_unref(c);
}

struct err *container_attach(struct container *c, const struct attach_request *r, struct sink *sink,
                             void (*gone)(void *ctx), void *ctx, struct attachment **out)
{
    ASSERT_LOOP();
    if (c->doc.state.status == STATUS_PAUSED)
        return err_new(ERR_CONFLICT, "container %s is paused, unpause the container before attach",
                       c->doc.id);
    if (c->doc.state.status == STATUS_RESTARTING)
        return err_new(ERR_CONFLICT,
                       "container %s is restarting, wait until the container is running",
                       c->doc.id);
    if (r->logs) /* otherwise it is the start's, which says so when it cannot be opened */
        TRY(container_open_log(c));
    TRY(hub_attach(hub_of(c), r, c->log, sink, gone, ctx, out));
    container_event(c, "attach", NULL, NULL);
    return NULL;
}

/* Framed unless the container has a terminal: Docker's multiplexed format, which clients tell by
 * the container's Tty. */
struct err *container_logs(struct container *c, const struct log_query *q, struct sink *sink,
                           void (*done)(void *ctx), void *ctx, struct log_reader **out)
{
    struct log_query query = *q;

    ASSERT_LOOP();
    if (c->doc.state.status == STATUS_DEAD || c->doc.state.status == STATUS_REMOVING)
        return err_new(ERR_CONFLICT,
                       "can not get logs from container which is dead or marked for removal");
    TRY(container_open_log(c));
    query.framed = !c->doc.config.tty;
    query.follow = q->follow && (state_is_running(c) || c->doc.state.status == STATUS_RESTARTING);
    return log_read(c->log, &query, sink, done, ctx, out);
}

struct err *container_resize(struct container *c, int rows, int cols)
{
    autoarena struct arena *a = NULL;

    TRY(container_check_runs(c));
    if (!c->hub)
        return err_new(ERR_CONFLICT, "Container %s is not running", c->doc.id);
    TRY(hub_resize(c->hub, rows, cols));
    a = arena_create();
    container_event(c, "resize", "height", arena_printf(a, "%d", rows));
    return NULL;
}
