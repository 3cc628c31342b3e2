/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's memory as the next image reads it: a head, then one record an entry, in a
 * sealed memfd. Records say their size, so a build may append fields: what the writer did not
 * know is zero to the reader. Trap: a field whose zero means something else (an fd!) must be
 * saved as its complement or plus one; whatever cannot be read so needs a new STATE_VERSION,
 * and then the probe refuses the upgrade.
 */
#include "keeper.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
#define STATE_MAGIC 0x6b72656265727468ULL
enum { STATE_VERSION = 1, RECORD_MAX = 8192 };

struct saved_head {
    uint64_t magic;
    uint32_t version, head_size, entry_size, n_entries;
    int32_t listener, home, lock, procfs;
    int32_t has_own_oom_score, old_oom_score;
    uint64_t nofile_soft, nofile_hard;
    int64_t idle_since_ns, sweep_at_ns;
    uint32_t had_engine;
    int32_t engine_fd_1; /* plus one: 0 none */
    uint32_t said_hello, is_broken, owes_welcome, owes_end, has_reply;
    uint64_t hello_tag;
    char build[64];
    char reply[512];
    uint32_t owes_land;
    int32_t land_fd_1[LAND_FDS]; /* plus one: 0 none */
    int64_t spooled;
};

struct saved_entry {
    uint32_t state, status, has_failed, owes;
    uint32_t is_listed, n_hops, is_orphan, is_at_exec;
    int32_t pid;
    int32_t pidfd_1, helper_fd_1, status_fd_1; /* plus one: 0 none */
    uint64_t tag, start_ticks;
    int64_t started_wall_ns, exited_wall_ns;
    struct program_failure failure;
    uint32_t n_holds;
    int32_t holds[KEEPER_HOLDS_MAX];
    uint8_t roles[KEEPER_HOLDS_MAX];
    char id[KEEPER_ID_MAX];
    uint32_t stdin_attached;
};

_Static_assert(sizeof(((struct engine_conn *)0)->reply) <= sizeof(((struct saved_head *)0)->reply),
               "every answer fits");

/* ---- saving ---- */

static bool put(int fd, const void *p, size_t n)
{
    ssize_t written;

    do
        written = write(fd, p, n);
    while (written < 0 && errno == EINTR);
    if (written >= 0 && (size_t)written != n)
        errno = ENOSPC;
    return written == (ssize_t)n;
}

static bool put_head(int fd, const struct keeper *k)
{
    const struct engine_conn *l = &k->engine;
    struct saved_head h = {
        .magic = STATE_MAGIC,
        .version = STATE_VERSION,
        .head_size = sizeof(h),
        .entry_size = sizeof(struct saved_entry),
        .n_entries = k->table.n_used,
        .listener = k->listener,
        .home = k->home,
        .lock = k->lock,
        .procfs = k->procfs,
        .has_own_oom_score = k->has_own_oom_score,
        .old_oom_score = k->old_oom_score,
        .nofile_soft = k->old_nofile.soft,
        .nofile_hard = k->old_nofile.hard,
        .idle_since_ns = k->idle_since_ns,
        .sweep_at_ns = k->sweep_at_ns,
        .had_engine = k->had_engine,
        .engine_fd_1 = l->fd + 1,
        .said_hello = l->said_hello,
        .is_broken = l->is_broken,
        .owes_welcome = l->owes_welcome,
        .owes_end = l->owes_end,
        .has_reply = l->has_reply,
        .hello_tag = l->hello_tag,
        .owes_land = l->owes_land,
        .spooled = k->spooled,
    };

    for (int i = 0; k->land.map && i < LAND_FDS; i++)
        h.land_fd_1[i] = k->land.fds[i] + 1;
    memcpy(h.build, k->build, sizeof(h.build));
    memcpy(h.reply, &l->reply, sizeof(l->reply));
    return put(fd, &h, sizeof(h));
}

static bool put_entry(int fd, const struct entry *e)
{
    struct saved_entry s = {
        .state = e->state,
        .status = (uint32_t)e->status,
        .has_failed = e->has_failed,
        .owes = e->owes,
        .is_listed = e->listed.next != NULL,
        .n_hops = e->n_hops,
        .is_orphan = e->is_orphan,
        .is_at_exec = e->is_at_exec,
        .pid = e->pid,
        .pidfd_1 = e->pidfd + 1,
        .helper_fd_1 = e->helper_fd + 1,
        .status_fd_1 = e->status_fd + 1,
        .tag = e->tag,
        .start_ticks = e->start_ticks,
        .started_wall_ns = e->started_wall_ns,
        .exited_wall_ns = e->exited_wall_ns,
        .failure = e->failure,
        .n_holds = e->n_holds,
        .stdin_attached = e->stdin_attached,
    };

    for (uint32_t i = 0; i < e->n_holds; i++)
        s.holds[i] = e->holds[i];
    memcpy(s.roles, e->roles, sizeof(s.roles));
    memcpy(s.id, e->id, sizeof(s.id));
    return put(fd, &s, sizeof(s));
}

static bool put_all(int fd, const struct keeper *k)
{
    bool is_good = put_head(fd, k);

    for (uint32_t i = 0; is_good && i < k->table.n_touched; i++)
        if (k->table.slots[i].is_used)
            is_good = put_entry(fd, &k->table.slots[i]);
    return is_good &&
           !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
}

int state_save(const struct keeper *k)
{
    int fd = memfd_create("berth-keeper-state", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL) /* before 6.3 */
        fd = memfd_create("berth-keeper-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    fd = fd_raise(fd);
    if (fd >= 0 && !put_all(fd, k)) {
        int sys = errno;

        close(fd);
        errno = sys;
        fd = -1;
    }
    return fd;
}

/* ---- the descriptors ---- */

static bool keep_fd(int fd, bool across_exec)
{
    return fd < 0 || !fcntl(fd, F_SETFD, across_exec ? 0 : FD_CLOEXEC);
}

/* Every one is tried, also behind one that failed. */
static bool keep_fds(const int *fds, size_t n, bool across_exec)
{
    bool is_good = true;

    for (size_t i = 0; i < n; i++)
        is_good = keep_fd(fds[i], across_exec) && is_good;
    return is_good;
}

static bool keep_fds_of(const struct entry *e, bool across_exec)
{
    const int own[] = {e->pidfd, e->helper_fd, e->status_fd};
    bool is_good = keep_fds(own, ARRAY_LEN(own), across_exec);

    return keep_fds(e->holds, e->n_holds, across_exec) && is_good;
}

bool state_keep_fds(const struct keeper *k, bool across_exec)
{
    const int own[] = {k->listener, k->home, k->lock, k->procfs, k->engine.fd};
    bool is_good = keep_fds(own, ARRAY_LEN(own), across_exec);

    if (k->land.map)
        is_good = keep_fds(k->land.fds, LAND_FDS, across_exec) && is_good;
    for (uint32_t i = 0; i < k->table.n_touched; i++)
        if (k->table.slots[i].is_used)
            is_good = keep_fds_of(&k->table.slots[i], across_exec) && is_good;
    return is_good;
}

/* ---- restoring ---- */

/* A record of `size` bytes at `at` into one of `room`: what is not there is zero. */
static bool get(int fd, off_t at, size_t size, void *out, size_t room)
{
    size_t n = size < room ? size : room;

    memset(out, 0, room);
    return pread(fd, out, n, at) == (ssize_t)n;
}

static bool get_head(int fd, struct saved_head *h)
{
    struct stat st;
    off_t wanted;

    if (fstat(fd, &st) || !get(fd, 0, offsetof(struct saved_head, listener), h, sizeof(*h)) ||
        h->magic != STATE_MAGIC || h->version != STATE_VERSION || h->head_size > RECORD_MAX ||
        h->entry_size > RECORD_MAX || h->n_entries > ENTRIES_MAX)
        return false;
    wanted = (off_t)h->head_size + (off_t)h->n_entries * h->entry_size;
    return st.st_size == wanted &&
           h->head_size >= offsetof(struct saved_head, reply) + sizeof(h->reply) &&
           get(fd, 0, h->head_size, h, sizeof(*h));
}

static bool get_entry(int fd, const struct saved_head *h, uint32_t i, struct saved_entry *s)
{
    off_t at = (off_t)h->head_size + (off_t)i * h->entry_size;

    return h->entry_size >= offsetof(struct saved_entry, id) + sizeof(s->id) &&
           get(fd, at, h->entry_size, s, sizeof(*s)) && s->state >= KEEPER_STARTING &&
           s->state <= KEEPER_FOREIGN && s->n_holds <= KEEPER_HOLDS_MAX && s->id[0] &&
           memchr(s->id, 0, sizeof(s->id));
}

bool state_is_good(int fd)
{
    struct saved_head h;
    struct saved_entry s;

    if (!get_head(fd, &h))
        return false;
    for (uint32_t i = 0; i < h.n_entries; i++)
        if (!get_entry(fd, &h, i, &s))
            return false;
    return true;
}

static void restore_engine(struct keeper *k, const struct saved_head *h)
{
    struct engine_conn *l = &k->engine;

    *l = (struct engine_conn){
        .fd = h->engine_fd_1 - 1,
        .said_hello = h->said_hello,
        .wants_out = true, /* what is owed goes out in the first turn */
        .is_broken = h->is_broken,
        .owes_welcome = h->owes_welcome,
        .owes_end = h->owes_end,
        .has_reply = h->has_reply,
        .hello_tag = h->hello_tag,
        .owes_land = h->owes_land,
    };
    memcpy(&l->reply, h->reply, sizeof(l->reply));
    if (l->has_reply && l->reply.head.type == KM_UPGRADED)
        l->reply.upgraded.version = KEEPER_VERSION; /* the old image wrote its own */
}

/* The landing memory is mapped anew; without it (an older image had none) there is none. */
static bool restore_landing(struct keeper *k, const struct saved_head *h)
{
    int fds[LAND_FDS];

    k->spooled = h->spooled;
    if (!h->land_fd_1[0])
        return true;
    for (int i = 0; i < LAND_FDS; i++)
        fds[i] = h->land_fd_1[i] - 1;
    return land_open(&k->land, fds) == 0;
}

static void restore_keeper(struct keeper *k, const struct saved_head *h)
{
    k->listener = h->listener;
    k->home = h->home;
    k->lock = h->lock;
    k->procfs = h->procfs;
    k->has_own_oom_score = h->has_own_oom_score;
    k->old_oom_score = h->old_oom_score;
    k->old_nofile.soft = h->nofile_soft;
    k->old_nofile.hard = h->nofile_hard;
    k->idle_since_ns = h->idle_since_ns;
    k->sweep_at_ns = h->sweep_at_ns;
    k->had_engine = h->had_engine;
    memcpy(k->build, h->build, sizeof(k->build));
    restore_engine(k, h);
}

static bool watch_entry(struct keeper *k, const struct entry *e)
{
    bool is_child = e->state == KEEPER_STARTING || e->state == KEEPER_RUNNING;
    bool is_good = true; /* what can be watched is, also behind one that failed */

    if (is_child && e->pidfd >= 0)
        is_good = keeper_watch(k, e->pidfd, EPOLLIN, WATCH_PIDFD, e);
    if (e->helper_fd >= 0)
        is_good = keeper_watch(k, e->helper_fd, EPOLLIN, WATCH_HELPER, e) && is_good;
    if (e->status_fd >= 0)
        is_good = keeper_watch(k, e->status_fd, 0, WATCH_STATUS, e) && is_good;
    return is_good;
}

static void restore_entry(struct keeper *k, const struct saved_entry *s)
{
    struct entry *e = entry_create(&k->table, s->id);

    e->state = (enum keeper_state)s->state;
    e->status = (int)s->status;
    e->has_failed = s->has_failed;
    e->n_hops = (uint8_t)s->n_hops;
    e->is_orphan = s->is_orphan;
    e->is_at_exec = s->is_at_exec;
    entry_set_pid(&k->table, e, s->pid);
    e->pidfd = s->pidfd_1 - 1;
    e->helper_fd = s->helper_fd_1 - 1;
    e->status_fd = s->status_fd_1 - 1;
    e->tag = s->tag;
    e->start_ticks = s->start_ticks;
    e->started_wall_ns = s->started_wall_ns;
    e->exited_wall_ns = s->exited_wall_ns;
    e->failure = s->failure;
    e->n_holds = s->n_holds;
    for (uint32_t i = 0; i < s->n_holds; i++)
        e->holds[i] = s->holds[i];
    memcpy(e->roles, s->roles, sizeof(e->roles));
    e->stdin_attached = s->stdin_attached;
    if (e->n_hops)
        list_append(&k->helpers, &e->helping);
    e->owes = s->owes;
    if (s->owes)
        list_append(&k->owing, &e->owed);
    if (s->is_listed)
        list_append(&k->listing, &e->listed);
    if (!watch_entry(k, e))
        log_error("a process cannot be watched", KV("id", e->id), KV("error", strerror(errno)));
}

bool state_restore(struct keeper *k, int fd)
{
    struct saved_head h;
    struct saved_entry s;

    if (!get_head(fd, &h) || !keeper_open_own_fds(k))
        return false;
    restore_keeper(k, &h);
    if (!drain_init(k) || !restore_landing(k, &h))
        return false;
    for (uint32_t i = 0; i < h.n_entries; i++) {
        if (!get_entry(fd, &h, i, &s))
            return false;
        restore_entry(k, &s);
    }
    state_keep_fds(k, false);
    if (k->engine.fd >= 0 && !keeper_watch(k, k->engine.fd, EPOLLIN | EPOLLOUT, WATCH_ENGINE, NULL))
        return false;
    return keeper_watch(k, k->listener, EPOLLIN, WATCH_LISTENER, NULL) && keeper_watch_signals(k);
}
