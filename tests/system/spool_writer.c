/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in a container of spool.sh and forward.sh: writes numbered lines at a given rate until
 * DIR/stop is there, ends with a line that has no newline, and leaves in DIR/NAME what it wrote and
 * how long its longest write(2) took.   spool_writer DIR NAME LINES_PER_S KIND [LINES] KIND: whole,
 * out, partial, partial-out, stamped: with the wall time. LINES: no more than that.
 */
#include <string.h>

#include "../lib/line_writer.h"

static size_t make_stamped(char *out, size_t room, char stream, unsigned i)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (size_t)snprintf(out, room, "%c %09u %lld\n", stream, i,
                            (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

int main(int argc, char **argv)
{
    char line[256], path[512];
    unsigned n[3] = {0}, rate = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1000;
    int is_partial = argc > 4 && strstr(argv[4], "partial");
    int is_stamped, only_out = argc > 4 && strstr(argv[4], "out");
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
            char stream = fd == 1 ? 'o' : 'e';
            unsigned i = n[fd]++;
            size_t size = is_stamped ? make_stamped(line, sizeof(line), stream, i)
                                     : make_line(line, stream, i, usual_pad(i)),
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
    fprintf(result, "%u %u %lld\n", n[1], n[2], (long long)(longest_write / 1000));
    fclose(result);
    return 7;
}
