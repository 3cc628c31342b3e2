/* SPDX-License-Identifier: Apache-2.0 */
/*
 * berth batch: many containers, some at a time. Each worker is a process with a connection of its
 * own, which takes the next number from a counter they share and tells the outcome through a pipe;
 * this process counts, shows and sums up. So a worker that ends takes nobody's result with it.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/map.h"

#include "api.h"
#include "config_defaults.h"
#include "messages.h"
#include "run_launch.h"
#include "session.h"
#include "state_options.h"
#include "tty.h"

enum {
    NUMBER_MAX = 1000000,
    WORKERS_MAX = 512,
    WORKERS = 8,
    FILE_MAX = 256 << 20,
    WHY_MAX = 300,
    TOLD_MAX = 10, /* different reasons of failures */
    REDRAW_MS = 100,
    PLACE_LEN = 2, /* of "{}" */
};

struct outcome { /* written at once: shorter than PIPE_BUF */
    float create_ms, start_ms, whole_ms;
    int code; /* of the container; -1: it was not run */
    bool is_running;
    char why[WHY_MAX];
};

struct batch {
    struct cli *cli;
    const struct batch_options *o;
    struct run_options run;
    struct strs args; /* image and command */
    char *body;
    struct strs lines; /* of --file */
    size_t n, n_workers;
    _Atomic size_t *next; /* shared */
    int results;          /* workers write, we read */
    /* what has come */
    size_t n_done, n_ok, n_other, n_failed, n_running;
    float *times[3]; /* create, start, whole */
    size_t n_times;
    struct map *reasons; /* of failures → how often, as size_t * in the arena */
    int64_t begun_ns;
};

/* ---- a worker ---- */

static float ms_since(int64_t *since)
{
    int64_t now = clock_boot_ns(), took = now - *since;

    *since = now;
    return (float)took / (float)NS_PER_MS;
}

/* A line is the body of a create, with the container's name as "Name" among its members. */
static struct err *read_line(struct batch *b, size_t i, const char **name, char **body)
{
    const char *line = b->lines.v[i];
    autobuf struct buf text = {0};
    struct jw w = {.out = &text};
    const struct json *j;
    struct err *err = json_parse(b->cli->arena, line, strlen(line), &j);

    if (err || json_type(j) != JSON_OBJECT) {
        err_drop(err);
        return err_new(ERR_INVALID, "line %zu of %s is no JSON object", i + 1, b->o->file);
    }
    jw_obj(&w, NULL);
    for (const struct json *m = json_first(j); m; m = json_next(m)) {
        if (!strcmp(json_key(m), "Name"))
            *name = json_str(m);
        else
            jw_raw(&w, json_key(m), json_text(b->cli->arena, m));
    }
    jw_obj_end(&w);
    *body = arena_strdup(b->cli->arena, text.data);
    return NULL;
}

static char *numbered(struct arena *a, const char *name, size_t i)
{
    const char *place = strstr(name, "{}");

    if (!place)
        return arena_strdup(a, name);
    return arena_printf(a, "%.*s%zu%s", (int)(place - name), name, i + 1, place + PLACE_LEN);
}

static void tell_warnings(const struct api_reply *reply)
{
    const struct json *w = json_first(json_get(reply->json, "Warnings"));

    for (; w; w = json_next(w))
        cli_say("WARNING: %s\n", json_str(w) ? json_str(w) : "");
}

static struct err *create(struct batch *b, size_t i, const char **id)
{
    const char *name = b->run.name;
    struct api_reply reply = {0};
    char *body = b->body;

    if (b->o->file)
        TRY(read_line(b, i, &name, &body));
    b->cli->quiet_risks = b->run.quiet_risks;
    TRY(api_post(b->cli, body, &reply, "/containers/create%s%s", name ? "?name=" : "",
                 name ? text_to_query(b->cli->arena, numbered(b->cli->arena, name, i)) : ""));
    *id = json_str(json_get(reply.json, "Id"));
    if (i == 0)
        tell_warnings(&reply);
    return *id ? NULL : err_new(ERR_INTERNAL, "the engine's reply has no container id");
}

/* Of one that goes by itself the code is asked for before it starts, of another when it is over. */
static struct err *start_and_wait(struct batch *b, const char *id, struct outcome *out,
                                  int64_t *since)
{
    struct http_conn *wait = NULL;
    struct api_reply reply = {0};
    struct err *err = NULL;

    if (!b->o->detach && b->run.rm)
        TRY(run_launch_wait(b->cli, id, "removed", &wait));
    err = api_post(b->cli, NULL, NULL, "/containers/%s/start", id);
    out->start_ms = ms_since(since);
    out->is_running = !err && b->o->detach;
    if (!err && wait)
        err = session_read_wait(b->cli, wait, &out->code);
    else if (!err && !b->o->detach)
        err = api_post(b->cli, NULL, &reply, "/containers/%s/wait", id);
    if (!err && reply.json)
        out->code = (int)json_int(json_get(reply.json, "StatusCode"));
    http_conn_close(wait);
    return err;
}

static void live(struct batch *b, size_t i, struct outcome *out)
{
    int64_t begun = clock_boot_ns(), since = begun;
    const char *id = NULL;
    struct err *err = create(b, i, &id);

    *out = (struct outcome){.code = -1, .create_ms = ms_since(&since)};
    if (!err)
        err = start_and_wait(b, id, out, &since);
    out->whole_ms = ms_since(&begun);
    if (err)
        snprintf(out->why, sizeof(out->why), "%s", err_text(err));
    err_drop(err);
}

static _Noreturn void work(struct batch *b, int results)
{
    struct outcome out;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    b->cli->conn = NULL; /* that one is the parent's */
    for (;;) {
        size_t i = atomic_fetch_add(b->next, 1);

        if (i >= b->n)
            _exit(0);
        b->cli->arena = arena_create(); /* for this one alone */
        live(b, i, &out);
        arena_destroy(b->cli->arena);
        if (write(results, &out, sizeof(out)) != sizeof(out))
            _exit(1);
    }
}

static struct err *begin_workers(struct batch *b)
{
    int ends[2];

    b->next =
        mmap(NULL, sizeof(*b->next), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b->next == MAP_FAILED || pipe2(ends, O_CLOEXEC) < 0)
        return err_sys("prepare the workers");
    b->results = ends[0];
    b->begun_ns = clock_boot_ns();
    for (size_t i = 0; i < b->n_workers; i++) {
        pid_t pid = fork();

        if (pid == 0)
            work(b, ends[1]);
        if (pid < 0 && i == 0)
            return err_sys("begin a worker");
    }
    close(ends[1]);
    return NULL;
}

/* ---- what comes ---- */

static void count_reason(struct batch *b, const char *why)
{
    size_t *n = map_get(b->reasons, why);

    if (!n) {
        n = arena_new(b->cli->arena, size_t);
        if (map_count(b->reasons) >= TOLD_MAX)
            return;
        map_put(b->reasons, why, n);
    }
    ++*n;
}

static void count(struct batch *b, const struct outcome *out)
{
    b->n_done++;
    if (*out->why) {
        b->n_failed++;
        count_reason(b, out->why);
        return;
    }
    if (out->is_running)
        b->n_running++;
    else if (out->code == 0)
        b->n_ok++;
    else
        b->n_other++;
    b->times[0][b->n_times] = out->create_ms;
    b->times[1][b->n_times] = out->start_ms;
    b->times[2][b->n_times++] = out->whole_ms;
}

static double seconds(const struct batch *b)
{
    return (double)(clock_boot_ns() - b->begun_ns) / (double)NS_PER_S;
}

static void draw(const struct batch *b)
{
    unsigned rows, columns = 80;
    char line[200];

    tty_size(STDERR_FILENO, &rows, &columns);
    snprintf(line, sizeof(line), "%zu of %zu, %zu failed, %.0f a second", b->n_done, b->n,
             b->n_failed, (double)b->n_done / seconds(b));
    cli_say("\r\033[K%.*s", columns > 1 ? (int)columns - 1 : 0, line);
}

/* Until the last worker has ended: then the pipe has. */
static struct err *collect(struct batch *b)
{
    bool is_shown = !b->o->quiet && isatty(STDERR_FILENO);
    struct pollfd p = {.fd = b->results, .events = POLLIN};
    int64_t drawn_ns = 0;

    for (;;) {
        struct outcome out;
        ssize_t n;

        if (is_shown && clock_boot_ns() - drawn_ns > REDRAW_MS * NS_PER_MS) {
            draw(b);
            drawn_ns = clock_boot_ns();
        }
        if (is_shown && poll(&p, 1, REDRAW_MS) == 0)
            continue;
        n = read(b->results, &out, sizeof(out));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys("read the outcomes");
        if (n != sizeof(out))
            break;
        count(b, &out);
    }
    if (is_shown)
        cli_say("\r\033[K");
    while (waitpid(-1, NULL, 0) > 0)
        ;
    return NULL;
}

/* ---- the summary ---- */

static int by_time(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;

    return a < b ? -1 : a > b;
}

static float part(const struct batch *b, size_t which, double share)
{
    size_t at = (size_t)(share * (double)b->n_times);

    return b->n_times ? b->times[which][at < b->n_times ? at : b->n_times - 1] : 0;
}

static const char *const phases[] = {"create", "start", "whole"};

static void print_text(const struct batch *b, double took)
{
    cli_printf("%zu containers in %.2f s, %.1f a second\n", b->n_done, took,
               (double)b->n_done / took);
    if (b->n_running)
        cli_printf("%zu running, ", b->n_running);
    else
        cli_printf("%zu exited with 0, %zu with another code, ", b->n_ok, b->n_other);
    cli_printf("%zu failed\n%-10s %10s %10s %10s %10s\n", b->n - b->n_times, "ms", "p50", "p95",
               "p99", "max");
    for (size_t i = 0; i < ARRAY_LEN(phases); i++)
        cli_printf("%-10s %10.2f %10.2f %10.2f %10.2f\n", phases[i], (double)part(b, i, 0.5),
                   (double)part(b, i, 0.95), (double)part(b, i, 0.99), (double)part(b, i, 1));
}

static void print_json(const struct batch *b, double took)
{
    autobuf struct buf text = {0};
    struct jw w = {.out = &text};

    jw_obj(&w, NULL);
    jw_int(&w, "Containers", (int64_t)b->n);
    jw_f64(&w, "Seconds", took);
    jw_int(&w, "Succeeded", (int64_t)b->n_ok);
    jw_int(&w, "OtherCode", (int64_t)b->n_other);
    jw_int(&w, "Running", (int64_t)b->n_running);
    jw_int(&w, "Failed", (int64_t)(b->n - b->n_times));
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        jw_obj(&w, phases[i]);
        jw_f64(&w, "P50", (double)part(b, i, 0.5));
        jw_f64(&w, "P95", (double)part(b, i, 0.95));
        jw_f64(&w, "P99", (double)part(b, i, 0.99));
        jw_f64(&w, "Max", (double)part(b, i, 1));
        jw_obj_end(&w);
    }
    jw_obj_end(&w);
    cli_printf("%s\n", text.data);
}

static void tell_reasons(const struct batch *b)
{
    size_t cursor = 0, told = 0;
    const char *why;
    void *n;

    while (map_next(b->reasons, &cursor, &why, &n)) {
        cli_say("%zu times: %s\n", *(size_t *)n, why);
        told += *(size_t *)n;
    }
    if (told < b->n_failed)
        cli_say("%zu times: other reasons\n", b->n_failed - told);
    if (b->n_done < b->n)
        cli_say("%zu times: a worker ended before it could tell\n", b->n - b->n_done);
}

static void sum_up(struct batch *b)
{
    double took = seconds(b);

    for (size_t i = 0; i < ARRAY_LEN(phases); i++)
        qsort(b->times[i], b->n_times, sizeof(float), by_time);
    tell_reasons(b);
    if (text_same(b->o->format, "json"))
        print_json(b, took);
    else
        print_text(b, took);
    if (b->n_times < b->n)
        b->cli->exit_code = 125;
    else if (b->n_other)
        b->cli->exit_code = 1;
}

/* ---- what is asked for ---- */

static struct err *read_file(struct batch *b)
{
    char *text;
    size_t len;
    struct strs lines;

    if (!strcmp(b->o->file, "-"))
        TRY(file_read_fd(b->cli->arena, STDIN_FILENO, FILE_MAX, &text, &len));
    else
        TRY(file_read(b->cli->arena, AT_FDCWD, b->o->file, FILE_MAX, &text, &len));
    lines = text_split(b->cli->arena, text, '\n');
    for (size_t i = 0; i < lines.n; i++)
        if (*text_trim(lines.v[i]))
            strs_add(b->cli->arena, &b->lines, lines.v[i]);
    b->n = b->lines.n;
    return b->n ? NULL : err_new(ERR_INVALID, "%s has no lines", b->o->file);
}

/* What makes no sense for many, or without a terminal. */
static struct err *check_run(const struct batch *b)
{
    const struct run_options *o = &b->run;

    if (!b->args.n)
        return err_new(ERR_INVALID, "\"berth batch\" needs an image behind the options of run");
    if (o->interactive || o->tty || o->attach.n)
        return err_new(ERR_INVALID,
                       "batch is attached to no container: leave -i, -t and -a out, and see the "
                       "output with logs");
    if (o->detach)
        return err_new(ERR_INVALID,
                       "-d is an option of batch itself: give it before the options of run");
    if (o->cidfile)
        return err_new(ERR_INVALID, "--cidfile is of one container, and batch runs many");
    if (o->name && b->n > 1 && !strstr(o->name, "{}"))
        return err_new(ERR_INVALID,
                       "--name %s would be the name of %zu containers: write {} where the number "
                       "of each goes",
                       o->name, b->n);
    return NULL;
}

/* Once, not by every worker. */
static struct err *pull_if_missing(struct batch *b)
{
    struct err *err;

    if (text_same(b->run.pull, "always"))
        return messages_pull(b->cli, b->args.v[0], b->run.platform, false, STDERR_FILENO);
    err = api_get(b->cli, NULL, "/images/%s/json", api_escape(b->cli, b->args.v[0]));
    if (!err || err_kind(err) != ERR_NOT_FOUND || text_same(b->run.pull, "never")) {
        err_drop(err); /* create says it better */
        return NULL;
    }
    err_drop(err);
    return messages_pull(b->cli, b->args.v[0], b->run.platform, false, STDERR_FILENO);
}

static struct err *read_run(struct batch *b, struct strs args)
{
    struct flag_parse p = {.flags = run_flags, .options = &b->run, .options_first = true};
    const struct run_streams none = {0};

    TRY(flags_parse(b->cli->arena, &p, args.v, args.n));
    b->args = p.args;
    TRY(check_run(b));
    config_defaults(b->cli, cmd_run, run_flags, &b->run);
    TRY(run_body(b->cli->arena, &b->run, &none, b->args, &b->body));
    return pull_if_missing(b);
}

static struct err *read_numbers(struct batch *b)
{
    const struct number *n = &b->o->number, *workers = &b->o->concurrency;

    if (n->is_set && (n->value < 1 || n->value > NUMBER_MAX))
        return err_new(ERR_INVALID, "-n %lld is not between 1 and %d", (long long)n->value,
                       NUMBER_MAX);
    if (workers->is_set && (workers->value < 1 || workers->value > WORKERS_MAX))
        return err_new(ERR_INVALID, "-c %lld is not between 1 and %d", (long long)workers->value,
                       WORKERS_MAX);
    if (!text_is_empty(b->o->format) && !text_same(b->o->format, "json"))
        return err_new(ERR_INVALID, "--format %s: only json is known", b->o->format);
    b->n = n->is_set ? (size_t)n->value : 1;
    return NULL;
}

static struct err *read_request(struct batch *b, struct strs args)
{
    TRY(read_numbers(b));
    if (b->o->file && (args.n || b->o->number.is_set))
        return err_new(ERR_INVALID, "--file says what runs: no -n, options of run or image");
    if (b->o->file)
        TRY(read_file(b));
    else
        TRY(read_run(b, args));
    b->n_workers = b->o->concurrency.is_set ? (size_t)b->o->concurrency.value : WORKERS;
    if (b->n_workers > b->n)
        b->n_workers = b->n;
    return NULL;
}

struct err *cmd_batch(struct cli *cli, const void *options, struct strs args)
{
    struct batch b = {.cli = cli, .o = options};

    cli->exit_code = 125; /* until the containers' own decide */
    TRY(read_request(&b, args));
    for (size_t i = 0; i < ARRAY_LEN(phases); i++)
        b.times[i] = arena_array(cli->arena, b.n, sizeof(float));
    b.reasons = map_create();
    TRY(api_get(cli, NULL, "/_ping")); /* the version is agreed on once, not by each */
    TRY(begin_workers(&b));
    TRY(collect(&b));
    cli->exit_code = 0;
    sum_up(&b);
    return NULL;
}
