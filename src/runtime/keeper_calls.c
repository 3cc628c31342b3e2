/* SPDX-License-Identifier: Apache-2.0 */
/* What others ask of the keeper. Loop thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "runtime/keeper_conn.h"

#include "keeper_conn_inner.h"

uint64_t keeper_spawn(struct keeper_conn *k, struct launch *l, keeper_spawned_fn done, void *ctx)
{
    struct keeper_request *r = keeper_request_create(k, KM_SPAWN, sizeof(struct keeper_spawn));
    struct keeper_spawn *m = &r->message.spawn;
    uint64_t number;

    ASSERT(l->program_fd >= 0 && l->id[0] && done);
    m->clone_flags = l->clone_flags;
    m->cgroup_fd = l->cgroup_at;
    m->flags = l->flags;
    m->n_fds = (uint32_t)l->n_fds;
    m->n_holds = (uint32_t)l->n_holds;
    memcpy(m->roles, l->roles, sizeof(m->roles));
    memcpy(m->id, l->id, sizeof(m->id));
    r->launch = l;
    r->is_answered = true;
    r->spawned = done;
    r->ctx = ctx;
    number = m->head.tag;
    keeper_request_submit(k, r);
    return number;
}

static struct keeper_request *ref_request(struct keeper_conn *k, enum keeper_msg type,
                                          const char *id, int pid, enum keeper_role role)
{
    struct keeper_request *r = keeper_request_create(k, type, sizeof(struct keeper_ref));

    ASSERT(strlen(id) < sizeof(r->message.ref.id));
    r->message.ref.pid = pid;
    r->message.ref.role = role;
    snprintf(r->message.ref.id, sizeof(r->message.ref.id), "%s", id);
    return r;
}

/* By its number: whoever cancels does not know whether it was sent. */
static struct keeper_request *find_queued(struct keeper_conn *k, uint64_t number)
{
    list_each (r, &k->queued, struct keeper_request, link)
        if (r->message.head.tag == number)
            return r;
    return NULL;
}

/* A keeper of another build may not know the message; its child goes by its own patience. */
static bool understands_cancel(const struct keeper_conn *k)
{
    return k->state == KEEPER_READY && strcmp(k->their_build, k->build) == 0;
}

void keeper_spawn_cancel(struct keeper_conn *k, uint64_t number)
{
    struct keeper_request *r = find_queued(k, number);
    struct keeper_request *cancel;

    if (r) {
        keeper_request_fail(r, err_new(ERR_CANCELLED, "the start was given up"));
        return;
    }
    r = keeper_request_find_sent(k, number);
    if (!r || !understands_cancel(k))
        return;
    cancel = ref_request(k, KM_CANCEL, r->message.spawn.id, 0, ROLE_NONE);
    cancel->message.head.tag = number;
    keeper_request_submit(k, cancel);
}

void keeper_ack(struct keeper_conn *k, const char *id, int pid)
{
    keeper_request_submit(k, ref_request(k, KM_ACK, id, pid, ROLE_NONE));
}

void keeper_close_hold(struct keeper_conn *k, const char *id, int pid, enum keeper_role role,
                       void (*done)(void *ctx), void *ctx)
{
    struct keeper_request *r = ref_request(k, KM_CLOSE, id, pid, role);

    r->is_answered = true;
    r->closed = done;
    r->ctx = ctx;
    keeper_request_submit(k, r);
}

/* Duplicates of our own are queued, so that the caller may close his at once. */
void keeper_hold(struct keeper_conn *k, const char *key, const int *fds, size_t n,
                 void (*done)(void *ctx), void *ctx)
{
    struct keeper_request *r = ref_request(k, KM_HOLD, key, 0, ROLE_SOCKET);

    ASSERT(n <= KEEPER_HOLDS_MAX);
    r->is_answered = true;
    r->closed = done;
    r->ctx = ctx;
    for (size_t i = 0; i < n; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

        if (fd >= 0)
            r->fds[r->n_fds++] = fd;
    }
    if (r->n_fds) {
        keeper_request_submit(k, r);
        return;
    }
    log_warn("sockets are not handed to the keeper", KV("key", key), KV("error", strerror(errno)));
    keeper_request_destroy(r);
    keeper_close_hold(k, "nothing", 0, ROLE_SOCKET, done, ctx); /* the caller wants an answer */
}

void keeper_note_attached(struct keeper_conn *k, const char *id, int pid)
{
    keeper_request_submit(k, ref_request(k, KM_ATTACHED, id, pid, ROLE_NONE));
}

/* The memory goes to a keeper before any start: a container that it clones may be read by it alone
 * a moment later. */
void keeper_share_landing(struct keeper_conn *k, const int *fds, bool has_it)
{
    k->landing = fds;
    if (has_it)
        return;
    keeper_queue_landing(k);
    keeper_flush(k);
}

void keeper_unhold(struct keeper_conn *k, const char *key)
{
    keeper_request_submit(k, ref_request(k, KM_UNHOLD, key, 0, ROLE_SOCKET));
}

/* What a killed keeper held, for the one that came after it. The process is no child of that one,
 * so it only keeps. */
void keeper_adopt(struct keeper_conn *k, const struct keeper_entry *e, const int *fds)
{
    struct keeper_request *r = keeper_request_create(k, KM_ADOPT, sizeof(struct keeper_entry));
    struct keeper_head head = r->message.head;

    ASSERT(e->n_holds <= KEEPER_HOLDS_MAX);
    r->message.entry = *e;
    r->message.entry.head = head;
    r->message.entry.state = KEEPER_FOREIGN;
    for (size_t i = 0; i < 1 + e->n_holds; i++) {
        int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

        if (fd >= 0)
            r->fds[r->n_fds++] = fd;
    }
    if (r->n_fds == 1 + e->n_holds) {
        keeper_request_submit(k, r);
        return;
    }
    log_warn("a process is not handed to the new keeper", KV("id", e->id),
             KV("error", strerror(errno)));
    keeper_request_destroy(r);
}
