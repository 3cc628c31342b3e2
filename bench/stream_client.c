/* SPDX-License-Identifier: Apache-2.0 */
/* See stream_client.h. */
#include "stream_client.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static _Noreturn void die(const char *what, const char *detail)
{
    fprintf(stderr, "bench: %s: %s\n", what, detail);
    exit(1);
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
        die("connect", strerror(errno));
    return fd;
}

static void read_head(struct stream *s, const char *target)
{
    char head[sizeof(s->early) + 1];
    size_t n = 0;
    char *end;
    int status;

    for (;;) {
        ssize_t r = read(s->fd, head + n, sizeof(head) - 1 - n);

        if (r <= 0)
            die("no answer", target);
        n += (size_t)r;
        head[n] = '\0';
        end = strstr(head, "\r\n\r\n");
        if (end)
            break;
    }
    status = (int)strtol(head + 9, NULL, 10);
    if (status != 101 && status != 200)
        die(target, head);
    s->early_n = n - (size_t)(end + 4 - head);
    memcpy(s->early, end + 4, s->early_n);
    *end = '\0';
    s->is_chunked = strcasestr(head, "transfer-encoding: chunked") != NULL;
}

void stream_open(struct stream *s, const char *path, const char *method, const char *target,
                 const char *json, bool is_framed)
{
    char request[8192];
    int n = snprintf(request, sizeof(request),
                     "%s /v1.41%s HTTP/1.1\r\nHost: x\r\n%s%sContent-Length: %zu\r\n\r\n%s", method,
                     target, json ? "Content-Type: application/json\r\n" : "",
                     *method == 'P' ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "",
                     json ? strlen(json) : 0, json ? json : "");

    *s = (struct stream){.fd = connect_to(path), .is_framed = is_framed};
    if (write(s->fd, request, (size_t)n) != n)
        die("write", strerror(errno));
    read_head(s, target);
}

/* ---- decoding ---- */

static size_t take_frames(struct stream *s, const char *p, size_t n, payload_fn *fn, void *ctx)
{
    size_t sum = 0;

    if (!s->is_framed) {
        if (fn)
            fn(ctx, p, n);
        return n;
    }
    while (n > 0) {
        size_t part = s->frame_left < n ? s->frame_left : n;

        if (part > 0) {
            if (fn)
                fn(ctx, p, part);
            s->frame_left -= part;
            sum += part;
        } else {
            part = 8 - s->line_n < n ? 8 - s->line_n : n;
            memcpy(s->line + s->line_n, p, part);
            s->line_n += part;
            if (s->line_n == 8) {
                const unsigned char *h = (unsigned char *)s->line;

                s->frame_left = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];
                s->line_n = 0;
                if (h[0] > 2 || h[1] || h[2] || h[3])
                    die("decode", "this is no frame");
            }
        }
        p += part;
        n -= part;
    }
    return sum;
}

enum { CHUNK_HEAD, CHUNK_DATA, CHUNK_TAIL };

/* The digits of a chunk's size and its two line ends, a byte at a time. */
static void take_chunk_byte(struct stream *s, char c)
{
    if (c == '\r')
        return;
    if (s->chunk_state == CHUNK_TAIL) {
        s->chunk_state = CHUNK_HEAD;
        return;
    }
    if (c == '\n') {
        s->chunk_state = s->chunk_left ? CHUNK_DATA : CHUNK_TAIL;
        s->has_ended |= !s->chunk_left;
        return;
    }
    if (!strchr("0123456789abcdef", c))
        die("decode", "this is no chunk");
    s->chunk_left = s->chunk_left * 16 + (size_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

size_t stream_decode(struct stream *s, const char *p, size_t n, payload_fn *fn, void *ctx)
{
    size_t sum = 0;

    if (!s->is_chunked)
        return take_frames(s, p, n, fn, ctx);
    while (n > 0) {
        size_t part = 1;

        if (s->chunk_state == CHUNK_DATA) {
            part = s->chunk_left < n ? s->chunk_left : n;
            sum += take_frames(s, p, part, fn, ctx);
            s->chunk_left -= part;
            if (!s->chunk_left)
                s->chunk_state = CHUNK_TAIL;
        } else {
            take_chunk_byte(s, *p);
        }
        p += part;
        n -= part;
    }
    return sum;
}

size_t stream_decode_early(struct stream *s, payload_fn *fn, void *ctx)
{
    size_t n = s->early_n;

    s->early_n = 0;
    return stream_decode(s, s->early, n, fn, ctx);
}

/* ---- containers ---- */

void call_expect(struct client *c, const char *method, const char *target, const char *json,
                 int status, struct answer *out)
{
    client_call(c, method, target, json, out);
    if (out->status != status)
        die(target, out->body);
}

void container_make(struct client *c, const char *more, char out_id[65])
{
    static struct answer a;
    char json[4096];
    const char *id;

    snprintf(json, sizeof(json), "{\"Image\":\"busybox\",%s}", more);
    call_expect(c, "POST", "/v1.41/containers/create", json, 201, &a);
    id = strstr(a.body, "\"Id\":\"");
    if (!id)
        die("create", a.body);
    memcpy(out_id, id + 6, 64);
    out_id[64] = '\0';
}

void container_do(struct client *c, const char *id, const char *what)
{
    static struct answer a;
    char target[160];

    snprintf(target, sizeof(target), "/v1.41/containers/%s/%s", id, what);
    client_call(c, "POST", target, NULL, &a);
    if (a.status >= 300)
        die(target, a.body);
}

void container_drop(struct client *c, const char *id)
{
    static struct answer a;
    char target[160];

    snprintf(target, sizeof(target), "/v1.41/containers/%s?force=1&v=1", id);
    call_expect(c, "DELETE", target, NULL, 204, &a);
}

/* ---- measuring ---- */

static double cpu_of_thread(const char *path)
{
    char text[128] = "";
    FILE *f = fopen(path, "re");

    if (!f)
        return 0;
    if (!fgets(text, sizeof(text), f))
        text[0] = '\0';
    fclose(f);
    return (double)strtoll(text, NULL, 10) / 1e6;
}

double cpu_of(const char *pids)
{
    double sum = 0;

    while (*pids) {
        char *end, path[600];
        long pid = strtol(pids, &end, 10);
        struct dirent *entry;
        DIR *dir;

        snprintf(path, sizeof(path), "/proc/%ld/task", pid);
        dir = opendir(path);
        while (dir && (entry = readdir(dir))) {
            if (entry->d_name[0] == '.') /* task/../schedstat is there: the first thread again */
                continue;
            snprintf(path, sizeof(path), "/proc/%ld/task/%s/schedstat", pid, entry->d_name);
            sum += cpu_of_thread(path);
        }
        if (dir)
            closedir(dir);
        pids = *end == ',' ? end + 1 : "";
    }
    return sum;
}

int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}
