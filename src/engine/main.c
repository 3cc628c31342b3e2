/* SPDX-License-Identifier: Apache-2.0 */
/*
 * berthd: parse, make the parts, run the loop, end in order. SIGTERM and SIGINT end the
 * engine and leave the containers to the keeper; SIGUSR1 logs what is in flight.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "core/events.h"
#include "core/journal.h"
#include "recover/recover.h"
#include "runtime/keeper_conn.h"

#include "engine.h"
#include "manager.h"
#include "policy_reload.h"
#include "settings_reload.h"
#include "trim.h"

#define DRAIN_TICK_MS 10

struct daemon {
    struct engine engine;
    uv_signal_t on_term, on_int, on_usr1, on_hup;
    struct timer drain;
    struct trim trim;
    struct manager manager;
    int64_t ending_since_ns;
    bool is_stopping, is_clean; /* nothing in flight, every log written */
};

static void dump_operations(uv_signal_t *handle, int number)
{
    struct daemon *p = handle->data;
    autobuf struct buf out = {0};
    struct jw w = {.out = &out};

    (void)number;
    ops_dump(p->engine.parts.ops, &w);
    log_info("operations in flight", KV("operations", out.data));
}

/* The programs may have been replaced: the keeper becomes the new one without an end of us. The
 * configuration and the policy may have been written anew. */
static void reload(uv_signal_t *handle, int number)
{
    struct daemon *p = handle->data;

    (void)number;
    keeper_look_at_binary(p->engine.parts.keeper);
    settings_reload(&p->engine);
    policy_reload(&p->engine.parts);
    manager_reloading(&p->manager);
}

/* A worker writes them, and may hang. */
static bool journals_are_busy(const struct daemon *p)
{
    return journal_is_busy(p->engine.parts.audit_log) || events_are_busy(p->engine.parts.events);
}

static void on_logs_written(void *ctx)
{
    struct daemon *p = ctx;

    p->is_clean = true;
    if (!journals_are_busy(p))
        loop_stop(p->engine.parts.loop);
}

/* Operations in flight are let come to their end, up to --shutdown-timeout (-1: whatever it takes);
 * then the logs write what they have. */
static void on_drain_tick(struct timer *t)
{
    struct daemon *p = container_of(t, struct daemon, drain);
    int64_t waited_ns = clock_boot_ns() - p->ending_since_ns;
    int64_t patience_s = p->engine.settings.shutdown_timeout_s;

    if (patience_s >= 0 && waited_ns > patience_s * NS_PER_S) {
        log_warn("operations are still in flight: what they leave is undone at the next start",
                 KV_INT("operations", ops_in_flight(p->engine.parts.ops)));
        loop_stop(p->engine.parts.loop);
        return;
    }
    if (p->is_clean && !journals_are_busy(p)) {
        loop_stop(p->engine.parts.loop);
        return;
    }
    if (ops_in_flight(p->engine.parts.ops) == 0 && !p->is_stopping) {
        p->is_stopping = true;
        container_table_stop(p->engine.parts.containers, on_logs_written, p);
    }
    timer_set(p->engine.parts.loop, t, DRAIN_TICK_MS, on_drain_tick);
}

/* SIGTERM and SIGINT end the engine, not the containers. A second one does not wait for
 * operations. */
static void on_end(uv_signal_t *handle, int number)
{
    struct daemon *p = handle->data;

    ASSERT_LOOP();
    if (p->ending_since_ns) {
        loop_stop(p->engine.parts.loop); /* asked twice: now */
        return;
    }
    log_info("the engine ends; containers go on running", KV("signal", strsignal(number)));
    manager_stopping(&p->manager);
    p->ending_since_ns = clock_boot_ns();
    server_close(steal_ptr(&p->engine.server));
    timer_set(p->engine.parts.loop, &p->drain, 0, on_drain_tick);
}

/* By libuv's self-pipe: the handlers run on the loop, not in a signal's context. */
static void watch_signal(struct daemon *p, uv_signal_t *handle, int number, uv_signal_cb fn)
{
    uv_signal_init(loop_uv(p->engine.parts.loop), handle);
    handle->data = p;
    uv_signal_start(handle, fn, number);
}

/* For init scripts alone: the lock of the data root is what keeps a second engine away. */
static void write_pidfile(const struct settings *s)
{
    char text[16];
    struct err *err;
    int n = snprintf(text, sizeof(text), "%d", (int)getpid());

    err = file_write_atomic(AT_FDCWD, s->pidfile, text, (size_t)n, 0644, false);
    if (err)
        log_warn("the pid file cannot be written", KV("error", err_text(err)));
    err_drop(err);
}

/* A hung worker must not keep an ended engine: then memory is not given back. */
static void end(struct daemon *p)
{
    uv_signal_t *signals[] = {&p->on_term, &p->on_int, &p->on_usr1, &p->on_hup};

    loop_settle(p->engine.parts.loop);
    if (!p->is_clean || journals_are_busy(p) ||
        ops_in_flight(p->engine.parts.ops) > 0) /* some begin while logs close */
        _exit(0);
    timer_clear(p->engine.parts.loop, &p->drain);
    trim_end(&p->trim);
    manager_close(&p->manager);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        uv_close((uv_handle_t *)signals[i], NULL);
    engine_close(&p->engine);
}

static int run(struct daemon *p)
{
    struct engine *e = &p->engine;
    struct err *err;

    manager_open(&p->manager); /* before there are threads */
    err = engine_open(e);
    if (err) {
        log_error("the engine cannot start", KV("error", err_text(err)));
        err_drop(err);
        return 1;
    }
    watch_signal(p, &p->on_term, SIGTERM, on_end);
    watch_signal(p, &p->on_int, SIGINT, on_end);
    watch_signal(p, &p->on_usr1, SIGUSR1, dump_operations);
    watch_signal(p, &p->on_hup, SIGHUP, reload);
    write_pidfile(&e->settings);
    server_serve(e->server);
    log_info("the engine is ready", KV("data_root", e->settings.data_root),
             KV_INT("keeper", keeper_pid(e->parts.keeper)),
             KV_INT("ms", (clock_wall_ns() - e->parts.started_ns) / NS_PER_MS));
    manager_ready(&p->manager, &e->parts);
    trim_begin(&p->trim, e->parts.loop, e->parts.pools, e->parts.ops);
    loop_run(e->parts.loop);
    unlink(e->settings.pidfile);
    end(p);
    return 0;
}

static int recover(struct engine *e)
{
    struct err *err = engine_recover(e);

    if (!err)
        return 0;
    fprintf(stderr, "berthd: %s\n", err_text(err));
    err_drop(err);
    return 1;
}

/* For the fault tests: they must have a case for each step there is. */
static void list_steps(void)
{
    autobuf struct buf b = {0};

    op_types_dump(&b);
    fputs(b.data ? b.data : "", stdout);
}

/* SIGPIPE: clients go away at any time. SIGHUP is a reload once the loop runs, and before that must
 * not end the engine. */
static void ignore_pipe(void)
{
    struct sigaction sa = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
}

static int validate(struct engine *e)
{
    struct err *err = engine_validate(e);

    if (err) {
        fprintf(stderr, "berthd: %s\n", err_text(err));
        err_drop(err);
        return 1;
    }
    puts("configuration OK");
    return 0;
}

int main(int argc, char **argv)
{
    static struct daemon p;
    struct err *err;

    ignore_pipe();
    log_find_journal();
    umask(0022);
    mallopt(M_ARENA_MAX, 2);            /* workers share: memory matters more than their locks */
    mallopt(M_TRIM_THRESHOLD, 1 << 20); /* windows of logs come and go in the heap, ... */
    mallopt(M_MMAP_THRESHOLD, 1 << 20); /* ... without a fault for every page */
    p.engine.lock_fd = -1;
    list_init(&p.engine.reloads);
    p.engine.arena = arena_create();
    p.engine.argc = argc;
    p.engine.argv = argv;
    err = engine_read_settings(p.engine.arena, argc, argv, &p.engine.settings);
    if (err) {
        fprintf(stderr, "berthd: %s\n", err_text(err));
        err_drop(err);
        return 1;
    }
    if (p.engine.settings.only_help) {
        settings_usage();
        return 0;
    }
    if (p.engine.settings.only_version) {
        printf("Berth version %s\n", BERTH_VERSION);
        return 0;
    }
    if (p.engine.settings.only_list_steps) {
        list_steps();
        return 0;
    }
    log_set_json(!strcmp(p.engine.settings.log_format, "json"));
    settings_log_remarks(&p.engine.settings, NULL);
    settings_set_proxies(&p.engine.settings); /* http_proxy and its like */
    if (p.engine.settings.only_validate)
        return validate(&p.engine);
    settings_set_log_level(&p.engine.settings);
    if (p.engine.settings.only_recover)
        return recover(&p.engine);
    return run(&p);
}
