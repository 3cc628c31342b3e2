/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from the keeper: answers matched by tag, entries and exits passed on. Loop thread. */
#include "keeper_conn_inner.h"

#include "base/fd.h"
#include "base/log.h"

#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Without a request it is the answer to an engine before: the container that waits for it
 * settles. */
static void on_spawned(struct keeper_conn *k, const struct keeper_entry *e, int *fds)
{
    struct keeper_request *r = keeper_request_find_sent(k, e->head.tag);
    keeper_spawned_fn spawned = r ? r->spawned : NULL;
    void *ctx = r ? r->ctx : NULL;

    if (!spawned) {
        if (k->hooks->settled)
            k->hooks->settled(k->ctx, e, steal_fd(&fds[0]));
        return;
    }
    keeper_request_destroy(r);
    spawned(ctx, NULL, e->pid, steal_fd(&fds[0]));
}

static void on_failed(struct keeper_conn *k, const struct keeper_failed *f)
{
    struct keeper_request *r = keeper_request_find_sent(k, f->head.tag);

    if (r && r->spawned)
        keeper_request_fail(r, failure_explain(f));
}

static void on_closed(struct keeper_conn *k, const struct keeper_ref *ref)
{
    struct keeper_request *r = keeper_request_find_sent(k, ref->head.tag);
    void (*closed)(void *) = r ? r->closed : NULL;
    void *ctx = r ? r->ctx : NULL;

    if (!r)
        return;
    keeper_request_destroy(r);
    if (closed)
        closed(ctx);
}

/* Its pidfd tells later whether it is dead or has only closed the connection. */
static void on_welcome(struct keeper_conn *k, const struct keeper_welcome *w)
{
    k->pid = (pid_t)w->pid;
    k->version = w->version;
    k->is_strange = w->version != KEEPER_VERSION;
    snprintf(k->their_build, sizeof(k->their_build), "%.*s", (int)sizeof(w->build) - 1, w->build);
    if (k->pidfd >= 0)
        close(k->pidfd);
    k->pidfd = (int)syscall(SYS_pidfd_open, k->pid, 0);
}

/* Entries give their fds to the callee. */
static void on_entry(struct keeper_conn *k, const struct keeper_entry *e, int *fds, size_t *n_fds)
{
    int all[1 + KEEPER_HOLDS_MAX];
    size_t given = 0;

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        all[i] = -1;
    /* a keeper sends no pidfd for sockets */
    for (size_t i = *n_fds > e->n_holds ? 0 : 1; i < ARRAY_LEN(all) && given < *n_fds; i++)
        all[i] = fds[given++];
    *n_fds = 0;
    k->adopt(k->ctx, e, all);
}

/* After a mere loss of the connection we have it already. */
static void on_land(struct keeper_conn *k, int *fds, size_t *n_fds)
{
    k->has_landing = true;
    if (k->landing || *n_fds != LAND_FDS || !k->hooks->land)
        return;
    *n_fds = 0;
    k->hooks->land(k->ctx, fds);
}

/* The end of an upgrade, for better or worse: nothing depends on it but the log. */
static void on_upgraded(struct keeper_conn *k, const struct keeper_upgraded *m)
{
    struct keeper_request *r = keeper_request_find_sent(k, m->head.tag);

    k->is_strange = m->version != KEEPER_VERSION;
    k->version = m->version;
    if (m->sys || m->detail[0]) {
        log_warn("the keeper could not be upgraded and goes on as it is", KV("why", m->detail),
                 KV("error", strerror(m->sys)), KV("build", k->their_build));
        keeper_forget_binary(k); /* nor shall a keeper be started from it */
    } else {
        log_info("the keeper was upgraded in place", KV("from", k->their_build), KV("to", m->build),
                 KV_INT("pid", k->pid));
        snprintf(k->their_build, sizeof(k->their_build), "%.*s", (int)sizeof(m->build) - 1,
                 m->build);
    }
    if (r)
        keeper_request_destroy(r);
}

/* The keeper is of the same build family, but an old one may still run: a message of another size
 * is of another version, and the connection is given up. */
static bool is_whole(const union keeper_message *m, ssize_t n)
{
    static const size_t sizes[] = {
        [KM_LAND] = sizeof(struct keeper_head),
        [KM_WELCOME] = sizeof(struct keeper_welcome),
        [KM_ENTRY] = sizeof(struct keeper_entry),
        [KM_ENTRIES_END] = sizeof(struct keeper_head),
        [KM_SPAWNED] = sizeof(struct keeper_entry),
        [KM_SPAWN_FAILED] = sizeof(struct keeper_failed),
        [KM_EXITED] = sizeof(struct keeper_entry),
        [KM_CLOSED] = sizeof(struct keeper_ref),
        [KM_HELD] = sizeof(struct keeper_ref),
        [KM_UPGRADED] = sizeof(struct keeper_upgraded),
    };

    return n >= (ssize_t)sizeof(m->head) && m->head.size == (size_t)n &&
           m->head.type < ARRAY_LEN(sizes) && sizes[m->head.type] == (size_t)n;
}

static void dispatch(struct keeper_conn *k, union keeper_message *m, int *fds, size_t *n_fds)
{
    switch ((enum keeper_msg)m->head.type) {
    case KM_WELCOME:
        on_welcome(k, &m->welcome);
        break;
    case KM_LAND:
        on_land(k, fds, n_fds);
        break;
    case KM_ENTRY:
        on_entry(k, &m->entry, fds, n_fds);
        break;
    case KM_ENTRIES_END:
        k->state = KEEPER_READY;
        timer_clear(k->loop, &k->timer);
        if (k->landing && !k->has_landing)
            keeper_queue_landing(k);
        break;
    case KM_SPAWNED:
        on_spawned(k, &m->entry, fds);
        break;
    case KM_SPAWN_FAILED:
        on_failed(k, &m->failed);
        break;
    case KM_EXITED:
        k->hooks->exited(k->ctx, &m->entry);
        break;
    case KM_CLOSED:
    case KM_HELD:
        on_closed(k, &m->ref);
        break;
    case KM_UPGRADED:
        on_upgraded(k, &m->upgraded);
        break;
    default:
        break;
    }
}

/* What never changes from version to version. */
static bool is_known_to_all(const union keeper_message *m)
{
    return m->head.type == KM_WELCOME || m->head.type == KM_ENTRIES_END ||
           m->head.type == KM_UPGRADED;
}

bool keeper_receive_one(struct keeper_conn *k, bool *is_lost)
{
    ASSERT(k->sock >= 0);
    keeper_conn_check(k);
    union keeper_message m;
    int fds[MESSAGE_FDS_MAX];
    size_t n_fds = ARRAY_LEN(fds);
    ssize_t n = fd_recv_msg(k->sock, &m, sizeof(m), fds, &n_fds);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n > 0)
        keeper_patience_heard(k);
    if (n > 0 && k->is_strange && !is_known_to_all(&m))
        m.head.type = 0; /* dropped below */
    else if (n <= 0 || !is_whole(&m, n)) {
        for (size_t i = 0; n > 0 && i < n_fds; i++)
            close(fds[i]);
        *is_lost = true;
        return false;
    }
    dispatch(k, &m, fds, &n_fds);
    for (size_t i = 0; i < n_fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return true;
}
