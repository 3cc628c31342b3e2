/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load for published ports and resolvers; one number a line, "name value".
 *
 *   net_load serve PORT               thread a connection; its first byte: 'U' takes and counts
 *                                     bytes, 'D' sends until nobody reads, 'B' both, 'E' echoes
 *   net_load up|down|both IP PORT S   MB/s in S seconds
 *   net_load connect IP PORT N        connections one after another, each with one byte to and fro
 *   net_load trip IP PORT N           one byte to and fro on one connection
 *   net_load dns S NAMES PID…         one question at a time in the namespace of each process
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (1 << 17)
#define SAMPLES 2000000
#define DNS_MAX 1000

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "net_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the server ---- */

static void *take_all(void *arg)
{
    static _Thread_local char block[BLOCK];
    int fd = *(int *)arg;

    while (read(fd, block, sizeof(block)) > 0)
        ;
    return NULL;
}

static void *send_all(void *arg)
{
    static char block[BLOCK];
    int fd = *(int *)arg;

    while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

static void echo(int fd)
{
    char block[4096];
    ssize_t n;

    while ((n = read(fd, block, sizeof(block))) > 0)
        if (write(fd, block, (size_t)n) != n)
            break;
}

static void *serve_one(void *arg)
{
    int fd = *(int *)arg;
    pthread_t other;
    char how;

    free(arg);
    if (read(fd, &how, 1) == 1 && how == 'E') {
        if (write(fd, "e", 1) == 1)
            echo(fd);
    } else if (how == 'U') {
        take_all(&fd);
    } else if (how == 'D') {
        send_all(&fd);
    } else if (how == 'B' && !pthread_create(&other, NULL, take_all, &fd)) {
        send_all(&fd);
        pthread_join(other, NULL);
    }
    close(fd);
    return NULL;
}

static int serve(const char *port)
{
    struct sockaddr_in self = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    pthread_attr_t detached;

    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(s, (void *)&self, sizeof(self)) || listen(s, 4096))
        die("listen");
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&detached, 1 << 19);
    for (;;) {
        int *fd = malloc(sizeof(*fd));
        pthread_t t;

        if (!fd)
            die("malloc");
        *fd = accept(s, NULL, NULL);
        if (*fd < 0)
            die("accept");
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (pthread_create(&t, &detached, serve_one, fd))
            die("thread");
    }
}

/* ---- clients ---- */

static int dial(const char *ip, const char *port, char how)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    inet_pton(AF_INET, ip, &to.sin_addr);
    if (connect(fd, (void *)&to, sizeof(to)))
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (write(fd, &how, 1) != 1)
        die("write");
    return fd;
}

static int flow(const char *way, const char *ip, const char *port, const char *seconds)
{
    static char block[BLOCK];
    char how = way[0] == 'u' ? 'U' : way[0] == 'd' ? 'D' : 'B';
    int fd = dial(ip, port, how);
    int64_t begun = now_us(), end = begun + strtol(seconds, NULL, 10) * 1000000;
    double bytes = 0;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (now_us() < end) {
        struct pollfd p = {
            .fd = fd, .events = (short)((how != 'U' ? POLLIN : 0) | (how != 'D' ? POLLOUT : 0))};
        ssize_t n;

        if (poll(&p, 1, 1000) <= 0)
            die("nothing moves");
        if (p.revents & POLLIN && (n = read(fd, block, sizeof(block))) > 0)
            bytes += (double)n;
        if (p.revents & POLLOUT && (n = write(fd, block, sizeof(block))) > 0)
            bytes += (double)n;
    }
    printf("%s_mb_s %.0f\n", way, bytes / (double)(now_us() - begun));
    return 0;
}

static int compare(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return x < y ? -1 : x > y;
}

static void show(const char *what, int *us, size_t n, int64_t total_us)
{
    qsort(us, n, sizeof(*us), compare);
    printf("%s_p50_us %d\n%s_p99_us %d\n%s_per_s %.0f\n", what, us[n / 2], what, us[n * 99 / 100],
           what, (double)n * 1e6 / (double)total_us);
}

static int connections(const char *ip, const char *port, size_t n)
{
    int *us = calloc(n, sizeof(*us));
    int64_t begun = now_us();
    char c;

    for (size_t i = 0; i < n; i++) {
        int64_t at = now_us();
        int fd = dial(ip, port, 'E');

        if (read(fd, &c, 1) != 1)
            die("read");
        close(fd);
        us[i] = (int)(now_us() - at);
    }
    show("connect", us, n, now_us() - begun);
    return 0;
}

static int trips(const char *ip, const char *port, size_t n)
{
    int *us = calloc(n, sizeof(*us)), fd = dial(ip, port, 'E');
    int64_t begun;
    char c;

    if (read(fd, &c, 1) != 1)
        die("read");
    begun = now_us();
    for (size_t i = 0; i < n; i++) {
        int64_t at = now_us();

        if (write(fd, "x", 1) != 1 || read(fd, &c, 1) != 1)
            die("trip");
        us[i] = (int)(now_us() - at);
    }
    show("trip", us, n, now_us() - begun);
    return 0;
}

/* ---- names ---- */

struct asker {
    int fd;
    int64_t asked_us;
    unsigned n;
};

static size_t write_question(unsigned char *out, const char *name, unsigned id)
{
    unsigned char head[12] = {(unsigned char)(id >> 8), (unsigned char)id, 1, 0, 0, 1};
    unsigned char *at = out + 12;

    memcpy(out, head, 12);
    while (*name) {
        size_t n = strcspn(name, ".");

        *at++ = (unsigned char)n;
        memcpy(at, name, n);
        at += n;
        name += n + (name[n] == '.');
    }
    memcpy(at, "\0\0\1\0\1", 5);
    return (size_t)(at + 5 - out);
}

static void ask(struct asker *a, char **names, size_t n_names)
{
    unsigned char q[300];
    size_t n = write_question(q, names[a->n % n_names], a->n & 0xffff);

    a->n++;
    a->asked_us = now_us();
    if (send(a->fd, q, n, 0) < 0)
        die("ask");
}

static int enter_and_open(const char *pid)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    char path[64];
    int ns, fd;

    snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
    ns = open(path, O_RDONLY);
    if (ns < 0 || setns(ns, CLONE_NEWNET))
        die(path);
    close(ns);
    inet_pton(AF_INET, "127.0.0.11", &to.sin_addr);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (void *)&to, sizeof(to)))
        die("resolver");
    return fd;
}

static int dns(const char *seconds, char *list, char **pids, int n)
{
    struct asker askers[DNS_MAX];
    int *us = calloc(SAMPLES, sizeof(*us)), epoll = epoll_create1(0);
    char *names[DNS_MAX];
    size_t n_names = 0, n_us = 0, bad = 0;
    int64_t begun, end;

    for (char *p; (p = strsep(&list, ",")) && n_names < DNS_MAX;)
        names[n_names++] = p;
    if (n > DNS_MAX)
        n = DNS_MAX;
    for (int i = 0; i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &askers[i]};

        askers[i] = (struct asker){.fd = enter_and_open(pids[i]), .n = (unsigned)i};
        epoll_ctl(epoll, EPOLL_CTL_ADD, askers[i].fd, &e);
    }
    begun = now_us();
    end = begun + strtol(seconds, NULL, 10) * 1000000;
    for (int i = 0; i < n; i++)
        ask(&askers[i], names, n_names);
    while (now_us() < end && n_us < SAMPLES) {
        struct epoll_event ready[64];
        int got = epoll_wait(epoll, ready, 64, 5000);

        if (got <= 0)
            die("an answer is lost");
        for (int i = 0; i < got; i++) {
            struct asker *a = ready[i].data.ptr;
            unsigned char answer[600];

            if (recv(a->fd, answer, sizeof(answer), 0) < 12)
                continue;
            us[n_us++] = (int)(now_us() - a->asked_us);
            bad += (answer[3] & 15) || !answer[7];
            ask(a, names, n_names);
        }
    }
    show("dns", us, n_us, now_us() - begun);
    printf("dns_bad %zu\n", bad);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "serve"))
        return serve(argv[2]);
    if (argc > 4 && !strcmp(argv[1], "dns"))
        return dns(argv[2], argv[3], argv + 4, argc - 4);
    if (argc != 5)
        return 2;
    if (!strcmp(argv[1], "connect"))
        return connections(argv[2], argv[3], strtoul(argv[4], NULL, 10));
    if (!strcmp(argv[1], "trip"))
        return trips(argv[2], argv[3], strtoul(argv[4], NULL, 10));
    return flow(argv[1], argv[2], argv[3], argv[4]);
}
