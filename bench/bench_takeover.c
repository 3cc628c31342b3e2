/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that comes back: how long until it answers, and until every stream of the containers
 * that it found is proven to be in its hands: a byte written to each one's stdin has come back from
 * its `cat`. Times count from the start of this program, which is the engine's.
 *
 *   bench_takeover SOCKET make N      containers of `cat` with an open stdin; ids to stdout
 *   bench_takeover SOCKET wait        ids from stdin
 */
#include "stream_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void make(struct client *c, int n)
{
    for (int i = 0; i < n; i++) {
        char id[65];

        container_make(c,
                       "\"Cmd\":[\"/bin/cat\"],\"OpenStdin\":true,"
                       "\"HostConfig\":{\"NetworkMode\":\"none\"}",
                       id);
        container_do(c, id, "start");
        printf("%s\n", id);
    }
}

static void await_engine(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const struct timespec pause = {.tv_nsec = 500000};

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int failed = connect(fd, (struct sockaddr *)&addr, sizeof(addr));

        close(fd);
        if (!failed)
            return;
        nanosleep(&pause, NULL);
    }
}

static void note_byte(void *ctx, const char *p, size_t n)
{
    (void)p;
    *(size_t *)ctx += n;
}

static void echo_one(const char *path, const char *id)
{
    char target[160], data[64];
    struct stream s;
    size_t got = 0;

    snprintf(target, sizeof(target), "/containers/%s/attach?stream=1&stdin=1&stdout=1", id);
    stream_open(&s, path, "POST", target, NULL, true);
    if (write(s.fd, "x", 1) != 1)
        exit(1);
    while (!got) {
        ssize_t n = read(s.fd, data, sizeof(data));

        if (n <= 0) {
            fprintf(stderr, "bench_takeover: %.12s does not answer\n", id);
            exit(1);
        }
        stream_decode(&s, data, (size_t)n, note_byte, &got);
    }
    close(s.fd);
}

int main(int argc, char **argv)
{
    static struct client c = {.fd = -1};
    static struct answer a;
    int64_t begin = now_ns();
    char line[80];

    if (argc < 3)
        return 2;
    c.path = argv[1];
    if (!strcmp(argv[2], "make")) {
        make(&c, (int)strtol(argv[3], NULL, 10));
        return 0;
    }
    await_engine(c.path);
    call_expect(&c, "GET", "/_ping", NULL, 200, &a);
    printf("ping %.3f\n", (double)(now_ns() - begin) / 1e9);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        echo_one(c.path, line);
    }
    printf("streams %.3f\n", (double)(now_ns() - begin) / 1e9);
    return 0;
}
