/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See api/trail.h. What a line says is fixed before the handler runs, but for the result: a command
 * that removes its object, or ends with its client, is told of like any other.
 */
#include "api/trail.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "container/object.h"
#include "core/debug.h"
#include "core/events.h"
#include "core/journal.h"
#include "core/latency.h"
#include "core/settings.h"
#include "exec/exec.h"
#include "exec/exec_object.h"

#include "api.h"
#include "command.h"

#define PENDING_MAX (1u << 20)
#define TAIL_BYTES 4096
#define TEXT_SHOWN 1024 /* of what a stranger has named */

/* ---- the object ---- */

static const char *shortened(struct arena *a, const char *s)
{
    return strlen(s) <= TEXT_SHOWN ? s : arena_printf(a, "%.*s...", TEXT_SHOWN, s);
}

/* What the path or the query names: never a header or a body. */
static const char *named_object(const struct request *r)
{
    static const char *const params[] = {"container", "name", "fromImage", "repo"};

    if (r->match.args[0])
        return r->match.args[0];
    for (size_t i = 0; i < ARRAY_LEN(params); i++)
        if (*query_get(&r->query, params[i]))
            return query_get(&r->query, params[i]);
    return "";
}

/* For people, who know no ids. Kept as they were, of one that is to be removed. */
static void note_container(struct request *r, const struct container *c)
{
    r->object_name = arena_strdup(r->arena, c->name);
    r->image = arena_strdup(r->arena, c->doc.image_name);
}

/* "busybox:1.36", "busybox@sha256:…" */
static void note_pulled(struct request *r)
{
    const char *name = query_get(&r->query, "fromImage"), *tag = query_get(&r->query, "tag");

    if (*name)
        r->image =
            shortened(r->arena, *tag ? arena_printf(r->arena, "%s%s%s", name,
                                                    text_starts(tag, "sha256:") ? "@" : ":", tag)
                                     : name);
}

static void find_object(struct request *r)
{
    const char *pattern = r->match.route->pattern;
    struct container *c = NULL;
    struct exec *e = NULL;
    struct err *err = NULL;

    r->object = shortened(r->arena, named_object(r));
    if (text_starts(pattern, "/containers/{"))
        err = container_find(parts_of(r)->containers, r->match.args[0], &c);
    else if (text_starts(pattern, "/exec/{"))
        err = exec_find(parts_of(r)->containers, r->match.args[0], &e);
    if (!err && e)
        err = container_find(parts_of(r)->containers, e->doc.container_id, &c);
    if (!err && c) {
        r->object_id = arena_strdup(r->arena, c->doc.id);
        note_container(r, c);
    }
    err_drop(err);
    note_pulled(r);
}

void trail_begin(struct request *r)
{
    r->begun_ns = clock_boot_ns();
    r->command = command_of_request(r->arena, r);
    find_object(r);
    if (r->conn)
        conn_peer(r->conn, &r->peer);
}

/* ---- the result ---- */

static const char *result_of(const struct request *r)
{
    if (r->status == 0)
        return "gone"; /* its client, before there was an answer */
    if (r->status >= 500 || r->has_failed)
        return "failed";
    return r->status >= 400 ? "refused" : "ok";
}

/* Of a container that was made by it. */
static void find_made(struct request *r)
{
    struct container *c = NULL;
    struct err *err;

    if (!r->object_id || r->object_name)
        return;
    err = container_find(parts_of(r)->containers, r->object_id, &c);
    if (!err)
        note_container(r, c);
    err_drop(err);
}

static void tell_log(struct request *r, int64_t ms)
{
    find_made(r);
    log_info(
        "command", KV("command", r->command), KV("object", r->object),
        KV("id", r->object_id ? r->object_id : ""), KV("result", result_of(r)),
        KV_INT("status", r->status), KV_INT("ms", ms), KV_INT("uid", (int64_t)r->uid),
        KV_INT("pid", r->pid), KV("comm", r->peer.comm),
        KV_INT("loginuid", r->peer.login_uid == LOGIN_UID_NONE ? -1 : (int64_t)r->peer.login_uid),
        KV("method", r->method), KV("path", r->path), KV("name", r->object_name),
        KV("image", r->image), KV("error", r->error));
}

static void set_number(struct request *r, struct pairs *p, const char *key, int64_t value)
{
    pairs_add(r->arena, p, key, arena_printf(r->arena, "%lld", (long long)value));
}

static uint64_t tell_event(struct request *r, int64_t ms)
{
    struct event e = {.type = EVENT_COMMAND, .action = r->command, .id = r->object};

    pairs_add(r->arena, &e.attrs, "result", result_of(r));
    pairs_add(r->arena, &e.attrs, "comm", r->peer.comm);
    if (r->object_id)
        pairs_add(r->arena, &e.attrs, "object_id", r->object_id);
    set_number(r, &e.attrs, "status", r->status);
    set_number(r, &e.attrs, "ms", ms);
    set_number(r, &e.attrs, "uid", r->uid);
    set_number(r, &e.attrs, "gid", r->gid);
    set_number(r, &e.attrs, "pid", r->pid);
    if (r->peer.login_uid != LOGIN_UID_NONE)
        set_number(r, &e.attrs, "loginuid", r->peer.login_uid);
    return events_publish(parts_of(r)->events, &e);
}

static void add_head(struct jw *w, const char *type)
{
    char when[RFC3339_MAX];

    jw_obj(w, NULL);
    clock_rfc3339_fixed(clock_wall_ns(), when);
    jw_str(w, "time", when);
    jw_str(w, "type", type);
}

static void add_line(struct journal *j, struct jw *w)
{
    jw_obj_end(w);
    journal_add(j, w->out->data, w->out->len);
}

static void tell_file(const struct request *r, uint64_t seq, int64_t ms)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    add_head(&w, "command");
    jw_int(&w, "seq", (int64_t)seq);
    jw_str(&w, "command", r->command);
    jw_str(&w, "object", r->object);
    if (r->object_id)
        jw_str(&w, "id", r->object_id);
    jw_str(&w, "result", result_of(r));
    jw_int(&w, "status", r->status);
    jw_int(&w, "ms", ms);
    jw_int(&w, "uid", r->uid);
    jw_int(&w, "gid", r->gid);
    jw_int(&w, "pid", r->pid);
    jw_str(&w, "comm", r->peer.comm);
    if (r->peer.login_uid != LOGIN_UID_NONE)
        jw_int(&w, "loginuid", r->peer.login_uid);
    if (r->forbidden)
        jw_str(&w, "forbidden", r->forbidden);
    add_line(parts_of(r)->audit_log, &w);
}

void trail_end(struct request *r)
{
    int64_t ns = clock_boot_ns() - r->begun_ns, ms = ns / NS_PER_MS;
    uint64_t seq;

    if (!r->command)
        return;
    latencies_note(parts_of(r)->latencies, r->command, result_of(r), ns);
    tell_log(r, ms);
    seq = tell_event(r, ms);
    if (parts_of(r)->audit_log)
        tell_file(r, seq, ms);
    r->command = NULL;
}

/* ---- the file ---- */

static void write_gap(struct buf *out, uint64_t n, const char *why)
{
    struct jw w = {.out = out};

    add_head(&w, "gap");
    if (n)
        jw_int(&w, "missing", (int64_t)n);
    jw_str(&w, "why", why);
    jw_obj_end(&w);
}

static void tell_gap(void *ctx, struct buf *out, uint64_t n)
{
    (void)ctx;
    write_gap(out, n, "the disk took no more lines");
}

/* An engine that ends by itself says so in its last line. */
static bool was_cut_off(const char *path)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char tail[TAIL_BYTES + 1], *line;
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return false;
    n = pread(fd, tail, TAIL_BYTES, st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0);
    if (n <= 0 || tail[n - 1] != '\n')
        return true;
    tail[n - 1] = '\0';
    line = strrchr(tail, '\n');
    return !strstr(line ? line : tail, "\"type\":\"end\"");
}

static void add_mark(struct journal *j, const char *type)
{
    autobuf struct buf b = {0};
    struct jw w = {.out = &b};

    add_head(&w, type);
    jw_str(&w, "version", BERTH_VERSION);
    jw_int(&w, "pid", getpid());
    add_line(j, &w);
}

static void dump(void *ctx, struct jw *w)
{
    const struct parts *p = ctx;

    jw_obj(w, "audit_log");
    jw_int(w, "lost", p->audit_log ? (int64_t)journal_lost(p->audit_log) : 0);
    jw_obj_end(w);
}

struct err *trail_open(struct parts *p)
{
    const struct settings *s = p->settings;
    const struct journal_settings settings = {.path = s->audit_log,
                                              .max_bytes = s->audit_log_max_bytes,
                                              .max_files = s->audit_log_max_files,
                                              .pending_max = PENDING_MAX,
                                              .tell_gap = tell_gap};
    autobuf struct buf b = {0};
    bool is_cut;

    if (text_is_empty(s->audit_log))
        return NULL;
    is_cut = was_cut_off(s->audit_log);
    TRY(journal_open(p->loop, p->pools, &settings, &p->audit_log));
    if (is_cut) {
        write_gap(&b, 0,
                  "the engine before was ended from outside: its last commands may be "
                  "missing");
        journal_add(p->audit_log, b.data, b.len);
    }
    add_mark(p->audit_log, "start");
    debug_register(p->debug, "audit_log", dump, p);
    return NULL;
}

void trail_close(struct parts *p)
{
    if (p->audit_log)
        add_mark(p->audit_log, "end");
    journal_close(steal_ptr(&p->audit_log));
}
