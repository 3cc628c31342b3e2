/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a log's files without minding whether they are compressed. Disk workers. */
#include "logview.h"

#include <sys/stat.h>
#include <unistd.h>

#include "readdisk.h"

void logview_open(struct logview *v, int fd)
{
    v->fd = fd;
    v->zip = fd >= 0 ? logzip_open(fd) : NULL;
}

void logview_close(struct logview *v)
{
    if (v->fd >= 0)
        close(v->fd);
    logzip_close(v->zip);
    *v = LOGVIEW_CLOSED;
}

int64_t logview_size(const struct logview *v)
{
    struct stat st;

    ASSERT(v->fd >= 0);
    if (v->zip)
        return logzip_size(v->zip);
    return fstat(v->fd, &st) ? 0 : st.st_size;
}

size_t logview_pread(struct logview *v, char *p, size_t n, int64_t off)
{
    ASSERT(v->fd >= 0 && off >= 0);
    if (v->zip)
        return logzip_pread(v->zip, v->fd, p, n, off);
    return readdisk_pread(v->fd, p, n, off);
}
