/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers share that run in containers (kill_writer.c, spool_writer.c): numbered lines
 * that the checkers make as well, and how long the longest write(2) took. Included once a program.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int64_t longest_write;

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
            exit(99);
        longest_write = took > longest_write ? took : longest_write;
        p += w;
        n -= (size_t)w;
    }
}

static unsigned usual_pad(unsigned i)
{
    return i * 7 % 97;
}

/* Returns its size; out has room for 32 bytes more than the pad. */
static size_t make_line(char *out, char stream, unsigned i, size_t pad)
{
    size_t n = (size_t)snprintf(out, 32, "%c %09u ", stream, i);

    for (size_t k = 0; k < pad; k++)
        out[n++] = (char)('a' + (i + k) % 26);
    out[n++] = '\n';
    return n;
}
