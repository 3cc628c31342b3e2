/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in the containers of exact.sh: exact_writer N [FD] writes N bytes to FD (1), a terminal in
 * raw mode; exact_writer echo N: the first N bytes of stdin to stdout, one byte before them.
 */
#include "exact_bytes.h"

#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static char block[64 << 10];

static void put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);

        if (w <= 0)
            exit(3);
        p += w;
        n -= (size_t)w;
    }
}

static void make_raw(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t))
        return;
    cfmakeraw(&t);
    tcsetattr(fd, TCSANOW, &t);
}

static int echo(uint64_t n)
{
    ssize_t r;

    make_raw(0);
    put(1, "r", 1);
    while (n > 0 && (r = read(0, block, n < sizeof(block) ? (size_t)n : sizeof(block))) > 0) {
        put(1, block, (size_t)r);
        n -= (uint64_t)r;
    }
    return n ? 4 : 0;
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, state = EXACT_SEED;
    int fd = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1;

    if (argc == 3 && !strcmp(argv[1], "echo"))
        return echo(strtoull(argv[2], NULL, 10));
    make_raw(fd);
    while (n > 0) {
        size_t part = exact_make(block, n < sizeof(block) ? (size_t)n : sizeof(block), &state);

        put(fd, block, part);
        n -= part;
    }
    return 0;
}
