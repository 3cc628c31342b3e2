/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in a container of spool.sh and forward.sh: writes numbered lines at a given rate until
 * DIR/stop is there, ends with a line that has no newline, and leaves in DIR/NAME what it wrote and
 * how long its longest write(2) took.   spool_writer DIR NAME LINES_PER_S KIND [LINES] KIND: whole,
 * out, partial, partial-out, stamped: with the wall time. LINES: no more than that.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t longest;
static int is_stamped;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        int64_t begin = now_ns();
        ssize_t w = write(fd, p, n);
        int64_t took = now_ns() - begin;

        if (w <= 0)
            exit(3);
        longest = took > longest ? took : longest;
        p += w;
        n -= (size_t)w;
    }
}

/* The line that the checker makes as well. */
static size_t make_line(char *out, size_t room, char stream, unsigned i)
{
    struct timespec t;
    int n;

    if (is_stamped) {
        clock_gettime(CLOCK_REALTIME, &t);
        return (size_t)snprintf(out, room, "%c %09u %lld\n", stream, i,
                                (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    }
    n = snprintf(out, room, "%c %09u ", stream, i);

    for (unsigned k = 0; k < i * 7 % 97; k++)
        out[n++] = (char)('a' + (i + k) % 26);
    out[n++] = '\n';
    return (size_t)n;
}

int main(int argc, char **argv)
{
    char line[256], path[512];
    unsigned n[3] = {0}, rate = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1000;
    int is_partial = argc > 4 && strstr(argv[4], "partial");
    int only_out = argc > 4 && strstr(argv[4], "out");
    int64_t begin = now_ns();
    uint64_t limit = argc > 5 ? strtoull(argv[5], NULL, 10) : UINT64_MAX;
    FILE *result;

    if (argc < 5)
        return 2;
    is_stamped = !!strstr(argv[4], "stamped");
    snprintf(path, sizeof(path), "%s/stop", argv[1]);
    for (;;) {
        uint64_t due = (uint64_t)(now_ns() - begin) * rate / 1000000000u;

        due = due < limit ? due : limit;
        while (n[1] + n[2] < due) {
            int fd = !only_out && (n[1] + n[2]) % 7 == 6 ? 2 : 1;
            size_t size = make_line(line, sizeof(line), fd == 1 ? 'o' : 'e', n[fd]++),
                   cut = size / 3;

            if (is_partial) {
                put(fd, line, cut);
                put(fd, line + cut, size - cut);
            } else {
                put(fd, line, size);
            }
        }
        if (due == limit || !access(path, F_OK))
            break;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    put(1, "end", 3);
    snprintf(path, sizeof(path), "%s/%s", argv[1], argv[2]);
    result = fopen(path, "w");
    if (!result)
        return 4;
    fprintf(result, "%u %u %lld\n", n[1], n[2], (long long)(longest / 1000));
    fclose(result);
    return 7;
}
