/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storm: N clients at once, each with a connection of its own, each living the lives of
 * containers through the API: create, start, wait, logs, remove. One thread, epoll. Every
 * answer is checked; what is lost, refused or wrong is counted and shown, and ends in exit 1.
 *
 *   bench_storm SOCKET CLIENTS LIVES [what=life|run|remove] [net=bridge] [image=busybox]
 *
 * LIVES is the number in all. what=run starts containers of `sleep` and leaves them running
 * (ids go to standard output); what=remove reads ids from standard input and removes them by
 * force. A client waits in connect when the backlog is full, as a blocking one does.
 */
#include "api_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 4096
#define RETRY_NS 2000000
#define STALL_S 60 /* without any answer: given up */

enum phase { P_CREATE, P_START, P_WAIT, P_LOGS, P_REMOVE, P_ALL, PHASES };
static const char *const phase_names[] = {"create", "start", "wait", "logs", "remove", "all"};

struct guest { /* one client */
    int fd, number;
    bool is_connected, is_done;
    enum phase phase;
    int64_t life_began, phase_began;
    char id[65];
    char in[BUFFER];
    size_t in_len;
    char out[1024];
    size_t out_len, out_sent;
    struct guest *next_waiting;
};

static struct {
    const char *path, *net, *image;
    enum { LIFE, RUN, REMOVE } what;
    int epoll, n_clients, lives, begun, ended, failed, reconnects, shown;
    double *took[PHASES];
    int n_took[PHASES];
    struct guest *waiting; /* for room in the backlog */
    int64_t last_answer;
} storm;

static void fail(struct guest *g, const char *what, const char *detail)
{
    storm.failed++;
    if (storm.shown++ < 10)
        fprintf(stderr, "bench_storm: client %d: %s %.12s: %s %.300s\n", g->number,
                phase_names[g->phase], g->id, what, detail);
}

static void note(enum phase p, int64_t since)
{
    storm.took[p][storm.n_took[p]++] = (double)(now_ns() - since) / 1e6;
}

/* ---- requests ---- */

static void compose(struct guest *g)
{
    static const char *const methods[] = {"POST", "POST", "POST", "GET", "DELETE"};
    char target[128], json[512] = "";

    if (g->phase == P_CREATE) {
        snprintf(target, sizeof(target), "/containers/create");
        snprintf(
            json, sizeof(json),
            "{\"Image\":\"%s\",\"Cmd\":[%s],\"HostConfig\":{\"NetworkMode\":\"%s\"}}", storm.image,
            storm.what == RUN ? "\"/bin/sleep\",\"100000\"" : "\"/bin/echo\",\"hello\"", storm.net);
    } else {
        static const char *const tails[] = {"", "/start", "/wait", "/logs?stdout=1&stderr=1", ""};

        snprintf(target, sizeof(target), "/containers/%s%s", g->id,
                 g->phase == P_REMOVE && storm.what == REMOVE ? "?force=1" : tails[g->phase]);
    }
    g->out_len = (size_t)snprintf(
        g->out, sizeof(g->out),
        "%s /v1.41%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", methods[g->phase],
        target, *json ? "Content-Type: application/json\r\n" : "", strlen(json), json);
    g->out_sent = 0;
    g->in_len = 0;
    g->phase_began = now_ns();
}

/* ---- connections ---- */

static void watch(struct guest *g, int op, unsigned events)
{
    struct epoll_event e = {.events = events, .data.ptr = g};

    if (epoll_ctl(storm.epoll, op, g->fd, &e) != 0) {
        perror("bench_storm: epoll_ctl");
        exit(1);
    }
}

static void disconnect(struct guest *g)
{
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
    g->is_connected = false;
}

static bool try_connect(struct guest *g)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", storm.path);
    if (g->fd < 0)
        g->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (g->fd >= 0 && connect(g->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
        watch(g, EPOLL_CTL_ADD, EPOLLIN);
        g->is_connected = true;
        return true;
    }
    if (g->fd < 0 || errno != EAGAIN) {
        perror("bench_storm: connect");
        exit(1);
    }
    g->next_waiting = storm.waiting;
    storm.waiting = g;
    return false;
}

static void pump_out(struct guest *g)
{
    while (g->out_sent < g->out_len) {
        ssize_t n = send(g->fd, g->out + g->out_sent, g->out_len - g->out_sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            watch(g, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0) { /* the idle connection was closed: nothing of this request was read */
            storm.reconnects++;
            disconnect(g);
            g->out_sent = 0;
            if (!try_connect(g))
                return;
            continue;
        }
        g->out_sent += (size_t)n;
    }
}

static void ask(struct guest *g)
{
    compose(g);
    if (g->is_connected || try_connect(g))
        pump_out(g);
}

/* ---- lives ---- */

static void begin_life(struct guest *g)
{
    if (storm.begun == storm.lives) {
        g->is_done = true;
        disconnect(g);
        return;
    }
    storm.begun++;
    g->phase = P_CREATE;
    g->id[0] = '\0';
    if (storm.what == REMOVE) {
        g->phase = P_REMOVE;
        if (scanf("%64s", g->id) != 1) {
            fprintf(stderr, "bench_storm: too few ids\n");
            exit(2);
        }
    }
    g->life_began = now_ns();
    ask(g);
}

static void end_life(struct guest *g, bool is_good)
{
    if (is_good)
        note(P_ALL, g->life_began);
    storm.ended++;
    begin_life(g);
}

/* ---- answers ---- */

/* The body of a whole answer, NULL while it is not whole. Chunks are shown as they came. */
static const char *whole_body(struct guest *g, int *out_status)
{
    char *end = strstr(g->in, "\r\n\r\n"), *length;
    size_t head;

    if (!end)
        return NULL;
    head = (size_t)(end + 4 - g->in);
    *out_status = (int)strtol(g->in + 9, NULL, 10);
    length = strcasestr(g->in, "\r\ncontent-length:");
    if (length && length < end)
        return g->in_len >= head + strtoul(length + 17, NULL, 10) ? end + 4 : NULL;
    if (*out_status == 204 || *out_status == 304)
        return end + 4;
    return g->in_len >= head + 5 && memcmp(g->in + g->in_len - 5, "0\r\n\r\n", 5) == 0 ? end + 4
                                                                                       : NULL;
}

static bool is_right(struct guest *g, int status, const char *body)
{
    static const int wanted[] = {201, 204, 200, 200, 204};
    const char *id;
    size_t room = g->in_len - (size_t)(body - g->in);

    if (status != wanted[g->phase])
        return false;
    if (g->phase == P_WAIT)
        return strstr(body, "\"StatusCode\":0") != NULL;
    if (g->phase == P_LOGS)
        return memmem(body, room, "hello\n", 6) != NULL;
    if (g->phase != P_CREATE)
        return true;
    id = strstr(body, "\"Id\":\"");
    if (id)
        memcpy(g->id, id + 6, 64);
    return id != NULL;
}

static void on_answer(struct guest *g, int status, const char *body)
{
    char shown[16];

    storm.last_answer = now_ns();
    if (!is_right(g, status, body)) {
        snprintf(shown, sizeof(shown), "%d", status);
        fail(g, shown, body);
        end_life(g, false);
        return;
    }
    note(g->phase, g->phase_began);
    if (storm.what == RUN && g->phase == P_START) {
        printf("%s\n", g->id);
        end_life(g, true);
    } else if (g->phase == P_REMOVE) {
        end_life(g, true);
    } else {
        g->phase++;
        ask(g);
    }
}

static void pump_in(struct guest *g)
{
    ssize_t n = read(g->fd, g->in + g->in_len, sizeof(g->in) - 1 - g->in_len);
    const char *body;
    int status;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        disconnect(g);
        if (g->in_len == 0 && g->out_sent < g->out_len) {
            storm.reconnects++;
            g->out_sent = 0;
            if (try_connect(g))
                pump_out(g);
            return;
        }
        fail(g, "the connection was closed", n < 0 ? strerror(errno) : "");
        end_life(g, false);
        return;
    }
    g->in_len += (size_t)n;
    g->in[g->in_len] = '\0';
    body = whole_body(g, &status);
    if (body)
        on_answer(g, status, body);
}

/* ---- the loop ---- */

static void retry_connects(void)
{
    struct guest *all = storm.waiting;

    storm.waiting = NULL;
    while (all) {
        struct guest *g = all;

        all = all->next_waiting;
        if (!storm.waiting) { /* the first refusal speaks for the rest */
            if (try_connect(g))
                pump_out(g);
            continue;
        }
        g->next_waiting = storm.waiting;
        storm.waiting = g;
    }
}

static _Noreturn void give_up(const struct guest *guests)
{
    int shown = 0;

    fprintf(stderr, "bench_storm: no answer for %d s, %d lives have ended\n", STALL_S, storm.ended);
    for (int i = 0; i < storm.n_clients && shown < 10; i++) {
        const struct guest *g = &guests[i];

        if (!g->is_done && ++shown)
            fprintf(stderr, "client %d: %s %.12s, %s, %zu of %zu bytes sent, received: %.300s\n", i,
                    phase_names[g->phase], g->id, g->is_connected ? "connected" : "not connected",
                    g->out_sent, g->out_len, g->in_len ? g->in : "nothing");
    }
    exit(1);
}

static void run(const struct guest *guests)
{
    static struct epoll_event events[256];
    int64_t retried = 0;

    storm.last_answer = now_ns();
    while (storm.ended < storm.lives) {
        int n = epoll_wait(storm.epoll, events, 256, storm.waiting ? 2 : 1000);

        for (int i = 0; i < n; i++) {
            struct guest *g = events[i].data.ptr;

            if (g->fd >= 0 && events[i].events & EPOLLOUT) {
                watch(g, EPOLL_CTL_MOD, EPOLLIN);
                pump_out(g);
            }
            if (g->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                pump_in(g);
        }
        if (storm.waiting && now_ns() - retried > RETRY_NS) {
            retry_connects();
            retried = now_ns();
        }
        if (now_ns() - storm.last_answer > STALL_S * 1000000000LL) {
            give_up(guests);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void report(double seconds)
{
    fprintf(stderr, "clients %d\nlives %d\nfailed %d\nreconnects %d\nseconds %.3f\nper_s %.1f\n",
            storm.n_clients, storm.lives, storm.failed, storm.reconnects, seconds,
            storm.lives / seconds);
    for (int p = 0; p < PHASES; p++) {
        int n = storm.n_took[p];

        if (!n)
            continue;
        qsort(storm.took[p], (size_t)n, sizeof(double), by_value);
        fprintf(stderr, "%s_p50 %.3f\n%s_max %.3f\n", phase_names[p], storm.took[p][n / 2],
                phase_names[p], storm.took[p][n - 1]);
    }
}

static void read_option(const char *o)
{
    if (strncmp(o, "net=", 4) == 0)
        storm.net = o + 4;
    else if (strncmp(o, "image=", 6) == 0)
        storm.image = o + 6;
    else if (strcmp(o, "what=run") == 0)
        storm.what = RUN;
    else if (strcmp(o, "what=remove") == 0)
        storm.what = REMOVE;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct guest *guests;
    int64_t began;

    if (argc < 4 || (storm.n_clients = (int)strtol(argv[2], NULL, 10)) < 1 ||
        (storm.lives = (int)strtol(argv[3], NULL, 10)) < 1) {
        fprintf(stderr, "usage: bench_storm SOCKET CLIENTS LIVES [what=…] [net=…] [image=…]\n");
        return 2;
    }
    storm.path = argv[1];
    storm.net = "bridge";
    storm.image = "busybox";
    for (int i = 4; i < argc; i++)
        read_option(argv[i]);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    storm.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int p = 0; p < PHASES; p++)
        storm.took[p] = calloc((size_t)storm.lives, sizeof(double));
    guests = calloc((size_t)storm.n_clients, sizeof(*guests));
    began = now_ns();
    for (int i = 0; i < storm.n_clients; i++) {
        guests[i].fd = -1;
        guests[i].number = i;
        begin_life(&guests[i]);
    }
    run(guests);
    report((double)(now_ns() - began) / 1e9);
    free(guests);
    return storm.failed != 0;
}
