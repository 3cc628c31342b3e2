/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See core/journal.h. The loop gathers lines for JOURNAL_DELAY_MS and gives them to a worker, one
 * batch at a time: while it writes, lines gather again. A batch is written whole or not at all: the
 * file is cut back to what it was.
 */
#include "core/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/loop.h"

#define JOURNAL_DELAY_MS 5
#define RETRY_MS 1000 /* after a failure */
#define FILES_MAX 1000

struct journal {
    struct loop *loop;
    struct pools *pools;
    struct journal_settings s;
    struct buf pending;
    uint64_t n_pending;  /* lines */
    uint64_t gap;        /* lost before them and not told yet */
    uint64_t gap_behind; /* lost behind them: until they are given to a worker, more is */
    uint64_t lost;       /* in all */
    struct timer timer;
    bool is_failing; /* said in the log */

    /* the worker's, while is_busy */
    bool is_busy;
    struct job job;
    struct buf batch;
    uint64_t n_batch, gap_batch; /* lines; the gaps that it tells of */
    int error;
    int fd;
};

/* ---- on a worker ---- */

static int open_file(const struct journal *j)
{
    return open(j->s.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

static void name_of(const struct journal *j, int n, char out[PATH_MAX])
{
    if (n == 0)
        snprintf(out, PATH_MAX, "%s", j->s.path);
    else
        snprintf(out, PATH_MAX, "%s.%d", j->s.path, n);
}

/* The oldest goes by being replaced. */
static void rotate(struct journal *j)
{
    char from[PATH_MAX], to[PATH_MAX];

    for (int n = j->s.max_files - 1; n > 0; n--) {
        name_of(j, n - 1, from);
        name_of(j, n, to);
        (void)!rename(from, to);
    }
    if (j->s.max_files == 1)
        (void)!unlink(j->s.path);
    close(j->fd);
    j->fd = open_file(j);
}

/* Somebody may have moved the file away (logrotate) or removed it. `ours` is of the open file. */
static bool is_at_its_path(const struct journal *j, struct stat *ours)
{
    struct stat there;

    return j->fd >= 0 && fstat(j->fd, ours) == 0 && stat(j->s.path, &there) == 0 &&
           ours->st_ino == there.st_ino && ours->st_dev == there.st_dev;
}

/* With a new file. False: there is none, errno says why. */
static bool open_again(struct journal *j, struct stat *st)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = open_file(j);
    return j->fd >= 0 && fstat(j->fd, st) == 0;
}

static int write_batch(struct journal *j)
{
    struct stat st;
    struct err *err;
    int error;

    if (!is_at_its_path(j, &st) && !open_again(j, &st))
        return errno ? errno : EIO;
    if (st.st_size > 0 && st.st_size + (int64_t)j->batch.len > j->s.max_bytes) {
        rotate(j);
        if (j->fd < 0 || fstat(j->fd, &st) < 0) /* the old one where it could not be renamed */
            return errno ? errno : EIO;
    }
    err = fd_write_all(j->fd, j->batch.data, j->batch.len);
    if (!err)
        return 0;
    error = err_errno(err) ? err_errno(err) : EIO;
    err_drop(err);
    (void)!ftruncate(j->fd, st.st_size);
    return error;
}

static void run_batch(struct job *job)
{
    struct journal *j = container_of(job, struct journal, job);

    j->error = write_batch(j);
}

/* ---- on the loop ---- */

static void on_timer(struct timer *t);

static bool is_due(const struct journal *j)
{
    return j->n_pending || j->gap || j->gap_behind;
}

static void put_gap(struct journal *j, uint64_t n)
{
    if (!n)
        return;
    j->s.tell_gap(j->s.ctx, &j->batch, n);
    buf_putc(&j->batch, '\n');
    j->gap_batch += n;
}

static void settle_batch(struct journal *j)
{
    j->is_busy = false;
    if (j->error) {
        j->lost += j->n_batch;
        j->gap += j->n_batch + j->gap_batch;
        if (!j->is_failing)
            log_error("a journal cannot be written: what is lost is counted", KV("file", j->s.path),
                      KV("error", strerror(j->error)));
    } else if (j->is_failing) {
        log_info("a journal is written again", KV("file", j->s.path),
                 KV_INT("lost", (int64_t)j->lost));
    }
    j->is_failing = j->error != 0;
    buf_finish(&j->batch);
}

static void on_batch(struct job *job)
{
    struct journal *j = container_of(job, struct journal, job);

    settle_batch(j);
    if (is_due(j))
        timer_set(j->loop, &j->timer, j->is_failing ? RETRY_MS : JOURNAL_DELAY_MS, on_timer);
}

static void take_batch(struct journal *j)
{
    j->batch = (struct buf){0};
    j->n_batch = j->n_pending;
    j->gap_batch = 0;
    put_gap(j, j->gap);
    buf_add(&j->batch, j->pending.data, j->pending.len);
    buf_finish(&j->pending);
    put_gap(j, j->gap_behind);
    j->n_pending = j->gap = j->gap_behind = 0;
    j->error = 0;
}

static void on_timer(struct timer *t)
{
    struct journal *j = container_of(t, struct journal, timer);

    ASSERT(!j->is_busy);
    take_batch(j);
    j->is_busy = true;
    j->job.run = run_batch;
    j->job.done = on_batch;
    pool_submit(j->pools, POOL_DISK, &j->job);
}

void journal_add(struct journal *j, const char *line, size_t n)
{
    ASSERT_LOOP();
    if (j->gap_behind || j->pending.len + n + 1 > j->s.pending_max) {
        j->gap_behind++;
        j->lost++;
    } else {
        buf_add(&j->pending, line, n);
        buf_putc(&j->pending, '\n');
        j->n_pending++;
    }
    if (!j->is_busy && !j->timer.due_ns)
        timer_set(j->loop, &j->timer, j->is_failing ? RETRY_MS : JOURNAL_DELAY_MS, on_timer);
}

bool journal_is_busy(const struct journal *j)
{
    return j && j->is_busy;
}

uint64_t journal_lost(const struct journal *j)
{
    return j->lost;
}

/* ---- the ends ---- */

/* A process that died within a write has left the beginning of a line. */
static struct err *end_torn_line(struct journal *j)
{
    autoclose int fd = open(j->s.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    char last;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys("open %s", j->s.path);
    if (!S_ISREG(st.st_mode))
        return err_new(ERR_INVALID, "%s is no regular file", j->s.path);
    if (st.st_size == 0 || pread(fd, &last, 1, st.st_size - 1) != 1 || last == '\n')
        return NULL;
    return fd_write_all(j->fd, "\n", 1);
}

struct err *journal_open(struct loop *l, struct pools *p, const struct journal_settings *s,
                         struct journal **out)
{
    struct journal *j = mem_new(struct journal);
    struct err *err = NULL;

    ASSERT(s->max_files >= 1 && s->max_files <= FILES_MAX && s->tell_gap);
    j->loop = l;
    j->pools = p;
    j->s = *s;
    j->s.path = mem_strdup(s->path);
    j->fd = open_file(j);
    if (j->fd < 0)
        err = err_sys("open %s", s->path);
    if (!err)
        err = end_torn_line(j);
    if (err) {
        journal_close(j);
        return err;
    }
    *out = j;
    return NULL;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    ASSERT(!j->is_busy);
    timer_clear(j->loop, &j->timer);
    if (is_due(j)) {
        take_batch(j);
        j->error = write_batch(j);
        settle_batch(j);
    }
    if (j->fd >= 0)
        close(j->fd);
    buf_finish(&j->pending);
    free((char *)j->s.path);
    free(j);
}
