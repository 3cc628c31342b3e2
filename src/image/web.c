/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl on the loop: its sockets are watches, its one timer is a timer. Loop
 * thread. The trap: libcurl must not be re-entered from its own callbacks, so a
 * cancel or a destroy that comes from there is only noted and done by leave().
 * HTTP/1.1 only: a paused HTTP/2 stream may buffer 32 MiB.
 */
#include "web.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

#include "trust.h"
#include "web_err.h"

enum {
    CONNECT_TIMEOUT_S = 15,
    SLOW_BYTES = 1000, /* a second: less, for SLOW_TIMEOUT_S, is no download */
    SLOW_TIMEOUT_S = 60,
    DOCUMENT_TIMEOUT_S = 600,
    SLOW_ANSWER_S = 300, /* a registry reads a blob again before it takes it */
    REDIRECTS_MAX = 10,
    HEADERS_MAX = 256 * 1024,
    CHALLENGES_MAX = 8,
    BUFFER_BYTES = 256 * 1024,
    IDLE_CONNECTIONS = 4,
};

struct web {
    struct loop *loop;
    struct pools *pools;
    CURLM *multi;
    struct timer timer;
    struct list calls;
    struct list trusts;
    int n_reading; /* of them */
    int depth;     /* > 0: libcurl or one of our callbacks is on the stack */
    bool is_dead;  /* goes when depth is 0 and nothing is read */
};

/* Whom the calls with the same folders of certificates trust. */
struct web_trust {
    struct list link;
    struct web *web;
    struct arena *arena;
    struct strs folders;
    const char *key;
    struct job reading;
    struct trust *trust; /* NULL: not read yet */
};

struct web_socket {
    struct web *web;
    struct watch *watch;
    int fd;
};

struct web_call {
    struct list link;
    struct web *web;
    struct arena *arena;
    CURL *easy;
    struct curl_slist *headers;
    const struct web_handler *handler;
    void *ctx;
    const char *content; /* what is left of the request's own */
    size_t content_left;
    struct web_reply reply;
    size_t header_bytes;
    struct web_trust *trust; /* is given to libcurl only with it; NULL: needs none */
    bool is_over;            /* cancelled or ended: no callback, freed by leave() */
    char why[CURL_ERROR_SIZE];
};

static void free_call(struct web_call *c)
{
    list_remove(&c->link);
    curl_multi_remove_handle(c->web->multi, c->easy);
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    arena_destroy(c->arena);
    free(c);
}

static void free_trust(struct web_trust *t)
{
    list_remove(&t->link);
    trust_free(t->trust);
    arena_destroy(t->arena);
    free(t);
}

static void free_web(struct web *w)
{
    list_each (c, &w->calls, struct web_call, link)
        free_call(c);
    curl_multi_cleanup(w->multi); /* closes the sockets: their watches go by on_socket_change */
    timer_clear(w->loop, &w->timer);
    list_each (t, &w->trusts, struct web_trust, link)
        free_trust(t);
    free(w);
}

static bool is_in_use(const struct web *w)
{
    return w->depth > 0 || w->n_reading > 0;
}

static void enter(struct web *w)
{
    w->depth++;
}

static void report_ended(struct web *w);

static void leave(struct web *w)
{
    if (w->depth == 1) {
        report_ended(w);
        list_each (c, &w->calls, struct web_call, link)
            if (c->is_over)
                free_call(c);
    }
    w->depth--;
    if (w->is_dead && !is_in_use(w))
        free_web(w);
}

/* Callbacks run with depth 1 and outside libcurl: they may start new calls. */
static void report_ended(struct web *w)
{
    CURLMsg *msg;
    int left;

    while (!w->is_dead && (msg = curl_multi_info_read(w->multi, &left))) {
        struct web_call *c = NULL;
        struct err *e;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        if (c->is_over)
            continue;
        e = web_err(c->easy, msg->data.result, c->why, &c->reply);
        if (e && c->trust && trust_failure(c->trust->trust)) {
            err_drop(e);
            e = err_copy(trust_failure(c->trust->trust));
        }
        c->is_over = true;
        c->handler->end(c->ctx, &c->reply, e);
    }
}

/* ---- sockets and the timer ---- */

static void act(struct web *w, curl_socket_t fd, int what)
{
    int running;

    enter(w);
    curl_multi_socket_action(w->multi, fd, what, &running);
    leave(w);
}

static void on_ready(void *arg, int events)
{
    struct web_socket *s = arg;
    int what = 0;

    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    act(s->web, s->fd, what);
}

static int on_socket_change(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct web *w = arg;
    struct web_socket *s = known;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (!s)
            return 0;
        watch_close(s->watch);
        free(s);
        curl_multi_assign(w->multi, fd, NULL);
        return 0;
    }
    if (s) {
        watch_set(s->watch, events);
        return 0;
    }
    s = mem_new(struct web_socket);
    s->web = w;
    s->fd = fd;
    s->watch = watch_open(w->loop, fd, events, on_ready, s);
    curl_multi_assign(w->multi, fd, s);
    return 0;
}

static void on_timer(struct timer *t)
{
    act(container_of(t, struct web, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer_change(CURLM *multi, long ms, void *arg)
{
    struct web *w = arg;

    (void)multi;
    if (ms < 0)
        timer_clear(w->loop, &w->timer);
    else
        timer_set(w->loop, &w->timer, ms, on_timer);
    return 0;
}

/* ---- headers and body ---- */

static char *header_value(struct web_call *c, const char *line, size_t n, const char *name)
{
    size_t len = strlen(name);
    char *value;

    if (n <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    value = arena_strndup(c->arena, line + len + 1, n - len - 1);
    value[strcspn(value, "\r\n")] = '\0';
    return text_trim(value);
}

/* Retry-After: seconds, or a date. -1: neither. */
static int64_t seconds_until(const char *value)
{
    int64_t s;
    time_t date;

    if (text_to_i64(value, &s))
        return s;
    date = curl_getdate(value, NULL);
    s = (int64_t)date - clock_wall_ns() / 1000000000;
    return date < 0 ? -1 : s > 0 ? s : 0;
}

/* Each response of a chain of redirects begins with its status line. */
static void begin_reply(struct web_call *c)
{
    c->reply = (struct web_reply){.retry_after_s = -1};
}

/* Headers that are kept as they are. */
static bool keep_header(struct web_call *c, const char *line, size_t n)
{
    static const struct {
        const char *name;
        size_t at;
    } kept[] = {
        {"Content-Type", offsetof(struct web_reply, content_type)},
        {"Content-Range", offsetof(struct web_reply, content_range)},
        {"Content-Length", offsetof(struct web_reply, content_length)},
        {"Link", offsetof(struct web_reply, link)},
        {"Location", offsetof(struct web_reply, location)},
        {"Range", offsetof(struct web_reply, range)},
        {"Docker-Content-Digest", offsetof(struct web_reply, content_digest)},
        {"Content-Disposition", offsetof(struct web_reply, content_disposition)},
        {"Last-Modified", offsetof(struct web_reply, last_modified)},
        {"OCI-Chunk-Min-Length", offsetof(struct web_reply, min_chunk)},
    };

    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        char *value = header_value(c, line, n, kept[i].name);

        if (!value)
            continue;
        *(char **)((char *)&c->reply + kept[i].at) = value;
        return true;
    }
    return false;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct web_call *c = arg;
    size_t n = size * count;
    char *value;

    c->header_bytes += n;
    if (c->header_bytes > HEADERS_MAX || c->is_over)
        return 0;
    if (n > 5 && !strncmp(line, "HTTP/", 5))
        begin_reply(c);
    else if (keep_header(c, line, n))
        return n;
    else if ((value = header_value(c, line, n, "Retry-After")))
        c->reply.retry_after_s = seconds_until(value);
    else if ((value = header_value(c, line, n, "WWW-Authenticate")) &&
             c->reply.challenges.n < CHALLENGES_MAX)
        strs_add(c->arena, &c->reply.challenges, value);
    return n;
}

static size_t on_body(char *p, size_t size, size_t count, void *arg)
{
    struct web_call *c = arg;
    long status = 0;

    if (c->is_over)
        return CURL_WRITEFUNC_ERROR;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    c->reply.status = (int)status;
    switch (c->handler->body(c->ctx, &c->reply, p, size * count)) {
    case WEB_TAKEN:
        return size * count;
    case WEB_PAUSE:
        return CURL_WRITEFUNC_PAUSE;
    case WEB_STOP:
        break;
    }
    return CURL_WRITEFUNC_ERROR;
}

static size_t on_send(char *p, size_t size, size_t count, void *arg)
{
    struct web_call *c = arg;
    size_t n = 0;

    if (c->is_over)
        return CURL_READFUNC_ABORT;
    if (c->content) {
        n = c->content_left < size * count ? c->content_left : size * count;
        memcpy(p, c->content, n);
        c->content += n;
        c->content_left -= n;
        return n;
    }
    switch (c->handler->send(c->ctx, p, size * count, &n)) {
    case WEB_TAKEN:
        return n;
    case WEB_PAUSE:
        return CURL_READFUNC_PAUSE;
    case WEB_STOP:
        break;
    }
    return CURL_READFUNC_ABORT;
}

/* ---- calls ---- */

struct web *web_create(struct loop *l, struct pools *pools)
{
    struct web *w = mem_new(struct web);

    ASSERT_LOOP();
    ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); /* counts; nothing after the first */
    w->loop = l;
    w->pools = pools;
    list_init(&w->calls);
    list_init(&w->trusts);
    w->multi = curl_multi_init();
    ASSERT(w->multi);
    curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket_change);
    curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
    curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timer_change);
    curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
    curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    return w;
}

void web_destroy(struct web *w)
{
    if (!w)
        return;
    list_each (c, &w->calls, struct web_call, link)
        c->is_over = true;
    w->is_dead = true;
    if (!is_in_use(w))
        free_web(w);
}

/* Go programs obey the upper case name too, libcurl only the lower case one. */
static void set_proxy(CURL *easy, const struct web_request *r)
{
    const char *upper = getenv("HTTP_PROXY");

    if (r->is_loopback)
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    else if (text_starts(r->url, "http:") && !getenv("http_proxy") && upper)
        curl_easy_setopt(easy, CURLOPT_PROXY, upper);
}

/* BERTH_SLOW_S is for tests. */
static long slow_timeout_s(bool is_slow)
{
    const char *env = getenv("BERTH_SLOW_S");
    long usual = is_slow ? SLOW_ANSWER_S : SLOW_TIMEOUT_S;
    uint32_t s;

    return env && text_to_u32(env, &s) && s > 0 && s < usual ? (long)s : usual;
}

static bool is_secure(const struct web_request *r)
{
    return text_starts(r->url, "https:") && !r->accepts_any_cert;
}

static void set_limits(CURL *easy, const struct web_request *r)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, slow_timeout_s(r->is_slow));
    if (r->is_document)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)DOCUMENT_TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, r->follows_nothing ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, is_secure(r) ? "https" : "http,https");
    if (r->accepts_any_cert) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

/* The body by a callback that cannot go back: libcurl would send it again by itself when a
 * connection that was there before is closed, and a registry would have it twice. Without "Expect:
 * 100-continue", for which old servers do not wait, and we would. */
static void set_method(struct web_call *c, const struct web_request *r)
{
    if (!strcmp(r->method, "HEAD")) {
        curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
        return;
    }
    curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, r->method);
    if (!strcmp(r->method, "GET") || !strcmp(r->method, "DELETE"))
        return;
    c->headers = curl_slist_append(c->headers, "Expect:");
    if (r->content || !c->handler->send) {
        c->content = r->content ? r->content : "";
        c->content_left = r->content ? (size_t)r->content_bytes : 0;
    }
    curl_easy_setopt(c->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c->easy, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(c->easy, CURLOPT_READDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->content_bytes);
    curl_easy_setopt(c->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_BYTES);
}

static void set_content(struct web_call *c, const struct web_request *r)
{
    autofree char *range = NULL;

    for (size_t i = 0; r->headers && i < r->headers->n; i++)
        c->headers = curl_slist_append(c->headers, r->headers->v[i]);
    if (r->method)
        set_method(c, r);
    curl_easy_setopt(c->easy, CURLOPT_URL, r->url);
    curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    if (r->form) { /* it may have an identity token in it: it goes nowhere else */
        curl_easy_setopt(c->easy, CURLOPT_COPYPOSTFIELDS, r->form);
        curl_easy_setopt(c->easy, CURLOPT_FOLLOWLOCATION, 0L);
    }
    if (r->from > 0) {
        range = mem_printf("%lld-", (long long)r->from);
        curl_easy_setopt(c->easy, CURLOPT_RANGE, range);
    }
}

/* Sets libcurl's timer; nothing happens before it fires. */
static void begin(struct web_call *c)
{
    if (c->trust)
        trust_give(c->trust->trust, c->easy);
    curl_multi_add_handle(c->web->multi, c->easy);
}

static void read_trust(struct job *job)
{
    struct web_trust *t = container_of(job, struct web_trust, reading);

    t->trust = trust_read(&t->folders);
}

static void on_trust_read(struct job *job)
{
    struct web_trust *t = container_of(job, struct web_trust, reading);
    struct web *w = t->web;

    enter(w);
    w->n_reading--;
    list_each (c, &w->calls, struct web_call, link)
        if (c->trust == t && !c->is_over)
            begin(c);
    leave(w);
}

static struct web_trust *find_trust(struct web *w, const char *key)
{
    list_each (t, &w->trusts, struct web_trust, link)
        if (!strcmp(t->key, key))
            return t;
    return NULL;
}

static struct web_trust *trust_of(struct web *w, const struct strs *folders)
{
    static const struct strs none = {0};
    struct arena *a = arena_create();
    const char *key = strs_join(a, folders ? folders : &none, "\n");
    struct web_trust *t = find_trust(w, key);

    if (t) {
        arena_destroy(a);
        return t;
    }
    t = mem_new(struct web_trust);
    t->web = w;
    t->arena = a;
    t->key = key;
    t->folders = strs_copy(a, folders ? folders : &none);
    list_append(&w->trusts, &t->link);
    w->n_reading++;
    t->reading = (struct job){.run = read_trust, .done = on_trust_read};
    pool_submit(w->pools, POOL_DISK, &t->reading);
    return t;
}

static void begin_when_trusted(struct web_call *c, const struct strs *folders)
{
    c->trust = trust_of(c->web, folders);
    if (c->trust->trust)
        begin(c);
}

struct web_call *web_start(struct web *w, const struct web_request *r,
                           const struct web_handler *handler, void *ctx)
{
    struct web_call *c = mem_new(struct web_call);

    ASSERT_LOOP();
    c->web = w;
    c->arena = arena_create();
    c->handler = handler;
    c->ctx = ctx;
    c->easy = curl_easy_init();
    ASSERT(c->easy);
    begin_reply(c);
    list_append(&w->calls, &c->link);
    set_limits(c->easy, r);
    set_proxy(c->easy, r);
    set_content(c, r);
    curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->why);
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    if (is_secure(r) && trust_is_taken())
        begin_when_trusted(c, r->certs);
    else
        begin(c);
    return c;
}

void web_resume(struct web_call *c)
{
    struct web *w = c->web;

    if (c->is_over)
        return;
    enter(w);
    curl_easy_pause(c->easy, CURLPAUSE_CONT);
    leave(w);
}

int64_t web_sent(const struct web_call *c)
{
    curl_off_t n = 0;

    curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &n);
    return (int64_t)n;
}

void web_cancel(struct web_call *c)
{
    if (!c)
        return;
    c->is_over = true;
    if (c->web->depth == 0)
        free_call(c);
}
