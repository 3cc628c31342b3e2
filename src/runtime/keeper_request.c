/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes out to the keeper: a queue in order, answered requests kept until their answer comes.
 * Callbacks may call back into these files, so a request leaves its list before its callback
 * runs. Only a request that was sent dies with its keeper; what still waits to be sent goes to
 * the next one. Loop thread.
 */
#include "keeper_conn_inner.h"

#include "base/fd.h"

#include <errno.h>
#include <sys/socket.h>

#define SEND_AGAIN_MS 5 /* ETOOMANYREFS: too many fds in flight, the socket says writable */

struct keeper_request *keeper_request_create(struct keeper_conn *k, enum keeper_msg type,
                                             size_t size)
{
    struct keeper_request *r = mem_new(struct keeper_request);

    ASSERT(size >= sizeof(r->message.head) && size <= sizeof(r->message));
    r->message.head =
        (struct keeper_head){.type = type, .size = (uint32_t)size, .tag = ++k->last_tag};
    return r;
}

void keeper_request_destroy(struct keeper_request *r)
{
    ASSERT(r->n_fds <= MESSAGE_FDS_MAX);
    list_remove(&r->link);
    for (size_t i = 0; i < r->n_fds; i++)
        close(r->fds[i]);
    free(r);
}

/* The callbacks come last: they may make new requests, or close the connection. */
void keeper_request_fail(struct keeper_request *r, struct err *e)
{
    ASSERT(e);
    keeper_spawned_fn spawned = r->spawned;
    void (*closed)(void *) = r->closed;
    void *ctx = r->ctx;

    keeper_request_destroy(r);
    if (spawned)
        spawned(ctx, e, 0, -1);
    else
        err_drop(e);
    if (closed)
        closed(ctx);
}

/* Descriptors in a message are the kernel's from sendmsg(2) on; ours would only keep mounts and
 * namespaces alive. */
static void close_program(struct launch *l)
{
    if (l->program_fd >= 0)
        close(steal_fd(&l->program_fd));
    for (size_t i = 0; i < l->n_fds; i++)
        if (l->fds[i] >= 0)
            close(steal_fd(&l->fds[i]));
    l->n_fds = 0;
}

ssize_t keeper_request_send(struct keeper_conn *k, const struct keeper_request *r)
{
    const struct launch *l = r->launch;
    int fds[1 + PROGRAM_FDS_MAX + KEEPER_HOLDS_MAX];
    size_t n = 0;

    if (r->land)
        return fd_send_msg(k->sock, &r->message, r->message.head.size, r->land, LAND_FDS);
    if (!l)
        return fd_send_msg(k->sock, &r->message, r->message.head.size, r->fds, r->n_fds);
    ASSERT(l->program_fd >= 0 && l->n_fds <= PROGRAM_FDS_MAX && l->n_holds <= KEEPER_HOLDS_MAX);
    fds[n++] = l->program_fd;
    for (size_t i = 0; i < l->n_fds; i++)
        fds[n++] = l->fds[i];
    for (size_t i = 0; i < l->n_holds; i++)
        fds[n++] = l->holds[i];
    return fd_send_msg(k->sock, &r->message, r->message.head.size, fds, n);
}

/* What is answered waits in `sent` for its tag; all else is done. */
static void after_send(struct keeper_conn *k, struct keeper_request *r)
{
    if (r->launch)
        close_program(r->launch);
    r->launch = NULL;
    list_remove(&r->link);
    if (r->is_answered)
        list_append(&k->sent, &r->link);
    else
        keeper_request_destroy(r);
}

static void on_sending_timer(struct timer *t);

/* ETOOMANYREFS: too many descriptors are in flight over Unix sockets (unix(7)); the socket says
 * writable all the same, so a timer looks again. */
void keeper_flush(struct keeper_conn *k)
{
    while (k->state == KEEPER_READY && !list_is_empty(&k->queued)) {
        struct keeper_request *r = list_first(&k->queued, struct keeper_request, link);

        if (keeper_request_send(k, r) >= 0) {
            after_send(k, r);
            continue;
        }
        if (errno == EAGAIN) {
            watch_set(k->watch, UV_READABLE | UV_WRITABLE);
            return;
        }
        if (errno == ETOOMANYREFS) {
            timer_set(k->loop, &k->sending, SEND_AGAIN_MS, on_sending_timer);
            return;
        }
        if (errno == EPIPE || errno == ECONNRESET)
            return; /* the end of file is on its way */
        keeper_request_fail(r, err_sys("send a request to the keeper"));
    }
    if (k->watch)
        watch_set(k->watch, UV_READABLE);
}

static void on_sending_timer(struct timer *t)
{
    keeper_flush(container_of(t, struct keeper_conn, sending));
}

void keeper_request_submit(struct keeper_conn *k, struct keeper_request *r)
{
    bool is_first = list_is_empty(&k->queued);

    ASSERT_LOOP();
    ASSERT(k->magic == KEEPER_CONN_MAGIC);
    if (keeper_patience_refuses(k, r))
        return;
    list_append(&k->queued, &r->link);
    keeper_patience_begin(k);
    if (is_first)
        keeper_flush(k);
}

struct keeper_request *keeper_request_find_sent(struct keeper_conn *k, uint64_t tag)
{
    list_each (r, &k->sent, struct keeper_request, link)
        if (r->message.head.tag == tag)
            return r;
    return NULL;
}

void keeper_queue_landing(struct keeper_conn *k)
{
    struct keeper_request *r = keeper_request_create(k, KM_LAND, sizeof(struct keeper_head));

    ASSERT(k->landing);
    r->land = k->landing;
    k->has_landing = true;
    list_prepend(&k->queued, &r->link); /* before any spawn; the caller flushes */
}

/* Requests about this keeper: those that were sent, and those about what it holds. A spawn that was
 * not sent goes to the next keeper. */
void keeper_fail_bound(struct keeper_conn *k)
{
    struct list failing;

    list_init(&failing);
    list_each (r, &k->sent, struct keeper_request, link) {
        list_remove(&r->link);
        list_append(&failing, &r->link);
    }
    list_each (r, &k->queued, struct keeper_request, link)
        if (!r->spawned) {
            list_remove(&r->link);
            list_append(&failing, &r->link);
        }
    while (!list_is_empty(&failing))
        keeper_request_fail(list_first(&failing, struct keeper_request, link),
                            err_new(ERR_UNAVAILABLE, "the keeper was killed during the start, "
                                                     "which is undone: try again"));
}
