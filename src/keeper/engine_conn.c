/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one connection to an engine. What is to be sent is not queued but owed: each entry says
 * which messages it owes and they are made when the socket takes them, so nothing can grow.
 * Trap: answers that belong to no entry have a single place; until it is empty nothing is read.
 */
#include "keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MESSAGES_PER_TURN = 64, FDS_MAX = 253 /* SCM_MAX_FD */ };

/* While an answer waits for room nothing is read: there is one place for answers, so the engine is
 * slowed down by its own socket. */
static void watch_engine(struct keeper *k)
{
    struct engine_conn *l = &k->engine;
    struct epoll_event event = {.data.u64 = (uint64_t)WATCH_ENGINE << 60};

    if (l->fd < 0)
        return;
    event.events = l->has_reply ? EPOLLOUT : EPOLLIN | (l->wants_out ? EPOLLOUT : 0u);
    epoll_ctl(k->epoll, EPOLL_CTL_MOD, l->fd, &event);
}

void engine_conn_owe(struct keeper *k, struct entry *e, enum owes what)
{
    if (!k->engine.said_hello)
        return; /* the next engine learns it from the entry's state */
    e->owes |= what;
    if (!e->owed.next)
        list_append(&k->owing, &e->owed);
}

/* From this moment the outputs are the keeper's to read: the end of file of the connection is the
 * hand-over. */
void engine_conn_drop(struct keeper *k, const char *why)
{
    if (k->engine.fd < 0)
        return;
    log_info("engine disconnected", KV("why", why));
    upgrade_forget(k);
    keeper_unwatch(k, k->engine.fd);
    close(k->engine.fd);
    k->engine = (struct engine_conn){.fd = -1};
    k->idle_since_ns = clock_boot_ns();
    for (uint32_t i = 0; i < k->table.n_touched; i++) {
        struct entry *e = &k->table.slots[i];

        if (!e->is_used)
            continue;
        list_remove(&e->listed);
        list_remove(&e->owed);
        e->owes = 0;
        e->is_orphan = true;
        if (e->state == KEEPER_EXITED && !e->pid) /* a clone that failed: nothing to know */
            entry_destroy(&k->table, e);
    }
    drain_begin(k);
}

/* The socket is in a directory of root's, but a descriptor of it may have been passed on:
 * SO_PEERCRED says who connected (unix(7)). */
static bool is_peer_trusted(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
        return false;
    return peer.uid == 0 || peer.uid == geteuid();
}

static bool is_hung_up(int fd)
{
    struct pollfd p = {.fd = fd};

    return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

/* The last words of a dead engine count: what it let go of must not stay for ever. */
static void hear_out(struct keeper *k)
{
    k->engine.is_broken = true;
    while (k->engine.fd >= 0) {
        k->engine.has_reply = false;
        upgrade_forget(k);
        engine_conn_receive(k);
    }
}

void engine_conn_accept(struct keeper *k)
{
    int fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    /* A new engine may be here before the dead one's end of file was seen. */
    if (k->engine.fd >= 0 && is_hung_up(k->engine.fd))
        hear_out(k);
    if (k->engine.fd >= 0 || !is_peer_trusted(fd)) {
        log_warn("connection refused", KV("why", k->engine.fd >= 0 ? "has an engine" : "peer"));
        close(fd);
        return;
    }
    fd = fd_raise(fd);
    if (fd < 0)
        return;
    k->engine = (struct engine_conn){.fd = fd};
    k->had_engine = true;
    if (!keeper_watch(k, fd, EPOLLIN, WATCH_ENGINE, NULL))
        engine_conn_drop(k, "cannot be watched");
}

/* Sending */

/* Written out and not base's fd_send_msg: that file needs more than libc. */
static bool send_message(struct keeper *k, const void *p, size_t size, const int *fds, size_t n)
{
    ASSERT(n <= LAND_FDS);
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(LAND_FDS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = (void *)(uintptr_t)p, .iov_len = size};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

    if (k->engine.fd < 0 || k->engine.is_broken)
        return false;
    if (n) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof(control));
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(n * sizeof(int));
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    if (sendmsg(k->engine.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return true;
    if (errno == EAGAIN || errno == EINTR)
        k->engine.wants_out = true;
    else
        k->engine.is_broken = true; /* its end of file comes after its last message */
    return false;
}

static bool send_entry(struct keeper *k, const struct entry *e, enum keeper_msg type)
{
    struct keeper_entry m = {
        .head = {.type = type, .size = sizeof(m)},
        .pid = e->pid,
        .state = e->state,
        .status = e->status,
        .has_failed = e->has_failed,
        .started_wall_ns = e->started_wall_ns,
        .exited_wall_ns = e->exited_wall_ns,
        .start_ticks = e->start_ticks,
        .n_holds = e->n_holds,
        .stdin_attached = e->stdin_attached,
    };
    int fds[1 + KEEPER_HOLDS_MAX];
    size_t n = 0;

    ASSERT(e->n_holds <= KEEPER_HOLDS_MAX);
    if (type == KM_SPAWNED && !e->is_orphan)
        m.head.tag = e->tag;
    if (type == KM_ENTRY)
        m.head.tag = k->engine.hello_tag;
    memcpy(m.roles, e->roles, sizeof(m.roles));
    memcpy(m.id, e->id, sizeof(m.id));
    if (type != KM_EXITED && e->pidfd >= 0)
        fds[n++] = e->pidfd;
    if (type == KM_ENTRY)
        for (uint32_t i = 0; i < e->n_holds; i++)
            fds[n++] = e->holds[i];
    return send_message(k, &m, sizeof(m), fds, n);
}

static bool send_failed(struct keeper *k, const struct entry *e)
{
    struct keeper_failed m = {
        .head = {.type = KM_SPAWN_FAILED, .size = sizeof(m), .tag = e->tag},
        .at = e->failure.at,
        .code = e->failure.code,
        .sys = e->failure.sys,
        .why = e->failure.why,
    };

    memcpy(m.detail, e->failure.detail, sizeof(m.detail));
    memcpy(m.id, e->id, sizeof(m.id));
    return send_message(k, &m, sizeof(m), NULL, 0);
}

static bool send_welcome(struct keeper *k)
{
    struct keeper_welcome m = {
        .head = {.type = KM_WELCOME, .size = sizeof(m), .tag = k->engine.hello_tag},
        .version = KEEPER_VERSION,
        .pid = (uint32_t)getpid(),
        .n_entries = k->table.n_used,
    };

    memcpy(m.build, k->build, sizeof(m.build));
    return send_message(k, &m, sizeof(m), NULL, 0);
}

static bool send_end(struct keeper *k)
{
    struct keeper_head m = {.type = KM_ENTRIES_END, .size = sizeof(m), .tag = k->engine.hello_tag};

    return send_message(k, &m, sizeof(m), NULL, 0);
}

static bool send_land(struct keeper *k)
{
    struct keeper_head m = {.type = KM_LAND, .size = sizeof(m), .tag = k->engine.hello_tag};

    return !k->land.map || send_message(k, &m, sizeof(m), k->land.fds, LAND_FDS);
}

/* Welcome, landing memory, entries, end, in this order: an engine that adopts an entry must have
 * the memory its output landed in. */
static bool flush_listing(struct keeper *k)
{
    struct entry *e;

    if (k->engine.owes_welcome && !send_welcome(k))
        return false;
    k->engine.owes_welcome = false;
    if (k->engine.owes_land && !send_land(k))
        return false;
    k->engine.owes_land = false;
    while ((e = list_first(&k->listing, struct entry, listed))) {
        if (!send_entry(k, e, KM_ENTRY))
            return false;
        list_remove(&e->listed);
    }
    if (k->engine.owes_end && !send_end(k))
        return false;
    k->engine.owes_end = false;
    return true;
}

/* Each word of an entry is made when it can be sent, from what the entry is then: nothing waits in
 * memory. */
static bool flush_entry(struct keeper *k, struct entry *e)
{
    if (e->owes & OWES_SPAWNED) {
        if (!send_entry(k, e, KM_SPAWNED))
            return false;
        e->owes &= ~(uint32_t)OWES_SPAWNED;
    }
    if (e->owes & OWES_FAILED) {
        if (!send_failed(k, e))
            return false;
        entry_destroy(&k->table, e);
        return true;
    }
    if (e->owes & OWES_EXITED && !send_entry(k, e, KM_EXITED))
        return false;
    e->owes = 0;
    list_remove(&e->owed);
    return true;
}

void engine_conn_flush(struct keeper *k)
{
    struct engine_conn *l = &k->engine;
    bool had_wish = l->wants_out || l->has_reply;
    struct entry *e;

    if (l->fd < 0 || !l->said_hello)
        return;
    l->wants_out = false;
    if (flush_listing(k)) {
        if (l->has_reply && send_message(k, &l->reply, l->reply.head.size, NULL, 0))
            l->has_reply = false;
        while (!l->wants_out && (e = list_first(&k->owing, struct entry, owed)))
            if (!flush_entry(k, e))
                break;
    }
    if (l->is_broken)
        l->has_reply = false;
    if (had_wish || l->wants_out || l->has_reply)
        watch_engine(k);
}

/* Receiving */

static void on_hello(struct keeper *k, const struct keeper_hello *m)
{
    struct engine_conn *l = &k->engine;

    log_info("engine connected", KV_INT("pid", m->pid), KV_INT("entries", k->table.n_used));
    drain_end(k);
    l->said_hello = l->owes_welcome = l->owes_land = l->owes_end = true;
    l->hello_tag = m->head.tag;
    for (uint32_t i = 0; i < k->table.n_touched; i++) {
        struct entry *e = &k->table.slots[i];

        if (!e->is_used)
            continue;
        if (!e->listed.next)
            list_append(&k->listing, &e->listed);
        if (e->state == KEEPER_EXITED && !(e->owes & OWES_FAILED))
            engine_conn_owe(k, e, OWES_EXITED);
    }
}

/* The exit is on the engine's disk. A foreign one is let go of in the same way. */
static void on_ack(struct keeper *k, const struct keeper_ref *m)
{
    struct entry *e = m->pid ? entry_find(&k->table, m->id, m->pid) : NULL;

    if (e && (e->state == KEEPER_EXITED || e->state == KEEPER_FOREIGN))
        entry_destroy(&k->table, e);
    else
        log_debug("acknowledged what has not exited", KV("id", m->id), KV_INT("pid", m->pid));
}

static void reply_ref(struct keeper *k, const struct keeper_ref *m, enum keeper_msg type)
{
    k->engine.reply.ref = *m;
    k->engine.reply.head.type = type;
    k->engine.has_reply = true;
    engine_conn_flush(k);
}

/* Answered even when there is nothing to close: the engine waits for it. */
static void on_close(struct keeper *k, const struct keeper_ref *m)
{
    struct entry *e = entry_find(&k->table, m->id, m->pid);

    if (e)
        entry_close_role(e, m->role);
    reply_ref(k, m, KM_CLOSED);
}

static void drop_holding(struct keeper *k, const char *id)
{
    struct entry *e = entry_find(&k->table, id, 0);

    if (e && e->state == KEEPER_HOLDING)
        entry_destroy(&k->table, e);
}

static bool hold(struct keeper *k, const struct keeper_ref *m, const int *fds, size_t n)
{
    struct entry *e = entry_create(&k->table, m->id);

    if (!e)
        return false;
    e->state = KEEPER_HOLDING;
    for (size_t i = 0; i < n; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, FD_HIGH);

        if (fd < 0) {
            entry_destroy(&k->table, e);
            return false;
        }
        ASSERT(e->n_holds < KEEPER_HOLDS_MAX); /* message_check bounds n */
        e->holds[e->n_holds] = fd;
        e->roles[e->n_holds++] = m->role ? (uint8_t)m->role : ROLE_SOCKET;
    }
    return true;
}

/* Without room the next engine will have to open them again; this one loses nothing by it, least of
 * all the connection. */
static void on_hold(struct keeper *k, const struct keeper_ref *m, const int *fds, size_t n,
                    bool has_all_fds)
{
    drop_holding(k, m->id);
    if (!has_all_fds || !hold(k, m, fds, n))
        log_warn("no room for held descriptors", KV("id", m->id));
    reply_ref(k, m, KM_HELD);
}

static void on_attached(struct keeper *k, const struct keeper_ref *m)
{
    struct entry *e = entry_find(&k->table, m->id, m->pid);

    if (e)
        e->stdin_attached = true;
}

/* One whose payload runs already is the engine's to kill: it is told of it. */
static void on_cancel(struct keeper *k, const struct keeper_ref *m)
{
    for (struct entry *e = NULL; (e = entry_next(&k->table, m->id, e));)
        if (e->state == KEEPER_STARTING && e->tag == m->head.tag && !e->is_orphan)
            syscall(SYS_pidfd_send_signal, e->pidfd, SIGKILL, NULL, 0);
}

static void close_fds(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
}

/* Takes the fds. */
static void on_message(struct keeper *k, const struct keeper_head *m, int *fds, size_t n,
                       bool has_all_fds)
{
    const void *any = m;

    if (m->type == KM_SPAWN && has_all_fds) {
        spawn_entry(k, any, fds, n);
        return;
    }
    if (m->type == KM_LAND) {
        drain_take_memory(k, fds);
        return;
    }
    if (m->type == KM_ADOPT) {
        adopt_entry(k, any, fds, n);
        return;
    }
    if (m->type == KM_UPGRADE) {
        upgrade_ask(k, any, fds[0]);
        return;
    }
    if (m->type == KM_SPAWN)
        spawn_refuse(k, any, EMFILE, "the keeper has no descriptors left");
    else if (m->type == KM_HELLO)
        on_hello(k, any);
    else if (m->type == KM_ACK)
        on_ack(k, any);
    else if (m->type == KM_CLOSE)
        on_close(k, any);
    else if (m->type == KM_ATTACHED)
        on_attached(k, any);
    else if (m->type == KM_CANCEL)
        on_cancel(k, any);
    else if (m->type == KM_HOLD)
        on_hold(k, any, fds, n, has_all_fds);
    else if (m->type == KM_UNHOLD)
        drop_holding(k, ((const struct keeper_ref *)any)->id);
    close_fds(fds, n);
}

/* The kernel has installed them in our table already: those that are not wanted must be closed
 * (cmsg(3)). */
static size_t take_fds(struct msghdr *m, int *out)
{
    size_t n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || n + here > FDS_MAX)
            continue;
        memcpy(out + n, CMSG_DATA(c), here * sizeof(int));
        n += here;
    }
    return n;
}

/* False: nothing more to read, or nobody to read from. */
static bool receive_one(struct keeper *k)
{
    union {
        struct keeper_head head;
        char bytes[KEEPER_MSG_MAX];
    } message;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = message.bytes, .iov_len = sizeof(message.bytes)};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    ssize_t size = recvmsg(k->engine.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    bool has_all_fds = !(m.msg_flags & MSG_CTRUNC);
    int fds[FDS_MAX];
    size_t n;
    const char *wrong;

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size < 0 && errno == ECONNRESET) /* it died with messages unread; its own follow */
        return true;
    if (size <= 0) {
        engine_conn_drop(k, size ? strerror(errno) : "end of file");
        return false;
    }
    n = take_fds(&m, fds);
    wrong = m.msg_flags & MSG_TRUNC ? "too long"
                                    : message_check(message.bytes, (size_t)size, n, has_all_fds);
    if (!wrong && message.head.type != KM_HELLO && !k->engine.said_hello)
        wrong = "no hello";
    if (wrong) {
        log_error("malformed message", KV("why", wrong), KV_INT("type", message.head.type));
        close_fds(fds, n);
        engine_conn_drop(k, "malformed message");
        return false;
    }
    on_message(k, &message.head, fds, n, has_all_fds);
    return true;
}

void engine_conn_receive(struct keeper *k)
{
    for (int i = 0;
         i < MESSAGES_PER_TURN && k->engine.fd >= 0 && !k->engine.has_reply && k->upgrade_fd < 0;
         i++)
        if (!receive_one(k))
            return;
}
