/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs inside the measured containers, and what makes large logs. Static.
 *
 *   line_writer bytes COUNT             65-byte lines, COUNT bytes in all, 4 KiB a write as stdio's
 *   line_writer rate PER_S SECONDS      lines of 65 bytes with number and monotonic ns, one a write
 *   line_writer file PATH BYTES SECONDS a json-file log of such lines whose times are evenly spread
 *                                       over the last SECONDS
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE 65
#define NS 1000000000ll

static void put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);

        if (w < 0) {
            fprintf(stderr, "line_writer: %s\n", strerror(errno));
            exit(1);
        }
        p += w;
        n -= (size_t)w;
    }
}

static void write_bytes(size_t count)
{
    static char lines[64 * LINE * 64];

    for (size_t i = 0; i < sizeof(lines); i++)
        lines[i] = i % LINE == LINE - 1 ? '\n' : (char)('a' + i % 26);
    for (size_t at = 0, n; count > 0; count -= n) {
        n = count < 4096 ? count : 4096;
        put(1, lines + at, n);
        at = (at + n) % sizeof(lines);
    }
}

static int64_t now(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * NS + t.tv_nsec;
}

static void write_rate(long per_s, long seconds)
{
    int64_t due = now(CLOCK_MONOTONIC);
    char line[2 * LINE]; /* more than it can become */

    for (long i = 0; i < per_s * seconds; i++) {
        struct timespec t = {due / NS, due % NS};

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        snprintf(line, sizeof(line), "%08ld %020lld %034d\n", i, (long long)now(CLOCK_MONOTONIC),
                 0);
        put(1, line, LINE);
        due += NS / per_s;
    }
}

static void write_file(const char *path, size_t bytes, long seconds)
{
    static char out[1 << 20];
    const size_t record = 64 + 76; /* about */
    int64_t end = now(CLOCK_REALTIME), total = (int64_t)(bytes / record), wall, at = -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    char stamp[32] = "";
    size_t n = 0;

    if (fd < 0) {
        fprintf(stderr, "line_writer: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    for (int64_t i = 0; i < total; i++) {
        wall = end - seconds * NS + (int64_t)((double)seconds * NS / (double)total * (double)i);
        if (wall / NS != at) {
            time_t second = (time_t)(at = wall / NS);
            struct tm tm;

            gmtime_r(&second, &tm);
            strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
        }
        n += (size_t)snprintf(out + n, sizeof(out) - n,
                              "{\"log\":\"%08lld %055d\\n\",\"stream\":\"stdout\",\"time\":"
                              "\"%s.%09lldZ\"}\n",
                              (long long)i, 0, stamp, (long long)(wall % NS) | 1);
        if (n > sizeof(out) - 256) {
            put(fd, out, n);
            n = 0;
        }
    }
    put(fd, out, n);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "bytes"))
        write_bytes(strtoul(argv[2], NULL, 10));
    else if (argc == 4 && !strcmp(argv[1], "rate"))
        write_rate(strtol(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
    else if (argc == 5 && !strcmp(argv[1], "file"))
        write_file(argv[2], strtoul(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
    else
        return 2;
    return 0;
}
