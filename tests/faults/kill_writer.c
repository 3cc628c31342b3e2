/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in containers of kill.sh: writes numbered lines at a given rate, every seventh to stderr,
 * until LINES are written or DIR/stop is there; ends with a line that has no newline and leaves in
 * DIR/NAME.result what it wrote, how long its longest write(2) took and by how much the machine
 * overslept it (a slow machine is no blocked writer).
 *   kill_writer DIR NAME RATE LINES LONG_EVERY CODE whole|partial both|out
 */
#include "../lib/line_writer.h"

#define LONG_MIN_BYTES 16384
#define LONG_SPREAD 50000
#define NAP_NS 2000000

static int64_t longest_nap;

static size_t pad_of(unsigned i, unsigned long_every)
{
    if (long_every && i % long_every == long_every - 1)
        return LONG_MIN_BYTES + (size_t)i * 37 % LONG_SPREAD;
    return usual_pad(i);
}

static void nap(void)
{
    int64_t begin = now_ns(), over;

    nanosleep(&(struct timespec){0, NAP_NS}, NULL);
    over = now_ns() - begin - NAP_NS;
    longest_nap = over > longest_nap ? over : longest_nap;
}

static int leave_result(const char *dir, const char *name, const unsigned *n, int code)
{
    char path[512], final[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s.part", dir, name);
    snprintf(final, sizeof(final), "%s/%s.result", dir, name);
    f = fopen(path, "w");
    if (!f)
        return 98;
    fprintf(f, "%u %u %lld %lld\n", n[1], n[2], (long long)(longest_write / 1000),
            (long long)(longest_nap / 1000));
    return fclose(f) != 0 || rename(path, final) != 0 ? 98 : code;
}

int main(int argc, char **argv)
{
    static char line[32 + LONG_MIN_BYTES + LONG_SPREAD];
    char stop[512];
    unsigned n[3] = {0}, rate, lines, long_every;
    int64_t begin = now_ns();

    if (argc < 9)
        return 97;
    rate = (unsigned)strtoul(argv[3], NULL, 10);
    lines = (unsigned)strtoul(argv[4], NULL, 10);
    long_every = (unsigned)strtoul(argv[5], NULL, 10);
    snprintf(stop, sizeof(stop), "%s/stop", argv[1]);
    while (access(stop, F_OK) != 0 && (!lines || n[1] + n[2] < lines)) {
        uint64_t due = (uint64_t)(now_ns() - begin) * rate / 1000000000u;

        due = lines && due > lines ? lines : due;
        while (n[1] + n[2] < due) {
            int fd = argv[8][0] == 'b' && (n[1] + n[2]) % 7 == 6 ? 2 : 1;
            unsigned i = n[fd]++;
            size_t size = make_line(line, fd == 1 ? 'o' : 'e', i, pad_of(i, long_every)),
                   cut = argv[7][0] == 'p' ? size / 3 : 0;

            put(fd, line, cut);
            put(fd, line + cut, size - cut);
        }
        nap();
    }
    put(1, "end", 3);
    return leave_result(argv[1], argv[2], n, (int)strtol(argv[6], NULL, 10));
}
