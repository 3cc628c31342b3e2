/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of exact.sh: gives and takes streams of any size through the API and hashes them.
 *
 *   exact_client sum               "BYTES SHA256" of stdin
 *   exact_client stream [OPTIONS] SOCK METHOD PATH
 * -b JSON: body; -u: upgrade (attach, exec); -f: the answer is framed;
 * -i N: give N bytes as exact_writer does, then half-close; -w: not before one byte has come; -s:
 * reads slowly at first; -g BYTES: goes away after that much; prints "BYTES SHA256 BYTES SHA256" of
 * what came on stdout and stderr, and with -i once more of what was given.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "exact_bytes.h"

#define BLOCK (256 << 10)

static void die(const char *what)
{
    fprintf(stderr, "exact_client: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- bytes and their sum ---- */

struct sum {
    EVP_MD_CTX *md;
    uint64_t n;
};

static void sum_init(struct sum *s)
{
    s->md = EVP_MD_CTX_new();
    s->n = 0;
    if (!s->md || !EVP_DigestInit_ex(s->md, EVP_sha256(), NULL))
        die("sha256");
}

static void sum_add(struct sum *s, const void *p, size_t n)
{
    EVP_DigestUpdate(s->md, p, n);
    s->n += n;
}

static void sum_print(struct sum *s, const char *end)
{
    unsigned char out[32];

    EVP_DigestFinal_ex(s->md, out, NULL);
    printf("%llu ", (unsigned long long)s->n);
    for (size_t i = 0; i < sizeof(out); i++)
        printf("%02x", out[i]);
    fputs(end, stdout);
    EVP_MD_CTX_free(s->md);
}

static void write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            exit(3);
        p += w;
        n -= (size_t)w;
    }
}

static int run_sum(void)
{
    static char block[BLOCK];
    struct sum s;
    ssize_t n;

    sum_init(&s);
    while ((n = read(0, block, sizeof(block))) > 0)
        sum_add(&s, block, (size_t)n);
    sum_print(&s, "\n");
    return 0;
}

/* ---- a stream ---- */

struct stream {
    const char *sock, *method, *path, *body;
    bool upgrades, is_framed, is_chunked, is_slow, has_input, waits;
    uint64_t input, leave_at; /* 0: never */
    int fd;
    struct sum in, out[3];
    uint64_t n, made_state;
    char made[BLOCK];
    size_t made_at, made_n;
    /* what is expected next */
    char head[8];
    size_t head_n;
    uint64_t frame_left, chunk_left;
    int frame_stream;
    enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END } chunk;
    char size[24];
    size_t size_n;
};

static void on_payload(struct stream *s, int stream, const char *p, size_t n)
{
    if (s->waits && n > 0) {
        s->waits = false;
        p++;
        n--;
    }
    sum_add(&s->out[stream], p, n);
}

static void on_framed(struct stream *s, const char *p, size_t n)
{
    while (n > 0) {
        size_t part;

        if (!s->frame_left) {
            s->head[s->head_n++] = *p++;
            n--;
            if (s->head_n < 8)
                continue;
            s->head_n = 0;
            s->frame_stream = s->head[0];
            if (s->frame_stream < 1 || s->frame_stream > 2 || s->head[1] || s->head[2])
                exit(4);
            for (int i = 4; i < 8; i++)
                s->frame_left = s->frame_left << 8 | (unsigned char)s->head[i];
            continue;
        }
        part = n < s->frame_left ? n : (size_t)s->frame_left;
        on_payload(s, s->frame_stream, p, part);
        s->frame_left -= part;
        p += part;
        n -= part;
    }
}

static void on_body(struct stream *s, const char *p, size_t n)
{
    s->n += n;
    if (s->is_framed)
        on_framed(s, p, n);
    else
        on_payload(s, 1, p, n);
}

static void on_chunked(struct stream *s, const char *p, size_t n)
{
    while (n > 0) {
        size_t part;

        if (s->chunk == CHUNK_DATA) {
            part = n < s->chunk_left ? n : (size_t)s->chunk_left;
            on_body(s, p, part);
            s->chunk_left -= part;
            s->chunk = s->chunk_left ? CHUNK_DATA : CHUNK_SIZE;
            p += part;
            n -= part;
            continue;
        }
        if (s->size_n == sizeof(s->size) - 1)
            exit(5);
        s->size[s->size_n++] = *p;
        n--;
        if (*p++ != '\n' || s->size_n <= 2) { /* the end of the chunk before: an empty line */
            if (s->size_n == 2 && s->size[0] == '\r')
                s->size_n = 0;
            continue;
        }
        s->size[s->size_n] = '\0';
        s->size_n = 0;
        s->chunk_left = strtoull(s->size, NULL, 16);
        s->chunk = s->chunk_left ? CHUNK_DATA : CHUNK_END;
        if (s->chunk == CHUNK_END)
            return;
    }
}

static void dial(struct stream *s)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char request[8192];
    int n;

    snprintf(un.sun_path, sizeof(un.sun_path), "%s", s->sock);
    s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&un, sizeof(un)))
        die("connect");
    n = snprintf(request, sizeof(request),
                 "%s %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s"
                 "Content-Length: %zu\r\n\r\n%s",
                 s->method, s->path,
                 s->upgrades ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "Connection: close\r\n",
                 strlen(s->body), s->body);
    write_all(s->fd, request, (size_t)n);
}

/* One byte at a time: what follows is the stream's. */
static void read_head(struct stream *s)
{
    char head[4096];
    size_t n = 0;

    while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4)) {
        if (n == sizeof(head) - 1 || read(s->fd, head + n, 1) != 1)
            die("head");
        n++;
    }
    head[n] = '\0';
    if (strncmp(head, "HTTP/1.1 101", 12) && strncmp(head, "HTTP/1.1 200", 12)) {
        fprintf(stderr, "exact_client: %s", head);
        exit(6);
    }
    s->is_chunked = strstr(head, "chunked");
}

static void give(struct stream *s)
{
    ssize_t w;

    if (s->made_at == s->made_n && s->input) {
        s->made_n =
            exact_make(s->made, s->input < BLOCK ? (size_t)s->input : BLOCK, &s->made_state);
        s->made_at = 0;
        s->input -= s->made_n;
        sum_add(&s->in, s->made, s->made_n);
    }
    w = send(s->fd, s->made + s->made_at, s->made_n - s->made_at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (w < 0 && errno != EAGAIN)
        die("give");
    s->made_at += w > 0 ? (size_t)w : 0;
    if (s->made_at == s->made_n && !s->input) {
        shutdown(s->fd, SHUT_WR);
        s->has_input = false;
    }
}

static bool take(struct stream *s)
{
    static char block[BLOCK];
    ssize_t n = recv(s->fd, block, s->is_slow && s->n < 300000 ? 3000 : sizeof(block), 0);

    if (n < 0)
        die("take");
    if (s->is_chunked)
        on_chunked(s, block, (size_t)n);
    else
        on_body(s, block, (size_t)n);
    if (s->is_slow && s->n < 300000)
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    return n > 0 && s->chunk != CHUNK_END && (!s->leave_at || s->n < s->leave_at);
}

static int run_stream(struct stream *s)
{
    bool goes_on = true, had_input = s->has_input;

    s->made_state = EXACT_SEED;
    sum_init(&s->in);
    sum_init(&s->out[1]);
    sum_init(&s->out[2]);
    dial(s);
    read_head(s);
    while (goes_on) {
        struct pollfd p = {s->fd, (short)(POLLIN | (s->has_input && !s->waits ? POLLOUT : 0)), 0};

        if (poll(&p, 1, 60000) <= 0)
            die("nothing for a minute");
        if (p.revents & POLLOUT)
            give(s);
        if (p.revents & (POLLIN | POLLHUP | POLLERR))
            goes_on = take(s);
    }
    close(s->fd);
    sum_print(&s->out[1], " ");
    sum_print(&s->out[2], had_input ? " " : "\n");
    if (had_input)
        sum_print(&s->in, "\n");
    return 0;
}

int main(int argc, char **argv)
{
    static struct stream s = {.body = ""};
    int option;

    if (argc == 2 && !strcmp(argv[1], "sum"))
        return run_sum();
    if (argc < 5 || strcmp(argv[1], "stream"))
        return 2;
    while ((option = getopt(argc - 1, argv + 1, "b:ufi:swg:")) != -1) {
        if (option == 'b')
            s.body = optarg;
        else if (option == 'u')
            s.upgrades = true;
        else if (option == 'f')
            s.is_framed = true;
        else if (option == 's')
            s.is_slow = true;
        else if (option == 'w')
            s.waits = true;
        else if (option == 'g')
            s.leave_at = strtoull(optarg, NULL, 10);
        else if (option == 'i')
            s.has_input = true, s.input = strtoull(optarg, NULL, 10);
        else
            return 2;
    }
    if (argc - 1 - optind != 3)
        return 2;
    s.sock = argv[optind + 1];
    s.method = argv[optind + 2];
    s.path = argv[optind + 3];
    return run_stream(&s);
}
