/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of logs: a bare server in one thread. GET /follow starts the writer, reads its pipe,
 * writes Docker's json-file lines into a file and the same lines framed and chunked to the client;
 * GET /read reads that file and sends it again. No escaping beyond a copy, no rotation, one client,
 * nothing survives a crash.
 *
 *   floor_logs SOCKET FILE WRITER BYTES        serves one connection after another
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PART (64u << 10)
#define LINE_MAX_BYTES 4096
#define TAIL "\\n\",\"stream\":\"stdout\",\"time\":\""

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "floor_logs: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);

        if (w <= 0)
            die("write");
        p += w;
        n -= (size_t)w;
    }
}

struct out { /* one chunk of frames */
    char data[16 + 4 * PART];
    size_t n;
};

static void add_frame(struct out *o, const char *p, size_t n)
{
    unsigned char *h = (unsigned char *)o->data + 16 + o->n;

    memset(h, 0, 8);
    h[0] = 1;
    h[6] = (unsigned char)(n >> 8);
    h[7] = (unsigned char)n;
    memcpy(h + 8, p, n);
    o->n += 8 + n;
}

static void send_chunk(struct out *o, int client)
{
    char head[16];
    int n = snprintf(head, sizeof(head), "%zx\r\n", o->n);

    if (!o->n)
        return;
    memcpy(o->data + 16 - n, head, (size_t)n);
    memcpy(o->data + 16 + o->n, "\r\n", 2);
    put(client, o->data + 16 - n, (size_t)n + o->n + 2);
    o->n = 0;
}

static size_t stamp(char *out)
{
    struct timespec t;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    return strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm) +
           (size_t)snprintf(out + 19, 12, ".%09ldZ", t.tv_nsec);
}

static void follow(int client, const char *file, const char *writer, const char *bytes)
{
    static char in[LINE_MAX_BYTES + PART], json[8 * PART];
    static struct out o;
    int ends[2], fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t held = 0;
    ssize_t n;
    pid_t pid;

    if (fd < 0 || pipe2(ends, O_CLOEXEC))
        die(file);
    pid = fork();
    if (!pid) {
        dup2(ends[1], 1);
        execl(writer, writer, "bytes", bytes, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while ((n = read(ends[0], in + held, PART)) > 0) {
        const char *p = in, *end = in + held + n, *newline;
        char time[32], *at = json;
        size_t time_n = stamp(time);

        for (; (newline = memchr(p, '\n', (size_t)(end - p))); p = newline + 1) {
            at = mempcpy(at, "{\"log\":\"", 8);
            at = mempcpy(at, p, (size_t)(newline - p));
            at = mempcpy(at, TAIL, sizeof(TAIL) - 1);
            at = mempcpy(at, time, time_n);
            at = mempcpy(at, "\"}\n", 3);
            add_frame(&o, p, (size_t)(newline - p) + 1);
        }
        held = (size_t)(end - p);
        memmove(in, p, held);
        put(fd, json, (size_t)(at - json));
        send_chunk(&o, client);
    }
    waitpid(pid, NULL, 0);
    close(ends[0]);
    close(fd);
}

static void read_again(int client, const char *file)
{
    static char in[LINE_MAX_BYTES + 4 * PART];
    static struct out o;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    size_t held = 0;
    ssize_t n;

    while ((n = read(fd, in + held, 4 * PART)) > 0) {
        char *p = in, *end = in + held + n, *newline;

        for (; (newline = memchr(p, '\n', (size_t)(end - p))); p = newline + 1) {
            char *text = p + 8, *quote = memchr(text, '"', (size_t)(newline - text));

            quote[-2] = '\n';
            add_frame(&o, text, (size_t)(quote - 1 - text));
        }
        held = (size_t)(end - p);
        memmove(in, p, held);
        send_chunk(&o, client);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc != 5)
        return 2;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
    unlink(argv[1]);
    if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) || listen(listener, 1))
        die(argv[1]);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        char head[4097] = "";

        if (client < 0 || read(client, head, sizeof(head) - 1) <= 0)
            die("accept");
        put(client, answer, sizeof(answer) - 1);
        if (strstr(head, "/follow"))
            follow(client, argv[2], argv[3], argv[4]);
        else
            read_again(client, argv[2]);
        put(client, "0\r\n\r\n", 5);
        close(client);
    }
}
