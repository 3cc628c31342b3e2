/* SPDX-License-Identifier: Apache-2.0 */
#include "interfaces.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "core/loop.h"

#define TEXT_MAX (1 << 20)

/* "  eth0: bytes packets errs drop fifo frame compressed multicast bytes …", behind two lines of
 * titles (proc(5)). */
static bool read_line(char *line, struct interface_counts *out)
{
    char *colon = strchr(line, ':');
    long long v[ARRAY_LEN(out->values)];

    if (!colon)
        return false;
    *colon = '\0';
    out->name = text_trim(line);
    if (!strcmp(out->name, "lo") ||
        sscanf(colon + 1, "%lld %lld %lld %lld %*d %*d %*d %*d %lld %lld %lld %lld", &v[0], &v[1],
               &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        out->values[i] = v[i];
    return true;
}

void interfaces_read(struct arena *a, int pid, int pidfd, struct interface_counts **out,
                     size_t *out_n)
{
    char *text = NULL;
    size_t n;
    struct err *err =
        file_read(a, AT_FDCWD, arena_printf(a, "/proc/%d/net/dev", pid), TEXT_MAX, &text, &n);
    struct strs lines = {0};

    ASSERT_WORKER();
    if (!err && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0)
        lines = text_split(a, text, '\n');
    err_drop(err);
    *out = arena_array(a, lines.n + 1, sizeof(**out));
    *out_n = 0;
    for (size_t i = 0; i < lines.n; i++)
        *out_n += read_line(lines.v[i], &(*out)[*out_n]);
}
