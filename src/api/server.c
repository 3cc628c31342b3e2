/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: listening sockets, accepting within the budget of file descriptors, the end.
 * Loop thread.
 *
 * accept4 is called by hand: libuv's uv_accept closes connections silently when descriptors run
 * out. They never do here: connections are counted, idle ones give way, and at the bound nothing
 * is accepted, so that clients wait in the kernel's backlog instead of being refused.
 */
#include "api/server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/debug.h"
#include "core/settings.h"

#include "api.h"
#include "command.h"
#include "conn.h"
#include "judge.h"
#include "listen.h"

#define LISTENERS_MAX 16
#define ACCEPTS_A_TURN 64
#define CONNECTIONS_MIN 16
#define NEARLY_FULL 16 /* so many below the bound idle connections give way */
#define IDLE_MS 1000   /* a client between two requests is not idle yet */
#define FDS_KEPT 2000  /* for starts, logs and what is opened for a moment */
#define RETRY_MS 100
#define METRICS_CONNS_MAX 64 /* more are closed at once: nobody scrapes by so many */

struct listener {
    struct server *server;
    struct front *front;
    int fd;
    struct watch *watch;
    const char *path; /* NULL: given to us, or an address */
};

struct server {
    struct front front;
    struct front metrics; /* of --metrics-addr: GET /metrics and nothing else */
    struct api api;
    struct listener listeners[LISTENERS_MAX];
    size_t n_listeners;
    int max_conns;
    int max_fd; /* descriptors above it are not for connections */
    bool is_serving, is_paused, is_closed;
    bool is_full; /* said in the log, once a time */
    struct timer retry;
    struct buf headers;
};

static void server_free(struct server *s)
{
    facts_finish(&s->api.facts);
    buf_finish(&s->headers);
    free(s);
}

/* ---- accepting ---- */

static void listen_for(struct server *s, bool on)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        watch_set(s->listeners[i].watch, on ? UV_READABLE : 0);
    s->is_paused = !on;
}

static void on_retry(struct timer *t)
{
    struct server *s = container_of(t, struct server, retry);

    if (s->is_serving)
        listen_for(s, true);
}

static void pause_for_fds(struct server *s, int error)
{
    log_warn("cannot accept connections for now", KV("error", strerror(error)));
    listen_for(s, false);
    timer_set(s->front.loop, &s->retry, RETRY_MS, on_retry);
}

static bool is_within_bounds(struct server *s, int spare)
{
    return s->front.n_conns + spare < s->max_conns && fd_lowest_free() + spare < s->max_fd;
}

/* False: the bound is met. Clients then wait in the backlog until one leaves or has been idle. */
static bool has_room(struct server *s)
{
    if (is_within_bounds(s, NEARLY_FULL))
        return true;
    return front_close_idle(&s->front, IDLE_MS) || is_within_bounds(s, 0);
}

static void pause_for_room(struct server *s)
{
    if (!s->is_full)
        log_warn("connections wait for others to end", KV_INT("open", s->front.n_conns));
    s->is_full = true;
    listen_for(s, false);
    timer_set(s->front.loop, &s->retry, RETRY_MS, on_retry);
}

static void accept_one(struct listener *l, bool *out_more)
{
    struct server *s = l->server;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    *out_more = fd >= 0 || errno == EINTR || errno == ECONNABORTED;
    if (fd >= 0 && l->front == &s->metrics && l->front->n_conns >= METRICS_CONNS_MAX)
        close(fd);
    else if (fd >= 0)
        conn_open(l->front, fd);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        pause_for_fds(s, errno);
}

static void on_acceptable(void *arg, int events)
{
    struct listener *l = arg;
    bool more = true;

    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN && more; i++) {
        if (!has_room(l->server)) {
            pause_for_room(l->server);
            return;
        }
        accept_one(l, &more);
    }
}

static void on_conn_closed(struct front *f)
{
    struct server *s = ((struct api *)f->app)->server;

    if (s->is_full && s->front.n_conns < s->max_conns / 2)
        s->is_full = false;
    if (s->is_serving && s->is_paused && !s->retry.due_ns)
        listen_for(s, true);
}

static void on_quiet(struct front *f)
{
    struct server *s = ((struct api *)f->app)->server;

    if (s->is_closed && s->front.n_requests + s->metrics.n_requests == 0)
        server_free(s);
}

/* ---- opening ---- */

static struct err *add_listener(struct server *s, struct front *f, int fd, const char *path)
{
    if (s->n_listeners == LISTENERS_MAX) {
        close(fd);
        return err_new(ERR_INVALID, "more than %d hosts", LISTENERS_MAX);
    }
    s->listeners[s->n_listeners++] =
        (struct listener){.server = s, .front = f, .fd = fd, .path = path};
    return NULL;
}

/* Whatever the hosts say, a socket that the service manager holds is served: its clients would wait
 * for ever. */
static struct err *open_given(struct server *s)
{
    int fds[LISTENERS_MAX];
    size_t n;

    TRY(listen_given(fds, LISTENERS_MAX, &n));
    for (size_t i = 0; i < n; i++)
        TRY(add_listener(s, &s->front, fds[i], NULL));
    return NULL;
}

static bool is_given(const struct server *s, const char *path)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        if (!s->listeners[i].path && listen_is_at(s->listeners[i].fd, path))
            return true;
    return false;
}

static struct err *open_host(struct server *s, const char *host)
{
    const char *scheme = "unix://";
    int fd;

    if (text_starts(host, "fd://")) {
        if (s->n_listeners == 0 || s->listeners[0].path)
            return err_new(ERR_INVALID, "host fd://: the service manager has given no socket");
        return NULL;
    }
    if (!text_starts(host, scheme))
        return err_new(ERR_INVALID, "invalid bind address format: %s", host);
    host += strlen(scheme);
    if (is_given(s, host))
        return NULL;
    TRY(listen_unix(host, s->api.parts->settings->group, &fd));
    return add_listener(s, &s->front, fd, host);
}

static struct err *open_hosts(struct server *s)
{
    const struct settings *settings = s->api.parts->settings;
    int fd;

    TRY(open_given(s));
    for (size_t i = 0; i < settings->hosts.n; i++)
        TRY(open_host(s, settings->hosts.v[i]));
    if (text_is_empty(settings->metrics_addr))
        return NULL;
    TRY(listen_tcp(settings->metrics_addr, &fd));
    log_info("metrics can be read by everybody who reaches the address",
             KV("address", settings->metrics_addr));
    return add_listener(s, &s->metrics, fd, NULL);
}

static void close_listeners(struct server *s)
{
    for (size_t i = 0; i < s->n_listeners; i++) {
        struct listener *l = &s->listeners[i];

        watch_close(l->watch);
        if (l->path)
            unlink(l->path);
        close(l->fd);
    }
    s->n_listeners = 0;
}

/* Two fifths of the descriptors at most, so that containers that run have room: three each. */
static void set_budget(struct server *s)
{
    struct rlimit limit = {.rlim_cur = 0};
    int n;

    getrlimit(RLIMIT_NOFILE, &limit);
    n = limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
    s->max_conns = n / 5 * 2 < CONNECTIONS_MIN ? CONNECTIONS_MIN : n / 5 * 2;
    s->max_fd = n - FDS_KEPT < n / 2 ? n / 2 : n - FDS_KEPT;
}

static void dump(void *ctx, struct jw *w)
{
    const struct server *s = ctx;

    jw_obj(w, "server");
    jw_int(w, "connections", s->front.n_conns);
    jw_int(w, "connections_max", s->max_conns);
    jw_int(w, "requests", s->front.n_requests);
    jw_bool(w, "paused", s->is_paused);
    jw_obj_end(w);
}

static void open_front(struct server *s, struct front *f, const struct route *routes)
{
    front_init(f);
    f->loop = s->api.parts->loop;
    f->ops = s->api.parts->ops;
    f->routes = routes;
    f->oldest = API_VERSION_MIN;
    f->newest = API_VERSION_MAX;
    f->headers = s->headers.data;
    f->app = &s->api;
    f->on_closed = on_conn_closed;
    f->on_quiet = on_quiet;
}

struct err *server_open(struct parts *p, struct server **out)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct server *s = mem_new(struct server);
    struct err *err;

    sigaction(SIGPIPE, &ignore, NULL); /* bodies go into pipes, whose readers may go away */
    s->api.parts = p;
    s->api.server = s;
    facts_read(&s->api.facts);
    buf_printf(&s->headers,
               "Api-Version: %d.%d\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
               "Server: Berth/%s (linux)\r\n",
               API_VERSION_MAX / 100, API_VERSION_MAX % 100, BERTH_VERSION);
    open_front(s, &s->front, api_routes);
    s->front.admit = judge_command;
    s->front.on_result = trail_end;
    open_front(s, &s->metrics, metrics_routes);
    set_budget(s);
    err = open_hosts(s);
    if (err) {
        close_listeners(s);
        server_free(s);
        return err;
    }
    debug_register(p->debug, "server", dump, s);
    *out = s;
    return NULL;
}

void server_serve(struct server *s)
{
    ASSERT_LOOP();
    s->is_serving = true;
    for (size_t i = 0; i < s->n_listeners; i++) {
        struct listener *l = &s->listeners[i];

        l->watch = watch_open(s->front.loop, l->fd, UV_READABLE, on_acceptable, l);
        log_info("listening", KV("path", l->path ? l->path : "(given)"));
    }
}

void server_close(struct server *s)
{
    struct conn *c;

    if (!s)
        return;
    s->is_serving = false;
    timer_clear(s->front.loop, &s->retry);
    close_listeners(s);
    while ((c = front_first(&s->front)) || (c = front_first(&s->metrics)))
        conn_close(c);
    s->is_closed = true;
    if (s->front.n_requests + s->metrics.n_requests == 0)
        server_free(s);
}
