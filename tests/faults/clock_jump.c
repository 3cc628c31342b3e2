/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into an engine: its wall clock is set by as many seconds as the file CLOCK_JUMP holds
 * (a long of eight bytes), at any moment. Other clocks are the kernel's. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *jump;

__attribute__((constructor)) static void map_jump(void)
{
    const char *path = getenv("CLOCK_JUMP");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*jump), PROT_READ, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED)
        jump = p;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    int r = (int)syscall(SYS_clock_gettime, clock, ts);

    if (r == 0 && clock == CLOCK_REALTIME && jump)
        ts->tv_sec += *jump;
    return r;
}
