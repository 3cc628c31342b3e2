/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on their way to a server. What cannot be sent waits in a queue, bounded in both
 * modes: non-blocking drops at max-buffer-size, blocking lets the container be paused at
 * LOG_BACKLOG_HIGH and drops only what comes in spite of that. Dropped bytes are told in
 * a line of their own. Loop thread; only a host's name is looked up by a worker. Trap: a
 * server that hangs and one that is absent look alike here: the queue just stays.
 */
#include "forward.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include "log_inner.h"

#define QUEUE_MAX (4u << 20) /* blocking: more than that is dropped */
#define TURN 128             /* messages a turn of the loop */
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000
#define CONNECT_MS 10000

struct held_line {
    char *text; /* RECORD_PIECE */
    size_t n;
    bool is_continued;
    int64_t wall_ns;
};

struct forward {
    struct log *log;
    struct target target;
    struct forward_style style;
    struct held_line held[2];
    struct buf queue; /* uint32_t length and bytes, again and again */
    size_t at;        /* of the first message that is not sent */
    size_t sent;      /* of that one, over a stream */
    uint64_t lost;
    int fd;
    struct watch *watch;
    bool is_connecting, is_finished, is_dead, is_stream;
    struct timer timer;
    int retry_ms;
    struct job job; /* the look-up */
    bool job_runs;
    struct sockaddr_storage addr;
    socklen_t addr_n;
};

static void go_on(struct forward *f);

size_t forward_backlog(const struct forward *f)
{
    return f ? f->queue.len - f->at : 0;
}

/* ---- the socket ---- */

static void disconnect(struct forward *f)
{
    watch_close(f->watch);
    f->watch = NULL;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    f->is_connecting = false;
    f->sent = 0;
}

static void on_retry(struct timer *t)
{
    go_on(container_of(t, struct forward, timer));
}

static void retry_later(struct forward *f, const char *what, int error)
{
    log_debug("a log server does not take lines", KV("server", f->target.host), KV("step", what),
              KV("error", strerror(error)));
    disconnect(f);
    timer_set(f->log->loop, &f->timer, f->retry_ms, on_retry);
    f->retry_ms = f->retry_ms * 2 < RETRY_MAX_MS ? f->retry_ms * 2 : RETRY_MAX_MS;
}

static void on_connect_timeout(struct timer *t)
{
    retry_later(container_of(t, struct forward, timer), "connect", ETIMEDOUT);
}

static void on_writable(void *arg, int events)
{
    struct forward *f = arg;
    int error = 0;
    socklen_t n = sizeof(error);

    (void)events;
    watch_set(f->watch, 0);
    if (f->is_connecting) {
        timer_clear(f->log->loop, &f->timer);
        f->is_connecting = false;
        if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &n) || error) {
            retry_later(f, "connect", error);
            return;
        }
    }
    go_on(f);
}

static void await_writable(struct forward *f)
{
    if (!f->watch)
        f->watch = watch_open(f->log->loop, f->fd, UV_WRITABLE, on_writable, f);
    else
        watch_set(f->watch, UV_WRITABLE);
}

/* Returns 0, EINPROGRESS or why not. */
static int open_socket(struct forward *f, int type)
{
    f->is_stream = type == SOCK_STREAM;
    f->fd = socket(f->addr.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (f->fd < 0)
        return errno;
    if (!connect(f->fd, (struct sockaddr *)&f->addr, f->addr_n))
        return 0;
    return errno;
}

static void connect_now(struct forward *f)
{
    int error = open_socket(f, f->target.kind == TARGET_TCP ? SOCK_STREAM : SOCK_DGRAM);

    if (error == EPROTOTYPE && f->target.kind == TARGET_UNIX) {
        disconnect(f);
        error = open_socket(f, SOCK_STREAM);
    }
    if (error == EINPROGRESS) {
        f->is_connecting = true;
        await_writable(f);
        timer_set(f->log->loop, &f->timer, CONNECT_MS, on_connect_timeout);
    } else if (error) {
        retry_later(f, "connect", error);
    }
}

/* ---- where to ---- */

static bool look_up(struct forward *f, int flags)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags}, *found;

    if (getaddrinfo(f->target.host, f->target.port, &hints, &found))
        return false;
    memcpy(&f->addr, found->ai_addr, found->ai_addrlen);
    f->addr_n = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static void run_look_up(struct job *job)
{
    look_up(container_of(job, struct forward, job), AI_NUMERICSERV);
}

static void forward_free(struct forward *f)
{
    for (int i = 0; i < 2; i++)
        free(f->held[i].text);
    buf_finish(&f->queue);
    free(f->target.host);
    free(f->target.port);
    free(f->style.tag);
    free(f->style.host);
    free(f->style.fixed);
    free(f);
}

static void on_looked_up(struct job *job)
{
    struct forward *f = container_of(job, struct forward, job);

    f->job_runs = false;
    if (f->is_dead)
        forward_free(f);
    else if (!f->addr_n)
        retry_later(f, "look-up", EHOSTUNREACH);
    else
        go_on(f);
}

/* False: later. */
static bool find_address(struct forward *f)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&f->addr;

    if (f->addr_n)
        return true;
    if (f->target.kind == TARGET_UNIX) {
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof(un->sun_path), "%s", f->target.host);
        f->addr_n = sizeof(*un);
        return true;
    }
    if (look_up(f, AI_NUMERICHOST | AI_NUMERICSERV))
        return true;
    f->job_runs = true;
    f->job = (struct job){.run = run_look_up, .done = on_looked_up};
    pool_submit(f->log->pools, POOL_DISK, &f->job);
    return false;
}

/* ---- the queue ---- */

static void message_done(struct forward *f, uint32_t n)
{
    f->at += sizeof(n) + n;
    f->sent = 0;
    if (f->at == f->queue.len) {
        f->queue.len = f->at = 0;
        if (f->is_finished)
            buf_finish(&f->queue);
    } else if (f->at > f->queue.len / 2 && f->at > (64u << 10)) {
        buf_drop_front(&f->queue, f->at);
        f->at = 0;
    }
}

/* Sends the first message. False: not now. */
static bool send_one(struct forward *f)
{
    const char *p = f->queue.data + f->at + sizeof(uint32_t);
    uint32_t n;
    ssize_t w;

    memcpy(&n, f->queue.data + f->at, sizeof(n));
    w = send(f->fd, p + f->sent, n - f->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (w >= 0) {
        f->retry_ms = RETRY_MIN_MS;
        f->sent += (size_t)w;
        if (f->sent == n || !f->is_stream)
            message_done(f, n);
        return true;
    }
    if (errno == EINTR)
        return true;
    if (errno == EMSGSIZE) {
        f->lost += n;
        message_done(f, n);
        return true;
    }
    if (errno == ECONNREFUSED && f->target.kind == TARGET_UDP) {
        message_done(f, n); /* says that an earlier one was refused; so will this one be */
        return true;
    }
    if (errno == EAGAIN)
        await_writable(f);
    else
        retry_later(f, "send", errno);
    return false;
}

static void go_on(struct forward *f)
{
    int n = 0;

    if (f->job_runs || f->is_connecting || f->timer.due_ns)
        return;
    while (forward_backlog(f) && n++ < TURN) {
        if (!find_address(f))
            return;
        if (f->fd < 0)
            connect_now(f);
        if (f->fd < 0 || f->is_connecting || !send_one(f))
            break;
    }
    if (n > TURN)
        timer_set(f->log->loop, &f->timer, 0, on_retry);
    else if (!forward_backlog(f) && f->is_finished)
        disconnect(f);
    log_tell_room(f->log);
}

static void queue_message(struct forward *f, const struct forward_line *line)
{
    size_t start = f->queue.len;
    uint32_t n = 0;

    buf_add(&f->queue, &n, sizeof(n));
    f->style.write(&f->style, line, &f->queue);
    n = (uint32_t)(f->queue.len - start - sizeof(n));
    memcpy(f->queue.data + start, &n, sizeof(n));
}

static void tell_lost(struct forward *f, int64_t wall_ns)
{
    char text[96];
    struct forward_line line = {.stream = STREAM_STDERR, .wall_ns = wall_ns, .text = text};

    line.n = (size_t)snprintf(text, sizeof(text), "berth: %llu bytes of log were dropped here",
                              (unsigned long long)f->lost);
    f->lost = 0;
    queue_message(f, &line);
}

static void add_line(struct forward *f, const struct forward_line *line)
{
    size_t limit = f->log->is_blocking ? QUEUE_MAX : f->log->max_buffer;

    if (!line->n && !line->is_partial)
        return; /* Docker's drivers send no empty lines */
    if (forward_backlog(f) + line->n > limit) {
        f->lost += line->n;
        return;
    }
    if (f->lost)
        tell_lost(f, line->wall_ns);
    queue_message(f, line);
}

/* ---- from bytes to lines ---- */

static void add_piece(struct forward *f, int stream, int64_t wall_ns, const char *p, size_t n,
                      bool is_partial)
{
    struct held_line *h = &f->held[stream == STREAM_STDERR];
    struct forward_line line = {stream, h->is_continued ? h->wall_ns : wall_ns, p, n, is_partial};

    h->wall_ns = line.wall_ns;
    h->is_continued = is_partial;
    add_line(f, &line);
}

static size_t hold(struct held_line *h, const char *p, size_t n)
{
    size_t room = RECORD_PIECE - h->n;

    if (!h->text)
        h->text = mem_alloc(RECORD_PIECE);
    n = n < room ? n : room;
    memcpy(h->text + h->n, p, n);
    h->n += n;
    return n;
}

void forward_append(struct forward *f, int stream, int64_t wall_ns, const char *p, size_t n)
{
    const char *end = p + n, *newline;
    struct held_line *h;

    if (!f)
        return;
    h = &f->held[stream == STREAM_STDERR];
    f->is_finished = false;
    while (p < end) {
        size_t look = (size_t)(end - p) < RECORD_PIECE ? (size_t)(end - p) : RECORD_PIECE;

        newline = memchr(p, '\n', look);
        if (!h->n && newline) {
            add_piece(f, stream, wall_ns, p, (size_t)(newline - p), false);
            p = newline + 1;
            continue;
        }
        p += hold(h, p, newline ? (size_t)(newline - p) : look);
        if (p != newline && h->n < RECORD_PIECE)
            continue;
        add_piece(f, stream, wall_ns, h->text, h->n, p != newline);
        h->n = 0;
        p += p == newline;
    }
    go_on(f);
}

void forward_append_eof(struct forward *f, int stream)
{
    struct held_line *h;

    if (!f)
        return;
    h = &f->held[stream == STREAM_STDERR];
    if (h->n)
        add_piece(f, stream, clock_wall_ns(), h->text, h->n, false);
    h->n = 0;
    h->is_continued = false;
    free(h->text);
    h->text = NULL;
    if (f->lost && forward_backlog(f) < LOG_BACKLOG_HIGH)
        tell_lost(f, clock_wall_ns());
    go_on(f);
}

void forward_finish(struct forward *f)
{
    if (!f)
        return;
    f->is_finished = true;
    go_on(f);
}

struct forward *forward_create(struct log *g, const struct target *target,
                               const struct forward_style *style)
{
    struct forward *f = mem_new(struct forward);

    f->log = g;
    f->target = *target;
    f->style = *style;
    f->fd = -1;
    f->retry_ms = RETRY_MIN_MS;
    return f;
}

void forward_destroy(struct forward *f)
{
    if (!f)
        return;
    timer_clear(f->log->loop, &f->timer);
    disconnect(f);
    f->is_dead = true;
    if (!f->job_runs)
        forward_free(f);
}
