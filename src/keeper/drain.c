/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs while no engine is connected: spliced into EXEC_ROOT/spool/ID, a chunk at a time, so
 * that no container waits for an engine. The next engine merges the file into the log; a chunk's
 * header is there before its bytes, so it can be read whenever this stops. What the last engine
 * had on its way stays in the landing memory: we only hold that. Trap: a full spool (or disk) is
 * no error: the log's mode says whether the container waits or the bytes are dropped and counted.
 */
#include "keeper.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_NS NS_PER_S /* a full disk */

bool drain_init(struct keeper *k)
{
    if (mkdirat(k->home, SPOOL_DIR, 0700) && errno != EEXIST)
        return false;
    k->spools = fd_raise(openat(k->home, SPOOL_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return k->spools >= 0;
}

void drain_take_memory(struct keeper *k, int *fds)
{
    int error;

    if (k->land.map)
        land_close(&k->land);
    for (int i = 0; i < LAND_FDS; i++)
        fds[i] = fd_raise(fds[i]);
    error = land_is_fixed(fds[0]) ? land_open(&k->land, fds) : EPERM;
    if (!error)
        return;
    log_error("the landing memory cannot be kept", KV("error", strerror(error)));
    k->land.map = NULL;
    for (int i = 0; i < LAND_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* ---- the spool of one container ---- */

static struct land_record *record_of(const struct keeper *k, const struct entry *e)
{
    ASSERT(e->spool.record <= LAND_RECORDS);
    return e->spool.record ? land_record(&k->land, e->spool.record - 1) : NULL;
}

/* An exec has no log. A container without a record was killed between its start and its log. */
static enum land_mode mode_of(const struct keeper *k, const struct entry *e)
{
    const struct land_record *r = record_of(k, e);

    if (strchr(e->id, '/') || e->id[0] == '.')
        return LAND_NONE;
    return r ? r->mode : LAND_BLOCK;
}

static bool put(int fd, const void *p, size_t n, off_t at)
{
    ssize_t w = pwrite(fd, p, n, at);

    if (w >= 0 && (size_t)w != n)
        errno = ENOSPC;
    return w == (ssize_t)n;
}

static bool begin_file(int fd)
{
    struct spool_head head = {SPOOL_MAGIC, LAND_VERSION, (uint64_t)clock_boot_ns()};

    return put(fd, &head, sizeof(head), 0);
}

/* The length is written last: SPOOL_OPEN says "up to the end of the file" to whoever reads it after
 * a SIGKILL in between. */
static ssize_t put_chunk(int fd, off_t at, int stream, int pipe)
{
    struct spool_chunk c = {SPOOL_MAGIC, SPOOL_OPEN, clock_wall_ns(), stream, 0};
    ssize_t n;

    if (!put(fd, &c, sizeof(c), at) || lseek(fd, at + (off_t)sizeof(c), SEEK_SET) < 0)
        return -errno;
    n = splice(pipe, NULL, fd, NULL, LAND_WINDOW, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    c.n = (uint32_t)n;
    put(fd, &c, sizeof(c), at); /* in place: it needs no room */
    return n;
}

/* A keeper that was killed in a chunk has left its length open, which holds for the last of a file
 * only. Gives it the length; what is no chunk goes. Returns where the next one begins. */
static off_t close_chunk(int fd, off_t size)
{
    off_t at = sizeof(struct spool_head);
    struct spool_chunk c;

    while (at + (off_t)sizeof(c) < size && pread(fd, &c, sizeof(c), at) == sizeof(c) &&
           c.magic == SPOOL_MAGIC) {
        if (c.n == SPOOL_OPEN) {
            c.n = (uint32_t)(size - at - (off_t)sizeof(c));
            put(fd, &c, sizeof(c), at);
        }
        at += (off_t)sizeof(c) + c.n;
    }
    if (at != size)
        (void)!ftruncate(fd, at);
    return at;
}

/* The spool is opened for each chunk: the keeper has 65,536 entries and no descriptor to spare. */
static ssize_t spool_pipe(struct keeper *k, struct entry *e, int stream, int pipe)
{
    int fd = openat(k->spools, e->id, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;
    ssize_t n = -ENOSPC;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) || (!st.st_size && !begin_file(fd))) {
        n = -errno;
        (void)!ftruncate(fd, 0);
        close(fd);
        return n;
    }
    if (!st.st_size)
        st.st_size = sizeof(struct spool_head);
    else if (!e->spool.is_whole)
        st.st_size = close_chunk(fd, st.st_size);
    e->spool.is_whole = true;
    if (st.st_size + (off_t)(sizeof(struct spool_chunk) + LAND_WINDOW) > (off_t)SPOOL_MAX ||
        k->spooled > (int64_t)SPOOL_TOTAL_MAX)
        n = -EFBIG;
    else
        n = put_chunk(fd, st.st_size, stream, pipe);
    if (n > 0)
        k->spooled += n + (ssize_t)sizeof(struct spool_chunk);
    else if (n != -EFBIG)
        (void)!ftruncate(fd, st.st_size);
    close(fd);
    return n;
}

/* To where nobody reads: a container that has no log must not stop for it. */
static ssize_t discard(int fd)
{
    static char space[LAND_WINDOW];
    ssize_t n = read(fd, space, sizeof(space));

    return n < 0 ? -errno : n;
}

static ssize_t take(struct keeper *k, struct entry *e, int stream, int pipe)
{
    struct land_record *r = record_of(k, e);
    ssize_t n = e->spool.drops ? -EFBIG : spool_pipe(k, e, stream, pipe);

    if (n >= 0 || n == -EAGAIN || mode_of(k, e) != LAND_DROP)
        return n;
    e->spool.drops = true; /* from here on all: the marker stands at the end */
    n = discard(pipe);
    if (n > 0)
        r->lost += (uint64_t)n;
    return n;
}

/* ---- the outputs of one entry ---- */

static int hold_of(const struct entry *e, enum keeper_role role)
{
    for (uint32_t i = 0; i < e->n_holds; i++)
        if (e->roles[i] == role)
            return e->holds[i];
    return -1;
}

/* By way of the relay, which may still hold what found no place. */
static ssize_t take_pty(struct keeper *k, struct entry *e, int pty)
{
    int from = hold_of(e, ROLE_RELAY_READ), to = hold_of(e, ROLE_RELAY_WRITE);
    ssize_t n;

    if (from < 0 || to < 0)
        return discard(pty);
    n = take(k, e, 1, from);
    if (n != -EAGAIN)
        return n;
    n = splice(pty, NULL, to, NULL, LAND_WINDOW, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    return take(k, e, 1, from);
}

static ssize_t take_output(struct keeper *k, struct entry *e, unsigned hold)
{
    int fd = e->holds[hold];

    ASSERT(hold < e->n_holds);
    if (mode_of(k, e) == LAND_NONE)
        return discard(fd);
    if (e->roles[hold] == ROLE_PTY)
        return take_pty(k, e, fd);
    return take(k, e, e->roles[hold] == ROLE_STDERR ? 2 : 1, fd);
}

/* They are non-blocking as the engine makes them; were one not, a read would hold everybody. */
static void watch(struct keeper *k, struct entry *e, unsigned hold)
{
    int flags = fcntl(e->holds[hold], F_GETFL);

    if (flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(e->holds[hold], F_SETFL, flags | O_NONBLOCK);
    if (keeper_watch(k, e->holds[hold], EPOLLIN, WATCH_OUTPUT + hold, e))
        e->spool.watched |= (uint8_t)(1u << hold);
}

static void unwatch(struct keeper *k, struct entry *e, unsigned hold)
{
    keeper_unwatch(k, e->holds[hold]);
    e->spool.watched &= (uint8_t) ~(1u << hold);
}

/* No process has the terminal open: an edge tells when one does again. */
static void watch_edge(struct keeper *k, struct entry *e, unsigned hold)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};

    event.data.u64 =
        (uint64_t)(WATCH_OUTPUT + hold) << 60 | (uint64_t)e->generation << 32 | e->slot;
    epoll_ctl(k->epoll, EPOLL_CTL_MOD, e->holds[hold], &event);
}

/* EFBIG: its spool is full, and only an engine can change that. Anything else (ENOSPC) is tried
 * again after RETRY_NS. */
static void wait_for_room(struct keeper *k, struct entry *e, unsigned hold, int error)
{
    log_debug("an output has to wait", KV("id", e->id), KV("why", strerror(error)));
    unwatch(k, e, hold);
    e->spool.blocked |= (uint8_t)(1u << hold);
    if (error == EFBIG || k->must_retry)
        return;
    k->must_retry = true;
    k->retry_at_ns = clock_boot_ns() + RETRY_NS;
}

void drain_output(struct keeper *k, struct entry *e, unsigned hold)
{
    ssize_t n;

    if (hold >= e->n_holds || !(e->spool.watched & 1u << hold))
        return;
    n = take_output(k, e, hold);
    if (n > 0 || n == -EAGAIN || n == -EINTR)
        return;
    if (n == -EIO && e->roles[hold] == ROLE_PTY)
        watch_edge(k, e, hold);
    else if (!n)
        unwatch(k, e, hold); /* its end: the engine will see it, too */
    else
        wait_for_room(k, e, hold, (int)-n);
}

void drain_retry(struct keeper *k)
{
    k->must_retry = false;
    for (uint32_t i = 0; i < k->table.n_touched; i++) {
        struct entry *e = &k->table.slots[i];
        unsigned blocked = e->is_used ? e->spool.blocked : 0;

        e->spool.blocked = 0;
        for (unsigned hold = 0; hold < e->n_holds; hold++)
            if (blocked & 1u << hold)
                watch(k, e, hold);
    }
}

/* ---- from one engine to the next ---- */

static bool is_output(uint8_t role)
{
    return role == ROLE_STDOUT || role == ROLE_STDERR || role == ROLE_PTY;
}

/* Which record of the landing memory is whose: the log's mode stands there, and what is lost is
 * counted there. */
static void find_records(struct keeper *k)
{
    unsigned n = k->land.map ? land_records_touched(&k->land) : 0;

    for (unsigned i = 0; i < n && i < LAND_RECORDS; i++) {
        const struct land_record *r = land_record(&k->land, i);
        char id[KEEPER_ID_MAX]; /* a copy: who else has the memory may still write there */

        memcpy(id, r->id, sizeof(id));
        if (r->is_used && memchr(id, 0, sizeof(id)))
            for (struct entry *e = entry_next(&k->table, id, NULL); e;
                 e = entry_next(&k->table, id, e))
                e->spool.record = i + 1;
    }
}

/* Sockets that are held have no output. */
void drain_begin(struct keeper *k)
{
    k->is_draining = true;
    k->must_retry = false;
    k->spooled = 0;
    for (uint32_t i = 0; i < k->table.n_touched; i++) {
        struct entry *e = &k->table.slots[i];
        struct stat st;

        if (!e->is_used || e->state == KEEPER_HOLDING)
            continue;
        memset(&e->spool, 0, sizeof(e->spool));
        if (!strchr(e->id, '/') && !fstatat(k->spools, e->id, &st, AT_SYMLINK_NOFOLLOW))
            k->spooled += st.st_size;
        for (unsigned hold = 0; hold < e->n_holds; hold++)
            if (is_output(e->roles[hold]))
                watch(k, e, hold);
    }
    find_records(k);
}

void drain_end(struct keeper *k)
{
    if (!k->is_draining)
        return;
    k->is_draining = k->must_retry = false;
    for (uint32_t i = 0; i < k->table.n_touched; i++) {
        struct entry *e = &k->table.slots[i];

        for (unsigned hold = 0; e->is_used && hold < e->n_holds; hold++)
            if (e->spool.watched & 1u << hold)
                unwatch(k, e, hold);
    }
}
