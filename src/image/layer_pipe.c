/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipe between libcurl and layer_unpack: the loop writes without blocking, the
 * worker reads blocking. Loop thread. The loop keeps the read end open too until
 * the worker is back, so a write never meets a pipe without a reader (SIGPIPE); a
 * worker that gave up shows as a full pipe and then by its job's end.
 */
#include "layer_pipe.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20 };

struct err *pipe_open(struct layer_make *m)
{
    int fds[2];

    ASSERT(m->read_fd < 0 && m->write_fd < 0);
    TRY(fd_pipe_to_worker(fds));
    fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES); /* refused past a user's limit: then it is 64 KiB */
    m->read_fd = fds[0];
    m->write_fd = fds[1];
    return NULL;
}

/* The worker reads the end of the file behind what is in the pipe. */
void pipe_end(struct layer_make *m)
{
    watch_close(steal_ptr(&m->watch));
    buf_finish(&m->pending);
    if (m->write_fd >= 0)
        close(steal_fd(&m->write_fd));
}

void pipe_close(struct layer_make *m)
{
    pipe_end(m);
    if (m->read_fd >= 0)
        close(steal_fd(&m->read_fd));
}

/* As much as fits; false when the pipe is in a state that no write can help. */
static size_t write_some(struct layer_make *m, const char *p, size_t n)
{
    size_t done = 0;

    ASSERT(m->write_fd >= 0);
    while (done < n) {
        ssize_t r = write(m->write_fd, p + done, n - done);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            break; /* EAGAIN: there is nothing else while we hold the read end */
        done += (size_t)r;
    }
    return done;
}

static void on_writable(void *arg, int events)
{
    struct layer_make *m = arg;

    ASSERT(m->watch && m->pending.len);
    (void)events;
    buf_drop_front(&m->pending, write_some(m, m->pending.data, m->pending.len));
    if (m->pending.len)
        return;
    watch_set(m->watch, 0);
    if (m->has_all_bytes) {
        pipe_end(m);
        return;
    }
    if (m->is_paused && m->fetch) {
        m->is_paused = false;
        fetch_resume(m->fetch);
    }
}

/* What the pipe does not take is kept, once; the next piece is refused (WEB_PAUSE) and comes again,
 * so at most one piece is in memory. */
enum web_verdict pipe_put(struct layer_make *m, const void *p, size_t n)
{
    size_t done;

    if (m->pending.len) {
        m->is_paused = true;
        return WEB_PAUSE;
    }
    done = write_some(m, p, n);
    m->received += (int64_t)n;
    if (done == n)
        return WEB_TAKEN;
    buf_add(&m->pending, (const char *)p + done, n - done);
    if (!m->watch)
        m->watch = watch_open(m->table->loop, m->write_fd, UV_WRITABLE, on_writable, m);
    else
        watch_set(m->watch, UV_WRITABLE);
    return WEB_TAKEN;
}

void pipe_end_when_empty(struct layer_make *m)
{
    if (!m->pending.len)
        pipe_end(m);
}
