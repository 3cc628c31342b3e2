/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a health check: an exec whose output is collected, with a deadline. The
 * verdict is given at the deadline, the memory goes when the process is gone, which
 * may be later: until then no other probe of the container starts. Loop thread.
 * Trap: a probe may outlive the run it belongs to; probe_forget cuts it off.
 */
#include "probe.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "container/object.h"
#include "stream/sink.h"

#include "exec_probe.h"
#include "health_rules.h"

struct probe {
    struct health *h; /* NULL when forgotten */
    struct container *c;
    struct exec *exec;
    struct sink sink;
    struct probe_hooks hooks;
    struct timer deadline;
    int64_t timeout_ns;
    struct buf output;
    bool is_cut, is_judged;
    int64_t start_ns;
};

/* A NUL ends texts here and in the document: it becomes what bytes of no character become. */
static void add_text(struct buf *out, const char *p, size_t n)
{
    while (n) {
        size_t part = strnlen(p, n);

        buf_add(out, p, part);
        if (part < n)
            buf_puts(out, "\xef\xbf\xbd");
        part += part < n;
        p += part;
        n -= part;
    }
}

/* Docker keeps 4096 bytes of a probe's output; the rest is read and dropped, so that the probe is
 * not held up. */
static void on_output(struct sink *s, const void *p, size_t n)
{
    struct probe *o = container_of(s, struct probe, sink);
    size_t room = HEALTH_OUTPUT_MAX - o->output.len;

    ASSERT(room <= HEALTH_OUTPUT_MAX);
    o->is_cut = o->is_cut || n > room;
    add_text(&o->output, p, n < room ? n : room);
}

/* A probe's output is memory: it takes everything at once. */
static size_t on_queued(const struct sink *s)
{
    (void)s;
    return 0;
}

static void on_sink_end(struct sink *s)
{
    (void)s; /* on_end follows */
}

/* The first verdict counts: behind the deadline the exit says nothing new. */
static void judge(struct probe *p, int exit_code, const char *text)
{
    struct health_result r = {
        .start_ns = p->start_ns,
        .end_ns = clock_wall_ns(),
        .exit_code = exit_code,
        .output = (char *)text,
    };

    if (p->is_judged)
        return;
    p->is_judged = true;
    timer_clear(p->c->parts->loop, &p->deadline);
    if (p->h)
        p->hooks.judged(p->h, &r);
}

/* As Go prints a duration: whole units only where they are whole. */
static void duration_text(int64_t ns, char *out, size_t n)
{
    int64_t minutes = ns / NS_PER_S / 60;
    double seconds = (double)(ns - minutes * 60 * NS_PER_S) / (double)NS_PER_S;

    if (ns < NS_PER_S)
        snprintf(out, n, "%gms", (double)ns / (double)NS_PER_MS);
    else if (minutes >= 60)
        snprintf(out, n, "%lldh%lldm%.9gs", (long long)(minutes / 60), (long long)(minutes % 60),
                 seconds);
    else if (minutes > 0)
        snprintf(out, n, "%lldm%.9gs", (long long)minutes, seconds);
    else
        snprintf(out, n, "%.9gs", seconds);
}

static void on_deadline(struct timer *t)
{
    struct probe *p = container_of(t, struct probe, deadline);
    autobuf struct buf text = {0};
    char limit[48];

    exec_kill(p->exec);
    duration_text(p->timeout_ns, limit, sizeof(limit));
    buf_printf(&text, "Health check exceeded timeout (%s)", limit);
    if (p->output.len)
        buf_printf(&text, ": %s", p->output.data);
    judge(p, -1, text.data);
}

/* The process is gone, so the memory can go. The verdict may have been given long ago, at the
 * deadline. */
static void on_end(void *ctx, const struct err *err, int exit_code)
{
    struct probe *p = ctx;

    if (p->is_cut)
        buf_puts(&p->output, "...");
    if (err)
        judge(p, -1, err_text(err));
    else
        judge(p, exit_code, p->output.data);
    timer_clear(p->c->parts->loop, &p->deadline);
    if (p->h)
        p->hooks.over(p->h, p);
    container_unref(p->c);
    buf_finish(&p->output);
    free(p);
}

struct probe *probe_start(struct health *h, const struct strs *cmd, int64_t timeout_ns,
                          const struct probe_hooks *hooks)
{
    struct probe *p = mem_new(struct probe);

    ASSERT(!h->probe && timeout_ns > 0);
    p->h = h;
    p->c = container_ref(h->c);
    p->hooks = *hooks;
    p->sink = (struct sink){.write = on_output, .queued = on_queued, .end = on_sink_end};
    p->timeout_ns = timeout_ns;
    p->start_ns = clock_wall_ns();
    p->exec = exec_open_probe(p->c, cmd);
    timer_set(p->c->parts->loop, &p->deadline, timeout_ns / NS_PER_MS + 1, on_deadline);
    h->probe = p; /* it may end before the call returns */
    exec_run_probe(p->exec, &p->sink, on_end, p);
    return h->probe;
}

void probe_forget(struct probe *p)
{
    if (!p)
        return;
    p->h = NULL;
    p->is_judged = true;
    timer_clear(p->c->parts->loop, &p->deadline);
    exec_kill(p->exec);
}
